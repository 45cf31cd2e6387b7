//! What an object is.

use std::time::SystemTime;

use s3s::dto::{Checksum, ServerSideEncryption, Timestamp};

use super::body::{Arrived, Body};
use super::checksum::{self, Checksums};
use super::customer::Seal;
use super::lock::Protection;
use super::versions::NULL;
use crate::prelude::*;
use crate::shelf::encoded;

/// An object: all that S3 knows of it, and where its bytes are.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) body: Body,
    pub(crate) facts: Facts,
}

/// What S3 knows of an object besides its bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) modified: SystemTime,
    pub(crate) about: About,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) protection: Protection,
    pub(crate) checksums: Checksums,
    /// The parts of a multipart upload, in order; empty for a single put.
    pub(crate) parts: Vec<Piece>,
    /// The multipart upload that it was: completing it again is no error.
    pub(crate) upload: Option<String>,
    /// None is S3's null version.
    pub(crate) version: Option<String>,
}

/// What is known of a part once it is one of an object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Piece {
    pub(crate) length: u64,
    #[serde(with = "checksum::stored")]
    pub(crate) checksum: Checksum,
}

impl std::ops::Deref for Object {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.facts
    }
}

impl Object {
    /// An object just arrived.
    pub(crate) fn new(arrived: Arrived, about: About) -> Self {
        Self {
            body: arrived.body,
            facts: Facts {
                etag: hex::encode(arrived.tag),
                modified: arrived.at,
                about,
                tags: BTreeMap::new(),
                protection: Protection::default(),
                checksums: Checksums::full(arrived.checksum),
                parts: Vec::new(),
                upload: None,
                version: None,
            },
        }
    }

    /// Its version's id.
    pub(crate) fn version(&self) -> &str {
        self.facts.version.as_deref().unwrap_or(NULL)
    }

    pub(super) fn row(object: &Arc<Self>) -> Vec<u8> {
        encoded(&(object.body.stretches(), &object.facts))
    }
}

/// What a client says about an object when it writes it, given back on every read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) content_type: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) storage_class: Option<String>,
    pub(crate) website_redirect: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    /// `aws:kms`; everything else but what a customer's key encrypts is encrypted with S3's own keys, asked for or not. A mark
    /// only: the sandbox's folder holds those bytes as they came.
    pub(crate) encryption: Option<String>,
    pub(crate) encryption_key: Option<String>,
    /// The encryption context beyond S3's own, as it was given: base64 of JSON.
    pub(crate) encryption_context: Option<String>,
    /// Whether the bucket's key stands between: KMS sees the bucket, not the object.
    pub(crate) bucket_key: Option<bool>,
    /// The data key that SSE-KMS would encrypt with, wrapped.
    pub(crate) wrapped: Option<Vec<u8>>,
    /// The customer's key that its bytes are encrypted with.
    pub(crate) seal: Option<Seal>,
}

impl About {
    /// As every answer about the object says it; of a customer's key the request has said it.
    pub(crate) fn sse(&self) -> Option<ServerSideEncryption> {
        let kind = self.encryption.as_deref().unwrap_or(ServerSideEncryption::AES256);
        self.seal.is_none().then(|| ServerSideEncryption::from(kind.to_owned()))
    }

    /// Whether the bytes must be restored before they can be read.
    pub(crate) fn is_archived(&self) -> bool {
        matches!(self.storage_class.as_deref(), Some("GLACIER" | "DEEP_ARCHIVE"))
    }
}
