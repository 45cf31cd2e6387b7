//! The walk's steps with keys, by keystrokes: keys made and given up, messages, data keys, buckets.

use crate::place::{Place, files};
use crate::pty::{CLEAR, ENTER, ESC, Session, TAB};

const WIDE: (u16, u16) = (120, 36);
const BACK_TAB: &str = "\x1b[Z";
const UP: &str = "\x1b[A";

/// The seeded world, with its first key chosen.
fn seeded(home: &tempfile::TempDir) -> Session {
    let mut session = Session::start(&["--sandbox"], home.path(), WIDE);
    session.wait("training-data").wait("Disabled").select("training-data");
    session
}

#[test]
fn a_key_is_made_from_a_policy_that_was_looked_at_and_changed_afterwards() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox", "--empty"], home.path(), WIDE);
    session
        .wait("No keys here")
        .keys("n")
        .wait("New KMS key")
        .keys("ledger");
    // The last field: rotation, and the policy first.
    session.keys(BACK_TAB).keys(" ").keys("\x1b[B").keys(" ").keys(ENTER);
    session.wait("Key policy").wait("kms:*").wait("put it").keys("y");
    session.wait("Created the key").keys(ESC).wait("ledger").wait("Enabled");
    session
        .action("add alias")
        .wait("One more alias")
        .keys("books")
        .keys(ENTER);
    session.wait("alias/books to").keys(ESC);
    session.action("tags").wait("Tags of").keys("team=blue").keys(ENTER);
    session.wait("Tagged the key").keys(ESC);
    session
        .action("description")
        .wait("Description of")
        .keys("What the books are under")
        .keys(ENTER);
    session.wait("Described the key").keys(ESC);
    session
        .action("rotation off")
        .wait("Switched the yearly rotation")
        .keys(ESC);
    session
        .keys(ENTER)
        .wait("alias/books")
        .wait("What the books are under")
        .wait("Rotation")
        .keys(ESC);
    session.action("delete alias").wait("Delete an alias").keys(ENTER);
    session.wait("Delete alias/").keys("y").wait("Deleted alias/");
}

#[test]
fn a_key_is_disabled_first_then_given_up_by_its_name_and_taken_back() {
    let home = tempfile::tempdir().unwrap();
    let mut session = seeded(&home);
    session
        .keys("x")
        .wait("Disable the key training-data")
        .keys("y")
        .wait("abled the key")
        .keys(ESC);
    session.wait_until("the key as disabled", |screen| {
        screen
            .lines()
            .any(|line| line.contains("training-data") && line.contains("Disabled"))
    });
    session
        .keys("x")
        .wait("Schedule the deletion")
        .wait("bucket scanned")
        .keys(ENTER);
    session
        .wait("Delete the key training-data (")
        .keys("training")
        .keys(ENTER)
        .wait("Delete the key training-data");
    session.keys(CLEAR);
    assert_eq!(session.agree(), "training-data");
    let stands = |word: &'static str| {
        move |screen: &str| {
            screen
                .lines()
                .any(|line| line.contains("training-data") && line.contains(word))
        }
    };
    session.wait_until("the key as waiting", stands("PendingDeletion"));
    session
        .keys("u")
        .wait("Cancelled the deletion of")
        .wait_until("the key as kept", stands("Disabled"));
    session.keys("u").wait_until("the key as enabled", stands("Enabled"));
}

#[test]
fn a_message_goes_there_and_back_and_is_gone_from_the_screen_when_closed() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("long.txt"), "x".repeat(4097)).unwrap();
    let (sealed, long) = (home.path().join("c.bin"), home.path().join("long.txt"));
    let (sealed, long) = (sealed.display().to_string(), long.display().to_string());
    let mut session = seeded(&home);
    session
        .action("encrypt message")
        .wait("1 to 4096 bytes")
        .keys("the diagnosis");
    session
        .keys(TAB)
        .keys(TAB)
        .keys("team=blue")
        .keys(TAB)
        .keys(&sealed)
        .keys(ENTER);
    session.wait("Encrypted message").wait("c.bin").keys(ESC);
    session
        .action("decrypt message")
        .wait("Ciphertext")
        .keys(TAB)
        .keys(&sealed)
        .keys(ENTER);
    // Without its context it does not open, and nothing that was filled in is lost.
    session.wait("context").wait("Decrypt a message").wait("c.bin");
    session
        .keys(TAB)
        .keys("team=blue")
        .keys(ENTER)
        .wait("the diagnosis")
        .wait("message under");
    session.keys(ESC).gone("the diagnosis");
    session
        .action("encrypt message")
        .wait("1 to 4096 bytes")
        .keys(TAB)
        .keys(&long)
        .keys(ENTER);
    session.wait("it is longer than 4096 bytes");
}

