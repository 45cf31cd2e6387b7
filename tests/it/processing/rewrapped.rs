//! Re-wrapping by many hosts: the report is the one of one machine, KMS is asked by whoever begins it, no data moves, and every object
//! opens, whatever happened to a host.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use aws_sdk_s3::types::{BucketVersioningStatus, MetadataDirective, StorageClass};
use serde_json::Value;

use super::hosts::{all_work, ended, host, listed_for, names, work};
use super::{BUCKET, ENGINE, FERNET, HOSTS, NOISE, TABLE, body, copy, kill_a_host, put, role, uri};
use crate::place::{Done, Place};
use crate::proxy::{Proxy, Trouble};
use crate::rotate::{head, keep_versions};

pub(super) const REWRAPS: &str = include_str!("../../../assets/policies/roles/bulk-worker-rewrap.json");
const FILES: usize = 12;
/// The least that opens under a prefix of a world.
const OPEN: [&str; 2] = ["tokens/data/", "tokens/more/"];

/// A world in which the same stands twice, below `one/` and `many/`: tokens under two data keys of two KMS keys, some moved, some under
/// the new key already; what is refused when it is looked at, and what is refused when it would be copied; plain objects.
fn twice() -> Place {
    let place = Place::new();
    for key in ["training", "second", "new"] {
        place.key(key);
    }
    place.bucket(BUCKET);
    for number in 0..FILES {
        place.write(&format!("parts/part-{number:02}"), format!("part {number}\n"));
    }
    for world in ["one", "many"] {
        let at = |key: &str| format!("{world}/tokens/{key}");
        for (to, key, context) in [
            ("data/", "alias/training", &[][..]),
            ("more/", "alias/second", &["--context", "project=houses"]),
            ("done/", "alias/new", &[]),
        ] {
            let to = uri(&at(to));
            place
                .run(&[&["encrypt", "parts", &to, "--key", key], context].concat())
                .ok();
        }
        copy(&place, &at("data/part-00"), &at("away/part-00"));
        archive(&place, &at("data/part-01"), &at("archived"));
        put(&place, &at("fernet"), FERNET, &[]);
        put(&place, &at("noise"), NOISE, &[]);
        put(&place, &at("=1,\n\u{1b}[2J\u{202e}.csv"), TABLE, &[]);
    }
    place
}

/// A copy that nothing copies from where it is.
fn archive(place: &Place, from: &str, to: &str) {
    let metadata = head(place, BUCKET, from).metadata;
    let call = place.s3().copy_object().copy_source(format!("{BUCKET}/{from}"));
    let call = call
        .metadata_directive(MetadataDirective::Replace)
        .set_metadata(metadata);
    let call = call.storage_class(StorageClass::Glacier).bucket(BUCKET).key(to);
    place.wait(call.send()).unwrap();
}

pub(super) fn words(world: &str, more: &[&str]) -> Vec<String> {
    let place = uri(&format!("{world}/tokens/"));
    let words = ["rewrap", &place, "--to", "alias/new", "--json"];
    words.iter().chain(more).map(|word| (*word).to_owned()).collect()
}

pub(super) fn run(place: &Place, words: &[String], more: &[&str]) -> Done {
    let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
    place.run(&words)
}

