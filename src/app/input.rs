//! A key press on its way to a command: the topmost overlay takes it first, then a filter being typed, then the keymap.

mod pointer;
mod reading;

use tui_input::Input;

pub(super) use self::pointer::{click, wheel};
use super::command::{Command, Place};
use super::cursor::stepped;
use super::form::Typed;
use super::keymap::Match;
use super::line::{Typing, edit, heeds_alt, paste as paste_into, type_into, with_caret};
use super::search::Search;
use super::state::continuation::Continuation;
use super::state::overlay::{Confirm, Overlay, Palette, PaletteRow, Then};
use super::state::{Esc, State};
use super::{
    Effect, KeyCode, KeyPress, actions, cancelling, chooser, clipboard, dispatch, login, palette, policy_review,
    questions,
};
use crate::domain::{BulkRequest, Named, Request, RoleRequest};

/// Esc and the next key, where they came as one: a terminal writes Alt as an Esc before the key, so that over a slow line
/// nothing tells them apart. Arrows and the like have Alt in a code of their own. Alt is meant where a text is edited that
/// heeds it, or where it is bound.
pub(super) fn after_esc(state: &State, key: KeyPress) -> Option<[KeyPress; 2]> {
    let is_written_so = matches!(
        key.code,
        KeyCode::Char(_) | KeyCode::Enter | KeyCode::Tab | KeyCode::Backspace
    );
    if !key.alt || !is_written_so || heeds_alt(key) && edits_text(state) {
        return None;
    }
    let (keymap, place) = (&state.settings.keymap, place(state.overlays.last()));
    let mut sequence = state.pending.clone();
    sequence.push(key);
    let is_bound = |pressed: &[KeyPress]| keymap.lookup(pressed, place) != Match::Nothing;
    if is_bound(&sequence) || is_bound(&[key]) {
        return None;
    }
    let esc = KeyPress {
        code: KeyCode::Esc,
        ctrl: false,
        alt: false,
        shift: false,
    };
    Some([esc, KeyPress { alt: false, ..key }])
}

/// Whether keys are text now.
fn edits_text(state: &State) -> bool {
    match state.overlays.last() {
        None => state.typing,
        Some(top) if state.search.typing && top.is_text() => true,
        Some(Overlay::Palette(_) | Overlay::Menu(_) | Overlay::Code(_)) => true,
        Some(Overlay::Form(form)) => form.is_in_text(),
        Some(Overlay::Confirm(confirm)) => confirm.typed.is_some(),
        Some(Overlay::Log(log)) => log.search.typing,
        Some(Overlay::Audit(audit)) => audit.typing,
        Some(Overlay::Inventory(shown)) => shown.typing,
        Some(_) => false,
    }
}

pub(super) fn press(state: &mut State, key: KeyPress, effects: &mut Vec<Effect>) {
    state.next_turn();
    state.focused().stay();
    let (focus, before, esc) = (state.focus, state.spot(), state.esc);
    take(state, key, effects);
    let is_here = state.spot().is_same_place(&before);
    state.came_from(before);
    state.esc = match (key.code, state.esc) {
        (KeyCode::Esc, Esc::Held) if esc != Esc::Held => Esc::Held,
        (KeyCode::Esc, _) if is_here => Esc::Pressed,
        _ => Esc::Other,
    };
    // Who opens a row by its name waits for that row; and where nobody has put a cursor, it goes to what was made there.
    if !std::mem::take(&mut state.is_sent) && state.focus != focus {
        state.focused().come();
    }
}

fn take(state: &mut State, key: KeyPress, effects: &mut Vec<Effect>) {
    let before = state.overlays.len();
    if state.search.typing && state.overlays.last().is_some_and(Overlay::is_text) {
        if state.search.press(key) {
            reading::go_to_match(state);
        }
        return;
    }
    hear(state, key, effects);
    // Another text is on top: in it nothing is looked for.
    if state.overlays.len() != before {
        state.search = Search::default();
    }
}

