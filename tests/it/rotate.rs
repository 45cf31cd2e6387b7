//! Rotation: tokens sealed anew in their place under new data keys, each by the real program.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, ServerSideEncryption, StorageClass, VersioningConfiguration};
use serde_json::Value;

use crate::place::{Done, Place, until};
use crate::proxy::{Proxy, Trouble};
use crate::pty::{ENTER, Session};

#[path = "rotate/ahead.rs"]
mod ahead;

const BUCKET: &str = "sagemaker-rotated";
const TABLE: &str = "x,y\n1,2\n2,4\n";

pub(crate) fn uri(key: &str) -> String {
    format!("s3://{BUCKET}/{key}")
}

/// A world with two keys, and tokens of `sizes` at `data/`.
fn world(sizes: &[usize]) -> Place {
    let place = Place::new();
    place.key("training");
    place.key("other");
    place.bucket(BUCKET);
    for (at, size) in sizes.iter().enumerate() {
        place.write(&format!("in/{at}.csv"), TABLE.repeat(size / TABLE.len() + 1));
    }
    place
        .run(&["encrypt", "in", &uri("data/"), "--key", "alias/training"])
        .ok();
    place
}

pub(crate) fn head(place: &Place, bucket: &str, key: &str) -> HeadObjectOutput {
    place
        .wait(place.s3().head_object().bucket(bucket).key(key).send())
        .unwrap()
}

fn data_key(place: &Place, key: &str) -> String {
    let head = head(place, BUCKET, key);
    head.metadata().unwrap()["strongroom-data-key-object"].clone()
}

fn get(place: &Place, key: &str) -> Vec<u8> {
    let answer = place
        .wait(place.s3().get_object().bucket(BUCKET).key(key).send())
        .unwrap();
    place.wait(answer.body.collect()).unwrap().to_vec()
}

/// Rows by key, and the summary.
pub(crate) fn told(done: &Done, bucket: &str) -> (BTreeMap<String, Value>, Value) {
    let mut lines = done.lines();
    let summary = lines.pop().unwrap()["summary"].clone();
    let start = format!("s3://{bucket}/");
    let key = |row: &Value| row["source"].as_str().unwrap().strip_prefix(&start).unwrap().to_owned();
    (lines.into_iter().map(|row| (key(&row), row)).collect(), summary)
}

/// Everything under it opens, bound to its place.
fn all_open(place: &Place, under: &str) -> usize {
    let verdicts = place
        .run(&["verify", "--json", "--require-bound", &uri(under)])
        .ok()
        .json();
    assert!(verdicts.iter().all(|row| row["intact"] == true), "{verdicts:?}");
    verdicts.len()
}

pub(crate) fn keep_versions(place: &Place, bucket: &str, status: BucketVersioningStatus) {
    let versioned = VersioningConfiguration::builder().status(status).build();
    let call = place.s3().put_bucket_versioning().bucket(bucket);
    place.wait(call.versioning_configuration(versioned).send()).unwrap();
}

pub(crate) fn tags(place: &Place, bucket: &str, key: &str) -> Vec<(String, String)> {
    let answer = place.wait(place.s3().get_object_tagging().bucket(bucket).key(key).send());
    let answer = answer.unwrap();
    let tags = answer.tag_set().iter();
    tags.map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()
}

#[test]
fn every_token_is_sealed_anew_under_one_new_data_key_and_opens_to_the_same() {
    let place = world(&[12, 100_000, 9 << 20]);
    place.put(BUCKET, "data/plain.txt", b"plain");
    let before: BTreeSet<String> = (0..3).map(|at| data_key(&place, &format!("data/{at}.csv"))).collect();
    let tokens: Vec<Vec<u8>> = (0..3).map(|at| get(&place, &format!("data/{at}.csv"))).collect();
    let done = place.run(&["rotate", "--json", &uri("data/")]).ok();
    let (rows, summary) = told(&done, BUCKET);
    assert_eq!(summary["sealed"]["objects"], 3, "{summary}");
    assert_eq!(summary["well"], true);
    assert_eq!(rows["data/plain.txt"]["outcome"], "passed-over");
    assert_eq!(rows["data/0.csv"]["before"], "gone");
    let after: BTreeSet<String> = (0..3).map(|at| data_key(&place, &format!("data/{at}.csv"))).collect();
    assert_eq!((before.len(), after.len()), (1, 1));
    assert!(before.is_disjoint(&after));
    for (at, old) in tokens.iter().enumerate() {
        let key = format!("data/{at}.csv");
        assert_ne!(get(&place, &key), *old);
        place.run(&["decrypt", &uri(&key), "-o", &format!("{at}.out")]).ok();
        let (put, got) = (format!("in/{at}.csv"), format!("{at}.out"));
        assert_eq!(
            std::fs::read(place.path(&put)).unwrap(),
            std::fs::read(place.path(&got)).unwrap()
        );
    }
    assert_eq!(get(&place, "data/plain.txt"), b"plain");
    assert_eq!(place.unfinished_uploads(BUCKET), 0);
}

