//! What stays: locks, older versions, key objects that something needs, all settings of what goes in parts; and the journal.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    DefaultRetention, MetadataDirective, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockLegalHold,
    ObjectLockLegalHoldStatus, ObjectLockMode, ObjectLockRetention, ObjectLockRetentionMode, ObjectLockRule,
    ObjectOwnership, OwnershipControls, OwnershipControlsRule,
};
use serde_json::Value;
use strongroom::actions::ProgressSink;
use strongroom::actions::bulk::{RewrapMode, rewrap};
use strongroom::domain::rewrap::{RewrapReport, RewrapSpec};

use super::{
    BUCKET, disable, dress, encrypt, head, key_objects, run, says, set_versioning, settings, told, uri, verify, world,
};
use crate::place::{Place, never};
use crate::proxy::{Proxy, Trouble};

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
fn old_key_objects_that_may_not_be_deleted_are_told_after_what_was_rewrapped() {
    for denied in ["s3:DeleteObject", "s3:ListBucketVersions"] {
        let (place, ..) = world();
        encrypt(&place, "a/", &["one.csv"], &[]);
        let own = says(&place, "a/one.csv", "data-key-object").unwrap();
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["s3:*","kms:*"],"Resource":"*"}},
                {{"Effect":"Deny","Action":"{denied}","Resource":"*"}}]}}"#
        );
        let user = place.user("rewrapper", &[&policy]);
        let user: Vec<(&str, Option<&str>)> = user.iter().map(|(name, value)| (&**name, Some(&**value))).collect();
        let from = uri("a/");
        let rewrap = ["rewrap", &from, "--to", "alias/new", "--delete-old-key-objects"];
        let done = place.run_as(&user, &[&rewrap[..], &["--json"]].concat());
        let (rows, summary) = told(&done);
        assert_eq!(
            (done.status, rows["a/one.csv"]["state"].as_str()),
            (1, Some("rewrapped")),
            "{done:?}"
        );
        assert_eq!(summary["rewrapped"]["objects"], 1, "{summary}");
        let error = summary["old_key_objects_error"].as_str().unwrap();
        assert!(error.contains(denied), "{error}");
        assert_eq!(summary["old_key_objects"][0]["deleted"], false, "{summary}");
        assert!(
            done.err.contains(denied) && done.err.contains("before that 1 object"),
            "{done:?}"
        );
        let again = place.run_as(&user, &rewrap);
        assert_eq!(again.status, 1);
        assert!(
            again.out.contains("under it already") && again.out.contains("old key objects could not be deleted"),
            "{again:?}"
        );
        assert!(key_objects(&place).contains(&own));
        // Who may deletes them by the same command.
        place.run(&rewrap).ok();
        assert!(!key_objects(&place).contains(&own));
    }
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
    dress(&place, BUCKET, "a/big", &at_rest);
    let before = settings(&place, BUCKET, "a/big");
    let report = by_library(
        &place,
        RewrapMode {
            is_plan: false,
            largest_copy: 6 << 20,
        },
        "alias/new",
    );
    assert!(report.is_well() && report.done.objects == 1, "{report:?}");
    assert_eq!(settings(&place, BUCKET, "a/big"), before);
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
fn a_token_without_metadata_that_is_opened_all_the_same_still_is() {
    let (place, ..) = world();
    encrypt(&place, "a/", &["one.csv", "stripped.csv"], &[]);
    let call = place.s3().copy_object().bucket(BUCKET).key("a/stripped.csv");
    let call = call.copy_source(format!("{BUCKET}/a/stripped.csv"));
    place
        .wait(call.metadata_directive(MetadataDirective::Replace).send())
        .unwrap();
    let all_the_same = || place.run(&["verify", "--accept-unbound", &uri("a/stripped.csv")]).ok();
    all_the_same();
    let done = run(&place, &[&uri("a/"), "--to", "alias/new"]);
    assert_eq!((done.status, &told(&done).1["rewrapped"]["objects"]), (1, &1.into()));
    assert_eq!(key_objects(&place).len(), 2);
    all_the_same();
}

