//! Another context: everything on screen belonged to the one before, so it goes at once. What was begun goes on where it was
//! begun, and says so.

use super::State;
use crate::app::format::Tone;
use crate::app::{Command, Effect};
use crate::domain::AwsContext;

/// How many contexts are remembered.
const REMEMBERED: usize = 10;

impl State {
    /// Goes to another context.
    pub(in crate::app) fn switch(&mut self, context: &AwsContext, effects: &mut Vec<Effect>) {
        let here = &self.settings.context;
        if context == here {
            let words = format!("This is {} already.", here.label());
            return self.say(Tone::Dim, words);
        }
        let left = std::mem::replace(&mut self.settings.context, context.clone());
        self.recent.retain(|recent| recent != context && *recent != left);
        self.recent.insert(0, left.clone());
        self.recent.truncate(REMEMBERED);
        self.settings.region.clone_from(&context.region);
        self.settings.endpoint = None;
        self.settings.now = self.now;
        self.settings.size = self.size;
        let (fresh, _) = Self::new(self.settings.clone());
        let mut before = std::mem::replace(self, fresh);
        before.operations.leave(&left);
        before.messages.leave(&left);
        self.operations = before.operations;
        self.messages = before.messages;
        self.recent = before.recent;
        // What goes on there waits for them.
        self.questions = before.questions;
        (self.focus, self.zoom, self.dir) = (before.focus, before.zoom, before.dir);
        (self.turn, self.leaving) = (before.turn, before.leaving);
        // Nobody watches anything yet, in there.
        self.watched.clear();
        effects.push(Effect::Switch(Box::new(context.clone())));
    }

    /// What belongs to a context is done there and nowhere else.
    pub(in crate::app) fn refuse_elsewhere(&mut self, label: &str) {
        let go = self.settings.keymap.key(Command::Context);
        self.say(
            Tone::Warn,
            format!("This is about {label}: go to {label} ({go}) first."),
        );
    }
}
