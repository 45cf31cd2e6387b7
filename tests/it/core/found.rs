//! What is typed to find something: everywhere its letters in their order, which are marked; and where the cursor is meanwhile.

use ratatui::style::Modifier;
use strongroom::app::{Event, Overlay, Page, Topic};
use strongroom::domain::KmsKey;

use super::WIDE;
use crate::desk::{Desk, arn, role};

/// The letters that are underlined on the rows with this text.
fn marked(desk: &Desk, row: &str) -> String {
    let buffer = desk.buffer();
    let columns = usize::from(buffer.area.width);
    let rows = buffer.content.chunks(columns);
    let found = rows.filter(|cells| {
        cells
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect::<String>()
            .contains(row)
    });
    let cells = found
        .flatten()
        .filter(|cell| cell.modifier.contains(Modifier::UNDERLINED));
    cells.map(ratatui::buffer::Cell::symbol).collect()
}

#[test]
fn letters_in_their_order_find_rows_commands_and_choices_and_are_marked() {
    // Rows of a pane.
    let mut desk = Desk::filled(WIDE);
    desk.keys("1/lgds");
    assert_eq!(desk.state.key().unwrap().name(), "legacy-datasets");
    assert_eq!(desk.state.keys.shown(), 1);
    assert_eq!(marked(&desk, "legacy-datasets"), "lgds");
    desk.keys("<esc>");
    assert_eq!(marked(&desk, "legacy-datasets"), "");
    // Commands and actions of the palette.
    desk.keys(":nwrl");
    assert_eq!(marked(&desk, "new role"), "nwrl");
    desk.keys("<esc>");
    // Where to go.
    desk.keys("Ologs<esc>Otrdt");
    let Some(Overlay::Palette(palette)) = desk.state.overlays.last() else {
        panic!("no palette: {}", desk.screen())
    };
    assert_eq!(palette.matches[0].0.name(), "alias/training-data");
    desk.keys("<esc>");
    // The choices of a form.
    desk.keys("2n");
    desk.answer(
        Topic::Roles,
        Page::Roles(vec![role("example-role", true), role("zebra", true)]),
    );
    desk.keys("xprl");
    assert!(desk.screen().contains("▸ example-role"), "{}", desk.screen());
    assert!(!desk.screen().contains("zebra"), "{}", desk.screen());
}

fn key(name: &str) -> KmsKey {
    KmsKey {
        id: name.to_owned(),
        arn: arn(name),
        aliases: vec![format!("alias/{name}")],
        detail: None,
    }
}

fn page(desk: &mut Desk, names: &[&str], (first, last): (bool, bool)) {
    let at = desk.state.now;
    desk.event(Event::Answer {
        topic: Topic::Keys,
        walk: 1,
        first,
        last,
        at,
        page: Page::Keys(names.iter().map(|name| key(name)).collect()),
    });
}

#[test]
fn the_cursor_starts_at_the_first_row_whatever_page_came_first_and_stays_on_its_row_from_then_on() {
    let mut desk = Desk::new(WIDE);
    page(&mut desk, &["m", "z"], (true, false));
    page(&mut desk, &["b", "k"], (false, false));
    page(&mut desk, &["a", "q"], (false, true));
    assert_eq!(desk.state.key().unwrap().name(), "a");
    desk.answer(Topic::Keys, Page::Keys(["0", "a", "b"].map(key).to_vec()));
    assert_eq!(desk.state.key().unwrap().name(), "a", "a refresh moves no cursor");
}

#[test]
fn who_has_put_the_cursor_on_a_row_of_the_first_page_keeps_it() {
    let mut desk = Desk::new(WIDE);
    page(&mut desk, &["m", "z"], (true, false));
    desk.keys("j");
    page(&mut desk, &["a", "q"], (false, true));
    assert_eq!(desk.state.key().unwrap().name(), "z");
}

#[test]
fn what_is_called_so_comes_before_what_only_has_it_in_what_it_does() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3:gra");
    let Some(Overlay::Palette(palette)) = desk.state.overlays.last() else {
        panic!("no palette: {}", desk.screen())
    };
    let names: Vec<String> = palette.matches.iter().map(|(row, _)| row.name().into_owned()).collect();
    let is_called_so = |name: &String| name.contains("gra");
    let first_other = names.iter().position(|name| !is_called_so(name)).unwrap_or(names.len());
    let (called_so, others) = names.split_at(first_other);
    assert!(!others.iter().any(is_called_so), "{names:?}");
    for name in ["retire grant", "all grants"] {
        assert!(called_so.iter().any(|called| called == name), "{name}: {names:?}");
    }
}
