//! Acts on hosts as a person begins them by keystrokes: looked at first, then watched, then their report opened; and the same look on
//! the command line.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{MetadataDirective, ServerSideEncryption};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::{BUCKET, ENGINE, copy, mixed, put, role, uri, worker_role};
use crate::place::Place;
use crate::pty::{CLEAR, ENTER, ESC, Session, TAB};
use crate::rotate::head;

const ROTATES: &str = include_str!("../../../assets/policies/roles/bulk-worker-rotate.json");
const ENCRYPTS: &str = include_str!("../../../assets/policies/roles/bulk-worker-encrypt.json");
const REWRAPS: &str = include_str!("../../../assets/policies/roles/bulk-worker-rewrap.json");

/// Fills in who does it, on this page, until what was looked at stands there.
fn fill_in<'a>(session: &'a mut Session, title: &str) -> &'a mut Session {
    // Roles are listed once the form is there.
    session.wait(title).keys("bulk-worker").wait("▸ bulk-worker");
    session
        .keys(TAB)
        .keys(CLEAR)
        .keys("image")
        .keys(ENTER)
        .wait("Before the job")
        .wait("begin ")
}

/// Waits for the job of this act and its shards, and goes to it.
fn watch(session: &mut Session, act: &str) {
    session
        .wait(&format!("the job {act}-"))
        .gone("Before the job")
        .keys("4")
        .wait("Completed");
}

#[test]
fn in_the_dashboard_an_audit_on_processing_is_begun_watched_and_its_report_opened_by_keystrokes() {
    let place = mixed();
    worker_role(&place);
    let mut session = place.dashboard((120, 36));
    session.bucket(BUCKET).action("audit on hosts");
    let asked = "Audit s3://sagemaker-many-hosts/ on processing";
    fill_in(&mut session, asked)
        .wait("the role writes results")
        .keys(ENTER)
        .wait("AWS bills for it")
        .keys("y");
    watch(&mut session, "audit");
    session
        .keys("l")
        .wait("Log of audit-")
        .wait("\"shards_done\":4")
        .keys(ESC)
        .gone("Log of audit-");
    session
        .report("Audit of s3://sagemaker-many-hosts/")
        .wait("strongroom-moved")
        .wait("no client has encrypted it")
        .wait("67 rows");
}

/// Tokens and plain objects under `many/`.
fn many() -> Place {
    let place = Place::new();
    for key in ["training", "new"] {
        place.key(key);
    }
    place.bucket(BUCKET);
    for number in 0..8 {
        place.write(&format!("parts/part-{number:02}"), format!("part {number}\n"));
    }
    let to = uri("many/data/");
    place.run(&["encrypt", "parts", &to, "--key", "alias/training"]).ok();
    for number in 0..8 {
        put(&place, &format!("many/plain/{number}.csv"), b"x,y\n1,2\n", &[]);
    }
    copy(&place, "many/data/part-00", "many/away/part-00");
    place
}

/// The dashboard with the cursor on that prefix.
fn on_prefix(place: &Place) -> Session {
    let mut session = place.dashboard((120, 36));
    session.bucket(BUCKET).keys(ENTER).wait("many/").select("many/");
    session
}

#[test]
fn in_the_dashboard_a_rotation_on_processing_is_looked_at_begun_watched_and_its_report_opened() {
    let place = many();
    role(&place, ROTATES);
    let mut session = on_prefix(&place);
    session.action("rotate on hosts");
    let asked = "Rotate the data keys of s3://sagemaker-many-hosts/many/ on processing";
    fill_in(&mut session, asked)
        .wait("the role may use the KMS keys")
        .keys(ENTER)
        .wait("Rotate the data keys of s3://sagemaker-many-hosts/many/ on 4")
        .keys("y");
    watch(&mut session, "rotate");
    session.report("9 objects rotated");
    place.run(&["verify", &uri("many/data/")]).ok();
}

#[test]
fn in_the_dashboard_an_encryption_on_processing_is_agreed_to_by_the_buckets_name_and_its_report_opened() {
    let place = many();
    role(&place, ENCRYPTS);
    let mut session = on_prefix(&place);
    session.action("encrypt on hosts");
    session.wait("Encrypt s3://sagemaker-many-hosts/many/ on processing");
    // Role, image, instances, instance, volume, longest run, program, to: then the key.
    for _ in 0..8 {
        session.keys(TAB);
    }
    session.keys(CLEAR).keys("alias/training");
    for _ in 0..8 {
        session.keys("\u{1b}[Z");
    }
    fill_in(&mut session, "on processing").keys(ENTER);
    assert_eq!(session.agree(), BUCKET);
    watch(&mut session, "encrypt");
    session.report("8 objects encrypted");
    place.run(&["verify", &uri("many/plain/")]).ok();
}

