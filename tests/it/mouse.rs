//! The mouse of a person at a terminal: what is pressed on is what a key of the same place would do, and no more.

use crate::place::Place;
use crate::pty::{ESC, Session};

const WIDE: (u16, u16) = (120, 36);
const SMALL: (u16, u16) = (80, 24);

/// The seeded world, with a job that has ended.
fn session(size: (u16, u16)) -> (tempfile::TempDir, Session) {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), size);
    session.wait("Enabled").wait("up to date");
    (home, session)
}

/// The row with a cursor, as it is drawn.
fn on(words: &str) -> String {
    format!("▸   {words}")
}

#[test]
fn panes_rows_and_heads_of_columns_are_pressed() {
    let (_home, mut session) = session(WIDE);
    session.wait("Completed");
    // A pane, and the row with its cursor, which is opened.
    session.press("Training jobs").wait("l log");
    session.press("example-job").wait("Overview").wait("Metrics");
    // Pages of the details, and what the footer says.
    session.press(" JSON ").wait("\"AlgorithmSpecification\"");
    session.press("Esc close").gone("Overview");
    // A row of another pane takes the keyboard there; nothing is opened.
    session.press("training-data").wait("x disable");
    session.wait(&on("training-data"));
    // The head of a column sorts, and again the other way round.
    session.press("STATE").wait("STATE↑").press("STATE↑").wait("STATE↓");
    session.press("NAME").wait("NAME↑");
}

#[test]
fn tabs_menus_and_questions_are_pressed_and_the_wheel_moves_the_cursor() {
    let (_home, mut session) = session(SMALL);
    session
        .press("4 Jobs")
        .wait("Training jobs")
        .press("1 Keys")
        .wait("KMS keys");
    session.press("training-data");
    session.wait(&on("training-data"));
    // The menu: a row takes the cursor, and does what it says when it is pressed again.
    session.keys("a").wait("do it").press("add alias").wait("▸ add alias");
    session.press("add alias").gone("do it").wait("Enter send").keys(ESC);
    // A question is answered by its buttons alone, and closed by the one that says no.
    session.gone("Enter send").press("x disable").wait("y yes");
    session.press("KMS keys").wait("y yes").press("n no").gone("y yes");
    session
        .press("x disable")
        .wait("y yes")
        .press("y yes")
        .gone("y yes")
        .wait("Disabled");
    // The wheel goes on by rows, and stays where there are no more.
    session
        .wheel("KMS keys", -1)
        .wheel("KMS keys", -1)
        .wait(&on("model-artifacts"));
    session.wheel("KMS keys", 1).wait(&on("training-data"));
}

#[test]
fn a_row_that_the_wheel_came_to_was_chosen_by_nobody() {
    let place = Place::new();
    place.key("training");
    place.bucket("sagemaker-data");
    for name in ["a.csv", "b.csv", "c.csv", "d.csv", "e.csv"] {
        place.write(name, "1,2\n");
    }
    let mut session = place.dashboard(SMALL);
    session
        .wait("Enabled")
        .press("5 Files")
        .wait("e.csv")
        .press("b.csv")
        .wait(&on("b.csv"));
    session.wheel("a.csv", 1).wait(&on("e.csv"));
    // What the person put the cursor on is uploaded; this is asked about first.
    session.keys("e").wait("Encrypt and upload");
}

#[test]
fn the_terminal_keeps_the_mouse_where_the_configuration_says_so() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("own.toml");
    std::fs::write(&config, "mouse = false\n").unwrap();
    let arguments = ["--sandbox", "--empty", "--config", config.to_str().unwrap()];
    let mut session = Session::start(&arguments, home.path(), SMALL);
    session.wait("1 Keys").wait("up to date");
    // What a terminal tells all the same does nothing.
    session.send(b"\x1b[<0;20;2M").keys("5").wait("5 Files");
    session.keys("q");
    session.exit();
    assert!(!String::from_utf8_lossy(&session.raw()).contains("\x1b[?100"));
}
