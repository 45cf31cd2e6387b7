//! What an access proof finds out.

mod page;

use std::path::PathBuf;

use jiff::Timestamp;

use super::worded::worded;

pub(in crate::domain) use page::cell;
pub use page::page;

/// The name of the sessions of a role that an access proof asks as.
pub const SESSION: &str = "strongroom-proof";

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

worded! {
    /// How an access proof came to its result.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ProofMethod: "The word that `--json` uses." {
        /// The role was assumed, and KMS was asked.
        Assumed = "assumed",
        /// The role could not be assumed: policies and grants were read and reasoned about.
        Reasoned = "reasoned",
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
    /// ARN of whoever asked, where that is known.
    pub identity: Option<String>,
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
    /// The same as a page to be read, where one could be written.
    pub page: Option<PathBuf>,
}

/// The phases in which operations are tried, in order.
pub const PHASES: [&str; 3] = ["before", "granted", "revoked"];

impl GrantCycle {
    /// The last that was asked in this phase: of a grant, once it is seen without its token.
    pub fn phase(&self, name: &str) -> Option<&CyclePhase> {
        let mut asked = self.phases.iter().rev().filter(|phase| phase.expected.is_some());
        asked.find(|phase| phase.name == name)
    }

    /// What came of an operation in this phase.
    pub fn step(&self, phase: &str, operation: &str) -> Option<&ProofStep> {
        let mut steps = self.phase(phase)?.operations.iter();
        steps.find(|step| step.operation == operation)
    }

    /// Every operation that was tried: those that were granted first, then in the order in which they were tried.
    pub fn operations(&self) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for step in self.phases.iter().flat_map(|phase| &phase.operations) {
            if !found.contains(&step.operation.as_str()) {
                found.push(&step.operation);
            }
        }
        found.sort_by_key(|operation| !self.granted.iter().any(|granted| granted == operation));
        found
    }
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
