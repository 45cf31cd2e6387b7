//! The steps of the walk below the screen, each against a world of its own through the real SDK: done, refused where it must
//! be, and undone.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use strongroom::actions::{self, ProgressSink};
use strongroom::config::Connection;
use strongroom::domain::{
    CleanUpItem, FaultKind, Finding, GrantConstraint, GrantSpec, JobSpec, KeySpec, Message, ObjectProof, Outcome,
    Plaintext, Request, RoleSpec, View, Weight, explain, policy,
};
use strongroom::sandbox::Options;
use tokio_util::sync::CancellationToken;

use crate::place::Place;

const TABLE: &[u8] = b"x,y\n1,2\n2,4\n3,6\n4,8\n";
const BUCKET: &str = "sagemaker-walk";

fn none() -> BTreeMap<String, String> {
    BTreeMap::new()
}

fn quiet() -> ProgressSink {
    ProgressSink::none()
}

/// A world with a key, a bucket and `data/x.csv` encrypted in it; the key's ARN.
fn with_data(place: &Place) -> String {
    let key_arn = place.key("training");
    place.bucket(BUCKET);
    upload(place, "x.csv");
    key_arn
}

fn upload(place: &Place, name: &str) {
    place.write(name, TABLE);
    let to = format!("s3://{BUCKET}/data/");
    place.run(&["encrypt", name, &to, "--key", "alias/training"]).ok();
}

fn job(name: &str, role_arn: &str, object: &str) -> JobSpec {
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
    let Outcome::KeyCreated { key_arn } = place.wait(actions::new_key(&place.aws, &spec)).unwrap() else {
        panic!("no key");
    };
    let tags = |place: &Place| match place.wait(actions::key_tags(&place.aws, &key_arn)).unwrap() {
        Outcome::KeyTags { tags, .. } => tags,
        other => panic!("{other:?}"),
    };
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
        .wait(actions::empty_bucket(&place.aws, BUCKET, 2, true, &quiet()))
        .unwrap_err();
    assert_eq!(more.kind, FaultKind::Conflict);
    assert_eq!(place.objects(BUCKET).len(), 3);
    place
        .wait(actions::empty_bucket(&place.aws, BUCKET, 3, false, &quiet()))
        .unwrap();
    assert!(place.objects(BUCKET).is_empty());
    assert_eq!(place.unfinished_uploads(BUCKET), 0);
    place
        .wait(actions::empty_bucket(&place.aws, BUCKET, 0, true, &quiet()))
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
            most,
            &quiet(),
            &cancel,
        ))
    };
    let preview = look("data/x.csv", 8).unwrap();
    assert_eq!(preview.bytes.dangerously_show(), b"x,y\n1,2\n");
    assert_eq!(
        (preview.total, preview.bound, preview.is_cut()),
        (TABLE.len() as u64, true, true)
    );
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
            "read the bytes as they are stored: one Fernet token",
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
        .wait(actions::retire_grant(&place.aws, &other, &grant_id))
        .unwrap();
    let gone = place
        .wait(actions::retire_grant(&place.aws, &other, &grant_id))
        .unwrap_err();
    assert!(!gone.cause.is_empty());
}

#[test]
fn a_new_grant_serves_a_job_at_once_by_its_token_and_everybody_when_it_has_spread() {
    let place = Place::with(|options: &mut Options| options.grant_delay = Duration::from_secs(6));
    let key_arn = with_data(&place);
    let role_arn = place.role("trainer", BUCKET);
    let grant_id = place.grant(&key_arn, &role_arn);
    place
        .wait(actions::start_job(&place.aws, &job("job-1", &role_arn, "data/x.csv")))
        .unwrap();
    let waited = place
        .wait(actions::await_grant(
            &place.aws,
            &key_arn,
            &grant_id,
            &role_arn,
            &quiet(),
        ))
        .unwrap();
    assert!(
        matches!(waited, Outcome::GrantSpread { seconds: 2..=20, .. }),
        "{waited:?}"
    );
    place.run(&["watch", "job-1"]).ok();
}

#[test]
fn a_job_trains_on_everything_under_a_prefix_and_refuses_what_is_plain_there() {
    let place = Place::new();
    let key_arn = with_data(&place);
    upload(&place, "y.csv");
    let role_arn = place.role("trainer", BUCKET);
    place.grant(&key_arn, &role_arn);
    place
        .wait(actions::start_job(&place.aws, &job("job-1", &role_arn, "data/")))
        .unwrap();
    let done = place.run(&["watch", "job-1"]).ok();
    assert!(done.out.contains("decrypted train/x.csv"), "{}", done.out);
    assert!(done.out.contains("decrypted train/y.csv"), "{}", done.out);

    place.put(BUCKET, "data/plain.csv", TABLE);
    let refused = place
        .wait(actions::start_job(&place.aws, &job("job-2", &role_arn, "data/")))
        .unwrap_err();
    assert!(
        refused.cause.contains("data/plain.csv is not an encrypted token"),
        "{refused}"
    );
}