pub(super) fn listed(place: &Place, words: &[String]) -> String {
    listed_for(place, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// What was told, of whichever world: one machine tells objects as they come. Old key objects by whether they went.
pub(super) fn told(done: &Done) -> (BTreeSet<String>, Value) {
    let lines = done.out.lines().map(|line| {
        let line = line.replace(&uri("many/"), &uri("one/"));
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{done:?}"))
    });
    let mut lines: Vec<Value> = lines.collect();
    let mut summary = lines.pop().unwrap()["summary"].take();
    for old in summary["old_key_objects"].as_array_mut().unwrap() {
        *old = old["deleted"].take();
    }
    (lines.iter().map(Value::to_string).collect(), summary)
}

/// Every token under these opens where it is.
fn opens(place: &Place, world: &str) {
    for under in OPEN {
        place.run(&["verify", &uri(&format!("{world}/{under}"))]).ok();
    }
}

/// The key objects that tokens of a world name.
fn data_keys(place: &Place, world: &str) -> BTreeSet<String> {
    let start = format!("{world}/tokens/");
    let keys = place.objects(BUCKET).into_iter().filter(|key| key.starts_with(&start));
    let named = keys.filter_map(|key| head(place, BUCKET, &key).metadata?.remove("strongroom-data-key-object"));
    named.collect()
}

#[test]
fn four_hosts_rewrap_under_the_least_role_and_tell_what_one_machine_tells() {
    let place = twice();
    role(&place, REWRAPS);
    let before = data_keys(&place, "many");
    let one = run(&place, &words("one", &[]), &[]);
    let many = run(&place, &words("many", &[]), &[&ENGINE[..], &["--wait"]].concat());
    assert_eq!((one.status, told(&one)), (many.status, told(&many)), "{many:?}");
    let (rows, summary) = told(&many);
    assert_eq!(
        (
            &summary["rewrapped"]["objects"],
            &summary["already"]["objects"],
            &summary["refused"],
            &summary["passed_over"],
            &summary["data_keys"]
        ),
        (&25.into(), &12.into(), &2.into(), &2.into(), &2.into()),
        "{summary}"
    );
    assert!(
        rows.iter().any(|row| row.contains("GLACIER")) && rows.iter().any(|row| row.contains("convention")),
        "{rows:?}"
    );
    // What names an old one still is what could not be copied.
    let after = data_keys(&place, "many");
    assert_eq!(before.intersection(&after).count(), 2, "{before:?} {after:?}");
    opens(&place, "many");
    let again = run(&place, &words("many", &[]), &[&ENGINE[..], &["--wait"]].concat());
    let (_, summary) = told(&again);
    assert_eq!(
        (&summary["already"]["objects"], &summary["rewrapped"]["objects"]),
        (&37.into(), &0.into()),
        "{summary}"
    );
}

#[test]
fn whoever_begins_asks_kms_once_a_data_key_and_hosts_ask_it_nothing_and_move_no_data() {
    let place = twice();
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), |_| Trouble::None);
    let engine = [&ENGINE[..6], &["--role", "arn:aws:iam::111122223333:role/nobody"]].concat();
    let begin = words("many", &[]);
    let begin: Vec<&str> = begin.iter().map(String::as_str).chain(engine).collect();
    let done = place.run_as(&[("AWS_ENDPOINT_URL", Some(proxy.url()))], &begin);
    let (_, rest) = done.err.split_once("--resume ").unwrap_or_else(|| panic!("{done:?}"));
    let id = rest.split([' ', '\n']).next().unwrap().to_owned();
    let asked = |name: &str| proxy.operations().iter().filter(|asked| *asked == name).count();
    assert_eq!(
        (asked("ReEncrypt"), asked("Decrypt")),
        (2, 2),
        "{:?}",
        proxy.operations()
    );
    let of_tokens = |proxy: &Proxy, from: usize| {
        let passed = proxy.passed().into_iter().skip(from);
        let of_tokens = passed.filter(|one| one.operation.contains("/many/tokens/"));
        of_tokens.collect::<Vec<_>>()
    };
    for one in of_tokens(&proxy, 0) {
        // Of what says nothing of itself the first bytes tell what it is; of a token, its beginning proves the data key.
        assert!(one.sent == 0 && one.range.as_deref() != Some("bytes=0-"), "{one:?}");
    }
    let before = proxy.passed().len();
    proxy.forget();
    let shards = names(&place, &id, "shards");
    // What is told already has its result, in a shard of its own.
    assert_eq!(names(&place, &id, "results").len(), 1, "{shards:?}");
    let mut copied = 0;
    for number in 1..=HOSTS {
        let (done, last) = ended(work(&place, &id, &host(&place, &id, number, &shards), proxy.url()));
        assert_eq!(done.status, 0, "{done:?}");
        copied += last["objects"].as_u64().unwrap();
    }
    assert_eq!(copied, 26);
    for name in ["ReEncrypt", "Decrypt", "GenerateDataKey", "DescribeKey", "Encrypt"] {
        assert_eq!(asked(name), 0, "{name}");
    }
    let of_hosts = of_tokens(&proxy, before);
    assert!(of_hosts.len() > 50, "{of_hosts:?}");
    for one in of_hosts {
        assert!(!one.operation.starts_with("GET ") && one.sent == 0, "{one:?}");
    }
    let one = run(&place, &words("one", &[]), &[]);
    let many = run(&place, &words("many", &[]), &["--on", "processing", "--resume", &id]);
    assert_eq!((one.status, told(&one)), (many.status, told(&many)), "{many:?}");
    let deleting = words("many", &["--delete-old-key-objects"]);
    run(&place, &deleting, &["--on", "processing", "--resume", &id]).failed(
        2,
        &[
            "it was begun without --delete-old-key-objects",
            "leave it out",
            "without --on and --resume",
        ],
    );
}