fn hear(state: &mut State, key: KeyPress, effects: &mut Vec<Effect>) {
    if is_copy(state, key) {
        return clipboard::command(state, effects);
    }
    // Where letters narrow or choose, these do what they do everywhere.
    let takes_letters = |top: &Overlay| matches!(top, Overlay::Menu(_) | Overlay::CopyAs(_) | Overlay::Sort(_));
    if key.ctrl
        && state.overlays.last().is_some_and(takes_letters)
        && let Match::Command(command @ (Command::Redraw | Command::Suspend)) =
            state.settings.keymap.lookup(&[key], Place::Rows)
    {
        return dispatch::run(state, command, effects);
    }
    match state.overlays.pop() {
        None if state.typing => type_filter(state, key),
        None => {
            if let Some(command) = command(state, key) {
                obey(state, command, effects);
            }
        }
        Some(Overlay::Confirm(confirm)) => answer(state, confirm, key, effects),
        Some(Overlay::Form(mut form)) => match form.press(key) {
            Typed::Close => {}
            Typed::Stay => state.overlays.push(Overlay::Form(form)),
            Typed::Send => actions::send(state, form, effects),
        },
        Some(Overlay::Login(login)) => login::press(state, login, key, effects),
        Some(Overlay::Code(field)) => questions::press(state, field, key, effects),
        Some(Overlay::Palette(palette)) => choose(state, palette, key, effects),
        Some(Overlay::CopyAs(menu)) => clipboard::press_menu(state, menu, key, effects),
        Some(Overlay::Sort(columns)) => sort(state, columns, key),
        Some(Overlay::Menu(menu)) => actions::press_menu(state, menu, key, effects),
        Some(Overlay::Review(review)) if key.code == KeyCode::Char('y') => policy_review::put(state, review, effects),
        Some(Overlay::Review(review)) if key.code == KeyCode::Char('e') => policy_review::again(state, review, effects),
        Some(Overlay::Log(mut log)) if log.search.typing => {
            let is_typed = log.search.press(key);
            log.select();
            state.overlays.push(Overlay::Log(log));
            if is_typed {
                reading::go_to_match(state);
            }
        }
        Some(Overlay::Audit(mut audit)) if audit.typing => {
            audit.typing = type_into(&mut audit.filter, key) == Typing::On;
            audit.refilter();
            state.overlays.push(Overlay::Audit(audit));
        }
        Some(Overlay::Inventory(mut shown)) if shown.typing => {
            shown.typing = type_into(&mut shown.filter, key) == Typing::On;
            shown.refilter();
            state.overlays.push(Overlay::Inventory(shown));
        }
        Some(reading) => {
            state.overlays.push(reading);
            if let Some(command) = command(state, key) {
                obey(state, command, effects);
            }
        }
    }
}

/// Does what a command says: in the pane with the cursor, or in what is read over the panes.
fn obey(state: &mut State, command: Command, effects: &mut Vec<Effect>) {
    if !command.is_move() {
        state.messages.pass();
    }
    if state.overlays.is_empty() {
        dispatch::run(state, command, effects);
    } else {
        reading::run(state, command, effects);
    }
}

/// Where keys are text, or answer a question, the command line is copied by `Ctrl-Y`; a plain `Y` is enough where
/// nothing is typed.
fn is_copy(state: &State, key: KeyPress) -> bool {
    let with_ctrl = key.ctrl && matches!(key.code, KeyCode::Char('y' | 'Y'));
    match state.overlays.last() {
        Some(Overlay::Form(_) | Overlay::Menu(_)) => with_ctrl,
        Some(Overlay::Confirm(confirm)) => with_ctrl || confirm.typed.is_none() && key.code == KeyCode::Char('Y'),
        _ => false,
    }
}

pub(super) fn paste(state: &mut State, text: &str) {
    state.next_turn();
    match state.overlays.last_mut() {
        Some(top) if state.search.typing && top.is_text() => state.search.paste(text),
        Some(Overlay::Form(form)) => form.paste(text),
        Some(Overlay::Code(field)) => questions::paste(field, text),
        Some(Overlay::Palette(palette)) => {
            paste_into(&mut palette.input, text);
            let typed = palette.input.value().to_owned();
            let matches = palette::matches(state, &typed);
            if let Some(Overlay::Palette(palette)) = state.overlays.last_mut() {
                (palette.matches, palette.cursor) = (matches, 0);
            }
        }
        Some(Overlay::Menu(_)) => actions::paste_into_menu(state, text),
        Some(Overlay::Confirm(Confirm {
            typed: Some((_, input)),
            ..
        })) => paste_into(input, text),
        Some(Overlay::Log(log)) if log.search.typing => {
            log.search.paste(text);
            log.select();
        }
        Some(Overlay::Audit(audit)) if audit.typing => {
            paste_into(&mut audit.filter, text);
            audit.refilter();
        }
        Some(Overlay::Inventory(shown)) if shown.typing => {
            paste_into(&mut shown.filter, text);
            shown.refilter();
        }
        None if state.typing => {
            let mut filter = filter_of(state);
            paste_into(&mut filter, text);
            set_filter(state, &filter);
        }
        _ => {}
    }
}

