//! What the person is used to, noted here and kept for later sessions.

use super::State;
use super::action::Action;
use crate::app::{Effect, Habit};

impl State {
    /// The person has another habit, in later sessions too.
    pub(in crate::app) fn grow_used_to(&mut self, habit: Habit, effects: &mut Vec<Effect>) {
        self.settings.habits.note(&habit);
        effects.push(Effect::Habit(habit));
    }

    /// An action was asked for.
    pub(in crate::app) fn note_use(&mut self, action: &Action, effects: &mut Vec<Effect>) {
        self.grow_used_to(Habit::Used(action.label), effects);
    }
}
