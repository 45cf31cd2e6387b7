//! What an access proof finds out.

use std::path::PathBuf;

use jiff::Timestamp;

/// One operation tried by an access proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofStep {
    /// `Decrypt`, `GenerateDataKey`, …
    pub operation: String,
    /// Whether KMS allowed it.
    pub allowed: bool,
    /// KMS's own words if not; of a reasoned step, what it was concluded from.
    pub reason: Option<String>,
    /// AWS's request id; a reasoned step has none.
    pub request_id: Option<String>,
}

/// How an access proof came to its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofMethod {
    /// The role was assumed, and KMS was asked.
    Assumed,
    /// The role could not be assumed: policies and grants were read and reasoned about.
    Reasoned,
}

impl ProofMethod {
    /// The word that `--json` uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assumed => "assumed",
            Self::Reasoned => "reasoned",
        }
    }
}

/// What a role may do with a key now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The key that was tried.
    pub key_arn: String,
    /// The role it was tried as.
    pub role_arn: String,
    /// How.
    pub method: ProofMethod,
    /// One step an operation.
    pub operations: Vec<ProofStep>,
}

/// Denied, granted, allowed, revoked, denied: with times and request ids, and everything as it was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantCycle {
    /// The key.
    pub key_arn: String,
    /// The role.
    pub role_arn: String,
    /// What was granted meanwhile.
    pub granted: Vec<String>,
    /// What happened, in order.
    pub phases: Vec<CyclePhase>,
    /// Whether every phase went as expected.
    pub holds: bool,
    /// What a person must know: `already allowed without this grant; revoking will not deny`.
    pub notes: Vec<String>,
    /// The evidence file, where one could be written.
    pub evidence: Option<PathBuf>,
}

/// One phase of a [`GrantCycle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CyclePhase {
    /// `before`, `grant`, `granted`, `revoke`, `revoked`.
    pub name: &'static str,
    /// When it was done.
    pub at: Timestamp,
    /// What was expected, as far as the granted operations go: allowed or not. Nothing for a change.
    pub expected: Option<bool>,
    /// Whether it was so.
    pub held: bool,
    /// The operations tried; none for a change.
    pub operations: Vec<ProofStep>,
    /// AWS's request id of a change.
    pub request_id: Option<String>,
    /// How long it took to show everywhere, in milliseconds, if it was waited for.
    pub waited_ms: Option<u64>,
}

/// What stands between an object and its readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectProof {
    /// S3 URI.
    pub source: String,
    /// Its first bytes as they are stored, as text where they are text.
    pub stored: String,
    /// Bytes stored.
    pub stored_bytes: u64,
    /// What was tried, in order.
    pub steps: Vec<ObjectProofStep>,
    /// Whether every step went as it must.
    pub holds: bool,
    /// What a person must know.
    pub notes: Vec<String>,
}

/// One step of an [`ObjectProof`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectProofStep {
    /// What was tried, as a sentence: `open it with another data key`.
    pub what: String,
    /// What came of it: `refused`, `opened`, ….
    pub outcome: String,
    /// Whether that is what must come of it.
    pub held: bool,
    /// Whoever refused, in their own words.
    pub reason: Option<String>,
    /// AWS's request id, where AWS was asked.
    pub request_id: Option<String>,
}
