//! What came of a [`super::Request`].

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::audit::AuditReport;
use super::rewrap::RewrapReport;
use super::seal::{SealPlan, SealReport};
use super::versions::{Comparison, VersionList};
use super::{
    AliasChange, AuditEntry, Brought, BucketCount, CleanUpItem, Contested, Dependents, Fault, Finding, Grant,
    GrantCycle, KeyChange, ObjectProof, Plaintext, Preview, ProofMethod, ProofStep, Reading, RoleChange, RolePolicies,
    Verified,
};

/// What came of a `Request`.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Files were encrypted and uploaded.
    Encrypted {
        /// S3 URIs of the objects written.
        uris: Vec<String>,
        /// Plaintext bytes.
        bytes: u64,
        /// S3 URI of the key object.
        data_key_uri: String,
        /// ARN of the KMS key.
        key_arn: String,
    },
    /// An interrupted upload was thrown away.
    UploadAbandoned {
        /// What was being encrypted.
        what: String,
        /// `s3://…`.
        destination: String,
    },
    /// A file was decrypted.
    Decrypted {
        /// S3 URI.
        source: String,
        /// Where it is now.
        path: PathBuf,
        /// Plaintext bytes.
        bytes: u64,
        /// What it proved; of several what holds of all. Nothing of an archive without a file.
        verified: Option<Verified>,
        /// ETag of the object that was read, without quotes.
        etag: Option<String>,
        /// Of an archive of several hosts, the files that more than one of them left.
        contested: Vec<Contested>,
    },
    /// Tokens were verified.
    Verified {
        /// One verdict an object.
        verdicts: Vec<Verdict>,
    },
    /// Objects were deleted.
    Deleted {
        /// Their bucket.
        bucket: String,
        /// Their keys.
        objects: Vec<String>,
    },
    /// A bucket was created.
    BucketCreated {
        /// Its name.
        bucket: String,
        /// What could not be set on it: it works all the same.
        warnings: Vec<String>,
    },
    /// A grant was created.
    Granted {
        /// Its id.
        grant_id: String,
        /// The key's ARN.
        key_arn: String,
        /// Who may use it, as ARN: of a session's grant its role.
        grantee: String,
        /// `Decrypt`, `Encrypt`, …
        operations: Vec<String>,
    },
    /// A grant was revoked.
    Revoked {
        /// The key's ARN.
        key_arn: String,
        /// Whose grant it was, as ARN.
        grantee: String,
    },
    /// A grant was given up by its grantee or retiring principal.
    Retired {
        /// The key's ARN.
        key_arn: String,
        /// Whose grant it was, as ARN.
        grantee: String,
    },
    /// The access proof ran.
    Proved {
        /// The key's ARN.
        key_arn: String,
        /// The role that was tried.
        role_arn: String,
        /// How.
        method: ProofMethod,
        /// One step an operation.
        steps: Vec<ProofStep>,
    },
    /// A key was created.
    KeyCreated {
        /// Its ARN.
        key_arn: String,
        /// Its alias, with `alias/`, if it has one.
        alias: Option<String>,
    },
    /// A key was changed.
    KeyChanged {
        /// Its ARN.
        key_arn: String,
        /// How.
        change: KeyChange,
    },
    /// A training job was started.
    JobStarted {
        /// Its name.
        name: String,
        /// What was decided for it that nobody said: what encrypts its volumes.
        note: Option<String>,
        /// The program that a channel brings to its image.
        brought: Option<Brought>,
    },
    /// A job was told to stop.
    JobStopping {
        /// Its id.
        name: String,
    },
    /// A job's log was written to a file.
    LogSaved {
        /// The job's id.
        job: String,
        /// The file.
        path: PathBuf,
        /// How many lines.
        lines: u64,
    },
    /// A key policy was written for a person to look at.
    PolicyDrafted {
        /// JSON, indented.
        policy: String,
    },
    /// A key policy was read.
    PolicyRead {
        /// The key's ARN.
        key_arn: String,
        /// JSON, as KMS has it.
        policy: String,
    },
    /// A key policy was replaced.
    PolicyPut {
        /// The key's ARN.
        key_arn: String,
        /// What it was before: put it back to undo.
        previous: String,
    },
    /// An alias was added, moved or deleted.
    AliasChanged {
        /// With `alias/`.
        alias: String,
        /// How.
        change: AliasChange,
    },
    /// What depends on a key.
    Dependents(Box<Dependents>),
    /// KMS encrypted a message.
    MessageEncrypted {
        /// The ciphertext, base64.
        ciphertext: String,
        /// The key that did.
        key_arn: String,
        /// Where its raw bytes are, if a file was named.
        path: Option<PathBuf>,
    },
    /// KMS decrypted a message.
    MessageDecrypted {
        /// The plaintext, unless it went to a file.
        plaintext: Option<Plaintext>,
        /// The key that did.
        key_arn: String,
        /// Where it is, if a file was named.
        path: Option<PathBuf>,
    },
    /// An encrypted data key was written.
    DataKeyKept {
        /// Where C is.
        at: String,
        /// C, base64.
        ciphertext: String,
        /// The KMS key that wraps it.
        key_arn: String,
    },
    /// An encrypted data key was tried.
    DataKeyOpened {
        /// Where C is.
        at: String,
        /// For the caller.
        mine: ProofStep,
        /// The KMS key that wraps it, as far as KMS told.
        key_arn: Option<String>,
        /// For the role that was named.
        role: Option<ProofStep>,
    },
    /// A bucket was counted.
    BucketCounted(BucketCount),
    /// A bucket was emptied, and deleted if that was asked for.
    BucketEmptied {
        /// Its name.
        bucket: String,
        /// How many objects are gone.
        objects: u64,
        /// How many older versions and delete markers are gone.
        older: u64,
        /// Whether the bucket is gone too.
        deleted: bool,
    },
    /// The beginning of an object, decrypted.
    Previewed(Box<Preview>),
    /// The versions of an object.
    Versions(Box<VersionList>),
    /// Two versions of an object.
    Compared(Box<Comparison>),
    /// A URL was signed.
    Presigned {
        /// S3 URI.
        source: String,
        /// The URL: whoever has it reads the object.
        url: Plaintext,
        /// When it ends at the latest.
        until: Timestamp,
    },
    /// Rows were written into a file.
    SheetSaved {
        /// What they are.
        what: String,
        /// The file.
        path: PathBuf,
        /// How many rows.
        rows: u64,
    },
    /// The files of an archive.
    Archive {
        /// S3 URI.
        source: String,
        /// Names as they stand in the archive, with sizes as they are stored.
        members: Vec<(String, u64)>,
    },
    /// What stands between an object and its readers.
    ObjectProved(Box<ObjectProof>),
    /// A role was created or changed.
    RoleChanged {
        /// Its ARN.
        role_arn: String,
        /// How.
        change: RoleChange,
    },
    /// A role's policies.
    RolePolicies(Box<RolePolicies>),
    /// A role was deleted.
    RoleDeleted {
        /// Its name.
        role: String,
    },
    /// A new grant works without its token.
    GrantSpread {
        /// The key's ARN.
        key_arn: String,
        /// Who may use it, as ARN.
        grantee: String,
        /// How long it took from the question on.
        seconds: u64,
    },
    /// The grants of several keys.
    GrantsFound {
        /// The grants.
        grants: Vec<Grant>,
        /// Keys whose grants could not be listed, with the reason.
        refused: Vec<(String, Fault)>,
    },
    /// The whole story of an access proof.
    GrantCycle(Box<GrantCycle>),
    /// What would fail if the job were started.
    Preflighted {
        /// The job's name.
        job: String,
        /// Whatever was looked at, the worst first.
        findings: Vec<Finding>,
    },
    /// A repository was created, or was there already.
    RepositoryReady {
        /// Its URI, without tag.
        uri: String,
    },
    /// A repository was deleted.
    RepositoryDeleted {
        /// Its name.
        repository: String,
    },
    /// An image was built, and pushed if that was asked for.
    ImageBuilt {
        /// Its URI with tag.
        image: String,
        /// Whether it is in the registry.
        pushed: bool,
        /// The end of what the tool printed.
        output: Vec<String>,
    },
    /// An image was run over a made-up `/opt/ml`.
    ImageTried {
        /// Its name.
        image: String,
        /// The container's exit status.
        status: i32,
        /// The end of what it printed.
        output: Vec<String>,
    },
    /// What the walk made.
    CleanUpPlan {
        /// In the order in which it is taken down.
        items: Vec<CleanUpItem>,
        /// What could not be looked for, with the reason.
        refused: Vec<Fault>,
    },
    /// Everything under a prefix was looked at.
    Audited(Arc<AuditReport>),
    /// What rotating or encrypting under a prefix would do.
    SealPlanned(Box<SealPlan>),
    /// Objects were rotated, or encrypted where they are.
    Sealed(Arc<SealReport>),
    /// An act that other machines carry out was begun, or gone on with.
    BulkBegun {
        /// Its id.
        id: String,
        /// The job that does it; none if there is nothing to do.
        job: Option<String>,
        /// How many shards it does.
        shards: u64,
        /// How many objects were listed.
        objects: u64,
        /// Why nobody could say whether the plan is the one that its first job was started with; nothing where it is.
        unchecked: Option<String>,
        /// What was found beside it, in words: what acts before it left, and tokens whose key object holds another data key.
        unplanned: Vec<String>,
        /// S3 URI of the program, if it was uploaded for it.
        uploaded: Option<String>,
    },
    /// Who can use a key, and who did, was kept with the evidence.
    WhoSaved {
        /// As JSON.
        json: PathBuf,
        /// As a page to be read.
        page: PathBuf,
    },
    /// An audit's rows were written to a file.
    AuditReportSaved {
        /// The file.
        path: PathBuf,
        /// How many rows.
        rows: u64,
    },
    /// Data keys were put under another KMS key, or it was looked at what that would do.
    Rewrapped(Box<RewrapReport>),
    /// The audit log was written to a file.
    AuditSaved {
        /// The file.
        path: PathBuf,
        /// How many changes.
        changes: u64,
    },
    /// The audit log, newest first.
    Audit(Vec<AuditEntry>),
}

/// What `verify` found out about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// S3 URI or path.
    pub source: String,
    /// ETag of the object that was read, without quotes.
    pub etag: Option<String>,
    /// ARN of the KMS key that unwrapped its data key, or that S3 encrypts it with.
    pub kms_key_arn: Option<String>,
    /// What was found.
    pub reading: Reading,
    /// Of an archive, the files of which several hosts' had one name.
    pub contested: Vec<Contested>,
}
