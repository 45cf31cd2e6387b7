//! The palette: all that can be asked for, by name.

use tui_input::Input;

use super::actions;
use super::command::{COMMANDS, Command};
use super::state::State;
use super::state::action::Action;
use super::state::overlay::{Overlay, Palette, PaletteRow};
use crate::domain::{Named, ObjectUri};

/// What stands before the name of what is to be opened.
pub(super) const OPEN: &str = "open ";
/// How many of each kind are proposed.
const PROPOSED: usize = 20;

/// Opens it, with this typed.
pub(super) fn open(state: &mut State, typed: &str) {
    let matches = matches(state, typed);
    state.overlays.push(Overlay::Palette(Palette {
        input: Input::new(typed.to_owned()),
        matches,
        cursor: 0,
    }));
}

/// What matches what was typed into the palette, what works here first; each with whether it does.
pub(super) fn matches(state: &State, typed: &str) -> Vec<(PaletteRow, bool)> {
    if let Some(word) = typed.trim_start().strip_prefix(OPEN) {
        return proposed(state, word);
    }
    if let Some(named) = Named::parse(typed) {
        return vec![(PaletteRow::Open(named), true)];
    }
    matches_among(state, actions::MENU, typed)
}

/// The same of the commands and these actions.
pub(super) fn matches_among(state: &State, actions: &[&'static Action], typed: &str) -> Vec<(PaletteRow, bool)> {
    let typed = typed.to_lowercase();
    let commands = COMMANDS
        .iter()
        .map(|entry| (PaletteRow::Command(entry.command), state.is_available(entry.command)));
    let keyed = |command: Command| match command {
        Command::Do(keyed) => Some(actions::keyed(keyed)),
        _ => None,
    };
    let has_key = |action: &&Action| COMMANDS.iter().any(|entry| keyed(entry.command) == Some(*action));
    let others = actions.iter().copied().filter(|action| !has_key(action));
    let others = others.map(|action| (PaletteRow::Action(action), action.is_offered(state)));
    let matches = |choice: &PaletteRow| {
        choice.name().to_lowercase().contains(&typed) || choice.help().to_lowercase().contains(&typed)
    };
    let mut found: Vec<_> = commands.chain(others).filter(|(choice, _)| matches(choice)).collect();
    found.sort_by_key(|(choice, available)| (!available, !choice.name().starts_with(&typed)));
    found
}

/// A bare word: the key, bucket or job of that name, in this order; a job if none is listed.
fn of_word(state: &State, word: &str) -> Named {
    let alias = format!("alias/{word}");
    if state.keys.rows().iter().any(|key| key.is_meant(&alias)) {
        return Named::Key(alias);
    }
    if state.buckets.rows().iter().any(|bucket| bucket.name == word) {
        return Named::Place(ObjectUri::new(word, ""));
    }
    Named::Job(word.to_owned())
}

/// What `open WORD` may mean: what the word says by itself, else what is listed under such a name.
fn proposed(state: &State, word: &str) -> Vec<(PaletteRow, bool)> {
    let word = word.trim();
    if let Some(named) = Named::parse(word) {
        return vec![(PaletteRow::Open(named), true)];
    }
    let lower = word.to_lowercase();
    let matches = |name: &str| name.to_lowercase().contains(&lower);
    let keys = state.keys.rows().iter().filter_map(|key| key.aliases.first());
    let keys = keys
        .filter(|alias| matches(alias))
        .map(|alias| Named::Key(alias.clone()));
    let buckets = state.buckets.rows().iter().filter(|bucket| matches(&bucket.name));
    let buckets = buckets.map(|bucket| Named::Place(ObjectUri::new(&bucket.name, "")));
    let jobs = state.jobs.rows().iter().filter(|job| matches(&job.name));
    let jobs = jobs.map(|job| Named::Job(job.name.clone()));
    let mut all: Vec<Named> = keys
        .take(PROPOSED)
        .chain(buckets.take(PROPOSED))
        .chain(jobs.take(PROPOSED))
        .collect();
    if !word.is_empty() {
        let exact = of_word(state, word);
        all.retain(|named| *named != exact);
        let is_listed = |named: &Named| match named {
            Named::Job(name) => state.jobs.rows().iter().any(|job| job.name == *name),
            Named::Key(_) | Named::Place(_) => true,
        };
        // What nothing lists is the last guess.
        let place = if is_listed(&exact) { 0 } else { all.len() };
        all.insert(place, exact);
    }
    all.into_iter().map(|named| (PaletteRow::Open(named), true)).collect()
}
