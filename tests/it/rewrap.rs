//! Data keys under another KMS key: the tokens stay where they are, every object opens at every moment, and what would be lost is
//! refused by its name.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    BucketVersioningStatus, DefaultRetention, MetadataDirective, ObjectLockConfiguration, ObjectLockEnabled,
    ObjectLockLegalHold, ObjectLockLegalHoldStatus, ObjectLockMode, ObjectLockRetention, ObjectLockRetentionMode,
    ObjectLockRule, ServerSideEncryption, StorageClass, Tag, Tagging, VersioningConfiguration,
};
use serde_json::Value;
use strongroom::actions::bulk::{RewrapMode, rewrap};
use strongroom::actions::{self, ProgressSink};
use strongroom::domain::rewrap::{RewrapReport, RewrapSpec};

use crate::place::{Done, Place, never};
use crate::proxy::{Proxy, Trouble};
use crate::pty::{CLEAR, ENTER, ESC, TAB};

const BUCKET: &str = "sagemaker-rewrapped";
const TABLE: &[u8] = b"x,y\n1,2\n2,4\n3,6\n4,8\n";
const OWN: &str = ".strongroom/data-keys/";

fn uri(key: &str) -> String {
    format!("s3://{BUCKET}/{key}")
}

/// A world with two keys, `old` and `new`; their ARNs.
fn world() -> (Place, String, String) {
    let place = Place::new();
    let (old, new) = (place.key("old"), place.key("new"));
    place.bucket(BUCKET);
    (place, old, new)
}

/// Tokens of these names under one data key of `alias/old`.
fn encrypt(place: &Place, prefix: &str, names: &[&str], more: &[&str]) {
    for name in names {
        place.write(&format!("{prefix}{name}"), TABLE);
    }
    let folder = place.path(prefix);
    let folder = folder.to_str().unwrap();
    let to = uri(prefix);
    place
        .run(&[&["encrypt", folder, &to, "--key", "alias/old"], more].concat())
        .ok();
}

fn head(place: &Place, key: &str) -> HeadObjectOutput {
    place
        .wait(place.s3().head_object().bucket(BUCKET).key(key).send())
        .unwrap()
}

fn says(place: &Place, key: &str, name: &str) -> Option<String> {
    head(place, key)
        .metadata
        .unwrap()
        .get(&format!("strongroom-{name}"))
        .cloned()
}

fn run(place: &Place, arguments: &[&str]) -> Done {
    place.run(&[&["rewrap", "--json"], arguments].concat())
}

/// The state of every object by key, and the summary.
fn told(done: &Done) -> (BTreeMap<String, Value>, Value) {
    let mut lines = done.lines();
    let summary = lines.pop().unwrap()["summary"].clone();
    let start = format!("s3://{BUCKET}/");
    let key = |row: &Value| row["source"].as_str().unwrap().strip_prefix(&start).unwrap().to_owned();
    (lines.into_iter().map(|row| (key(&row), row)).collect(), summary)
}

fn verify(place: &Place, what: &str) {
    place.run(&["verify", &uri(what)]).ok();
}

fn disable(place: &Place, key_arn: &str) {
    place.wait(actions::disable_key(&place.aws, key_arn)).unwrap();
}

fn key_objects(place: &Place) -> BTreeSet<String> {
    let all = place.objects(BUCKET).into_iter();
    all.filter(|key| key.starts_with(OWN)).collect()
}

fn set_versioning(place: &Place) {
    let versioned = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
    let call = place.s3().put_bucket_versioning().bucket(BUCKET);
    place
        .wait(call.versioning_configuration(versioned.build()).send())
        .unwrap();
}

fn tag(place: &Place, key: &str, name: &str, value: &str) {
    let tag = Tag::builder().key(name).value(value).build().unwrap();
    let tagging = Tagging::builder().tag_set(tag).build().unwrap();
    let call = place.s3().put_object_tagging().bucket(BUCKET).key(key).tagging(tagging);
    place.wait(call.send()).unwrap();
}

