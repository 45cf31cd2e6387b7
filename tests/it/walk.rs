//! The steps of the walk below the screen, each against a world of its own through the real SDK: done, refused where it must
//! be, and undone.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use strongroom::actions::{self, ProgressSink};
use strongroom::domain::{
    FaultKind, GrantConstraint, GrantSpec, JobPlan, JobSettings, JobSpec, KeySpec, Message, Outcome, Plaintext,
    ProofMethod, RoleSpec, explain, policy,
};
use tokio_util::sync::CancellationToken;

use crate::place::{Place, never};

#[path = "walk/objects.rs"]
mod objects;

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
        settings: JobSettings::default(),
        plan: JobPlan::default(),
        original: None,
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
