//! Uploads that were interrupted on this machine (kill, power, network, laptop lid): offered once at the start, to be
//! finished where they were, or aborted so that nobody pays for their parts.

use super::format::{self, Line, Tone};
use super::state::State;
use super::state::overlay::{Next, Overlay};
use super::{Command, Effect, next, requests};
use crate::domain::{Ask, InterruptedUpload, ObjectRequest, Request};

/// The first answer is the offer, where they may be finished; later ones are what is left.
pub(super) fn answer(state: &mut State, uploads: Vec<InterruptedUpload>) {
    let count = uploads.len();
    let first = uploads.first().map(|upload| upload.id.clone());
    let is_first = state.interrupted.replace(uploads).is_none();
    let is_offered = is_first && !state.settings.is_read_only();
    let Some(first) = first.filter(|_| is_offered) else {
        return;
    };
    let is_open = |overlay: &Overlay| matches!(overlay, Overlay::Interrupted(_));
    if state.overlays.iter().any(is_open) {
        return;
    }
    let key = state.settings.keymap.key(Command::Actions);
    let said = format!(
        "{}: finish or abort with {key} in the objects or files pane.",
        format::count(count, "interrupted upload")
    );
    let offer = Overlay::Interrupted(first);
    // Before anything was pressed nobody loses a key press to it.
    if state.is_still(0) {
        state.say(Tone::Warn, said);
        state.next_turn();
        state.overlays.push(offer);
    } else {
        next::lead(state, (Tone::Warn, said, None), Some(Next::show(offer)));
    }
}

/// Opens the list.
pub(super) fn open(state: &mut State) {
    let first = state.interrupted.as_ref().and_then(|uploads| uploads.first());
    let id = first.map(|upload| upload.id.clone()).unwrap_or_default();
    state.overlays.push(Overlay::Interrupted(id));
}

/// Where an upload stands in the list; the first one if it is gone.
pub fn row(uploads: &[InterruptedUpload], id: &str) -> usize {
    uploads.iter().position(|upload| upload.id == id).unwrap_or(0)
}

/// Asks whether to finish the upload with the cursor (Enter), or to abort it (`remove`).
pub(super) fn ask(state: &mut State, id: &str, command: Command, effects: &mut Vec<Effect>) {
    let uploads = state.interrupted.as_deref().unwrap_or_default();
    // The one that is shown with the cursor, also when the one that had it is gone.
    let Some(upload) = uploads.get(row(uploads, id)) else {
        return;
    };
    if is_under_way(state, &upload.id) {
        return;
    }
    let (id, what, destination) = (upload.id.clone(), name(upload), upload.destination.clone());
    let request = if command == Command::Enter {
        Request::Object(ObjectRequest::ResumeUpload { id, what, destination })
    } else {
        Request::Object(ObjectRequest::AbandonUpload { id, what, destination })
    };
    requests::ask(state, request, Ask::Yes, effects);
}

/// Two lines of each.
pub fn lines(state: &State) -> Vec<Vec<Line>> {
    let uploads = state.interrupted.as_deref().unwrap_or_default();
    uploads.iter().map(|upload| lines_of(state, upload)).collect()
}

fn is_under_way(state: &State, upload: &str) -> bool {
    state.operations.running().any(|operation| {
        matches!(
            &operation.request,
            Request::Object(ObjectRequest::ResumeUpload { id, .. } | ObjectRequest::AbandonUpload { id, .. })
                if id == upload
        )
    })
}

fn lines_of(state: &State, upload: &InterruptedUpload) -> Vec<Line> {
    let there = match upload.files {
        0 | 1 => format::size(upload.bytes),
        files => format!(
            "{}, {} of {files} files are there",
            format::size(upload.bytes),
            upload.files_done
        ),
    };
    let facts = Line::new(Tone::Dim, format!("  {there}, begun {}", format::time(upload.started)));
    let facts = if is_under_way(state, &upload.id) {
        facts.and(Tone::Busy, "  under way")
    } else {
        facts
    };
    vec![
        Line::new(Tone::Plain, name(upload))
            .and(Tone::Dim, " to ")
            .and(Tone::Accent, upload.destination.clone()),
        facts,
    ]
}

fn name(upload: &InterruptedUpload) -> String {
    match upload.paths.as_slice() {
        [only] => format::last_part(&only.to_string_lossy()).to_owned(),
        several => format::count(several.len(), "file"),
    }
}
