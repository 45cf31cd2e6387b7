//! What is asked before something is done: what its facts want at least, and more where whoever offers it wants more.

use tui_input::Input;

use super::Effect;
use super::outcome_text::Names;
use super::overlay::{Confirm, Overlay, Then};
use super::state::State;
use crate::domain::{Ask, Request};

/// Asks about a request, or begins it where nothing need be asked.
pub(super) fn ask(state: &mut State, request: Request, at_least: Ask, effects: &mut Vec<Effect>) {
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
