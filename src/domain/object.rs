//! Buckets, objects and local files as their panes show them.

use std::path::PathBuf;

use jiff::Timestamp;

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
}

/// What `HeadObject` and, where needed, the first bytes of an object tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// What it is.
    pub format: ObjectFormat,
    /// ARN of the KMS key that wraps its data key, if it says so itself.
    pub kms_key_arn: Option<String>,
    /// S3 URI of its key object, if known.
    pub data_key_uri: Option<String>,
    /// Its logical name, decoded.
    pub name: Option<String>,
    /// Plaintext length in bytes, if it says so.
    pub plaintext_bytes: Option<u64>,
    /// The encryption context recorded with it, sorted.
    pub context: Vec<(String, String)>,
    /// All user metadata, for the details view.
    pub metadata: Vec<(String, String)>,
    /// Content type, if any.
    pub content_type: Option<String>,
}

/// What an object is, from its head; whether it is intact only `verify` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ObjectFormat {
    /// A token with strongroom's metadata.
    Strongroom,
    /// A Fernet token without them (the boto3 way).
    Fernet,
    /// An encrypted data key: the raw bytes of C.
    KeyObject,
    /// A model archive (`model.tar.gz`), whose members may be tokens.
    Archive,
    /// The S3 encryption client's envelope.
    S3EncryptionClient,
    /// The AWS Encryption SDK's message format.
    AwsEncryptionSdk,
    /// Encrypted by S3 with a KMS key.
    SseKms,
    /// Encrypted by S3 with its own key only: plain to whoever may read it.
    SseS3,
    /// Not encrypted.
    Plain,
}

impl ObjectFormat {
    /// The word that the command line's `--json` uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strongroom => "strongroom",
            Self::Fernet => "fernet",
            Self::KeyObject => "key-object",
            Self::Archive => "archive",
            Self::S3EncryptionClient => "s3-encryption-client",
            Self::AwsEncryptionSdk => "aws-encryption-sdk",
            Self::SseKms => "sse-kms",
            Self::SseS3 => "sse-s3",
            Self::Plain => "plain",
        }
    }

    /// Whether the body is ciphertext that only the holder of a data key can read.
    pub fn is_client_encrypted(self) -> bool {
        matches!(
            self,
            Self::Strongroom | Self::Fernet | Self::S3EncryptionClient | Self::AwsEncryptionSdk
        )
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
