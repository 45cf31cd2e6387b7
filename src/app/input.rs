//! A key press on its way to a command: the topmost overlay takes it first, then a filter being typed, then the keymap.

use tui_input::Input;

use super::actions::Action;
use super::command::{COMMANDS, Command};
use super::continuation::{self, Continuation};
use super::form::{Typed, edit, paste as paste_into};
use super::keymap::Match;
use super::overlay::{Confirm, Overlay, Palette, PaletteRow, Scroll, Subject, Then};
use super::state::State;
use super::{
    Effect, KeyCode, KeyPress, OpId, actions, asking, cancelling, cleanup, clipboard, dispatch, guide,
    interrupted_uploads, layout, policy_review, reader_text, results,
};
use crate::domain::explain::explain;
use crate::domain::{Ask, Request, View};

pub(super) fn press(state: &mut State, key: KeyPress, effects: &mut Vec<Effect>) {
    state.next_turn();
    state.focused().stay();
    let focus = state.focus;
    take(state, key, effects);
    if state.focus != focus {
        state.focused().stay();
    }
}

fn take(state: &mut State, key: KeyPress, effects: &mut Vec<Effect>) {
    if is_copy(state, key) {
        return clipboard::command(state, effects);
    }
    match state.overlays.pop() {
        None if state.typing => type_filter(state, key),
        None => {
            if let Some(command) = command(state, key) {
                dispatch::run(state, command, effects);
            }
        }
        Some(Overlay::Confirm(confirm)) => answer(state, confirm, key, effects),
        Some(Overlay::Form(mut form)) => match form.press(key) {
            Typed::Close => {}
            Typed::Stay => state.overlays.push(Overlay::Form(form)),
            Typed::Send => {
                if let Err((mut form, problem)) = actions::send(state, form, effects) {
                    form.problem = Some(problem);
                    state.overlays.push(Overlay::Form(form));
                }
            }
        },
        Some(Overlay::Palette(palette)) => choose(state, palette, key, effects),
        Some(Overlay::Review(review)) if key.code == KeyCode::Char('y') => policy_review::put(state, review, effects),
        Some(Overlay::Review(review)) if key.code == KeyCode::Char('e') => policy_review::again(state, review, effects),
        Some(Overlay::Log(mut log)) if log.typing => {
            log.typing = type_into(&mut log.filter, key);
            log.refilter();
            state.overlays.push(Overlay::Log(log));
        }
        Some(Overlay::Audit(mut audit)) if audit.typing => {
            audit.typing = type_into(&mut audit.filter, key);
            audit.refilter();
            state.overlays.push(Overlay::Audit(audit));
        }
        Some(reading) => {
            state.overlays.push(reading);
            if let Some(command) = command(state, key) {
                read(state, command, effects);
            }
        }
    }
}

/// A key for the filter of what is read; whether it is typed still.
fn type_into(filter: &mut Input, key: KeyPress) -> bool {
    match key.code {
        KeyCode::Enter => false,
        KeyCode::Esc => {
            filter.reset();
            false
        }
        _ => {
            edit(filter, key);
            true
        }
    }
}

/// Where keys are text, or answer a question, the command line is copied by `Ctrl-Y`; a plain `Y` is enough where
/// nothing is typed.
fn is_copy(state: &State, key: KeyPress) -> bool {
    let with_ctrl = key.ctrl && matches!(key.code, KeyCode::Char('y' | 'Y'));
    match state.overlays.last() {
        Some(Overlay::Form(_)) => with_ctrl,
        Some(Overlay::Confirm(confirm)) => with_ctrl || confirm.typed.is_none() && key.code == KeyCode::Char('Y'),
        _ => false,
    }
}