#[test]
fn of_a_host_killed_at_any_moment_the_rest_is_copied_by_whoever_goes_on_and_shards_done_again_tell_the_same() {
    let place = twice();
    keep_versions(&place, BUCKET, BucketVersioningStatus::Enabled);
    let first = run(&place, &words("one", &[]), &[]);
    let many = words("many", &[]);
    let id = listed(&place, &many);
    let shards = names(&place, &id, "shards");
    // The host has six objects, and of one that is archived no copy is made.
    let moment = fastrand::usize(0..5);
    let (at, moments) = mpsc::channel();
    let copies = Arc::new(AtomicUsize::new(0));
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
        let is_copy = seen.line.starts_with("PUT ") && seen.line.contains("/many/tokens/");
        if is_copy && copies.fetch_add(1, Ordering::SeqCst) >= moment {
            let _ = at.send(());
            return Trouble::StallUnanswered;
        }
        Trouble::None
    });
    let mut killed = work(&place, &id, &host(&place, &id, 2, &shards), proxy.url());
    moments.recv().unwrap();
    killed.kill().unwrap();
    assert_eq!(ended(killed).0.status, -9, "at {moment}");
    opens(&place, "many");
    all_work(&place, &id);
    let resume = ["--on", "processing", "--resume", &id];
    let done = run(&place, &many, &resume);
    assert_eq!(
        (done.status, told(&done)),
        (first.status, told(&first)),
        "at {moment}: {done:?}"
    );
    opens(&place, "many");
    // As if every host had died before it could write a result.
    let before = place.objects(BUCKET);
    for file in names(&place, &id, "results") {
        let key = format!(".strongroom/bulk/{id}/results/{file}");
        let versions = place.s3().delete_object().bucket(BUCKET).key(key);
        place.wait(versions.send()).unwrap();
    }
    let etags = |place: &Place| {
        let keys = place.objects(BUCKET).into_iter().filter(|key| key.starts_with("many/"));
        keys.map(|key| head(place, BUCKET, &key).version_id).collect::<Vec<_>>()
    };
    let versions = etags(&place);
    let told_first = ended(work(&place, &id, &host(&place, &id, 1, &shards), place.endpoint()));
    // What was told when it was begun is not the hosts' to tell.
    assert!(
        told_first.0.status == 1 && told_first.0.err.contains("the map has no data key of it"),
        "{told_first:?}"
    );
    assert_eq!(etags(&place), versions, "nothing is copied twice");
    assert!(place.objects(BUCKET).len() < before.len());
}

#[test]
fn old_key_objects_go_only_when_the_report_is_read_and_nothing_names_them() {
    let place = twice();
    let more = ["--delete-old-key-objects"];
    let (mine, other) = (words("many", &more), words("many", &[]));
    // What could not be copied may need one still.
    for key in [
        "one/tokens/archived",
        "many/tokens/archived",
        "one/tokens/fernet",
        "many/tokens/fernet",
    ] {
        let gone = place.s3().delete_object().bucket(BUCKET).key(key);
        place.wait(gone.send()).unwrap();
    }
    let old = data_keys(&place, "many");
    let id = listed(&place, &mine);
    all_work(&place, &id);
    let there = |place: &Place| {
        let all = place.objects(BUCKET);
        old.iter().filter(|key| all.contains(key)).count()
    };
    assert_eq!(there(&place), 3, "hosts delete none");
    run(&place, &other, &["--on", "processing", "--resume", &id])
        .failed(2, &["it was begun as another act", "--delete-old-key-objects"]);
    let done = run(&place, &mine, &["--on", "processing", "--resume", &id]).ok();
    let (_, summary) = told(&done);
    assert_eq!(summary["old_key_objects"], serde_json::json!([true, true]), "{summary}");
    assert_eq!(there(&place), 1, "that of the tokens that were under the key already");
    opens(&place, "many");
    let again = run(&place, &mine, &["--on", "processing", "--resume", &id]).ok();
    assert_eq!(
        told(&again).1["old_key_objects"],
        serde_json::json!([]),
        "they are gone already"
    );
}

