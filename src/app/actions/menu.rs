//! The menu of actions: what is typed narrows it, what is used most stands first, what takes something away last.

use std::cmp::Reverse;

use tui_input::Input;

use super::{MENU, account, grants, keys, objects, roles, run};
use crate::app::Effect;
use crate::app::cursor::stepped;
use crate::app::format::{self, Tone};
use crate::app::fuzzy::Fuzzy;
use crate::app::line::{edit, paste as paste_into};
use crate::app::pane::Pane;
use crate::app::state::action::Action;
use crate::app::state::overlay::{Menu, Overlay};
use crate::app::state::target::Target;
use crate::app::state::{State, reference};
use crate::app::{KeyCode, KeyPress};

/// Those that take away what does not come back by itself.
const DANGEROUS: &[&Action] = &[
    &keys::DELETE_ALIAS,
    &grants::RETIRE,
    &objects::EMPTY_BUCKET,
    &objects::DELETE_BUCKET,
    &roles::DETACH_POLICY,
    &roles::DELETE,
    &account::CLEAN_UP,
];

/// Rows that a page of the menu is moved by.
const PAGE: isize = 10;

impl Action {
    /// Whether it takes away what does not come back by itself.
    pub fn is_dangerous(&self) -> bool {
        DANGEROUS.contains(&self)
    }
}

/// Opens it.
pub(in crate::app) fn menu(state: &mut State) {
    menu_of(state, MENU);
}

/// Opens a menu of those of these actions that are offered here.
pub(super) fn menu_of(state: &mut State, actions: &[&'static Action]) {
    let target = Target::of(state);
    let offered = |action: &&Action| action.offer(state, &target).is_ok();
    let offered: Vec<_> = actions.iter().copied().filter(offered).collect();
    let actions = narrowed(state, &offered, "");
    state.overlays.push(Overlay::Menu(Menu {
        title: title(state),
        target,
        offered,
        input: Input::default(),
        actions,
        cursor: 0,
    }));
}

/// What it is about: the row with the cursor, or how many are marked.
fn title(state: &State) -> String {
    if let Some(marked) = state.marked_here() {
        return marked;
    }
    match reference(state) {
        Some(reference) if state.focus == Pane::Keys => {
            let name = state.key_name(&reference);
            name.unwrap_or(&reference).to_owned()
        }
        Some(reference) => format::last_part(&reference).to_owned(),
        None => state.focus.name().to_owned(),
    }
}

/// Those that what was typed finds, in the order of the menu.
fn narrowed(state: &State, offered: &[&'static Action], typed: &str) -> Vec<&'static Action> {
    let mut fuzzy = Fuzzy::new(typed);
    let mut found: Vec<_> = offered
        .iter()
        .filter_map(|action| Some((fuzzy.rank(action.label, action.help)?, *action)))
        .collect();
    // The sort is stable: what was never used stays in the order of the menu.
    found.sort_by_key(|(rank, action)| {
        let used = state
            .settings
            .habits
            .used
            .get(action.label)
            .copied()
            .unwrap_or_default();
        (action.is_dangerous(), *rank, Reverse(used))
    });
    found.into_iter().map(|(_, action)| action).collect()
}

/// A key while it is open: letters narrow it.
pub(in crate::app) fn press(state: &mut State, mut menu: Menu, key: KeyPress, effects: &mut Vec<Effect>) {
    let rows = menu.actions.len();
    let moved = match (key.code, key.ctrl) {
        (KeyCode::Esc, _) | (KeyCode::Char('c'), true) => return,
        (KeyCode::Enter, _) => return choose(state, &menu, effects),
        (KeyCode::Down, _) | (KeyCode::Char('n'), true) => 1,
        (KeyCode::Up, _) | (KeyCode::Char('p'), true) => -1,
        (KeyCode::PageDown, _) => PAGE,
        (KeyCode::PageUp, _) => -PAGE,
        (KeyCode::Home, _) => isize::MIN,
        (KeyCode::End, _) => isize::MAX,
        _ => {
            if edit(&mut menu.input, key) {
                narrow(state, &mut menu);
            }
            0
        }
    };
    if moved != 0 {
        menu.cursor = stepped(menu.cursor, moved, rows);
    }
    state.overlays.push(Overlay::Menu(menu));
}

/// A text pasted into what was typed.
pub(in crate::app) fn paste(state: &mut State, text: &str) {
    if let Some(Overlay::Menu(mut menu)) = state.overlays.pop_if(|top| matches!(top, Overlay::Menu(_))) {
        paste_into(&mut menu.input, text);
        narrow(state, &mut menu);
        state.overlays.push(Overlay::Menu(menu));
    }
}

fn narrow(state: &State, menu: &mut Menu) {
    menu.actions = narrowed(state, &menu.offered, menu.input.value());
    menu.cursor = 0;
}

/// Does what the menu's cursor is on, to what the menu was opened on; or says that it cannot be done any more.
fn choose(state: &mut State, menu: &Menu, effects: &mut Vec<Effect>) {
    let Some(action) = menu.actions.get(menu.cursor) else {
        return;
    };
    if action.offer(state, &menu.target).is_ok() {
        return run(state, action, &menu.target, effects);
    }
    let words = format!(
        "Not any more: {} of {}. It has changed, or is gone.",
        action.label, menu.title
    );
    state.say(Tone::Warn, words);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::actions::jobs;

    #[test]
    fn what_is_dangerous_is_in_the_menu_and_changes_something() {
        for action in DANGEROUS {
            assert!(MENU.contains(action), "{}", action.label);
            // Clean-up itself only looks: what it takes down is asked about line by line.
            let changes = action.changes || *action == &account::CLEAN_UP;
            assert!(changes, "{}", action.label);
        }
        assert!(![&account::AUDIT, &jobs::CLONE].into_iter().any(Action::is_dangerous));
    }
}
