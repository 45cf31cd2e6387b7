//! What an answer leads to. It comes up by itself only while the person waits for it: no key was pressed since and nothing
//! else came up. Else it is a [`Next`] in a message, whose Enter goes on. Nothing gets in the way of what is typed now.

use super::format::Tone;
use super::state::State;
use super::state::continuation::Continuation;
use super::state::operations::Operation;
use super::state::overlay::{Next, Overlay};
use super::state::review::Edit;
use super::{Command, Effect};
use crate::domain::{Fault, Request, SealRequest};

/// Says what came of something, and goes on: at once if that is waited for, else by the message's Enter.
pub(super) fn tell(
    state: &mut State,
    operation: &Operation,
    (tone, said, fault): (Tone, String, Option<Fault>),
    next: Option<Next>,
    effects: &mut Vec<Effect>,
) {
    match next {
        Some(next) if state.is_waited_for(operation) => {
            state.messages.say(state.now, tone, said, fault);
            go_on(state, next, effects);
        }
        next => {
            let next = next.map(|next| asked_again(next, operation));
            lead(state, (tone, said, fault), next);
        }
    }
}

/// Says something whose Enter goes on.
pub(super) fn lead(state: &mut State, (tone, said, fault): (Tone, String, Option<Fault>), next: Option<Next>) {
    let Some(next) = next else {
        return state.messages.say(state.now, tone, said, fault);
    };
    let keymap = &state.settings.keymap;
    let (messages, enter) = (keymap.key(Command::Messages), keymap.key(Command::Enter));
    let how = format!(" To go on: {messages}, {enter}.");
    state.messages.lead(state.now, tone, (said, &how), fault, next);
}

/// A plaintext does not wait in memory, and what is destroyed is counted when it is: both are asked for again.
fn asked_again(next: Next, operation: &Operation) -> Next {
    let again = || Next::Ask(Box::new(operation.request.clone()), operation.continuation.clone());
    match (next, &operation.continuation) {
        (Next::Show(_), Continuation::EmptyBucket(_) | Continuation::DeleteKey) => again(),
        (Next::Show(overlay), _) if matches!(*overlay, Overlay::Preview(_) | Overlay::Comparing(_)) => again(),
        (Next::Show(_), _) if matches!(operation.request, Request::Seal(SealRequest::Plan(_))) => again(),
        (next, _) => next,
    }
}

/// Goes on to what an answer leads to.
pub(super) fn go_on(state: &mut State, next: Next, effects: &mut Vec<Effect>) {
    match next {
        Next::Show(overlay) => {
            state.next_turn();
            state.overlays.push(*overlay);
        }
        Next::Edit(edit) => open_editor(state, *edit, effects),
        Next::Ask(request, continuation) => {
            state.begin(*request, continuation, effects);
        }
    }
}

/// Opens the editor.
fn open_editor(state: &mut State, edit: Edit, effects: &mut Vec<Effect>) {
    state.next_turn();
    let id = state.operations.mint();
    effects.push(Effect::Edit {
        id,
        text: edit.text.clone(),
        name: "-policy.json".to_owned(),
    });
    state.edits.insert(id, (edit, state.turn));
}
