//! What follows an operation. It is kept with the operation, under its id, until that has ended: another question never
//! takes its place, no other answer leads to it, and after a failure nothing follows but what was typed coming back.
//!
//! It comes up by itself only while the person waits for it: no key was pressed since and nothing else came up. Else it is
//! a [`Next`] in a message, whose Enter goes on. Nothing gets in the way of what is typed now.

use std::collections::BTreeMap;

use super::form::Form;
use super::format::Tone;
use super::operations::Operation;
use super::overlay::Overlay;
use super::policy_review::{self, Edit, Review};
use super::state::State;
use super::{Command, Effect, OpId, actions, cleanup, results};
use crate::domain::{Door, Fault, FaultKind, KeySpec, ObjectRequest, Request};

/// What follows an operation.
#[derive(Debug, Clone)]
pub enum Continuation {
    /// What came of it is told, and shown where there is something to read.
    Nothing,
    /// Should it fail, the form comes back as it was filled in.
    Form(Box<Form>),
    /// Should it fail, the policy comes back as it was edited.
    Review(Box<Review>),
    /// The question whether the bucket that was counted is emptied; and deleted, if this is true.
    EmptyBucket(bool),
    /// The form of the deletion of the key whose dependents were looked for.
    DeleteKey,
    /// The policy that was read is changed; should that fail, the form it was asked in comes back.
    ChangePolicy(Change, Option<Box<Form>>),
    /// The policy that was drafted is looked at, for this new key; or the form comes back.
    NewKey(Box<KeySpec>, Box<Form>),
    /// The clean-up on screen is filled.
    CleanUp,
    /// A line of clean-up was taken down, or could not be: all of it is looked at again.
    PlanCleanUp,
    /// Something was done about what was found, or could not be: it is looked for again, so.
    LookAgain(Box<Request>),
    /// What was found again takes the place of what is on screen.
    Refill,
}

/// How a key's policy is to be changed, once it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// By the person, in the editor.
    ByHand,
    /// This role (ARN) is named in it.
    Allow(String),
    /// Back to what it was before.
    Back(String),
}

/// What an answer leads to, as soon as the person wants it.
#[derive(Debug, Clone)]
pub enum Next {
    /// Something to be read, answered or filled in.
    Show(Box<Overlay>),
    /// A policy to be edited.
    Edit(Box<Edit>),
    /// What was found is not kept: it is asked for again, and what followed follows.
    Ask(Box<Request>, Continuation),
}

impl Next {
    pub(super) fn show(overlay: Overlay) -> Self {
        Self::Show(Box::new(overlay))
    }

    /// The form it would bring back.
    pub(super) fn form(&self) -> Option<&Form> {
        match self {
            Self::Show(overlay) => match &**overlay {
                Overlay::Form(form) => Some(form),
                _ => None,
            },
            Self::Edit(_) | Self::Ask(..) => None,
        }
    }

    /// The policy it would bring back.
    pub(super) fn review(&self) -> Option<&Review> {
        match self {
            Self::Show(overlay) => match &**overlay {
                Overlay::Review(review) => Some(review),
                _ => None,
            },
            Self::Edit(_) | Self::Ask(..) => None,
        }
    }
}

/// Texts that are in the person's editor, each under its id.
pub(super) type Edits = BTreeMap<OpId, (Edit, u64)>;

impl Continuation {
    /// What is asked for in the end, as far as that is known before the first request has been answered.
    pub(super) fn foreseen(&self, first: &Request) -> Option<Request> {
        match (self, first) {
            (Self::EmptyBucket(delete), Request::Object(ObjectRequest::CountBucket { bucket })) => {
                Some(actions::emptying(bucket.clone(), *delete, 0, 0))
            }
            _ => None,
        }
    }
}

impl State {
    /// Whether whoever asked for it is still where they asked: it may come up by itself.
    pub(super) fn is_waited_for(&self, operation: &Operation) -> bool {
        self.is_still(operation.turn)
    }

    /// Whether nothing was pressed, and nothing came up, since that turn.
    pub(super) fn is_still(&self, turn: u64) -> bool {
        self.turn == turn && !self.typing && self.leaving.is_none()
    }

    /// A key was pressed, or something came up by itself: what was waited for until now no longer is.
    pub(super) fn next_turn(&mut self) {
        self.turn += 1;
    }
}

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
            let next = next.map(|next| kept(next, operation));
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
fn kept(next: Next, operation: &Operation) -> Next {
    let again = || Next::Ask(Box::new(operation.request.clone()), operation.continuation.clone());
    match (next, &operation.continuation) {
        (Next::Show(_), Continuation::EmptyBucket(_) | Continuation::DeleteKey) => again(),
        (Next::Show(overlay), _) if matches!(*overlay, Overlay::Preview(_)) => again(),
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
        Next::Edit(edit) => policy_review::open(state, *edit, effects),
        Next::Ask(request, continuation) => {
            state.begin(*request, continuation, effects);
        }
    }
}

/// An operation has ended, well or not: what is looked at again after it.
pub(super) fn ended(state: &mut State, operation: &Operation, effects: &mut Vec<Effect>) {
    match &operation.continuation {
        Continuation::PlanCleanUp => cleanup::plan_again(state, operation.turn, effects),
        Continuation::LookAgain(request) => results::look_again(state, request, operation.turn, effects),
        Continuation::Nothing
        | Continuation::Form(_)
        | Continuation::Review(_)
        | Continuation::EmptyBucket(_)
        | Continuation::DeleteKey
        | Continuation::ChangePolicy(..)
        | Continuation::NewKey(..)
        | Continuation::CleanUp
        | Continuation::Refill => {}
    }
}

/// It failed: what was typed comes back with the reason, unless the person took it back.
pub(super) fn failed(state: &mut State, operation: &Operation, fault: &Fault) -> Option<Next> {
    let back = |form: &Form| {
        let mut form = form.clone();
        form.problem = Some(fault.at(Door::Dashboard));
        Next::show(Overlay::Form(form))
    };
    let was_cancelled = fault.kind == FaultKind::Cancelled;
    match &operation.continuation {
        Continuation::Form(form) | Continuation::NewKey(_, form) | Continuation::ChangePolicy(_, Some(form)) => {
            (!was_cancelled).then(|| back(form))
        }
        Continuation::Review(review) => (!was_cancelled).then(|| {
            let mut review = review.clone();
            review.refusal = Some(fault.at(Door::Dashboard));
            Next::show(Overlay::Review(*review))
        }),
        Continuation::CleanUp => {
            cleanup::not_planned(state, operation.id, fault);
            None
        }
        Continuation::Nothing => results::refused(&operation.request, fault),
        Continuation::EmptyBucket(_)
        | Continuation::DeleteKey
        | Continuation::ChangePolicy(_, None)
        | Continuation::PlanCleanUp
        | Continuation::LookAgain(_)
        | Continuation::Refill => None,
    }
}

/// The form as it was filled in the last time, if that came to nothing.
pub(super) fn form(state: &mut State, purpose: &str) -> Option<Form> {
    let next = state
        .messages
        .take(|next| next.form().is_some_and(|form| form.purpose == purpose))?;
    next.form().cloned()
}

/// The policy of this key as it was edited the last time, if that came to nothing.
pub(super) fn policy(state: &mut State, key_arn: &str) -> Option<String> {
    let is_it = |review: &Review| review.refusal.is_some() && review.of.key_arn() == Some(key_arn);
    let next = state.messages.take(|next| next.review().is_some_and(is_it))?;
    next.review().map(|review| review.after.clone())
}
