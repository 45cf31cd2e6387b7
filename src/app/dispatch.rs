//! Commands at work: what each does in the pane with the cursor.

use super::command::Command;
use super::format::Tone;
use super::pane::Pane;
use super::state::overlay::{Overlay, Scroll, Subject};
use super::state::{Esc, State, reference};
use super::{Effect, actions, cancelling, chooser, clipboard, details, guide, mend, palette, questions, row_updates};
use crate::domain::ObjectRow;

/// How many hundredths a border moves at a time.
const STEP: i16 = 4;

/// Does what the command says, or says why not here.
pub(super) fn run(state: &mut State, command: Command, effects: &mut Vec<Effect>) {
    match command {
        // An action says by itself where it could be done.
        Command::Do(keyed) => actions::run_here(state, actions::keyed_in(state.focus, keyed), effects),
        Command::Mark | Command::MarkAll | Command::MarkInvert | Command::MarkRange if !state.is_available(command) => {
            state.say(Tone::Warn, "Files (5) and objects (3) can be marked.");
        }
        _ if !state.is_available(command) => {}
        Command::Focus(pane) => state.focus = pane,
        Command::NextPane => focus_by(state, 1),
        Command::PreviousPane => focus_by(state, Pane::ALL.len() - 1),
        Command::Zoom => state.zoom = !state.zoom,
        Command::Aside => state.toggle_aside(effects),
        Command::BorderLeft => state.move_borders((-STEP, 0), effects),
        Command::BorderRight => state.move_borders((STEP, 0), effects),
        Command::BorderUp => state.move_borders((0, -STEP), effects),
        Command::BorderDown => state.move_borders((0, STEP), effects),
        Command::Down => state.focused().step(1),
        Command::Up => state.focused().step(-1),
        Command::Left => left(state),
        Command::Right => right(state),
        Command::HalfDown => step_page(state, 1, 2),
        Command::HalfUp => step_page(state, -1, 2),
        Command::PageDown => step_page(state, 1, 1),
        Command::PageUp => step_page(state, -1, 1),
        Command::Top => state.focused().step(isize::MIN),
        Command::Bottom => state.focused().step(isize::MAX),
        Command::Enter => enter(state),
        Command::Back => back(state),
        Command::Parent => parent(state),
        Command::Actions => actions::menu(state),
        Command::Guide => guide::open(state),
        Command::Chain => mend::go(state, effects),
        Command::Filter => (state.typing, state.filter_caret) = (true, None),
        Command::Sort => {
            let columns = state.focused().columns();
            state.overlays.push(Overlay::Sort(columns));
        }
        Command::Reverse => state.focused().reverse(),
        Command::Mark => state.focused().toggle_mark(),
        Command::MarkAll => state.focused().mark_all(),
        Command::MarkInvert => state.focused().invert_marks(),
        Command::MarkRange => state.focused().mark_range(),
        Command::Copy => clipboard::copy(state, reference(state), effects),
        Command::CopyCommand => clipboard::copy(state, clipboard::of_row(state), effects),
        Command::CopyAs => clipboard::menu(state),
        Command::Export => actions::ask_export(state),
        Command::Refresh => {
            state.refused.clear();
            row_updates::ask_visible(state);
            effects.push(Effect::Refresh(state.watched.clone()));
        }
        Command::Operations => state.overlays.push(Overlay::Operations(state.operations.id(0))),
        Command::Messages => state.overlays.push(Overlay::Messages(state.messages.id(0))),
        Command::Context => palette::open(state, chooser::CONTEXT),
        Command::Theme => palette::open(state, chooser::THEME),
        Command::LogIn => questions::log_in(state, effects),
        Command::Open => palette::open(state, chooser::OPEN),
        Command::Before => state.travel(true),
        Command::After => state.travel(false),
        Command::Bookmark => state.toggle_bookmark(effects),
        Command::Bookmarks if state.bookmarks().is_empty() => {
            let key = state.settings.keymap.key(Command::Bookmark);
            state.say(
                Tone::Dim,
                format!("Nothing is bookmarked yet: {key} bookmarks where you are."),
            );
        }
        Command::Bookmarks => palette::open(state, chooser::BOOKMARK),
        Command::Palette => palette::open(state, ""),
        Command::Help => state.overlays.push(Overlay::Help(Scroll::default())),
        Command::Redraw => effects.push(Effect::Redraw),
        Command::Suspend => effects.push(Effect::Suspend),
        Command::Quit => cancelling::quit(state, effects),
        // Of texts that are read.
        Command::NextMatch | Command::PreviousMatch | Command::Only => {}
        Command::Follow | Command::Wrap | Command::Times | Command::Host | Command::Save => {}
    }
}

fn focus_by(state: &mut State, by: usize) {
    let at = state.focus.digit() - 1;
    state.focus = Pane::ALL[(at + by) % Pane::ALL.len()];
}

/// By a part of a page.
fn step_page(state: &mut State, by: isize, part: isize) {
    let table = state.focused();
    let page = table.page();
    table.step(by * (page / part).max(1));
}

