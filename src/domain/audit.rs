//! What an audit of a bucket or prefix tells: of each object what it is, under which key, and what is wrong with it; of all of
//! them how many of each kind. By metadata and first bytes only, so that one is asked for no more than once; unless a row says
//! that it was read to its end, what it is told to be is what it says of itself.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::object::{MetadataName, metadata_name};
use super::worded::worded;
use super::{KeyState, Refuted};

mod beginning;
mod classify;
mod lines;
mod message;
mod rows;
mod summary;
pub mod wire;

pub use classify::{FIRST_BYTES_OF_ARCHIVES, FIRST_BYTES_OF_INSTRUCTIONS, Seen, Told, classify};
pub use lines::{key_name, summary_lines, trouble_lines};
pub use rows::{CSV_HEADING, csv_row, json_row, json_summary};
pub use summary::{AuditSummary, Ended, KeyObjects, Tally, Unjoined};

/// What to audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRequest {
    /// The bucket.
    pub bucket: String,
    /// Every key that begins so.
    pub prefix: String,
    /// Whether every token is read to its end and checked.
    pub deep: bool,
    /// Whether older versions and delete markers are looked at too.
    pub versions: bool,
}

impl AuditRequest {
    /// `s3://BUCKET/PREFIX`.
    pub fn place(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix)
    }

    /// `audit s3://BUCKET/PREFIX`, and how.
    pub fn title(&self) -> String {
        let how = if self.deep { ", every token to its end" } else { "" };
        format!("audit {}{how}", self.place())
    }
}

/// What an object is, or says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A token of strongroom, where its metadata says that it was put.
    Bound,
    /// A token of strongroom that was put elsewhere, under the same name.
    Moved,
    /// A token with strongroom's metadata that has another name than it was put under, or says too little.
    Unbound,
    /// A Fernet token of others: without strongroom's metadata.
    Fernet,
    /// The S3 encryption client's, by version: 1, 2 or 3.
    S3EncryptionClient(u8),
    /// An instruction file of the S3 encryption client: the data key of the object beside it.
    InstructionFile,
    /// A message of the AWS Encryption SDK, raw or in base64.
    AwsEncryptionSdk,
    /// A model archive whose beginning holds tokens; with `--deep` one whose members are all tokens.
    ArchiveOfTokens,
    /// A model archive whose beginning tells nothing of its members.
    Archive,
    /// An encrypted data key.
    KeyObject,
    /// What strongroom notes of jobs and of its acts on many objects, by its name and its first bytes: lists and results, no data.
    Record,
    /// Strongroom itself, where it is kept for images that have none, by its name and its first bytes.
    Program,
    /// Encrypted by S3 with a key that comes with each request: without it nothing can be read.
    SseC,
    /// Encrypted at rest with a KMS key twice, and by no client.
    SseKmsDsse,
    /// Encrypted at rest with a KMS key, and by no client.
    SseKms,
    /// Encrypted at rest with S3's own key, and by no client.
    SseS3,
    /// Not encrypted.
    Plain,
    /// No bytes at all: there is nothing in it to encrypt.
    Empty,
    /// The mark that a key was deleted, where versions are kept.
    DeleteMarker,
    /// It could not be read: nothing is known.
    Unread,
}

impl Kind {
    /// Every kind, in the order of the summary.
    pub const ALL: [Self; 22] = [
        Self::Bound,
        Self::Moved,
        Self::Unbound,
        Self::Fernet,
        Self::S3EncryptionClient(1),
        Self::S3EncryptionClient(2),
        Self::S3EncryptionClient(3),
        Self::InstructionFile,
        Self::AwsEncryptionSdk,
        Self::ArchiveOfTokens,
        Self::Archive,
        Self::KeyObject,
        Self::Record,
        Self::Program,
        Self::SseC,
        Self::SseKmsDsse,
        Self::SseKms,
        Self::SseS3,
        Self::Plain,
        Self::Empty,
        Self::DeleteMarker,
        Self::Unread,
    ];

