//! Further steps of the walk below the screen: jobs and what would fail in them, dependents, clean-up, and what holds for
//! every step.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use strongroom::actions;
use strongroom::config::Connection;
use strongroom::domain::{
    AuditOutcome, CleanUpItem, FaultKind, Finding, GrantRequest, GrantSpec, ImageRequest, JobSpec, KeyRequest, KeySpec,
    Message, ObjectRequest, Outcome, Plaintext, Request, RoleRequest, RoleSpec, Weight,
};
use strongroom_sandbox::Options;
use tokio_util::sync::CancellationToken;

use crate::place::{Place, never};
use crate::walk::{BUCKET, TABLE, job, none, quiet, upload, with_data};

#[test]
fn a_new_grant_serves_a_job_at_once_by_its_token_and_everybody_when_it_has_spread() {
    let delay = Duration::from_secs(4);
    let place = Place::with(|options: &mut Options| options.grant_delay = delay);
    let key_arn = with_data(&place);
    let role_arn = place.role("trainer", BUCKET);
    let begun = Instant::now();
    let grant_id = place.grant(&key_arn, &role_arn);
    place
        .wait(actions::start_job(
            &place.aws,
            &job("job-1", &role_arn, "data/x.csv"),
            &never(),
        ))
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
    assert!(matches!(waited, Outcome::GrantSpread { .. }), "{waited:?}");
    assert!(begun.elapsed() >= delay);
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
        .wait(actions::start_job(
            &place.aws,
            &job("job-1", &role_arn, "data/"),
            &never(),
        ))
        .unwrap();
    let done = place.run(&["watch", "job-1"]).ok();
    assert!(done.out.contains("decrypted train/x.csv"), "{}", done.out);
    assert!(done.out.contains("decrypted train/y.csv"), "{}", done.out);

    place.put(BUCKET, "data/plain.csv", TABLE);
    let refused = place
        .wait(actions::start_job(
            &place.aws,
            &job("job-2", &role_arn, "data/"),
            &never(),
        ))
        .unwrap_err();
    assert!(
        refused.cause.contains("data/plain.csv is not an encrypted token"),
        "{refused}"
    );
}

