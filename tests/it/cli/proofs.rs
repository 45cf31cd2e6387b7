//! `prove`: what a role may do with a key, and the whole story of a grant.

use std::process::Stdio;
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use strongroom::actions;

use super::keys;
use crate::place::{Done, Place, files, finish};
use crate::proxy::{Proxy, Trouble};

#[test]
fn prove_says_operation_by_operation_what_the_role_may_do() {
    let place = Place::new();
    let key_arn = place.key("training");
    let role_arn = place.role("trainer", "sagemaker-cli");
    let ask = ["prove", "--key", "alias/training", "--role", "trainer", "--json"];
    let before = place.run(&ask).ok().json().remove(0);
    assert_eq!(keys(&before), ["kms_key_id", "method", "operations", "role_arn"]);
    assert_eq!(
        (&before["kms_key_id"], &before["role_arn"]),
        (&json!(key_arn), &json!(role_arn))
    );
    assert_eq!(before["method"], "assumed");
    assert!(allowed(&before).is_empty(), "{before}");
    for step in before["operations"].as_array().unwrap() {
        assert_eq!(keys(step), ["allowed", "operation", "reason", "request_id"]);
        assert!(step["reason"].is_string() && step["request_id"].is_string(), "{step}");
    }
    place.grant(&key_arn, &role_arn);
    let after = place.run(&ask).ok().json().remove(0);
    assert_eq!(allowed(&after), ["Decrypt", "Encrypt"]);
    let text = place.run(&["prove", "--key", &key_arn, "--role", &role_arn]).ok().out;
    assert!(
        text.contains("allowed  Decrypt") && text.contains("denied   GenerateDataKey"),
        "{text}"
    );
}

#[test]
fn a_role_that_may_not_be_assumed_is_reasoned_about() {
    let place = Place::new();
    let key_arn = place.key("training");
    let role_arn = place.role("trainer", "sagemaker-cli");
    place.wait(actions::trust_caller(&place.aws, "trainer", false)).unwrap();
    place.grant(&key_arn, &role_arn);
    let proof = place
        .run(&["prove", "--key", "alias/training", "--role", "trainer", "--json"])
        .ok()
        .json()
        .remove(0);
    assert_eq!(proof["method"], "reasoned");
    assert_eq!(allowed(&proof), ["Decrypt", "Encrypt"]);
    for step in proof["operations"].as_array().unwrap() {
        assert_eq!(step["request_id"], Value::Null);
        assert!(step["reason"].as_str().unwrap().starts_with("reasoned: "), "{step}");
    }
    place
        .run(&["prove", "--key", "alias/training", "--role", "trainer", "--story"])
        .failed(1, &["assume role", &role_arn, "trust policy"]);
}

