//! Where the fingers go, at a terminal: letters find rows and commands, and keys work on a page as on its row.

use std::sync::{Mutex, mpsc};

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};

use crate::place::Place;
use crate::proxy::{Proxy, Trouble};
use crate::pty::{CLEAR, DOWN, ENTER, ESC, HOME, Session, TAB};

#[test]
fn a_few_letters_find_a_row_a_command_and_a_place() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), (80, 24));
    session.wait("Enabled").wait("training-data");
    session
        .keys("/")
        .keys("prds")
        .gone("training-data ")
        .wait("▸   pre-2025-datasets");
    session.keys(ESC).wait("training-data ");
    session
        .keys(":")
        .keys("nwrl")
        .wait("▸ new role")
        .keys(ESC)
        .gone("new role");
    session
        .keys("O")
        .keys("trdt")
        .wait("▸ alias/training-data")
        .keys(ENTER)
        .wait("▸   training-data");
}

#[test]
fn a_page_is_searched_and_its_keys_work_on_what_it_is_about() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), (120, 36));
    session
        .wait("Enabled")
        .wait("Completed")
        .keys("4")
        .keys(ENTER)
        .wait("Overview")
        .wait("l log");
    session
        .keys("/")
        .wait("to look for")
        .keys("ROLE")
        .keys(ENTER)
        .wait("/ROLE in ");
    // Letters of other acts do nothing, and `n` is the next match.
    session
        .keys("n")
        .keys("N")
        .keys("t")
        .keys("x")
        .keys("u")
        .wait("/ROLE in ");
    session.keys("l").wait("Log of example-job").keys(ESC).wait("Overview");
    session
        .keys("!")
        .wait("Messages")
        .keys(ESC)
        .wait("Overview")
        .keys(ESC)
        .gone("Overview");
}

#[test]
fn esc_and_the_key_after_it_are_two_keys_however_fast_they_come() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), (120, 36));
    session
        .wait("Enabled")
        .wait("Completed")
        .keys("4")
        .keys(ENTER)
        .wait("Overview");
    // O begins a function key, where more follows: here it opens by name once nothing has.
    session.send(b"\x1bO").gone("Overview").wait("Commands");
    session
        .keys("trdt")
        .wait("▸ alias/training-data")
        .keys(ESC)
        .gone("Commands");
    // [ begins an arrow, and goes back to where one was.
    session
        .keys("3")
        .wait("data/")
        .keys("-")
        .wait("3 Buckets")
        .keys(":")
        .wait("Commands");
    session
        .send(b"\x1b[")
        .gone("Commands")
        .gone("3 Buckets")
        .wait("3 Objects ")
        .wait("data/");
    session
        .keys("?")
        .wait("Help")
        .send(b"\x1b[B\x1bOA")
        .keys(ESC)
        .gone("Help");
}

#[test]
fn a_filter_is_edited_in_its_middle_and_shows_where() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), (120, 36));
    session.wait("Enabled").wait("training-data").keys("1").keys("/");
    session.keys("datasets").wait("/datasets▏");
    session
        .keys("\x1bb")
        .wait("/▏datasets")
        .keys("pre2025-")
        .wait("/pre2025-▏datasets")
        .wait("▸   pre-2025-datasets");
    session.keys("\x1bd").wait("/pre2025-▏").keys("\x17").wait("/▏");
    session.keys(ESC).wait("training-data ");
}

#[test]
fn arrows_go_sideways_and_one_esc_too_many_leaves_no_bucket() {
    const LEFT: &str = "\x1b[D";
    const RIGHT: &str = "\x1b[C";
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), (120, 36));
    session.wait("Enabled").wait("data/").keys("1").keys(RIGHT);
    session.select("data/").keys(RIGHT).gone("readme.txt");
    session.keys("h").wait("readme.txt").wait("▸   data/");
    session
        .keys(LEFT)
        .select("training-data")
        .keys(ENTER)
        .wait("Overview")
        .keys(ESC)
        .gone("Overview");
    session
        .keys("3")
        .keys("?")
        .wait("Help")
        .keys(ESC)
        .gone("Help")
        .keys(ESC)
        .wait("Esc once more goes to the buckets")
        .keys(ESC)
        .wait("3 Buckets");
}

#[test]
fn the_menu_narrows_and_marks_and_orders_are_seen() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), (120, 36));
    session
        .wait("Enabled")
        .wait("notes.txt")
        .keys("1")
        .select("training-data");
    session
        .keys("a")
        .wait("do it")
        .keys("tgs")
        .gone("dependents")
        .wait("▸ tags")
        .keys(ENTER)
        .wait("Tags of")
        .keys("team=blue")
        .keys(ENTER)
        .gone("Tags of");
    // The most used is first by now.
    session.keys("a").wait("do it").wait("▸ tags").keys(ESC).gone("do it");
    session.keys("5").keys("z").keys("\x01").wait("2 marked, 10.4 KiB");
    session.wait("e encrypt & upload 2").keys("*").gone("marked");
    session
        .keys("s")
        .wait("n name")
        .wait("the same reverses")
        .keys("n")
        .keys("s")
        .keys("n")
        .wait("NAME↓");
}

