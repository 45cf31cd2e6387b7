//! The walk: each step says what it is done to, and stays on screen below what it asks.

use strongroom::app::guide::{Step, steps};
use strongroom::app::{Overlay, Page, Topic};
use strongroom::domain::{
    JobRequest, JobStatus, ObjectFormat, ObjectRequest, Outcome, ProofMethod, ProofStep, Request,
};

use super::WIDE;
use crate::desk::{BUCKET, Desk, arn, file, grant, job, object, objects, role};

const KEY: &str = "11111111-0000-0000-0000-000000000001";

fn next(desk: &Desk, step: Step) -> String {
    let steps = steps(&desk.state);
    steps.into_iter().find(|standing| standing.step == step).unwrap().next
}

/// The step with the cursor; none where the walk is not on top.
fn at(desk: &Desk) -> Option<Step> {
    match desk.state.overlays.last() {
        Some(Overlay::Guide(walk)) => steps(&desk.state).get(walk.row).map(|standing| standing.step),
        _ => None,
    }
}

fn go_to(desk: &mut Desk, step: Step) {
    while at(desk) != Some(step) {
        let before = at(desk);
        desk.keys("j");
        assert_ne!(at(desk), before, "no {step:?}");
    }
}

/// The walk, with a role to walk with.
fn walk() -> Desk {
    let mut desk = Desk::filled(WIDE);
    desk.keys("w");
    desk.answer(Topic::Roles, Page::Roles(vec![role("example-role", true)]));
    desk.keys("<home>");
    desk
}

#[test]
fn each_step_names_what_it_is_done_to() {
    let mut desk = walk();
    for (step, words) in [
        (Step::Role, "s3://sagemaker"),
        (Step::Denied, "try Decrypt under training-data as example-role"),
        (
            Step::Grant,
            "grant example-role Decrypt and Encrypt under training-data",
        ),
        (Step::Job, "look at train-20260921-1"),
    ] {
        assert!(next(&desk, step).contains(words), "{step:?}: {}", next(&desk, step));
    }
    desk.keys("<esc>5jw");
    let encrypt = format!("encrypt and upload housing.csv (10.2 KiB) under training-data to s3://{BUCKET}/");
    assert_eq!(next(&desk, Step::Data), encrypt);
    go_to(desk.keys("<home>"), Step::Data);
    assert!(
        desk.screen()
            .contains("upload housing.csv (10.2 KiB) under training-data"),
        "{}",
        desk.screen()
    );
}

#[test]
fn the_walk_stays_below_what_its_steps_ask_and_goes_on_once_they_are_done() {
    let mut desk = walk();
    desk.answer(Topic::Grants(arn(KEY)), Page::Grants(Vec::new()));
    go_to(&mut desk, Step::Grant);
    desk.keys("<enter>");
    assert!(
        matches!(desk.state.overlays.last(), Some(Overlay::Form(_))),
        "{}",
        desk.screen()
    );
    assert!(desk.screen().contains("The walk"), "{}", desk.screen());
    // Who takes it back is where they were.
    desk.keys("<esc>");
    assert_eq!(at(&desk), Some(Step::Grant));
    desk.keys("<enter><enter>");
    assert_eq!(at(&desk), Some(Step::Grant), "its operation runs: {}", desk.screen());
    desk.done(
        1,
        Outcome::Granted {
            grant_id: "g".to_owned(),
            key_arn: arn(KEY),
            grantee: role("example-role", true).arn,
            operations: vec!["Decrypt".to_owned()],
        },
    );
    assert!(at(&desk).is_some_and(|step| step != Step::Grant), "{}", desk.screen());
    // A pane that is gone to is seen.
    desk.keys("<home><enter>");
    assert!(desk.state.overlays.is_empty());
}

#[test]
fn where_no_file_was_chosen_the_walk_encrypts_the_sample_of_the_sandbox() {
    let mut desk = Desk::filled(WIDE);
    desk.state.settings.sample = Some(file("sample.csv", 14_000));
    assert!(
        next(&desk, Step::Data).contains("upload sample.csv (13.7 KiB)"),
        "{}",
        next(&desk, Step::Data)
    );
    desk.keys("w<home>");
    go_to(&mut desk, Step::Data);
    desk.keys("<enter>y");
    let paths = desk.started().into_iter().find_map(|request| match request {
        Request::Object(ObjectRequest::Encrypt { paths, .. }) => Some(paths),
        _ => None,
    });
    assert_eq!(paths, Some(vec![file("sample.csv", 1).path]));
    // What a person puts the cursor on is what they want.
    desk.keys("<esc>5jj");
    assert!(
        next(&desk, Step::Data).contains("upload images.tar"),
        "{}",
        next(&desk, Step::Data)
    );
}

