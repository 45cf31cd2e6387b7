//! What somebody else wrote below the folder of an act. Plan, shards and map are bound to the job, and others are heeded by nobody;
//! of results whoever makes the report holds a sample against the objects.

use serde_json::{Value, json};

use super::hosts::{all_work, ended, host, listed_for, names, plan, work_by};
use super::{BUCKET, ENGINE, TABLE, body, mixed, put, role, uri};
use crate::place::Place;

/// Writes every result of an act anew, with its rows changed.
fn forge(place: &Place, id: &str, change: impl Fn(&mut Value)) {
    for file in names(place, id, "results") {
        let key = format!(".strongroom/bulk/{id}/results/{file}");
        let text = String::from_utf8(body(place, &key)).unwrap();
        let lines = text.lines().enumerate().map(|(at, line)| {
            let mut row: Value = serde_json::from_str(line).unwrap();
            if at > 1 {
                change(&mut row);
            }
            format!("{row}\n")
        });
        let text: String = lines.collect();
        put(place, &key, text.as_bytes(), &[]);
    }
}

fn report(place: &Place, words: &[&str], id: &str) -> crate::place::Done {
    place.run(&[words, &["--on", "processing", "--resume", id]].concat())
}

#[test]
fn an_audits_results_that_call_plain_objects_tokens_are_found_out_and_named() {
    let place = mixed();
    let open = uri("open/");
    let audit = ["audit", open.as_str()];
    let id = listed_for(&place, &audit);
    all_work(&place, &id);
    let honest = report(&place, &audit, &id);
    assert!(
        honest.status == 1 && honest.err.contains("was held against the objects and is so"),
        "{honest:?}"
    );
    forge(&place, &id, |row| {
        if row["kind"] == "sse-s3" {
            row["kind"] = "strongroom-bound".into();
            row.as_object_mut().unwrap().remove("flaws");
        }
    });
    let forged = report(&place, &audit, &id);
    assert_eq!(forged.status, 1, "{forged:?}");
    for words in [
        "are not what its results say",
        "open/",
        "they say strongroom-bound, and it is sse-s3",
        "find out who may write there",
    ] {
        assert!(forged.err.contains(words), "{words}: {forged:?}");
    }
    assert!(!forged.out.contains("nothing is wrong"), "{forged:?}");
    for (member, value, said) in [
        (
            "data_key_object",
            Value::Null,
            "they say the key object none, and it names s3://",
        ),
        (
            "at_rest",
            "aws:kms".into(),
            "they say that S3 encrypts it by aws:kms, and it says AES256",
        ),
    ] {
        let data = uri("data/");
        let audit = ["audit", data.as_str()];
        let id = listed_for(&place, &audit);
        all_work(&place, &id);
        forge(&place, &id, |row| {
            if value.is_null() {
                row.as_object_mut().unwrap().remove(member);
            } else {
                row[member] = value.clone();
            }
        });
        let forged = report(&place, &audit, &id);
        assert!(forged.status == 1 && forged.err.contains(said), "{said}: {forged:?}");
    }
    // That it was gone is a forgery too.
    forge(&place, &id, |row| {
        if row["kind"] == "strongroom-bound" {
            *row = Value::Null;
        }
    });
    let gone = report(&place, &audit, &id);
    assert!(
        gone.status == 1 && gone.err.contains("they say that it was gone"),
        "{gone:?}"
    );
    // What is another object by now tells nothing of what it was.
    for key in place.objects(BUCKET) {
        if key.starts_with("open/") {
            put(&place, &key, b"gAAAAABo0000AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &[]);
        }
    }
    let changed = report(&place, &audit, &id);
    assert!(!changed.err.contains("its results say"), "{changed:?}");
}

#[test]
fn results_that_say_of_plain_objects_that_they_were_sealed_are_found_out() {
    let place = Place::new();
    place.key("training");
    place.bucket(BUCKET);
    for number in 0..5 {
        put(&place, &format!("plain/{number}.csv"), TABLE, &[]);
    }
    let plain = uri("plain/");
    let encrypt = ["encrypt", plain.as_str(), plain.as_str(), "--key", "alias/training"];
    let id = listed_for(&place, &encrypt);
    let listed: Vec<Value> = place
        .objects(BUCKET)
        .iter()
        .filter(|key| key.starts_with("plain/"))
        .map(|key| key.as_str().into())
        .collect();
    assert_eq!(listed.len(), 5);
    all_work(&place, &id);
    let honest = report(&place, &encrypt, &id).ok();
    assert!(honest.err.contains("5 objects, was held against"), "{honest:?}");
    // As if the hosts had never been there.
    put(&place, "plain/3.csv", TABLE, &[]);
    let forged = report(&place, &encrypt, &id);
    assert!(
        forged.status == 1 && forged.err.contains("it is there as it was listed") && forged.err.contains("plain/3.csv"),
        "{forged:?}"
    );
    // A token of another object is none of this one.
    let moved = ["encrypt", &plain, &uri("sealed/"), "--key", "alias/training"];
    put(&place, "plain/new.csv", TABLE, &[]);
    let id = listed_for(&place, &moved);
    all_work(&place, &id);
    report(&place, &moved, &id).ok();
    forge(&place, &id, |row| {
        if let Some(at) = row.pointer_mut("/fate/sealed/at") {
            *at = json!({"bucket": BUCKET, "key": "plain/1.csv"});
        }
    });
    report(&place, &moved, &id).failed(1, &["results/", "it tells of other tokens than are to be made"]);
    let id = listed_for(&place, &["rotate", &plain]);
    all_work(&place, &id);
    forge(&place, &id, |row| {
        if let Some(sealed) = row.pointer_mut("/fate/sealed") {
            sealed["data_key_uri"] = uri(".strongroom/data-keys/another").into();
        }
    });
    let forged = report(&place, &["rotate", &plain], &id);
    assert!(
        forged.status == 1 && forged.err.contains("its token names s3://"),
        "{forged:?}"
    );
    forge(&place, &id, |row| {
        if let Some(sealed) = row.pointer_mut("/fate/sealed") {
            sealed["kms_key_arn"] = "arn:aws:kms:us-east-1:111122223333:key/another".into();
        }
    });
    let forged = report(&place, &["rotate", &plain], &id);
    assert!(
        forged.status == 1 && forged.err.contains("its token says"),
        "{forged:?}"
    );
}

#[test]
fn results_of_which_most_objects_are_others_by_now_are_believed_by_nobody() {
    let place = Place::new();
    place.key("training");
    place.bucket(BUCKET);
    put(&place, "plain/1.csv", TABLE, &[]);
    put(&place, "plain/2.csv", TABLE, &[]);
    let (plain, sealed) = (uri("plain/"), uri("sealed/"));
    let encrypt = ["encrypt", &plain, &sealed, "--key", "alias/training"];
    let id = listed_for(&place, &encrypt);
    all_work(&place, &id);
    report(&place, &encrypt, &id).ok();
    put(&place, "sealed/1.csv", TABLE, &[]);
    report(&place, &encrypt, &id).ok();
    let gone = place.s3().delete_object().bucket(BUCKET).key("sealed/2.csv");
    place.wait(gone.send()).unwrap();
    report(&place, &encrypt, &id).failed(1, &["are others by now than its results tell of"]);
}

/// As if the hosts had never been there, and somebody had written that nothing was to be done.
#[test]
fn results_that_say_of_plain_objects_that_they_were_left_or_gone_are_found_out() {
    let place = Place::new();
    place.key("training");
    place.bucket(BUCKET);
    let keys: Vec<String> = (0..5).map(|number| format!("plain/{number}.csv")).collect();
    let put_all = || keys.iter().for_each(|key| put(&place, key, TABLE, &[]));
    put_all();
    put(
        &place,
        "plain/token",
        b"gAAAAABo0000AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        &[],
    );
    let (plain, sealed) = (uri("plain/"), uri("sealed/"));
    let in_place = ["encrypt", &plain, &plain, "--key", "alias/training"];
    let across = ["encrypt", &plain, &sealed, "--key", "alias/training", "--delete-plain"];
    let token = json!({"passed-over": {"encrypted": "bound"}});
    let there = json!({"passed-over": "there"});
    let a_token = "they say a token already (strongroom-bound), and it was to be sealed";
    let lies: [(&[&str], Value, &str); 5] = [
        (&in_place, token.clone(), a_token),
        (&in_place, json!({"passed-over": "rotated"}), "and it was to be sealed"),
        (
            &in_place,
            Value::Null,
            "they say that it was gone, and it is there as it was listed",
        ),
        (&across, token, a_token),
        (
            &across,
            there,
            "they say that its token is at s3://sagemaker-many-hosts/sealed/",
        ),
    ];
    for (act, fate, said) in lies {
        let id = listed_for(&place, act);
        all_work(&place, &id);
        let honest = report(&place, act, &id).ok();
        assert!(honest.err.contains("6 objects, was held against"), "{honest:?}");
        put_all();
        for key in &keys {
            let sealed = key.replace("plain/", "sealed/");
            place
                .wait(place.s3().delete_object().bucket(BUCKET).key(sealed).send())
                .unwrap();
        }
        forge(&place, &id, |row| match &fate {
            _ if row["key"] == "plain/token" => {}
            Value::Null => *row = Value::Null,
            fate => row["fate"] = fate.clone(),
        });
        let forged = report(&place, act, &id);
        assert!(
            forged.status == 1 && forged.err.contains("of 6 objects that were looked at again 5"),
            "{forged:?}"
        );
        assert!(forged.err.contains(said), "{said}: {forged:?}");
    }
    // What was to be deleted is there, and its token too.
    let id = listed_for(&place, &across);
    all_work(&place, &id);
    put_all();
    let kept = report(&place, &across, &id);
    let said = "they say that what was plain is gone, and it is there as it was listed";
    assert!(kept.status == 1 && kept.err.contains(said), "{kept:?}");
}

#[test]
fn a_result_of_a_rewrap_that_tells_nothing_of_an_object_is_refused() {
    let place = plain();
    let rewrap = ["rewrap", &uri("tokens/"), "--to", "alias/new"];
    let id = listed_for(&place, &rewrap);
    all_work(&place, &id);
    report(&place, &rewrap, &id).ok();
    forge(&place, &id, |row| *row = Value::Null);
    report(&place, &rewrap, &id).failed(
        1,
        &["results/0001.jsonl", "one of its lines tells nothing of an object"],
    );
}

#[test]
fn a_job_that_goes_on_with_what_no_job_was_begun_with_does_not_vouch_for_the_plan() {
    let place = plain();
    role(&place, include_str!("../../../assets/policies/roles/bulk-worker.json"));
    let tokens = uri("tokens/");
    let audit = ["audit", &tokens];
    let id = listed_for(&place, &audit);
    // Nobody holds what somebody writes now against anything.
    changed(&place, &format!(".strongroom/bulk/{id}/plan.json"), |_| {});
    let said = format!("whether the plan is the one that was begun could not be checked: there is no job {id}");
    let wait = ["--resume", &id, "--wait"];
    let done = place.run(&[&audit[..], &ENGINE[..], &wait].concat()).ok();
    assert!(
        done.err.contains(&said) && done.err.contains(&format!("the job {id}-2 does 1 shard")),
        "{done:?}"
    );
    let told = report(&place, &audit, &id).ok();
    assert!(told.err.contains(&said), "{told:?}");
}

const ENCRYPTS: &str = include_str!("../../../assets/policies/roles/bulk-worker-encrypt.json");

/// A bucket with plain objects to be encrypted, one beside them that is not, and tokens.
fn plain() -> Place {
    let place = Place::new();
    for key in ["training", "other", "new"] {
        place.key(key);
    }
    place.bucket(BUCKET);
    for key in ["plain/1.csv", "plain/2.csv", "beside.csv"] {
        put(&place, key, TABLE, &[]);
    }
    place.write("part", "x\n");
    place
        .run(&["encrypt", "part", &uri("tokens/"), "--key", "alias/training"])
        .ok();
    place
}

/// Has the first host work as one of the job that was started with `plan`: it is to refuse that, and to change nothing.
fn refused(place: &Place, id: &str, plan: &str, words: &[&str]) {
    let before = place.objects(BUCKET);
    let bodies: Vec<Vec<u8>> = before.iter().map(|key| body(place, key)).collect();
    let root = host(place, id, 1, &names(place, id, "shards"));
    let (done, _) = ended(work_by(place, id, &root, place.endpoint(), plan));
    done.failed(1, words);
    let message = std::fs::read_to_string(root.join("output/message")).unwrap();
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
    assert_eq!(place.objects(BUCKET), before, "{words:?}");
    for (key, was) in before.iter().zip(bodies) {
        assert_eq!(body(place, key), was, "{key}");
    }
}

fn changed(place: &Place, key: &str, change: impl Fn(&mut Value)) -> Vec<u8> {
    let was = body(place, key);
    let mut json: Value = serde_json::from_slice(&was).unwrap();
    change(&mut json);
    put(place, key, json.to_string().as_bytes(), &[]);
    was
}

#[test]
fn hosts_refuse_a_plan_a_shard_and_a_map_that_are_not_those_of_their_job_and_change_nothing() {
    let place = plain();
    let to = uri("plain/");
    let id = listed_for(&place, &["encrypt", &to, &to, "--key", "alias/training"]);
    let (begun, folder) = (plan(&place, &id), format!(".strongroom/bulk/{id}/"));
    let at = |file: &str| format!("{folder}{file}");
    for change in [
        |plan: &mut Value| plan["seal"]["act"]["encrypt"]["delete_plain"] = true.into(),
        |plan: &mut Value| plan["seal"]["act"]["encrypt"]["key"] = "alias/other".into(),
        |plan: &mut Value| plan["shards"][0] = "00".repeat(32).into(),
        |plan: &mut Value| plan["prefix"] = "".into(),
    ] {
        let was = changed(&place, &at("plan.json"), change);
        refused(
            &place,
            &id,
            &begun,
            &[
                "plan.json",
                "it is not the plan that this job was started with",
                "begin the act anew",
            ],
        );
        put(&place, &at("plan.json"), &was, &[]);
    }
    let shard = body(&place, &at("shards/0001.jsonl"));
    let other = format!("{}\n", json!({"key": "beside.csv", "size": TABLE.len()}));
    put(&place, &at("shards/0001.jsonl"), other.as_bytes(), &[]);
    refused(
        &place,
        &id,
        &begun,
        &["shards/0001.jsonl", "it is not the shard of its plan"],
    );
    put(&place, &at("shards/0001.jsonl"), &shard, &[]);
    put(&place, &at("shards/0000.jsonl"), other.as_bytes(), &[]);
    refused(
        &place,
        &id,
        &begun,
        &["shards/0000.jsonl", "its plan has no such shard"],
    );

    let id = listed_for(&place, &["rewrap", &uri("tokens/"), "--to", "alias/new"]);
    let (begun, map) = (plan(&place, &id), format!(".strongroom/bulk/{id}/data-keys/0001.jsonl"));
    changed(&place, &map, |line| line["new_data_key"] = "YnJva2Vu".into());
    refused(
        &place,
        &id,
        &begun,
        &["data-keys/0001.jsonl", "it is not the map of data keys of its plan"],
    );
    place.run(&["verify", &uri("tokens/")]).ok();
}

#[test]
fn whoever_goes_on_holds_the_plan_against_its_first_job_its_shards_against_the_plan_and_says_where_there_is_no_job() {
    let place = plain();
    role(&place, ENCRYPTS);
    let to = uri("plain/");
    let encrypt = ["encrypt", to.as_str(), to.as_str(), "--key", "alias/training"];
    let unchecked = "could not be checked: there is no job";
    let id = listed_for(&place, &encrypt);
    all_work(&place, &id);
    let done = report(&place, &encrypt, &id).ok();
    assert!(done.err.contains(unchecked), "{done:?}");

    put(&place, "plain/3.csv", TABLE, &[]);
    let done = place.run(&[&encrypt[..], &["--wait"], &ENGINE[..]].concat()).ok();
    assert!(!done.err.contains(unchecked), "{done:?}");
    let mut acts = names_of_acts(&place).into_iter();
    let id = acts.find(|other| *other != id).unwrap();
    let at = |file: &str| format!(".strongroom/bulk/{id}/{file}");
    report(&place, &encrypt, &id).ok();
    let shard = body(&place, &at("shards/0001.jsonl"));
    put(&place, &at("shards/0001.jsonl"), b"", &[]);
    report(&place, &encrypt, &id).failed(1, &["shards/0001.jsonl", "it is not the shard of its plan"]);
    put(&place, &at("shards/0001.jsonl"), &shard, &[]);
    // The same plan in other words is another one.
    changed(&place, &at("plan.json"), |_| {});
    let other = format!("it is not the plan that the job {id} was started with");
    report(&place, &encrypt, &id).failed(1, &["plan.json", &other]);
    let key = at(&format!("results/{}", names(&place, &id, "results")[0]));
    place
        .wait(place.s3().delete_object().bucket(BUCKET).key(key).send())
        .unwrap();
    let again = place.run(&[&encrypt[..], &["--resume", &id], &ENGINE[..]].concat());
    again.failed(1, &["plan.json", &other]);
}

#[test]
fn an_act_whose_plan_an_older_strongroom_wrote_is_to_be_begun_anew() {
    let place = plain();
    let tokens = uri("tokens/");
    let id = listed_for(&place, &["audit", &tokens]);
    changed(&place, &format!(".strongroom/bulk/{id}/plan.json"), |plan| {
        plan["version"] = 1.into();
        plan["shards"] = 1.into();
    });
    report(&place, &["audit", &tokens], &id).failed(1, &["written by an older strongroom", "begin the act anew"]);
}

fn names_of_acts(place: &Place) -> Vec<String> {
    let all = place.objects(BUCKET);
    let plans = all.iter().filter(|key| key.ends_with("/plan.json"));
    plans
        .filter_map(|key| Some(key.split('/').nth(2)?.to_owned()))
        .collect()
}