/// Where keys are pressed while this lies on top.
fn place(top: Option<&Overlay>) -> Place {
    match top {
        Some(Overlay::Log(_)) => Place::Text,
        Some(top) if top.is_text() => Place::Text,
        _ => Place::Rows,
    }
}

/// The command that this key, after those pressed before it, asks for.
fn command(state: &mut State, key: KeyPress) -> Option<Command> {
    state.pending.push(key);
    let keymap = &state.settings.keymap;
    let place = place(state.overlays.last());
    let found = match keymap.lookup(&state.pending, place) {
        // A broken sequence: its last key counts by itself.
        Match::Nothing if state.pending.len() > 1 => {
            state.pending = vec![key];
            keymap.lookup(&state.pending, place)
        }
        found => found,
    };
    match found {
        Match::Prefix => None,
        Match::Nothing => {
            state.pending.clear();
            None
        }
        Match::Command(command) => {
            state.pending.clear();
            Some(command)
        }
    }
}

fn type_filter(state: &mut State, key: KeyPress) {
    match key.code {
        KeyCode::Tab => state.typing = false,
        KeyCode::Down => state.focused().step(1),
        KeyCode::Up => state.focused().step(-1),
        _ => {
            let mut filter = filter_of(state);
            state.typing = type_into(&mut filter, key) == Typing::On;
            set_filter(state, &filter);
        }
    }
}

/// The filter of the pane with the cursor, as it is typed.
fn filter_of(state: &State) -> Input {
    let filter = Input::new(state.table(state.focus).filter().to_owned());
    match state.filter_caret {
        Some(caret) => filter.with_cursor(caret),
        None => filter,
    }
}

fn set_filter(state: &mut State, filter: &Input) {
    state.filter_caret = Some(filter.cursor());
    state.focused().set_filter(filter.value());
}

impl State {
    /// The filter that is being typed, with its caret. Untrusted: it may have been pasted.
    pub fn typed_filter(&self) -> String {
        with_caret(&filter_of(self))
    }
}

fn answer(state: &mut State, mut confirm: Confirm, key: KeyPress, effects: &mut Vec<Effect>) {
    let agreed = match (&mut confirm.typed, key.code) {
        (_, KeyCode::Esc) => return,
        (_, KeyCode::Char('c')) if key.ctrl => return,
        (None, KeyCode::Char('n' | 'N' | 'q')) => return,
        (None, code) => code == KeyCode::Char('y'),
        (Some((wanted, input)), KeyCode::Enter) => input.value().trim() == wanted,
        (Some((_, input)), _) => {
            edit(input, key);
            false
        }
    };
    if !agreed {
        state.overlays.push(Overlay::Confirm(confirm));
        return;
    }
    match confirm.then {
        Then::Leave => cancelling::leave(state, effects),
        Then::Cancel(id) => {
            if state.operations.cancel(id) {
                effects.push(Effect::Cancel(id));
            }
        }
        Then::Start(request, consent) => {
            if let Some(consent) = consent {
                state.settings.consents.insert(consent.clone());
                effects.push(Effect::Remember(consent));
            }
            agreed_to(state, *request, effects);
        }
    }
}