#[test]
fn what_an_object_carries_is_kept_and_so_is_its_place_and_its_context() {
    let place = world(&[12]);
    let own = ["--context", "team=a", "--tag", "k=v", "--sse", "AES256"];
    let encrypt = ["encrypt", "in/0.csv", &uri("own/"), "--key", "alias/training"];
    place.run(&[&encrypt[..], &own[..]].concat()).ok();
    // Written anew by somebody else, as with what only others set.
    let body = get(&place, "own/0.csv");
    let mut metadata = head(&place, BUCKET, "own/0.csv").metadata().unwrap().clone();
    metadata.insert("colour".to_owned(), "red".to_owned());
    let put = place
        .s3()
        .put_object()
        .bucket(BUCKET)
        .key("own/0.csv")
        .set_metadata(Some(metadata));
    let put = put
        .body(ByteStream::from(body))
        .content_type("text/csv")
        .cache_control("no-store")
        .content_language("la")
        .storage_class(StorageClass::StandardIa)
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .tagging("k=v&n=2");
    place.wait(put.send()).unwrap();
    let before = head(&place, BUCKET, "own/0.csv");
    place.run(&["rotate", &uri("own/")]).ok();
    let after = head(&place, BUCKET, "own/0.csv");
    assert_ne!(before.e_tag(), after.e_tag());
    assert_eq!(after.content_type(), Some("text/csv"));
    assert_eq!(after.cache_control(), Some("no-store"));
    assert_eq!(after.content_language(), Some("la"));
    assert_eq!(after.storage_class(), before.storage_class());
    assert_eq!(after.server_side_encryption(), Some(&ServerSideEncryption::AwsKms));
    assert_eq!(after.ssekms_key_id(), before.ssekms_key_id());
    let (old, new) = (before.metadata().unwrap(), after.metadata().unwrap());
    assert_eq!(new["colour"], "red");
    for same in ["name", "prefix", "length", "context", "kms-key-id", "version"] {
        let same = format!("strongroom-{same}");
        assert_eq!(old[&same], new[&same], "{same}");
    }
    let kept: Vec<_> = tags(&place, BUCKET, "own/0.csv");
    assert_eq!(
        kept,
        [("k".to_owned(), "v".to_owned()), ("n".to_owned(), "2".to_owned())]
    );
    assert_eq!(all_open(&place, "own/"), 1);
}

#[test]
fn the_new_data_keys_are_under_the_key_and_context_that_are_named() {
    let place = world(&[12, 24]);
    let other = place.run(&[
        "rotate",
        "--json",
        &uri("data/"),
        "--key",
        "alias/other",
        "--context",
        "a=b",
    ]);
    let (rows, _) = told(&other.ok(), BUCKET);
    let keys: BTreeSet<&str> = rows.values().map(|row| row["kms_key_id"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), 1);
    let verdicts = place.run(&["verify", "--json", &uri("data/")]).ok().json();
    assert!(
        verdicts
            .iter()
            .all(|row| keys.contains(row["kms_key_id"].as_str().unwrap())),
        "{verdicts:?}"
    );
    let metadata = head(&place, BUCKET, "data/0.csv");
    assert!(metadata.metadata().unwrap().contains_key("strongroom-context"));
}

#[test]
fn a_moved_token_stays_moved_and_a_renamed_one_is_left_by_name() {
    let place = world(&[12]);
    for (from, to) in [("data/0.csv", "away/0.csv"), ("data/0.csv", "data/renamed.csv")] {
        let copy = place.s3().copy_object().copy_source(format!("{BUCKET}/{from}"));
        place.wait(copy.bucket(BUCKET).key(to).send()).unwrap();
    }
    let metadata = |key: &str| head(&place, BUCKET, key).metadata().unwrap().clone();
    let moved = metadata("away/0.csv");
    place.run(&["rotate", &uri("away/")]).ok();
    assert_eq!(metadata("away/0.csv")["strongroom-prefix"], moved["strongroom-prefix"]);
    let verdict = place.run(&["verify", "--json", &uri("away/0.csv")]).ok().json();
    assert_eq!(verdict[0]["bound"], "moved");
    let renamed = get(&place, "data/renamed.csv");
    let done = place.run(&["rotate", "--json", &uri("data/")]);
    assert_eq!(done.status, 1, "{done:?}");
    let (rows, summary) = told(&done, BUCKET);
    assert_eq!(
        (summary["sealed"]["objects"].as_u64(), summary["failed"].as_u64()),
        (Some(1), Some(1))
    );
    let why = rows["data/renamed.csv"]["error"].as_str().unwrap();
    assert!(why.contains("renamed or swapped"), "{why}");
    assert_eq!(get(&place, "data/renamed.csv"), renamed);
}

