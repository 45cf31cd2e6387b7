//! Colours: what each theme makes of the screen, chosen live, kept, and drawn in what the terminal has.

use std::fmt::Write;

use ratatui::style::{Color, Modifier};
use strongroom::app::ThemeName;
use strongroom::ui::{Abilities, Colours, Theme};

use crate::desk::Desk;
use crate::place::Place;
use crate::pty::{CLEAR, ENTER, Session};

const SMALL: (u16, u16) = (80, 24);

/// The screen with a letter below each cell that has a style of its own, and what the letters mean.
fn in_colours(desk: &Desk) -> String {
    let buffer = desk.buffer();
    let columns = usize::from(buffer.area.width);
    let style = |cell: &ratatui::buffer::Cell| (cell.fg, cell.bg, cell.modifier);
    let mut known: Vec<(Color, Color, Modifier)> = Vec::new();
    let mut picture = String::new();
    for row in buffer.content.chunks(columns) {
        let text: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        let letters: String = row
            .iter()
            .map(|cell| {
                let number = known.iter().position(|of| *of == style(cell)).unwrap_or_else(|| {
                    known.push(style(cell));
                    known.len() - 1
                });
                char::from(b'a' + u8::try_from(number).unwrap())
            })
            .collect();
        writeln!(picture, "{}\n{letters}", text.trim_end()).unwrap();
    }
    for (number, (fg, bg, modifier)) in known.iter().enumerate() {
        let letter = char::from(b'a' + u8::try_from(number).unwrap());
        writeln!(picture, "{letter}: {fg:?} on {bg:?} {modifier:?}").unwrap();
    }
    picture
}

fn picture(name: &str, theme: Theme) {
    let mut desk = Desk::filled(SMALL);
    desk.theme = theme;
    desk.keys("3jj ");
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, in_colours(&desk));
    });
}

#[test]
fn every_theme_has_its_picture() {
    for theme in ThemeName::ALL {
        picture(&format!("theme-{}", theme.as_str()), Theme::new(theme, Abilities::ALL));
    }
}

#[test]
fn terminals_of_few_colours_and_signs_are_drawn_in_what_they_have() {
    let of = |colours, has_unicode| Theme::new(ThemeName::Terminal, Abilities { colours, has_unicode });
    picture("theme-16-colours", of(Colours::Sixteen, true));
    picture("theme-ascii", of(Colours::None, false));
    // Whatever there is to draw.
    for keys in ["", "4<enter>", "4l", "?", "!", "w", ":", "3jjx", "1n", "V"] {
        let mut desk = Desk::filled((200, 50));
        desk.theme = of(Colours::Sixteen, false);
        let screen = desk.keys(keys).screen();
        assert!(screen.is_ascii(), "{keys}: {screen}");
    }
}

#[test]
fn a_theme_is_seen_as_it_is_looked_for_and_kept_for_the_next_session() {
    let place = Place::new();
    place.key("training");
    let is_light = |raw: &[u8]| String::from_utf8_lossy(raw).contains("48;5;255");
    let mut session = place.dashboard(SMALL);
    session.wait("Enabled").keys("B").wait("high-contrast");
    assert!(!is_light(&session.raw()));
    // It is there while the cursor is on it, and gone where nothing was chosen.
    session
        .keys("li")
        .wait_printed("a light ground", is_light)
        .keys(CLEAR)
        .keys("theme hi");
    session
        .wait_printed("a black ground", |raw| String::from_utf8_lossy(raw).contains("48;5;16"))
        .keys(CLEAR);
    session
        .keys("theme light")
        .wait("dark on a light ground")
        .keys(ENTER)
        .gone("dark on a light ground");
    session.keys("q");
    session.exit();
    let mut again = place.dashboard(SMALL);
    again.wait("Enabled").wait_printed("a light ground", is_light).keys("q");
    again.exit();
}

#[test]
fn a_terminal_of_sixteen_colours_without_unicode_is_told_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let environment = [("TERM", "xterm"), ("LC_ALL", "C")];
    let mut session = Session::start_with(&["--sandbox"], home.path(), (120, 36), &environment);
    session
        .wait("Enabled")
        .wait("Completed")
        .keys("4")
        .keys("l")
        .wait("Log of")
        .wait("epoch=")
        .keys("q")
        .keys("?");
    session.wait("details beside").keys("q").keys("q");
    session.exit();
    let raw = String::from_utf8_lossy(&session.raw()).into_owned();
    assert!(raw.is_ascii(), "{:?}", raw.chars().find(|c| !c.is_ascii()));
    assert!(
        raw.contains("\x1b[96") || raw.contains(";96"),
        "bright cyan, as such a terminal has it"
    );
    assert!(!raw.contains("38;5;") && !raw.contains("48;5;"));
}