#[test]
fn a_data_key_is_kept_opened_and_wrapped_anew_and_d_is_never_shown() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name).display().to_string();
    let mut session = seeded(&home);
    session
        .action("new data key")
        .wait("Keep it at")
        .keys(CLEAR)
        .keys(&at("c.datakey"))
        .keys(ENTER);
    session
        .wait("The plaintext data key was 32 bytes, and is forgotten")
        .keys(ESC);
    session
        .action("open data key")
        .wait("Which KMS key wraps it")
        .keys(&at("c.datakey"));
    session.keys(TAB).keys(TAB).take("example-role").keys(ENTER);
    session.wait("for youallowed").wait("for the roledenied").keys(ESC);
    session.select("model-artifacts");
    session
        .action("re-wrap data key")
        .wait("the plaintext data key never leaves KMS")
        .keys(&at("c.datakey"));
    session.keys(TAB).keys(&at("anew.datakey")).keys(ENTER);
    session
        .wait("The plaintext data key was 32 bytes, and is forgotten")
        .wait("anew.datakey");
    for name in ["c.datakey", "anew.datakey"] {
        let bytes = std::fs::read(home.path().join(name)).unwrap();
        assert!(
            bytes.len() > 32,
            "{name} holds C, which is more than D: {}",
            bytes.len()
        );
    }
}

#[test]
fn a_bucket_is_made_emptied_and_deleted_only_by_its_name() {
    let home = tempfile::tempdir().unwrap();
    let mut session = seeded(&home);
    session
        .keys("3")
        .wait("readme.txt")
        .keys(ESC)
        .wait("Buckets")
        .keys("n")
        .wait("New bucket");
    session
        .wait("sagemaker-20")
        .keys(CLEAR)
        .keys("sagemaker-mine")
        .keys(ENTER);
    session
        .wait("Created the bucket sagemaker-mine")
        .keys("5")
        .select("housing.csv");
    session.encrypt().keys("3").wait("housing.csv").keys(ESC).keys(ESC);
    session.wait("Buckets").select("sagemaker-mine");
    session
        .action("empty bucket")
        .wait("Empty the bucket sagemaker-mine of")
        .wait("2 objects");
    session
        .keys("sagemaker-us")
        .keys(ENTER)
        .wait("Empty the bucket")
        .keys(CLEAR);
    assert_eq!(session.agree(), "sagemaker-mine");
    session
        .wait("Emptied the bucket sagemaker-mine of its 2 objects")
        .keys(ESC);
    session
        .action("delete bucket")
        .wait("Delete the bucket sagemaker-mine and");
    session.agree();
    session.wait("Deleted the bucket sagemaker-mine");
    session.wait_until("no such bucket", |screen| !screen.contains("▸   sagemaker-mine"));
}

#[test]
fn a_policy_is_edited_shown_as_a_diff_put_and_put_back() {
    let home = tempfile::tempdir().unwrap();
    let editor = r#"sed -i 's/"kms:ListGrants"/"kms:ListGrants", "kms:ListRetirableGrants"/'"#;
    let mut session = Session::start_with(&["--sandbox"], home.path(), WIDE, &[("EDITOR", editor)]);
    session.wait("training-data").wait("Disabled").select("training-data");
    session
        .action("edit policy")
        .wait("Key policy")
        .wait("+ ")
        .wait("ListRetirableGrants");
    session.keys("y").wait("Replaced the policy").keys(ESC);
    session
        .action("put policy back")
        .wait("Key policy")
        .wait("- ")
        .keys("y")
        .wait("Replaced the policy");
}

#[test]
fn a_role_is_named_in_the_policy_shown_as_a_diff_and_may_use_the_key() {
    let home = tempfile::tempdir().unwrap();
    let mut session = seeded(&home);
    session
        .action("allow role")
        .wait("Let a role use training-data")
        .wait("▸ example-role")
        .keys(ENTER);
    session
        .wait("Key policy")
        .wait("+ ")
        .wait("role/example-role")
        .keys("y")
        .wait("Replaced the policy")
        .keys(ESC);
    session
        .keys("p")
        .wait("Who may use")
        .wait("▸ example-role")
        .keys(ENTER)
        .wait("Decrypt                         ✓ allowed");
}

