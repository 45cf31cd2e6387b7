//! Requests about the account as a whole: what the walk made in it, what was changed in it.

use std::path::PathBuf;
use std::sync::Arc;

use super::command::{CommandLine, Session};
use super::facts::{Facts, Touch};
use super::names::Names;
use crate::domain::sheet::Sheet;

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
    /// Write rows, as they were shown, into a new file.
    SaveSheet {
        /// The rows.
        sheet: Arc<Sheet>,
        /// The file: JSON lines where it ends in `.json` or `.jsonl`, else CSV.
        to: PathBuf,
    },
    /// Read the audit log.
    AuditLog {
        /// The newest so many entries.
        most: usize,
    },
}

impl AccountRequest {
    pub(super) fn facts(&self, _names: &Names<'_>) -> Facts {
        match self {
            Self::PlanCleanUp => Facts::reading("look for", "what the walk made", "look for what the walk made"),
            Self::SaveAudit { to } => {
                let title = format!("save the audit log to {}", to.display());
                Facts::reading("save", "the audit log", title).touching([Touch::Files])
            }
            Self::SaveSheet { sheet, to } => {
                let title = format!("save {} to {}", sheet.what, to.display());
                Facts::reading("save", &sheet.what, title).touching([Touch::Files])
            }
            Self::AuditLog { .. } => Facts::reading("read", "the audit log", "read the audit log"),
        }
    }

    /// A plan, a log of our own.
    #[expect(clippy::unused_self, reason = "every area is asked alike")]
    pub(super) fn commands(&self, _session: &Session) -> Vec<CommandLine> {
        Vec::new()
    }
}
