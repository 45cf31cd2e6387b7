//! Requests about the account as a whole: what the walk made in it, what was changed in it.

use std::path::PathBuf;

/// A request that is about the account as a whole.
#[derive(Debug, Clone, PartialEq)]
pub enum AccountRequest {
    /// Find everything the walk made, and how each is taken down.
    PlanCleanUp,
    /// Write the audit log, all of it, into a new file.
    SaveAudit {
        /// The file.
        to: PathBuf,
    },
    /// Read the audit log.
    AuditLog {
        /// The newest so many entries.
        most: usize,
    },
}