/// Out of a prefix or folder, as far as it was gone into; else to the pane on that side.
fn left(state: &mut State) {
    let is_inside = match (state.focus, &state.place) {
        (Pane::Objects, Some((_, prefix))) => !prefix.is_empty(),
        (Pane::Files, _) => !state.settings.start_dir.starts_with(&state.dir),
        (Pane::Objects, None) | (Pane::Keys | Pane::Grants | Pane::Jobs, _) => false,
    };
    if is_inside {
        parent(state);
    } else if let Some(pane) = state.focus.beside(false) {
        state.focus = pane;
    }
}

/// Into what has rows of its own; else to the pane on that side.
fn right(state: &mut State) {
    let is_folder = match (state.focus, &state.place) {
        (Pane::Objects, None) => state.buckets.current().is_some(),
        (Pane::Objects, Some(_)) => matches!(state.objects.current(), Some(ObjectRow::Prefix { .. })),
        (Pane::Files, _) => state.files.current().is_some_and(|file| file.is_dir),
        (Pane::Keys | Pane::Grants | Pane::Jobs, _) => false,
    };
    if is_folder {
        enter(state);
    } else if let Some(pane) = state.focus.beside(true) {
        state.focus = pane;
    }
}

fn enter(state: &mut State) {
    state.focused().touch();
    let subject = match (state.focus, &mut state.place) {
        (Pane::Keys, _) => state.keys.current().map(|key| Subject::Key(key.arn.clone())),
        (Pane::Grants, _) => state.grants.current().map(|grant| Subject::Grant(grant.id.clone())),
        (Pane::Jobs, _) => state.jobs.current().map(|job| Subject::Job(job.id().into_owned())),
        (Pane::Objects, place @ None) => {
            *place = state
                .buckets
                .current()
                .map(|bucket| (bucket.name.clone(), String::new()));
            state.opened_once = true;
            state.objects.reset();
            None
        }
        (Pane::Objects, Some((_, at))) => match state.objects.current() {
            Some(ObjectRow::Prefix { prefix }) => {
                at.clone_from(prefix);
                state.objects.reset();
                None
            }
            row => row.map(|row| Subject::Object(row.key().to_owned())),
        },
        (Pane::Files, _) => match state.files.current() {
            Some(file) if file.is_dir => {
                state.dir.clone_from(&file.path);
                state.files.reset();
                None
            }
            file => file.map(|file| Subject::File(file.path.clone())),
        },
    };
    if let Some(subject) = subject {
        details::open(state, subject);
    }
}

/// One thing at a time: marks go, a filter goes, then the place changes. One that would leave a bucket just after another took
/// away what lay over it does not: it may have been one too many.
fn back(state: &mut State) {
    state.messages.dismiss_all();
    if state.files.clear_marks() || state.objects.clear_marks() {
        return;
    }
    if !state.table(state.focus).filter().is_empty() {
        state.focused().set_filter("");
        return;
    }
    match (state.focus, &state.place) {
        (Pane::Files, _) => back_to_start(state),
        (Pane::Objects, Some((_, prefix))) if prefix.is_empty() && state.esc == Esc::Pressed => {
            state.esc = Esc::Held;
            let keymap = &state.settings.keymap;
            let (back, parent) = (keymap.key(Command::Back), keymap.key(Command::Parent));
            state.say(
                Tone::Dim,
                format!("{back} once more goes to the buckets; {parent} does at once."),
            );
        }
        (Pane::Objects, Some(_)) => parent(state),
        _ if state.zoom => state.zoom = false,
        _ => {}
    }
}

/// One folder up, or home: never out of the folder that the program was started in.
fn back_to_start(state: &mut State) {
    let start = state.settings.start_dir.clone();
    if state.dir == start {
        state.zoom = false;
    } else if start.starts_with(&state.dir) {
        // Above it: there is nothing to go back through.
        go_to(state, start);
    } else {
        folder_above(state);
    }
}

/// One level up, wherever that leads.
fn parent(state: &mut State) {
    match (state.focus, &mut state.place) {
        (Pane::Files, _) => folder_above(state),
        (Pane::Objects, Some((bucket, prefix))) if prefix.is_empty() => {
            let bucket = bucket.clone();
            state.place = None;
            state.opened_once = true;
            state.objects.reset();
            state.buckets.want(&bucket);
        }
        (Pane::Objects, Some((_, prefix))) => {
            let child = prefix.clone();
            let parent = prefix.trim_end_matches('/').rfind('/').map_or(0, |slash| slash + 1);
            prefix.truncate(parent);
            state.objects.reset();
            state.objects.want(&child);
        }
        (Pane::Objects, None) | (Pane::Keys | Pane::Grants | Pane::Jobs, _) => {}
    }
}

fn folder_above(state: &mut State) {
    let child = state.dir.clone();
    if let Some(above) = child.parent() {
        go_to(state, above.to_path_buf());
        state.files.want(&child.to_string_lossy());
    }
}

fn go_to(state: &mut State, dir: std::path::PathBuf) {
    state.dir = dir;
    state.files.reset();
}
