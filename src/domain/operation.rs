//! What a person can ask for, and how it goes. What came of it is [`super::Outcome`].
//!
//! A `Request` is performed by the function of the same name in `actions/`, for the dashboard and the command line alike.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{GrantSpec, ImageSpec, JobSpec, KeySpec, Message, RoleSpec};

mod facts;

pub use facts::OnCancel;

/// An operation that changes something, or that takes long enough to be watched and cancelled.
#[derive(Debug, Clone, PartialEq)]
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
        /// What was being encrypted.
        what: String,
        /// `s3://…`.
        destination: String,
    },
    /// Throw an interrupted upload away: its parts and what nothing needs any more.
    AbandonUpload {
        /// The id of an [`InterruptedUpload`].
        id: String,
        /// What was being encrypted.
        what: String,
        /// `s3://…`.
        destination: String,
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
        /// Whether one that may have lost its metadata is.
        accept_unbound: bool,
    },
    /// Read whole tokens and say whether they are intact.
    Verify {
        /// Bucket.
        bucket: String,
        /// Object keys.
        objects: Vec<String>,
        /// Whether tokens that may have lost their metadata are read all the same.
        accept_unbound: bool,
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
    /// Revoke a grant.
    RevokeGrant {
        /// The key's ARN.
        key_arn: String,
        /// The grant's id.
        grant_id: String,
        /// Whose grant it is, as ARN: for those who are asked.
        grantee: String,
    },
    /// Assume the role and try the key: the access proof.
    Prove {
        /// The key's ARN.
        key_arn: String,
        /// The role's ARN.
        role_arn: String,
        /// Whether the role is made to trust the caller for the proof, and no longer.
        trust: bool,
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
    /// Write a training job's whole log into a new file.
    SaveLog {
        /// The job's name.
        job: String,
        /// The file.
        to: PathBuf,
    },
    /// Create a KMS key, with everything chosen.
    NewKey(Box<KeySpec>),
    /// Write the console's key policy for these principals, for the person to look at. Sessions become their roles; the
    /// caller is an administrator if nobody is named.
    DraftKeyPolicy {
        /// ARNs of users, roles or sessions.
        administrators: Vec<String>,
        /// ARNs of users, roles or sessions.
        users: Vec<String>,
    },
    /// Read a key's policy, to be changed as it is now.
    ReadKeyPolicy {
        /// The key's ARN.
        key_arn: String,
    },
    /// Replace a key's policy; the previous one comes back with the outcome.
    PutKeyPolicy {
        /// The key's ARN.
        key_arn: String,
        /// The new policy, JSON.
        policy: String,
        /// Whether the person has agreed to lock themselves out.
        accept_lockout: bool,
    },
    /// Give a key one more alias.
    AddAlias {
        /// With or without `alias/`.
        alias: String,
        /// The key's ARN.
        key_arn: String,
    },
    /// Let an alias point to another key.
    MoveAlias {
        /// With or without `alias/`.
        alias: String,
        /// The ARN of the key it is to point to.
        key_arn: String,
    },
    /// Delete an alias; the key stays.
    DeleteAlias {
        /// With or without `alias/`.
        alias: String,
    },
    /// Set and remove tags of a key.
    TagKey {
        /// The key's ARN.
        key_arn: String,
        /// Tags to set.
        set: BTreeMap<String, String>,
        /// Names of tags to remove.
        remove: Vec<String>,
    },
    /// Read the tags of a key.
    KeyTags {
        /// The key's ARN.
        key_arn: String,
    },
    /// Switch a key's yearly rotation.
    SetRotation {
        /// The key's ARN.
        key_arn: String,
        /// On or off.
        on: bool,
    },
    /// Change a key's description.
    SetDescription {
        /// The key's ARN.
        key_arn: String,
        /// May be empty.
        description: String,
    },
    /// Look for what depends on a key, before it is deleted.
    FindDependents {
        /// The key's ARN.
        key_arn: String,
        /// Look into no more buckets than this.
        most_buckets: usize,
        /// Look at no more objects than this, in all.
        most_objects: usize,
    },
    /// Encrypt a message of 1 to 4096 bytes by KMS itself.
    EncryptMessage {
        /// The KMS key: id, ARN or alias.
        key: String,
        /// The message.
        message: Message,
        /// Encryption context.
        context: BTreeMap<String, String>,
        /// A new file for the ciphertext's raw bytes; none for the screen only.
        to: Option<PathBuf>,
    },
    /// Decrypt what KMS itself encrypted.
    DecryptMessage {
        /// The ciphertext: base64 text, or a file with either.
        message: Message,
        /// The KMS key that must have encrypted it, if it is to be checked.
        key: Option<String>,
        /// Encryption context.
        context: BTreeMap<String, String>,
        /// A new file for the plaintext, instead of the screen.
        to: Option<PathBuf>,
    },
    /// Generate a data key, keep C and forget D.
    NewDataKey {
        /// The KMS key: id, ARN or alias.
        key: String,
        /// Encryption context.
        context: BTreeMap<String, String>,
        /// Where C goes: `s3://BUCKET/KEY` or a path; nothing there is replaced.
        to: String,
    },
    /// Ask of an encrypted data key: which KMS key, does it unwrap for me, for this role?
    OpenDataKey {
        /// Where C is: `s3://BUCKET/KEY` or a path.
        at: String,
        /// Encryption context.
        context: BTreeMap<String, String>,
        /// A role to ask for too.
        role_arn: Option<String>,
    },
    /// Wrap an encrypted data key under another KMS key; D never leaves KMS.
    ReEncryptDataKey {
        /// Where C is: `s3://BUCKET/KEY` or a path.
        at: String,
        /// Encryption context, which stays.
        context: BTreeMap<String, String>,
        /// The KMS key to wrap it under: id, ARN or alias.
        key: String,
        /// Where the new C goes; nothing there is replaced.
        to: String,
    },
    /// Count what is in a bucket, before it is emptied.
    CountBucket {
        /// Its name.
        bucket: String,
    },
    /// Delete everything in a bucket.
    EmptyBucket {
        /// Its name.
        bucket: String,
        /// How many objects the person agreed to; more are not touched.
        expected: u64,
        /// How many older versions and delete markers beside them.
        older: u64,
    },
    /// Delete everything in a bucket, then the bucket.
    DeleteBucket {
        /// Its name.
        bucket: String,
        /// How many objects the person agreed to; more are not touched.
        expected: u64,
        /// How many older versions and delete markers beside them.
        older: u64,
    },
    /// Decrypt the beginning of an object in memory.
    Preview {
        /// Bucket.
        bucket: String,
        /// Object key.
        object: String,
        /// The file inside, if the object is an archive; its first one if none is named.
        member: Option<String>,
        /// How many plaintext bytes to keep.
        most: usize,
        /// Whether a token that may have lost its metadata is opened all the same.
        accept_unbound: bool,
    },
    /// List the files of a `model.tar.gz`.
    ListArchive {
        /// Bucket.
        bucket: String,
        /// Object key.
        object: String,
    },
    /// Prove what stands between an object and its readers.
    ProveObject {
        /// Bucket.
        bucket: String,
        /// Object key.
        object: String,
        /// The role that is tried.
        role_arn: String,
        /// Whether the role is granted the key for the last step, and the grant revoked afterwards.
        grant: bool,
    },
    /// Create an execution role for this training.
    NewRole(Box<RoleSpec>),
    /// Read a role's trust and permission policies.
    RolePolicies {
        /// The role's name.
        role: String,
    },
    /// Take a policy off a role: an ARN is detached, a name deleted.
    DetachRolePolicy {
        /// The role's name.
        role: String,
        /// ARN of an attached policy, or name of an inline one.
        policy: String,
    },
    /// Take every policy off a role, then delete it.
    DeleteRole {
        /// The role's name.
        role: String,
    },
    /// Let the caller assume a role, or no longer. Whoever may, can read what the role can.
    TrustCaller {
        /// The role's name.
        role: String,
        /// Whether the caller is trusted afterwards.
        on: bool,
    },
    /// Let SageMaker assume a role.
    TrustService {
        /// The role's name.
        role: String,
    },
    /// Let a principal use a key, with everything chosen. Its token is used by this session at once.
    Grant(Box<GrantSpec>),
    /// Wait until a new grant works without its token.
    AwaitGrant {
        /// The key's ARN.
        key_arn: String,
        /// The grant's id.
        grant_id: String,
        /// The grantee, a role that the caller may assume.
        grantee: String,
    },
    /// Give a grant up, as its grantee or retiring principal.
    RetireGrant {
        /// The key's ARN.
        key_arn: String,
        /// The grant's id.
        grant_id: String,
        /// Whose grant it is, as ARN: for those who are asked.
        grantee: String,
    },
    /// List the grants of several keys.
    GrantsOf {
        /// The keys' ARNs; every key of the account if empty.
        key_arns: Vec<String>,
    },
    /// The whole story of an access proof: denied, granted, allowed, revoked, denied.
    ProveStory {
        /// The key's ARN.
        key_arn: String,
        /// The role's ARN.
        role_arn: String,
        /// Encryption context.
        context: BTreeMap<String, String>,
        /// Operations to grant meanwhile; `Decrypt` and `Encrypt` if empty.
        operations: Vec<String>,
    },
    /// Say what would fail before a training job is started.
    Preflight(Box<JobSpec>),
    /// Create a repository for training images.
    NewRepository {
        /// Its name.
        repository: String,
    },
    /// Delete a repository with every image in it.
    DeleteRepository {
        /// Its name.
        repository: String,
    },
    /// Build a training image and push it.
    BuildImage(Box<ImageSpec>),
    /// Run a training image on this machine over a made-up `/opt/ml`.
    TryImage {
        /// The local image.
        image: String,
    },
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
