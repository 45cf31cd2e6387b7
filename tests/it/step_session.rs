//! What holds for every step: read-only sessions, the audit log, and the command line of what is asked.

use base64::Engine;

use crate::pty::{CTRL_Y, ENTER, ESC, Session, TAB};

const WIDE: (u16, u16) = (120, 36);

fn seeded(home: &tempfile::TempDir, arguments: &[&str]) -> Session {
    let mut session = Session::start(arguments, home.path(), WIDE);
    session.wait("training-data").wait("Disabled").select("training-data");
    session
}

/// What is put on the clipboard (OSC 52) for the so manieth time.
fn copied(session: &mut Session, time: usize) -> String {
    let text = |raw: &[u8]| {
        let raw = String::from_utf8_lossy(raw);
        let (text, _) = raw.split("\x1b]52;c;").nth(time)?.split_once('\x07')?;
        let text = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
        String::from_utf8(text).ok()
    };
    session.wait_printed("what is copied", |raw| text(raw).is_some());
    text(&session.raw()).unwrap()
}

#[test]
fn a_read_only_session_looks_at_everything_and_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut session = seeded(&home, &["--sandbox", "--read-only"]);
    // Nothing is asked for what is refused.
    const REFUSED: &str = "This session is read-only";
    session
        .keys("5")
        .select("housing.csv")
        .keys("e")
        .wait(REFUSED)
        .gone("Encrypt and upload");
    session
        .keys(ESC)
        .gone(REFUSED)
        .keys("1")
        .keys("n")
        .wait(REFUSED)
        .gone("New KMS key");
    session
        .keys(ESC)
        .gone(REFUSED)
        .keys("x")
        .wait(REFUSED)
        .gone("Disable the key");
    session
        .keys(ESC)
        .gone(REFUSED)
        .keys("a")
        .wait("dependents")
        .gone("edit policy")
        .keys(ESC);
    session
        .action("dependents")
        .wait("What depends on the key")
        .wait("objects found")
        .keys(ESC);
    session
        .keys("w")
        .wait("The walk")
        .keys("G")
        .keys(ENTER)
        .wait("What the walk made")
        .keys(ESC)
        .gone("What the walk made")
        .keys(ESC)
        .gone("The walk");
    session
        .keys("A")
        .wait("Every change that was asked for")
        .gone("kms:")
        .gone("s3:");
}

#[test]
fn the_audit_log_shows_every_change_with_its_answer() {
    let home = tempfile::tempdir().unwrap();
    let mut session = seeded(&home, &["--sandbox"]);
    session
        .keys("x")
        .wait("Disable the key")
        .keys("y")
        .wait("Disabled the key")
        .keys(ESC)
        .wait("1 KMS keys");
    session
        .keys("A")
        .wait("kms:DisableKey")
        .wait("allowed")
        .wait("1 change");
    // A filter that fits nothing, and one that fits.
    session
        .keys("/PutObject\r")
        .wait("No change fits the filter")
        .wait("0 of 1 change");
    session.keys("/").keys("\x15").keys("disable\r").wait("kms:DisableKey");
    session.keys("\r").wait("Request id").wait("user/strongroom").keys(ESC);
    session
        .keys("D")
        .wait("Save the audit log")
        .keys("\r")
        .wait("Saved the audit log (1 change)");
}

#[test]
fn the_command_line_of_what_is_asked_is_copied_from_menu_form_question_and_list() {
    let home = tempfile::tempdir().unwrap();
    let mut session = seeded(&home, &["--sandbox"]);
    session
        .keys("a")
        .wait("do it")
        .choose("rotation on")
        .keys(CTRL_Y)
        .wait("Copied aws kms enable-key-rotation");
    session
        .keys(ESC)
        .keys("x")
        .wait("Disable the key")
        .keys("Y")
        .wait("Copied aws kms disable-key");
    // Copying is no answer.
    session.wait("Disable the key").keys("n").gone("Disable the key");
    session
        .action("add alias")
        .wait("One more alias")
        .keys("sister")
        .keys(CTRL_Y)
        .wait("Copied aws kms create-alias");
    let alias = copied(&mut session, 3);
    assert!(
        alias.starts_with("aws kms create-alias --alias-name alias/sister --target-key-id arn:aws:kms:"),
        "{alias}"
    );
    session
        .keys(ENTER)
        .wait("Added alias/sister")
        .keys("o")
        .wait("Operations")
        .keys("Y");
    session.wait("Copied aws kms create-alias").keys(ESC);
    assert_eq!(copied(&mut session, 4), alias);
    session
        .keys("n")
        .wait("New KMS key")
        .keys("k")
        .keys(TAB)
        .keys("it's")
        .keys(CTRL_Y)
        .wait("Copied 2 command lines");
    let key = copied(&mut session, 5);
    assert!(
        key.starts_with(r"aws kms create-key --description 'it'\''s' --key-spec SYMMETRIC_DEFAULT"),
        "{key}"
    );
}

#[test]
fn the_audit_log_of_a_sandbox_that_is_kept_tells_of_earlier_sessions() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("world");
    let arguments = ["--sandbox", "--sandbox-dir", folder.to_str().unwrap()];
    let mut session = seeded(&home, &arguments);
    session
        .keys("x")
        .wait("Disable the key")
        .keys("y")
        .wait("Disabled the key")
        .keys("q");
    assert_eq!(session.exit(), 0);
    let mut session = seeded(&home, &arguments);
    session.keys("A").wait("kms:DisableKey").wait("1 change");
}