fn tags(place: &Place, key: &str) -> Vec<(String, String)> {
    let answer = place
        .wait(place.s3().get_object_tagging().bucket(BUCKET).key(key).send())
        .unwrap();
    answer.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

/// Copies an object onto itself with other settings, as its owner may have long ago.
fn dress(place: &Place, key: &str, sse_key: &str) {
    let mut metadata = head(place, key).metadata.unwrap();
    metadata.insert("owner".to_owned(), "ann".to_owned());
    let call = place
        .s3()
        .copy_object()
        .bucket(BUCKET)
        .key(key)
        .copy_source(format!("{BUCKET}/{key}"))
        .metadata_directive(MetadataDirective::Replace)
        .set_metadata(Some(metadata))
        .content_type("text/x-token")
        .cache_control("no-store")
        .content_disposition("attachment")
        .content_encoding("identity")
        .content_language("de")
        .expires(DateTime::from_secs(1_900_000_000))
        .website_redirect_location("/elsewhere")
        .storage_class(StorageClass::StandardIa)
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id(sse_key)
        .bucket_key_enabled(true);
    place.wait(call.send()).unwrap();
    tag(place, key, "team", "houses");
}

/// What must be the same before and after, in words.
fn settings(place: &Place, key: &str) -> String {
    let head = head(place, key);
    let mut metadata: Vec<_> = head.metadata.clone().unwrap().into_iter().collect();
    let of_data_key = ["data-key", "data-key-object", "kms-key-id", "context"].map(|name| format!("strongroom-{name}"));
    metadata.retain(|(name, _)| !of_data_key.contains(name));
    metadata.sort();
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {metadata:?} {:?}",
        head.content_type(),
        head.cache_control(),
        head.content_disposition(),
        head.content_encoding(),
        head.content_language(),
        head.expires_string(),
        head.website_redirect_location(),
        head.storage_class(),
        head.server_side_encryption(),
        head.ssekms_key_id(),
        head.bucket_key_enabled(),
        head.content_length(),
        tags(place, key)
    )
}

#[test]
fn data_keys_go_to_another_key_and_nothing_else_changes() {
    let (place, old, new) = world();
    let at_rest = place.key("at-rest");
    encrypt(&place, "a/", &["one.csv", "two.csv", "deep/ü +%.csv"], &[]);
    encrypt(&place, "b/", &["three.csv"], &["--context", "project=houses"]);
    place.put(BUCKET, "a/plain.csv", TABLE);
    dress(&place, "a/one.csv", &at_rest);
    let keys = ["a/one.csv", "a/two.csv", "a/deep/ü +%.csv", "b/three.csv"];
    let before: Vec<String> = keys.iter().map(|key| settings(&place, key)).collect();
    let etags: Vec<_> = keys.iter().map(|key| head(&place, key).e_tag).collect();
    let old_objects = key_objects(&place);

    let plan = run(&place, &[&uri(""), "--to", "alias/new", "--dry-run"]);
    let (rows, summary) = told(&plan);
    assert_eq!((plan.status, rows.len()), (0, 4), "{plan:?}");
    assert_eq!(
        (
            &summary["dry_run"],
            &summary["data_keys"],
            &summary["rewrapped"]["objects"]
        ),
        (&true.into(), &2.into(), &4.into())
    );
    assert_eq!(key_objects(&place), old_objects, "a plan changes nothing");
    assert_eq!(
        keys.iter().map(|key| head(&place, key).e_tag).collect::<Vec<_>>(),
        etags
    );

    let done = run(&place, &[&uri(""), "--to", "alias/new"]);
    let (rows, summary) = told(&done);
    assert_eq!(done.status, 0, "{done:?}");
    assert!(keys.iter().all(|key| rows[*key]["state"] == "rewrapped"), "{rows:?}");
    assert_eq!(
        (&summary["data_keys"], &summary["passed_over"]),
        (&2.into(), &3.into()),
        "{summary}"
    );
    assert_eq!(summary["from"][&old]["objects"], 4);
    let after: Vec<String> = keys.iter().map(|key| settings(&place, key)).collect();
    assert_eq!(after, before);
    assert!(
        before[0].contains("text/x-token") && before[0].contains("ann") && before[0].contains("team"),
        "{}",
        before[0]
    );
    for key in keys {
        assert_eq!(says(&place, key, "kms-key-id").as_ref(), Some(&new), "{key}");
        let object = says(&place, key, "data-key-object").unwrap();
        assert!(object.starts_with(OWN) && !old_objects.contains(&object), "{object}");
        assert_eq!(head(&place, &object).metadata.unwrap()["strongroom-key-object"], "1");
    }
    assert!(key_objects(&place).is_superset(&old_objects), "the old ones stay");
    assert_eq!(
        says(&place, "b/three.csv", "context").is_some(),
        true,
        "the context is kept"
    );
    disable(&place, &old);
    verify(&place, "a/deep/");
    verify(&place, "b/");
    place.run(&["verify", "--require-bound", &uri("a/one.csv")]).ok();

    let again = run(&place, &[&uri(""), "--to", &new]);
    let (rows, summary) = told(&again);
    assert_eq!(
        (again.status, &summary["already"]["objects"], &summary["data_keys"]),
        (0, &4.into(), &0.into())
    );
    assert!(rows.values().all(|row| row["state"] == "already"));
}

