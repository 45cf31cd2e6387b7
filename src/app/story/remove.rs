//! Taking away, and taking that back: always asked first.

use super::{ask, chosen_objects};
use crate::app::Effect;
use crate::app::continuation::Continuation;
use crate::app::pane::Pane;
use crate::app::state::State;
use crate::app::{more, text};
use crate::domain::{KeyState, Request};

pub(in crate::app) fn ask_remove(state: &mut State, effects: &mut Vec<Effect>) {
    match state.focus {
        Pane::Keys => ask_remove_key(state, effects),
        Pane::Grants => {
            let Some(grant) = state.grants.current().cloned() else {
                return;
            };
            let question = format!("Revoke the grant of {}?", text::last_part(&grant.grantee));
            let explanation =
                "It takes some minutes to reach everywhere; a job that has unwrapped its data key keeps it.".to_owned();
            let request = Request::RevokeGrant {
                key_arn: grant.key_arn,
                grant_id: grant.id,
            };
            ask(state, question, explanation, request, None);
        }
        Pane::Jobs => {
            let Some(name) = state.jobs.current().map(|job| job.name.clone()) else {
                return;
            };
            let question = format!("Stop the job {name}?");
            let explanation = "It is told to end and has two minutes; what it wrote until then is kept.".to_owned();
            ask(state, question, explanation, Request::StopJob { name }, None);
        }
        Pane::Objects => {
            let Some((bucket, objects)) = chosen_objects(state) else {
                return;
            };
            let question = match objects.as_slice() {
                [only] => format!("Delete s3://{bucket}/{only}?"),
                several => format!("Delete {} of s3://{bucket}?", text::count(several.len(), "object")),
            };
            let holds_key = objects
                .iter()
                .any(|object| object.starts_with(".strongroom/data-keys/"));
            let explanation = if holds_key {
                "It is an encrypted data key: tokens under it whose metadata does not carry it can never be opened again."
            } else {
                "Nothing brings it back, unless the bucket keeps versions."
            };
            let request = Request::DeleteObjects { bucket, objects };
            ask(state, question, explanation.to_owned(), request, None);
        }
        Pane::Files => {}
    }
}

/// Disabling can be taken back, so it comes first; a disabled key can be given up, once it is known what depends on it.
fn ask_remove_key(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(key) = state.key().cloned() else { return };
    match key.detail.as_ref().map(|detail| &detail.state) {
        Some(KeyState::Enabled) | None => {
            let question = format!("Disable the key {}?", key.name());
            let explanation = "Nothing under it opens until it is enabled again (u).".to_owned();
            ask(
                state,
                question,
                explanation,
                Request::DisableKey { key_arn: key.arn },
                None,
            );
        }
        Some(_) => {
            state.begin(more::dependents(key.arn), Continuation::DeleteKey, effects);
        }
    }
}

/// Enables a disabled key; takes a scheduled deletion back. A key that the person did not put the cursor on is asked about.
pub(in crate::app) fn restore(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(key) = state.key().cloned() else { return };
    let key_arn = key.arn.clone();
    let (request, question) = match key.detail.as_ref().map(|detail| &detail.state) {
        Some(KeyState::PendingDeletion) => (
            Request::CancelKeyDeletion { key_arn },
            format!("Keep the key {}, and cancel its deletion?", key.name()),
        ),
        Some(KeyState::Disabled) => (
            Request::EnableKey { key_arn },
            format!("Enable the key {}?", key.name()),
        ),
        Some(KeyState::Enabled | KeyState::PendingImport | KeyState::Other(_)) | None => return,
    };
    if state.keys.is_chosen() {
        state.start(request, effects);
    } else {
        ask(state, question, format!("Key: {}", key.arn), request, None);
    }
}
