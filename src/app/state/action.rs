//! What can be done to a thing, as a value: its words, where it is offered, what it begins.

use super::State;
use super::continuation::Continuation;
use super::target::Target;
use crate::app::Effect;
use crate::app::form::Form;
use crate::domain::Request;

/// An action, with the words that people see.
#[derive(Debug)]
pub struct Action {
    /// What it is called.
    pub label: &'static str,
    /// What it does, in a sentence without a full stop.
    pub help: &'static str,
    /// Whether what it begins may change something: it is not offered where nothing may be changed.
    pub(in crate::app) changes: bool,
    /// Whether it does something to this; where it would, if that is worth saying.
    pub(in crate::app) offered: fn(&State, &Target) -> Offer,
    /// What it begins; nothing where it is not offered.
    pub(in crate::app) begin: fn(&State, &Target) -> Option<Begin>,
}

impl Action {
    /// Whether it is offered for this, by whoever may change something or not.
    pub(in crate::app) fn offer(&self, state: &State, target: &Target) -> Offer {
        if self.changes {
            state.settings.may_change()?;
        }
        (self.offered)(state, target)
    }

    /// Whether it does something to what the cursor is on now.
    pub(in crate::app) fn is_offered(&self, state: &State) -> bool {
        self.offer(state, &Target::of(state)).is_ok()
    }
}

/// Labels are names: a test holds that there are no two.
impl PartialEq for Action {
    fn eq(&self, other: &Self) -> bool {
        self.label == other.label
    }
}

impl Eq for Action {}

/// Whether something is offered; else where it would be, or nothing.
pub(in crate::app) type Offer = Result<(), &'static str>;

/// What an action begins.
#[derive(Debug)]
pub(in crate::app) enum Begin {
    /// A request, once what its facts want has been asked.
    Start(Request),
    /// A request that is asked about whatever its facts want.
    Ask(Request),
    /// A request, and what follows it.
    Then(Request, Continuation),
    /// A form.
    Fill(Form),
    /// A change of what is on screen.
    Do(fn(&mut State, &mut Vec<Effect>)),
}
