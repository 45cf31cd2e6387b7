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
        .wait("the account      all")
        .keys("4")
        .wait("Phases")
        .wait("reference trainer: wrote model.bin")
        .wait("at epoch 20")
        .wait("LOSS")
        .keys("i")
        .gone(" Details ");
    // Its curves have axes and say what they are.
    session
        .keys(ENTER)
        .wait("Overview")
        .keys("\t")
        .wait("━ loss")
        .wait("at epoch 20")
        .wait("epoch 1 ")
        .keys(ESC)
        .gone("Overview");
}

#[test]
fn the_versions_of_an_object_are_told_where_the_cursor_rests() {
    use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
    const BUCKET: &str = "sagemaker-versions";
    let place = crate::place::Place::new();
    place.bucket(BUCKET);
    let kept = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Enabled)
        .build();
    let s3 = place.s3();
    let call = s3.put_bucket_versioning().bucket(BUCKET).versioning_configuration(kept);
    place.wait(call.send()).unwrap();
    for bytes in [&b"1234567"[..], b"12345"] {
        place.put(BUCKET, "a.csv", bytes);
    }
    place.put(BUCKET, "a.csv.more", b"1");
    let mut session = place.dashboard(WIDE);
    session.wait(BUCKET).wait("a.csv").keys("3").select("a.csv 5 B");
    session.wait("5 B, this one").wait("7 B").gone("asked when");
    session.select("a.csv.more");
    session.wait("Versions     this one").gone("7 B");
    session.keys("q");
    session.exit();
}

#[test]
fn a_message_costs_no_key() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), (80, 24));
    let said = "Nothing here can be removed.";
    session.wait("Disabled").keys("5").wait("housing.csv");
    session.keys("x").wait(said).keys("j1").wait("KMS keys").wait(said);
    session.keys("?").wait("Help").gone(said).keys(ESC).gone("Help");
    session.keys("5x").wait(said).keys("3").wait("Objects").keys(ESC);
    session.gone(said).wait("Buckets");
}

#[test]
fn a_key_leads_to_where_the_chain_breaks_and_to_what_mends_it() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), (80, 24));
    session
        .wait("Disabled")
        .wait("w walk")
        .keys("j")
        .wait("pre-2025-datasets Disabled   c goes there")
        .keys("3c")
        .wait("1 KMS keys")
        .wait("y yes")
        .keys("y")
        .wait("✓ pre-2025-datasets Enabled");
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
