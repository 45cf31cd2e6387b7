//! The steps of the walk below the screen, each against a world of its own through the real SDK: done, refused where it must
//! be, and undone.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use strongroom::actions::{self, ProgressSink};
use strongroom::domain::{
    FaultKind, GrantConstraint, GrantSpec, JobSpec, KeySpec, Message, ObjectProof, Origin, Outcome, Plaintext,
    ProofMethod, RoleSpec, View, explain, policy,
};
use tokio_util::sync::CancellationToken;

use crate::place::{Place, never};

pub(crate) const TABLE: &[u8] = b"x,y\n1,2\n2,4\n3,6\n4,8\n";
pub(crate) const BUCKET: &str = "sagemaker-walk";

pub(crate) fn none() -> BTreeMap<String, String> {
    BTreeMap::new()
}

pub(crate) fn quiet() -> ProgressSink {
    ProgressSink::none()
}

/// A world with a key, a bucket and `data/x.csv` encrypted in it; the key's ARN.
pub(crate) fn with_data(place: &Place) -> String {
    let key_arn = place.key("training");
    place.bucket(BUCKET);
    upload(place, "x.csv");
    key_arn
}

pub(crate) fn upload(place: &Place, name: &str) {
    place.write(name, TABLE);
    let to = format!("s3://{BUCKET}/data/");
    place.run(&["encrypt", name, &to, "--key", "alias/training"]).ok();
}

pub(crate) fn job(name: &str, role_arn: &str, object: &str) -> JobSpec {
    JobSpec {
        name: name.to_owned(),
        role_arn: role_arn.to_owned(),
        image: "image".to_owned(),
        instance_type: "ml.m5.large".to_owned(),
        instance_count: 1,
        volume_gb: 10,
        max_runtime: 120,
        bucket: BUCKET.to_owned(),
        object: object.to_owned(),
        output: format!("s3://{BUCKET}/output"),
        hyperparameters: none(),
        moved_from: None,
    }
}

#[test]
fn a_key_is_made_with_everything_chosen_and_changed_afterwards() {
    let place = Place::new();
    let spec = KeySpec {
        description: "for training".to_owned(),
        alias: "first".to_owned(),
        tags: BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
        rotation: true,
        ..KeySpec::default()
    };
    let Outcome::KeyCreated { key_arn, .. } = place.wait(actions::new_key(&place.aws, &spec, &never())).unwrap() else {
        panic!("no key");
    };
    let tags = |place: &Place| place.wait(actions::key_tags(&place.aws, &key_arn)).unwrap();
    assert_eq!(tags(&place)["team"], "blue");
    assert!(tags(&place).contains_key("strongroom:workflow"));
    let set = BTreeMap::from([("cost".to_owned(), "12".to_owned())]);
    place
        .wait(actions::tag_key(&place.aws, &key_arn, &set, &["team".to_owned()]))
        .unwrap();
    assert_eq!(tags(&place).get("team"), None);
    assert_eq!(tags(&place)["cost"], "12");

    let other = place.key("");
    place.wait(actions::add_alias(&place.aws, "second", &key_arn)).unwrap();
    place
        .wait(actions::move_alias(&place.aws, "alias/second", &other))
        .unwrap();
    let taken = place.wait(actions::add_alias(&place.aws, "first", &other)).unwrap_err();
    assert_eq!(taken.kind, FaultKind::Conflict, "{taken}");
    place.wait(actions::delete_alias(&place.aws, "second")).unwrap();
    place.wait(actions::set_rotation(&place.aws, &key_arn, false)).unwrap();
    place
        .wait(actions::set_description(&place.aws, &key_arn, "for others"))
        .unwrap();
    let kms = aws_sdk_kms::Client::new(&place.sdk());
    place.wait(async {
        let metadata = kms
            .describe_key()
            .key_id(&key_arn)
            .send()
            .await
            .unwrap()
            .key_metadata
            .unwrap();
        assert_eq!(metadata.description.as_deref(), Some("for others"));
        let status = kms.get_key_rotation_status().key_id(&key_arn).send().await.unwrap();
        assert!(!status.key_rotation_enabled);
        let aliases = kms.list_aliases().send().await.unwrap().aliases.unwrap();
        let names: Vec<_> = aliases.iter().filter_map(|alias| alias.alias_name()).collect();
        assert_eq!(names, ["alias/first"]);
    });
}