#[test]
fn the_look_before_a_job_names_what_would_fail_and_its_repairs_mend_it() {
    let place = Place::new();
    let key_arn = with_data(&place);
    let role_arn = place.role("trainer", BUCKET);
    let kms = aws_sdk_kms::Client::new(&place.sdk());
    place.wait(kms.disable_key().key_id(&key_arn).send()).unwrap();
    let iam = aws_sdk_iam::Client::new(&place.sdk());
    let nobody = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}]}"#;
    let call = iam
        .update_assume_role_policy()
        .role_name("trainer")
        .policy_document(nobody);
    place.wait(call.send()).unwrap();

    let spec = job("job-1", &role_arn, "data/x.csv");
    let look = || -> Vec<Finding> {
        match place.wait(actions::preflight(&place.aws, &spec)).unwrap() {
            Outcome::Preflighted { findings } => findings,
            other => panic!("{other:?}"),
        }
    };
    let mut repairs = Vec::new();
    for _ in 0..4 {
        let blocking: Vec<_> = look()
            .into_iter()
            .filter(|finding| finding.weight == Weight::Blocks)
            .collect();
        for finding in blocking {
            let repair = finding
                .repair
                .unwrap_or_else(|| panic!("{}: {}", finding.what, finding.detail));
            repairs.push(match &repair {
                Request::EnableKey { key_arn } => {
                    place.wait(actions::enable_key(&place.aws, key_arn)).unwrap();
                    "enable"
                }
                Request::TrustService { role } => {
                    place.wait(actions::trust_service(&place.aws, role)).unwrap();
                    "trust"
                }
                Request::Grant(spec) => {
                    assert_eq!(spec.name.as_deref(), Some("strongroom-job-1"));
                    place.wait(actions::grant(&place.aws, spec)).unwrap();
                    "grant"
                }
                other => panic!("{other:?}"),
            });
        }
    }
    repairs.sort_unstable();
    assert_eq!(repairs, ["enable", "grant", "trust"]);
    let findings = look();
    assert!(
        findings.iter().all(|finding| finding.weight != Weight::Blocks),
        "{findings:#?}"
    );
    place.wait(actions::start_job(&place.aws, &spec)).unwrap();
    place.run(&["watch", "job-1"]).ok();
    let taken = look();
    assert!(taken[0].detail.contains("there is a job job-1 already"), "{taken:#?}");
}

#[test]
fn a_look_before_a_job_names_every_lack_of_the_data_and_the_role() {
    let place = Place::new();
    with_data(&place);
    place.put(BUCKET, "data/x.csv.bak", b"gAAAAA");
    let role_arn = place.role("trainer", "sagemaker-another");
    let blocking = |spec: &JobSpec| -> Vec<String> {
        let Outcome::Preflighted { findings } = place.wait(actions::preflight(&place.aws, spec)).unwrap() else {
            panic!("no findings");
        };
        let blocking = findings.into_iter().filter(|finding| finding.weight == Weight::Blocks);
        blocking
            .map(|finding| format!("{}: {}", finding.what, finding.detail))
            .collect()
    };
    let found = blocking(&job("job-1", &role_arn, "data/x.csv"));
    let says = |found: &[String], word: &str| found.iter().any(|line| line.contains(word));
    assert!(says(&found, "x.csv.bak too"), "{found:#?}");
    assert!(says(&found, "no policy of trainer allows s3:GetObject"), "{found:#?}");
    assert!(says(&found, "no policy of trainer allows s3:PutObject"), "{found:#?}");
    let found = blocking(&job("no_name", "arn:aws:iam::111122223333:role/nobody", "nothing/"));
    assert!(says(&found, "`no_name` is not a name"), "{found:#?}");
    assert!(says(&found, "there is no role nobody"), "{found:#?}");
    assert!(says(&found, "there is nothing under"), "{found:#?}");
    let elsewhere = JobSpec {
        image: "111122223333.dkr.ecr.eu-west-1.amazonaws.com/train:1".to_owned(),
        ..job("job-1", &role_arn, "data/x.csv")
    };
    assert!(says(&blocking(&elsewhere), "it is in eu-west-1"));
}