#[test]
fn a_token_that_is_not_intact_is_not_replaced_whatever_its_size() {
    for size in [40, 9 << 20] {
        let place = world(&[size, 40]);
        let mut token = get(&place, "data/0.csv");
        let last = token.len() - 60;
        token[last] = if token[last] == b'A' { b'B' } else { b'A' };
        let metadata = head(&place, BUCKET, "data/0.csv").metadata().unwrap().clone();
        let put = place
            .s3()
            .put_object()
            .bucket(BUCKET)
            .key("data/0.csv")
            .set_metadata(Some(metadata));
        place.wait(put.body(ByteStream::from(token.clone())).send()).unwrap();
        let done = place.run(&["rotate", "--json", &uri("data/")]);
        assert_eq!(done.status, 1, "{done:?}");
        let (rows, _) = told(&done, BUCKET);
        assert_eq!(rows["data/0.csv"]["outcome"], "failed");
        let why = rows["data/0.csv"]["error"].as_str().unwrap();
        assert!(why.contains("the token was changed"), "{why}");
        assert_eq!(rows["data/1.csv"]["outcome"], "sealed");
        assert_eq!(get(&place, "data/0.csv"), token);
        assert_eq!(place.unfinished_uploads(BUCKET), 0);
    }
}

#[test]
fn an_object_that_somebody_replaces_meanwhile_is_told_by_name_and_stays_theirs() {
    static DONE: AtomicBool = AtomicBool::new(false);
    for (size, operation) in [(40, "PutObject"), (9 << 20, "CompleteMultipartUpload")] {
        let place = world(&[size, 40]);
        let s3 = place.s3();
        DONE.store(false, Ordering::SeqCst);
        let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
            let is_it = seen.name() == operation && seen.line.contains("data/0.csv");
            if is_it && !DONE.swap(true, Ordering::SeqCst) {
                let put = s3.put_object().bucket(BUCKET).key("data/0.csv");
                let put = put.body(ByteStream::from_static(b"theirs")).send();
                tokio::runtime::Runtime::new().unwrap().block_on(put).unwrap();
            }
            Trouble::None
        });
        let done = place.run_as(
            &[("AWS_ENDPOINT_URL", Some(proxy.url()))],
            &["rotate", "--json", &uri("data/")],
        );
        assert_eq!(done.status, 1, "{done:?}");
        let (rows, summary) = told(&done, BUCKET);
        let why = rows["data/0.csv"]["error"].as_str().unwrap();
        assert!(
            why.contains("data/0.csv: it is another object since it was looked at"),
            "{why}"
        );
        assert_eq!(summary["failed"], 1);
        assert_eq!(get(&place, "data/0.csv"), b"theirs");
        assert_eq!(rows["data/1.csv"]["outcome"], "sealed");
        assert_eq!(place.unfinished_uploads(BUCKET), 0);
    }
}

#[test]
fn a_bucket_that_keeps_versions_keeps_the_old_tokens_and_that_is_told() {
    let place = world(&[12]);
    keep_versions(&place, BUCKET, BucketVersioningStatus::Enabled);
    place.run(&["rotate", &uri("data/"), "--key", "alias/other"]).ok();
    let done = place.run(&["rotate", "--json", &uri("data/")]).ok();
    let (rows, summary) = told(&done, BUCKET);
    assert_eq!(summary["kept_as_versions"], 1);
    let row = &rows["data/0.csv"];
    assert_eq!(row["before"], "version");
    let call = place.s3().head_object().bucket(BUCKET).key("data/0.csv");
    let old = place
        .wait(call.version_id(row["version_id"].as_str().unwrap()).send())
        .unwrap();
    assert!(old.metadata().unwrap().contains_key("strongroom-mac"));
    let said = place.run(&["rotate", &uri("data/")]).ok().out;
    assert!(
        said.contains("1 old token kept by the bucket as older versions"),
        "{said}"
    );
    assert!(said.contains("kept as version"), "{said}");
}