#[test]
fn the_story_is_told_with_a_delayed_grant_and_leaves_everything_as_it_was() {
    let place = Place::with(|options| options.grant_delay = std::time::Duration::from_secs(3));
    let key_arn = place.key("training");
    place.role("trainer", "sagemaker-cli");
    let done = place.run(&[
        "prove",
        "--key",
        "alias/training",
        "--role",
        "trainer",
        "--story",
        "--json",
    ]);
    let story = done.ok().lines().remove(0);
    assert_eq!(
        keys(&story),
        ["kms_key_id", "method", "operations", "role_arn", "steps"]
    );
    let steps = story["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(names, ["before", "grant", "granted", "granted", "revoke", "revoked"]);
    assert!(steps.iter().all(|step| step["held"] == true), "{story:#}");
    for (step, expected) in [
        (0, &[][..]),
        (2, &["Decrypt", "Encrypt"]),
        (3, &["Decrypt", "Encrypt"]),
        (5, &[]),
    ] {
        assert_eq!(allowed(&steps[step]), expected, "{}", steps[step]);
    }
    for change in [1, 4] {
        assert!(steps[change]["request_id"].is_string(), "{}", steps[change]);
    }
    // With its token at once, without it only when the delay is over.
    let at = |step: usize| {
        steps[step]["time"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    assert!(at(3).duration_since(at(0)).as_millis() >= 3000, "{story:#}");
    assert!(steps[3]["waited_ms"].is_u64(), "{}", steps[3]);
    assert!(allowed(&story).is_empty());

    let grants = place.wait(actions::grants_of(
        &place.aws,
        &[key_arn],
        &actions::ProgressSink::none(),
    ));
    assert!(format!("{grants:?}").contains("grants: []"), "{grants:?}");
    let mut evidence: Vec<_> = files(&place.path(".local/state/strongroom/evidence"));
    evidence.sort();
    assert_eq!(evidence.len(), 2, "{evidence:?}");
    let page = std::fs::read_to_string(&evidence[1]).unwrap();
    assert!(
        page.contains("| Decrypt (granted) | ✗ denied | ✓ allowed | ✗ denied |"),
        "{page}"
    );
    let kept: Value = serde_json::from_slice(&std::fs::read(&evidence[0]).unwrap()).unwrap();
    assert_eq!(kept["steps"], story["steps"]);
    assert_eq!(kept["holds"], true);
    assert!(kept["asked_by"].is_string(), "{kept:#}");
    let decrypt = &kept["matrix"][0];
    assert_eq!(
        [&decrypt["before"], &decrypt["granted"], &decrypt["revoked"]],
        [false, true, false],
        "{decrypt}"
    );
    for id in [1, 4].map(|step| story["steps"][step]["request_id"].as_str().unwrap()) {
        assert!(page.contains(id), "{id}: {page}");
    }
}

#[test]
fn a_story_that_is_interrupted_leaves_no_grant_whatever_it_was_at() {
    let place = Place::with(|options| options.faults = vec!["kms:latency=300ms".parse().unwrap()]);
    place.role("trainer", "sagemaker-cli");
    // The grant is made; the questions under it, with its token and without; it is revoked.
    let moments = [
        ("CreateGrant", 1),
        ("Decrypt (dry run)", 2),
        ("GenerateDataKeyPair (dry run)", 2),
        ("Encrypt (dry run)", 3),
        ("RevokeGrant", 1),
    ];
    let keys = moments.map(|(operation, _)| place.key(&operation.to_lowercase().replace([' ', '(', ')'], "-")));
    std::thread::scope(|threads| {
        for ((operation, time), key_arn) in moments.into_iter().zip(&keys) {
            let place = &place;
            threads.spawn(move || {
                let done = interrupted(place, key_arn, operation, time);
                assert_eq!(done.status, 130, "{operation}: {done:?}");
                assert_eq!(done.err.lines().count(), 1, "{operation}: {done:?}");
                assert!(!done.err.contains("may stand"), "{operation}: {done:?}");
            });
        }
    });
    let left = place.wait(actions::grants_of(&place.aws, &keys, &actions::ProgressSink::none()));
    assert!(format!("{left:?}").contains("grants: []"), "{left:?}");
}

/// The story of this key, interrupted as soon as KMS is asked this so many times.
fn interrupted(place: &Place, key_arn: &str, operation: &'static str, time: usize) -> Done {
    let (reached, moment) = mpsc::channel();
    let (signalled, held) = mpsc::channel::<()>();
    let (asked, held) = (Mutex::new(0), Mutex::new(held));
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
        if seen.operation == operation {
            let mut asked = asked.lock().unwrap();
            *asked += 1;
            let is_now = *asked == time;
            drop(asked);
            if is_now {
                reached.send(()).unwrap_or_default();
                held.lock().unwrap().recv().unwrap_err();
            }
        }
        Trouble::None
    });
    let arguments = ["prove", "--key", key_arn, "--role", "trainer", "--story"];
    let mut command = place.command(&arguments);
    command.env("AWS_ENDPOINT_URL", proxy.url());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    moment.recv_timeout(Duration::from_secs(120)).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    drop(signalled);
    finish(child.wait_with_output().unwrap())
}

#[test]
fn a_role_that_is_allowed_before_the_grant_is_told_and_nothing_is_changed() {
    let place = Place::new();
    let key_arn = place.key("training");
    let role_arn = place.role("trainer", "sagemaker-cli");
    place.grant(&key_arn, &role_arn);
    let done = place
        .run(&["prove", "--key", &key_arn, "--role", "trainer", "--story", "--json"])
        .ok();
    assert!(
        done.err
            .contains("already allowed without this grant; revoking will not deny"),
        "{done:?}"
    );
    let story = done.lines().remove(0);
    assert_eq!(story["steps"].as_array().unwrap().len(), 1);
    assert_eq!(allowed(&story), ["Decrypt", "Encrypt"]);
}

fn allowed(proof: &Value) -> Vec<&str> {
    let steps = proof["operations"].as_array().unwrap();
    let allowed = steps.iter().filter(|step| step["allowed"] == true);
    allowed.filter_map(|step| step["operation"].as_str()).collect()
}
