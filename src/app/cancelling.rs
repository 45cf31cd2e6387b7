//! What cancelling an operation means, in words: what is finished, what is taken back, what stays. And leaving, which cancels
//! everything and waits for it, but not for ever.

use super::Effect;
use super::overlay::{Confirm, Overlay, Then};
use super::state::State;
use super::text::{self, Tone};
use crate::domain::{Fault, FaultKind, OnCancel, Request};

/// How many seconds whoever leaves waits for what is in flight.
pub const PATIENCE: i64 = 20;
/// Operations that the question names.
const NAMED: usize = 6;

/// The question before an operation is cancelled.
pub fn question(title: &str) -> String {
    format!("Cancel this operation: {title}?")
}

/// What becomes of a request that is cancelled.
pub fn explained(request: &Request) -> &'static str {
    match request {
        Request::Encrypt { .. } | Request::ResumeUpload { .. } => {
            "A file that goes as one piece is finished, if it is answered within a second; of the others no part stays. Files \
             that are there already stay, and how many is told."
        }
        Request::Decrypt { .. } => {
            "What was decrypted of a file so far goes: nothing appears under its name. Files that are there already stay."
        }
        Request::Verify { .. } => "Nothing was written. What was not read to its end is not told.",
        Request::DeleteObjects { .. } | Request::EmptyBucket { .. } | Request::DeleteBucket { .. } => {
            "The call under way is finished and no other follows. What is deleted stays deleted; how much that is, is told."
        }
        Request::DeleteRole { .. } => {
            "The call under way is finished and no other follows. Policies that were taken off stay off; they are named."
        }
        Request::NewRole(_) => {
            "The call under way is finished. A role that was made and not finished is deleted again."
        }
        Request::NewKey(_) => {
            "If the key is made already it is finished, with its alias: a key cannot be deleted at once."
        }
        Request::StartJob(_) => {
            "If nothing is written yet nothing will be; else the job is started, and can be stopped."
        }
        Request::Prove { trust: true, .. } | Request::ProveStory { .. } | Request::ProveObject { .. } => {
            "What was lent for the proof, a grant or trust, is taken back first."
        }
        Request::BuildImage(_) => "The tool is stopped. An image that was built already stays on this machine.",
        Request::TryImage { .. } => "The container is stopped and its folder removed.",
        Request::AbandonUpload { .. }
        | Request::CreateBucket { .. }
        | Request::RevokeGrant { .. }
        | Request::EnableKey { .. }
        | Request::DisableKey { .. }
        | Request::ScheduleKeyDeletion { .. }
        | Request::CancelKeyDeletion { .. }
        | Request::StopJob { .. }
        | Request::PutKeyPolicy { .. }
        | Request::AddAlias { .. }
        | Request::MoveAlias { .. }
        | Request::DeleteAlias { .. }
        | Request::TagKey { .. }
        | Request::SetRotation { .. }
        | Request::SetDescription { .. }
        | Request::EncryptMessage { .. }
        | Request::NewDataKey { .. }
        | Request::ReEncryptDataKey { .. }
        | Request::DetachRolePolicy { .. }
        | Request::TrustCaller { .. }
        | Request::TrustService { .. }
        | Request::Grant(_)
        | Request::RetireGrant { .. }
        | Request::NewRepository { .. }
        | Request::DeleteRepository { .. } => {
            "It is asked for already and cannot be taken back from here: it is finished, and how it ended is told."
        }
        Request::Prove { trust: false, .. }
        | Request::SaveLog { .. }
        | Request::DraftKeyPolicy { .. }
        | Request::ReadKeyPolicy { .. }
        | Request::KeyTags { .. }
        | Request::FindDependents { .. }
        | Request::DecryptMessage { .. }
        | Request::OpenDataKey { .. }
        | Request::CountBucket { .. }
        | Request::Preview { .. }
        | Request::ListArchive { .. }
        | Request::RolePolicies { .. }
        | Request::AwaitGrant { .. }
        | Request::GrantsOf { .. }
        | Request::Preflight(_)
        | Request::PlanCleanUp
        | Request::SaveAudit { .. }
        | Request::AuditLog { .. } => "It only reads: it is dropped, and nothing is left of it.",
    }
}

/// Leaves, or asks first while something is in flight.
pub(super) fn quit(state: &mut State, effects: &mut Vec<Effect>) {
    let running: Vec<_> = state.operations.running().collect();
    if running.is_empty() {
        return leave(state, effects);
    }
    let named = running.iter().take(NAMED).map(|operation| {
        format!(
            "{}: {}",
            text::capitalized(&operation.title),
            explained(&operation.request)
        )
    });
    let mut lines: Vec<String> = named.collect();
    if let Some(more @ 1..) = running.len().checked_sub(NAMED) {
        lines.push(format!("And {} more.", text::count(more, "operation")));
    }
    if running
        .iter()
        .any(|operation| operation.request.on_cancel() == OnCancel::Finish)
    {
        lines.push(format!(
            "That is waited for, at most {PATIENCE} seconds; what is not done by then is told."
        ));
    }
    state.overlays.push(Overlay::Confirm(Confirm {
        question: format!("Quit, cancelling {}?", text::count(running.len(), "operation")),
        explanation: lines,
        typed: None,
        then: Then::Leave,
    }));
}

/// Cancels what is in flight; leaves when it has answered, or patience is at its end.
pub(super) fn leave(state: &mut State, effects: &mut Vec<Effect>) {
    let running: Vec<_> = state.operations.running().map(|operation| operation.id).collect();
    if running.is_empty() {
        effects.push(Effect::Quit);
    } else if state.leaving.is_none() {
        let words = format!(
            "Leaving as soon as {} has ended, in {PATIENCE} seconds at the latest.",
            text::count(running.len(), "operation")
        );
        state.say(Tone::Warn, words);
    }
    state.leaving.get_or_insert(state.now);
    for id in running {
        if state.operations.cancel(id) {
            effects.push(Effect::Cancel(id));
        }
    }
}

/// Whoever leaves has waited long enough.
pub(super) fn tick(state: &State, effects: &mut Vec<Effect>) {
    let waited = state.leaving.map(|since| state.now.duration_since(since).as_secs());
    if waited.is_some_and(|waited| waited >= PATIENCE) {
        effects.push(Effect::Quit);
    }
}

/// What had not answered when the person left, and may come about all the same.
pub fn left_behind(state: &State) -> Option<Fault> {
    let running = state.operations.running();
    let unanswered = running.filter(|operation| operation.request.on_cancel() == OnCancel::Finish);
    let titles: Vec<&str> = unanswered.map(|operation| operation.title.as_str()).collect();
    if titles.is_empty() {
        return None;
    }
    let cause = format!("no answer within {PATIENCE} seconds; it may still come about, in part or as a whole");
    let remedy = "look at what came of it before you ask for it again";
    Some(Fault::new(
        FaultKind::Timeout,
        "wait for",
        titles.join("; "),
        cause,
        remedy,
    ))
}
