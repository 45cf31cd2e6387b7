//! Completing an upload: what the client says of parts and whole against what is there.

use std::sync::Arc;
use std::time::SystemTime;

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::Checksum;

use super::{Part, SMALLEST_PART, Upload};
use crate::api::{ApiError, refuse_if};
use crate::s3::body::Body;
use crate::s3::checksum::{Algorithm, Checksums, Kind};
use crate::s3::convert::malformed;
use crate::s3::object::{Facts, Object, Piece};
use crate::s3::store::{Bucket, Condition, Store, check_condition};

/// A part as the client lists it to complete an upload.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claim {
    pub(crate) number: i32,
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) checksum: Checksum,
}

/// What a client says of an upload that it completes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Completion {
    pub(crate) claims: Vec<Claim>,
    pub(crate) condition: Condition,
    /// Of the whole object.
    pub(crate) checksum: Checksum,
    pub(crate) kind: Option<String>,
    pub(crate) length: Option<u64>,
}

impl Bucket {
    /// The object that an upload became, if it was completed with the same parts.
    fn completed(&self, key: &str, id: &str, claims: &[Claim]) -> Option<Arc<Object>> {
        let digests = claims
            .iter()
            .map(|claim| hex::decode(&claim.etag))
            .collect::<Result<Vec<_>, _>>()
            .ok()?;
        let etag = etag_of_parts(digests.iter().map(Vec::as_slice));
        let is_it = |object: &Object| object.facts.upload.as_deref() == Some(id) && object.etag == etag;
        self.objects_of(key).find(|object| is_it(object)).cloned()
    }
}

impl Store {
    /// Makes the claimed parts into the object. No byte is copied. A refusal leaves the upload as it was, and who
    /// did not hear of its success may ask again.
    pub(crate) fn complete(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        completion: &Completion,
    ) -> Result<Arc<Object>, ApiError> {
        let now = self.home.now();
        let (object, dropped) = self.with(bucket, |bucket| {
            let upload = match bucket.upload(key, id) {
                Ok(upload) => upload,
                Err(missing) => {
                    let completed = bucket.completed(key, id, &completion.claims).ok_or(missing)?;
                    return Ok((completed, None));
                }
            };
            let object = assemble(bucket, upload, &completion.claims, now)?;
            completion.check(upload, &object)?;
            check_condition(bucket, key, &completion.condition)?;
            if upload.overtaken && completion.condition != Condition::Any {
                let message =
                    "The conditional request cannot succeed due to a conflicting operation against this resource.";
                return Err(ApiError::new("ConditionalRequestConflict", message).status(409));
            }
            let (object, replaced) = bucket.place(key, object);
            Ok((object, Some((bucket.take_upload(key, id), replaced))))
        })?;
        drop(dropped);
        Ok(object)
    }
}

impl Completion {
    /// Compares what the client says of the whole with what it is.
    fn check(&self, upload: &Upload, object: &Object) -> Result<(), ApiError> {
        let invalid = |message: String| Err(ApiError::invalid_request(message));
        if self.kind.as_deref().is_some_and(|kind| kind != upload.mode()) {
            return invalid(format!(
                "The upload was created using the {} checksum mode. The complete request must use the same checksum \
                 mode.",
                upload.mode()
            ));
        }
        if let Some(length) = self.length
            && length != object.body.length()
        {
            return invalid(format!(
                "The provided 'x-amz-mp-object-size' header value {length} does not match what was computed: {}",
                object.body.length()
            ));
        }
        let algorithm = upload.algorithm;
        let computed = algorithm.value(&object.checksums.values);
        for given in Algorithm::of(&self.checksum) {
            // Of an upload that named no algorithm S3 compares its own only.
            if given != algorithm && !upload.named {
                continue;
            }
            let claimed = given.value(&self.checksum);
            // A checksum of the whole is taken for one of its parts unless the request says so, as it is by S3.
            let kind = Kind::parse(self.kind.as_deref(), given)?;
            let same = claimed == computed
                || (upload.kind == Kind::Composite
                    && claimed.map(String::as_str)
                        == computed.and_then(|value| value.rsplit_once('-')).map(|value| value.0));
            if given != algorithm || kind != upload.kind || !same {
                let message = format!(
                    "The {} you specified did not match the calculated checksum.",
                    algorithm.lower()
                );
                return Err(ApiError::new("BadDigest", message));
            }
        }
        Ok(())
    }
}

