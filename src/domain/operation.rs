//! What a person can ask for, how it goes, and what came of it.
//!
//! A `Request` is performed by the function of the same name in `actions/`, for the dashboard and the command line alike.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// An operation that changes something, or that takes long enough to be watched and cancelled.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Request {
    /// Encrypt local files under one new data key and upload the tokens.
    Encrypt {
        /// Files (folders: with everything under them).
        paths: Vec<PathBuf>,
        /// Destination bucket.
        bucket: String,
        /// Destination prefix: empty, or ending in `/`.
        prefix: String,
        /// The KMS key: id, ARN or alias.
        key: String,
        /// Encryption context.
        context: BTreeMap<String, String>,
        /// Whether existing objects may be replaced.
        overwrite: bool,
    },
    /// Finish an interrupted upload.
    ResumeUpload {
        /// The id of an [`InterruptedUpload`].
        id: String,
    },
    /// Throw an interrupted upload away: its parts and what nothing needs any more.
    AbandonUpload {
        /// The id of an [`InterruptedUpload`].
        id: String,
    },
    /// Decrypt one object to a file, or a `model.tar.gz` into a folder.
    Decrypt {
        /// Bucket.
        bucket: String,
        /// Object key.
        object: String,
        /// Destination path.
        to: PathBuf,
        /// Whether an existing file may be replaced.
        overwrite: bool,
        /// Whether a renamed object is opened all the same.
        accept_name: bool,
    },
    /// Read whole tokens and say whether they are intact.
    Verify {
        /// Bucket.
        bucket: String,
        /// Object keys.
        objects: Vec<String>,
    },
    /// Delete objects.
    DeleteObjects {
        /// Bucket.
        bucket: String,
        /// Object keys.
        objects: Vec<String>,
    },
    /// Create a bucket.
    CreateBucket {
        /// Its name.
        bucket: String,
    },
    /// Let a principal use a key.
    CreateGrant {
        /// The key's ARN.
        key_arn: String,
        /// The principal's ARN.
        grantee: String,
        /// `Decrypt`, `Encrypt`, …
        operations: Vec<String>,
        /// An optional name.
        name: Option<String>,
    },
    /// Revoke a grant.
    RevokeGrant {
        /// The key's ARN.
        key_arn: String,
        /// The grant's id.
        grant_id: String,
    },
    /// Assume the role and try the key: the access proof.
    Prove {
        /// The key's ARN.
        key_arn: String,
        /// The role's ARN.
        role_arn: String,
    },
    /// Create a symmetric KMS key with the account's default policy.
    CreateKey {
        /// Description; may be empty.
        description: String,
        /// Alias without or with `alias/`; none if empty.
        alias: String,
    },
    /// Switch a key on.
    EnableKey {
        /// The key's ARN.
        key_arn: String,
    },
    /// Switch a key off.
    DisableKey {
        /// The key's ARN.
        key_arn: String,
    },
    /// Schedule a key's deletion.
    ScheduleKeyDeletion {
        /// The key's ARN.
        key_arn: String,
        /// 7 to 30.
        days: i32,
    },
    /// Cancel a key's scheduled deletion; the key is left disabled.
    CancelKeyDeletion {
        /// The key's ARN.
        key_arn: String,
    },
    /// Start a training job on an encrypted object.
    StartJob(Box<JobSpec>),
    /// Stop a training job.
    StopJob {
        /// Its name.
        name: String,
    },
}

/// What a new training job is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct JobSpec {
    /// Its name.
    pub name: String,
    /// The execution role's ARN.
    pub role_arn: String,
    /// The training image's URI.
    pub image: String,
    /// `ml.m5.large`, …
    pub instance_type: String,
    /// How many instances.
    pub instance_count: i32,
    /// Volume in GB.
    pub volume_gb: i32,
    /// Longest run in seconds.
    pub max_runtime: i32,
    /// Bucket of the encrypted object.
    pub bucket: String,
    /// Its key.
    pub object: String,
    /// `s3://…` where the model goes.
    pub output: String,
    /// Further hyperparameters.
    pub hyperparameters: BTreeMap<String, String>,
}

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

/// What came of a `Request`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// Files were encrypted and uploaded.
    Encrypted {
        /// S3 URIs of the objects written.
        uris: Vec<String>,
        /// Plaintext bytes.
        bytes: u64,
        /// S3 URI of the key object.
        data_key_uri: String,
    },
    /// An interrupted upload was thrown away.
    UploadAbandoned {
        /// Its id.
        id: String,
    },
    /// A file was decrypted.
    Decrypted {
        /// Where it is now.
        path: PathBuf,
        /// Plaintext bytes.
        bytes: u64,
        /// Whether name and metadata were proved too.
        bound: bool,
    },
    /// Tokens were verified.
    Verified {
        /// One verdict an object.
        verdicts: Vec<Verdict>,
    },
    /// Objects were deleted.
    Deleted {
        /// How many.
        objects: u64,
    },
    /// A bucket was created.
    BucketCreated {
        /// Its name.
        bucket: String,
    },
    /// A grant was created.
    Granted {
        /// Its id.
        grant_id: String,
    },
    /// A grant was revoked.
    Revoked {
        /// Its id.
        grant_id: String,
    },
    /// The access proof ran.
    Proved {
        /// The role that was assumed.
        role_arn: String,
        /// One step an operation.
        steps: Vec<ProofStep>,
    },
    /// A key was created.
    KeyCreated {
        /// Its ARN.
        key_arn: String,
    },
    /// A key's state was changed.
    KeyChanged {
        /// Its ARN.
        key_arn: String,
    },
    /// A training job was started.
    JobStarted {
        /// Its name.
        name: String,
    },
    /// A training job was told to stop.
    JobStopping {
        /// Its name.
        name: String,
    },
}

/// What `verify` found out about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// S3 URI or path.
    pub source: String,
    /// What it is.
    pub format: super::ObjectFormat,
    /// Whether it is an intact token that opens.
    pub intact: bool,
    /// Whether its name and metadata are proved too.
    pub bound: bool,
    /// When the token was made.
    pub created: Option<jiff::Timestamp>,
    /// ARN of the KMS key, if known.
    pub kms_key_arn: Option<String>,
    /// Why it is not intact.
    pub error: Option<String>,
}

/// One operation tried by an access proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofStep {
    /// `Decrypt`, `GenerateDataKey`, …
    pub operation: String,
    /// Whether KMS allowed it.
    pub allowed: bool,
    /// KMS's own words if not.
    pub reason: Option<String>,
    /// AWS's request id.
    pub request_id: Option<String>,
}
