//! S3 bodies that stream: uploads in parts, downloads by range. Decides neither sizes nor how much is in flight.

use std::collections::BTreeMap;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;

use super::s3::uri;
use super::{Aws, fault};
use crate::domain::{Fault, FaultKind};

const UPLOAD: &str = "upload";

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
#[derive(Debug, Clone)]
pub(crate) struct Multipart {
    bucket: String,
    key: String,
    id: String,
}

/// One uploaded part.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// From 1.
    number: i32,
    completed: CompletedPart,
}

pub(crate) async fn head(aws: &Aws, bucket: &str, key: &str) -> Result<Head, Fault> {
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
}

/// Whether there is an object of this name.
pub(crate) async fn exists(aws: &Aws, bucket: &str, key: &str) -> Result<bool, Fault> {
    match head(aws, bucket, key).await {
        Ok(_) => Ok(true),
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// Writes a whole object at once; its ETag without quotes.
pub(crate) async fn put(
    aws: &Aws,
    bucket: &str,
    key: &str,
    body: Bytes,
    metadata: &BTreeMap<String, String>,
    overwrite: bool,
) -> Result<Option<String>, Fault> {
    let call = aws
        .s3()
        .put_object()
        .bucket(bucket)
        .key(key)
        .set_metadata(Some(metadata.clone().into_iter().collect()))
        .set_if_none_match(none_match(overwrite))
        .body(ByteStream::from(body));
    let answer = call
        .send()
        .await
        .map_err(|error| fault::of(UPLOAD, &uri(bucket, key), &error))?;
    Ok(unquoted(answer.e_tag))
}

/// Begins an upload in parts.
pub(crate) async fn begin(
    aws: &Aws,
    bucket: &str,
    key: &str,
    metadata: &BTreeMap<String, String>,
) -> Result<Multipart, Fault> {
    let call = aws
        .s3_control()
        .create_multipart_upload()
        .bucket(bucket)
        .key(key)
        .set_metadata(Some(metadata.clone().into_iter().collect()));
    let object = uri(bucket, key);
    let answer = call.send().await.map_err(|error| fault::of(UPLOAD, &object, &error))?;
    Ok(Multipart {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        id: answer
            .upload_id
            .ok_or_else(|| fault::incomplete(UPLOAD, &object, "upload id"))?,
    })
}

/// Uploads the part of this number, from 1.
pub(crate) async fn upload_part(aws: &Aws, upload: &Multipart, number: i32, body: Bytes) -> Result<Part, Fault> {
    let call = aws
        .s3()
        .upload_part()
        .bucket(&upload.bucket)
        .key(&upload.key)
        .upload_id(&upload.id)
        .part_number(number)
        .body(ByteStream::from(body));
    let answer = call
        .send()
        .await
        .map_err(|error| fault::of(UPLOAD, &uri(&upload.bucket, &upload.key), &error))?;
    let completed = CompletedPart::builder()
        .part_number(number)
        .set_e_tag(answer.e_tag)
        .set_checksum_crc32(answer.checksum_crc32)
        .set_checksum_crc32_c(answer.checksum_crc32_c)
        .set_checksum_crc64_nvme(answer.checksum_crc64_nvme)
        .build();
    Ok(Part { number, completed })
}

/// Makes the parts one object; its ETag without quotes.
pub(crate) async fn complete(
    aws: &Aws,
    upload: &Multipart,
    mut parts: Vec<Part>,
    overwrite: bool,
) -> Result<Option<String>, Fault> {
    parts.sort_by_key(|part| part.number);
    let parts = parts.into_iter().map(|part| part.completed).collect();
    let call = aws
        .s3()
        .complete_multipart_upload()
        .bucket(&upload.bucket)
        .key(&upload.key)
        .upload_id(&upload.id)
        .set_if_none_match(none_match(overwrite))
        .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build());
    let answer = call
        .send()
        .await
        .map_err(|error| fault::of(UPLOAD, &uri(&upload.bucket, &upload.key), &error))?;
    Ok(unquoted(answer.e_tag))
}

/// Throws the parts away.
pub(crate) async fn abort(aws: &Aws, upload: &Multipart) -> Result<(), Fault> {
    let call = aws
        .s3_control()
        .abort_multipart_upload()
        .bucket(&upload.bucket)
        .key(&upload.key)
        .upload_id(&upload.id);
    call.send()
        .await
        .map_err(|error| fault::of("abort the upload of", &uri(&upload.bucket, &upload.key), &error))?;
    Ok(())
}

/// The bytes `start..end` of the very object that `head` looked at.
pub(crate) async fn range(
    aws: &Aws,
    bucket: &str,
    key: &str,
    etag: Option<&str>,
    start: u64,
    end: u64,
) -> Result<Bytes, Fault> {
    let (act, object) = ("download", uri(bucket, key));
    let call = aws
        .s3()
        .get_object()
        .bucket(bucket)
        .key(key)
        .range(format!("bytes={start}-{}", end.saturating_sub(1)))
        .set_if_match(etag.map(str::to_owned));
    let answer = call.send().await.map_err(|error| fault::of(act, &object, &error))?;
    let bytes = answer
        .body
        .collect()
        .await
        .map_err(|error| fault::of_stream(act, &object, &error))?
        .into_bytes();
    if bytes.len() as u64 != end - start {
        let cause = format!("{} bytes came instead of {}", bytes.len(), end - start);
        return Err(Fault::new(FaultKind::Service, act, object, cause, "try again"));
    }
    Ok(bytes)
}

fn none_match(overwrite: bool) -> Option<String> {
    (!overwrite).then(|| "*".to_owned())
}

fn unquoted(etag: Option<String>) -> Option<String> {
    etag.map(|etag| etag.trim_matches('"').to_owned())
}