#[test]
fn the_walk_trains_on_what_was_encrypted_last_and_a_job_on_something_else_is_not_its_job() {
    let mut desk = walk();
    assert!(next(&desk, Step::Job).contains("look at"), "{}", next(&desk, Step::Job));
    desk.keys("<esc>5jje").done(
        1,
        Outcome::Encrypted {
            uris: vec![format!("s3://{BUCKET}/images.tar")],
            bytes: 5,
            data_key_uri: String::new(),
            key_arn: arn(KEY),
        },
    );
    let mut rows = objects();
    rows.push(object("images.tar", ObjectFormat::Strongroom, Some(KEY)));
    desk.objects(rows);
    assert_eq!(
        next(&desk, Step::Job),
        "train on images.tar under training-data as example-role",
        "not on the first"
    );
    let mut on_it = job("train-9", JobStatus::Completed, "Completed", -10);
    on_it.detail.as_mut().unwrap().channels[0].uri = format!("s3://{BUCKET}/images.tar");
    desk.answer(
        Topic::Jobs,
        Page::Jobs(vec![on_it, job("train-8", JobStatus::Completed, "Completed", -5)]),
    );
    assert_eq!(next(&desk, Step::Job), "look at train-9", "though it is not the newest");
}

#[test]
fn the_walk_cuts_long_names_in_the_middle_and_breaks_none_over_lines() {
    let mut desk = Desk::filled((80, 24));
    let mut trained = job("train-20260921-101500", JobStatus::Completed, "Completed", -10);
    trained.detail.as_mut().unwrap().model = Some(format!(
        "s3://{BUCKET}/output/train-20260921-101500/output/model.tar.gz"
    ));
    desk.answer(Topic::Jobs, Page::Jobs(vec![trained]));
    desk.keys("w<home>");
    go_to(&mut desk, Step::Model);
    let screen = desk.screen();
    let named = screen.lines().filter(|line| line.contains("s3://sagemaker"));
    let named: Vec<&str> = named.filter(|line| line.contains("model.tar.gz")).collect();
    assert_eq!(named.len(), 2, "where it stands, and what Enter does: {screen}");
}

#[test]
fn the_walk_trains_on_what_its_step_names_whatever_is_filtered_or_marked() {
    let mut desk = walk();
    desk.answer(Topic::Jobs, Page::Jobs(Vec::new()));
    desk.keys("<esc>3/readme<enter> w<home>");
    assert!(
        next(&desk, Step::Job).contains("train on housing.csv"),
        "{}",
        next(&desk, Step::Job)
    );
    go_to(&mut desk, Step::Job);
    desk.keys("<enter>");
    let train = format!("Train on s3://{BUCKET}/housing.csv");
    assert!(desk.screen().contains(&train), "{}", desk.screen());
}

#[test]
fn the_walk_stands_on_the_first_step_that_is_not_done_until_the_person_moves_it() {
    let mut desk = Desk::filled(WIDE);
    let of = |name: &str| role(name, true);
    let mut other = grant(&arn(KEY));
    other.grantee = of("feature-pipeline-role").arn;
    desk.answer(Topic::Jobs, Page::Jobs(Vec::new()));
    desk.answer(Topic::Grants(arn(KEY)), Page::Grants(vec![other]));
    desk.keys("w");
    assert_eq!(
        at(&desk),
        Some(Step::Allowed),
        "of the role with the grant: no other is known"
    );
    let roles = || Page::Roles(vec![of("example-role"), of("feature-pipeline-role")]);
    desk.answer(Topic::Roles, roles());
    assert_eq!(at(&desk), Some(Step::Denied), "{}", desk.screen());
    desk.keys("<enter>");
    let denied = ProofStep {
        operation: "Decrypt".to_owned(),
        allowed: false,
        reason: None,
        request_id: None,
    };
    desk.done(
        1,
        Outcome::Proved {
            key_arn: arn(KEY),
            role_arn: of("example-role").arn,
            method: ProofMethod::Assumed,
            steps: vec![denied],
        },
    );
    desk.keys("<esc>");
    assert_eq!(at(&desk), Some(Step::Grant), "{}", desk.screen());
    desk.keys("j").answer(Topic::Roles, roles());
    assert_eq!(at(&desk), Some(Step::Allowed), "where the person put it");
}

#[test]
fn the_walk_trains_as_its_role_and_shows_the_log_of_the_job_that_it_started() {
    let mut desk = walk();
    desk.answer(Topic::Jobs, Page::Jobs(Vec::new()));
    // In the form's list another stands before it.
    let roles = vec![role("zeta-role", true), role("example-role", true)];
    desk.answer(Topic::Roles, Page::Roles(roles));
    assert!(
        next(&desk, Step::Job).ends_with("as zeta-role"),
        "{}",
        next(&desk, Step::Job)
    );
    desk.keys("l");
    assert_eq!(desk.state.overlays.len(), 1, "none was started: {}", desk.screen());
    go_to(&mut desk, Step::Job);
    desk.keys("<enter>");
    assert!(desk.screen().contains("▸ zeta-role"), "{}", desk.screen());
    desk.keys("<enter>");
    let Some(Request::Job(JobRequest::Start(spec))) = desk.started().pop() else {
        panic!("nothing is started: {}", desk.screen())
    };
    assert!(spec.role_arn.ends_with("/zeta-role"), "{}", spec.role_arn);
    desk.done(
        1,
        Outcome::JobStarted {
            name: spec.name.clone(),
            note: None,
            brought: None,
        },
    );
    assert!(
        matches!(desk.state.overlays.last(), Some(Overlay::Guide(_))),
        "{}",
        desk.screen()
    );
    desk.keys("l");
    assert!(
        matches!(desk.state.overlays.last(), Some(Overlay::Log(log)) if log.job == spec.name),
        "{}",
        desk.screen()
    );
    desk.keys("<esc>");
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Guide(_))));
}
