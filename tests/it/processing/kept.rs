//! What must survive when hosts write an object anew: locks, ACLs, and all that belongs to what is too long for one copy.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockLegalHold, ObjectLockLegalHoldStatus,
    ObjectLockMode, ObjectLockRetention, ObjectLockRetentionMode, ObjectLockRule, ObjectOwnership, OwnershipControls,
    OwnershipControlsRule,
};
use strongroom::actions::ProgressSink;
use strongroom::actions::bulk::processing::{OldKeyObjects, Share, collect_rewrapped, work};
use strongroom::domain::{BulkAct, BulkFolder};

use super::hosts::{self, ended, host, names, plan};
use super::rewrapped::{REWRAPS, listed, run, told, words};
use super::sealed::{ENCRYPTS, ROTATES};
use super::{BUCKET, ENGINE, HOSTS, TABLE, put, role, sealed, uri};
use crate::place::{Place, never};
use crate::proxy::{Proxy, Trouble};
use crate::rewrap::{dress, settings};

const WORLDS: [&str; 2] = ["one", "many"];
const LOCKS: [&str; 4] = [
    "s3:GetObjectRetention",
    "s3:GetObjectLegalHold",
    "s3:PutObjectRetention",
    "s3:PutObjectLegalHold",
];

fn head(place: &Place, key: &str) -> HeadObjectOutput {
    crate::rotate::head(place, BUCKET, key)
}