#[test]
fn a_context_is_another_one_if_it_is_given() {
    let (place, old, new) = world();
    encrypt(&place, "a/", &["one.csv"], &["--context", "project=houses"]);
    run(
        &place,
        &[&uri("a/"), "--to", "alias/new", "--context", "project=gardens"],
    )
    .ok();
    let place_of = |arn: &str| says(&place, "a/one.csv", "kms-key-id").as_deref() == Some(arn);
    assert!(place_of(&new));
    disable(&place, &old);
    verify(&place, "a/");
    // The same key and another context is another wrapping too.
    let third = run(&place, &[&uri("a/"), "--to", "alias/new", "--context", "project=ponds"]).ok();
    assert_eq!(told(&third).1["rewrapped"]["objects"], 1);
    verify(&place, "a/");
}

#[test]
fn what_cannot_be_rewrapped_is_refused_by_its_name_and_the_rest_goes_on() {
    let (place, _, new) = world();
    encrypt(
        &place,
        "a/",
        &["archived.csv", "edited.csv", "stripped.csv", "well.csv"],
        &[],
    );
    let s3 = place.s3();
    let onto_itself = |key: &str| {
        s3.copy_object()
            .bucket(BUCKET)
            .key(key)
            .copy_source(format!("{BUCKET}/{key}"))
            .metadata_directive(MetadataDirective::Replace)
    };
    let whole = head(&place, "a/archived.csv").metadata;
    let call = onto_itself("a/archived.csv")
        .set_metadata(whole)
        .storage_class(StorageClass::Glacier);
    place.wait(call.send()).unwrap();
    let mut edited = head(&place, "a/edited.csv").metadata.unwrap();
    edited.insert("strongroom-length".to_owned(), "many".to_owned());
    place
        .wait(onto_itself("a/edited.csv").set_metadata(Some(edited)).send())
        .unwrap();
    place.wait(onto_itself("a/stripped.csv").send()).unwrap();

    for more in [&["--dry-run"][..], &[]] {
        let done = run(&place, &[&[&uri("a/"), "--to", "alias/new"], more].concat());
        let (rows, summary) = told(&done);
        assert_eq!(
            (done.status, &summary["refused"], &summary["rewrapped"]["objects"]),
            (1, &3.into(), &1.into()),
            "{done:?}"
        );
        for (key, words) in [
            ("archived", "GLACIER"),
            ("edited", "length"),
            ("stripped", "convention"),
        ] {
            let row = &rows[&format!("a/{key}.csv")];
            assert_eq!(row["state"], "refused", "{row}");
            assert!(row["error"].as_str().unwrap().contains(words), "{row}");
        }
        assert!(done.err.contains("3 refused"), "{}", done.err);
    }
    assert_eq!(says(&place, "a/well.csv", "kms-key-id").as_ref(), Some(&new));
    assert_ne!(says(&place, "a/archived.csv", "kms-key-id").as_ref(), Some(&new));
    verify(&place, "a/well.csv");
}

