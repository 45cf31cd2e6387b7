//! A company's rules as its engineers meet them on the screen: what is refused says what it wants, and goes with that.

use serde_json::json;

use crate::company::user;
use crate::fake;
use crate::guardrails::{BUCKET, deny, put_policy};
use crate::place::Place;
use crate::pty::{ENTER, ESC, Session};

const SIZE: (u16, u16) = (140, 36);
const DATA: &str = "s3://team-data/data/";

fn start(place: &Place, arguments: &[&str], more: &[(&str, &str)]) -> Session {
    let mut environment = place.environment_at(place.endpoint());
    environment.extend(more);
    Session::start_with(arguments, place.home.path(), SIZE, &environment)
}

fn leave(mut session: Session) {
    session.keys(ESC).keys("q");
    session.exit();
}

#[test]
fn an_upload_that_a_bucket_refuses_names_what_it_wants_and_goes_with_that_in_the_configuration() {
    let place = Place::new();
    place.key("data");
    place.bucket(BUCKET);
    place.write("train.csv", "x,y\n1,2\n");
    put_policy(
        &place,
        &deny(&json!({"StringNotEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}})),
    );
    let mut session = start(&place, &[DATA], &[]);
    session.wait("Enabled").keys("5").select("train.csv").keys("e");
    session.wait("Encrypt and upload").keys("y");
    session.wait("! reads").keys("!").keys(ENTER);
    session.wait("x-amz-storage-class: STANDARD_IA").keys(ESC);
    leave(session);

    let own = place.write("own.toml", "[uploads.'team-*']\nstorage-class = 'STANDARD_IA'\n");
    let mut session = start(&place, &["--config", own.to_str().unwrap(), DATA], &[]);
    session
        .wait("Enabled")
        .keys("5")
        .select("train.csv")
        .encrypt()
        .keys(ESC);
    session.wait("◆ train.csv");
    leave(session);
}

#[test]
fn a_job_that_a_rule_refuses_says_so_and_starts_with_what_the_configuration_fills_in() {
    let place = Place::new();
    place.key("data");
    place.bucket(BUCKET);
    let role = place.role("trainer", BUCKET);
    place.write("train.csv", "x,y\n1,2\n2,4\n3,6\n4,8\n");
    place.run(&["encrypt", "train.csv", DATA, "--key", "alias/data"]).ok();
    let rules = json!([
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": "sagemaker:CreateTrainingJob",
            "Resource": "*",
            "Condition": {"Null": {"sagemaker:VpcSubnets": "true"}},
        },
    ]);
    let (id, secret) = user(&place, "ann", &rules);
    let ann = [("AWS_ACCESS_KEY_ID", &*id), ("AWS_SECRET_ACCESS_KEY", &*secret)];
    let object = format!("{DATA}train.csv");
    let mut session = start(&place, &[&object], &ann);
    session
        .wait("◆ train.csv")
        .keys("3")
        .keys("t")
        .wait("▸ trainer")
        .keys(ENTER);
    session.wait("explicit deny");
    leave(session);

    let own = "[jobs]\nsubnets = ['subnet-0a1']\nsecurity-groups = ['sg-0c3']\n";
    let own = place.write("own.toml", own);
    let mut session = start(&place, &["--config", own.to_str().unwrap(), &object], &ann);
    session
        .wait("◆ train.csv")
        .keys("3")
        .keys("t")
        .wait("▸ trainer")
        .keys(ENTER);
    session.wait("Started the job");
    leave(session);
    let sagemaker = aws_sdk_sagemaker::Client::new(&place.sdk());
    let listed = place.wait(sagemaker.list_training_jobs().send()).unwrap();
    let [job] = listed.training_job_summaries() else {
        panic!("{listed:?}");
    };
    let job = sagemaker
        .describe_training_job()
        .training_job_name(job.training_job_name().unwrap());
    let job = place.wait(job.send()).unwrap();
    assert_eq!(job.vpc_config().unwrap().subnets(), ["subnet-0a1"]);
    assert_eq!(job.role_arn(), Some(&*role));
}

#[test]
fn what_an_organization_forbids_is_said_to_be_and_no_grant_is_proposed_against_it() {
    let place = Place::new();
    let refusing = fake::serve(|_| {
        let words = "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: kms:ListKeys on resource: * \
                     with an explicit deny in a service control policy";
        let body = json!({"__type": "AccessDeniedException", "Message": words});
        (400, body.to_string())
    });
    let mut session = start(&place, &[], &[("AWS_ENDPOINT_URL_KMS", &refusing)]);
    session.wait("kms:ListKeys").wait("service control");
    session.keys("O").keys("alias/data").keys(ENTER).wait("! reads");
    session.keys("!").keys(ENTER).wait("organization");
    let screen = session.text();
    for word in ["create a grant", "key policy must", "Grant it"] {
        assert!(!screen.contains(word), "{screen}");
    }
    leave(session);
}

#[test]
fn a_read_only_session_offers_nothing_that_it_would_refuse_and_refuses_before_it_asks() {
    let place = Place::new();
    place.key("data");
    place.bucket(BUCKET);
    place.write("train.csv", "x,y\n1,2\n");
    let to = ["encrypt", "train.csv", DATA, "--key", "alias/data"];
    place.run(&to).ok();
    let mut session = start(&place, &["--read-only", DATA], &[]);
    session.wait("READ-ONLY").wait("Enabled").wait("◆ train.csv");
    for (pane, keys) in [("5", "e"), ("2", "n"), ("3", "t"), ("3", "x"), ("5", "x")] {
        session.keys(pane).keys(keys).wait("read-only");
        assert!(!session.text().contains("y yes"), "{}", session.text());
        session.keys("r").gone("read-only");
    }
    // What changes something is not among the further actions.
    session.keys("1").keys("a").wait("do it");
    let menu = session.text();
    for label in ["disable key", "schedule deletion", "new key", "edit policy"] {
        assert!(!menu.contains(label), "{menu}");
    }
    session.keys(ESC);
    leave(session);
}
