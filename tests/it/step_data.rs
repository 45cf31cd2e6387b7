//! The walk's steps with data, roles and proofs, by keystrokes on the seeded world.

use crate::place::Place;
use crate::pty::{CLEAR, ENTER, ESC, Session, TAB};

const WIDE: (u16, u16) = (120, 36);

/// The seeded world with `housing.csv` uploaded under the first key, the cursor on it.
fn with_object(home: &tempfile::TempDir) -> Session {
    let mut session = Session::start(&["--sandbox"], home.path(), WIDE);
    session.wait("training-data").wait("Disabled").select("training-data");
    session.keys("5").select("housing.csv").encrypt().keys(ESC).keys("3");
    session
        .select("housing.csv")
        .wait_until("the object as ours", |screen| {
            screen
                .lines()
                .any(|line| line.contains("◆ housing.csv") && line.contains("strongroom"))
        });
    session
}

#[test]
fn objects_say_what_they_are_and_are_verified_proved_and_previewed() {
    let home = tempfile::tempdir().unwrap();
    let mut session = with_object(&home);
    session.wait("key-object").wait("sse-s3");
    session.keys("v").wait("is intact, bound");
    session
        .keys("P")
        .wait("area")
        .wait("price")
        .keys(TAB)
        .keys(TAB)
        .keys(TAB)
        .keys(ESC)
        .gone("price");
    session
        .action("prove object")
        .wait("With the grant checked")
        .wait("▸ example-role")
        .keys(ENTER);
    session
        .wait("What stands between the object and its readers")
        .wait("gAAAAA")
        .wait("It holds.")
        .keys(ESC);
    session.keys("2").wait("Grants of training-data 1").wait("feature-p");
}

#[test]
fn a_role_is_made_looked_at_trusted_for_once_and_deleted() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), WIDE);
    session.wait("training-data").keys("2");
    session
        .action("new role")
        .wait("New execution role")
        .keys(CLEAR)
        .keys("mine")
        .keys(ENTER);
    session.wait("the role mine").keys(ESC);
    session.action("role policies").wait("Role: ").take("mine").keys(ENTER);
    session
        .wait("aws:SourceAccount")
        .wait("Who may assume it")
        .keys("G")
        .wait("Resource")
        .keys(ESC);
    session.action("trust me").wait("Role: ").take("mine").keys(ENTER);
    session
        .wait("Let yourself assume the role mine?")
        .keys("n")
        .gone("Let yourself");
    // What was filled in is still there.
    session
        .wait("Role: trust me")
        .keys(ENTER)
        .wait("Let yourself assume the role mine?")
        .keys("y");
    session.wait("the role mine").keys(ESC);
    session
        .action("distrust me")
        .wait("Role: ")
        .take("mine")
        .keys(ENTER)
        .wait("the role")
        .keys(ESC);
    session.action("delete role").wait("Role: ").take("mine").keys(ENTER);
    session
        .wait("Delete the role mine?")
        .keys("mine")
        .keys(ENTER)
        .wait("Deleted the role mine");
}

#[test]
fn grants_are_made_with_a_name_and_a_context_listed_over_all_keys_retired_and_revoked() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), WIDE);
    session.wait("training-data").wait("Disabled").select("training-data");
    session
        .keys("2")
        .wait("Grants of training-data")
        .keys("n")
        .wait("▸ example-role");
    session
        .keys(TAB)
        .keys(TAB)
        .keys("by-hand")
        .keys(TAB)
        .keys("team=blue")
        .keys(ENTER);
    // The message before it is gone at once where the grant is known at once.
    session
        .wait("The grant works")
        .keys("z")
        .wait("by-hand")
        .wait("context has team=")
        .keys("z");
    session
        .action("all grants")
        .wait("Grants of all keys")
        .wait("model-artifacts")
        .wait("by-hand")
        .keys(ESC);
    session
        .select("example-role")
        .keys("x")
        .wait("Revoke the grant of the role example-role")
        .keys("y");
    session.wait("Revoked the grant").keys(ESC).gone("by-hand");
    session.select("feature-p");
    session
        .action("retire grant")
        .wait("Retire the grant of")
        .keys("y")
        .wait("Retired the grant");
}

#[test]
fn the_story_of_a_grant_is_proved_denied_allowed_and_denied_with_its_evidence() {
    let place = Place::new();
    place.key("training");
    place.role("trainer", "sagemaker-x");
    let mut session = place.dashboard(WIDE);
    session
        .wait("Enabled")
        .keys("p")
        .wait("Who may use")
        .wait("▸ trainer")
        .keys(ENTER);
    session
        .wait("Access proof")
        .wait("Decrypt                         ✗ denied")
        .keys(ESC)
        .gone("Access proof");
    session
        .action("proof story")
        .wait("Prove the story")
        .wait("▸ trainer")
        .keys(ENTER);
    session
        .wait("The story of the grant")
        .wait("It holds.")
        .wait("Evidence  ")
        .wait("Decrypt                             ✗ denied    ✓ allowed   ✗ denied")
        .keys(ENTER)
        .wait("request ")
        .keys(ESC);
    let files = crate::place::files(place.home.path());
    let evidence = files
        .iter()
        .find(|path| {
            path.to_string_lossy().contains("/evidence/proof-") && path.extension().is_some_and(|end| end == "json")
        })
        .unwrap();
    let told: serde_json::Value = serde_json::from_slice(&std::fs::read(evidence).unwrap()).unwrap();
    assert_eq!(told["holds"], true, "{told:#}");
    let steps = told["steps"].as_array().unwrap();
    assert!(
        steps
            .iter()
            .all(|step| step["time"].is_string() && step["held"] == true),
        "{told:#}"
    );
}

#[test]
fn a_refused_job_is_explained_and_the_remedy_done_from_there() {
    let home = tempfile::tempdir().unwrap();
    let mut session = with_object(&home);
    session
        .keys("t")
        .wait("Train on")
        .wait("▸ example-role")
        .keys(ENTER)
        .wait("has ended: Failed")
        .keys(ESC)
        .keys("4");
    session
        .wait("example-role may not call kms:Decrypt: create a grant")
        .keys(ENTER)
        .wait("Why it was refused");
    session
        .wait("grant")
        .wait("Last lines of its log")
        .wait("Enter does what the remedy says")
        .keys(ENTER);
    session.wait("Grant the").keys("y").wait("The grant works");
}

#[test]
fn without_docker_the_commands_that_somebody_else_may_run_are_said() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start_with(&["--sandbox"], home.path(), WIDE, &[("PATH", "/nowhere")]);
    session.wait("training-data").wait("Disabled").keys("4");
    session
        .action("new repository")
        .wait("New ECR repository")
        .keys(ENTER)
        .wait("The repository")
        .keys(ESC);
    session
        .action("build image")
        .wait("Build a training image")
        .keys(ENTER)
        .wait("neither docker nor podman");
    session
        .keys(ESC)
        .keys("!")
        .wait("docker build --platform linux/amd64")
        .wait("docker push");
}