#[test]
fn a_data_key_that_kms_refuses_is_told_and_the_others_go_on() {
    let (place, old, new) = world();
    encrypt(&place, "a/", &["one.csv"], &[]);
    let third = place.key("third");
    place.write("c/one.csv", TABLE);
    let folder = place.path("c");
    place
        .run(&["encrypt", folder.to_str().unwrap(), &uri("c/"), "--key", &third])
        .ok();
    disable(&place, &old);
    let done = run(&place, &[&uri(""), "--to", "alias/new"]);
    let (rows, _) = told(&done);
    assert_eq!(done.status, 1);
    assert_eq!(
        (&rows["a/one.csv"]["state"], &rows["c/one.csv"]["state"]),
        (&"failed".into(), &"rewrapped".into())
    );
    assert!(
        rows["a/one.csv"]["error"].as_str().unwrap().contains("disabled"),
        "{rows:?}"
    );
    assert_eq!(says(&place, "c/one.csv", "kms-key-id").as_ref(), Some(&new));
    disable(&place, &new);
    let refused = place.run(&["rewrap", &uri(""), "--to", "alias/new"]);
    refused.failed(1, &["wrap data keys under", "Disabled", "enable it"]);
}

#[test]
fn old_key_objects_go_only_where_nothing_in_the_bucket_names_them() {
    let (place, old, _) = world();
    encrypt(&place, "a/", &["one.csv", "two.csv"], &[]);
    encrypt(&place, "b/", &["three.csv"], &[]);
    let call = place
        .s3()
        .copy_object()
        .bucket(BUCKET)
        .key("copy/three.csv")
        .copy_source(format!("{BUCKET}/b/three.csv"));
    place.wait(call.send()).unwrap();
    let of = |key: &str| says(&place, key, "data-key-object").unwrap();
    let (gone, named) = (of("a/one.csv"), of("b/three.csv"));
    // What goes out of one run is known to the next.
    run(&place, &[&uri("a/"), "--to", "alias/new"]).ok();
    let done = run(&place, &[&uri("b/"), "--to", "alias/new", "--delete-old-key-objects"]).ok();
    let (_, summary) = told(&done);
    let fates: BTreeMap<&str, &Value> = summary["old_key_objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["uri"].as_str().unwrap(), one))
        .collect();
    assert_eq!(fates[uri(&named).as_str()]["deleted"], false);
    let why = fates[uri(&named).as_str()]["kept"].as_str().unwrap();
    assert!(
        why.contains("copy/three.csv names it") || why.contains("copy/three.csv"),
        "{why}"
    );
    assert_eq!(fates[uri(&gone).as_str()]["deleted"], true, "{summary}");
    let left = key_objects(&place);
    assert!(left.contains(&named) && !left.contains(&gone), "{left:?}");
    verify(&place, "copy/");

    // A token that names none may need any of them.
    encrypt(&place, "d/", &["four.csv"], &[]);
    let own = of("d/four.csv");
    place.put(
        BUCKET,
        "other/token",
        b"gAAAAABo0000AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    );
    let done = run(&place, &[&uri("d/"), "--to", "alias/new", "--delete-old-key-objects"]).ok();
    let told = told(&done).1["old_key_objects"].to_string();
    assert!(
        told.contains("other/token") && !told.contains("\"deleted\":true"),
        "{told}"
    );
    assert!(key_objects(&place).contains(&own));
    disable(&place, &old);
    verify(&place, "a/");
    verify(&place, "d/");
}

#[test]
fn in_a_versioned_bucket_the_newest_version_is_rewrapped_and_older_ones_keep_their_key_object() {
    let (place, _, new) = world();
    set_versioning(&place);
    encrypt(&place, "a/", &["one.csv"], &[]);
    encrypt(&place, "a/", &["one.csv"], &["--overwrite"]);
    let old = says(&place, "a/one.csv", "data-key-object").unwrap();
    let done = run(&place, &[&uri("a/"), "--to", "alias/new", "--delete-old-key-objects"]).ok();
    let (_, summary) = told(&done);
    assert_eq!(summary["older_versions"], 2, "{summary}");
    let fates = summary["old_key_objects"].to_string();
    assert!(
        fates.contains("version") && fates.contains("names it") && !fates.contains("\"deleted\":true"),
        "{fates}"
    );
    assert!(key_objects(&place).contains(&old));
    assert_eq!(says(&place, "a/one.csv", "kms-key-id").as_ref(), Some(&new));
    verify(&place, "a/");
    let versions = place
        .wait(place.s3().list_object_versions().bucket(BUCKET).prefix("a/").send())
        .unwrap();
    assert_eq!(versions.versions().len(), 3);
}

#[test]
fn locks_are_kept_and_one_that_would_come_by_itself_is_refused() {
    let place = Place::new();
    place.key("old");
    let new = place.key("new");
    let s3 = place.s3();
    let make = s3.create_bucket().bucket(BUCKET).object_lock_enabled_for_bucket(true);
    place.wait(make.send()).unwrap();
    encrypt(&place, "a/", &["free.csv", "held.csv", "kept.csv"], &[]);
    let until = DateTime::from_secs(jiff::Timestamp::now().as_second() + 86_400 * 30);
    let retention = ObjectLockRetention::builder()
        .mode(ObjectLockRetentionMode::Governance)
        .retain_until_date(until)
        .build();
    place
        .wait(
            s3.put_object_retention()
                .bucket(BUCKET)
                .key("a/kept.csv")
                .retention(retention)
                .send(),
        )
        .unwrap();
    let hold = ObjectLockLegalHold::builder()
        .status(ObjectLockLegalHoldStatus::On)
        .build();
    place
        .wait(
            s3.put_object_legal_hold()
                .bucket(BUCKET)
                .key("a/held.csv")
                .legal_hold(hold)
                .send(),
        )
        .unwrap();
    run(&place, &[&uri("a/"), "--to", "alias/new"]).ok();
    let kept = head(&place, "a/kept.csv");
    assert_eq!(
        (kept.object_lock_mode(), kept.object_lock_retain_until_date()),
        (Some(&ObjectLockMode::Governance), Some(&until))
    );
    assert_eq!(
        head(&place, "a/held.csv").object_lock_legal_hold_status(),
        Some(&ObjectLockLegalHoldStatus::On)
    );
    let free = head(&place, "a/free.csv");
    assert_eq!(
        (free.object_lock_mode(), says(&place, "a/free.csv", "kms-key-id")),
        (None, Some(new))
    );
    verify(&place, "a/");

    let default = DefaultRetention::builder()
        .mode(ObjectLockRetentionMode::Compliance)
        .days(1)
        .build();
    let rule = ObjectLockRule::builder().default_retention(default).build();
    let lock = ObjectLockConfiguration::builder()
        .object_lock_enabled(ObjectLockEnabled::Enabled)
        .rule(rule)
        .build();
    place
        .wait(
            s3.put_object_lock_configuration()
                .bucket(BUCKET)
                .object_lock_configuration(lock)
                .send(),
        )
        .unwrap();
    let done = run(&place, &[&uri("a/"), "--to", "alias/old"]);
    let (rows, _) = told(&done);
    assert_eq!(done.status, 1);
    assert_eq!(
        (&rows["a/free.csv"]["state"], &rows["a/kept.csv"]["state"]),
        (&"refused".into(), &"rewrapped".into())
    );
    assert!(
        rows["a/free.csv"]["error"]
            .as_str()
            .unwrap()
            .contains("default retention"),
        "{rows:?}"
    );
    assert_eq!(head(&place, "a/kept.csv").object_lock_retain_until_date(), Some(&until));
}

#[test]
fn what_is_too_long_for_one_copy_goes_in_parts_with_all_that_it_has() {
    let (place, old, new) = world();
    let at_rest = place.key("at-rest");
    place.write("big", vec![7_u8; 9 << 20]);
    place.run(&["encrypt", "big", &uri("a/"), "--key", "alias/old"]).ok();
    dress(&place, "a/big", &at_rest);
    let before = settings(&place, "a/big");
    let report = by_library(
        &place,
        RewrapMode {
            is_plan: false,
            largest_copy: 6 << 20,
        },
        "alias/new",
    );
    assert!(report.is_well() && report.done.objects == 1, "{report:?}");
    assert_eq!(settings(&place, "a/big"), before);
    let etag = head(&place, "a/big").e_tag.unwrap();
    assert!(etag.trim_matches('"').ends_with("-3"), "{etag}");
    assert_eq!(
        (says(&place, "a/big", "kms-key-id"), place.unfinished_uploads(BUCKET)),
        (Some(new), 0)
    );
    disable(&place, &old);
    verify(&place, "a/");
}

fn by_library(place: &Place, mode: RewrapMode, to: &str) -> RewrapReport {
    let spec = RewrapSpec {
        bucket: BUCKET.to_owned(),
        prefixes: vec!["a/".to_owned()],
        objects: Vec::new(),
        to: to.to_owned(),
        context: None,
        delete_old: false,
    };
    let (progress, cancel) = (ProgressSink::none(), never());
    place
        .wait(rewrap(&place.aws, &spec, mode, &progress, &cancel, &mut |_| Ok(())))
        .unwrap()
}

#[test]
fn what_stands_in_the_journal_is_proved_before_anything_names_it() {
    let (place, _, new) = world();
    encrypt(&place, "a/", &["one.csv"], &[]);
    let first = head(&place, "a/one.csv").metadata;
    let restore = || {
        let call = place
            .s3()
            .copy_object()
            .bucket(BUCKET)
            .key("a/one.csv")
            .copy_source(format!("{BUCKET}/a/one.csv"));
        let call = call
            .metadata_directive(MetadataDirective::Replace)
            .set_metadata(first.clone());
        place.wait(call.send()).unwrap();
    };
    run(&place, &[&uri("a/"), "--to", "alias/new"]).ok();
    let own = says(&place, "a/one.csv", "data-key");
    // What is there is used again: no data key is wrapped twice.
    restore();
    run(&place, &[&uri("a/"), "--to", "alias/new"]).ok();
    assert_eq!(says(&place, "a/one.csv", "data-key"), own);

    restore();
    let entry = place
        .objects(BUCKET)
        .into_iter()
        .find(|key| key.starts_with(".strongroom/bulk/"))
        .unwrap();
    let kms = aws_sdk_kms::Client::new(&place.sdk());
    let made = kms
        .generate_data_key()
        .key_id(&new)
        .key_spec(aws_sdk_kms::types::DataKeySpec::Aes256);
    let another = place.wait(made.send()).unwrap().ciphertext_blob.unwrap().into_inner();
    place.put(BUCKET, &entry, &another);
    let done = run(&place, &[&uri("a/"), "--to", "alias/new"]);
    let (rows, _) = told(&done);
    assert_eq!((done.status, &rows["a/one.csv"]["state"]), (1, &"failed".into()));
    let why = rows["a/one.csv"]["error"].as_str().unwrap();
    assert!(
        why.contains("no MAC") && why.contains(&format!("delete {}", uri(&entry))),
        "{why}"
    );
    assert_eq!(head(&place, "a/one.csv").metadata, first, "nothing was changed");
    place
        .wait(place.s3().delete_object().bucket(BUCKET).key(&entry).send())
        .unwrap();
    let done = run(&place, &[&uri("a/"), "--to", "alias/new"]).ok();
    assert_eq!(told(&done).1["rewrapped"]["objects"], 1);
    verify(&place, "a/");
}

#[test]
fn an_answer_that_was_lost_is_found_out_and_a_change_meanwhile_is_left_alone() {
    static COPIES: AtomicUsize = AtomicUsize::new(0);
    let (place, _, new) = world();
    let at_rest = place.key("at-rest");
    encrypt(&place, "a/", &["one.csv"], &[]);
    // The ETag of what S3 encrypts with KMS is another after every copy.
    dress(&place, "a/one.csv", &at_rest);
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), |seen| {
        let is_copy = seen.line.starts_with("PUT ") && seen.line.contains("/a/one.csv");
        if is_copy && COPIES.fetch_add(1, Ordering::SeqCst) == 0 {
            Trouble::LostAnswer
        } else {
            Trouble::None
        }
    });
    let done = place.run_as(
        &[("AWS_ENDPOINT_URL", Some(proxy.url()))],
        &["rewrap", &uri("a/"), "--to", "alias/new"],
    );
    assert_eq!(done.status, 0, "{done:?}");
    assert!(COPIES.load(Ordering::SeqCst) >= 2);
    assert_eq!(says(&place, "a/one.csv", "kms-key-id"), Some(new));
    verify(&place, "a/");
}