    /// The word that tables use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bound => "strongroom-bound",
            Self::Moved => "strongroom-moved",
            Self::Unbound => "strongroom-unbound",
            Self::Fernet => "fernet",
            Self::S3EncryptionClient(1) => "s3-encryption-client-v1",
            Self::S3EncryptionClient(2) => "s3-encryption-client-v2",
            Self::S3EncryptionClient(_) => "s3-encryption-client-v3",
            Self::InstructionFile => "s3-instruction-file",
            Self::AwsEncryptionSdk => "aws-encryption-sdk",
            Self::ArchiveOfTokens => "archive-of-tokens",
            Self::Archive => "archive",
            Self::KeyObject => "key-object",
            Self::Record => "strongroom-record",
            Self::Program => "strongroom-program",
            Self::SseC => "sse-c",
            Self::SseKmsDsse => "sse-kms-dsse",
            Self::SseKms => "sse-kms",
            Self::SseS3 => "sse-s3",
            Self::Plain => "plain",
            Self::Empty => "empty",
            Self::DeleteMarker => "delete-marker",
            Self::Unread => "unread",
        }
    }

    /// Whether `verify` reads it to its end.
    pub fn is_token(self) -> bool {
        matches!(self, Self::Bound | Self::Moved | Self::Unbound | Self::Fernet)
    }

    /// Whether a client encrypted it, as far as it says.
    pub fn is_by_a_client(self) -> bool {
        self.is_token()
            || matches!(
                self,
                Self::S3EncryptionClient(_) | Self::AwsEncryptionSdk | Self::ArchiveOfTokens
            )
    }

    /// Whether the body is stored as it is: whoever may read the object reads it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::SseKmsDsse | Self::SseKms | Self::SseS3 | Self::Plain)
    }
}

worded! {
    /// How S3 keeps an object.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub enum AtRest: "S3's own word; empty if it said none." {
        /// It does not say.
        #[default]
        Unsaid = "",
        /// With its own key.
        S3 = "AES256",
        /// With a KMS key.
        Kms = "aws:kms",
        /// With a KMS key, twice.
        KmsDsse = "aws:kms:dsse",
    }
}

/// What is wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// No client has encrypted it.
    Open,
    /// A member of the archive is no token: this one.
    OpenMember(String),
    /// It has strongroom's metadata, but its body begins no token.
    NoToken,
    /// It has the mark or the name of an encrypted data key, but is none.
    NoDataKey,
    /// It is an encrypted data key with the data key itself beside it.
    PlaintextDataKey,
    /// Metadata of another tool without which nothing opens it.
    Lacks(#[serde(deserialize_with = "metadata_name")] MetadataName),
    /// Its key object is not there; whether its own metadata carries the data key all the same.
    KeyObjectMissing {
        /// S3 URI.
        uri: String,
        /// Then strongroom still opens it.
        is_carried: bool,
    },
    /// Its key object, of this URI, holds another data key than its own metadata.
    KeyObjectDiffers(String),
    /// Its KMS key cannot be used now.
    KeyUnusable(String),
    /// It was read to its end and refuted.
    NotIntact(String),
    /// What it says of itself is refuted by its size, its key or what is missing.
    #[serde(untagged)]
    Refuted(Refuted),
}

impl Flaw {
    /// What it is counted under.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Open | Self::OpenMember(_) => "not encrypted by a client",
            Self::Refuted(Refuted::Size { .. }) => "of another size than it says",
            Self::Refuted(Refuted::Name(_)) => "under another name than it was put",
            Self::Refuted(Refuted::Metadata(_)) | Self::Lacks(_) => "without metadata that it needs",
            Self::NoToken => "with the metadata of a token, and none in the body",
            Self::NoDataKey => "called an encrypted data key, and none",
            Self::PlaintextDataKey => "with a data key in plaintext",
            Self::KeyObjectMissing { .. } => "without its key object",
            Self::KeyObjectDiffers(_) => "whose key object holds another data key",
            Self::KeyUnusable(_) => "under a KMS key that cannot be used",
            Self::NotIntact(_) => "not intact",
        }
    }

    /// In a sentence, after the object and a colon.
    pub fn told(&self) -> String {
        match self {
            Self::Open => "no client has encrypted it: whoever may read it reads it as it is".to_owned(),
            Self::OpenMember(name) => format!("its member `{name}` is no token"),
            Self::Refuted(refuted) => refuted.to_string(),
            Self::NoToken => "it has strongroom's metadata, but its body begins no token".to_owned(),
            Self::NoDataKey => {
                "its mark or its name calls it an encrypted data key, and its size or its first bytes are none's"
                    .to_owned()
            }
            Self::PlaintextDataKey => {
                "the plaintext data key lies in it: whoever may read it opens every token under it".to_owned()
            }
            Self::Lacks(name) => format!("its metadata `{name}` is missing, and nothing opens it without"),
            Self::KeyObjectMissing { uri, is_carried: true } => {
                format!("its key object {uri} is not there; its metadata still carries the data key")
            }
            Self::KeyObjectMissing { uri, .. } => {
                format!("its key object {uri} is not there, and nothing else is known to carry its data key")
            }
            Self::KeyObjectDiffers(uri) => {
                format!(
                    "its key object {uri} holds another data key than its metadata: what is opened by that does not open"
                )
            }
            Self::KeyUnusable(state) => format!("its KMS key is {state}, so nobody can open it now"),
            Self::NotIntact(why) => format!("it is not intact: {why}"),
        }
    }
}

/// What of an object could not be checked, though it was read: nothing is known of it, for better or worse.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unchecked {
    /// Whether its KMS key can be used: why not.
    KeyState(String),
    /// Whether its key object is there: why not.
    KeyObject(String),
    /// Whether KMS opens what only begins as an encrypted data key: why not.
    DataKey(String),
}

