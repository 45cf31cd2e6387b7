//! Multipart uploads: parts wait beside the bucket until they are completed into an object, or aborted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use s3s::dto::Checksum;

use super::body::{Arrived, Body, Stretch};
use super::checksum::{self, Algorithm, Kind};
use super::lock::Protection;
use super::object::About;
use super::store::{Bucket, Store};
use super::versions::{rows_end, rows_start};
use crate::prelude::*;
use crate::shelf::encoded;

mod complete;

pub(crate) use self::complete::{Claim, Completion};

/// Every part but the last has at least 5 MiB.
const SMALLEST_PART: u64 = 5 * 1024 * 1024;
/// Parts are numbered from 1 to this.
pub(crate) const MOST_PARTS: i32 = 10_000;

/// An upload in progress.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) begun: SystemTime,
    pub(crate) about: About,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) protection: Protection,
    pub(crate) algorithm: Algorithm,
    pub(crate) kind: Kind,
    /// The client named the algorithm, so that it hears of it again.
    pub(crate) named: bool,
    /// The key was written or deleted since: who completes this on a condition is told to begin again.
    pub(crate) overtaken: bool,
}

impl Upload {
    /// The name of its row, in the order of listings: by key, then by id, which is by time.
    pub(crate) fn row(key: &str, id: &str) -> String {
        format!("{}{id}", rows_start(key))
    }

    /// What S3 calls the checksum mode in its sentences.
    fn mode(&self) -> &'static str {
        if self.named { self.kind.name() } else { "null" }
    }
}

/// One part.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) number: i32,
    pub(crate) body: Body,
    pub(crate) facts: PartFacts,
}

/// What is known of a part besides its bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PartFacts {
    /// What its ETag is made of: its MD5, unless a customer's key encrypts it.
    pub(crate) tag: [u8; 16],
    pub(crate) modified: SystemTime,
    #[serde(with = "checksum::stored")]
    pub(crate) checksum: Checksum,
}

impl Part {
    /// A part just arrived.
    pub(crate) fn new(number: i32, arrived: Arrived) -> Self {
        Self {
            number,
            body: arrived.body,
            facts: PartFacts {
                tag: arrived.tag,
                modified: arrived.at,
                checksum: arrived.checksum,
            },
        }
    }

    /// Without quotes.
    pub(crate) fn etag(&self) -> String {
        hex::encode(self.facts.tag)
    }

    /// The name of its row, in the order of numbers.
    fn row(id: &str, number: i32) -> String {
        format!("{id}/{number:05}")
    }

    pub(super) fn encoded(part: &Self) -> Vec<u8> {
        encoded(&(part.number, part.body.stretches(), &part.facts))
    }

    pub(super) fn decoded(row: &[u8], body: impl Fn(Vec<Stretch>) -> Body) -> Result<Self, postcard::Error> {
        let (number, stretches, facts) = postcard::from_bytes(row)?;
        Ok(Self {
            number,
            body: body(stretches),
            facts,
        })
    }
}

impl Bucket {
    pub(crate) fn upload(&self, key: &str, id: &str) -> Result<&Upload, ApiError> {
        self.uploads.get(&Upload::row(key, id)).ok_or_else(|| {
            ApiError::new(
                "NoSuchUpload",
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
                 aborted or completed.",
            )
            .status(404)
        })
    }

    /// An upload's parts behind a number, in order.
    pub(crate) fn parts_of(&self, id: &str, after: i32) -> impl Iterator<Item = &Part> {
        let prefix = format!("{id}/");
        self.parts
            .range(Part::row(id, after.saturating_add(1))..)
            .take_while(move |(row, _)| row.starts_with(&prefix))
            .map(|(_, part)| part)
    }

    /// Tells the uploads of a key that it was written or deleted meanwhile.
    pub(super) fn overtake(&mut self, key: &str) {
        if self.uploads.is_empty() {
            return;
        }
        let rows = self.uploads.range(rows_start(key)..rows_end(key));
        let rows: Vec<String> = rows
            .filter(|(_, upload)| !upload.overtaken)
            .map(|(row, _)| row.clone())
            .collect();
        for row in rows {
            self.uploads.change(&row, |upload| upload.overtaken = true);
        }
    }

    /// Takes an upload and all its parts away.
    pub(super) fn take_upload(&mut self, key: &str, id: &str) -> Vec<Part> {
        let numbers: Vec<i32> = self.parts_of(id, 0).map(|part| part.number).collect();
        self.uploads.remove(&Upload::row(key, id));
        numbers
            .into_iter()
            .filter_map(|number| self.parts.remove(&Part::row(id, number)))
            .collect()
    }
}

impl Store {
    /// Begins an upload.
    pub(crate) fn begin(&self, bucket: &str, upload: Upload) -> Result<(), ApiError> {
        self.with(bucket, |bucket| {
            bucket.uploads.insert(Upload::row(&upload.key, &upload.id), upload);
            Ok(())
        })
    }

    /// Keeps a part; one of the same number is replaced.
    pub(crate) fn add_part(&self, bucket: &str, key: &str, id: &str, part: Part) -> Result<(), ApiError> {
        let replaced = self.with(bucket, |bucket| {
            bucket.upload(key, id)?;
            Ok(bucket.parts.insert(Part::row(id, part.number), part))
        })?;
        drop(replaced);
        Ok(())
    }

    /// Drops an upload and its parts.
    pub(crate) fn abort(&self, bucket: &str, key: &str, id: &str) -> Result<(), ApiError> {
        let removed = self.with(bucket, |bucket| {
            bucket.upload(key, id)?;
            Ok(bucket.take_upload(key, id))
        })?;
        drop(removed);
        Ok(())
    }
}

/// An upload's id. Later ones are greater: S3 lists the uploads of a key in the order in which they began.
pub(crate) fn fresh_id(now: SystemTime) -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let millis = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64);
    let next = |last: u64| (millis << 16).max(last + 1);
    let last = LAST
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)))
        .unwrap_or_else(|last| last);
    format!("{:016x}{}", next(last), uuid::Uuid::new_v4().simple())
}