/// Whoever reads all the while stops, however this ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What a run of many kills must hold.
struct Measured {
    kms: usize,
    kills: usize,
    data_keys: usize,
}

fn killed_again_and_again(folders: usize, each: usize, kills: usize) -> Measured {
    let (place, old, new) = world();
    let s3 = place.s3();
    for folder in 0..folders {
        let names: Vec<String> = (0..each).map(|number| format!("{number:03}.csv")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        encrypt(&place, &format!("a/{folder:02}/"), &names, &[]);
    }
    let all: Vec<String> = place
        .objects(BUCKET)
        .into_iter()
        .filter(|key| key.starts_with("a/"))
        .collect();
    assert_eq!(all.len(), folders * each);
    for (nth, key) in all.iter().enumerate().filter(|(nth, _)| nth % 10 == 0) {
        tag(&place, key, "nth", &nth.to_string());
    }
    let before: Vec<String> = all.iter().step_by(10).map(|key| settings(&place, key)).collect();
    // The operation at which it stands still: that one is done, and no answer to it is heard.
    let (left, is_still) = (Arc::new(AtomicIsize::new(isize::MAX)), Arc::new(AtomicBool::new(false)));
    let proxy = {
        let (left, is_still) = (Arc::clone(&left), Arc::clone(&is_still));
        Proxy::start(place.sandbox.as_ref().unwrap(), move |_| {
            match left.fetch_sub(1, Ordering::SeqCst) {
                2.. => Trouble::None,
                1 => {
                    is_still.store(true, Ordering::SeqCst);
                    Trouble::StallMidway
                }
                _ => Trouble::StallUnanswered,
            }
        })
    };
    let start = || {
        let mut command = place.command(&["rewrap", &uri("a/"), "--to", "alias/new"]);
        command
            .env("AWS_ENDPOINT_URL", proxy.url())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let rewrapped = || {
        all.iter()
            .filter(|key| says(&place, key, "kms-key-id").as_ref() == Some(&new))
            .count()
    };
    let is_over = AtomicBool::new(false);
    let opened = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let _over = Over(&is_over);
        // Somebody reads all the while: verify opens each, by what it says at that moment.
        scope.spawn(|| {
            let mut nth = 0;
            while !is_over.load(Ordering::SeqCst) {
                let some: Vec<String> = (0..20).map(|step| uri(&all[(nth + step * 37) % all.len()])).collect();
                let words: Vec<&str> = std::iter::once("verify")
                    .chain(some.iter().map(String::as_str))
                    .collect();
                let done = place.run(&words);
                assert_eq!(done.status, 0, "{done:?}");
                opened.fetch_add(20, Ordering::SeqCst);
                nth += 11;
            }
        });
        // Random moments of a run: mostly once it copies, now and then while it looks.
        let mut seed = vec![0_u8; 2 * kills];
        getrandom::fill(&mut seed).unwrap();
        for chance in seed.chunks(2) {
            let (looking, copying) = (all.len() + 4, 2 * all.len() / kills);
            let moment = match chance[0] % 4 {
                0 => looking * usize::from(chance[1]) / 256,
                _ => looking + copying * usize::from(chance[1]) / 256,
            };
            is_still.store(false, Ordering::SeqCst);
            left.store(isize::try_from(moment).unwrap() + 1, Ordering::SeqCst);
            let mut child = start();
            let end = Instant::now() + Duration::from_secs(100);
            while !is_still.load(Ordering::SeqCst) {
                assert!(
                    Instant::now() < end && child.try_wait().unwrap().is_none(),
                    "it never came to operation {moment}"
                );
                std::thread::sleep(Duration::from_millis(2));
            }
            child.kill().unwrap();
            child.wait().unwrap();
            place.wait(proxy.until_idle());
        }
        left.store(isize::MAX, Ordering::SeqCst);
        assert!(rewrapped() < all.len(), "the kills came too late");
        let mut last = start();
        assert!(last.wait().unwrap().success());
        is_over.store(true, Ordering::SeqCst);
    });
    assert!(opened.load(Ordering::SeqCst) > 20);
    assert_eq!(rewrapped(), all.len());
    let after: Vec<String> = all.iter().step_by(10).map(|key| settings(&place, key)).collect();
    assert_eq!(after, before);
    disable(&place, &old);
    verify(&place, "a/");
    // Of the tokens nothing but beginnings was read, for the proofs, and nothing was sent.
    let passed = proxy.passed();
    let of_tokens = passed.iter().filter(|one| one.operation.contains("/a/"));
    let mut beginnings = 0;
    for one in of_tokens {
        if one.operation.starts_with("GET ") {
            assert_eq!(one.range.as_deref(), Some("bytes=0-35"), "{one:?}");
            beginnings += 1;
        }
        assert_eq!(one.sent, 0, "{one:?}");
    }
    let kms = ["ReEncrypt", "Decrypt", "DescribeKey", "GenerateDataKey"];
    let kms = passed
        .iter()
        .filter(|one| kms.contains(&one.operation.as_str()))
        .count();
    println!(
        "{} objects, {folders} data keys, {kills} kills: {kms} KMS calls, {beginnings} beginnings of 36 characters read, {} opened \
         meanwhile",
        all.len(),
        opened.load(Ordering::SeqCst)
    );
    drop(s3);
    Measured {
        kms,
        kills,
        data_keys: folders,
    }
}

