//! Why nobody is asked about a bucket: said by whoever finds the way to it, found by [`fault`](super::fault) in the error's
//! sources.

use std::fmt;

use crate::domain::Fault;

/// A refusal of our own, before anything is sent.
#[derive(Debug)]
pub(in crate::aws) struct NotAsked(pub(in crate::aws) Fault);

impl fmt::Display for NotAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.cause)
    }
}

impl std::error::Error for NotAsked {}
