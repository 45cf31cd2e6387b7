//! What a session starts with.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;

use super::effect::Consent;
use super::keymap::Keymap;
use crate::domain::Named;

/// What a session starts with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The profile's name, if one was chosen.
    pub profile: Option<String>,
    /// The region; `None` until it is decided.
    pub region: Option<String>,
    /// Where everything is, if not where AWS has it.
    pub endpoint: Option<String>,
    /// Whether AWS is the embedded one.
    pub sandbox: bool,
    /// Whether nothing may be changed.
    pub read_only: bool,
    /// What is shown without being listed.
    pub named: Vec<Named>,
    /// What to open first.
    pub open: Option<Named>,
    /// The folder that the files pane shows first.
    pub start_dir: PathBuf,
    /// What was agreed to before.
    pub consents: BTreeSet<Consent>,
    /// The keys.
    pub keymap: Keymap,
    /// The time.
    pub now: Timestamp,
    /// Columns and rows.
    pub size: (u16, u16),
}
