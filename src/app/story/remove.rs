//! Taking away, and taking that back: always asked first.

use super::chosen_objects;
use crate::app::Effect;
use crate::app::continuation::Continuation;
use crate::app::pane::Pane;
use crate::app::state::State;
use crate::app::{asking, more};
use crate::domain::{Ask, GrantRequest, JobRequest, KeyRequest, KeyState, ObjectRequest, Request};

pub(in crate::app) fn ask_remove(state: &mut State, effects: &mut Vec<Effect>) {
    match state.focus {
        Pane::Keys => ask_remove_key(state, effects),
        Pane::Grants => {
            let Some(grant) = state.grants.current().cloned() else {
                return;
            };
            let request = Request::Grant(GrantRequest::Revoke {
                key_arn: grant.key_arn,
                grant_id: grant.id,
                grantee: grant.grantee,
            });
            asking::ask(state, request, Ask::Yes, effects);
        }
        Pane::Jobs => {
            let Some(name) = state.jobs.current().map(|job| job.name.clone()) else {
                return;
            };
            asking::ask(state, Request::Job(JobRequest::Stop { name }), Ask::Yes, effects);
        }
        Pane::Objects => {
            let Some((bucket, objects)) = chosen_objects(state) else {
                return;
            };
            asking::ask(
                state,
                Request::Object(ObjectRequest::Delete { bucket, objects }),
                Ask::Yes,
                effects,
            );
        }
        Pane::Files => {}
    }
}

/// Disabling can be taken back, so it comes first; a disabled key can be given up, once it is known what depends on it.
fn ask_remove_key(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(key) = state.key().cloned() else { return };
    match key.detail.as_ref().map(|detail| &detail.state) {
        Some(KeyState::Enabled) | None => {
            asking::ask(
                state,
                Request::Key(KeyRequest::Disable { key_arn: key.arn }),
                Ask::Yes,
                effects,
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
    let request = match key.detail.as_ref().map(|detail| &detail.state) {
        Some(KeyState::PendingDeletion) => Request::Key(KeyRequest::CancelDeletion { key_arn }),
        Some(KeyState::Disabled) => Request::Key(KeyRequest::Enable { key_arn }),
        Some(KeyState::Enabled | KeyState::PendingImport | KeyState::Other(_)) | None => return,
    };
    let at_least = if state.keys.is_chosen() { Ask::Never } else { Ask::Yes };
    asking::ask(state, request, at_least, effects);
}
