//! S3 bodies that stream: uploads in parts, downloads by range. Decides neither sizes nor how much is in flight.
//!
//! Every part carries its CRC-64/NVME, so S3 refuses what was damaged on the way and says later which parts it has;
//! the payload's SHA-256 is left out of the signature, for it would cost as much as the encryption does. What
//! fails for a reason that passes by itself is asked for [again](super::again), and a body that broke off is read on
//! from where it broke.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crc_fast::CrcAlgorithm;

use super::again::{Pause, ROUNDS, again, again_for};
use super::s3::uri;
use super::{Aws, fault, timestamp};
use crate::domain::{Fault, FaultKind};

const UPLOAD: &str = "upload";
const DOWNLOAD: &str = "download";
/// Until an answer begins, once a request is through.
const ANSWER: Duration = Duration::from_secs(30);
/// A part may be sent as slowly as this.
const SLOWEST_BYTES_PER_SECOND: u64 = 64 << 10;
/// S3 may think about many parts for a while.
const COMPLETION: Duration = Duration::from_secs(120);

/// What `HeadObject` says that a transfer needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// User metadata.
    pub(crate) metadata: BTreeMap<String, String>,
    /// Bytes of the stored object.
    pub(crate) length: u64,
    /// As S3 spells it, to be sent back in `If-Match`.
    pub(crate) etag: Option<String>,
}

/// An upload in parts that is neither complete nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Multipart {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) id: String,
}

/// One uploaded part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// From 1.
    pub(crate) number: i32,
    /// As S3 spells it.
    pub(crate) etag: String,
    /// CRC-64/NVME of its bytes; 0 if S3 does not say.
    pub(crate) crc: u64,
}

/// The checksum that goes with a part.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes)
}

pub(crate) async fn head(aws: &Aws, bucket: &str, key: &str) -> Result<Head, Fault> {
    let call = || async move {
        let call = aws.s3_control().head_object().bucket(bucket).key(key);
        let answer = call
            .send()
            .await
            .map_err(|error| fault::of("look at", &uri(bucket, key), &error))?;
        Ok(Head {
            metadata: answer.metadata.unwrap_or_default().into_iter().collect(),
            length: answer
                .content_length
                .and_then(|length| u64::try_from(length).ok())
                .unwrap_or_default(),
            etag: answer.e_tag,
        })
    };
    again(call).await
}

