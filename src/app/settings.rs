//! What a session starts with.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keymap::Keymap;

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

/// An upload that was agreed to: under this key, to this place. It needs no question any more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Consent {
    /// The account of whoever agreed.
    pub account: String,
    /// The KMS key's ARN.
    pub key: String,
    /// `bucket/prefix`.
    pub destination: String,
}
