//! The main job, typed into the real program in a pseudo-terminal and read off its screen.

use std::time::Duration;

use crate::pty::Session;

const DOWN: &str = "j";
const HOME: &str = "\x1b[H";
const ENTER: &str = "\r";
const ESC: &str = "\x1b";

/// Presses `j` until the row under the cursor holds the text.
fn select(session: &mut Session, text: &str) {
    session.keys(HOME);
    std::thread::sleep(Duration::from_millis(150));
    for _ in 0..12 {
        let is_selected = |screen: &str| screen.lines().any(|line| line.contains(&format!("> {text}")));
        if is_selected(&session.text()) {
            return;
        }
        session.keys(DOWN);
        std::thread::sleep(Duration::from_millis(150));
    }
    panic!("no row `{text}` could be selected:\n{}", session.text());
}

#[test]
fn a_file_is_encrypted_refused_to_the_job_granted_trained_on_and_opened_by_keystrokes() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), (120, 36));
    session
        .wait("SANDBOX")
        .wait("training-data")
        .wait("dont_look")
        .wait("housing.csv")
        .wait("example-job");
    session
        .wait("Disabled")
        .wait("PendingDeletion")
        .wait("Completed  example-job");

    // One key encrypts the chosen file under the chosen key into the place shown.
    session.keys("1");
    select(&mut session, "Enabled          training-data");
    session.keys("5");
    select(&mut session, "housing.csv");
    session.keys("e").wait("Encrypted and uploaded").keys(ESC);
    session.wait("strongroom");

    // Without a grant the job fails with KMS's own words.
    session.keys("3");
    select(&mut session, "housing.csv  13");
    session
        .keys("t")
        .wait("example-role")
        .keys(ENTER)
        .wait("Started train-");
    session
        .wait("Failed     train-")
        .keys("l")
        .wait("AccessDenied")
        .keys(ESC)
        .gone("Log of");

    // With it the same job trains.
    session
        .keys("1")
        .keys("n")
        .wait("example-role")
        .keys(ENTER)
        .wait("Granted.");
    session.wait("example-role  Decrypt, Encrypt").keys(ESC);
    session
        .keys("3")
        .keys("t")
        .wait("example-role")
        .keys(ENTER)
        .wait("Started train-");
    session
        .wait("Completed  train-")
        .keys("l")
        .wait("epoch=")
        .keys(ESC)
        .gone("Log of")
        .keys(ESC);

    // The model it wrote opens.
    session.keys("r").keys("3");
    select(&mut session, "output/");
    session.keys(ENTER).wait("/output/").wait("train-");
    select(&mut session, "train-");
    session.keys(ENTER);
    select(&mut session, "output/");
    session.keys(ENTER).wait("model.tar.gz");
    session.keys("d").wait("y yes").keys("y").wait("Decrypted").keys("q");
    assert_eq!(session.exit(), 0);
}

#[test]
fn the_terminal_is_given_back_when_the_program_is_told_to_end() {
    let home = tempfile::tempdir().unwrap();
    for signal in [
        rustix::process::Signal::TERM,
        rustix::process::Signal::HUP,
        rustix::process::Signal::INT,
    ] {
        let mut session = Session::start(&["--sandbox", "--empty"], home.path(), (80, 24));
        session
            .wait("Keys")
            .resize(1, 1)
            .resize(80, 24)
            .wait("Keys")
            .signal(signal);
        session.exit();
        let raw = String::from_utf8_lossy(&session.raw()).into_owned();
        assert!(raw.contains("\x1b[?1049h") && raw.contains("\x1b[?1049l"), "{signal:?}");
    }
}
