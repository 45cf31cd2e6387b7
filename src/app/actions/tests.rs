//! What an action takes: a value like [`COUNT`], and a line in [`MENU`]; one in `menu` too if it takes away what does not come back. The menu, the palette, their `Y` and what they say
//! elsewhere come with it.
//!
//! A key of its own takes more, for people change their keys by name: a line in the list of [`Keyed`], one in
//! [`keyed`], a line in [`COMMANDS`], and one in `assets/keys.toml`. The help, the footer and the table of the README have it
//! from there.
use std::path::PathBuf;

use tui_input::Input;

use super::menu::menu_of;
use super::*;
use crate::app::state::overlay::{Palette, PaletteRow};
use crate::app::{COMMANDS, Event, KeyCode, KeyPress, Page, Settings, Topic, palette, update};
use crate::domain::{BucketRow, ObjectRequest};

const COUNT: Action = Action {
    label: "count bucket",
    help: "Look how much is in it, and leave it there",
    changes: false,
    offered: |state, target| {
        only_if(
            target.bucket(state).is_some(),
            "To count, put the cursor on a bucket (3).",
        )
    },
    begin: |_, target| {
        let bucket = target.bucket.clone()?;
        start(ObjectRequest::CountBucket { bucket })
    },
};

/// Beside actions of the program.
const WITH_IT: &[&Action] = &[&objects::EMPTY_BUCKET, &COUNT, &keys::TAGS];

/// With the cursor on a bucket.
fn on_a_bucket() -> State {
    let (mut state, _) = State::new(Settings {
        start_dir: PathBuf::from("/data"),
        has_mouse: true,
        size: (120, 36),
        ..Settings::default()
    });
    state.focus = Pane::Objects;
    answer(&mut state, 1, vec!["logs"]);
    assert_eq!(state.place, None);
    state
}

fn answer(state: &mut State, walk: u64, names: Vec<&str>) {
    let bucket = |name: &str| BucketRow {
        name: name.to_owned(),
        created: None,
    };
    let page = Page::Buckets(names.into_iter().map(bucket).collect());
    let (topic, at) = (Topic::Buckets, state.now);
    update(
        state,
        Event::Answer {
            topic,
            walk,
            first: true,
            last: true,
            at,
            page,
        },
    );
}

fn press(state: &mut State, code: KeyCode) -> Vec<Request> {
    let (ctrl, alt, shift) = (false, false, false);
    let effects = update(state, Event::Key(KeyPress { code, ctrl, alt, shift }));
    let started = effects.into_iter().filter_map(|effect| match effect {
        Effect::Start { request, .. } => Some(request),
        _ => None,
    });
    started.collect()
}

fn counted() -> Vec<Request> {
    vec![Request::Object(ObjectRequest::CountBucket {
        bucket: "logs".to_owned(),
    })]
}

fn said(state: &State) -> &str {
    state.messages.unread().map_or("", |message| message.text.as_str())
}

#[test]
fn the_menu_offers_it_where_it_is_offered_and_does_it_to_what_it_was_opened_on() {
    let opened = || {
        let mut state = on_a_bucket();
        menu_of(&mut state, WITH_IT);
        state
    };
    let mut state = opened();
    let Some(Overlay::Menu(menu)) = state.overlays.last() else {
        panic!("no menu but {:?}", state.overlays)
    };
    assert_eq!(menu.actions, [&COUNT, &objects::EMPTY_BUCKET]);
    assert_eq!(foreseen(&state, menu), counted());
    assert_eq!(press(&mut state, KeyCode::Enter), counted());

    let mut state = opened();
    answer(&mut state, 2, vec!["others"]);
    assert_eq!(press(&mut state, KeyCode::Enter), []);
    assert_eq!(
        said(&state),
        "Not any more: count bucket of logs. It has changed, or is gone."
    );

    let mut state = on_a_bucket();
    state.focus = Pane::Jobs;
    menu_of(&mut state, WITH_IT);
    assert!(matches!(state.overlays.last(), Some(Overlay::Menu(menu)) if menu.actions.is_empty()));
}

#[test]
fn the_palette_finds_it_by_its_words_and_says_elsewhere_where_it_can_be_done() {
    let chosen = |pane: Pane, typed: &str| {
        let mut state = on_a_bucket();
        state.focus = pane;
        let matches = palette::matches_among(&state, WITH_IT, typed);
        assert_eq!(matches, [(PaletteRow::Action(&COUNT), pane == Pane::Objects)]);
        let (input, cursor) = (Input::default(), 0);
        state
            .overlays
            .push(Overlay::Palette(Palette { input, matches, cursor }));
        (press(&mut state, KeyCode::Enter), said(&state).to_owned())
    };
    for typed in [COUNT.label, COUNT.help] {
        assert_eq!(chosen(Pane::Objects, typed).0, counted());
        let elsewhere = (Vec::new(), "To count, put the cursor on a bucket (3).".to_owned());
        assert_eq!(chosen(Pane::Jobs, typed), elsewhere);
    }
}

#[test]
fn an_action_with_a_key_has_the_same_words_in_the_key_table_and_in_the_palette() {
    let state = on_a_bucket();
    for entry in COMMANDS {
        let Command::Do(key) = entry.command else { continue };
        let action = keyed(key);
        assert_eq!(
            (action.help, Command::parse(entry.name)),
            (entry.help, Some(entry.command))
        );
        let found = palette::matches(&state, entry.name);
        let with_key = found
            .iter()
            .filter(|(row, _)| *row == PaletteRow::Command(entry.command));
        assert_eq!(with_key.count(), 1, "{}", entry.name);
        assert!(
            !found.iter().any(|(row, _)| *row == PaletteRow::Action(action)),
            "{} is there twice",
            entry.name
        );
    }
}
