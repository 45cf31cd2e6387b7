//! A wide terminal: the details beside the list, the chain and where its key leads, and the proof as a matrix.

use crate::pty::{ENTER, ESC, Session};

const WIDE: (u16, u16) = (200, 50);

#[test]
fn what_the_cursor_rests_on_is_told_beside_the_list() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), WIDE);
    session
        .wait("Enabled")
        .wait(" Details ")
        .keys("jjj")
        .wait("✓ training-data Enabled")
        .wait("Who may use it, by policy")
        .wait("the account  all")
        .keys("4")
        .wait("Phases")
        .wait("reference trainer: wrote model.bin")
        .wait("in 20 points")
        .keys("i")
        .gone(" Details ");
}

#[test]
fn a_key_leads_to_where_the_chain_breaks_and_to_what_mends_it() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), (80, 24));
    session
        .wait("Disabled")
        .wait("w walk")
        .keys("j")
        .wait("✗ legacy-datasets Disabled")
        .keys("3c")
        .wait("1 KMS keys")
        .wait("y yes")
        .keys("y")
        .wait("✓ legacy-datasets Enabled");
}

#[test]
fn where_everything_stands_is_kept_for_the_next_session() {
    let place = crate::place::Place::new();
    place.key("training");
    let mut session = place.dashboard(WIDE);
    session
        .wait("Enabled")
        .wait(" Details ")
        .keys("i")
        .gone(" Details ")
        .keys(">");
    session.keys("q");
    session.exit();
    let mut session = place.dashboard(WIDE);
    session.wait("Enabled");
    assert!(!session.text().contains(" Details "));
    let kept = crate::place::files(place.home.path());
    let kept = kept.iter().find(|path| path.ends_with("arrangement.json")).unwrap();
    assert_eq!(
        std::fs::read_to_string(kept).unwrap(),
        r#"{"left":44,"upper":60,"aside":false}"#
    );
    session.keys("q");
    session.exit();
}

#[test]
fn the_story_of_a_grant_is_a_matrix_in_the_sandbox_too_and_is_kept_as_json_and_as_a_page() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), (120, 36));
    session
        .wait("Enabled")
        .keys("jjj")
        .wait("✓ training-data Enabled")
        .action("proof story")
        .wait("Prove the story")
        .take("example-role")
        .keys(ENTER)
        .wait("The story of the grant")
        .wait("It holds.")
        .wait("✗ denied    ✓ allowed   ✗ denied")
        .keys(ENTER)
        .wait("request ")
        .keys(ESC)
        .gone("The story of the grant");
    let kept = crate::place::files(home.path());
    let kept: Vec<_> = kept
        .iter()
        .filter(|path| path.to_string_lossy().contains("/evidence/sandbox-proof-"))
        .collect();
    let ends: Vec<_> = kept.iter().filter_map(|path| path.extension()?.to_str()).collect();
    assert!(
        ends.len() == 2 && ends.contains(&"json") && ends.contains(&"md"),
        "{kept:?}"
    );
}
