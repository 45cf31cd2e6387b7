//! The main job, typed into the real program in a pseudo-terminal and read off its screen.

use crate::pty::{ENTER, ESC, Session};

/// The main job, in a terminal of this size.
fn the_whole_story(size: (u16, u16)) {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), size);
    session
        .wait("SANDBOX")
        .wait("training-data")
        .wait("Disabled")
        .wait("PendingDeletion");

    // One key encrypts the chosen file under the chosen key into the place shown; the first time it is asked about.
    session.select("training-data");
    session.keys("5").wait("housing.csv");
    session.select("housing.csv");
    session.wait("e encrypts housing.csv").encrypt().keys(ESC);
    session.keys("3");
    session.select("housing.csv 13.7 KiB");
    session.wait_until("the object as ours", |screen| {
        screen
            .lines()
            .any(|line| line.contains("◆ housing.csv") && line.contains("strongroom"))
    });

    // Without a grant the job fails with KMS's own words.
    session
        .keys("t")
        .wait("▸ example-role")
        .keys(ENTER)
        .wait("Started the job train-");
    session
        .keys(ESC)
        .wait("Failed")
        .keys(ENTER)
        .wait("Why it was refused")
        .keys(ESC);
    session.keys("l").wait("AccessDenied").keys(ESC).gone("Log of");

    // With it the same job trains.
    session
        .keys("2")
        .wait("Grants of training-data")
        .keys("n")
        .wait("▸ example-role");
    session
        .keys(ENTER)
        .wait("The grant works")
        .keys(ESC)
        .keys(ESC)
        .wait_until("the grant as a row", |screen| {
            screen
                .lines()
                .any(|line| line.contains("example-role") && line.contains("Decrypt, Encrypt"))
        });
    session
        .keys("3")
        .keys("t")
        .wait("▸ example-role")
        .keys(ENTER)
        .wait("Started the job train-");
    session
        .keys(ESC)
        .wait("Completed")
        .keys("l")
        .wait("epoch=")
        .keys(ESC)
        .gone("Log of");

    // The model it wrote opens.
    session.keys("3").keys("r");
    session.select("output/");
    session.keys(ENTER).wait("/output/").wait("train-");
    session.select("train-");
    session.keys(ENTER);
    session.select("output/");
    session.keys(ENTER).wait("model.tar.gz");
    session
        .keys("d")
        .wait("Enter send")
        .keys(ENTER)
        .wait("Decrypted")
        .keys("q");
    assert_eq!(session.exit(), 0);
}

#[test]
fn a_file_is_encrypted_refused_to_the_job_granted_trained_on_and_opened_by_keystrokes() {
    the_whole_story((120, 36));
}

#[test]
fn the_same_on_eighty_by_twenty_four() {
    the_whole_story((80, 24));
}

#[test]
fn all_panes_are_filled_on_the_first_screen() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), (120, 36));
    session
        .wait("training-data")
        .wait("Disabled")
        .select("training-data")
        .wait("Grants of")
        .wait("feature-p")
        .wait("dont_look")
        .wait("housing.csv")
        .wait("example-job")
        .wait("Completed");
}