impl Unchecked {
    /// What it is counted under, in words that go on after a number.
    pub fn class(&self) -> String {
        match self {
            Self::KeyState(why) => format!("under a KMS key whose state could not be asked ({why})"),
            Self::KeyObject(why) => format!("whose key object could not be looked for ({why})"),
            Self::DataKey(why) => format!("beginning as an encrypted data key that KMS did not confirm ({why})"),
        }
    }

    /// In a sentence, after the object and a colon.
    pub fn told(&self) -> String {
        match self {
            Self::KeyState(why) => format!("not checked: the state of its KMS key could not be asked ({why})"),
            Self::KeyObject(why) => format!("not checked: its key object could not be looked for ({why})"),
            Self::DataKey(why) => {
                format!("not checked: it begins as an encrypted data key, and KMS did not confirm it ({why})")
            }
        }
    }
}

/// A KMS key, asked about once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditKey {
    /// As objects name it: ARN, or whatever stands there.
    pub id: String,
    /// With `alias/`, if it has one and it may be known.
    pub alias: Option<String>,
    /// Why its aliases could not be listed, if they could not.
    pub alias_unknown: Option<String>,
    /// What `DescribeKey` said; why it is unknown if it said nothing.
    pub state: Result<KeyState, String>,
}

impl AuditKey {
    /// Its state in a word.
    pub fn state_word(&self) -> &str {
        self.state.as_ref().map_or("unknown", KeyState::as_str)
    }

    /// What forbids its use, if that is known.
    pub fn unusable(&self) -> Option<&str> {
        match &self.state {
            Ok(KeyState::Enabled) | Err(_) => None,
            Ok(other) => Some(other.as_str()),
        }
    }
}

worded! {
    /// Whether an encrypted data key is needed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum KeyUse: "The word that tables use." {
        /// A token that was seen names it.
        Referenced = "referenced",
        /// All of the bucket was seen, and nothing in it names it.
        Orphaned = "orphaned",
        /// None of what was seen names it, and not all that may was seen.
        Unknown = "unknown",
    }
}

/// What an audit found out about one object, or one version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its whole key.
    pub key: String,
    /// Its version, where versions were listed.
    pub version: Option<Box<str>>,
    /// Whether it is the object that is there now.
    pub is_latest: bool,
    /// Bytes stored.
    pub size: u64,
    /// What it is.
    pub kind: Kind,
    /// How S3 keeps it.
    pub at_rest: AtRest,
    /// The KMS key that its data key is wrapped by, or that S3 encrypts it with where no client did.
    pub kms_key: Option<Arc<AuditKey>>,
    /// S3 URI of the key object that it names.
    pub data_key_object: Option<Box<str>>,
    /// Of an encrypted data key, whether it is needed.
    pub key_use: Option<KeyUse>,
    /// What is wrong.
    pub flaws: Vec<Flaw>,
    /// Why it, or all of it that was to be looked at, could not be read.
    pub unread: Option<Box<Unread>>,
    /// What of it could not be checked, though it was read.
    pub unchecked: Vec<Unchecked>,
    /// Whether it was read to its end and held.
    pub is_intact: Option<bool>,
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What it is counted under: AWS's error name where there is one.
    pub cause: String,
    /// In words.
    pub why: String,
}

impl AuditRow {
    /// Of what was listed, before anything else is known.
    pub fn new(key: String, size: u64, kind: Kind) -> Self {
        Self {
            key,
            version: None,
            is_latest: true,
            size,
            kind,
            at_rest: AtRest::Unsaid,
            kms_key: None,
            data_key_object: None,
            key_use: None,
            flaws: Vec::new(),
            unread: None,
            unchecked: Vec::new(),
            is_intact: None,
        }
    }

    /// Whether it is as it should be, as far as was looked: nothing wrong, nothing left unread or unchecked.
    pub fn is_well(&self) -> bool {
        self.flaws.is_empty() && self.unread.is_none() && self.unchecked.is_empty()
    }

    /// What is wrong and what could not be read or checked, in a sentence; empty if nothing is.
    pub fn trouble(&self) -> String {
        let flaws = self.flaws.iter().map(Flaw::told);
        let unread = self.unread.as_ref().map(|unread| format!("not read: {}", unread.why));
        let unchecked = self.unchecked.iter().map(Unchecked::told);
        flaws.chain(unread).chain(unchecked).collect::<Vec<_>>().join("; ")
    }
}

/// An audit, with as many of its rows as are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditReport {
    /// Its bucket.
    pub bucket: String,
    /// Every key that begins so.
    pub prefix: String,
    /// Of all.
    pub summary: AuditSummary,
    /// What is wrong first.
    pub rows: Vec<AuditRow>,
    /// How many rows are not kept.
    pub dropped: u64,
}