#[test]
fn in_the_dashboard_a_rewrap_on_processing_is_looked_at_begun_watched_and_its_report_opened() {
    let place = many();
    role(&place, REWRAPS);
    let mut session = place.dashboard((120, 36));
    session.wait("many/").keys("1").select("new");
    session.keys("3").wait("many/").select("many/");
    session.action("re-wrap on hosts");
    fill_in(&mut session, "Re-wrap s3://sagemaker-many-hosts/many/ on processing")
        .wait("KMS says so of the data key")
        .keys(ENTER)
        .wait("Objects are copied onto themselves")
        .keys("y");
    watch(&mut session, "rewrap");
    session.report("re-wrapped: 9 objects").wait("╭ Re-wrapped");
    place.run(&["verify", &uri("many/data/")]).ok();
}

#[test]
fn single_objects_are_nothing_for_hosts() {
    let place = many();
    let mut session = on_prefix(&place);
    session
        .keys(ENTER)
        .wait("data/")
        .keys(ENTER)
        .wait("part-00")
        .select("part-00");
    session.keys("a").wait("re-wrap");
    for label in ["rotate on hosts", "encrypt on hosts", "re-wrap on hosts"] {
        assert!(!session.text().contains(label), "{label}: {}", session.text());
    }
}

/// The findings of a look, by what was looked at: how it is.
fn looked(place: &Place, words: &[&str], role: &str) -> (i32, std::collections::BTreeMap<String, Value>) {
    let engine = [&ENGINE[..6], &["--role", role, "--preflight", "--json"]].concat();
    let done = place.run(&[words, &engine].concat());
    let rows = done
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let rows = rows.map(|row| (row["what"].as_str().unwrap().to_owned(), row));
    (done.status, rows.collect())
}

#[test]
fn a_look_before_the_job_begins_nothing_and_calls_nothing_well_that_could_not_be_asked() {
    let place = many();
    let many = uri("many/");
    let before = place.objects(BUCKET);
    role(&place, ROTATES);
    let acts: [&[&str]; 4] = [
        &["audit", &many, "--deep"],
        &["rotate", &many],
        &["encrypt", &many, &many, "--key", "alias/training"],
        &["rewrap", &many, "--to", "alias/new"],
    ];
    for act in acts {
        let (status, found) = looked(&place, act, "bulk-worker");
        assert_eq!(status, 0, "{act:?}: {found:#?}");
        for what in [
            "the account's quota allows the instances",
            "the image is in the registry",
            "the image has strongroom in it",
        ] {
            assert_eq!(found[what]["weight"], "unknown", "{act:?}: {found:#?}");
        }
        for what in [
            "SageMaker may assume the role",
            "the role reads its shards",
            "the role writes results",
            "the role reads the objects",
            "you may list what is there",
            "you may hand the role to SageMaker",
        ] {
            assert_eq!(found[what]["weight"], "well", "{act:?}: {found:#?}");
        }
    }
    let (_, found) = looked(&place, acts[1], "bulk-worker");
    let detail = found["the role may use the KMS keys"]["detail"].as_str().unwrap();
    assert!(detail.contains("of the keys that the first objects name"), "{detail}");
    // One that may copy, and is to rotate.
    let other = place.role("trainer", "sagemaker-other");
    let (status, found) = looked(&place, acts[1], &other);
    assert_eq!(status, 1, "{found:#?}");
    for what in [
        "the role reads the objects",
        "the role writes results",
        "the role may use the KMS keys",
    ] {
        assert_eq!(found[what]["weight"], "fails", "{found:#?}");
    }
    let (_, found) = looked(&place, &["rotate", &uri("many/plain/")], "bulk-worker");
    assert_eq!(
        found["the role may use the KMS keys"]["weight"], "unknown",
        "{found:#?}"
    );
    let (status, found) = looked(&place, acts[0], "arn:aws:iam::111122223333:role/nobody");
    assert_eq!(
        (status, &found["SageMaker may assume the role"]["weight"]),
        (1, &"fails".into())
    );
    let nowhere = [
        "encrypt",
        &many,
        "s3://sagemaker-nowhere/many/",
        "--key",
        "alias/training",
    ];
    let engine = [&ENGINE[..], &["--preflight"]].concat();
    let done = place.run(&[&nowhere[..], &engine].concat());
    assert!(
        done.status == 1 && done.err.contains("would make the job fail"),
        "{done:?}"
    );
    let of_it: Vec<&str> = done
        .out
        .lines()
        .filter(|line| line.contains(": sagemaker-nowhere: "))
        .collect();
    assert!(
        of_it.len() == 2 && of_it.iter().all(|line| !line.starts_with("well")),
        "{of_it:?}"
    );
    assert_eq!(place.objects(BUCKET), before, "nothing is written");
}