fn etag_of_parts<'a>(digests: impl ExactSizeIterator<Item = &'a [u8]>) -> String {
    let count = digests.len();
    let mut md5 = Md5::default();
    digests.for_each(|digest| md5.update(digest));
    format!("{}-{count}", hex::encode(md5.finalize()))
}

fn assemble(bucket: &Bucket, upload: &Upload, claims: &[Claim], now: SystemTime) -> Result<Object, ApiError> {
    refuse_if(claims.is_empty(), malformed)?;
    if claims.windows(2).any(|pair| pair[0].number >= pair[1].number) {
        let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
        return Err(ApiError::new("InvalidPartOrder", message));
    }
    let needs_checksums = upload.named && upload.kind == Kind::Composite;
    for claim in claims {
        check_claim(upload, claim, needs_checksums)?;
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
                    "One or more of the specified parts could not be found.  The part may not have been uploaded, or \
                     the specified entity tag may not match the part's entity tag.",
                )
            })?;
        if position + 1 < claims.len() && part.body.length() < SMALLEST_PART {
            let message = "Your proposed upload is smaller than the minimum allowed size";
            return Err(ApiError::new("EntityTooSmall", message));
        }
        parts.push(part);
    }
    let pieces: Vec<Piece> = parts
        .iter()
        .map(|part| Piece {
            length: part.body.length(),
            checksum: upload.algorithm.only(&part.facts.checksum),
        })
        .collect();
    let sums: Vec<(u64, &Checksum)> = pieces.iter().map(|piece| (piece.length, &piece.checksum)).collect();
    Ok(Object {
        body: Body::concat(parts.iter().map(|part| &part.body)),
        facts: Facts {
            etag: etag_of_parts(parts.iter().map(|part| part.facts.tag.as_slice())),
            modified: now,
            about: upload.about.clone(),
            tags: upload.tags.clone(),
            protection: upload.protection.clone(),
            checksums: Checksums::of_parts(upload.algorithm, upload.kind, &sums)
                .unwrap_or_else(|| Checksums::full(Checksum::default())),
            parts: pieces,
            upload: Some(upload.id.clone()),
            version: None,
        },
    })
}

/// A composite checksum is one over the parts' checksums: S3 wants to hear each of them again.
fn check_claim(upload: &Upload, claim: &Claim, needs_checksum: bool) -> Result<(), ApiError> {
    let (algorithm, number) = (upload.algorithm, claim.number);
    if let Some(other) = Algorithm::of(&claim.checksum).find(|given| upload.named && *given != algorithm) {
        let message = format!(
            "The {} you specified for part {number} did not match what we received.",
            other.lower()
        );
        return Err(ApiError::new("BadDigest", message));
    }
    if needs_checksum && algorithm.value(&claim.checksum).is_none() {
        return Err(ApiError::invalid_request(format!(
            "The upload was created using a {} checksum. The complete request must include the checksum for each \
                 part. It was missing for part {number} in the request.",
            algorithm.lower()
        )));
    }
    Ok(())
}

/// Whether each checksum that the client names is the part's; of another algorithm than the upload's none is kept.
fn agrees(algorithm: Algorithm, claim: &Claim, part: &Part) -> bool {
    Algorithm::of(&claim.checksum)
        .all(|given| given == algorithm && given.value(&claim.checksum) == given.value(&part.facts.checksum))
}