#[test]
fn one_object_alone_is_rotated_and_what_is_not_there_is_named() {
    let place = world(&[12, 24]);
    let before = data_key(&place, "data/1.csv");
    let (rows, _) = told(&place.run(&["rotate", "--json", &uri("data/0.csv")]).ok(), BUCKET);
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["data/0.csv"]);
    assert_eq!(data_key(&place, "data/1.csv"), before);
    place
        .run(&["rotate", &uri("data/2.csv")])
        .failed(1, &["data/2.csv", "there is no such object"]);
    place
        .run(&["rotate", &uri("nothing/")])
        .failed(1, &["there is no object under it"]);
    place.run(&["rotate", "in"]).failed(2, &["s3://BUCKET/PREFIX/"]);
    // A run that made no token leaves no data key.
    place.put(BUCKET, "plain/a", b"plain");
    let keys = || {
        place
            .objects(BUCKET)
            .iter()
            .filter(|key| key.starts_with(".strongroom/"))
            .count()
    };
    let before = keys();
    place.run(&["rotate", &uri("plain/")]).ok();
    assert_eq!(keys(), before);
}

#[test]
fn a_rotation_that_is_stopped_goes_on_where_it_was_under_the_same_data_key() {
    static PUTS: AtomicUsize = AtomicUsize::new(0);
    let place = world(&[12; 40]);
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), |seen| {
        let is_late = seen.name() == "PutObject" && PUTS.fetch_add(1, Ordering::SeqCst) >= 12;
        if is_late {
            Trouble::StallUnanswered
        } else {
            Trouble::None
        }
    });
    let mut command = place.command(&["rotate", &uri("data/")]);
    command.env("AWS_ENDPOINT_URL", proxy.url());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("it puts tokens", || (PUTS.load(Ordering::SeqCst) >= 14).then_some(()));
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    proxy.calm_down();
    assert_eq!(all_open(&place, "data/"), 40);
    let done = place
        .run_as(
            &[("AWS_ENDPOINT_URL", Some(proxy.url()))],
            &["rotate", "--json", &uri("data/")],
        )
        .ok();
    let (rows, summary) = told(&done, BUCKET);
    let passed = rows.values().filter(|row| row["outcome"] == "passed-over").count();
    assert!((1..40).contains(&passed), "{summary}");
    assert!(summary["resumed"].is_string(), "{summary}");
    let keys: BTreeSet<String> = rows.keys().map(|key| data_key(&place, key)).collect();
    assert_eq!(keys.len(), 1);
    assert_eq!(all_open(&place, "data/"), 40);
    // It is done: the same again is another rotation.
    let (_, again) = told(
        &place
            .run_as(
                &[("AWS_ENDPOINT_URL", Some(proxy.url()))],
                &["rotate", "--json", &uri("data/")],
            )
            .ok(),
        BUCKET,
    );
    assert_eq!(again["sealed"]["objects"], 40);
}

#[test]
fn killed_at_random_moments_and_run_again_everything_opens_and_nothing_is_left_half() {
    let long = std::env::var_os("STRONGROOM_LONG").is_some();
    let (small, kills) = if long { (300, 20) } else { (60, 5) };
    let mut sizes = vec![12; small];
    sizes.extend([9 << 20, 17 << 20]);
    let place = world(&sizes);
    let mut seed = 0x9e37_79b9_u64;
    for _ in 0..kills {
        let mut child = place
            .command(&["rotate", &uri("data/")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_millis(50 + (seed >> 40) % 1500));
        let _ = child.kill();
        child.wait().unwrap();
        assert_eq!(all_open(&place, "data/"), sizes.len());
    }
    place.run(&["rotate", &uri("data/")]).ok();
    assert_eq!(all_open(&place, "data/"), sizes.len());
    for at in [0, small, small + 1] {
        place
            .run(&["decrypt", &uri(&format!("data/{at}.csv")), "-o", &format!("{at}.out")])
            .ok();
        let (put, got) = (format!("in/{at}.csv"), format!("{at}.out"));
        assert_eq!(
            std::fs::read(place.path(&put)).unwrap(),
            std::fs::read(place.path(&got)).unwrap()
        );
    }
}

/// The dashboard, opened at a place of S3.
pub(crate) fn at(place: &Place, uri: &str, size: (u16, u16)) -> Session {
    let environment = place.environment_at(place.endpoint());
    Session::start_with(&[uri], place.home.path(), size, &environment)
}

#[test]
fn in_the_dashboard_a_prefix_is_looked_ahead_at_and_rotated() {
    for size in [(120, 36), (80, 24)] {
        let place = world(&[12, 24]);
        let before = data_key(&place, "data/0.csv");
        let mut session = at(&place, &uri(""), size);
        session.wait("data/").select("data/");
        session
            .action("rotate data keys")
            .wait("Rotate the data keys of")
            .keys(ENTER);
        session.wait("2 objects").wait("strongroom-bound").wait("y yes");
        assert_eq!(data_key(&place, "data/0.csv"), before);
        session.keys("y").wait("2 objects rotated").wait("0 failed");
        assert_ne!(data_key(&place, "data/0.csv"), before);
        assert_eq!(all_open(&place, "data/"), 2);
    }
}
