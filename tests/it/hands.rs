//! Where the fingers go, at a terminal: letters find rows and commands, and keys work on a page as on its row.

use crate::pty::{CLEAR, ENTER, ESC, Session};

#[test]
fn a_few_letters_find_a_row_a_command_and_a_place() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), (80, 24));
    session.wait("Enabled").wait("training-data");
    session
        .keys("/")
        .keys("lgds")
        .gone("training-data ")
        .wait("▸   legacy-datasets");
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
fn the_menu_narrows_and_marks_and_orders_are_seen() {
    let home = tempfile::tempdir().unwrap();
    for name in ["b.csv", "a.csv", "c.txt"] {
        std::fs::write(home.path().join(name), vec![b'x'; 1024]).unwrap();
    }
    let mut session = Session::start(&["--sandbox"], home.path(), (120, 36));
    session.wait("Enabled").wait("training-data").keys("1");
    session
        .keys("a")
        .wait("do it")
        .keys("tgs")
        .gone("dependents")
        .wait("▸ tags")
        .keys(ENTER);
    session.wait("Tags of").keys(ESC).gone("Tags of");
    // The most used is first by now.
    session.keys("a").wait("do it").wait("▸ tags").keys(ESC).gone("do it");
    session
        .keys("5")
        .keys("/")
        .keys("csv")
        .keys(ENTER)
        .keys("\x01")
        .wait("2 marked, 2.0 KiB");
    session
        .wait("e encrypt & upload 2")
        .keys(ESC)
        .gone("marked")
        .keys(ESC)
        .wait("c.txt");
    session
        .keys("s")
        .wait("n name")
        .wait("the same reverses")
        .keys("n")
        .keys("s")
        .keys("n");
    session.wait("NAME↓").keys("*").wait("marked, 3.0 KiB");
}

#[test]
fn a_table_is_saved_as_it_is_shown_and_no_file_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    for name in ["=b.csv", "a.csv", "c.txt"] {
        std::fs::write(home.path().join(name), "x").unwrap();
    }
    let mut session = Session::start(&["--sandbox"], home.path(), (120, 36));
    session
        .wait("Enabled")
        .wait("c.txt")
        .keys("5")
        .keys("/")
        .keys("csv")
        .keys(ENTER)
        .gone("c.txt");
    session
        .keys("s")
        .keys("n")
        .keys("E")
        .wait("Save 2 rows of files")
        .keys(CLEAR)
        .keys("out.csv")
        .keys(ENTER);
    session.wait("Saved 2 rows of files");
    let text = std::fs::read_to_string(home.path().join("out.csv")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "path,folder,link,size,modified");
    assert!(lines[1].contains("=b.csv") && lines[2].contains("a.csv"), "{text}");
    // The same name again, and the other form.
    session
        .keys("E")
        .wait("Save")
        .keys(CLEAR)
        .keys("out.csv")
        .keys(ENTER)
        .wait("exists already")
        .keys(ESC);
    session
        .keys("E")
        .wait("Save")
        .keys(CLEAR)
        .keys("out.json")
        .keys(ENTER)
        .wait("out.json.");
    let json = std::fs::read_to_string(home.path().join("out.json")).unwrap();
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(first["size"], 1);
    assert_eq!(std::fs::read_to_string(home.path().join("out.csv")).unwrap(), text);
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
        .wait("Copy of")
        .wait("ARN")
        .keys("n")
        .wait("Copied training-data");
    session
        .keys("U")
        .wait("Copy of")
        .choose("a ARN")
        .keys(ENTER)
        .wait("Copied arn:aws:kms:");
}