/// The worker's role may do this too.
fn may_also(place: &Place, actions: &[&str]) {
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": actions, "Resource": [format!("arn:aws:s3:::{BUCKET}"), format!("arn:aws:s3:::{BUCKET}/*")]},
    ]});
    let iam = aws_sdk_iam::Client::new(&place.sdk());
    let put = iam.put_role_policy().role_name("bulk-worker").policy_name("more");
    place.wait(put.policy_document(policy.to_string()).send()).unwrap();
}

fn lock(place: &Place, key: &str, until: DateTime) {
    let retention = ObjectLockRetention::builder()
        .mode(ObjectLockRetentionMode::Governance)
        .retain_until_date(until)
        .build();
    let call = place.s3().put_object_retention().bucket(BUCKET).key(key);
    place.wait(call.retention(retention).send()).unwrap();
}

fn hold(place: &Place, key: &str) {
    let hold = ObjectLockLegalHold::builder()
        .status(ObjectLockLegalHoldStatus::On)
        .build();
    let call = place.s3().put_object_legal_hold().bucket(BUCKET).key(key);
    place.wait(call.legal_hold(hold).send()).unwrap();
}

/// A bucket with Object Lock in which the same stands twice: of tokens, and of plain objects, one is free, one held and one retained.
fn locked() -> (Place, DateTime) {
    let place = Place::new();
    for key in ["training", "new"] {
        place.key(key);
    }
    let make = place.s3().create_bucket().bucket(BUCKET);
    place.wait(make.object_lock_enabled_for_bucket(true).send()).unwrap();
    let files = ["free.csv", "held.csv", "kept.csv"];
    for name in files {
        place.write(&format!("parts/{name}"), TABLE);
    }
    let until = DateTime::from_secs(jiff::Timestamp::now().as_second() + 86_400 * 30);
    for world in WORLDS {
        let to = uri(&format!("{world}/tokens/"));
        place.run(&["encrypt", "parts", &to, "--key", "alias/training"]).ok();
        for name in files {
            put(&place, &format!("{world}/plain/{name}"), TABLE, &[]);
        }
        for folder in ["tokens", "plain"] {
            hold(&place, &format!("{world}/{folder}/held.csv"));
            lock(&place, &format!("{world}/{folder}/kept.csv"), until);
        }
    }
    (place, until)
}

/// What is free, held and retained under it is so still.
fn is_locked(place: &Place, under: &str, until: DateTime) {
    let (free, held, kept) = (
        head(place, &format!("{under}free.csv")),
        head(place, &format!("{under}held.csv")),
        head(place, &format!("{under}kept.csv")),
    );
    assert_eq!(
        (kept.object_lock_mode(), kept.object_lock_retain_until_date()),
        (Some(&ObjectLockMode::Governance), Some(&until)),
        "{under}"
    );
    assert_eq!(
        held.object_lock_legal_hold_status(),
        Some(&ObjectLockLegalHoldStatus::On),
        "{under}"
    );
    assert_eq!(
        (free.object_lock_mode(), held.object_lock_mode()),
        (None, None),
        "{under}"
    );
}

fn etags(place: &Place, under: &str) -> Vec<Option<String>> {
    let keys = place.objects(BUCKET).into_iter().filter(|key| key.starts_with(under));
    keys.map(|key| head(place, &key).e_tag).collect()
}

#[test]
fn a_rewrap_on_hosts_keeps_locks_and_a_role_that_may_not_see_them_changes_nothing() {
    let (place, until) = locked();
    role(&place, REWRAPS);
    let hosts = [&ENGINE[..], &["--wait"]].concat();
    let before = etags(&place, "many/tokens/");
    let blind = run(&place, &words("many", &[]), &hosts);
    let (rows, summary) = told(&blind);
    assert_eq!((blind.status, &summary["failed"]), (1, &3.into()), "{blind:?}");
    assert!(rows.iter().all(|row| row.contains("s3:GetObjectRetention")), "{rows:?}");
    assert_eq!(etags(&place, "many/tokens/"), before);

    may_also(&place, &LOCKS);
    let one = run(&place, &words("one", &[]), &[]).ok();
    let many = run(&place, &words("many", &[]), &hosts).ok();
    assert_eq!(told(&one), told(&many), "{many:?}");
    is_locked(&place, "many/tokens/", until);
    place.run(&["verify", &uri("many/tokens/")]).ok();

    let default = DefaultRetention::builder()
        .mode(ObjectLockRetentionMode::Compliance)
        .days(1)
        .build();
    let lock = ObjectLockConfiguration::builder()
        .object_lock_enabled(ObjectLockEnabled::Enabled)
        .rule(ObjectLockRule::builder().default_retention(default).build())
        .build();
    let call = place.s3().put_object_lock_configuration().bucket(BUCKET);
    place.wait(call.object_lock_configuration(lock).send()).unwrap();
    let back = |world: &str| {
        let words = words(world, &[]);
        words
            .into_iter()
            .map(|word| word.replace("alias/new", "alias/training"))
            .collect::<Vec<_>>()
    };
    let one = run(&place, &back("one"), &[]);
    let many = run(&place, &back("many"), &hosts);
    assert_eq!((one.status, told(&one)), (many.status, told(&many)), "{many:?}");
    let (rows, summary) = told(&many);
    assert_eq!(
        (&summary["refused"], &summary["rewrapped"]["objects"]),
        (&2.into(), &1.into()),
        "{summary}"
    );
    assert!(rows.iter().any(|row| row.contains("default retention")), "{rows:?}");
    assert_eq!(
        head(&place, "many/tokens/kept.csv").object_lock_retain_until_date(),
        Some(&until)
    );
}

#[test]
fn a_rotation_on_hosts_keeps_locks_and_the_old_tokens_as_versions() {
    let (place, until) = locked();
    role(&place, ROTATES);
    may_also(&place, &LOCKS);
    let one = run(&place, &sealed::rotate("one"), &[]).ok();
    let many = run(&place, &sealed::rotate("many"), &[&ENGINE[..], &["--wait"]].concat()).ok();
    assert_eq!(sealed::told(&one), sealed::told(&many), "{many:?}");
    is_locked(&place, "many/tokens/", until);
    let summary = sealed::told(&many).pop().unwrap()["summary"].clone();
    assert_eq!(
        (&summary["sealed"]["objects"], &summary["kept_as_versions"]),
        (&3.into(), &3.into()),
        "{summary}"
    );
    place.run(&["verify", &uri("many/tokens/")]).ok();
}

#[test]
fn of_plain_objects_under_locks_hosts_say_which_are_not_deleted_and_their_tokens_are_locked_as_they_were() {
    let (place, until) = locked();
    role(&place, ENCRYPTS);
    may_also(&place, &LOCKS);
    let words = |world| sealed::encrypt(world, "plain", &["--delete-plain"]);
    let one = run(&place, &words("one"), &[]);
    let many = run(&place, &words("many"), &[&ENGINE[..], &["--wait"]].concat());
    let same = |row: &serde_json::Value| {
        // A refusal names the version that it is of.
        let mut row = row.clone();
        if let Some(row) = row.as_object_mut() {
            row.remove("error");
        }
        row
    };
    let rows = |done| sealed::told(done).iter().map(same).collect::<Vec<_>>();
    assert_eq!((one.status, rows(&one)), (many.status, rows(&many)), "{many:?}");
    let told = sealed::told(&many);
    let summary = &told.last().unwrap()["summary"];
    assert_eq!(
        (&summary["sealed"]["objects"], &summary["undeleted"], &summary["gone"]),
        (&3.into(), &2.into(), &1.into()),
        "{summary}"
    );
    for (key, why) in [("held.csv", "legal hold"), ("kept.csv", "retention")] {
        let row = told
            .iter()
            .find(|row| row["source"].as_str().is_some_and(|source| source.ends_with(key)));
        let error = row.unwrap()["error"].as_str().unwrap();
        assert!(error.contains(why), "{key}: {error}");
    }
    is_locked(&place, "many/plain/", until);
    place.run(&["verify", &uri("many/plain/")]).ok();
}

#[test]
fn a_look_before_a_job_says_of_a_bucket_with_locks_or_acls_whether_the_role_may_keep_them() {
    let (place, _) = locked();
    role(&place, REWRAPS);
    let look = [&ENGINE[..], &["--preflight"]].concat();
    let looked = |place: &Place| {
        let done = run(place, &words("many", &[]), &look);
        let found = done.lines().into_iter();
        let found = found.map(|row| (row["what"].as_str().unwrap().to_owned(), row["weight"].clone()));
        (done.status, found.collect::<std::collections::BTreeMap<_, _>>())
    };
    let wanted = [
        ("the role reads retentions", "fails"),
        ("the role reads legal holds", "fails"),
        ("the role writes retentions", "warns"),
        ("the role writes legal holds", "warns"),
    ];
    let (status, found) = looked(&place);
    assert_eq!(status, 1, "{found:#?}");
    for (what, weight) in wanted {
        assert_eq!(found[what], weight, "{what}: {found:#?}");
    }
    may_also(&place, &LOCKS);
    own(&place);
    let (status, found) = looked(&place);
    assert_eq!(status, 1, "{found:#?}");
    for (what, _) in wanted {
        assert_eq!(found[what], "well", "{what}: {found:#?}");
    }
    for (what, weight) in [
        ("the role reads the bucket's ACL", "fails"),
        ("the role reads ACLs", "fails"),
        ("the role writes ACLs", "warns"),
    ] {
        assert_eq!(found[what], weight, "{what}: {found:#?}");
    }
}

/// Has the objects of the bucket keep ACLs of their own.
fn own(place: &Place) {
    let rule = OwnershipControlsRule::builder().object_ownership(ObjectOwnership::ObjectWriter);
    let controls = OwnershipControls::builder()
        .rules(rule.build().unwrap())
        .build()
        .unwrap();
    let put = place.s3().put_bucket_ownership_controls().bucket(BUCKET);
    place.wait(put.ownership_controls(controls).send()).unwrap();
}

/// Tokens of two names, in a bucket whose objects have ACLs.
fn owned() -> Place {
    let place = Place::new();
    for key in ["training", "new"] {
        place.key(key);
    }
    place.bucket(BUCKET);
    own(&place);
    for name in ["private.csv", "shared.csv"] {
        place.write(&format!("parts/{name}"), TABLE);
    }
    let to = uri("many/tokens/");
    place.run(&["encrypt", "parts", &to, "--key", "alias/training"]).ok();
    place
}

/// The sandbox knows ACLs that give the owner everything, and no others: a copy that states one for others is refused there.
#[test]
fn hosts_state_what_an_acl_gives_to_others_and_drop_none() {
    const SHARED: &str = "<AccessControlPolicy xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>OWNER</ID></Owner>\
        <AccessControlList><Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\">\
        <ID>another</ID></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>";
    let place = owned();
    let acl = place.s3().get_object_acl().bucket(BUCKET).key("many/tokens/shared.csv");
    let owner = place.wait(acl.send()).unwrap().owner.unwrap().id.unwrap();
    let shared: &'static str = Box::leak(SHARED.replace("OWNER", &owner).into_boxed_str());
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
        if seen.line.contains("/shared.csv?acl") {
            Trouble::Says(shared)
        } else {
            Trouble::None
        }
    });
    let before = etags(&place, "many/tokens/shared.csv");
    let id = listed(&place, &words("many", &[]));
    let shards = names(&place, &id, "shards");
    for number in 1..=HOSTS {
        let (done, _) = ended(hosts::work(
            &place,
            &id,
            &host(&place, &id, number, &shards),
            proxy.url(),
        ));
        assert_eq!(done.status, 0, "{done:?}");
    }
    let done = run(&place, &words("many", &[]), &["--on", "processing", "--resume", &id]);
    let (rows, summary) = told(&done);
    assert_eq!(
        (&summary["rewrapped"]["objects"], &summary["failed"]),
        (&1.into(), &1.into()),
        "{summary}"
    );
    let why = rows.iter().find(|row| row.contains("shared.csv")).unwrap();
    assert!(done.status == 1 && why.contains("x-amz-grant-"), "{why}");
    assert_eq!(etags(&place, "many/tokens/shared.csv"), before, "nothing was dropped");
}

#[test]
fn a_job_whose_role_may_not_read_acls_changes_nothing_and_one_whose_may_keeps_them() {
    let place = owned();
    role(&place, REWRAPS);
    let hosts = [&ENGINE[..], &["--wait"]].concat();
    let before = etags(&place, "many/tokens/");
    may_also(&place, &["s3:GetBucketAcl"]);
    let blind = run(&place, &words("many", &[]), &hosts);
    let (rows, summary) = told(&blind);
    assert_eq!((blind.status, &summary["failed"]), (1, &2.into()), "{blind:?}");
    assert!(rows.iter().all(|row| row.contains("s3:GetObjectAcl")), "{rows:?}");
    assert_eq!(etags(&place, "many/tokens/"), before);
    may_also(&place, &["s3:GetBucketAcl", "s3:GetObjectAcl"]);
    run(&place, &words("many", &[]), &hosts).ok();
    let acl = place.s3().get_object_acl().bucket(BUCKET).key("many/tokens/shared.csv");
    assert_eq!(place.wait(acl.send()).unwrap().grants().len(), 1);
    place.run(&["verify", &uri("many/tokens/")]).ok();
}

#[test]
fn what_is_too_long_for_one_copy_hosts_copy_in_parts_with_all_that_it_has() {
    let place = Place::new();
    for key in ["training", "new", "at-rest"] {
        place.key(key);
    }
    place.bucket(BUCKET);
    place.write("parts/big", vec![7_u8; 9 << 20]);
    place.write("parts/small", TABLE);
    let to = uri("many/tokens/");
    place.run(&["encrypt", "parts", &to, "--key", "alias/training"]).ok();
    let at_rest = place.key("other-at-rest");
    dress(&place, BUCKET, "many/tokens/big", &at_rest);
    let before = settings(&place, BUCKET, "many/tokens/big");
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), |_| Trouble::None);
    let sandbox = place.sandbox.as_ref().unwrap();
    let connection = crate::place::connection_at(sandbox, proxy.url());
    let aws = place.wait(strongroom::actions::connect(&connection)).unwrap();

    let id = listed(&place, &words("many", &[]));
    let shards = names(&place, &id, "shards");
    let folder = BulkFolder::new(BUCKET, "", &id);
    let (progress, cancel) = (ProgressSink::none(), never());
    for number in 1..=HOSTS {
        let share = Share {
            folder: folder.clone(),
            act: BulkAct::Rewrap,
            plan: plan(&place, &id),
            host: format!("algo-{number}"),
            shards: host(&place, &id, number, &shards).join("processing/input/shards"),
            largest_copy: 6 << 20,
        };
        place.wait(work(&aws, &share, &cancel, &mut |_| {})).unwrap();
    }
    let mut tell = |_| Ok(());
    let collected = collect_rewrapped(&aws, &folder, OldKeyObjects::Stay, &progress, &cancel, &mut tell);
    let report = place.wait(collected).unwrap();
    assert!(report.is_well() && report.done.objects == 2, "{report:?}");
    assert_eq!(settings(&place, BUCKET, "many/tokens/big"), before);
    let etag = head(&place, "many/tokens/big").e_tag.unwrap();
    assert!(etag.trim_matches('"').ends_with("-3"), "{etag}");
    assert_eq!(place.unfinished_uploads(BUCKET), 0);
    place.run(&["verify", &uri("many/tokens/")]).ok();
    // Tags are asked for, and parts are named at the end: nothing of the token comes or goes.
    for one in proxy.passed() {
        let of_token = one.operation.contains("/many/tokens/") && !one.operation.ends_with("?tagging");
        let is_read = one.operation.starts_with("GET ");
        assert!(!of_token || !is_read && one.sent < 1024, "{one:?}");
    }
}
