//! Commands at work: what each does in the pane with the cursor, and whether it does anything there.

use super::command::Command;
use super::log::Log;
use super::more::{self, More, Target};
use super::overlay::{Details, Overlay, Palette, Scroll, Subject};
use super::pane::Pane;
use super::press::palette_matches;
use super::state::{State, reference};
use super::text::Tone;
use super::{Effect, cancelling, copy, named, story, walk, watched};
use crate::domain::{KeyState, ObjectRow};

/// Does what the command says, or says why not here.
pub(super) fn run(state: &mut State, command: Command, effects: &mut Vec<Effect>) {
    if !is_available(state, command) {
        if let Some(hint) = hint(state, command) {
            state.say(Tone::Warn, hint);
        }
        return;
    }
    match command {
        Command::Focus(pane) => state.focus = pane,
        Command::NextPane => focus_by(state, 1),
        Command::PreviousPane => focus_by(state, Pane::ALL.len() - 1),
        Command::Zoom => state.zoom = !state.zoom,
        Command::Down => step(state, 1),
        Command::Up => step(state, -1),
        Command::PageDown => step(state, page(state)),
        Command::PageUp => step(state, -page(state)),
        Command::Top => step(state, isize::MIN),
        Command::Bottom => step(state, isize::MAX),
        Command::Enter => enter(state),
        Command::Back => back(state),
        Command::Parent => parent(state),
        Command::Encrypt => story::encrypt(state, effects),
        Command::Decrypt => story::ask_decrypt(state),
        Command::Verify => story::verify(state, effects),
        Command::Prove => story::ask_proof(state),
        Command::New => story::ask_new(state),
        Command::Remove => story::ask_remove(state, effects),
        Command::Restore => story::restore(state, effects),
        Command::Train => story::ask_job(state),
        Command::Log => {
            if let Some(name) = state.jobs.current().map(|job| job.name.clone()) {
                open_log(state, &name);
            }
        }
        // A model is an archive: its members are listed, and each can be previewed.
        Command::Preview if state.focus == Pane::Jobs => now(state, More::ListArchive, effects),
        Command::Preview => now(state, More::Preview, effects),
        Command::Actions => more::menu(state),
        Command::Walk => {
            let next = walk::next(state);
            state.overlays.push(Overlay::Walk(next));
        }
        Command::Audit => now(state, More::Audit, effects),
        Command::Filter => state.typing = true,
        Command::Sort => on_table(state, Act::Sort),
        Command::Reverse => on_table(state, Act::Reverse),
        Command::Mark => on_table(state, Act::Mark),
        Command::Copy => copy::copy(state, reference(state), effects),
        Command::CopyCommand => copy::copy(state, copy::of_row(state), effects),
        Command::Refresh => {
            state.refused.clear();
            named::on_screen(state);
            effects.push(Effect::Refresh(state.watched.clone()));
        }
        Command::Operations => state.overlays.push(Overlay::Operations(state.operations.id(0))),
        Command::Messages => state.overlays.push(Overlay::Messages(state.messages.id(0))),
        Command::Palette => {
            let matches = palette_matches(state, "");
            state.overlays.push(Overlay::Palette(Palette {
                input: tui_input::Input::default(),
                matches,
                cursor: 0,
            }));
        }
        Command::Help => state.overlays.push(Overlay::Help(Scroll::default())),
        Command::Redraw => effects.push(Effect::Redraw),
        Command::Suspend => effects.push(Effect::Suspend),
        Command::Quit => cancelling::quit(state, effects),
        Command::Follow | Command::Wrap | Command::Save => {}
    }
}

/// Whether the command does something with the cursor where it is.
pub(super) fn is_available(state: &State, command: Command) -> bool {
    let reading = |log: bool| match state.overlays.last() {
        Some(Overlay::Log(_)) => log,
        Some(Overlay::Audit(_)) => command == Command::Save,
        _ => false,
    };
    let object = || matches!(state.objects.current(), Some(ObjectRow::Object { .. })) && state.place.is_some();
    match command {
        Command::Encrypt => state.files.current().is_some() && state.key().is_some() && state.place.is_some(),
        Command::Decrypt | Command::Preview if state.focus == Pane::Jobs => story::model(state).is_some(),
        Command::Decrypt | Command::Verify | Command::Preview => state.focus == Pane::Objects && object(),
        Command::Prove => matches!(state.focus, Pane::Keys | Pane::Grants) && state.key().is_some(),
        Command::New => match state.focus {
            Pane::Keys | Pane::Objects => true,
            Pane::Grants => state.key().is_some(),
            Pane::Jobs => object(),
            Pane::Files => false,
        },
        Command::Remove => match state.focus {
            Pane::Keys => {
                let detail = state.key().map(|key| key.detail.as_ref());
                detail.is_some_and(|detail| detail.is_none_or(|detail| detail.state != KeyState::PendingDeletion))
            }
            Pane::Grants => state.grants.current().is_some(),
            Pane::Objects => object(),
            Pane::Jobs => state.jobs.current().is_some_and(|job| job.status.is_active()),
            Pane::Files => false,
        },
        Command::Restore => {
            let key = state.key().filter(|_| state.focus == Pane::Keys);
            key.and_then(|key| key.detail.as_ref())
                .is_some_and(|detail| matches!(detail.state, KeyState::Disabled | KeyState::PendingDeletion))
        }
        Command::Train => state.focus == Pane::Objects && object(),
        Command::Log => state.focus == Pane::Jobs && state.jobs.current().is_some(),
        Command::Mark => matches!(state.focus, Pane::Files | Pane::Objects) && reference(state).is_some(),
        Command::Copy | Command::CopyCommand => reference(state).is_some(),
        Command::Parent => state.focus == Pane::Files || state.focus == Pane::Objects && state.place.is_some(),
        Command::Follow | Command::Wrap | Command::Save => reading(true),
        _ => true,
    }
}

