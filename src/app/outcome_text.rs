//! What is said of what came of a request: who, what, which thing, what now. Every [`crate::domain::Outcome`] has its sentence in
//! [`mod@told`], which is exhaustive, and `tests/it/sentences.rs` keeps one of each in a snapshot to be read. What is said of
//! the request itself is among its facts ([`crate::domain::Facts`]).

pub mod told;

mod bulk;
mod objects;
mod proofs;

pub(super) use proofs::{proof_lines, step_lines, verdict_lines};
pub(crate) use told::older;
pub use told::told;

use std::ops::Deref;

use super::command::{Command, Keyed};
use super::keymap::Keymap;
use super::state::State;
use crate::domain::{self, KmsKey};

/// What things are called here, and what is pressed.
#[derive(Debug, Clone)]
pub struct Names<'a> {
    things: domain::Names<'a>,
    keymap: &'a Keymap,
}

impl<'a> Names<'a> {
    /// By these keys of KMS, and these of the keyboard.
    pub fn new(keys: &'a [KmsKey], keymap: &'a Keymap) -> Self {
        let things = domain::Names {
            keys,
            restore: keymap.key(Command::Do(Keyed::Restore)),
            ..domain::Names::default()
        };
        Self { things, keymap }
    }

    pub(super) fn of(state: &'a State) -> Self {
        let mut names = Self::new(state.keys.rows(), &state.settings.keymap);
        names.things.objects = state.objects.rows();
        names
    }

    /// The key of the keyboard that does it.
    fn press(&self, command: Command) -> String {
        self.keymap.key(command)
    }
}

impl<'a> Deref for Names<'a> {
    type Target = domain::Names<'a>;

    fn deref(&self) -> &domain::Names<'a> {
        &self.things
    }
}
