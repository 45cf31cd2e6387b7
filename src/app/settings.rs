//! What a session starts with.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;

use super::effect::{Arrangement, Consent, ThemeName};
use super::habits::Habits;
use super::keymap::Keymap;
use crate::domain::{AwsContext, FileRow, Named};

/// What a session starts with.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Who we are and where, as it was chosen.
    pub context: AwsContext,
    /// Others to go to, from the configuration.
    pub contexts: Vec<AwsContext>,
    /// Those that were visited in earlier sessions, the last first.
    pub recent: Vec<AwsContext>,
    /// The profiles of the AWS configuration files.
    pub profiles: Vec<String>,
    /// The region; `None` until it is decided.
    pub region: Option<String>,
    /// Where everything is, if not where AWS has it.
    pub endpoint: Option<String>,
    /// Whether AWS is the embedded one.
    pub sandbox: bool,
    /// Whether nothing may be changed, in no context.
    pub read_only: bool,
    /// What to open first.
    pub open: Option<Named>,
    /// The folder that the files pane shows first.
    pub start_dir: PathBuf,
    /// What the walk encrypts where no file was chosen: a table that the sandbox brings.
    pub sample: Option<FileRow>,
    /// What was agreed to before.
    pub consents: BTreeSet<Consent>,
    /// Where everything stands, as it was left.
    pub arrangement: Arrangement,
    /// What the person is used to, as it was left.
    pub habits: Habits,
    /// The colours that the configuration wants.
    pub theme: ThemeName,
    /// The keys.
    pub keymap: Keymap,
    /// Whether the mouse is the program's.
    pub has_mouse: bool,
    /// The time.
    pub now: Timestamp,
    /// Columns and rows.
    pub size: (u16, u16),
}

impl Settings {
    /// Whether nothing may be changed here.
    pub fn is_read_only(&self) -> bool {
        self.may_change().is_err()
    }

    /// Whether something may be changed here; else why not, and what would allow it.
    pub(super) fn may_change(&self) -> Result<(), &'static str> {
        if self.read_only {
            return Err("This session is read-only: start strongroom without --read-only to change anything.");
        }
        if self.context.read_only {
            return Err("This context is read-only: go to another (C), or change that in the configuration.");
        }
        Ok(())
    }
}