/// What an editor does, and what the dashboard says of it.
#[test]
fn an_editor_that_fails_or_changes_nothing_changes_nothing() {
    for (editor, words) in [("false", "it ended with"), ("true", "The policy was not changed")] {
        let home = tempfile::tempdir().unwrap();
        let mut session = Session::start_with(&["--sandbox"], home.path(), WIDE, &[("EDITOR", editor)]);
        session.wait("training-data").wait("Disabled").select("training-data");
        session.action("edit policy").wait(words).gone("put it");
        session
            .keys("A")
            .wait("Every change that was asked for")
            .gone("kms:PutKeyPolicy");
    }
}

#[test]
fn what_a_failing_editor_has_saved_is_still_there_and_its_place_is_said() {
    let home = tempfile::tempdir().unwrap();
    let editor = "echo saved >> \"$1\"; false";
    let editor = format!("sh -c '{editor}' sh");
    let temporary = home.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let variables = [("EDITOR", editor.as_str()), ("TMPDIR", temporary.to_str().unwrap())];
    let mut session = Session::start_with(&["--sandbox"], home.path(), WIDE, &variables);
    session.wait("training-data").wait("Disabled").select("training-data");
    session
        .action("edit policy")
        .wait("it ended with")
        .keys("!")
        .wait("what it saved is in");
    let kept = files(&temporary)
        .into_iter()
        .find(|path| path.to_string_lossy().ends_with("-policy.json"));
    assert!(std::fs::read_to_string(kept.unwrap()).unwrap().ends_with("saved\n"));
}

#[test]
fn a_policy_that_is_no_json_is_not_put_and_what_was_typed_is_there_to_be_mended() {
    let home = tempfile::tempdir().unwrap();
    // Breaks it the first time, mends it the second.
    let editor = r#"sh -c 'if grep -q BROKEN "$1"; then sed -i s/BROKEN// "$1"; else sed -i s/kms:ListGrants/kms:ListAll/ "$1"; echo BROKEN >> "$1"; fi' sh"#;
    let mut session = Session::start_with(&["--sandbox"], home.path(), WIDE, &[("EDITOR", editor)]);
    session.wait("training-data").wait("Disabled").select("training-data");
    session
        .action("edit policy")
        .wait("not JSON")
        .keys("y")
        .wait("not JSON");
    session.keys("e").gone("not JSON").wait("+ ").wait("kms:ListAll");
    session
        .keys(ESC)
        .keys("A")
        .wait("Every change that was asked for")
        .gone("kms:PutKeyPolicy");
}

#[test]
fn a_policy_that_locks_its_writer_out_is_put_only_by_saying_so_and_stays_on_screen_otherwise() {
    let home = tempfile::tempdir().unwrap();
    let locks = r#"{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/example-role"}, "Action": "kms:*", "Resource": "*"}]}"#;
    let policy = home.path().join("locks.json");
    std::fs::write(&policy, locks).unwrap();
    let editor = format!("cp {}", policy.display());
    let mut session = Session::start_with(&["--sandbox"], home.path(), WIDE, &[("EDITOR", &editor)]);
    session.wait("training-data").wait("Disabled").select("training-data");
    session.action("edit policy").wait("change this policy again").keys("y");
    session
        .wait("It locks you out")
        .keys("yes")
        .keys(ENTER)
        .wait("It locks you out");
    session
        .keys(ESC)
        .gone("It locks you out")
        .keys("G")
        .wait("role/example-role");
    session
        .keys(ESC)
        .keys("A")
        .wait("Every change that was asked for")
        .gone("kms:PutKeyPolicy");
}

#[test]
fn a_session_that_expires_under_a_form_changes_nothing_and_loses_no_text() {
    let place = Place::with(|options| options.faults = vec!["iam:expired".parse().unwrap()]);
    place
        .wait(aws_sdk_kms::Client::new(&place.sdk()).create_key().send())
        .unwrap();
    let mut session = place.dashboard(WIDE);
    session
        .wait("Enabled")
        .keys("2")
        .action("new role")
        .wait("New execution role")
        .keys(CLEAR)
        .keys("my-own-role");
    session.keys(TAB).keys("my-bucket").keys(ENTER);
    // It comes back as it was, with the reason and the remedy.
    session
        .wait("New execution role")
        .wait("my-own-role")
        .wait("my-bucket")
        .wait("or renew the");
    session.keys(ESC).gone("New execution role");
    // Whoever goes on meanwhile finds it again when the form is opened again; what succeeded is not kept.
    session
        .action("new role")
        .wait("New execution role")
        .keys(CLEAR)
        .keys("another-role")
        .keys(TAB)
        .keys("b");
    session.keys(&format!("{ENTER}{UP}")).wait("ExpiredToken");
    session
        .keys("2")
        .action("new role")
        .wait("New execution role")
        .wait("another-role");
}
