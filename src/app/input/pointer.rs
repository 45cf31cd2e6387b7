//! The mouse: a press goes where a key would, and does nothing that a key of the same place does not. What lies over the panes
//! goes with what it does: there the first press on a row chooses it, wherever the cursor was, and the next one does it, so
//! that the second half of a double click never comes to what lay beneath.

use super::{obey, reading, take};
use crate::app::cursor::stepped;
use crate::app::hit::Hit;
use crate::app::state::overlay::{Overlay, Scroll};
use crate::app::state::{Esc, State};
use crate::app::{Command, Effect, KeyCode, KeyPress, Pane};

/// Lines of a text that one step of the wheel is.
const LINES: isize = 3;

/// The key that would do the same.
fn pressed(code: KeyCode) -> KeyPress {
    KeyPress {
        code,
        ctrl: false,
        alt: false,
        shift: false,
    }
}

/// It was pressed.
pub(in crate::app) fn click(state: &mut State, hit: Hit, effects: &mut Vec<Effect>) {
    let before = state.spot();
    clicked(state, hit, effects);
    state.came_from(before);
}

fn clicked(state: &mut State, hit: Hit, effects: &mut Vec<Effect>) {
    state.next_turn();
    state.pending.clear();
    state.esc = Esc::Other;
    state.focused().stay();
    let is_typed = state.search.typing;
    let is_again = state.pressed_row.take().is_some_and(|turn| turn + 1 == state.turn);
    if let Hit::Line(by) = hit
        && !(is_again && by == 0)
    {
        state.pressed_row = Some(state.turn);
    }
    match (state.overlays.last_mut(), hit) {
        (None, Hit::Pane(pane)) => focus(state, pane),
        (None, Hit::Row(pane, row)) => {
            let is_there = state.focus == pane && state.focused().place() == row;
            focus(state, pane);
            if is_there {
                obey(state, Command::Enter, effects);
            } else {
                state.focused().put(row);
            }
        }
        (None, Hit::Column(pane, title)) => {
            focus(state, pane);
            state.focused().sort_by(title);
        }
        (None, Hit::Command(command)) => {
            state.typing = false;
            obey(state, command, effects);
        }
        (Some(Overlay::Confirm(_)), Hit::Button(letter)) => take(state, pressed(KeyCode::Char(letter)), effects),
        (Some(Overlay::Form(form)), Hit::Field(field)) => form.focus = field.min(form.fields.len().saturating_sub(1)),
        (Some(Overlay::Details(details)), Hit::Page(page)) => {
            (details.page, details.scroll) = (page, Scroll::default());
        }
        (Some(Overlay::Palette(palette)), Hit::Line(by)) => {
            palette.cursor = stepped(palette.cursor, by, palette.matches.len());
            if by == 0 && is_again {
                take(state, pressed(KeyCode::Enter), effects);
            }
        }
        (Some(Overlay::CopyAs(menu)), Hit::Line(by)) => {
            menu.cursor = stepped(menu.cursor, by, menu.rows.len());
            if by == 0 && is_again {
                take(state, pressed(KeyCode::Enter), effects);
            }
        }
        (Some(Overlay::Menu(menu)), Hit::Line(by)) => {
            menu.cursor = stepped(menu.cursor, by, menu.actions.len());
            if by == 0 && is_again {
                take(state, pressed(KeyCode::Enter), effects);
            }
        }
        // Again on the same row: what Enter does there.
        (Some(top), Hit::Line(0)) if is_again && !takes_keys(top, is_typed) => obey(state, Command::Enter, effects),
        (Some(top), Hit::Line(by)) if !takes_keys(top, is_typed) => reading::step(state, by, effects),
        (Some(top), Hit::Command(command)) if !takes_keys(top, is_typed) => obey(state, command, effects),
        _ => {}
    }
}

/// Its wheel was turned by so many steps, up if they are less than none.
pub(in crate::app) fn wheel(state: &mut State, hit: Hit, by: isize, effects: &mut Vec<Effect>) {
    state.next_turn();
    let by = by.saturating_mul(LINES);
    let is_typed = state.search.typing;
    match (state.overlays.last_mut(), hit) {
        (None, Hit::Pane(pane) | Hit::Row(pane, _) | Hit::Column(pane, _)) => {
            focus(state, pane);
            state.focused().roll(by);
        }
        (Some(Overlay::Palette(palette)), _) => {
            palette.cursor = stepped(palette.cursor, by / LINES, palette.matches.len());
        }
        (Some(Overlay::Menu(menu)), _) => menu.cursor = stepped(menu.cursor, by / LINES, menu.actions.len()),
        (Some(top), Hit::Line(_)) if !takes_keys(top, is_typed) => reading::step(state, by / LINES, effects),
        (Some(top), _) if !takes_keys(top, is_typed) => reading::step(state, by, effects),
        _ => {}
    }
}

/// A filter that is being typed is kept, as by Enter.
fn focus(state: &mut State, pane: Pane) {
    if state.focus != pane {
        state.typing = false;
        state.focus = pane;
        state.focused().stay();
    }
}

/// Whether keys are no commands while it is on top: what is looked for in a text may be typed.
fn takes_keys(top: &Overlay, is_typed: bool) -> bool {
    match top {
        Overlay::Confirm(_)
        | Overlay::Form(_)
        | Overlay::Palette(_)
        | Overlay::Menu(_)
        | Overlay::Sort(_)
        | Overlay::CopyAs(_)
        | Overlay::Code(_)
        | Overlay::Login(_) => true,
        Overlay::Log(log) => log.search.typing,
        Overlay::Audit(audit) => audit.typing,
        Overlay::Inventory(shown) => shown.typing,
        top => is_typed && top.is_text(),
    }
}
