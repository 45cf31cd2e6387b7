//! What a person typed is kept until it has come out well: a form or a policy whose request fails comes back as it was.
//!
//! It comes back by itself if nothing was pressed meanwhile, else when the same form is opened again: it never gets into
//! the way of what is typed now.

use super::OpId;
use super::form::{Form, Purpose};
use super::overlay::Overlay;
use super::state::State;
use crate::domain::{Fault, FaultKind};

/// A form or a policy whose request is on its way, or has failed.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    id: OpId,
    overlay: Overlay,
    /// Whether a key was pressed since it was sent.
    passed: bool,
    failed: bool,
}

/// Keeps what was sent as this operation.
pub(super) fn keep(state: &mut State, id: OpId, overlay: Overlay) {
    state.kept.push(Kept {
        id,
        overlay,
        passed: false,
        failed: false,
    });
}

/// A key was pressed: what is on its way must not come up under the next one.
pub(super) fn pressed(state: &mut State) {
    state.kept.iter_mut().for_each(|kept| kept.passed = true);
}

/// It came out well: nothing of it is needed any more.
pub(super) fn done(state: &mut State, id: OpId) {
    state.kept.retain(|kept| kept.id != id);
}

/// It failed: shown again with the reason, or kept for the next time.
pub(super) fn failed(state: &mut State, id: OpId, fault: &Fault) {
    let Some(at) = state.kept.iter().position(|kept| kept.id == id) else {
        return;
    };
    let mut kept = state.kept.remove(at);
    if fault.kind == FaultKind::Cancelled {
        return;
    }
    match &mut kept.overlay {
        Overlay::Form(form) => form.problem = Some(fault.to_string()),
        Overlay::Review(review) => review.refusal = Some(fault.to_string()),
        _ => {}
    }
    if !kept.passed && state.overlays.is_empty() {
        state.overlays.push(kept.overlay);
        return;
    }
    kept.failed = true;
    let same = |other: &Kept| other.failed && is_same(&other.overlay, &kept.overlay);
    state.kept.retain(|other| !same(other));
    state.kept.push(kept);
}

/// The form as it was filled in the last time, if that came to nothing.
pub(super) fn form(state: &mut State, purpose: &Purpose) -> Option<Form> {
    let is_it = |kept: &Kept| matches!(&kept.overlay, Overlay::Form(form) if form.purpose == *purpose);
    match take(state, is_it)? {
        Overlay::Form(form) => Some(form),
        _ => None,
    }
}

/// The policy of this key as it was edited the last time, if that came to nothing.
pub(super) fn policy(state: &mut State, key_arn: &str) -> Option<String> {
    let is_it =
        |kept: &Kept| matches!(&kept.overlay, Overlay::Review(review) if review.purpose.policy_of() == Some(key_arn));
    match take(state, is_it)? {
        Overlay::Review(review) => Some(review.after),
        _ => None,
    }
}

fn take(state: &mut State, is_it: impl Fn(&Kept) -> bool) -> Option<Overlay> {
    let at = state.kept.iter().position(|kept| kept.failed && is_it(kept))?;
    Some(state.kept.remove(at).overlay)
}

fn is_same(one: &Overlay, other: &Overlay) -> bool {
    match (one, other) {
        (Overlay::Form(one), Overlay::Form(other)) => one.purpose == other.purpose,
        (Overlay::Review(one), Overlay::Review(other)) => one.purpose == other.purpose,
        _ => false,
    }
}