#[test]
fn what_depends_on_a_key_is_found_and_what_was_not_looked_at_is_said() {
    let place = Place::new();
    let key_arn = with_data(&place);
    let role_arn = place.role("trainer", BUCKET);
    place.grant(&key_arn, &role_arn);
    place.bucket("another");
    place.put("another", "plain", b"1");
    let found = place
        .wait(actions::dependents(&place.aws, "alias/training", 10, 1000, &quiet()))
        .unwrap();
    assert_eq!(found.objects, [format!("s3://{BUCKET}/data/x.csv")]);
    assert_eq!((found.buckets_seen, found.buckets), (2, 2));
    assert_eq!(
        (found.grants.len(), found.aliases.as_slice()),
        (1, &["alias/training".to_owned()][..])
    );
    assert!(!found.incomplete, "{found:?}");
    assert!(
        found.summary().starts_with("1 objects found; 2 of 2 buckets scanned"),
        "{}",
        found.summary()
    );
    for (buckets, objects) in [(1, 1000), (10, 1)] {
        let bounded = place
            .wait(actions::dependents(&place.aws, &key_arn, buckets, objects, &quiet()))
            .unwrap();
        assert!(bounded.incomplete, "{bounded:?}");
    }
}

#[test]
fn clean_up_lists_what_the_walk_made_and_nothing_else_and_takes_it_down_line_by_line() {
    let place = Place::new();
    let key_arn = with_data(&place);
    let role_arn = place.role("trainer", BUCKET);
    place.grant(&key_arn, &role_arn);
    place
        .wait(actions::new_repository(&place.aws, "example-image"))
        .unwrap();
    // Not ours.
    let (s3, kms) = (place.s3(), aws_sdk_kms::Client::new(&place.sdk()));
    place.wait(s3.create_bucket().bucket("foreign").send()).unwrap();
    let foreign = place
        .wait(kms.create_key().send())
        .unwrap()
        .key_metadata
        .unwrap()
        .key_id;
    let plan = || -> Vec<CleanUpItem> {
        match place.wait(actions::plan_clean_up(&place.aws, &quiet())).unwrap() {
            Outcome::CleanUpPlan { items, refused } => {
                assert!(refused.is_empty(), "{refused:?}");
                items
            }
            other => panic!("{other:?}"),
        }
    };
    let first = plan();
    let kinds: Vec<&str> = first.iter().map(|item| item.kind).collect();
    assert_eq!(
        kinds,
        ["bucket", "repository", "role", "grant", "key", "key deletion"],
        "{first:#?}"
    );
    assert!(!format!("{first:?}").contains(&foreign) && !format!("{first:?}").contains("foreign"));
    let deletion = first.iter().find(|item| item.kind == "key deletion").unwrap();
    assert!(
        deletion.refused.as_ref().unwrap().contains("data/x.csv"),
        "{deletion:?}"
    );

    for item in first.iter().filter(|item| item.refused.is_none()) {
        take_down(&place, item.request.as_ref().unwrap());
    }
    let second = plan();
    let kinds: Vec<&str> = second.iter().map(|item| item.kind).collect();
    assert_eq!(kinds, ["key", "key deletion"], "{second:#?}");
    assert_eq!(second[0].request, None, "it is disabled already");
    assert_eq!(second[1].refused, None);
    take_down(&place, second[1].request.as_ref().unwrap());
    let last = plan();
    assert_eq!(last.len(), 1);
    assert!(last[0].state.starts_with("pending deletion"), "{last:?}");
    assert!(place.wait(s3.head_bucket().bucket("foreign").send()).is_ok());
}

fn take_down(place: &Place, request: &Request) {
    let aws = &place.aws;
    let done = place.wait(async {
        match request {
            Request::DeleteBucket { bucket, expected } => {
                actions::empty_bucket(aws, bucket, *expected, true, &quiet()).await
            }
            Request::DeleteRepository { repository } => actions::delete_repository(aws, repository).await,
            Request::DeleteRole { role } => actions::delete_role(aws, role).await,
            Request::RevokeGrant { key_arn, grant_id } => actions::revoke_grant(aws, key_arn, grant_id).await,
            Request::DisableKey { key_arn } => actions::disable_key(aws, key_arn).await,
            Request::ScheduleKeyDeletion { key_arn, days } => actions::schedule_key_deletion(aws, key_arn, *days).await,
            other => panic!("{other:?}"),
        }
    });
    done.unwrap();
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
    place.wait(actions::new_role(&place.aws, &spec)).unwrap();
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
        place.wait(actions::delete_role(&place.aws, role)).unwrap();
    }
    let gone = place.wait(actions::role_policies(&place.aws, "least")).unwrap_err();
    assert_eq!(gone.kind, FaultKind::NotFound);
}

