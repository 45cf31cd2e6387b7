//! Multipart uploads: parts wait beside the bucket until they are completed into an object, or aborted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::Checksum;
use serde::{Deserialize, Serialize};

use super::body::{Arrived, Body, Stretch};
use super::checksum::{self, Algorithm, Checksums, Kind};
use super::object::{About, Facts, Object, Piece};
use super::store::{Bucket, Condition, Store, check_condition, hex};
use crate::api::ApiError;
use crate::shelf::encoded;

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
    pub(crate) algorithm: Algorithm,
    pub(crate) kind: Kind,
    /// The client named the algorithm, so that it hears of it again.
    pub(crate) named: bool,
}

impl Upload {
    /// The name of its row, in the order of listings: by key, then by id.
    pub(crate) fn row(key: &str, id: &str) -> String {
        format!("{key}\0{id}")
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
    pub(crate) md5: [u8; 16],
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
                md5: arrived.md5,
                modified: arrived.at,
                checksum: arrived.checksum,
            },
        }
    }

    /// Without quotes.
    pub(crate) fn etag(&self) -> String {
        hex(&self.facts.md5)
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

/// A part as the client lists it to complete an upload.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claim {
    pub(crate) number: i32,
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) checksum: Checksum,
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

    /// Takes an upload and all its parts away.
    fn take_upload(&mut self, key: &str, id: &str) -> Vec<Part> {
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

    /// Makes the claimed parts into the object. No byte is copied. A refusal leaves the upload as it was.
    pub(crate) fn complete(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        claims: &[Claim],
        condition: &Condition,
    ) -> Result<Arc<Object>, ApiError> {
        let now = self.home.now();
        let (object, dropped) = self.with(bucket, |bucket| {
            let object = assemble(bucket, bucket.upload(key, id)?, claims, now)?;
            check_condition(bucket, key, condition)?;
            let (object, replaced) = bucket.place(key, object);
            Ok((object, (bucket.take_upload(key, id), replaced)))
        })?;
        drop(dropped);
        Ok(object)
    }
}

fn assemble(bucket: &Bucket, upload: &Upload, claims: &[Claim], now: SystemTime) -> Result<Object, ApiError> {
    if claims.is_empty() {
        return Err(ApiError::new(
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        ));
    }
    if claims.windows(2).any(|pair| pair[0].number >= pair[1].number) {
        return Err(ApiError::new(
            "InvalidPartOrder",
            "The list of parts was not in ascending order. Parts must be ordered by part number.",
        ));
    }
    let mut parts = Vec::with_capacity(claims.len());
    for (position, claim) in claims.iter().enumerate() {
        let part = bucket
            .parts
            .get(&Part::row(&upload.id, claim.number))
            .filter(|part| part.etag() == claim.etag && agrees(upload.algorithm, claim, part))
            .ok_or_else(|| {
                ApiError::new(
                    "InvalidPart",
                    "One or more of the specified parts could not be found. The part may not have been uploaded, or \
                     the specified entity tag may not match the part's entity tag.",
                )
            })?;
        if position + 1 < claims.len() && part.body.length() < SMALLEST_PART {
            return Err(ApiError::new(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
            ));
        }
        parts.push(part);
    }
    let mut md5 = Md5::default();
    for part in &parts {
        md5.update(&part.facts.md5);
    }
    let pieces: Vec<Piece> = parts
        .iter()
        .map(|part| Piece {
            length: part.body.length(),
            checksum: part.facts.checksum.clone(),
        })
        .collect();
    let sums: Vec<(u64, &Checksum)> = pieces.iter().map(|piece| (piece.length, &piece.checksum)).collect();
    Ok(Object {
        body: Body::concat(parts.iter().map(|part| &part.body)),
        facts: Facts {
            etag: format!("{}-{}", hex(&md5.finalize()), parts.len()),
            modified: now,
            about: upload.about.clone(),
            tags: upload.tags.clone(),
            checksums: Checksums::of_parts(upload.algorithm, upload.kind, &sums)
                .unwrap_or_else(|| Checksums::full(Checksum::default())),
            parts: pieces,
            upload: Some(upload.id.clone()),
            version: None,
        },
    })
}

fn agrees(algorithm: Algorithm, claim: &Claim, part: &Part) -> bool {
    algorithm
        .value(&claim.checksum)
        .is_none_or(|claimed| algorithm.value(&part.facts.checksum) == Some(claimed))
}
