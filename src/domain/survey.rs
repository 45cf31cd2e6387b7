//! What a look around finds: dependents of a key, contents of a bucket, findings before a job, what is left to clean up.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::worded::worded;
use super::words::counted;
use super::{Fault, Grant, Request};

/// What depends on a key, and how far it was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dependents {
    /// The key's ARN.
    pub key_arn: String,
    /// S3 URIs of objects whose data key (or whose S3 encryption) is under this key.
    pub objects: Vec<String>,
    /// S3 URIs of key objects: encrypted data keys under this key, of tokens that may lie anywhere.
    pub key_objects: Vec<String>,
    /// How many objects were looked at.
    pub objects_seen: u64,
    /// How many buckets were walked to their end.
    pub buckets_seen: u64,
    /// How many buckets there are.
    pub buckets: u64,
    /// Whether anything was left out: too many buckets or objects, or not allowed to look.
    pub incomplete: bool,
    /// Its grants.
    pub grants: Vec<Grant>,
    /// Its aliases.
    pub aliases: Vec<String>,
    /// Running training jobs that unwrap with it.
    pub jobs: Vec<String>,
    /// When KMS last used it, if KMS tells.
    pub last_used: Option<Timestamp>,
    /// What could not be looked at, with the reason.
    pub refused: Vec<Fault>,
}

impl Dependents {
    /// `12 objects and 1 key object found; 3 of 41 buckets scanned`.
    pub fn summary(&self) -> String {
        let objects = counted(self.objects.len(), "object");
        let found = match self.key_objects.len() {
            0 => objects,
            keys => format!("{objects} and {}", counted(keys, "key object")),
        };
        format!(
            "{found} found; {} of {} scanned; {}, {}, {}",
            self.buckets_seen,
            counted(self.buckets, "bucket"),
            counted(self.grants.len(), "grant"),
            match self.aliases.len() {
                1 => "1 alias".to_owned(),
                aliases => format!("{aliases} aliases"),
            },
            counted(self.jobs.len(), "running job"),
        )
    }
}

/// What is in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BucketCount {
    /// Its name.
    pub bucket: String,
    /// Current objects.
    pub objects: u64,
    /// Versions of objects that were replaced or deleted.
    pub versions: u64,
    /// Markers of deletions, which hide such versions.
    pub markers: u64,
    /// Whether the caller may not list versions: there may be more than is counted.
    pub unseen: bool,
    /// The bytes of all that as stored.
    pub bytes: u64,
    /// Uploads that are neither complete nor aborted.
    pub uploads: u64,
}

impl BucketCount {
    /// What is there besides current objects.
    pub fn older(&self) -> u64 {
        self.versions + self.markers
    }
}

/// One thing a look before a job found.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// How bad it is.
    pub weight: Weight,
    /// What was looked at: `the role trusts SageMaker`.
    pub what: String,
    /// What was found.
    pub detail: String,
    /// What to do about it, in words; empty if it is well.
    pub remedy: String,
    /// What does it, if strongroom can.
    pub repair: Option<Request>,
}

worded! {
    /// How bad a finding is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Weight: "In a word, which programs read too." {
        /// The job would fail.
        Blocks = "fails",
        /// It might, or something is not as it should be.
        Warns = "warns",
        /// It could not be looked at.
        Unknown = "unknown",
        /// It is as it should be.
        Well = "well",
    }
}

/// A role's policies, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RolePolicies {
    /// The role's ARN, with its path.
    pub role_arn: String,
    /// Who may assume it.
    pub trust: String,
    /// ARNs of attached policies, each with its document where it could be read.
    pub attached: Vec<(String, Option<String>)>,
    /// Names of inline policies with their documents.
    pub inline: Vec<(String, String)>,
}

/// One thing that the walk made.
#[derive(Debug, Clone, PartialEq)]
pub struct CleanUpItem {
    /// `training job`, `grant`, `key`, `key deletion`, `bucket`, `role`, `repository`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its state, in words.
    pub state: String,
    /// What takes it down; nothing if it is down already.
    pub request: Option<Request>,
    /// Why it may not be taken down now.
    pub refused: Option<String>,
}

/// One change that this program asked AWS for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When it was answered.
    pub time: Timestamp,
    /// Who asked: the ARN, where it was known.
    pub identity: Option<String>,
    /// The access key that signed.
    pub access_key_id: Option<String>,
    /// `kms:CreateGrant`.
    pub call: String,
    /// What it was called on: a key and its grantee, bucket and key, a job; nothing in lines of earlier versions.
    pub resource: Option<String>,
    /// What came of it; nothing in lines of earlier versions.
    pub outcome: Option<AuditOutcome>,
    /// AWS's name for what went wrong.
    pub error: Option<String>,
    /// AWS's request id.
    pub request_id: Option<String>,
    /// AWS's HTTP status; nothing if there was no answer.
    pub status: Option<u16>,
}

worded! {
    /// What came of a change that was asked for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum AuditOutcome: "The word of the log." {
        /// AWS did it.
        Allowed = "allowed",
        /// AWS refused the caller.
        Denied = "denied",
        /// AWS refused the request, or failed.
        Failed = "failed",
        /// No answer was read: it may have been done, or not.
        Unanswered = "unanswered",
    }
}

impl AuditEntry {
    /// What came of it; in lines of earlier versions as far as the status tells.
    pub fn outcome(&self) -> AuditOutcome {
        self.outcome.unwrap_or(match self.status {
            None => AuditOutcome::Unanswered,
            Some(401 | 403) => AuditOutcome::Denied,
            Some(status) if status < 400 => AuditOutcome::Allowed,
            Some(_) => AuditOutcome::Failed,
        })
    }
}
