//! Roles as companies want them: below a path, bounded, tagged.

use serde_json::json;
use strongroom::actions;
use strongroom::domain::explain::explain;
use strongroom::domain::{FaultKind, JobSettings, Outcome, RoleSettings, RoleSpec};

use crate::guardrails::{BUCKET, job, person};
use crate::place::{Place, never};
use crate::pty::{ENTER, ESC, Session};

/// A policy that bounds nothing: its ARN.
fn boundary(place: &Place) -> String {
    let iam = aws_sdk_iam::Client::new(&place.sdk());
    let document = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let create = iam
        .create_policy()
        .policy_name("bounds")
        .policy_document(document.to_string());
    place.wait(create.send()).unwrap().policy.unwrap().arn.unwrap()
}

fn spec(name: &str, settings: RoleSettings) -> RoleSpec {
    RoleSpec {
        name: name.to_owned(),
        bucket: BUCKET.to_owned(),
        data: "data/".to_owned(),
        output: "output/".to_owned(),
        settings,
        ..RoleSpec::default()
    }
}

fn exists(place: &Place, role: &str) -> bool {
    let iam = aws_sdk_iam::Client::new(&place.sdk());
    place.wait(iam.get_role().role_name(role).send()).is_ok()
}

#[test]
fn a_role_that_a_companys_rules_refuse_says_what_to_give_it_and_is_made_with_that() {
    let place = Place::new();
    place.bucket(BUCKET);
    let bounds = boundary(&place);
    let deny = |actions: serde_json::Value, condition: serde_json::Value| json!({"Effect": "Deny", "Action": actions, "Resource": "*", "Condition": condition});
    let bounded = RoleSettings {
        boundary: Some(bounds.clone()),
        ..RoleSettings::default()
    };
    let cases = [
        (
            "bounded",
            deny(
                json!("iam:CreateRole"),
                json!({"StringNotEquals": {"iam:PermissionsBoundary": bounds}}),
            ),
            bounded.clone(),
        ),
        (
            "policies",
            deny(
                json!("iam:PutRolePolicy"),
                json!({"StringNotEquals": {"iam:PermissionsBoundary": bounds}}),
            ),
            bounded,
        ),
        (
            "tagged",
            deny(
                json!("iam:CreateRole"),
                json!({"Null": {"aws:RequestTag/team": "true"}}),
            ),
            RoleSettings {
                tags: [("team".to_owned(), "research".to_owned())].into(),
                ..RoleSettings::default()
            },
        ),
        (
            "below",
            json!({"Effect": "Deny", "Action": "iam:CreateRole", "NotResource": "arn:aws:iam::*:role/team/*"}),
            RoleSettings {
                path: Some("team".to_owned()),
                ..RoleSettings::default()
            },
        ),
    ];
    for (name, denied, settings) in cases {
        let aws = person(&place, name, &denied);
        let role = format!("{name}-role");
        let without = spec(&role, RoleSettings::default());
        let refused = place.wait(actions::new_role(&aws, &without, &never())).unwrap_err();
        assert_eq!(refused.kind, FaultKind::Denied, "{name}: {refused}");
        let explained = explain(&refused).unwrap();
        for words in [&refused.remedy, &explained.remedy] {
            assert!(
                words.contains("permissions boundary") && words.contains("[roles]"),
                "{name}: {words}"
            );
        }
        // What was made and not finished is gone.
        assert!(!exists(&place, &role), "{name}");
        let made = place.wait(actions::new_role(&aws, &spec(&role, settings), &never()));
        made.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert!(exists(&place, &role), "{name}");
    }
}

#[test]
fn a_role_below_a_path_is_granted_trusted_proved_trained_as_and_taken_down() {
    let place = Place::new();
    let key = place.key("data");
    place.bucket(BUCKET);
    place.write("train.csv", "x,y\n1,2\n2,4\n3,6\n4,8\n");
    let to = format!("s3://{BUCKET}/data/");
    place.run(&["encrypt", "train.csv", &to, "--key", "alias/data"]).ok();
    let settings = RoleSettings {
        path: Some("/team/ml/".to_owned()),
        boundary: Some(boundary(&place)),
        tags: [("team".to_owned(), "research".to_owned())].into(),
    };
    let made = place
        .wait(actions::new_role(&place.aws, &spec("trainer", settings), &never()))
        .unwrap();
    let Outcome::RoleChanged { role_arn, .. } = made else {
        panic!("{made:?}");
    };
    assert_eq!(role_arn, "arn:aws:iam::111122223333:role/team/ml/trainer");
    place.wait(actions::trust_caller(&place.aws, "trainer", true)).unwrap();
    let proof = |words: &[&str]| {
        for role in ["trainer", &role_arn] {
            let done = place.run(&["prove", "--key", "alias/data", "--role", role]);
            for word in words {
                assert!(done.out.contains(word), "{word}: {done:?}");
            }
        }
    };
    proof(&["denied"]);
    place.grant(&key, &role_arn);
    proof(&["allowed"]);
    let story = place.run(&["prove", "--key", "alias/data", "--role", "trainer"]);
    assert!(story.out.contains("Decrypt"), "{story:?}");
    let looked = place.wait(actions::preflight(
        &place.aws,
        &job("looked", &role_arn, JobSettings::default()),
    ));
    assert!(format!("{looked:?}").contains("trainer"), "{looked:?}");
    let spec = job("nightly", &role_arn, JobSettings::default());
    place.wait(actions::start_job(&place.aws, &spec, &never())).unwrap();
    place.run(&["watch", "nightly"]).ok();
    let plan = place
        .wait(actions::plan_clean_up(&place.aws, &actions::ProgressSink::none()))
        .unwrap();
    assert!(format!("{plan:?}").contains("trainer"), "{plan:?}");
    place
        .wait(actions::delete_role(&place.aws, "trainer", &never()))
        .unwrap();
    assert!(!exists(&place, "trainer"));
}

#[test]
fn the_configuration_fills_in_the_form_of_a_role_and_roles_are_shown_with_their_path() {
    let place = Place::new();
    place.key("data");
    place.bucket(BUCKET);
    let bounds = boundary(&place);
    let own = format!("[roles]\npath = '/team/'\npermissions-boundary = '{bounds}'\ntags = {{ team = 'research' }}\n");
    let own = place.write("own.toml", own);
    let open = format!("s3://{BUCKET}/data/");
    let environment = place.environment_at(place.endpoint());
    let arguments = ["--config", own.to_str().unwrap(), &open];
    let mut session = Session::start_with(&arguments, place.home.path(), (120, 36), &environment);
    session
        .wait("Enabled")
        .keys("2")
        .action("new role")
        .wait("New execution role");
    session.wait("/team/").wait("policy/bounds").wait("team=research");
    session.keys(ENTER).wait("Created the role team/example-role").keys(ESC);
    session
        .keys("n")
        .wait("Grant the use of")
        .wait("team/example-role")
        .keys(ESC);
    session.keys("q");
    session.exit();
    let iam = aws_sdk_iam::Client::new(&place.sdk());
    let role = place.wait(iam.get_role().role_name("example-role").send()).unwrap();
    let role = role.role.unwrap();
    assert_eq!(role.path(), "/team/");
    let bounded = role.permissions_boundary.and_then(|by| by.permissions_boundary_arn);
    assert_eq!(bounded, Some(bounds));
    assert!(
        role.tags
            .unwrap()
            .iter()
            .any(|tag| tag.key() == "team" && tag.value() == "research")
    );
}
