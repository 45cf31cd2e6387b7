//! What a command does while something is being read.

use std::sync::Arc;

use crate::app::command::{Command, Keyed};
use crate::app::cursor::stepped;
use crate::app::format::{Line, Tone};
use crate::app::state::overlay::{Confirm, Overlay, Scroll, Subject, Then};
use crate::app::state::{State, layout};
use crate::app::{
    Effect, OpId, actions, cancelling, cleanup, clipboard, details, dispatch, guide, interrupted_uploads, matrix, mend,
    next, reader_text, requests, results, versions, who_asked,
};
use crate::domain::explain::explain;
use crate::domain::{Ask, AwsContext, Request, View};

/// A command while something is being read.
pub(super) fn run(state: &mut State, command: Command, effects: &mut Vec<Effect>) {
    let room = layout::reader(state);
    let by = match command {
        Command::Down => 1,
        Command::Up => -1,
        Command::HalfDown => (room.1 / 2).max(1).cast_signed(),
        Command::HalfUp => -(room.1 / 2).max(1).cast_signed(),
        Command::PageDown => room.1.saturating_sub(1).cast_signed(),
        Command::PageUp => -room.1.saturating_sub(1).cast_signed(),
        Command::Top => isize::MIN,
        Command::Bottom => isize::MAX,
        Command::Back | Command::Quit => {
            close(state);
            return;
        }
        Command::Refresh if matches!(state.overlays.last(), Some(Overlay::Inventory(_) | Overlay::Who(_))) => 0,
        Command::Redraw | Command::Suspend | Command::Refresh => return dispatch::run(state, command, effects),
        Command::CopyCommand => return clipboard::command(state, effects),
        Command::Messages | Command::Operations if !is_open(state, command) => {
            return dispatch::run(state, command, effects);
        }
        Command::Filter if state.overlays.last().is_some_and(Overlay::is_text) => {
            state.search.typing = true;
            return;
        }
        Command::NextMatch | Command::PreviousMatch if state.overlays.last().is_some_and(Overlay::is_text) => {
            return look_further(state, command == Command::NextMatch);
        }
        Command::Help if !matches!(state.overlays.last(), Some(Overlay::Help(_))) => {
            return state.overlays.push(Overlay::Help(Scroll::default()));
        }
        _ => 0,
    };
    act(state, command, by, effects);
}

/// Moves by so many rows or lines.
pub(super) fn step(state: &mut State, by: isize, effects: &mut Vec<Effect>) {
    act(state, Command::Down, by, effects);
}

