//! Uploads that were interrupted on this machine (kill, power, network, laptop lid): offered once at the start, to be
//! finished where they were, or aborted so that nobody pays for their parts.

use super::overlay::{Confirm, Overlay, Then};
use super::state::State;
use super::text::{self, Line, Tone};
use super::{Command, Effect};
use crate::domain::{InterruptedUpload, Request};

/// The first answer is the offer; later ones are what is left.
pub(super) fn answer(state: &mut State, uploads: Vec<InterruptedUpload>) {
    let count = uploads.len();
    let is_first = state.interrupted.replace(uploads).is_none();
    if let Some(Overlay::Interrupted(row)) = state.overlays.last_mut() {
        *row = (*row).min(count.saturating_sub(1));
    } else if is_first && count > 0 {
        let what = text::count(count, "interrupted upload");
        let key = state.settings.keymap.key(Command::Actions);
        state.say(
            Tone::Warn,
            format!("{what}: finish or abort with {key} in the objects or files pane."),
        );
        // Nobody loses what is being typed to an offer.
        if state.overlays.is_empty() && !state.typing {
            state.overlays.push(Overlay::Interrupted(0));
        }
    }
}

/// Enter finishes the upload of the row, `remove` asks whether to abort it.
pub(super) fn act(state: &mut State, row: usize, command: Command, effects: &mut Vec<Effect>) {
    let Some(upload) = state.interrupted.as_ref().and_then(|uploads| uploads.get(row)) else {
        return;
    };
    if is_under_way(state, &upload.id) {
        return;
    }
    let (id, name) = (upload.id.clone(), name(upload));
    if command == Command::Enter {
        state.start(Request::ResumeUpload { id }, effects);
        return;
    }
    state.overlays.push(Overlay::Confirm(Confirm {
        question: format!("Abort the upload of {name}?"),
        explanation: "Its parts are deleted from S3. The local files stay as they are.".to_owned(),
        typed: None,
        then: Then::Start(Box::new(Request::AbandonUpload { id }), None),
    }));
}

/// Two lines of each.
pub fn lines(state: &State) -> Vec<Vec<Line>> {
    let uploads = state.interrupted.as_deref().unwrap_or_default();
    uploads.iter().map(|upload| row(state, upload)).collect()
}

fn is_under_way(state: &State, upload: &str) -> bool {
    state.operations.running().any(|operation| {
        matches!(&operation.request, Request::ResumeUpload { id } | Request::AbandonUpload { id } if id == upload)
    })
}

fn row(state: &State, upload: &InterruptedUpload) -> Vec<Line> {
    let there = match upload.files {
        0 | 1 => text::size(upload.bytes),
        files => format!(
            "{}, {} of {files} files are there",
            text::size(upload.bytes),
            upload.files_done
        ),
    };
    let facts = Line::new(Tone::Dim, format!("  {there}, begun {}", text::time(upload.started)));
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
        [only] => text::last_part(&only.to_string_lossy()).to_owned(),
        several => text::count(several.len(), "file"),
    }
}
