//! Where the fingers go, at a terminal: letters find rows and commands, and keys work on a page as on its row.

use crate::pty::{ENTER, ESC, Session};

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