/// A command that is of what is read; those that move it move it by so much.
fn act(state: &mut State, command: Command, by: isize, effects: &mut Vec<Effect>) {
    let room = layout::reader(state);
    let is_done = act_on_row(state, command, effects)
        || act_on_subject(state, command, effects)
        || versions::act(state, command, effects);
    if is_done {
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
    if let (Some(Overlay::Inventory(shown)), Command::Save | Command::Refresh) = (state.overlays.last(), command) {
        let report = Arc::clone(&shown.report);
        return match command {
            Command::Save => actions::ask_save_inventory(state, report),
            _ => actions::ask_audit_again(state, &report),
        };
    }
    if let (Some(Overlay::Who(_)), Command::Save | Command::Refresh) = (state.overlays.last(), command) {
        return match command {
            Command::Save => who_asked::save(state, effects),
            _ => who_asked::again(state, effects),
        };
    }
    let lines = reader_text::lines(state, room.0).len();
    let steps = state.walk().len();
    match state.overlays.last_mut() {
        Some(Overlay::Help(scroll)) => scroll.step(by, lines, room.1),
        Some(Overlay::Messages(id)) => {
            *id = state
                .messages
                .id(stepped(state.messages.row(*id), by, state.messages.len()));
        }
        Some(Overlay::Who(shown)) => match command {
            Command::NextPane | Command::PreviousPane => shown.turn(),
            Command::Left => shown.step_column(-1),
            Command::Right => shown.step_column(1),
            _ => shown.step(by),
        },
        Some(Overlay::Matrix(shown)) => shown.cursor = stepped(shown.cursor, by, matrix::rows(shown)),
        Some(Overlay::Results(list)) => list.cursor = stepped(list.cursor, by, list.rows.len()),
        Some(Overlay::CleanUp(shown)) => shown.cursor = stepped(shown.cursor, by, shown.items.len()),
        Some(Overlay::Guide(walk)) => {
            walk.is_chosen |= by != 0;
            walk.row = stepped(walk.row, by, steps);
        }
        Some(Overlay::Interrupted(id)) => {
            let uploads = state.interrupted.as_deref().unwrap_or_default();
            let row = stepped(interrupted_uploads::row(uploads, id), by, uploads.len());
            *id = uploads.get(row).map(|upload| upload.id.clone()).unwrap_or_default();
        }
        Some(Overlay::Review(review)) => review.scroll.step(by, lines, room.1),
        Some(Overlay::Preview(shown)) => {
            let at = View::ALL.iter().position(|view| *view == shown.view).unwrap_or(0);
            match command {
                Command::NextPane | Command::Right => shown.view = View::ALL[(at + 1) % View::ALL.len()],
                Command::PreviousPane | Command::Left => {
                    shown.view = View::ALL[(at + View::ALL.len() - 1) % View::ALL.len()];
                }
                _ => shown.scroll.step(by, lines, room.1),
            }
        }
        Some(Overlay::Report(report)) => report.scroll.step(by, lines, room.1),
        Some(Overlay::Comparing(shown)) => shown.scroll.step(by, lines, room.1),
        Some(Overlay::Versions(shown)) => shown.cursor = stepped(shown.cursor, by, shown.list.rows.len()),
        Some(Overlay::Details(details)) => {
            let pages = details.subject.pages().len();
            match command {
                Command::NextPane | Command::Right => {
                    (details.page, details.scroll) = ((details.page + 1) % pages, Scroll::default());
                }
                Command::PreviousPane | Command::Left => {
                    (details.page, details.scroll) = ((details.page + pages - 1) % pages, Scroll::default());
                }
                _ => details.scroll.step(by, lines, room.1),
            }
        }
        Some(Overlay::Log(log)) => match command {
            Command::Follow => log.toggle_follow(room),
            Command::Wrap => log.wrap = !log.wrap,
            Command::Times => log.times = !log.times,
            Command::Host => log.next_host(),
            Command::Filter => log.search.typing = true,
            Command::Only if log.search.is_on() => {
                log.only = !log.only;
                log.select();
            }
            Command::NextMatch => log.go_on(true, room),
            Command::PreviousMatch => log.go_on(false, room),
            _ => log.step(by, room),
        },
        Some(Overlay::Audit(audit)) => match command {
            Command::Filter => audit.typing = true,
            _ => audit.step(by),
        },
        Some(Overlay::Inventory(shown)) => match command {
            Command::Filter => shown.typing = true,
            _ => shown.step(by),
        },
        Some(Overlay::Operations(id)) => {
            *id = state
                .operations
                .id(stepped(state.operations.row(*id), by, state.operations.len()));
            if command == Command::Do(Keyed::Remove) {
                let id = *id;
                ask_to_cancel(state, id);
            }
        }
        // These take their keys themselves.
        Some(
            Overlay::Confirm(_)
            | Overlay::Form(_)
            | Overlay::Palette(_)
            | Overlay::Menu(_)
            | Overlay::Sort(_)
            | Overlay::CopyAs(_)
            | Overlay::Code(_)
            | Overlay::Login(_),
        )
        | None => {}
    }
}

/// What was looked for was typed: it is gone to. Of a log that is followed the last is, which says most.
pub(super) fn go_to_match(state: &mut State) {
    let room = layout::reader(state);
    match state.overlays.last_mut() {
        Some(Overlay::Log(log)) => log.go_on(!log.follow, room),
        _ => look_further(state, true),
    }
}

/// The next line of a text that has what is looked for, or the one before.
fn look_further(state: &mut State, is_forward: bool) {
    let (columns, rows) = layout::reader(state);
    let texts: Vec<String> = reader_text::lines(state, columns).iter().map(Line::text).collect();
    let State { search, overlays, .. } = state;
    let scroll = match overlays.last_mut() {
        Some(Overlay::Help(scroll)) => scroll,
        Some(Overlay::Details(details)) => &mut details.scroll,
        Some(Overlay::Report(report)) => &mut report.scroll,
        Some(Overlay::Comparing(shown)) => &mut shown.scroll,
        Some(Overlay::Preview(shown)) => &mut shown.scroll,
        Some(Overlay::Review(review)) => &mut review.scroll,
        _ => return,
    };
    scroll.step(0, texts.len(), rows);
    if let Some(line) = search.next_in(&texts, scroll.0, is_forward)
        && !(scroll.0..scroll.0 + rows).contains(&line)
    {
        scroll.0 = line.saturating_sub(rows / 3);
        scroll.step(0, texts.len(), rows);
    }
}

/// What keys do to the thing that details are about, as they do on its row; false if the command is for reading.
fn act_on_subject(state: &mut State, command: Command, effects: &mut Vec<Effect>) -> bool {
    let Some(Overlay::Details(details)) = state.overlays.last() else {
        return false;
    };
    if !details.subject.takes(command) {
        return false;
    }
    if state.subject().as_ref() == Some(&details.subject) {
        dispatch::run(state, command, effects);
    } else {
        state.say(
            Tone::Warn,
            "The cursor is on another row by now: close the details first.",
        );
    }
    true
}

/// Enter on a row; false if the command is for reading.
fn act_on_row(state: &mut State, command: Command, effects: &mut Vec<Effect>) -> bool {
    match (state.overlays.last(), command) {
        (Some(Overlay::Guide(walk)), Command::Enter) => {
            let row = walk.row;
            guide::go(state, row, effects);
        }
        // What was said of a job that the walk has started is so there, too.
        (Some(Overlay::Guide(_)), Command::Do(Keyed::Log)) => {
            if let Some(name) = state.last_job.clone() {
                details::open_log(state, &name);
            }
        }
        (Some(Overlay::Interrupted(id)), Command::Enter | Command::Do(Keyed::Remove)) => {
            let id = id.clone();
            interrupted_uploads::ask(state, &id, command, effects);
        }
        (Some(Overlay::Results(list)), Command::Enter) => {
            let row = list.rows.get(list.cursor);
            let (request, instead) = row.map(|row| (row.then.clone(), row.instead)).unwrap_or_default();
            if request.is_none() && !instead.is_empty() {
                state.say(Tone::Plain, instead);
            }
            repair(state, request, effects);
        }
        (Some(Overlay::Matrix(_)), Command::Enter) => {
            if let Some(Overlay::Matrix(shown)) = state.overlays.last_mut() {
                shown.is_open = !shown.is_open;
            }
        }
        (Some(Overlay::Who(_)), Command::Enter) => who_asked::read(state),
        (Some(Overlay::CleanUp(_)), Command::Enter) => cleanup::take_down(state),
        (Some(Overlay::Comparing(_)), Command::Enter) => versions::decrypt_both(state, effects),
        (Some(Overlay::Audit(audit)), Command::Enter) => {
            let next = audit.current().map(results::one_change);
            if let Some(next) = next {
                next::go_on(state, next, effects);
            }
        }
        (Some(Overlay::Inventory(shown)), Command::Enter) => {
            if let Some(object) = shown.object() {
                state.overlays.clear();
                state.open(&object);
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
                next::go_on(state, next, effects);
                return true;
            }
            let message = state.messages.get(id);
            let elsewhere = message.and_then(|message| message.elsewhere(&state.settings.context));
            let fault = message.and_then(|message| message.fault.as_deref());
            let request = fault.and_then(explain).and_then(|explained| explained.repair);
            match (request, elsewhere.map(AwsContext::label)) {
                (Some(_), Some(label)) => state.refuse_elsewhere(&label),
                (request, _) => repair(state, request, effects),
            }
        }
        (Some(Overlay::Details(details)), Command::Enter) => {
            let subject = details.subject.clone();
            match &subject {
                Subject::Job(name) if reader_text::again(state, name).is_some() => mend::again(state, name, effects),
                Subject::Job(name) => {
                    let explained = reader_text::job_explained(state, name);
                    repair(state, explained.and_then(|explained| explained.repair), effects);
                }
                _ => {}
            }
        }
        _ => return false,
    }
    true
}

/// Does what mends something: at once if it changes nothing, else when the person agrees.
fn repair(state: &mut State, request: Option<Request>, effects: &mut Vec<Effect>) {
    let Some(request) = request else { return };
    let is_change = request.plain_facts().changes;
    requests::ask(state, request, if is_change { Ask::Yes } else { Ask::Never }, effects);
}

/// Whether the messages or operations are among what is open.
fn is_open(state: &State, command: Command) -> bool {
    state.overlays.iter().any(|overlay| match command {
        Command::Messages => matches!(overlay, Overlay::Messages(_)),
        _ => matches!(overlay, Overlay::Operations(_)),
    })
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
