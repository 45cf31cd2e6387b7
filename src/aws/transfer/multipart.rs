//! Uploads in parts: begun, sent part by part, completed or aborted, and looked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use aws_smithy_types::retry::RetryConfig;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::{Content, Replaces, UPLOAD, spelled, unquoted};
use crate::aws::again::{ROUNDS, again, again_for};
use crate::aws::patience::{self, Pulse};
use crate::aws::s3::uri;
use crate::aws::{Aws, fault, timestamp};
use crate::domain::{Fault, FaultKind};

/// An upload in parts that is neither complete nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Multipart {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) id: String,
}

/// What S3 says of such an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(crate) id: String,
    pub(crate) at: Option<Timestamp>,
    /// Who began it, as S3 names people.
    pub(crate) by: Option<String>,
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

/// Begins an upload in parts, and gives its id; also, how often an answer may have been lost: so many more uploads there may be, without a
/// part, and without anybody who knows their ids.
pub(crate) async fn begin(
    aws: &Aws,
    bucket: &str,
    key: &str,
    metadata: &BTreeMap<String, String>,
) -> Result<(String, usize), Fault> {
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
    Ok((id, asked - 1))
}

/// Uploads the part of this number, from 1.
pub(crate) async fn upload_part(
    aws: &Aws,
    upload: &Multipart,
    number: i32,
    content: &Content,
    crc: u64,
) -> Result<Part, Fault> {
    let object = uri(&upload.bucket, &upload.key);
    let call = || {
        let pulse = Arc::new(Pulse::new(content.length()));
        let call = aws
            .s3()
            .upload_part()
            .bucket(&upload.bucket)
            .key(&upload.key)
            .upload_id(&upload.id)
            .part_number(number)
            .checksum_crc64_nvme(spelled(crc))
            .body(content.body(&pulse))
            .customize()
            .disable_payload_signing();
        let object = &object;
        async move {
            let sent = async {
                let answer = call.send().await.map_err(|error| fault::of(UPLOAD, object, &error))?;
                answer.e_tag.ok_or_else(|| fault::incomplete(UPLOAD, object, "ETag"))
            };
            let sent = pulse.attend(UPLOAD, object, sent).await;
            sent.map_err(|fault| content.spoiled().unwrap_or(fault))
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

/// Uploads in parts to exactly this key that are neither complete nor aborted.
pub(crate) async fn uploads(aws: &Aws, bucket: &str, key: &str) -> Result<Vec<Begun>, Fault> {
    let mut found = Vec::new();
    let mut after: Option<(String, Option<String>)> = None;
    loop {
        let marker = &after;
        let call = || async move {
            let (after_key, after_id) = marker.clone().unzip();
            let call = aws
                .s3_control()
                .list_multipart_uploads()
                .bucket(bucket)
                .prefix(key)
                .set_key_marker(after_key)
                .set_upload_id_marker(after_id.flatten());
            call.send()
                .await
                .map_err(|error| fault::of("list the uploads of", &uri(bucket, key), &error))
        };
        let page = again(call).await?;
        let same = page.uploads().iter().filter(|upload| upload.key() == Some(key));
        found.extend(same.filter_map(|upload| {
            Some(Begun {
                id: upload.upload_id()?.to_owned(),
                at: upload.initiated().and_then(timestamp),
                by: upload.initiator().and_then(|by| by.id()).map(str::to_owned),
            })
        }));
        let next = page.next_key_marker().map(str::to_owned);
        match next {
            Some(next) if page.is_truncated() == Some(true) => {
                after = Some((next, page.next_upload_id_marker().map(str::to_owned)));
            }
            _ => return Ok(found),
        }
    }
}

/// Makes the parts one object; its ETag without quotes. Asked once, with the SDK's attempts: whether a failure was one,
/// or an answer lost, only the caller can find out.
pub(crate) async fn complete(
    aws: &Aws,
    upload: &Multipart,
    parts: &[Part],
    replaces: &Replaces,
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
        .set_if_none_match(replaces.none_match())
        .set_if_match(replaces.this())
        .multipart_upload(
            CompletedMultipartUpload::builder()
                .set_parts(Some(completed.collect()))
                .build(),
        )
        .customize()
        .config_override(Builder::new().timeout_config(patience::of_completion(parts.len())));
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

fn read_checksum(text: &str) -> Option<u64> {
    let bytes: [u8; 8] = STANDARD.decode(text).ok()?.try_into().ok()?;
    Some(u64::from_be_bytes(bytes))
}