/// Where a command that does nothing here would do something.
fn hint(state: &State, command: Command) -> Option<String> {
    let hint = match command {
        Command::Encrypt => "To encrypt and upload: select a key (1), open a bucket (3), select a file (5).",
        Command::Decrypt => "To decrypt, select an object (3), or a job that has written a model (4).",
        Command::Verify => "To verify, select an encrypted object (3).",
        Command::Preview => "To preview, select an encrypted object (3).",
        Command::Prove => "To prove access, select a key (1) or a grant (2).",
        Command::Train => "To train, select an encrypted object (3).",
        Command::Log => "To read a log, select a job (4).",
        Command::New if state.focus == Pane::Jobs => "For a new job, select an encrypted object first (3).",
        Command::New => "For a new grant, select a key first (1).",
        Command::Remove if state.focus == Pane::Keys => "It is pending deletion already; u takes that back.",
        Command::Remove if state.focus == Pane::Jobs => "Only a job in progress can be stopped.",
        Command::Remove => "Nothing here can be removed.",
        Command::Restore if state.key().is_some_and(|key| key.detail.is_none()) => {
            "What state the key is in is being asked; try again when it is there."
        }
        Command::Restore => "Only a disabled key, or one that is pending deletion, can be restored (1).",
        Command::Mark => "Files (5) and objects (3) can be marked.",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Does one of the further actions to what the cursor is on now.
fn now(state: &mut State, more: More, effects: &mut Vec<Effect>) {
    let target = Target::of(state);
    more::run(state, more, target, effects);
}

fn focus_by(state: &mut State, by: usize) {
    let at = state.focus.digit() - 1;
    state.focus = Pane::ALL[(at + by) % Pane::ALL.len()];
}

#[derive(Clone, Copy)]
enum Act<'a> {
    Step(isize),
    Sort,
    Reverse,
    Mark,
    Touch,
    Filter(&'a str),
}

/// The same act on whichever table has the cursor.
fn on_table(state: &mut State, act: Act) {
    macro_rules! on {
        ($table:expr) => {
            match act {
                Act::Step(by) => $table.step(by),
                Act::Sort => $table.sort_next(),
                Act::Reverse => $table.reverse(),
                Act::Mark => $table.toggle_mark(),
                Act::Touch => $table.touch(),
                Act::Filter(text) => $table.set_filter(text),
            }
        };
    }
    match state.focus {
        Pane::Keys => on!(state.keys),
        Pane::Grants => on!(state.grants),
        Pane::Objects if state.place.is_none() => on!(state.buckets),
        Pane::Objects => on!(state.objects),
        Pane::Jobs => on!(state.jobs),
        Pane::Files => on!(state.files),
    }
}

pub(super) fn step(state: &mut State, by: isize) {
    on_table(state, Act::Step(by));
}

pub(super) fn set_filter(state: &mut State, filter: &str) {
    on_table(state, Act::Filter(filter));
}

/// The filter of the focused pane.
pub(super) fn filter(state: &State) -> String {
    let filter = match state.focus {
        Pane::Keys => state.keys.filter(),
        Pane::Grants => state.grants.filter(),
        Pane::Objects if state.place.is_none() => state.buckets.filter(),
        Pane::Objects => state.objects.filter(),
        Pane::Jobs => state.jobs.filter(),
        Pane::Files => state.files.filter(),
    };
    filter.to_owned()
}

fn page(state: &State) -> isize {
    match state.focus {
        Pane::Keys => state.keys.page(),
        Pane::Grants => state.grants.page(),
        Pane::Objects if state.place.is_none() => state.buckets.page(),
        Pane::Objects => state.objects.page(),
        Pane::Jobs => state.jobs.page(),
        Pane::Files => state.files.page(),
    }
}

fn enter(state: &mut State) {
    on_table(state, Act::Touch);
    let subject = match (state.focus, &mut state.place) {
        (Pane::Keys, _) => state.keys.current().map(|key| Subject::Key(key.arn.clone())),
        (Pane::Grants, _) => state.grants.current().map(|grant| Subject::Grant(grant.id.clone())),
        (Pane::Jobs, _) => state.jobs.current().map(|job| Subject::Job(job.name.clone())),
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
        details(state, subject);
    }
}

/// Opens the details of something.
pub(super) fn details(state: &mut State, subject: Subject) {
    if let Subject::Job(name) = &subject {
        state.job_log = Log::new(name);
        watched::watch(state, name);
    }
    state.overlays.push(Overlay::Details(Details {
        subject,
        page: 0,
        scroll: Scroll::default(),
    }));
}

/// One thing at a time: a message is read, marks go, a filter goes, then the place changes.
fn back(state: &mut State) {
    if state.messages.dismiss() || state.files.clear_marks() || state.objects.clear_marks() {
        return;
    }
    if !filter(state).is_empty() {
        set_filter(state, "");
        return;
    }
    match (state.focus, &state.place) {
        (Pane::Files, _) => back_to_start(state),
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

/// Opens the log of a job.
pub(super) fn open_log(state: &mut State, name: &str) {
    // What the details have of it already is not told again.
    let is_read = matches!(state.overlays.last(), Some(Overlay::Details(_))) && state.job_log.job == name;
    let log = if is_read { state.job_log.clone() } else { Log::new(name) };
    watched::watch(state, name);
    state.overlays.push(Overlay::Log(log));
}
