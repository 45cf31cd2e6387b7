//! The two JSON documents that stand in for S3 metadata where only bytes are delivered.
//!
//! A *manifest* goes with a training job: which data key opens which file of which channel. A *bundle*
//! (`strongroom.json` in a model) says the same of the tokens a job wrote. Binary values are standard base64.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version written into both documents.
pub const VERSION: u32 = 1;

/// Name of the bundle inside `/opt/ml/model` and `model.tar.gz`.
pub const BUNDLE_NAME: &str = "strongroom.json";

/// What a training job may open, and how. Its SHA-256 is a hyperparameter, so nobody can swap it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u32,
    /// The data keys, wrapped.
    pub data_keys: Vec<WrappedDataKey>,
    /// Per channel, per path relative to the channel's folder: the file.
    pub channels: BTreeMap<String, BTreeMap<String, ManifestFile>>,
}

/// An encrypted data key with what is needed to unwrap it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrappedDataKey {
    /// base64 of C.
    pub data_key: String,
    /// ARN of the KMS key.
    pub kms_key_id: String,
    /// Encryption context; empty if none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, String>,
}

/// One file of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Index into [`Manifest::data_keys`].
    pub data_key: usize,
    /// base64 of the token's first 25 bytes.
    pub header: String,
    /// Plaintext bytes, if known (bound files).
    pub length: Option<u64>,
    /// Logical name, if bound.
    pub name: Option<String>,
    /// base64 of the binding MAC, if bound.
    pub mac: Option<String>,
}

/// What `train` writes beside the tokens of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`VERSION`].
    pub version: u32,
    /// ARN of the KMS key.
    pub kms_key_id: String,
    /// base64 of C.
    pub data_key: String,
    /// Encryption context; empty if none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, String>,
    /// The tokens.
    pub files: Vec<BundleFile>,
}

/// One token of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleFile {
    /// Its path relative to the bundle, which is also its logical name.
    pub name: String,
    /// Plaintext bytes.
    pub length: u64,
    /// base64 of the binding MAC.
    pub mac: String,
}
