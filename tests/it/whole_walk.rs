//! The walk by keystrokes alone: from an empty account to a decrypted model and back to an empty account.

use std::path::Path;

use crate::place::Place;
use crate::pty::{CLEAR, ENTER, ESC, Session};

const BUCKET: &str = "sagemaker-walk";
const ROWS: &str = "x,y\n1,2\n2,4\n3,6\n4,8\n5,10\n6,12\n";

/// Does the step of the walk, which stays open while its steps are done.
fn next_step(session: &mut Session, title: &str) {
    session.wait("The walk").choose_step(title);
    session.keys(ENTER);
}

/// Proves as the role: it does not trust the person, who lets themselves in for the time of the proof.
fn prove(session: &mut Session, title: &str, answer: &str) {
    next_step(session, title);
    session.wait("reasoned from policies").keys(ENTER);
    session.wait("Let yourself assume the role example-role").keys("y");
    session.wait_until(answer, |screen| {
        screen.contains("Access proof") && screen.contains(answer) && !screen.contains("reasoned from")
    });
    session.keys(ESC).keys(ESC).gone("Access proof").wait("The walk");
}

/// With rows of one's own, or with the sample that the sandbox brings.
fn walk(size: (u16, u16), own: bool) {
    let (home, world) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = if own { "rows.csv" } else { "housing.csv" };
    if own {
        std::fs::write(home.path().join(file), ROWS).unwrap();
    }
    let folder = world.path().join("world");
    let arguments = ["--sandbox", "--empty", "--sandbox-dir", folder.to_str().unwrap()];
    let mut session = Session::start(&arguments, home.path(), size);
    session.wait("SANDBOX").wait("up to date");

    session.keys("w");
    next_step(&mut session, "KMS key");
    session
        .wait("New KMS key")
        .keys("walk-key")
        .keys(ENTER)
        .wait("Created the key")
        .wait("walk-key is Enabled");
    next_step(&mut session, "Bucket");
    session.wait("New bucket").keys(CLEAR).keys(BUCKET).keys(ENTER);
    session.wait("Created the bucket");
    next_step(&mut session, "Execution role");
    session.wait("New execution role").keys(ENTER).wait("role example-role");
    prove(
        &mut session,
        "Denied without grant",
        "Decrypt                         ✗ denied",
    );
    next_step(&mut session, "Grant");
    session.wait("Grant the use of").wait("▸ example-role").keys(ENTER);
    session.wait("When it is known everywhere cannot be watched");
    prove(
        &mut session,
        "Allowed with grant",
        "Decrypt                         ✓ allowed",
    );
    // The sample, unless a file is there, or chosen.
    session.wait(&format!("upload {file}"));
    if own {
        session.keys(ESC).gone("The walk").keys("5").select(file);
        session.keys("w").wait(&format!("upload {file}"));
    }
    next_step(&mut session, "Data encrypted");
    session
        .wait(&format!("Encrypt and upload {file}"))
        .keys("y")
        .wait("Encrypted and uploaded");
    session.wait(&format!("train on {file}"));
    next_step(&mut session, "Training job");
    session
        .wait("Train on s3://")
        .wait("▸ example-role")
        .keys(ENTER)
        .wait("Started the job train-");
    session.wait("has ended: Completed");
    next_step(&mut session, "Model");
    session.wait("Enter send").keys(ENTER).wait("Decrypted");
    assert!(model(home.path()).contains("linear-regression"));

    clean_up(&mut session);
    session
        .keys("o")
        .wait("Operations")
        .wait("done in")
        .keys(ESC)
        .gone("Operations");
    session.keys("q");
    assert_eq!(session.exit(), 0);
    let told = String::from_utf8_lossy(&session.raw()).into_owned();
    assert!(told.contains("\x07\x1b]9;train-"), "the end of the job was told");
    drop(session);
    assert_empty(&folder);
}

/// The one file that was decrypted beside one's files.
fn model(home: &Path) -> String {
    let files = crate::place::files(home);
    let model = files.iter().find(|path| path.ends_with("model.bin"));
    let model = model.unwrap_or_else(|| panic!("no model among {files:?}"));
    std::fs::read_to_string(model).unwrap()
}

/// Takes down what there is, line by line, until nothing is left.
fn clean_up(session: &mut Session) {
    next_step(session, "Clean up");
    session
        .wait("What the walk made")
        .wait("4 lines to take down")
        .wait("refused:");
    // The key's deletion is refused while objects need it: Enter on it says so and does nothing.
    session.keys("G").keys(ENTER).wait("Not now:").keys("\x1b[H");
    let mut agreed = Vec::new();
    // Without the bucket nothing needs the key any more.
    for left in [
        "4 lines to",
        "3 lines to",
        "2 lines to",
        "1 line to",
        "nothing is left to",
    ] {
        session.keys(ENTER);
        agreed.push(session.agree());
        session.gone("at work").wait(&format!("{left} take down"));
    }
    session.wait("pending deletion").keys(ESC).wait("The walk").keys(ESC);
    assert_eq!(agreed[..2], [BUCKET, "example-role"]);
    assert_eq!(agreed[3..], ["walk-key", "walk-key"]);
    session.keys("1").wait("PendingDeletion");
}

/// Asked by the SDK alone: nothing is left but the key, which waits for its deletion.
fn assert_empty(folder: &Path) {
    let place = Place::with(|options| options.dir = Some(folder.to_path_buf()));
    let sdk = place.sdk();
    let (s3, kms) = (place.s3(), aws_sdk_kms::Client::new(&sdk));
    let (iam, ecr) = (aws_sdk_iam::Client::new(&sdk), aws_sdk_ecr::Client::new(&sdk));
    place.wait(async {
        assert!(s3.list_buckets().send().await.unwrap().buckets().is_empty());
        assert!(iam.list_roles().send().await.unwrap().roles().is_empty());
        assert!(
            ecr.describe_repositories()
                .send()
                .await
                .unwrap()
                .repositories()
                .is_empty()
        );
        let keys = kms.list_keys().send().await.unwrap().keys.unwrap();
        let ids: Vec<&str> = keys.iter().filter_map(|key| key.key_id()).collect();
        let [id] = ids.as_slice() else { panic!("{ids:?}") };
        let described = kms
            .describe_key()
            .key_id(*id)
            .send()
            .await
            .unwrap()
            .key_metadata
            .unwrap();
        assert_eq!(described.key_state.unwrap().as_str(), "PendingDeletion");
        assert!(kms.list_grants().key_id(*id).send().await.unwrap().grants().is_empty());
        let jobs = aws_sdk_sagemaker::Client::new(&sdk)
            .list_training_jobs()
            .send()
            .await
            .unwrap();
        let ended = |job: &aws_sdk_sagemaker::types::TrainingJobSummary| {
            job.training_job_status
                .as_ref()
                .is_some_and(|status| status.as_str() == "Completed")
        };
        assert!(jobs.training_job_summaries().iter().all(ended));
    });
}

#[test]
fn the_walk_goes_from_an_empty_account_to_the_model_and_back_by_keystrokes_alone() {
    walk((120, 36), true);
}

#[test]
fn the_walk_goes_the_same_way_on_eighty_by_twenty_four_with_the_sample_from_an_empty_folder() {
    walk((80, 24), false);
}
