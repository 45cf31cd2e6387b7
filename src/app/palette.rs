//! The palette: all that can be asked for, by name.

use tui_input::Input;

use super::command::{COMMANDS, Command};
use super::fuzzy::{Fit, Fuzzy};
use super::state::State;
use super::state::action::Action;
use super::state::overlay::{Overlay, Palette, PaletteRow};
use super::{actions, chooser};

/// Opens it, with this typed.
pub(super) fn open(state: &mut State, typed: &str) {
    let matches = matches(state, typed);
    state.overlays.push(Overlay::Palette(Palette {
        input: Input::new(typed.to_owned()),
        cursor: first_row(state, typed, &matches),
        matches,
    }));
}

/// Where the cursor is first: on what fits best, and where no theme was told from the others on the one that is worn.
pub(super) fn first_row(state: &State, typed: &str, matches: &[(PaletteRow, bool)]) -> usize {
    if typed.trim() != chooser::THEME.trim_end() {
        return 0;
    }
    let worn = PaletteRow::Theme(state.theme());
    matches.iter().position(|(row, _)| *row == worn).unwrap_or(0)
}

/// Whether a theme is looked for.
pub fn is_of_themes(typed: &str) -> bool {
    typed.trim_start().starts_with(chooser::THEME)
}

/// What is said where nothing matches what was typed: where there could be something.
pub fn nothing(state: &State, typed: &str) -> &'static str {
    let typed = typed.trim_start();
    let is_only = || chooser::proposed(state, chooser::CONTEXT).is_none_or(|others| others.is_empty());
    if typed.starts_with(chooser::CONTEXT) && is_only() {
        "There is no other context. [contexts] of config.toml makes them, and so do the profiles of ~/.aws/config; for a \
         change of one thing type profile, region or role, and its name."
    } else if typed.starts_with(chooser::BOOKMARK) && state.bookmarks().is_empty() {
        "Nothing is bookmarked yet."
    } else {
        "Nothing has this in its name or in what it does."
    }
}

/// What matches what was typed into the palette: what is called so, then the others, of each what works here first; each with
/// whether it does.
pub(super) fn matches(state: &State, typed: &str) -> Vec<(PaletteRow, bool)> {
    let mut found = matches_among(state, actions::MENU, typed);
    if let Some(proposed) = chooser::proposed(state, typed) {
        // What is typed is a name by now: commands are meant only where they are called so.
        let words = typed.to_lowercase();
        found.retain(|(row, _)| {
            row.name().to_lowercase().contains(&words) || row.help().to_lowercase().contains(&words)
        });
        let proposed = proposed.into_iter().map(|row| (row, true));
        // An action may begin with the same word.
        let place = usize::from(found.first().is_some_and(|(row, _)| row.name() == typed));
        found.splice(place..place, proposed);
    }
    found
}

/// The same of the commands and these actions.
pub(super) fn matches_among(state: &State, actions: &[&'static Action], typed: &str) -> Vec<(PaletteRow, bool)> {
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
    let mut fuzzy = Fuzzy::new(typed);
    // By its name, or by a word of what it does; what is called so comes first, even where it does not work here.
    let mut found: Vec<_> = commands
        .chain(others)
        .filter_map(|(choice, available)| {
            let rank = fuzzy.rank(&choice.name(), &choice.help())?;
            Some((choice, available, rank))
        })
        .collect();
    found.sort_by_key(|(_, available, rank)| (rank.0 > Fit::Within, !available, *rank));
    found
        .into_iter()
        .map(|(choice, available, _)| (choice, available))
        .collect()
}