const WRAPS: &str = "data keys can be wrapped under the KMS key";

#[test]
fn a_look_before_a_rewrap_says_of_data_keys_what_kms_says_and_passes_over_what_strongroom_notes() {
    let place = many();
    role(&place, REWRAPS);
    for number in 1..=30 {
        put(
            &place,
            &format!(".strongroom/bulk/audit-1/shards/{number:04}.jsonl"),
            b"{}\n",
            &[],
        );
    }
    let all = uri("");
    let (status, found) = looked(&place, &["rewrap", &all, "--to", "alias/new"], "bulk-worker");
    assert_eq!((status, &found[WRAPS]["weight"]), (0, &"well".into()), "{found:#?}");
    let detail = found[WRAPS]["detail"].as_str().unwrap();
    assert!(
        detail.contains("KMS says so of the data keys of the first 17 objects"),
        "{detail}"
    );
    let (_, found) = looked(&place, &["rotate", &all], "bulk-worker");
    assert_ne!(
        found["the role may use the KMS keys"]["weight"], "unknown",
        "{found:#?}"
    );

    let (_, found) = looked(
        &place,
        &["rewrap", &uri("many/plain/"), "--to", "alias/new"],
        "bulk-worker",
    );
    assert_eq!(found[WRAPS]["weight"], "unknown", "{found:#?}");

    // S3 makes its own key when it is first needed.
    let call = place.s3().put_object().bucket(BUCKET).key("many/by-s3");
    let call = call.server_side_encryption(ServerSideEncryption::AwsKms);
    place.wait(call.body(ByteStream::from_static(b"x")).send()).unwrap();
    let (status, found) = looked(&place, &["rewrap", &all, "--to", "alias/aws/s3"], "bulk-worker");
    assert_eq!((status, &found[WRAPS]["weight"]), (1, &"fails".into()), "{found:#?}");
    let detail = found[WRAPS]["detail"].as_str().unwrap();
    assert!(detail.contains("AWS managed key"), "{detail}");
    place
        .run(&["rewrap", &all, "--to", "alias/aws/s3"])
        .failed(1, &["AWS managed key", "choose a customer managed key"]);
}

#[test]
fn a_look_before_a_rewrap_reads_key_objects_as_the_hosts_do_and_in_no_other_spelling() {
    let place = many();
    role(&place, REWRAPS);
    let from = "many/data/part-00";
    let mut metadata = head(&place, BUCKET, from).metadata.unwrap();
    let text = metadata.remove("strongroom-data-key").unwrap();
    metadata.insert("strongroom-data-key-object".to_owned(), "c".to_owned());
    let call = place.s3().copy_object().copy_source(format!("{BUCKET}/{from}"));
    let call = call.bucket(BUCKET).key("spelled/part-00").set_metadata(Some(metadata));
    place
        .wait(call.metadata_directive(MetadataDirective::Replace).send())
        .unwrap();
    let ciphertext = BASE64_STANDARD.decode(&text).unwrap();
    for (body, weight) in [(ciphertext.as_slice(), "well"), (text.as_bytes(), "fails")] {
        put(&place, "c", body, &[]);
        let (_, found) = looked(
            &place,
            &["rewrap", &uri("spelled/"), "--to", "alias/new"],
            "bulk-worker",
        );
        assert_eq!(found[WRAPS]["weight"], weight, "{found:#?}");
    }
}

#[test]
fn a_look_before_a_rewrap_by_somebody_who_may_not_have_data_keys_wrapped_anew_calls_that_failing() {
    let place = many();
    role(&place, REWRAPS);
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"kms:ReEncrypt*","Resource":"*"}]}"#;
    let user = place.user("looker", &[all]);
    let user: Vec<(&str, Option<&str>)> = user
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect();
    let words = ["rewrap", &uri("many/"), "--to", "alias/new", "--preflight", "--json"];
    let done = place.run_as(&user, &[&words[..], &ENGINE[..]].concat());
    let found = done.lines();
    let wraps = found.iter().find(|row| row["what"] == WRAPS).unwrap();
    assert_eq!((done.status, &wraps["weight"]), (1, &"fails".into()), "{found:#?}");
    assert!(
        wraps["detail"].as_str().unwrap().contains("kms:ReEncrypt"),
        "{wraps:#?}"
    );
}
