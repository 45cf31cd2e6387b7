//! What cancelling an operation means, in words: what is finished, what is taken back, what stays. And leaving, which cancels
//! everything and waits for it, but not for ever.

use super::Effect;
use super::overlay::{Confirm, Overlay, Then};
use super::state::State;
use super::text::{self, Tone};
use crate::domain::{
    AccountRequest, Fault, FaultKind, GrantRequest, ImageRequest, JobRequest, KeyRequest, MessageRequest,
    ObjectRequest, OnCancel, ProofRequest, Request, RoleRequest,
};

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
        Request::Object(ObjectRequest::Encrypt { .. }) | Request::Object(ObjectRequest::ResumeUpload { .. }) => {
            "A file that goes as one piece is finished, if it is answered within a second; of the others no part stays. Files \
             that are there already stay, and how many is told."
        }
        Request::Object(ObjectRequest::Decrypt { .. }) => {
            "What was decrypted of a file so far goes: nothing appears under its name. Files that are there already stay."
        }
        Request::Object(ObjectRequest::Verify { .. }) => {
            "Nothing was written. What was not read to its end is not told."
        }
        Request::Object(ObjectRequest::Delete { .. })
        | Request::Object(ObjectRequest::EmptyBucket { .. })
        | Request::Object(ObjectRequest::DeleteBucket { .. }) => {
            "The call under way is finished and no other follows. What is deleted stays deleted; how much that is, is told."
        }
        Request::Role(RoleRequest::Delete { .. }) => {
            "The call under way is finished and no other follows. Policies that were taken off stay off; they are named."
        }
        Request::Role(RoleRequest::New(_)) => {
            "The call under way is finished. A role that was made and not finished is deleted again."
        }
        Request::Key(KeyRequest::New(_)) => {
            "If the key is made already it is finished, with its alias: a key cannot be deleted at once."
        }
        Request::Job(JobRequest::Start(_)) => {
            "If nothing is written yet nothing will be; else the job is started, and can be stopped."
        }
        Request::Proof(ProofRequest::Access { trust: true, .. })
        | Request::Proof(ProofRequest::Story { .. })
        | Request::Proof(ProofRequest::Object { .. }) => {
            "What was lent for the proof, a grant or trust, is taken back first."
        }
        Request::Image(ImageRequest::Build(_)) => {
            "The tool is stopped. An image that was built already stays on this machine."
        }
        Request::Image(ImageRequest::Try { .. }) => "The container is stopped and its folder removed.",
        Request::Object(ObjectRequest::AbandonUpload { .. })
        | Request::Object(ObjectRequest::CreateBucket { .. })
        | Request::Grant(GrantRequest::Revoke { .. })
        | Request::Key(KeyRequest::Enable { .. })
        | Request::Key(KeyRequest::Disable { .. })
        | Request::Key(KeyRequest::ScheduleDeletion { .. })
        | Request::Key(KeyRequest::CancelDeletion { .. })
        | Request::Job(JobRequest::Stop { .. })
        | Request::Key(KeyRequest::PutPolicy { .. })
        | Request::Key(KeyRequest::AddAlias { .. })
        | Request::Key(KeyRequest::MoveAlias { .. })
        | Request::Key(KeyRequest::DeleteAlias { .. })
        | Request::Key(KeyRequest::Tag { .. })
        | Request::Key(KeyRequest::SetRotation { .. })
        | Request::Key(KeyRequest::Describe { .. })
        | Request::Message(MessageRequest::Encrypt { .. })
        | Request::Message(MessageRequest::NewDataKey { .. })
        | Request::Message(MessageRequest::ReEncryptDataKey { .. })
        | Request::Role(RoleRequest::DetachPolicy { .. })
        | Request::Role(RoleRequest::TrustCaller { .. })
        | Request::Role(RoleRequest::TrustService { .. })
        | Request::Grant(GrantRequest::New(_))
        | Request::Grant(GrantRequest::Retire { .. })
        | Request::Image(ImageRequest::NewRepository { .. })
        | Request::Image(ImageRequest::DeleteRepository { .. }) => {
            "It is asked for already and cannot be taken back from here: it is finished, and how it ended is told."
        }
        Request::Proof(ProofRequest::Access { trust: false, .. })
        | Request::Job(JobRequest::SaveLog { .. })
        | Request::Key(KeyRequest::DraftPolicy { .. })
        | Request::Key(KeyRequest::ReadPolicy { .. })
        | Request::Key(KeyRequest::Tags { .. })
        | Request::Key(KeyRequest::FindDependents { .. })
        | Request::Message(MessageRequest::Decrypt { .. })
        | Request::Message(MessageRequest::OpenDataKey { .. })
        | Request::Object(ObjectRequest::CountBucket { .. })
        | Request::Object(ObjectRequest::Preview { .. })
        | Request::Object(ObjectRequest::ListArchive { .. })
        | Request::Role(RoleRequest::Policies { .. })
        | Request::Grant(GrantRequest::Await { .. })
        | Request::Grant(GrantRequest::List { .. })
        | Request::Job(JobRequest::Preflight(_))
        | Request::Account(AccountRequest::PlanCleanUp)
        | Request::Account(AccountRequest::SaveAudit { .. })
        | Request::Account(AccountRequest::AuditLog { .. }) => {
            "It only reads: it is dropped, and nothing is left of it."
        }
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
