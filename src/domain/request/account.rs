//! Requests about the account as a whole: what the walk made in it, what was changed in it.

use std::path::PathBuf;

use super::facts::{Facts, Touch};

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

impl AccountRequest {
    pub(super) fn facts(&self) -> Facts {
        match self {
            Self::PlanCleanUp => Facts::reading("look for", "what the walk made", "look for what the walk made"),
            Self::SaveAudit { to } => {
                let title = format!("save the audit log to {}", to.display());
                Facts::reading("save", "the audit log", title).touching([Touch::Files])
            }
            Self::AuditLog { .. } => Facts::reading("read", "the audit log", "read the audit log"),
        }
    }
}