#[test]
fn however_often_it_is_killed_every_object_opens_and_kms_is_asked_little() {
    // STRONGROOM_LONG=1 for a thousand objects.
    let is_long = std::env::var_os("STRONGROOM_LONG").is_some();
    let (folders, each, kills) = if is_long { (20, 50, 10) } else { (5, 16, 4) };
    let measured = killed_again_and_again(folders, each, kills);
    let most = 3 * measured.data_keys + 3 * measured.kills;
    assert!(
        measured.kms <= most,
        "{} calls of KMS, and {most} are allowed",
        measured.kms
    );
}

#[test]
fn a_copy_takes_no_redirect_along() {
    let (place, ..) = world();
    let s3 = place.s3();
    let put = s3
        .put_object()
        .bucket(BUCKET)
        .key("page")
        .website_redirect_location("/elsewhere");
    place.wait(put.send()).unwrap();
    place
        .wait(
            s3.copy_object()
                .bucket(BUCKET)
                .key("copy")
                .copy_source(format!("{BUCKET}/page"))
                .send(),
        )
        .unwrap();
    assert_eq!(head(&place, "page").website_redirect_location(), Some("/elsewhere"));
    assert_eq!(head(&place, "copy").website_redirect_location(), None);
}

#[test]
fn in_the_dashboard_a_plan_is_shown_then_asked_about_then_done() {
    let (place, _, new) = world();
    encrypt(&place, "a/", &["one.csv", "two.csv"], &[]);
    place.put(BUCKET, "a/token", b"gAAAAABo0000AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let mut session = place.dashboard((120, 36));
    session.keys("1").select("new");
    session
        .keys("3")
        .wait("sagemaker-rewrapped")
        .select("a/")
        .action("re-wrap");
    session
        .wait("Re-wrap s3://sagemaker-rewrapped/a/")
        .wait("alias/new")
        .keys(ENTER);
    session
        .wait("What a re-wrap would do")
        .wait("would be re-wrapped: 2 objects");
    session.wait("a/token: refused").wait("convention");
    assert_ne!(says(&place, "a/one.csv", "kms-key-id").as_ref(), Some(&new));
    session.keys(ENTER).wait("Re-wrap s3://sagemaker-rewrapped/a/ under");
    session
        .wait("Objects are copied onto themselves")
        .keys("y")
        .wait("re-wrapped: 2 objects");
    assert_eq!(says(&place, "a/one.csv", "kms-key-id").as_ref(), Some(&new));
    session.keys(ESC).gone("data keys to");

    // What takes something away is agreed to by a word.
    session
        .action("re-wrap")
        .wait("Re-wrap s3://")
        .wait("alias/new")
        .keys(CLEAR)
        .keys("alias/old");
    session
        .keys(TAB)
        .keys(TAB)
        .keys(" ")
        .keys(ENTER)
        .wait("What a re-wrap would do")
        .keys(ENTER);
    assert_eq!(session.agree(), BUCKET);
    session
        .wait("re-wrapped: 2 objects")
        .wait("old key object kept")
        .wait("a/token");
    verify(&place, "a/one.csv");
}