#[test]
fn a_policy_that_is_none_or_locks_its_writer_out_changes_nothing_and_a_good_one_can_be_put_back() {
    let place = Place::new();
    let key_arn = place.key("");
    let put = |text: &str, agreed| place.wait(actions::put_key_policy(&place.aws, &key_arn, text, agreed));
    let before = match place.wait(actions::draft_key_policy(&place.aws, &[], &[])).unwrap() {
        Outcome::PolicyDrafted { policy } => policy,
        other => panic!("{other:?}"),
    };
    let no_json = put("{\"Statement\": [", false).unwrap_err();
    assert_eq!(no_json.kind, FaultKind::Invalid);
    assert!(no_json.cause.contains("not JSON"), "{no_json}");
    let role_arn = place.role("other", BUCKET);
    let locks = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": role_arn}, "Action": "kms:*", "Resource": "*"}
    ]})
    .to_string();
    let locked = put(&locks, false).unwrap_err();
    assert!(locked.cause.contains("lock yourself out"), "{locked}");

    let with_role = policy::with_role(&before, &role_arn).unwrap();
    let Outcome::PolicyPut { previous, .. } = put(&with_role, false).unwrap() else {
        panic!("not put");
    };
    let same: (Value, Value) = (
        serde_json::from_str(&previous).unwrap(),
        serde_json::from_str(&before).unwrap(),
    );
    assert_eq!(same.0, same.1, "nothing refused was put");
    let proof = place
        .wait(actions::prove(&place.aws, &key_arn, "other", &none()))
        .unwrap();
    let allowed: Vec<_> = proof.operations.iter().filter(|step| step.allowed).collect();
    assert_eq!(
        allowed.len(),
        2,
        "the role is named for Decrypt and Encrypt: {allowed:?}"
    );
    put(&previous, false).unwrap();
    let proof = place
        .wait(actions::prove(&place.aws, &key_arn, "other", &none()))
        .unwrap();
    assert!(proof.operations.iter().all(|step| !step.allowed));
    // Who insists may lock themselves out.
    put(&locks, true).unwrap();
    assert_eq!(put(&before, false).unwrap_err().kind, FaultKind::Denied);
}

#[test]
fn a_small_message_goes_there_and_back_with_its_context_only() {
    let place = Place::new();
    let key_arn = place.key("training");
    let context = BTreeMap::from([("team".to_owned(), "blue".to_owned())]);
    let message = Message::Text(Plaintext::from("the diagnosis".to_owned()));
    let to = place.path("c.bin");
    let made = place
        .wait(actions::encrypt_message(
            &place.aws,
            "alias/training",
            &message,
            &context,
            Some(&to),
        ))
        .unwrap();
    let Outcome::MessageEncrypted {
        ciphertext,
        key_arn: by,
        ..
    } = made
    else {
        panic!("{made:?}");
    };
    assert_eq!(by, key_arn);
    for from in [Message::Text(Plaintext::from(ciphertext)), Message::File(to)] {
        let opened = place
            .wait(actions::decrypt_message(&place.aws, &from, None, &context, None))
            .unwrap();
        let Outcome::MessageDecrypted { plaintext, .. } = &opened else {
            panic!("{opened:?}");
        };
        assert_eq!(plaintext.as_ref().unwrap().dangerously_show(), b"the diagnosis");
        assert!(!format!("{opened:?}").contains("diagnosis"));
        let refused = place
            .wait(actions::decrypt_message(&place.aws, &from, None, &none(), None))
            .unwrap_err();
        assert_eq!(
            explain::explain(&refused).unwrap().link,
            explain::Link::Context,
            "{refused}"
        );
    }
    let long = Message::Text(Plaintext::from("x".repeat(4097)));
    let fault = place
        .wait(actions::encrypt_message(&place.aws, &key_arn, &long, &none(), None))
        .unwrap_err();
    assert!(fault.cause.contains("4097 bytes are more than 4096"), "{fault}");
}

