//! How an operation goes, and what one that was interrupted has left.

use std::path::PathBuf;

/// An upload that a process left unfinished on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterruptedUpload {
    /// What a request names it by.
    pub id: String,
    /// What was being encrypted; untrusted.
    pub paths: Vec<PathBuf>,
    /// `s3://…`.
    pub destination: String,
    /// When it was begun.
    pub started: jiff::Timestamp,
    /// Files that were begun, as far as they were known.
    pub files: u64,
    /// Files that are there already.
    pub files_done: u64,
    /// Plaintext bytes of the files that were begun.
    pub bytes: u64,
}

/// How far an operation is. Numbers only; the words are the drawing's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// What is being done now, one word: `encrypting`, `verifying`; empty if there is nothing to say.
    pub phase: String,
    /// The object of the moment (a file's name); untrusted.
    pub item: String,
    /// Bytes done.
    pub bytes: u64,
    /// Bytes in all, if known.
    pub total: Option<u64>,
    /// Items done and in all, if there are several.
    pub items: Option<(u64, u64)>,
}