#[test]
fn a_read_only_session_refuses_every_change_before_it_reaches_the_endpoint() {
    let place = Place::new();
    let key_arn = with_data(&place);
    let role_arn = place.role("trainer", BUCKET);
    let sandbox = place.sandbox.as_ref().unwrap();
    let connection = Connection {
        sandbox: Some(strongroom::config::SandboxEndpoint {
            url: sandbox.endpoint_url().to_owned(),
            region: sandbox.region().to_owned(),
            access_key_id: sandbox.access_key_id().to_owned(),
            secret_access_key: sandbox.secret_access_key().to_owned(),
        }),
        read_only: true,
        ..Connection::default()
    };
    let aws = &place.wait(actions::connect(&connection)).unwrap();
    let before = place.objects(BUCKET);
    let (cancel, sink) = (CancellationToken::new(), quiet());
    let policy = r#"{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "kms:*", "Resource": "*"}]}"#;
    let tags = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let message = Message::Text(Plaintext::from("m".to_owned()));
    let nothing = none();
    let job = job("job-1", &role_arn, "data/x.csv");
    let grant = GrantSpec::for_job(&key_arn, &role_arn, "j");
    let role = RoleSpec {
        name: "new".to_owned(),
        ..RoleSpec::default()
    };
    let data_key = place.path("k").display().to_string();
    let image = strongroom::domain::ImageSpec {
        folder: place.path(""),
        repository: "r".to_owned(),
        tag: "t".to_owned(),
        push: true,
    };
    let refused = place.wait(async {
        vec![
            actions::new_key(aws, &KeySpec::default()).await,
            actions::put_key_policy(aws, &key_arn, policy, false).await,
            actions::add_alias(aws, "x", &key_arn).await,
            actions::move_alias(aws, "training", &key_arn).await,
            actions::delete_alias(aws, "training").await,
            actions::tag_key(aws, &key_arn, &tags, &[]).await,
            actions::set_rotation(aws, &key_arn, true).await,
            actions::set_description(aws, &key_arn, "x").await,
            actions::enable_key(aws, &key_arn).await,
            actions::disable_key(aws, &key_arn).await,
            actions::schedule_key_deletion(aws, &key_arn, 30).await,
            actions::cancel_key_deletion(aws, &key_arn).await,
            actions::encrypt_message(aws, &key_arn, &message, &nothing, None).await,
            actions::new_data_key(aws, &key_arn, &nothing, &data_key).await,
            actions::create_bucket(aws, "never").await,
            actions::delete_objects(aws, BUCKET, &before).await,
            actions::empty_bucket(aws, BUCKET, 99, true, &sink).await,
            actions::new_role(aws, &role).await,
            actions::delete_role(aws, "trainer").await,
            actions::trust_caller(aws, "trainer", false).await,
            actions::grant(aws, &grant).await,
            actions::revoke_grant(aws, &key_arn, &"0".repeat(64)).await,
            actions::retire_grant(aws, &key_arn, &"0".repeat(64)).await,
            actions::start_job(aws, &job).await,
            actions::stop_job(aws, "job-1").await,
            actions::new_repository(aws, "r").await,
            actions::delete_repository(aws, "r").await,
            actions::build_image(aws, &image, &sink, &cancel).await,
        ]
    });
    for (index, outcome) in refused.into_iter().enumerate() {
        let fault = outcome.unwrap_err();
        assert_eq!(fault.kind, FaultKind::ReadOnly, "{index}: {fault}");
        assert_eq!(fault.request_id, None, "{index}: {fault}");
    }
    assert_eq!(place.objects(BUCKET), before);
    // Looking goes on.
    place.wait(actions::preflight(aws, &job)).unwrap();
    place.wait(actions::plan_clean_up(aws, &sink)).unwrap();
    let log = actions::audit_log(aws, 10).unwrap();
    assert_eq!(log, Outcome::Audit(Vec::new()));
}

#[test]
fn the_audit_log_of_a_session_names_who_asked_for_what() {
    let place = Place::new();
    place.key("training");
    place.role("trainer", BUCKET);
    let Outcome::Audit(entries) = actions::audit_log(&place.aws, 100).unwrap() else {
        panic!("no log");
    };
    let calls: Vec<&str> = entries.iter().rev().map(|entry| entry.call.as_str()).collect();
    assert_eq!(
        calls,
        [
            "kms:CreateKey",
            "kms:CreateAlias",
            "iam:CreateRole",
            "iam:PutRolePolicy",
            "iam:UpdateAssumeRolePolicy"
        ]
    );
    for entry in &entries {
        assert_eq!(
            entry.identity.as_deref(),
            Some("arn:aws:iam::111122223333:user/strongroom")
        );
        assert!(entry.request_id.is_some() && entry.status == Some(200), "{entry:?}");
    }
}