#[test]
fn a_data_key_is_made_tried_and_wrapped_anew_without_ever_showing_itself() {
    let place = Place::new();
    let (old, new) = (place.key("old"), place.key("new"));
    place.bucket(BUCKET);
    let role_arn = place.role("trainer", BUCKET);
    let at = format!("s3://{BUCKET}/.strongroom/data-keys/mine");
    let made = place
        .wait(actions::new_data_key(&place.aws, "alias/old", &none(), &at))
        .unwrap();
    assert!(
        matches!(&made, Outcome::DataKeyKept { key_arn, .. } if *key_arn == old),
        "{made:?}"
    );
    let again = place
        .wait(actions::new_data_key(&place.aws, "alias/old", &none(), &at))
        .unwrap_err();
    assert_eq!(again.kind, FaultKind::Conflict, "a key object is never overwritten");

    let open = |at: &str| match place
        .wait(actions::open_data_key(&place.aws, at, &none(), Some(&role_arn)))
        .unwrap()
    {
        Outcome::DataKeyOpened {
            mine, key_arn, role, ..
        } => (mine.allowed, key_arn, role.unwrap()),
        other => panic!("{other:?}"),
    };
    let (mine, key_arn, role) = open(&at);
    assert_eq!(
        (mine, key_arn.as_deref(), role.allowed),
        (true, Some(old.as_str()), false)
    );
    assert!(role.reason.unwrap().contains("kms:Decrypt"));

    let file = place.path("anew.datakey").display().to_string();
    place
        .wait(actions::re_encrypt_data_key(
            &place.aws,
            &at,
            &none(),
            "alias/new",
            &file,
        ))
        .unwrap();
    place.grant(&new, &role_arn);
    let (_, key_arn, role) = open(&file);
    assert_eq!((key_arn.as_deref(), role.allowed), (Some(new.as_str()), true));
}

#[test]
fn a_bucket_is_private_and_tidy_from_the_start_and_emptied_only_as_agreed() {
    let place = Place::new();
    let made = place.wait(actions::create_bucket(&place.aws, BUCKET)).unwrap();
    assert_eq!(
        made,
        Outcome::BucketCreated {
            bucket: BUCKET.to_owned(),
            warnings: Vec::new()
        }
    );
    let s3 = place.s3();
    place.wait(async {
        let block = s3.get_public_access_block().bucket(BUCKET).send().await.unwrap();
        let block = block.public_access_block_configuration.unwrap();
        assert_eq!(block.block_public_policy, Some(true));
        let rules = s3
            .get_bucket_lifecycle_configuration()
            .bucket(BUCKET)
            .send()
            .await
            .unwrap();
        let abort = rules.rules()[0].abort_incomplete_multipart_upload().unwrap();
        assert_eq!(abort.days_after_initiation, Some(7));
        s3.create_multipart_upload()
            .bucket(BUCKET)
            .key("half")
            .send()
            .await
            .unwrap();
    });
    for key in ["a", "b/c", "b/d"] {
        place.put(BUCKET, key, b"12345");
    }
    let count = match place.wait(actions::count_bucket(&place.aws, BUCKET, &quiet())).unwrap() {
        Outcome::BucketCounted(count) => count,
        other => panic!("{other:?}"),
    };
    assert_eq!((count.objects, count.bytes, count.uploads), (3, 15, 1));
    let more = place
        .wait(actions::empty_bucket(&place.aws, BUCKET, 2, true, &quiet(), &never()))
        .unwrap_err();
    assert_eq!(more.kind, FaultKind::Conflict);
    assert_eq!(place.objects(BUCKET).len(), 3);
    place
        .wait(actions::empty_bucket(&place.aws, BUCKET, 3, false, &quiet(), &never()))
        .unwrap();
    assert!(place.objects(BUCKET).is_empty());
    assert_eq!(place.unfinished_uploads(BUCKET), 0);
    place
        .wait(actions::empty_bucket(&place.aws, BUCKET, 0, true, &quiet(), &never()))
        .unwrap();
    assert!(
        place
            .wait(place.s3().list_buckets().send())
            .unwrap()
            .buckets()
            .is_empty()
    );
}

