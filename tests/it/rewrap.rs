//! Data keys under another KMS key: the tokens stay where they are, every object opens at every moment, and what would be lost is
//! refused by its name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    BucketVersioningStatus, MetadataDirective, ServerSideEncryption, StorageClass, Tag, Tagging,
    VersioningConfiguration,
};
use serde_json::Value;
use strongroom::actions;

use crate::place::{Done, Place};
use crate::proxy::{Proxy, Trouble};
use crate::pty::{CLEAR, ENTER, ESC, TAB};

#[path = "rewrap/beside.rs"]
mod beside;
#[path = "rewrap/kept.rs"]
mod kept;
#[path = "rewrap/killed.rs"]
mod killed;

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

fn tag(place: &Place, bucket: &str, key: &str, name: &str, value: &str) {
    let tag = Tag::builder().key(name).value(value).build().unwrap();
    let tagging = Tagging::builder().tag_set(tag).build().unwrap();
    let call = place.s3().put_object_tagging().bucket(bucket).key(key).tagging(tagging);
    place.wait(call.send()).unwrap();
}

/// Copies an object onto itself with other settings, as its owner may have long ago.
pub(crate) fn dress(place: &Place, bucket: &str, key: &str, sse_key: &str) {
    let mut metadata = crate::rotate::head(place, bucket, key).metadata.unwrap();
    metadata.insert("owner".to_owned(), "ann".to_owned());
    let call = place
        .s3()
        .copy_object()
        .bucket(bucket)
        .key(key)
        .copy_source(format!("{bucket}/{key}"))
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
    tag(place, bucket, key, "team", "houses");
}

/// What must be the same before and after, in words.
pub(crate) fn settings(place: &Place, bucket: &str, key: &str) -> String {
    let head = crate::rotate::head(place, bucket, key);
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
        crate::rotate::tags(place, bucket, key)
    )
}

#[test]
fn data_keys_go_to_another_key_and_nothing_else_changes() {
    let (place, old, new) = world();
    let at_rest = place.key("at-rest");
    encrypt(&place, "a/", &["one.csv", "two.csv", "deep/ü +%.csv"], &[]);
    encrypt(&place, "b/", &["three.csv"], &["--context", "project=houses"]);
    place.put(BUCKET, "a/plain.csv", TABLE);
    dress(&place, BUCKET, "a/one.csv", &at_rest);
    let keys = ["a/one.csv", "a/two.csv", "a/deep/ü +%.csv", "b/three.csv"];
    let before: Vec<String> = keys.iter().map(|key| settings(&place, BUCKET, key)).collect();
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
    let after: Vec<String> = keys.iter().map(|key| settings(&place, BUCKET, key)).collect();
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
    assert!(says(&place, "b/three.csv", "context").is_some(), "the context is kept");
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
fn an_answer_that_was_lost_is_found_out_and_a_change_meanwhile_is_left_alone() {
    static COPIES: AtomicUsize = AtomicUsize::new(0);
    let (place, _, new) = world();
    let at_rest = place.key("at-rest");
    encrypt(&place, "a/", &["one.csv"], &[]);
    // The ETag of what S3 encrypts with KMS is another after every copy.
    dress(&place, BUCKET, "a/one.csv", &at_rest);
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
        .wait("╭ Re-wrapped");
    session.wait("re-wrapped: 2 objects");
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
        .wait("╭ Re-wrapped")
        .wait("re-wrapped: 2 objects")
        .wait("old key object kept")
        .wait("a/token");
    verify(&place, "a/one.csv");
}