#[test]
fn a_table_is_saved_as_it_is_shown_and_no_file_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    let (csv, json) = (home.path().join("out.csv"), home.path().join("out.json"));
    let mut session = Session::start(&["--sandbox"], home.path(), (120, 36));
    session
        .wait("Enabled")
        .wait("notes.txt")
        .keys("5")
        .keys("s")
        .keys("n")
        .keys("S");
    session
        .keys("E")
        .wait("Save 2 rows of files")
        .keys(CLEAR)
        .keys(&csv.to_string_lossy())
        .keys(ENTER)
        .wait("Saved 2 rows of files");
    let text = std::fs::read_to_string(&csv).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "path,folder,link,size,modified");
    assert!(
        lines[1].contains("notes.txt") && lines[2].contains("housing.csv"),
        "{text}"
    );
    // The same name again, and the other form.
    session
        .keys("E")
        .wait("Save 2 rows")
        .keys(CLEAR)
        .keys(&csv.to_string_lossy())
        .keys(ENTER)
        .wait("it exists already")
        .keys(CLEAR)
        .keys(&json.to_string_lossy())
        .keys(ENTER)
        .wait("out.json.");
    let json = std::fs::read_to_string(&json).unwrap();
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(first["size"], 173);
    assert_eq!(std::fs::read_to_string(&csv).unwrap(), text);
}

#[test]
fn what_is_copied_is_chosen_by_its_letter() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), (120, 36));
    session
        .wait("Enabled")
        .wait("training-data")
        .keys("1")
        .select("training-data");
    session
        .keys("U")
        .wait("Copy of training-data")
        .keys("n")
        .wait("Copied training-data");
    session
        .keys("U")
        .wait("Copy of training-data")
        .choose("a ARN")
        .keys(ENTER)
        .wait("Copied arn:aws:kms:");
}

#[test]
fn places_are_gone_back_to_bookmarked_and_found_by_their_beginning() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), (120, 36));
    session.wait("Enabled").wait("data/").keys("3").keys("z");
    session
        .keys("O")
        .keys("s3://sagema")
        .wait("Tab complete")
        .keys(TAB)
        .wait("▸ s3://sagemaker-us-east-1-")
        .keys(ENTER)
        .gone("Tab complete")
        .wait("Objects s3://sagemaker-us-east-1-")
        .keys("b")
        .wait("Bookmarked: s3://");
    session
        .keys("-")
        .wait("3 Buckets")
        .keys("[")
        .wait("Objects s3://")
        .keys("]")
        .wait("3 Buckets");
    session
        .keys("1")
        .wait("KMS keys")
        .keys("'")
        .wait("▸ s3://sagemaker")
        .keys(ENTER)
        .wait("Objects s3://");
}

#[test]
fn versions_of_an_object_are_compared_and_decrypted() {
    let place = Place::new();
    let key = place.key("alias/data");
    place.bucket("versioned");
    let kept = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Enabled)
        .build();
    let call = place.s3().put_bucket_versioning().bucket("versioned");
    place.wait(call.versioning_configuration(kept).send()).unwrap();
    for price in ["4526", "3585"] {
        place.write("a.csv", format!("id,price\n1,{price}.0\n"));
        place
            .run(&["encrypt", "a.csv", "s3://versioned/", "--key", &key, "--overwrite"])
            .ok();
    }
    let mut session = place.dashboard((120, 36));
    session
        .wait("KMS keys")
        .keys("O")
        .keys("s3://versioned/a.csv")
        .wait("▸ s3://versioned/a.csv")
        .keys(ENTER);
    session
        .wait("▸ ◆ a.csv")
        .wait("strongroom")
        .action("versions")
        .wait("Versions of s3://versioned/a.csv")
        .wait(" now ");
    // The older one alone.
    session
        .keys(DOWN)
        .keys("v")
        .wait("intact")
        .keys(ENTER)
        .wait("4526.0")
        .gone("3585.0")
        .keys(ESC)
        .gone("4526.0");
    // Both beside each other, and their plaintexts when that is asked for.
    session
        .keys(" ")
        .keys(HOME)
        .wait("compare the two")
        .keys(ENTER)
        .wait("Says it is")
        .gone("4526.0");
    session.keys(ENTER).wait_until("both plaintexts", |screen| {
        screen
            .lines()
            .any(|line| line.contains("4526.0") && line.contains("3585.0"))
    });
    session
        .keys(ESC)
        .keys("j")
        .keys("d")
        .wait("Decrypt version")
        .keys(CLEAR)
        .keys("old.csv")
        .keys(ENTER)
        .wait("Decrypted");
    let old = std::fs::read_to_string(place.path("old.csv")).unwrap();
    assert_eq!(old, "id,price\n1,4526.0\n");
}

#[test]
fn who_trains_while_an_upload_ends_trains_on_the_row_under_the_cursor() {
    const BUCKET: &str = "sagemaker-hands";
    let place = Place::new();
    place.key("training");
    place.bucket(BUCKET);
    place.put(BUCKET, "a/x.csv", b"x\n1\n");
    place.write("b.csv", "x\n2\n");
    let (let_on, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
        if seen.line.starts_with("PUT ") && seen.line.contains("/b.csv") {
            held.lock().unwrap().recv().unwrap_err();
        }
        Trouble::None
    });
    let environment = place.environment_at(proxy.url());
    let mut session = Session::start_with(&[], place.home.path(), (120, 36), &environment);
    session.wait("Enabled").wait("▸   a/").keys("5").select("b.csv");
    session
        .keys("e")
        .wait("Encrypt and upload")
        .wait("y yes")
        .keys("y")
        .gone("y yes");
    session.keys("3").wait("▸   a/");
    drop(let_on);
    session.wait("Encrypted and uploaded").wait("◆ b.csv").wait("▸   a/");
    session.keys("t").wait(&format!("Train on s3://{BUCKET}/a/"));
    session.keys(ESC).gone("Train on");
}