#[test]
fn no_old_key_object_goes_while_a_new_one_does_not_hold_its_data_key() {
    let place = twice();
    for key in ["archived", "fernet"] {
        for world in ["one", "many"] {
            let call = place.s3().delete_object().bucket(BUCKET);
            place.wait(call.key(format!("{world}/tokens/{key}")).send()).unwrap();
        }
    }
    let old = data_keys(&place, "many");
    let mine = words("many", &["--delete-old-key-objects"]);
    let id = listed(&place, &mine);
    all_work(&place, &id);
    let new = data_keys(&place, "many").difference(&old).next().unwrap().clone();
    let (was, metadata) = (body(&place, &new), head(&place, BUCKET, &new).metadata.unwrap());
    let metadata: Vec<(&str, &str)> = metadata
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    put(&place, &new, b"broken", &metadata);
    let resume = ["--on", "processing", "--resume", &id];
    let done = run(&place, &mine, &resume);
    let kept = format!("{} does not hold the data key as it was wrapped anew", uri(&new));
    assert!(done.out.contains(&kept), "{done:?}");
    let (_, summary) = told(&done);
    assert_eq!(
        summary["old_key_objects"],
        serde_json::json!([false, false]),
        "{summary}"
    );
    let all = place.objects(BUCKET);
    assert!(old.iter().all(|key| all.contains(key)), "{all:?}");
    put(&place, &new, &was, &metadata);
    let done = run(&place, &mine, &resume).ok();
    assert_eq!(
        told(&done).1["old_key_objects"],
        serde_json::json!([true, true]),
        "{done:?}"
    );
    opens(&place, "many");
}

#[test]
fn a_job_of_which_a_host_dies_is_gone_on_with() {
    let place = twice();
    role(&place, REWRAPS);
    let one = run(&place, &words("one", &[]), &[]);
    let begun = run(&place, &words("many", &[]), &ENGINE).ok().json();
    let id = begun[0]["id"].as_str().unwrap().to_owned();
    kill_a_host(&id);
    let resume = ["--resume", &id, "--wait"];
    let waited = run(
        &place,
        &words("many", &[]),
        &[&["--on", "processing"], &resume[..]].concat(),
    );
    waited.failed(1, &[&format!("its job {id} failed"), "have no result", "--resume"]);
    opens(&place, "many");
    let again = run(&place, &words("many", &[]), &[&ENGINE[..], &resume].concat());
    assert_eq!((again.status, told(&again)), (one.status, told(&one)), "{again:?}");
    opens(&place, "many");
}

#[test]
fn what_is_deleted_or_replaced_before_a_host_copies_it_is_told_as_what_it_is() {
    let place = twice();
    let many = words("many", &[]);
    let id = listed(&place, &many);
    let gone = place
        .s3()
        .delete_object()
        .bucket(BUCKET)
        .key("many/tokens/data/part-02");
    place.wait(gone.send()).unwrap();
    put(&place, "many/tokens/data/part-03", TABLE, &[]);
    all_work(&place, &id);
    let done = run(&place, &many, &["--on", "processing", "--resume", &id]);
    let (rows, summary) = told(&done);
    let row = |name: &str| {
        let row = rows
            .iter()
            .find(|row| row.contains(&uri(&format!("one/tokens/data/{name}"))));
        serde_json::from_str::<Value>(row.unwrap()).unwrap()
    };
    let (gone, plain) = (row("part-02"), row("part-03"));
    assert_eq!(
        (&gone["state"], &gone["error"]),
        (&"gone".into(), &Value::Null),
        "{gone}"
    );
    let why = plain["error"].as_str().unwrap();
    assert!(
        plain["state"] == "failed" && why.contains("it is no token any more") && !why.contains("another data key"),
        "{why}"
    );
    assert_eq!(
        (
            done.status,
            &summary["vanished"],
            &summary["failed"],
            &summary["rewrapped"]["objects"]
        ),
        (1, &1.into(), &1.into(), &23.into()),
        "{summary}"
    );
    let text: Vec<String> = many.iter().filter(|word| *word != "--json").cloned().collect();
    let text = run(&place, &text, &["--on", "processing", "--resume", &id]);
    assert!(text.out.contains("gone when it was their turn: 1"), "{text:?}");
    assert_eq!(body(&place, "many/tokens/data/part-03"), TABLE);
}
