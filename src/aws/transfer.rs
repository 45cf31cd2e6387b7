//! S3 bodies that stream: uploads in parts, downloads by range. Decides neither sizes nor how much is in flight.
//!
//! Every part carries its CRC-64/NVME, so S3 refuses what was damaged on the way and says later which parts it has;
//! the payload's SHA-256 is left out of the signature, for it would cost as much as the encryption does. What
//! fails for a reason that passes by itself is asked for [again](super::again), and a body that broke off is read on
//! from where it broke.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_s3::config::Builder;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crc_fast::CrcAlgorithm;

use super::again::{Pause, again};
use super::fault::{Expected, Heard};
use super::patience::{self, Pulse};
use super::s3::{self, Carried, carried, demanded, length_of, uri};
use super::{Aws, fault};
use crate::domain::{Fault, FaultKind};

mod beginning;
mod body;
mod in_place;
mod multipart;
mod sealed;

pub(crate) use beginning::{Beginning, beginning};
pub(crate) use body::{Content, Restart};
pub(crate) use in_place::{LARGEST_COPY, copy_in_place};
pub(crate) use multipart::{Multipart, Part, abort, begin, complete, complete_stored, parts, upload_part};
pub(crate) use sealed::{put_sealed, sha256};

const UPLOAD: &str = "upload";
const DOWNLOAD: &str = "download";

/// What `HeadObject` says that a transfer needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// User metadata.
    pub(crate) metadata: BTreeMap<String, String>,
    /// Bytes of the stored object.
    pub(crate) length: u64,
    /// As S3 spells it, to be sent back in `If-Match`.
    pub(crate) etag: Option<String>,
    /// Which version it is, where the bucket keeps versions.
    pub(crate) version: Option<String>,
    /// When it was stored, in seconds since 1970, as far as S3 told it.
    pub(crate) modified: Option<i64>,
}

impl Head {
    /// Of an object that was looked at already.
    pub(crate) fn of(original: &s3::Original) -> Self {
        Self {
            metadata: original.metadata.clone(),
            length: original.length,
            etag: Some(original.etag.clone()),
            version: original.version.clone(),
            modified: original.modified,
        }
    }

    /// The ETag as listings show it.
    pub(crate) fn unquoted_etag(&self) -> Option<String> {
        self.etag.as_ref().map(|etag| etag.trim_matches('"').to_owned())
    }
}

/// The checksum that goes with a part.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes)
}

pub(crate) async fn head(aws: &Aws, bucket: &str, key: &str) -> Result<Head, Fault> {
    let call = || async move {
        let answer = s3::head(aws, bucket, key).await?;
        Ok(Head {
            metadata: answer.metadata.unwrap_or_default().into_iter().collect(),
            length: length_of("look at", &uri(bucket, key), answer.content_length)?,
            etag: answer.e_tag,
            version: answer.version_id,
            modified: answer.last_modified.map(|at| at.secs()),
        })
    };
    again(call).await
}

/// Whether there is an object of this name already, as far as the caller may know. A refusal of a HEAD has no words; the
/// calls that follow say it better, and none of them replaces an object that is there.
pub(crate) async fn is_taken(aws: &Aws, bucket: &str, key: &str) -> Result<bool, Fault> {
    match find(aws, bucket, key).await {
        Ok(found) => Ok(found.is_some()),
        Err(fault) if fault.is_unheard() => Err(fault),
        Err(_) => Ok(false),
    }
}