#[test]
fn a_bucket_that_keeps_versions_is_counted_and_emptied_with_all_of_them_and_its_markers() {
    use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
    let place = Place::new();
    place.bucket(BUCKET);
    let s3 = place.s3();
    let kept = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Enabled)
        .build();
    let call = s3.put_bucket_versioning().bucket(BUCKET).versioning_configuration(kept);
    place.wait(call.send()).unwrap();
    for key in ["a", "a", "a", "b\u{8}", "gone"] {
        place.put(BUCKET, key, b"12345");
    }
    place
        .wait(s3.delete_object().bucket(BUCKET).key("gone").send())
        .unwrap();
    let count = match place.wait(actions::count_bucket(&place.aws, BUCKET, &quiet())).unwrap() {
        Outcome::BucketCounted(count) => count,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (count.objects, count.versions, count.markers, count.bytes),
        (2, 3, 1, 25)
    );
    let empty = |most, delete| {
        place.wait(actions::empty_bucket(
            &place.aws,
            BUCKET,
            most,
            delete,
            &quiet(),
            &never(),
        ))
    };
    assert_eq!(empty(5, true).unwrap_err().kind, FaultKind::Conflict);
    let emptied = |deleted, objects, older| Outcome::BucketEmptied {
        bucket: BUCKET.to_owned(),
        objects,
        older,
        deleted,
    };
    assert_eq!(empty(6, false).unwrap(), emptied(false, 2, 4));
    let left = place.wait(s3.list_object_versions().bucket(BUCKET).send()).unwrap();
    assert!(left.versions().is_empty() && left.delete_markers().is_empty());
    assert_eq!(empty(0, true).unwrap(), emptied(true, 0, 0));
}

#[test]
fn a_preview_shows_the_beginning_of_what_is_intact_and_nothing_of_what_is_not() {
    let place = Place::new();
    with_data(&place);
    let look = |object: &str, most| {
        let cancel = CancellationToken::new();
        place.wait(actions::preview(
            &place.aws,
            BUCKET,
            object,
            None,
            (most, false),
            &quiet(),
            &cancel,
        ))
    };
    let preview = look("data/x.csv", 8).unwrap();
    assert_eq!(preview.bytes.dangerously_show(), b"x,y\n1,2\n");
    assert_eq!((preview.total, preview.is_cut()), (TABLE.len() as u64, true));
    let Origin::Token { verified, etag } = &preview.origin else {
        panic!("{:?}", preview.origin);
    };
    assert!(verified.bond.is_bound() && etag.is_some());
    assert_eq!(
        (preview.view, preview.lines(View::Csv, 9)),
        (View::Csv, vec!["x  y".to_owned(), "1  2".to_owned()])
    );
    assert!(!format!("{preview:?}").contains("1,2"));

    let head = place
        .wait(place.s3().head_object().bucket(BUCKET).key("data/x.csv").send())
        .unwrap();
    let answer = place
        .wait(place.s3().get_object().bucket(BUCKET).key("data/x.csv").send())
        .unwrap();
    let mut token = place.wait(answer.body.collect()).unwrap().to_vec();
    let middle = token.len() / 2;
    token[middle] = if token[middle] == b'A' { b'B' } else { b'A' };
    let call = place.s3().put_object().bucket(BUCKET).key("data/x.csv");
    let body = aws_sdk_s3::primitives::ByteStream::from(token);
    place.wait(call.set_metadata(head.metadata).body(body).send()).unwrap();
    assert_eq!(look("data/x.csv", 8).unwrap_err().kind, FaultKind::Integrity);
}

#[test]
fn the_proof_on_an_object_goes_from_its_stored_bytes_to_the_role_that_opens_it() {
    let place = Place::new();
    let key_arn = with_data(&place);
    let role_arn = place.role("trainer", BUCKET);
    let prove = |grant| -> ObjectProof {
        let cancel = CancellationToken::new();
        let quiet = quiet();
        let proof = actions::prove_object(&place.aws, BUCKET, "data/x.csv", "trainer", grant, &quiet, &cancel);
        place.wait(proof).unwrap()
    };
    let outcomes = |proof: &ObjectProof| -> Vec<String> {
        proof
            .steps
            .iter()
            .map(|step| format!("{}: {}", step.what, step.outcome))
            .collect()
    };
    let without = prove(false);
    assert!(without.stored.starts_with("gAAAAA") && without.holds, "{without:#?}");
    assert_eq!(
        outcomes(&without),
        [
            "read the bytes as they are stored: they begin a Fernet token",
            "unwrap its data key as the role, without a grant: refused",
            "open it with another data key: refused",
        ]
    );
    let with = prove(true);
    assert!(with.holds, "{with:#?}");
    let told = outcomes(&with);
    assert!(
        told.contains(&"unwrap its data key as the role, with a grant: allowed".to_owned()),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|step| step.starts_with("open it as the role: opened: 20 bytes")),
        "{told:?}"
    );
    assert_eq!(told.last().unwrap(), "revoke the grant again: revoked");
    let left = place
        .wait(actions::grants_of(&place.aws, std::slice::from_ref(&key_arn), &quiet()))
        .unwrap();
    assert!(
        matches!(&left, Outcome::GrantsFound { grants, .. } if grants.is_empty()),
        "{left:?}"
    );
    place.grant(&key_arn, &role_arn);
    assert!(prove(false).notes[0].contains("already"));
}

