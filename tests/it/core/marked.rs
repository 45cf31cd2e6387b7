//! What is done to what is marked, what a form waits for, and what is found and cut.

use strongroom::app::{Overlay, Page, Topic};
use strongroom::domain::{AwsContext, ObjectFormat, ObjectRequest, ObjectRow, Request};

use super::WIDE;
use crate::desk::{Desk, object, role};

/// Three prefixes and three objects, all of them marked.
fn marked() -> Desk {
    let mut desk = Desk::filled(WIDE);
    let prefix = |name: &str| ObjectRow::Prefix {
        prefix: name.to_owned(),
    };
    let token = |name: &str| {
        object(
            name,
            ObjectFormat::Strongroom,
            Some("11111111-0000-0000-0000-000000000001"),
        )
    };
    desk.objects(vec![
        prefix("a/"),
        prefix("b/"),
        prefix("c/"),
        token("one.csv"),
        token("three.csv"),
        token("two.csv"),
    ]);
    desk.keys("3<ctrl-a>");
    desk
}

#[test]
fn the_objects_among_the_marked_are_acted_on_wherever_the_cursor_is() {
    for cursor in ["gg", "G"] {
        let mut desk = marked();
        desk.keys(cursor);
        let screen = desk.screen();
        let footer = screen.lines().last().unwrap().to_owned();
        assert!(footer.contains("delete 3") && footer.contains("train 6"), "{footer}");
        desk.keys("x");
        assert!(
            matches!(desk.state.overlays.last(), Some(Overlay::Confirm(_))),
            "{}",
            desk.screen()
        );
        assert!(desk.screen().contains("3 objects"), "{}", desk.screen());
        assert!(
            desk.screen().contains("3 of 6 marked; prefixes are left out"),
            "{}",
            desk.screen()
        );
        desk.keys("<esc>v");
        let Some(Request::Object(ObjectRequest::Verify { objects, .. })) = desk.started().pop() else {
            panic!("nothing was verified: {}", desk.screen())
        };
        assert_eq!(objects, ["one.csv", "three.csv", "two.csv"]);
    }
}

#[test]
fn where_only_prefixes_are_marked_that_is_said_wherever_the_cursor_is() {
    let mut desk = marked();
    desk.keys("*gg   Gx");
    assert!(desk.screen().contains("Only prefixes are marked"), "{}", desk.screen());
    assert!(desk.state.overlays.is_empty());
}

#[test]
fn a_form_that_is_sent_before_the_roles_are_listed_is_sent_once_they_are() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjt<enter>");
    assert!(desk.screen().contains("still being listed"), "{}", desk.screen());
    assert!(desk.started().is_empty());
    desk.answer(Topic::Roles, Page::Roles(vec![role("example-role", true)]));
    assert_eq!(desk.started().len(), 1, "{}", desk.screen());

    // Another key takes it back.
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjt<enter><tab>");
    assert!(!desk.screen().contains("still being listed"), "{}", desk.screen());
    desk.answer(Topic::Roles, Page::Roles(vec![role("example-role", true)]));
    assert!(desk.started().is_empty());

    // Where there is none, that is said.
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjt<enter>");
    desk.answer(Topic::Roles, Page::Roles(Vec::new()));
    assert!(desk.screen().contains("Role is missing"), "{}", desk.screen());
}

#[test]
fn a_filter_finds_what_stands_in_a_row_before_ids_and_ids_only_as_they_are_written() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1/d4<enter>");
    assert_eq!(
        desk.state.keys.shown(),
        0,
        "letters of an id are no words: {}",
        desk.screen()
    );
    desk.keys("<esc>/444444<enter>");
    assert_eq!(
        desk.state.key().map(strongroom::domain::KmsKey::name),
        Some("decommissioned")
    );
}

#[test]
fn where_there_is_no_other_context_the_palette_says_where_they_come_from() {
    let mut desk = Desk::filled((80, 24));
    desk.keys("C");
    let screen = desk.screen();
    assert!(
        screen.contains("There is no other context")
            && screen.contains("config.toml")
            && screen.contains("~/.aws/config"),
        "{screen}"
    );
    let mut desk = Desk::filled((80, 24));
    desk.state.settings.contexts.push(AwsContext {
        name: Some("other".to_owned()),
        ..AwsContext::default()
    });
    desk.keys("C");
    assert!(
        !desk.screen().contains("There is no other context"),
        "{}",
        desk.screen()
    );
}

#[test]
fn labels_have_a_gap_before_their_value_and_tell_two_names_apart() {
    let mut desk = Desk::filled((80, 24));
    let mut row = object("housing.csv", ObjectFormat::Strongroom, None);
    if let ObjectRow::Object { info: Some(info), .. } = &mut row {
        info.metadata = [
            ("strongroom-data-key", "AX8zX"),
            ("strongroom-data-context", "e30"),
            ("strongroom-a-name-that-is-longer-than-half-a-line-one", "1"),
            ("strongroom-a-name-that-is-longer-than-half-a-line-two", "2"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    }
    desk.objects(vec![row]);
    desk.keys("3gg<enter>G");
    let screen = desk.screen();
    for words in [
        "strongroom-data-key ",
        "strongroom-data-context ",
        "-line-one 1",
        "-line-two 2",
    ] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
}

#[test]
fn what_e_would_do_is_told_whole_whatever_the_names_are() {
    let mut desk = Desk::filled((80, 24));
    let mut keys = desk.state.keys.rows().to_vec();
    for key in &mut keys {
        key.aliases = key
            .aliases
            .iter()
            .map(|alias| format!("{alias}-{}", "x".repeat(200)))
            .collect();
    }
    desk.answer(Topic::Keys, Page::Keys(keys));
    let line = desk
        .screen()
        .lines()
        .find(|line| line.starts_with("e encrypts"))
        .map(str::to_owned);
    let line = line.unwrap_or_default();
    assert!(
        line.contains(" under training-data…") && line.contains('…') && line.contains(" to "),
        "{line}"
    );
}

#[test]
fn a_menu_with_more_rows_than_are_in_sight_tells_how_many() {
    let mut desk = Desk::filled((80, 16));
    desk.keys("1a");
    let Some(Overlay::Menu(menu)) = desk.state.overlays.last() else {
        panic!("no menu: {}", desk.screen())
    };
    let all = menu.actions.len();
    assert!(desk.screen().contains(&format!(" of {all} ")), "{}", desk.screen());
    desk.keys("<end>");
    assert!(
        desk.screen().contains(&format!("–{all} of {all} ")),
        "{}",
        desk.screen()
    );
}
