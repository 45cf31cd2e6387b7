//! The terminal belongs to the person: it is as it was after every way out, and a stopped program comes back.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::place::{Place, until};
use crate::proxy::{Proxy, Trouble};
use crate::pty::Session;

const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";

#[test]
fn the_terminal_is_given_back_when_the_program_is_told_to_end() {
    let home = tempfile::tempdir().unwrap();
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut session = Session::start(&["--sandbox", "--empty"], home.path(), (80, 24));
        session
            .wait("Keys")
            .resize(1, 1)
            .resize(80, 24)
            .wait("Keys")
            .signal(signal);
        session.exit();
        assert!(is_restored(&session.raw()), "{signal:?}");
    }
}

#[test]
fn a_signal_that_comes_as_soon_as_the_terminal_is_taken_gives_it_back_too() {
    let home = tempfile::tempdir().unwrap();
    for _ in 0..5 {
        let mut session = Session::start(&["--sandbox", "--empty"], home.path(), (80, 24));
        while !String::from_utf8_lossy(&session.raw()).contains(ENTER) {
            std::thread::yield_now();
        }
        session.signal(Signal::TERM);
        session.exit();
        assert!(is_restored(&session.raw()));
    }
}

#[test]
fn a_second_signal_ends_the_program_at_once_and_gives_the_terminal_back() {
    /// By then the call would be given up by itself.
    const PATIENCE: Duration = Duration::from_secs(30);
    let place = Place::new();
    place.key("training");
    for second in [Signal::TERM, Signal::INT] {
        // What is asked for is waited for, and is not answered.
        let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), |seen| match seen.operation {
            "CreateRepository" => Trouble::StallUnanswered,
            _ => Trouble::None,
        });
        let environment = place.environment_at(proxy.url());
        let mut session = Session::start_with(&[], place.home.path(), (120, 36), &environment);
        session
            .wait("Enabled")
            .keys("4")
            .action("new repository")
            .wait("New ECR repository");
        session.keys("\r").gone("New ECR repository");
        // What was not asked for yet is not waited for.
        until("a repository is asked for", || {
            let operations = proxy.operations();
            operations.contains(&"CreateRepository".to_owned()).then_some(())
        });
        session.signal(Signal::TERM).wait("Leaving as soon as");
        let told = Instant::now();
        session.signal(second);
        session.exit();
        assert!(told.elapsed() < PATIENCE * 2 / 3, "{:?}", told.elapsed());
        assert!(is_restored(&session.raw()), "{second:?}");
    }
}

#[test]
fn ctrl_z_gives_the_terminal_back_to_the_shell_and_fg_takes_it_again() {
    let home = tempfile::tempdir().unwrap();
    let shell = ["--norc", "--noprofile", "-i"];
    let mut session = Session::run("bash", &shell, home.path(), (80, 24), &[("PS1", "shell> ")]);
    let program = env!("CARGO_BIN_EXE_strongroom");
    session.wait("shell>").keys(&format!("{program} --sandbox --empty\r"));
    session.wait("1 Keys").wait("up to date").keys("\x1a").wait("Stopped");
    assert!(is_restored(&session.raw()));
    session.keys("stty -a\r").wait(" icanon").wait(" echo ");
    // The prompt that it was typed at shows again as soon as the program leaves the screen, which is not yet its end.
    session
        .forget()
        .keys("fg; echo ba''ck\r")
        .wait("1 Keys")
        .keys("q")
        .wait("back");
    assert!(is_restored(&session.raw()));
    session.keys("exit\r");
    assert_eq!(session.exit(), 0);
}

#[test]
fn a_terminal_that_got_larger_while_only_the_shell_was_there_is_filled() {
    let home = tempfile::tempdir().unwrap();
    let shell = ["--norc", "--noprofile", "-i"];
    let mut session = Session::run("bash", &shell, home.path(), (80, 24), &[("PS1", "shell> ")]);
    let program = env!("CARGO_BIN_EXE_strongroom");
    session.wait("shell>").keys(&format!("{program} --sandbox --empty\r"));
    session.wait("1 Keys").wait("up to date").keys("\x1a").wait("Stopped");
    session.resize(120, 36);
    // All panes are on screen from 100 columns on.
    session
        .forget()
        .keys("fg; echo ba''ck\r")
        .wait("5 Files")
        .wait("1 KMS keys");
    session.keys("q").wait("back").keys("exit\r");
    assert_eq!(session.exit(), 0);
}

#[test]
fn a_program_without_a_terminal_says_so_and_harms_nothing() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_strongroom"))
        .arg("--sandbox")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        error.contains("not a terminal") && error.lines().count() == 1,
        "{error}"
    );
}

#[test]
fn no_color_is_honoured() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start_with(&["--sandbox"], home.path(), (120, 36), &[("NO_COLOR", "1")]);
    session.wait("Enabled").wait("Completed").keys("q");
    session.exit();
    let colours: Vec<u16> = styles(&session.raw())
        .filter(|style| (30..50).contains(style) || *style >= 90)
        .collect();
    assert_eq!(colours.iter().find(|style| ![39, 49].contains(*style)), None);
}

/// Whether the last word about the alternate screen is that it was left, the cursor is shown again, and the mouse is the
/// terminal's.
fn is_restored(raw: &[u8]) -> bool {
    let raw = String::from_utf8_lossy(raw);
    let has_mouse = raw.rfind("\x1b[?1000h").is_some();
    raw.rfind(LEAVE) > raw.rfind(ENTER)
        && raw.rfind("\x1b[?25h") > raw.rfind("\x1b[?25l")
        && has_mouse
        && raw.rfind("\x1b[?1000l") > raw.rfind("\x1b[?1000h")
        && raw.rfind("\x1b[?1006l") > raw.rfind("\x1b[?1006h")
}

/// The numbers of every escape sequence that sets a style.
fn styles(raw: &[u8]) -> impl Iterator<Item = u16> {
    let raw = String::from_utf8_lossy(raw).into_owned();
    let sequences: Vec<String> = raw.split("\x1b[").skip(1).map(str::to_owned).collect();
    sequences.into_iter().flat_map(|sequence| {
        let end = sequence
            .find(|c: char| !c.is_ascii_digit() && c != ';')
            .unwrap_or(sequence.len());
        let is_style = sequence[end..].starts_with('m');
        let numbers = if is_style { &sequence[..end] } else { "" };
        numbers
            .split(';')
            .filter_map(|number| number.parse().ok())
            .collect::<Vec<u16>>()
    })
}
