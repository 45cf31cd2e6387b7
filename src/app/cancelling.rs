//! What cancelling an operation means, in words: what is finished, what is taken back, what stays. And leaving, which cancels
//! everything and waits for it, but not for ever.

use super::Effect;
use super::format::{self, Tone};
use super::state::State;
use super::state::operations::Operation;
use super::state::overlay::{Confirm, Overlay, Then};
use crate::domain::{Fault, FaultKind, OnCancel};

/// How many seconds whoever leaves waits for what is in flight.
pub const PATIENCE: i64 = 20;
/// Operations that the question names.
const NAMED: usize = 6;

/// The question before an operation is cancelled.
pub fn question(title: &str) -> String {
    format!("Cancel this operation: {title}?")
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
            format::capitalized(&operation.title()),
            operation.request.plain_facts().on_cancel.explained()
        )
    });
    let mut lines: Vec<String> = named.collect();
    if let Some(more @ 1..) = running.len().checked_sub(NAMED) {
        lines.push(format!("And {} more.", format::count(more, "operation")));
    }
    if running.iter().any(|operation| is_finished(operation)) {
        lines.push(format!(
            "That is waited for, at most {PATIENCE} seconds; what is not done by then is told."
        ));
    }
    state.overlays.push(Overlay::Confirm(Confirm {
        question: format!("Quit, cancelling {}?", format::count(running.len(), "operation")),
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
            format::count(running.len(), "operation")
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
    let unanswered = running.filter(|operation| is_finished(operation));
    let titles: Vec<_> = unanswered.map(Operation::title).collect();
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

/// Whether it is waited for when it is cancelled.
fn is_finished(operation: &Operation) -> bool {
    matches!(operation.request.plain_facts().on_cancel, OnCancel::Finish(_))
}
