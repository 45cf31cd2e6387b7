//! What the person is used to, noted here and kept for later sessions.

use super::State;
use super::action::Action;
use super::overlay::Overlay;
use crate::app::{Effect, Habit};

impl State {
    /// The person has another habit, in later sessions too.
    pub(in crate::app) fn grow_used_to(&mut self, habit: Habit, effects: &mut Vec<Effect>) {
        self.settings.habits.note(&habit);
        effects.push(Effect::Habit(habit));
    }

    /// An action was asked for. It counts once what it asks for is sent: who takes that back has not used it.
    pub(in crate::app) fn intend(&mut self, action: &Action) {
        self.intended = Some(action.label);
    }

    /// What was asked for last is done.
    pub(in crate::app) fn note_use(&mut self, effects: &mut Vec<Effect>) {
        if let Some(label) = self.intended.take() {
            self.grow_used_to(Habit::Used(label), effects);
        }
    }

    /// Nothing asks for it any more: it was taken back.
    pub(super) fn forget_intent(&mut self) {
        let asks = |overlay: &Overlay| matches!(overlay, Overlay::Form(_) | Overlay::Confirm(_) | Overlay::Review(_));
        if !self.overlays.iter().any(asks) {
            self.intended = None;
        }
    }
}
