//! A place under which nothing is: mistyped, or everything in it deleted; each act by the real program.

use aws_sdk_s3::types::BucketVersioningStatus;

use crate::place::{Place, access};
use crate::rotate::keep_versions;

const BUCKET: &str = "sagemaker-empty";

/// Every act on a prefix, by its name.
fn acts(place: &str) -> Vec<Vec<String>> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let to = format!("s3://{BUCKET}/to/");
    vec![
        words(&["audit", place]),
        words(&["rewrap", place, "--to", "alias/training"]),
        words(&["rewrap", place, "--to", "alias/training", "--dry-run"]),
        words(&["rotate", place]),
        words(&["rotate", place, "--dry-run"]),
        words(&["encrypt", place, &to, "--key", "alias/training"]),
        words(&["encrypt", place, place, "--key", "alias/training"]),
        words(&["encrypt", place, &to, "--key", "alias/training", "--dry-run"]),
        words(&["verify", place]),
        words(&["decrypt", place, "-o", "out"]),
    ]
}

fn world() -> Place {
    let place = Place::new();
    place.key("training");
    place.bucket(BUCKET);
    place.put(BUCKET, "data/a.csv", b"x,y\n");
    place
}

fn run(place: &Place, changes: &[(&str, Option<&str>)], words: &[String]) -> crate::place::Done {
    place.run_as(changes, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_prefix_under_which_there_is_nothing_is_an_error_of_every_act_on_a_prefix() {
    let place = world();
    let mistyped = format!("s3://{BUCKET}/dta/");
    for words in acts(&mistyped) {
        let verb = if words[0] == "rewrap" {
            "re-wrap"
        } else {
            words[0].as_str()
        };
        let start = format!("{verb} {mistyped}: there is no ");
        run(&place, &[], &words).failed(
            1,
            &[
                &start,
                "nor an older version or a delete marker",
                "check bucket and prefix",
            ],
        );
    }
    // A bucket that has nothing in it yet is nobody's mistake.
    place.bucket("sagemaker-new");
    place.run(&["audit", "s3://sagemaker-new/"]).ok();
    // A named object that is not there neither.
    place
        .run(&["rewrap", &format!("s3://{BUCKET}/data/b.csv"), "--to", "alias/training"])
        .failed(1, &["data/b.csv", "there is no object under it"]);
}

#[test]
fn a_prefix_of_which_all_is_deleted_is_no_error_where_nothing_is_left_to_do() {
    let place = world();
    keep_versions(&place, BUCKET, BucketVersioningStatus::Enabled);
    place.put(BUCKET, "gone/a.csv", b"x,y\n");
    let delete = place.s3().delete_object().bucket(BUCKET).key("gone/a.csv");
    place.wait(delete.send()).unwrap();
    let gone = format!("s3://{BUCKET}/gone/");
    for words in acts(&gone) {
        let done = run(&place, &[], &words);
        if ["verify", "decrypt"].contains(&words[0].as_str()) {
            done.failed(1, &["only older versions or delete markers are", "audit --versions"]);
            continue;
        }
        let done = done.ok();
        let is_plan = words.iter().any(|word| word == "--dry-run") && words[0] != "rewrap";
        assert!(
            is_plan || done.out.contains("no object is there now"),
            "{words:?}: {done:?}"
        );
    }
    // Who may not list versions is told that nobody knows.
    let narrow = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"s3:ListBucketVersions","Resource":"*"}]}"#;
    let key = place.user("narrow", &[narrow]);
    let changes = access(&key);
    for words in acts(&gone) {
        run(&place, &changes, &words).failed(1, &["could not be asked (AccessDenied)", "s3:ListBucketVersions"]);
    }
}