/// Starts what was agreed to. What lies below the question has asked for it, and is what follows.
fn agreed_to(state: &mut State, request: Request, effects: &mut Vec<Effect>) {
    // Of an act that is begun nothing need be looked at any more.
    let begins = matches!(request, Request::Bulk(BulkRequest::Begin { .. }));
    let is_sent = |below: &mut Overlay| match below {
        Overlay::Form(_) | Overlay::Review(_) => true,
        Overlay::Results(_) => begins,
        _ => false,
    };
    let sent = state.overlays.pop_if(is_sent);
    let continuation = match (&sent, state.overlays.last()) {
        (Some(Overlay::Form(form)), _) => Continuation::Form(Box::new(form.clone())),
        (Some(Overlay::Review(review)), _) => Continuation::Review(Box::new(review.clone())),
        (Some(_), _) => Continuation::Nothing,
        (_, Some(Overlay::CleanUp(_))) => Continuation::PlanCleanUp,
        (_, Some(Overlay::Results(list))) => match list.again.clone() {
            Some(again) => Continuation::LookAgain(Box::new(again)),
            None => Continuation::Nothing,
        },
        _ => Continuation::Nothing,
    };
    if state.agreed(state.turn, request, continuation, effects).is_none() {
        state.overlays.extend(sent);
    }
}

/// The letter of a column, or its number; any other key leaves the order as it is.
fn sort(state: &mut State, columns: Vec<(&'static str, char)>, key: KeyPress) {
    let KeyCode::Char(typed) = key.code else { return };
    let typed = typed.to_ascii_lowercase();
    let number = typed.to_digit(10).and_then(|number| usize::try_from(number).ok());
    let numbered = number.and_then(|number| columns.get(number.checked_sub(1)?));
    let lettered = || columns.iter().find(|(_, letter)| *letter == typed && !key.ctrl);
    if let Some((title, _)) = numbered.or_else(lettered) {
        state.focused().sort_by(title);
    }
}

/// Puts the name under the cursor in the place of the one that was typed, to go on from there.
fn complete(state: &State, palette: &mut Palette) {
    let typed = palette.input.value();
    let word = [chooser::OPEN, chooser::BOOKMARK]
        .into_iter()
        .find(|word| typed.starts_with(word));
    let word = word.unwrap_or_default();
    let is_typed = |row: &PaletteRow| match row {
        PaletteRow::Open(named) => Named::parse(&typed[word.len()..]).as_ref() == Some(named),
        _ => false,
    };
    // What was typed names something itself: the next goes on from it.
    let mut rows = palette.matches.iter().skip(palette.cursor).map(|(row, _)| row);
    let row = rows.next().filter(|row| !is_typed(row)).or_else(|| rows.next());
    let Some(row @ (PaletteRow::Open(_) | PaletteRow::Role(_))) = row else {
        return;
    };
    let completed = format!("{word}{}", row.name());
    palette.matches = palette::matches(state, &completed);
    (palette.input, palette.cursor) = (Input::new(completed), 0);
}

fn choose(state: &mut State, mut palette: Palette, key: KeyPress, effects: &mut Vec<Effect>) {
    let stepped = |by| stepped(palette.cursor, by, palette.matches.len());
    match (key.code, key.ctrl) {
        (KeyCode::Esc, _) | (KeyCode::Char('c'), true) => return,
        (KeyCode::Down, _) | (KeyCode::Char('n'), true) => palette.cursor = stepped(1),
        (KeyCode::Up, _) | (KeyCode::Char('p'), true) => palette.cursor = stepped(-1),
        (KeyCode::Tab, _) => complete(state, &mut palette),
        (KeyCode::Enter, _) => {
            match palette.matches.get(palette.cursor) {
                Some((PaletteRow::Command(command), _)) => dispatch::run(state, *command, effects),
                Some((PaletteRow::Action(action), _)) => actions::run_here(state, action, effects),
                Some((PaletteRow::Open(named), _)) => state.open(named),
                Some((PaletteRow::Role(role), _)) => {
                    let role = role.clone();
                    state.start(RoleRequest::Policies { role }.into(), effects);
                }
                Some((PaletteRow::Switch(context), _)) => state.switch(context, effects),
                Some((PaletteRow::Theme(theme), _)) => state.dress(*theme, effects),
                None => {}
            }
            return;
        }
        _ => {
            if edit(&mut palette.input, key) {
                palette.matches = palette::matches(state, palette.input.value());
                palette.cursor = palette::first_row(state, palette.input.value(), &palette.matches);
            }
        }
    }
    state.overlays.push(Overlay::Palette(palette));
}
