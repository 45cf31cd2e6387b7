//! A key policy that is changed: in the person's editor, and before it is put.

use super::layout::Scroll;
use crate::domain::KeySpec;

/// A policy to be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// Whose it is.
    pub of: PolicyOf,
    /// What was there before; empty for a new key.
    pub before: String,
    /// What is to be.
    pub after: String,
    /// Why it cannot be put.
    pub problem: Option<String>,
    /// What it would do to the person.
    pub warning: Option<String>,
    /// Why it was not put.
    pub refusal: Option<String>,
    /// Where it is scrolled to.
    pub scroll: Scroll,
}

/// Whose policy it is.
#[derive(Debug, Clone, PartialEq)]
pub enum PolicyOf {
    /// That of this key (ARN).
    Key(String),
    /// That of a key still to be made.
    NewKey(Box<KeySpec>),
}

impl PolicyOf {
    /// The key's ARN, if there is one.
    pub(in crate::app) fn key_arn(&self) -> Option<&str> {
        match self {
            Self::Key(key_arn) => Some(key_arn),
            Self::NewKey(_) => None,
        }
    }
}

/// A policy on its way to the person's editor.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    pub(in crate::app) of: PolicyOf,
    pub(in crate::app) before: String,
    /// What the editor opens on.
    pub(in crate::app) text: String,
    /// What was shown, and comes back if the editor fails.
    pub(in crate::app) earlier: Option<Review>,
}

impl Edit {
    /// A key's policy in the editor: from `text` on.
    pub(in crate::app) fn of_key(key_arn: String, before: String, text: String) -> Self {
        Self {
            of: PolicyOf::Key(key_arn),
            before,
            text,
            earlier: None,
        }
    }
}