/// The head of an object; `None` if there is no object of this name.
pub(crate) async fn find(aws: &Aws, bucket: &str, key: &str) -> Result<Option<Head>, Fault> {
    match head(aws, bucket, key).await {
        Ok(head) => Ok(Some(head)),
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// An object that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Without quotes, as far as S3 told it.
    pub(crate) etag: Option<String>,
    /// Which version it is, where the bucket keeps versions.
    pub(crate) version: Option<String>,
}

/// Writes a whole object at once, like one that was there or as the rules for the bucket want it.
///
/// An answer that was lost makes the next try fail because the object exists: the caller finds out whose it is.
pub(crate) async fn put(
    aws: &Aws,
    bucket: &str,
    key: &str,
    body: Bytes,
    metadata: &BTreeMap<String, String>,
    replaces: &Replaces,
    like: Option<&Carried>,
) -> Result<Stored, Fault> {
    if replaces.this().is_some() {
        s3::may_replace(aws, bucket, key)?;
    }
    let crc = spelled(checksum(&body));
    let content = Content::Whole(body);
    let object = uri(bucket, key);
    let call = || {
        let pulse = Arc::new(Pulse::new(content.length(), aws.person()));
        let call = aws
            .s3()
            .put_object()
            .bucket(bucket)
            .key(key)
            .set_metadata(Some(metadata.clone().into_iter().collect()))
            .set_if_none_match(replaces.none_match())
            .set_if_match(replaces.this())
            .checksum_crc64_nvme(&crc)
            .body(content.body(&pulse));
        let call = match like {
            Some(original) => carried!(call, original),
            None => demanded!(call, aws.demanded(bucket)),
        };
        let call = call.customize().disable_payload_signing();
        let object = &object;
        async move {
            let sent = async {
                let answer = call.send().await.heard(UPLOAD, object)?;
                Ok(Stored {
                    etag: Some(unquoted(object, answer.e_tag)?),
                    version: answer.version_id,
                })
            };
            pulse.attend(UPLOAD, object, sent).await
        }
    };
    again(call).await
}

/// The bytes `start..end` of the very object that `head` looked at, as they arrived.
pub(crate) async fn range(
    aws: &Aws,
    bucket: &str,
    key: &str,
    etag: Option<&str>,
    start: u64,
    end: u64,
) -> Result<Vec<Bytes>, Fault> {
    let mut pieces = Vec::new();
    let (mut at, mut pause) = (start, Pause::default());
    while at < end {
        let before = at;
        let Err(fault) = read_on(aws, bucket, key, etag, &mut at, end, &mut pieces).await else {
            break;
        };
        if at > before {
            pause = Pause::default();
        }
        if !fault.is_unheard() || !pause.wait().await {
            return Err(fault);
        }
    }
    Ok(pieces)
}

/// Reads from `at`, which moves along, to `end`.
async fn read_on(
    aws: &Aws,
    bucket: &str,
    key: &str,
    etag: Option<&str>,
    at: &mut u64,
    end: u64,
    pieces: &mut Vec<Bytes>,
) -> Result<(), Fault> {
    let object = uri(bucket, key);
    let call = aws
        .s3()
        .get_object()
        .bucket(bucket)
        .key(key)
        .set_version_id(aws.version_of(bucket, key))
        .range(format!("bytes={at}-{}", end.saturating_sub(1)))
        .set_if_match(etag.map(str::to_owned))
        .customize()
        .config_override(Builder::new().timeout_config(patience::of_downloads()));
    let answer = call.send().await.heard(DOWNLOAD, &object)?;
    if !answer.content_range().is_some_and(|range| is_of(range, *at, end)) {
        // Anything else than the bytes asked for: an error's text, or the whole object.
        let why = format!("it is not what stands from byte {at} to {end}");
        return Err(fault::not_an_answer(DOWNLOAD, &object, &why));
    }
    let mut body = answer.body;
    while let Some(piece) = body
        .try_next()
        .await
        .map_err(|error| fault::of_stream(DOWNLOAD, &object, &error))?
    {
        *at += piece.len() as u64;
        pieces.push(piece);
    }
    if *at == end {
        return Ok(());
    }
    let cause = format!("the answer ended at byte {at} instead of {end}");
    let kind = if *at < end {
        FaultKind::Service
    } else {
        FaultKind::Other
    };
    Err(Fault::new(kind, DOWNLOAD, object, cause, "try again"))
}

/// Whether a `Content-Range` is of these bytes.
fn is_of(range: &str, start: u64, end: u64) -> bool {
    let said = range.strip_prefix("bytes ").and_then(|range| range.split_once('/'));
    said.is_some_and(|(bytes, _)| bytes == format!("{start}-{}", end.saturating_sub(1)))
}

fn spelled(crc: u64) -> String {
    STANDARD.encode(crc.to_be_bytes())
}

/// What an object may take the place of, whatever happens meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Replaces {
    Nothing,
    /// The object of this ETag, as `head` gave it.
    This(String),
}

impl Replaces {
    fn none_match(&self) -> Option<String> {
        matches!(self, Self::Nothing).then(|| "*".to_owned())
    }

    fn this(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::This(etag) => Some(etag.clone()),
        }
    }
}

/// The ETag of what was stored: without one it was not.
fn unquoted(object: &str, etag: Option<String>) -> Result<String, Fault> {
    let etag = etag.expected(UPLOAD, object, "ETag")?;
    Ok(etag.trim_matches('"').to_owned())
}
