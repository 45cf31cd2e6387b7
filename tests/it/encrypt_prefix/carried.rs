//! What a token carries of the object that it was made of, and what keeps that object where it is.

use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{ObjectLockLegalHoldStatus, ObjectLockMode, StorageClass};

use super::{BUCKET, TABLE, encrypt, uri, verified, world};
use crate::place::Place;
use crate::rotate::{head, tags};

#[test]
fn what_an_object_carries_is_kept_and_the_rules_for_the_bucket_hold() {
    let place = world();
    let put = place
        .s3()
        .put_object()
        .bucket(BUCKET)
        .key("data/a.csv")
        .body(ByteStream::from_static(TABLE));
    let put = put
        .content_type("text/csv")
        .metadata("colour", "red")
        .storage_class(StorageClass::StandardIa)
        .tagging("k=v");
    place.wait(put.send()).unwrap();
    let (status, ..) = encrypt(&place, &uri("data/a.csv"), &uri("data/a.csv"), &["--tag", "by=rule"]);
    assert_eq!(status, 0);
    let after = head(&place, BUCKET, "data/a.csv");
    assert_eq!(after.content_type(), Some("text/csv"));
    assert_eq!(after.storage_class(), Some(&StorageClass::StandardIa));
    let metadata = after.metadata().unwrap();
    assert_eq!(
        (metadata["colour"].as_str(), metadata["strongroom-name"].as_str()),
        ("red", "a.csv")
    );
    let kept = tags(&place, BUCKET, "data/a.csv");
    assert_eq!(
        kept,
        [("by".to_owned(), "rule".to_owned()), ("k".to_owned(), "v".to_owned())]
    );
    assert_eq!(verified(&place, "data/a.csv"), 1);
}

#[test]
fn across_buckets_all_headers_and_tags_go_with_it() {
    const OTHER: &str = "sagemaker-sealed";
    let place = world();
    place.bucket(OTHER);
    let put = place.s3().put_object().bucket(BUCKET).key("data/a.csv");
    let put = put
        .body(ByteStream::from_static(TABLE))
        .content_type("text/csv")
        .cache_control("no-cache")
        .content_disposition("attachment; filename=a.csv")
        .content_encoding("identity")
        .content_language("de")
        .expires(DateTime::from_secs(1_900_000_000))
        .website_redirect_location("https://example.org/a.csv")
        .storage_class(StorageClass::StandardIa)
        .metadata("colour", "red")
        .tagging("k=v");
    place.wait(put.send()).unwrap();
    let to = format!("s3://{OTHER}/sealed/");
    place
        .run(&["encrypt", &uri("data/a.csv"), &to, "--key", "alias/training"])
        .ok();
    let (before, after) = (head(&place, BUCKET, "data/a.csv"), head(&place, OTHER, "sealed/a.csv"));
    assert_eq!(after.content_type(), before.content_type());
    assert_eq!(after.cache_control(), before.cache_control());
    assert_eq!(after.content_disposition(), before.content_disposition());
    assert_eq!(after.content_encoding(), before.content_encoding());
    assert_eq!(after.content_language(), before.content_language());
    assert_eq!(after.expires_string(), before.expires_string());
    assert_eq!(after.storage_class(), before.storage_class());
    assert_eq!(after.website_redirect_location(), Some("https://example.org/a.csv"));
    assert_eq!(after.metadata().unwrap()["colour"], "red");
    assert_eq!(tags(&place, OTHER, "sealed/a.csv"), [("k".to_owned(), "v".to_owned())]);
}

#[test]
fn a_locked_plain_object_is_left_with_what_ends_its_lock() {
    let place = Place::new();
    place.key("training");
    let s3 = place.s3();
    let make = s3.create_bucket().bucket(BUCKET).object_lock_enabled_for_bucket(true);
    place.wait(make.send()).unwrap();
    let until = DateTime::from_secs(jiff::Timestamp::now().as_second() + 86_400 * 30);
    let put = |key: &str| {
        s3.put_object()
            .bucket(BUCKET)
            .key(key)
            .body(ByteStream::from_static(TABLE))
    };
    let retained = |key: &str, mode| put(key).object_lock_mode(mode).object_lock_retain_until_date(until);
    place
        .wait(retained("data/compliance", ObjectLockMode::Compliance).send())
        .unwrap();
    place
        .wait(retained("data/governance", ObjectLockMode::Governance).send())
        .unwrap();
    let held = put("data/held").object_lock_legal_hold_status(ObjectLockLegalHoldStatus::On);
    place.wait(held.send()).unwrap();
    for to in ["data/", "sealed/"] {
        let (from, to) = (uri("data/"), uri(to));
        let ahead = [
            "encrypt",
            &from,
            &to,
            "--key",
            "alias/training",
            "--delete-plain",
            "--dry-run",
        ];
        let said = place.run(&ahead).ok().out;
        assert!(said.contains("unless a retention or a legal hold locks it"), "{said}");
    }
    let (status, rows, summary) = encrypt(&place, &uri("data/"), &uri("sealed/"), &["--delete-plain"]);
    assert_eq!((status, &summary["undeleted"]), (1, &3.into()), "{rows:?}");
    for (key, words) in [
        ("data/compliance", ["COMPLIANCE mode", "nobody can delete it"]),
        ("data/governance", ["GOVERNANCE mode", "s3:BypassGovernanceRetention"]),
        ("data/held", ["legal hold", "put-object-legal-hold"]),
    ] {
        let why = rows[key]["error"].as_str().unwrap();
        assert!(words.iter().all(|word| why.contains(word)), "{why}");
        assert!(!why.contains("create a grant") && !why.contains("in IAM"), "{why}");
    }
    // Commands that are pasted as they stand.
    for (key, command, ends) in [
        ("data/governance", "delete-object", " --bypass-governance-retention`"),
        ("data/held", "put-object-legal-hold", " --legal-hold Status=OFF`"),
    ] {
        let why = rows[key]["error"].as_str().unwrap();
        let begins = format!("`aws s3api {command} --bucket {BUCKET} --key {key} --version-id ");
        assert!(why.contains(&begins) && why.contains(ends), "{why}");
    }
}
