//! How a request begins: what is asked first is what its facts want at least, and more where whoever offers it wants more.

use tui_input::Input;

use super::form::Form;
use super::format::Tone;
use super::outcome_text::Names;
use super::state::State;
use super::state::continuation::Continuation;
use super::state::overlay::{Confirm, Overlay, Then};
use super::{Effect, OpId};
use crate::domain::{Ask, Request};

/// Asks about a request, or begins it where nothing need be asked.
pub(super) fn ask(state: &mut State, request: Request, at_least: Ask, effects: &mut Vec<Effect>) {
    if request.plain_facts().changes
        && let Err(why) = state.settings.may_change()
    {
        return state.say(Tone::Warn, why);
    }
    match question(state, request.clone(), at_least, "") {
        Some(question) => state.overlays.push(Overlay::Confirm(question)),
        None => {
            state.start(request, effects);
        }
    }
}

/// The question about a request, if there is one; with what else is to be known, before what comes of it.
pub(super) fn question(state: &State, request: Request, at_least: Ask, known: &str) -> Option<Confirm> {
    let facts = request.facts(&Names::of(state));
    let said = [known, &facts.consequence].map(str::trim).join(" ").trim().to_owned();
    let question = facts.question();
    let (explanation, typed) = match facts.ask.raised_to(at_least) {
        Ask::Never => return None,
        Ask::Yes => (vec![said], None),
        Ask::Type(word) => {
            let lines = [said, format!("To agree, type: {word}")].into_iter();
            (
                lines.filter(|line| !line.is_empty()).collect(),
                Some((word, Input::default())),
            )
        }
    };
    Some(Confirm {
        question,
        explanation,
        typed,
        then: Then::Start(Box::new(request), None),
    })
}

impl State {
    /// Opens a form; as it was filled in the last time, if that came to nothing.
    pub(super) fn ask(&mut self, form: Form) {
        let mut form = self.messages.take_form(&form.purpose).unwrap_or(form);
        form.offer_roles(&self.roles);
        self.overlays.push(Overlay::Form(form));
    }

    /// Starts an operation after which nothing follows.
    pub(super) fn start(&mut self, request: Request, effects: &mut Vec<Effect>) -> Option<OpId> {
        self.begin(request, Continuation::Nothing, effects)
    }

    /// Starts an operation, and keeps what follows with it.
    pub(super) fn begin(
        &mut self,
        request: Request,
        continuation: Continuation,
        effects: &mut Vec<Effect>,
    ) -> Option<OpId> {
        self.begin_in(self.turn, request, continuation, effects)
    }

    /// Starts what follows from something that was asked for in an earlier turn. What must be asked about is asked about
    /// instead.
    pub(super) fn begin_in(
        &mut self,
        turn: u64,
        request: Request,
        continuation: Continuation,
        effects: &mut Vec<Effect>,
    ) -> Option<OpId> {
        if let Some(question) = question(self, request.clone(), Ask::Never, "") {
            self.overlays.push(Overlay::Confirm(question));
            return None;
        }
        self.agreed(turn, request, continuation, effects)
    }

    /// Starts what needs no question any more. Nothing that changes anything in a read-only session, and nothing at all by
    /// who leaves.
    pub(super) fn agreed(
        &mut self,
        turn: u64,
        request: Request,
        continuation: Continuation,
        effects: &mut Vec<Effect>,
    ) -> Option<OpId> {
        if self.leaving.is_some() {
            return None;
        }
        let facts = request.facts(&(*Names::of(self)).clone().brief());
        if facts.changes
            && let Err(why) = self.settings.may_change()
        {
            self.say(Tone::Warn, why);
            return None;
        }
        let id = self
            .operations
            .start(facts.title, request.clone(), (continuation, turn), self.now);
        effects.push(Effect::Start { id, request });
        // What follows from something earlier is not what was asked for last.
        if turn == self.turn {
            self.note_use(effects);
        }
        Some(id)
    }
}
