//! Buckets, objects and local files as their panes show them.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::ObjectFormat;
use super::format::token_len;

/// A bucket of `ListBuckets`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketRow {
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created: Option<Timestamp>,
}

/// One row of a listing with delimiter `/`: a common prefix, or an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectRow {
    /// A common prefix, ending in `/`.
    Prefix {
        /// The whole prefix from the bucket's root.
        prefix: String,
    },
    /// An object.
    Object {
        /// The whole key.
        key: String,
        /// Size of the stored object in bytes.
        size: u64,
        /// When it was written.
        modified: Option<Timestamp>,
        /// ETag without quotes.
        etag: Option<String>,
        /// What the object is, once its head was looked at.
        info: Option<Box<ObjectInfo>>,
    },
}

impl ObjectRow {
    /// The whole key or prefix.
    pub fn key(&self) -> &str {
        match self {
            Self::Prefix { prefix } => prefix,
            Self::Object { key, .. } => key,
        }
    }

    /// Bytes stored, of an object.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Object { size, .. } => Some(*size),
            Self::Prefix { .. } => None,
        }
    }

    /// When it was written, of an object.
    pub fn modified(&self) -> Option<Timestamp> {
        match self {
            Self::Object { modified, .. } => *modified,
            Self::Prefix { .. } => None,
        }
    }

    /// ETag without quotes, of an object.
    pub fn etag(&self) -> Option<&str> {
        match self {
            Self::Object { etag, .. } => etag.as_deref(),
            Self::Prefix { .. } => None,
        }
    }

    /// What is known of an object beyond its listing.
    pub fn info(&self) -> Option<&ObjectInfo> {
        match self {
            Self::Object { info, .. } => info.as_deref(),
            Self::Prefix { .. } => None,
        }
    }
}

/// What a bucket keeps under one key, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVersions {
    /// Versions and delete markers.
    pub rows: Vec<KeptVersion>,
    /// Whether these are all.
    pub is_whole: bool,
}

/// One version of an object, or the marker of its deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVersion {
    /// Its id; `null` of what was written while the bucket kept no versions.
    pub id: String,
    /// Bytes stored; none of a delete marker.
    pub size: Option<u64>,
    /// When it was written.
    pub at: Option<Timestamp>,
    /// Whether it is what is read without naming a version.
    pub is_latest: bool,
}

/// What `HeadObject` and, where needed, the first bytes of an object tell: what it *says* it is. Nothing of it is proved
/// before the object is read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// What it says it is.
    pub format: ObjectFormat,
    /// What its head already refutes of that.
    pub refuted: Vec<Refuted>,
    /// ARN of the KMS key that wraps its data key, if it says so itself.
    pub kms_key_arn: Option<String>,
    /// S3 URI of its key object, if known.
    pub data_key_uri: Option<String>,
    /// Its logical name, decoded.
    pub name: Option<String>,
    /// The prefix of its upload, decoded; metadata of version 1 has none.
    pub prefix: Option<String>,
    /// Plaintext length in bytes, if it says so.
    pub plaintext_bytes: Option<u64>,
    /// The encryption context recorded with it, sorted.
    pub context: Vec<(String, String)>,
    /// All user metadata, for the details view.
    pub metadata: Vec<(String, String)>,
    /// Content type, if any.
    pub content_type: Option<String>,
}

/// Metadata that may be told to be wrong or missing: strongroom's own, and other tools'.
pub(super) const METADATA_NAMES: [MetadataName; 13] = [
    "version",
    "kms-key-id",
    "mac",
    "data-key",
    "prefix",
    "length",
    "name",
    "x-amz-key-v2",
    "x-amz-d",
    "x-amz-i",
    "x-amz-iv",
    "x-amz-cek-alg",
    "x-amz-wrap-alg",
];

/// One of these.
pub type MetadataName = &'static str;

/// Reads one of these, and nothing else.
pub(super) fn metadata_name<'de, D: Deserializer<'de>>(text: D) -> Result<MetadataName, D::Error> {
    let read = String::deserialize(text)?;
    let known = METADATA_NAMES.into_iter().find(|known| *known == read);
    known.ok_or_else(|| D::Error::custom("no metadata has this name"))
}

/// What an object says of itself and its head alone shows to be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refuted {
    /// No token of the length that it says is as long as what is stored.
    Size {
        /// Bytes stored.
        stored: u64,
        /// Plaintext bytes that it says.
        length: u64,
    },
    /// Its key does not end in the name that it says it was written under.
    Name(String),
    /// A value is missing or means nothing.
    Metadata(#[serde(deserialize_with = "metadata_name")] MetadataName),
}

impl fmt::Display for Refuted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { stored, length } => match token_len(*length) {
                Some(token) => write!(
                    f,
                    "{stored} bytes are stored, but a token of {length} bytes has {token}"
                ),
                None => write!(f, "no token is of {length} bytes"),
            },
            Self::Name(name) => write!(
                f,
                "it was written as `{name}`: it was renamed, or its metadata is another's"
            ),
            Self::Metadata(name) => write!(f, "its metadata `strongroom-{name}` is missing or means nothing"),
        }
    }
}

/// An entry of a local folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// The name to show: lossy UTF-8, untrusted.
    pub name: String,
    /// The whole path, as the system has it.
    pub path: PathBuf,
    /// Whether it is a folder (also through a symbolic link).
    pub is_dir: bool,
    /// Whether it is a symbolic link.
    pub is_link: bool,
    /// Bytes.
    pub size: u64,
    /// When it was written.
    pub modified: Option<Timestamp>,
}