#[test]
fn a_job_on_tokens_that_lost_their_metadata_is_refused_unless_their_data_key_is_named() {
    let place = Place::new();
    let key_arn = with_data(&place);
    let role_arn = place.role("trainer", BUCKET);
    place.grant(&key_arn, &role_arn);
    let get = place.s3().get_object().bucket(BUCKET).key("data/x.csv").send();
    let token = place
        .wait(place.wait(get).unwrap().body.collect())
        .unwrap()
        .into_bytes();
    place.put(BUCKET, "data/x.csv", &token);
    let objects = place.objects(BUCKET);
    let key_object = objects.iter().find(|key| key.starts_with(".strongroom/")).unwrap();
    let copy = place.s3().copy_object().bucket(BUCKET).key("dont_look");
    place
        .wait(copy.copy_source(format!("{BUCKET}/{key_object}")).send())
        .unwrap();

    let start = |spec: &JobSpec| place.wait(actions::start_job(&place.aws, spec, &never()));
    let mut spec = job("job-1", &role_arn, "data/x.csv");
    let told = start(&spec).unwrap_err().to_string();
    assert!(
        told.contains("taken away") && told.contains("ciphertext_s3_key"),
        "{told}"
    );
    let named = ("ciphertext_s3_key".to_owned(), "dont_look".to_owned());
    spec.hyperparameters.extend([named]);
    start(&spec).unwrap();
    place.run(&["watch", "job-1"]).ok();
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
            Outcome::Preflighted { findings, .. } => findings,
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
                Request::Key(KeyRequest::Enable { key_arn }) => {
                    place.wait(actions::enable_key(&place.aws, key_arn)).unwrap();
                    "enable"
                }
                Request::Role(RoleRequest::TrustService { role }) => {
                    place.wait(actions::trust_service(&place.aws, role)).unwrap();
                    "trust"
                }
                Request::Grant(GrantRequest::New(spec)) => {
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
    place.wait(actions::start_job(&place.aws, &spec, &never())).unwrap();
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
        let Outcome::Preflighted { findings, .. } = place.wait(actions::preflight(&place.aws, spec)).unwrap() else {
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
    assert_eq!(found.key_objects.len(), 1, "{found:?}");
    assert_eq!((found.buckets_seen, found.buckets), (2, 2));
    assert_eq!(
        (found.grants.len(), found.aliases.as_slice()),
        (1, &["alias/training".to_owned()][..])
    );
    assert!(!found.incomplete, "{found:?}");
    assert!(
        found
            .summary()
            .starts_with("1 object and 1 key object found; 2 of 2 buckets scanned"),
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
            Request::Object(ObjectRequest::DeleteBucket {
                bucket,
                expected,
                older,
            }) => actions::empty_bucket(aws, bucket, expected + older, true, &quiet(), &never()).await,
            Request::Image(ImageRequest::DeleteRepository { repository }) => {
                actions::delete_repository(aws, repository).await
            }
            Request::Role(RoleRequest::Delete { role }) => actions::delete_role(aws, role, &never()).await,
            Request::Grant(GrantRequest::Revoke {
                key_arn,
                grant_id,
                grantee,
            }) => actions::revoke_grant(aws, key_arn, grant_id, grantee).await,
            Request::Key(KeyRequest::Disable { key_arn }) => actions::disable_key(aws, key_arn).await,
            Request::Key(KeyRequest::ScheduleDeletion { key_arn, days }) => {
                actions::schedule_key_deletion(aws, key_arn, *days).await
            }
            other => panic!("{other:?}"),
        }
    });
    done.unwrap();
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
    let kept_key = place.path("kept").display().to_string();
    place
        .wait(actions::new_data_key(&place.aws, &key_arn, &nothing, &kept_key))
        .unwrap();
    let image = strongroom::domain::ImageSpec {
        folder: place.path(""),
        repository: "r".to_owned(),
        tag: "t".to_owned(),
        push: true,
    };
    let refused = place.wait(async {
        vec![
            actions::new_key(aws, &KeySpec::default(), &never()).await,
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
            actions::re_encrypt_data_key(aws, &kept_key, &nothing, &key_arn, &data_key).await,
            actions::new_data_key(aws, &key_arn, &nothing, &data_key).await,
            actions::create_bucket(aws, "never").await,
            actions::delete_objects(aws, BUCKET, &before, &quiet(), &never()).await,
            actions::empty_bucket(aws, BUCKET, 99, true, &sink, &never()).await,
            actions::new_role(aws, &role, &never()).await,
            actions::delete_role(aws, "trainer", &never()).await,
            actions::detach_role_policy(aws, "trainer", "strongroom-training").await,
            actions::trust_caller(aws, "trainer", true).await,
            actions::trust_caller(aws, "trainer", false).await,
            actions::grant(aws, &grant).await,
            actions::revoke_grant(aws, &key_arn, &"0".repeat(64), "r").await,
            actions::retire_grant(aws, &key_arn, &"0".repeat(64), "r").await,
            actions::start_job(aws, &job, &never()).await,
            actions::stop_job(aws, "job-1").await,
            actions::new_repository(aws, "r").await,
            actions::delete_repository(aws, "r").await,
            actions::build_image(aws, &image, &sink, &cancel).await,
        ]
    });
    let proofs = place.wait(async {
        [
            actions::prove_grant_cycle(aws, &key_arn, &role_arn, &nothing, &[], &sink, &cancel)
                .await
                .map(drop),
            actions::prove_object(aws, BUCKET, "data/x.csv", "trainer", true, &sink, &cancel)
                .await
                .map(drop),
        ]
    });
    for fault in proofs.map(|proof| proof.unwrap_err()) {
        assert_eq!(fault.kind, FaultKind::ReadOnly, "{fault}");
    }
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
        assert_eq!(
            (entry.outcome, entry.error.as_deref()),
            (Some(AuditOutcome::Allowed), None),
            "{entry:?}"
        );
    }
}