#[test]
fn a_grant_holds_under_its_constraint_is_listed_across_keys_and_is_given_up() {
    let place = Place::new();
    let (one, other) = (place.key("one"), place.key("other"));
    let role_arn = place.role("trainer", BUCKET);
    let team = vec![("team".to_owned(), "blue".to_owned())];
    let spec = GrantSpec {
        constraint: Some(GrantConstraint::ContextEquals(team.clone())),
        ..GrantSpec::for_job(&one, &role_arn, "job-1")
    };
    let first = place.wait(actions::grant(&place.aws, &spec)).unwrap();
    let again = place.wait(actions::grant(&place.aws, &spec)).unwrap();
    assert_eq!(first, again, "its name makes it the same grant");
    let grant_id = place.grant(&other, &role_arn);
    let may = |context: &BTreeMap<String, String>| {
        let proof = place
            .wait(actions::prove(&place.aws, &one, "trainer", context))
            .unwrap();
        proof
            .operations
            .iter()
            .any(|step| step.operation == "Decrypt" && step.allowed)
    };
    assert!(!may(&none()));
    assert!(may(&team.into_iter().collect()));
    let Outcome::GrantsFound { grants, refused } = place.wait(actions::grants_of(&place.aws, &[], &quiet())).unwrap()
    else {
        panic!("no grants");
    };
    assert_eq!((grants.len(), refused.len()), (2, 0));
    assert!(grants.iter().all(|grant| grant.grantee == role_arn));
    place
        .wait(actions::retire_grant(&place.aws, &other, &grant_id, "r"))
        .unwrap();
    let gone = place
        .wait(actions::retire_grant(&place.aws, &other, &grant_id, "r"))
        .unwrap_err();
    assert!(!gone.cause.is_empty());
}

#[test]
fn a_role_is_looked_at_stripped_and_deleted() {
    let place = Place::new();
    let spec = RoleSpec {
        name: "full".to_owned(),
        bucket: BUCKET.to_owned(),
        full_access: true,
        ..RoleSpec::default()
    };
    place.wait(actions::new_role(&place.aws, &spec, &never())).unwrap();
    place.role("least", BUCKET);
    let look = |role: &str| match place.wait(actions::role_policies(&place.aws, role)).unwrap() {
        Outcome::RolePolicies(policies) => policies,
        other => panic!("{other:?}"),
    };
    let full = look("full");
    assert!(full.trust.contains("aws:SourceAccount"), "{}", full.trust);
    assert!(full.attached[0].0.ends_with("/AmazonSageMakerFullAccess"));
    assert_eq!(look("least").inline.len(), 1);
    place
        .wait(actions::detach_role_policy(&place.aws, "full", &full.attached[0].0))
        .unwrap();
    assert!(look("full").attached.is_empty());
    for role in ["full", "least"] {
        place.wait(actions::delete_role(&place.aws, role, &never())).unwrap();
    }
    let gone = place.wait(actions::role_policies(&place.aws, "least")).unwrap_err();
    assert_eq!(gone.kind, FaultKind::NotFound);
}

#[test]
fn a_proof_lends_the_trust_it_needs_and_takes_it_back_whatever_came_of_it() {
    let place = Place::new();
    let key_arn = place.key("training");
    let role_arn = place.role("trainer", BUCKET);
    let trusts = || {
        let policies = place.wait(actions::role_policies(&place.aws, "trainer")).unwrap();
        matches!(policies, Outcome::RolePolicies(policies) if policies.trust.contains("user/strongroom"))
    };
    let prove = |cancel: &CancellationToken| {
        let (nothing, quiet) = (none(), quiet());
        let proof = actions::prove_trusted(&place.aws, &key_arn, &role_arn, &nothing, &quiet, cancel);
        place.wait(proof)
    };
    // Whoever trusts already goes on doing so.
    assert!(trusts());
    prove(&CancellationToken::new()).unwrap();
    assert!(trusts());
    place.wait(actions::trust_caller(&place.aws, "trainer", false)).unwrap();
    let proof = prove(&CancellationToken::new()).unwrap();
    assert_eq!(proof.method, ProofMethod::Assumed);
    assert!(!trusts());
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    assert_eq!(prove(&cancelled).unwrap_err().kind, FaultKind::Cancelled);
    assert!(!trusts());
}
