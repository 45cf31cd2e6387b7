//! Multipart uploads: parts wait beside the bucket until they are completed into an object, or aborted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::Checksum;

use super::body::{Arrived, Body};
use super::checksum::{Algorithm, Checksums, Kind};
use super::store::{About, Bucket, Condition, Object, Store, check_condition, hex, now};
use crate::sandbox::api::ApiError;

/// Every part but the last has at least 5 MiB.
const SMALLEST_PART: u64 = 5 * 1024 * 1024;
/// Parts are numbered from 1 to this.
pub(crate) const MOST_PARTS: i32 = 10_000;

/// An upload in progress.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) begun: SystemTime,
    pub(crate) about: About,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) algorithm: Algorithm,
    pub(crate) kind: Kind,
    /// The client named the algorithm, so that it hears of it again.
    pub(crate) named: bool,
    pub(crate) parts: BTreeMap<i32, Part>,
}

/// One part.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) body: Body,
    pub(crate) md5: [u8; 16],
    pub(crate) modified: SystemTime,
    pub(crate) checksum: Checksum,
}

impl Part {
    /// A part just arrived.
    pub(crate) fn new(arrived: Arrived) -> Self {
        Self {
            body: arrived.body,
            md5: arrived.md5,
            modified: now(),
            checksum: arrived.checksum,
        }
    }

    /// Without quotes.
    pub(crate) fn etag(&self) -> String {
        hex(&self.md5)
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

impl Store {
    /// Begins an upload; answers its id.
    pub(crate) fn begin(&self, bucket: &str, key: &str, upload: Upload) -> Result<String, ApiError> {
        let id = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        self.with(bucket, |bucket| {
            bucket.uploads.insert((key.to_owned(), id.clone()), upload);
            Ok(id)
        })
    }

    /// Looks at an upload.
    pub(crate) fn upload<T>(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        look: impl FnOnce(&mut Upload) -> T,
    ) -> Result<T, ApiError> {
        self.with(bucket, |bucket| Ok(look(find(bucket, key, id)?)))
    }

    /// Keeps a part; one of the same number is replaced.
    pub(crate) fn add_part(&self, bucket: &str, key: &str, id: &str, number: i32, part: Part) -> Result<(), ApiError> {
        let replaced = self.upload(bucket, key, id, |upload| upload.parts.insert(number, part))?;
        drop(replaced);
        Ok(())
    }

    /// Drops an upload and its parts.
    pub(crate) fn abort(&self, bucket: &str, key: &str, id: &str) -> Result<(), ApiError> {
        let removed = self.with(bucket, |bucket| {
            find(bucket, key, id)?;
            Ok(bucket.uploads.remove(&(key.to_owned(), id.to_owned())))
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
        let (object, dropped) = self.with(bucket, |bucket| {
            let upload = find(bucket, key, id)?;
            let object = Arc::new(assemble(upload, claims)?);
            check_condition(bucket, key, condition)?;
            let upload = bucket.uploads.remove(&(key.to_owned(), id.to_owned()));
            let replaced = bucket.objects.insert(key.to_owned(), Arc::clone(&object));
            Ok((object, (upload, replaced)))
        })?;
        drop(dropped);
        Ok(object)
    }
}

fn find<'a>(bucket: &'a mut Bucket, key: &str, id: &str) -> Result<&'a mut Upload, ApiError> {
    bucket.uploads.get_mut(&(key.to_owned(), id.to_owned())).ok_or_else(|| {
        ApiError::new(
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
                 aborted or completed.",
        )
        .status(404)
    })
}

fn assemble(upload: &Upload, claims: &[Claim]) -> Result<Object, ApiError> {
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
        let part = upload
            .parts
            .get(&claim.number)
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
        md5.update(&part.md5);
    }
    let lengths: Vec<u64> = parts.iter().map(|part| part.body.length()).collect();
    let sums: Vec<(u64, &Checksum)> = parts
        .iter()
        .zip(&lengths)
        .map(|(part, length)| (*length, &part.checksum))
        .collect();
    Ok(Object {
        body: Body::concat(parts.iter().map(|part| &part.body)),
        etag: format!("{}-{}", hex(&md5.finalize()), parts.len()),
        modified: now(),
        about: upload.about.clone(),
        tags: upload.tags.clone(),
        checksums: Checksums::of_parts(upload.algorithm, upload.kind, &sums)
            .unwrap_or_else(|| Checksums::full(Checksum::default())),
        parts: lengths,
    })
}

fn agrees(algorithm: Algorithm, claim: &Claim, part: &Part) -> bool {
    algorithm
        .value(&claim.checksum)
        .is_none_or(|claimed| algorithm.value(&part.checksum) == Some(claimed))
}