pub(super) fn paste(state: &mut State, text: &str) {
    state.next_turn();
    match state.overlays.last_mut() {
        Some(Overlay::Form(form)) => form.paste(text),
        Some(Overlay::Palette(palette)) => {
            paste_into(&mut palette.input, text);
            let typed = palette.input.value().to_owned();
            let matches = palette_matches(state, &typed);
            if let Some(Overlay::Palette(palette)) = state.overlays.last_mut() {
                (palette.matches, palette.cursor) = (matches, 0);
            }
        }
        Some(Overlay::Confirm(Confirm {
            typed: Some((_, input)),
            ..
        })) => paste_into(input, text),
        Some(Overlay::Log(log)) if log.typing => {
            paste_into(&mut log.filter, text);
            log.refilter();
        }
        Some(Overlay::Audit(audit)) if audit.typing => {
            paste_into(&mut audit.filter, text);
            audit.refilter();
        }
        None if state.typing => {
            let printable: String = text.chars().filter(|character| !character.is_control()).collect();
            let filter = state.table(state.focus).filter().to_owned() + &printable;
            state.focused().set_filter(&filter);
        }
        _ => {}
    }
}

/// The command that this key, after those pressed before it, asks for.
fn command(state: &mut State, key: KeyPress) -> Option<Command> {
    state.pending.push(key);
    let keymap = &state.settings.keymap;
    let found = match keymap.lookup(&state.pending) {
        // A broken sequence: its last key counts by itself.
        Match::Nothing if state.pending.len() > 1 => {
            state.pending = vec![key];
            keymap.lookup(&state.pending)
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
    let mut input = tui_input::Input::new(state.table(state.focus).filter().to_owned());
    match key.code {
        KeyCode::Enter | KeyCode::Tab => state.typing = false,
        KeyCode::Esc => {
            state.typing = false;
            state.focused().set_filter("");
        }
        KeyCode::Char('c') if key.ctrl => {
            state.typing = false;
            state.focused().set_filter("");
        }
        KeyCode::Down => state.focused().step(1),
        KeyCode::Up => state.focused().step(-1),
        _ => {
            edit(&mut input, key);
            state.focused().set_filter(input.value());
        }
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
    let is_sent = |below: &mut Overlay| matches!(below, Overlay::Form(_) | Overlay::Review(_));
    let sent = state.overlays.pop_if(is_sent);
    let continuation = match (&sent, state.overlays.last()) {
        (Some(Overlay::Form(form)), _) => Continuation::Form(Box::new(form.clone())),
        (Some(Overlay::Review(review)), _) => Continuation::Review(Box::new(review.clone())),
        (_, Some(Overlay::CleanUp(_))) => Continuation::PlanCleanUp,
        (_, Some(Overlay::Found(found))) => match found.again.clone() {
            Some(again) => Continuation::LookAgain(Box::new(again)),
            None => Continuation::Nothing,
        },
        _ => Continuation::Nothing,
    };
    if state.agreed(state.turn, request, continuation, effects).is_none() {
        state.overlays.extend(sent);
    }
}

/// What matches what was typed into the palette, what works here first; each with whether it does.
pub(super) fn palette_matches(state: &State, typed: &str) -> Vec<(PaletteRow, bool)> {
    let typed = typed.to_lowercase();
    let commands = COMMANDS.iter().map(|entry| {
        (
            PaletteRow::Command(entry.command),
            dispatch::is_available(state, entry.command),
        )
    });
    let has_key = |action: &Action| COMMANDS.iter().any(|entry| entry.does(action));
    let others = actions::MENU.iter().copied().filter(|action| !has_key(action));
    let others = others.map(|action| (PaletteRow::Action(action), action.is_offered(state)));
    let matches = |choice: PaletteRow| {
        choice.name().to_lowercase().contains(&typed) || choice.help().to_lowercase().contains(&typed)
    };
    let mut found: Vec<_> = commands.chain(others).filter(|(choice, _)| matches(*choice)).collect();
    found.sort_by_key(|(choice, available)| (!available, !choice.name().starts_with(&typed)));
    found
}

fn choose(state: &mut State, mut palette: Palette, key: KeyPress, effects: &mut Vec<Effect>) {
    let last = palette.matches.len().saturating_sub(1);
    match (key.code, key.ctrl) {
        (KeyCode::Esc, _) | (KeyCode::Char('c'), true) => return,
        (KeyCode::Down, _) | (KeyCode::Char('n'), true) => palette.cursor = (palette.cursor + 1).min(last),
        (KeyCode::Up, _) | (KeyCode::Char('p'), true) => palette.cursor = palette.cursor.saturating_sub(1),
        (KeyCode::Enter, _) => {
            match palette.matches.get(palette.cursor) {
                Some((PaletteRow::Command(command), _)) => dispatch::run(state, *command, effects),
                Some((PaletteRow::Action(action), _)) => actions::run_here(state, action, effects),
                None => {}
            }
            return;
        }
        _ => {
            if edit(&mut palette.input, key) {
                palette.matches = palette_matches(state, palette.input.value());
                palette.cursor = 0;
            }
        }
    }
    state.overlays.push(Overlay::Palette(palette));
}

/// A command while something is being read.
fn read(state: &mut State, command: Command, effects: &mut Vec<Effect>) {
    let room = layout::reader(state);
    let by = match command {
        Command::Down => 1,
        Command::Up => -1,
        Command::PageDown => room.1.saturating_sub(1).cast_signed(),
        Command::PageUp => -room.1.saturating_sub(1).cast_signed(),
        Command::Top => isize::MIN,
        Command::Bottom => isize::MAX,
        Command::Back | Command::Quit => {
            close(state);
            return;
        }
        Command::Redraw | Command::Suspend | Command::Refresh => return dispatch::run(state, command, effects),
        Command::CopyCommand => return clipboard::command(state, effects),
        Command::Help if !matches!(state.overlays.last(), Some(Overlay::Help(_))) => {
            return state.overlays.push(Overlay::Help(Scroll::default()));
        }
        _ => 0,
    };
    if act_on_row(state, command, effects) {
        return;
    }
    if command == Command::Copy && clipboard::shown(state, effects) {
        return;
    }
    if let (Some(Overlay::Log(log)), Command::Save) = (state.overlays.last(), command) {
        let job = log.job.clone();
        return actions::ask_save_log(state, job);
    }
    if let (Some(Overlay::Audit(_)), Command::Save) = (state.overlays.last(), command) {
        return actions::ask_save_audit(state);
    }
    let lines = reader_text::lines(state, room.0).len();
    let steps = guide::steps(state).len();
    match state.overlays.last_mut() {
        Some(Overlay::Help(scroll)) => scroll.step(by, lines, room.1),
        Some(Overlay::Messages(id)) => {
            *id = state
                .messages
                .id(stepped(state.messages.row(*id), by, state.messages.len()));
        }
        Some(Overlay::Found(found)) => found.cursor = stepped(found.cursor, by, found.rows.len()),
        Some(Overlay::CleanUp(shown)) => shown.cursor = stepped(shown.cursor, by, shown.items.len()),
        Some(Overlay::Guide(row)) => *row = stepped(*row, by, steps),
        Some(Overlay::Interrupted(id)) => {
            let uploads = state.interrupted.as_deref().unwrap_or_default();
            let row = stepped(interrupted_uploads::row(uploads, id), by, uploads.len());
            *id = uploads.get(row).map(|upload| upload.id.clone()).unwrap_or_default();
        }
        Some(Overlay::Menu(menu)) => menu.cursor = stepped(menu.cursor, by, menu.actions.len()),
        Some(Overlay::Review(review)) => review.scroll.step(by, lines, room.1),
        Some(Overlay::Preview(shown)) => {
            let at = View::ALL.iter().position(|view| *view == shown.view).unwrap_or(0);
            match command {
                Command::NextPane => shown.view = View::ALL[(at + 1) % View::ALL.len()],
                Command::PreviousPane => shown.view = View::ALL[(at + View::ALL.len() - 1) % View::ALL.len()],
                _ => shown.scroll.step(by, lines, room.1),
            }
        }
        Some(Overlay::Report(report)) => report.scroll.step(by, lines, room.1),
        Some(Overlay::Details(details)) => {
            let pages = details.subject.pages().len();
            match command {
                Command::NextPane => (details.page, details.scroll) = ((details.page + 1) % pages, Scroll::default()),
                Command::PreviousPane => {
                    (details.page, details.scroll) = ((details.page + pages - 1) % pages, Scroll::default());
                }
                Command::Log => {
                    if let Subject::Job(name) = details.subject.clone() {
                        dispatch::open_log(state, &name);
                    }
                }
                _ => details.scroll.step(by, lines, room.1),
            }
        }
        Some(Overlay::Log(log)) => match command {
            Command::Follow => log.toggle_follow(room),
            Command::Wrap => log.wrap = !log.wrap,
            Command::Filter => log.typing = true,
            _ => log.step(by, room),
        },
        Some(Overlay::Audit(audit)) => match command {
            Command::Filter => audit.typing = true,
            _ => audit.step(by),
        },
        Some(Overlay::Operations(id)) => {
            *id = state
                .operations
                .id(stepped(state.operations.row(*id), by, state.operations.len()));
            if command == Command::Remove {
                let id = *id;
                ask_to_cancel(state, id);
            }
        }
        // These take their keys themselves.
        Some(Overlay::Confirm(_) | Overlay::Form(_) | Overlay::Palette(_)) | None => {}
    }
}

fn stepped(row: usize, by: isize, rows: usize) -> usize {
    row.saturating_add_signed(by).min(rows.saturating_sub(1))
}

/// Enter on a row; false if the command is for reading.
fn act_on_row(state: &mut State, command: Command, effects: &mut Vec<Effect>) -> bool {
    match (state.overlays.last(), command) {
        (Some(Overlay::Menu(menu)), Command::Enter) => {
            let menu = menu.clone();
            state.overlays.pop();
            actions::choose(state, &menu, effects);
        }
        (Some(Overlay::Guide(row)), Command::Enter) => {
            let step = guide::steps(state).get(*row).map(|standing| standing.step);
            state.overlays.pop();
            if let Some(step) = step {
                guide::go(state, step, effects);
            }
        }
        (Some(Overlay::Interrupted(id)), Command::Enter | Command::Remove) => {
            let id = id.clone();
            interrupted_uploads::ask(state, &id, command, effects);
        }
        (Some(Overlay::Found(found)), Command::Enter) => {
            let request = found.rows.get(found.cursor).and_then(|row| row.then.clone());
            repair(state, request, effects);
        }
        (Some(Overlay::CleanUp(_)), Command::Enter) => cleanup::take_down(state),
        (Some(Overlay::Audit(audit)), Command::Enter) => {
            let next = audit.current().map(results::one_change);
            if let Some(next) = next {
                continuation::go_on(state, next, effects);
            }
        }
        (Some(Overlay::Report(report)), Command::Enter) => {
            let request = report.then.clone();
            repair(state, request, effects);
        }
        (Some(Overlay::Messages(id)), Command::Enter) => {
            let id = *id;
            if let Some(next) = state.messages.take_next(id) {
                state.overlays.pop();
                continuation::go_on(state, next, effects);
                return true;
            }
            let message = state.messages.get(id);
            let fault = message.and_then(|message| message.fault.as_deref());
            let request = fault.and_then(explain).and_then(|explained| explained.repair);
            repair(state, request, effects);
        }
        (Some(Overlay::Details(details)), Command::Enter) => {
            let request = match &details.subject {
                Subject::Job(name) => reader_text::job_explained(state, name).and_then(|explained| explained.repair),
                _ => None,
            };
            repair(state, request, effects);
        }
        _ => return false,
    }
    true
}

/// Does what mends something: at once if it changes nothing, else when the person agrees.
fn repair(state: &mut State, request: Option<Request>, effects: &mut Vec<Effect>) {
    let Some(request) = request else { return };
    let is_change = request.plain_facts().changes;
    asking::ask(state, request, if is_change { Ask::Yes } else { Ask::Never }, effects);
}

fn close(state: &mut State) {
    if let Some(Overlay::Messages(_)) = state.overlays.pop() {
        state.messages.dismiss_all();
    }
}

fn ask_to_cancel(state: &mut State, id: OpId) {
    let operation = state.operations.get(id);
    if let Some(operation) = operation.filter(|operation| operation.is_running()) {
        let confirm = Confirm {
            question: cancelling::question(&operation.title),
            explanation: vec![operation.request.plain_facts().on_cancel.explained().to_owned()],
            typed: None,
            then: Then::Cancel(operation.id),
        };
        state.overlays.push(Overlay::Confirm(confirm));
    }
}