/// Whether there is an object of this name already, as far as the caller may know. A refusal of a HEAD has no words; the
/// calls that follow say it better, and none of them replaces an object that is there.
pub(crate) async fn is_taken(aws: &Aws, bucket: &str, key: &str) -> Result<bool, Fault> {
    match find(aws, bucket, key).await {
        Ok(found) => Ok(found.is_some()),
        Err(fault) if fault.is_transient() => Err(fault),
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

/// Writes a whole object at once; its ETag without quotes.
///
/// An answer that was lost makes the next try fail because the object exists: the caller finds out whose it is.
pub(crate) async fn put(
    aws: &Aws,
    bucket: &str,
    key: &str,
    body: Bytes,
    metadata: &BTreeMap<String, String>,
    overwrite: bool,
) -> Result<Option<String>, Fault> {
    let crc = spelled(checksum(&body));
    let call = || {
        let call = aws
            .s3()
            .put_object()
            .bucket(bucket)
            .key(key)
            .set_metadata(Some(metadata.clone().into_iter().collect()))
            .set_if_none_match(none_match(overwrite))
            .checksum_crc64_nvme(&crc)
            .body(ByteStream::from(body.clone()))
            .customize()
            .disable_payload_signing()
            .config_override(within(sending(body.len())));
        async move {
            let answer = call
                .send()
                .await
                .map_err(|error| fault::of(UPLOAD, &uri(bucket, key), &error))?;
            Ok(unquoted(answer.e_tag))
        }
    };
    again(call).await
}

/// Begins an upload in parts. `true` if an answer may have been lost: then there may be another upload, without a part.
pub(crate) async fn begin(
    aws: &Aws,
    bucket: &str,
    key: &str,
    metadata: &BTreeMap<String, String>,
) -> Result<(Multipart, bool), Fault> {
    let mut asked = 0;
    let call = || {
        asked += 1;
        let once = Builder::new().retry_config(RetryConfig::disabled());
        let call = aws
            .s3_control()
            .create_multipart_upload()
            .bucket(bucket)
            .key(key)
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_type(ChecksumType::FullObject)
            .set_metadata(Some(metadata.clone().into_iter().collect()))
            .customize()
            .config_override(once);
        async move {
            let object = uri(bucket, key);
            let answer = call.send().await.map_err(|error| fault::of(UPLOAD, &object, &error))?;
            answer
                .upload_id
                .ok_or_else(|| fault::incomplete(UPLOAD, &object, "upload id"))
        }
    };
    let id = again_for(ROUNDS * 2, call).await?;
    let upload = Multipart {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        id,
    };
    Ok((upload, asked > 1))
}

/// Uploads the part of this number, from 1.
pub(crate) async fn upload_part(
    aws: &Aws,
    upload: &Multipart,
    number: i32,
    body: Bytes,
    crc: u64,
) -> Result<Part, Fault> {
    let call = || {
        let call = aws
            .s3()
            .upload_part()
            .bucket(&upload.bucket)
            .key(&upload.key)
            .upload_id(&upload.id)
            .part_number(number)
            .checksum_crc64_nvme(spelled(crc))
            .body(ByteStream::from(body.clone()))
            .customize()
            .disable_payload_signing()
            .config_override(within(sending(body.len())));
        async move {
            let object = uri(&upload.bucket, &upload.key);
            let answer = call.send().await.map_err(|error| fault::of(UPLOAD, &object, &error))?;
            answer.e_tag.ok_or_else(|| fault::incomplete(UPLOAD, &object, "ETag"))
        }
    };
    let etag = again(call).await?;
    Ok(Part { number, etag, crc })
}

/// The parts that S3 has of an upload.
pub(crate) async fn parts(aws: &Aws, upload: &Multipart) -> Result<Vec<Part>, Fault> {
    let mut parts = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let marker = &after;
        let call = || async move {
            let call = aws
                .s3_control()
                .list_parts()
                .bucket(&upload.bucket)
                .key(&upload.key)
                .upload_id(&upload.id)
                .set_part_number_marker(marker.clone());
            call.send()
                .await
                .map_err(|error| fault::of("list the parts of", &uri(&upload.bucket, &upload.key), &error))
        };
        let page = again(call).await?;
        parts.extend(page.parts().iter().filter_map(|part| {
            Some(Part {
                number: part.part_number()?,
                etag: part.e_tag()?.to_owned(),
                crc: part.checksum_crc64_nvme().and_then(read_checksum).unwrap_or_default(),
            })
        }));
        after = page.next_part_number_marker().map(str::to_owned);
        if page.is_truncated() != Some(true) || after.is_none() {
            return Ok(parts);
        }
    }
}

/// Uploads in parts to exactly this key that are neither complete nor aborted, and when they were begun.
pub(crate) async fn uploads(
    aws: &Aws,
    bucket: &str,
    key: &str,
) -> Result<Vec<(Multipart, Option<jiff::Timestamp>)>, Fault> {
    let call = || async move {
        let call = aws.s3_control().list_multipart_uploads().bucket(bucket).prefix(key);
        call.send()
            .await
            .map_err(|error| fault::of("list the uploads of", &uri(bucket, key), &error))
    };
    let page = again(call).await?;
    let uploads = page.uploads().iter().filter(|upload| upload.key() == Some(key));
    let rows = uploads.filter_map(|upload| {
        let multipart = Multipart {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            id: upload.upload_id()?.to_owned(),
        };
        Some((multipart, upload.initiated().and_then(timestamp)))
    });
    Ok(rows.collect())
}

/// Makes the parts one object; its ETag without quotes. Asked once, with the SDK's attempts: whether a failure was one,
/// or an answer lost, only the caller can find out.
pub(crate) async fn complete(
    aws: &Aws,
    upload: &Multipart,
    parts: &[Part],
    overwrite: bool,
) -> Result<Option<String>, Fault> {
    let completed = parts.iter().map(|part| {
        CompletedPart::builder()
            .part_number(part.number)
            .e_tag(&part.etag)
            .checksum_crc64_nvme(spelled(part.crc))
            .build()
    });
    let call = aws
        .s3()
        .complete_multipart_upload()
        .bucket(&upload.bucket)
        .key(&upload.key)
        .upload_id(&upload.id)
        .set_if_none_match(none_match(overwrite))
        .multipart_upload(
            CompletedMultipartUpload::builder()
                .set_parts(Some(completed.collect()))
                .build(),
        )
        .customize()
        .config_override(within(COMPLETION));
    let answer = call
        .send()
        .await
        .map_err(|error| fault::of(UPLOAD, &uri(&upload.bucket, &upload.key), &error))?;
    Ok(unquoted(answer.e_tag))
}

/// Throws the parts away; fine if they are gone.
pub(crate) async fn abort(aws: &Aws, upload: &Multipart) -> Result<(), Fault> {
    let call = || async move {
        let call = aws
            .s3_control()
            .abort_multipart_upload()
            .bucket(&upload.bucket)
            .key(&upload.key)
            .upload_id(&upload.id);
        call.send()
            .await
            .map_err(|error| fault::of("abort the upload of", &uri(&upload.bucket, &upload.key), &error))
    };
    match again(call).await {
        Err(fault) if fault.kind != FaultKind::NotFound => Err(fault),
        _ => Ok(()),
    }
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
        if !fault.is_transient() || !pause.wait().await {
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
    let timeouts = TimeoutConfig::builder().read_timeout(ANSWER).build();
    let call = aws
        .s3()
        .get_object()
        .bucket(bucket)
        .key(key)
        .range(format!("bytes={at}-{}", end.saturating_sub(1)))
        .set_if_match(etag.map(str::to_owned))
        .customize()
        .config_override(Builder::new().timeout_config(timeouts));
    let answer = call
        .send()
        .await
        .map_err(|error| fault::of(DOWNLOAD, &object, &error))?;
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

fn sending(bytes: usize) -> Duration {
    ANSWER + Duration::from_secs(bytes as u64 / SLOWEST_BYTES_PER_SECOND)
}

/// For one call: every attempt ends within this time.
fn within(time: Duration) -> Builder {
    Builder::new().timeout_config(TimeoutConfig::builder().operation_attempt_timeout(time).build())
}

fn spelled(crc: u64) -> String {
    STANDARD.encode(crc.to_be_bytes())
}

fn read_checksum(text: &str) -> Option<u64> {
    let bytes: [u8; 8] = STANDARD.decode(text).ok()?.try_into().ok()?;
    Some(u64::from_be_bytes(bytes))
}

fn none_match(overwrite: bool) -> Option<String> {
    (!overwrite).then(|| "*".to_owned())
}

fn unquoted(etag: Option<String>) -> Option<String> {
    etag.map(|etag| etag.trim_matches('"').to_owned())
}