/// The sandbox knows ACLs that give the owner everything, and no others: a copy that states one for others is refused there.
#[test]
fn acls_are_read_where_a_bucket_has_them_stated_again_and_never_dropped() {
    const SHARED: &str = "<AccessControlPolicy xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>OWNER</ID></Owner>\
        <AccessControlList><Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\">\
        <ID>OWNER</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant><Grant><Grantee \
        xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"><ID>another</ID></Grantee>\
        <Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>";
    let (place, _, new) = world();
    let rule = OwnershipControlsRule::builder().object_ownership(ObjectOwnership::ObjectWriter);
    let controls = OwnershipControls::builder()
        .rules(rule.build().unwrap())
        .build()
        .unwrap();
    let s3 = place.s3();
    let put = s3.put_bucket_ownership_controls().bucket(BUCKET);
    place.wait(put.ownership_controls(controls).send()).unwrap();
    encrypt(&place, "a/", &["one.csv", "two.csv"], &[]);
    let own = place
        .wait(s3.get_object_acl().bucket(BUCKET).key("a/one.csv").send())
        .unwrap();
    let owner = own.owner.unwrap().id.unwrap();

    // Who may not read them changes nothing.
    let blind = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"s3:GetObjectAcl","Resource":"*"}]}"#;
    let access = place.user("blind", &[blind]);
    let changes: Vec<_> = access
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect();
    let etag = head(&place, "a/one.csv").e_tag;
    let done = place.run_as(&changes, &["rewrap", "--json", &uri("a/"), "--to", "alias/new"]);
    let (rows, summary) = told(&done);
    assert_eq!((done.status, &summary["failed"]), (1, &2.into()), "{done:?}");
    let why = rows["a/one.csv"]["error"].as_str().unwrap();
    assert!(
        why.contains("read the ACL of") && why.contains("s3:GetObjectAcl"),
        "{why}"
    );
    assert_eq!(head(&place, "a/one.csv").e_tag, etag);

    // What one gives to others is stated with the copy.
    let shared: &'static str = Box::leak(SHARED.replace("OWNER", &owner).into_boxed_str());
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
        if seen.line.contains("/a/one.csv?acl") {
            Trouble::Says(shared)
        } else {
            Trouble::None
        }
    });
    let done = place.run_as(
        &[("AWS_ENDPOINT_URL", Some(proxy.url()))],
        &["rewrap", "--json", &uri("a/"), "--to", "alias/new"],
    );
    let (rows, _) = told(&done);
    assert_eq!(rows["a/two.csv"]["state"], "rewrapped", "{done:?}");
    let why = rows["a/one.csv"]["error"].as_str().unwrap();
    assert!(done.status == 1 && why.contains("x-amz-grant-"), "{why}");
    assert_eq!(head(&place, "a/one.csv").e_tag, etag, "nothing was dropped");

    run(&place, &[&uri("a/"), "--to", "alias/new"]).ok();
    assert_eq!(says(&place, "a/one.csv", "kms-key-id"), Some(new));
    let own = place
        .wait(s3.get_object_acl().bucket(BUCKET).key("a/one.csv").send())
        .unwrap();
    assert_eq!(own.grants().len(), 1);
    verify(&place, "a/");
}

#[test]
fn a_token_whose_key_object_holds_another_data_key_is_named_for_one_read_and_re_wrapped() {
    static READ: AtomicUsize = AtomicUsize::new(0);
    let (place, _, new) = world();
    encrypt(&place, "a/", &["one.csv", "two.csv"], &[]);
    encrypt(&place, "b/", &["three.csv"], &[]);
    let of = |key: &str| says(&place, key, "data-key-object").unwrap();
    let (own, other) = (of("a/one.csv"), of("b/three.csv"));
    let call = place.s3().copy_object().bucket(BUCKET).key(&own);
    place
        .wait(call.copy_source(format!("{BUCKET}/{other}")).send())
        .unwrap();
    let name = own.clone();
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
        if seen.name() == "GetObject" && seen.line.contains(&name) {
            READ.fetch_add(1, Ordering::SeqCst);
        }
        Trouble::None
    });
    let from = uri("a/");
    let rewrap = ["rewrap", &from, "--to", "alias/new"];
    let plan = [&rewrap[..], &["--dry-run"]].concat();
    let done = place.run_as(&[("AWS_ENDPOINT_URL", Some(proxy.url()))], &plan).ok();
    for key in ["a/one.csv", "a/two.csv"] {
        let line = format!("{}: its key object {} holds another data key", uri(key), uri(&own));
        assert!(done.out.contains(&line), "{line}: {done:?}");
    }
    assert_eq!(READ.load(Ordering::SeqCst), 1);
    let (_, summary) = told(&run(&place, &rewrap[1..]).ok());
    let differ = summary["key_objects_differ"].as_array().unwrap();
    assert_eq!((differ.len(), &differ[0]["source"]), (2, &uri("a/one.csv").into()));
    assert_eq!(says(&place, "a/one.csv", "kms-key-id"), Some(new));
    verify(&place, "a/");
    let (_, summary) = told(&run(&place, &[&uri("b/"), "--to", "alias/new"]).ok());
    assert_eq!(summary["key_objects_differ"].as_array().map(Vec::len), Some(0));
}

#[test]
fn of_a_key_object_without_its_mark_nobody_says_that_a_person_named_it() {
    let (place, _, _) = world();
    encrypt(&place, "a/", &["one.csv"], &[]);
    let own = says(&place, "a/one.csv", "data-key-object").unwrap();
    let call = place.s3().copy_object().bucket(BUCKET).key(&own);
    let call = call.copy_source(format!("{BUCKET}/{own}"));
    place
        .wait(call.metadata_directive(MetadataDirective::Replace).send())
        .unwrap();
    let done = run(&place, &[&uri("a/"), "--to", "alias/new", "--delete-old-key-objects"]);
    let (_, summary) = told(&done);
    let kept = summary["old_key_objects"][0]["kept"].as_str().unwrap();
    assert!(
        kept.contains("it has no mark of strongroom's") && !kept.contains("a person"),
        "{kept}"
    );
    assert!(key_objects(&place).contains(&own));
}
