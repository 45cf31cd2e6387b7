//! Uploads in parts: begun, sent part by part, completed or aborted.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Content, Replaces, Stored, UPLOAD, spelled, unquoted};
use crate::aws::again::{again, insist};
use crate::aws::fault::{Expected, Heard};
use crate::aws::patience::{self, Pulse};
use crate::aws::s3::{Carried, carried, demanded, may_replace, uri};
use crate::aws::{Aws, List, Paged};
use crate::domain::{Fault, FaultKind};

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

/// Begins an upload in parts of an object like one that was there, or as the rules for the bucket want it; its id.
///
/// If an answer was lost there is one more that nobody knows the id of. It has no part and costs nothing, and S3 says
/// nothing of it that would tell it from somebody else's: it is left to the bucket's lifecycle.
pub(crate) async fn begin(
    aws: &Aws,
    bucket: &str,
    key: &str,
    metadata: &BTreeMap<String, String>,
    like: Option<&Carried>,
) -> Result<String, Fault> {
    let call = || async move {
        let call = aws
            .s3_control()
            .create_multipart_upload()
            .bucket(bucket)
            .key(key)
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_type(ChecksumType::FullObject)
            .set_metadata(Some(metadata.clone().into_iter().collect()));
        let call = match like {
            Some(original) => carried!(call, original),
            None => demanded!(call, aws.demanded(bucket)),
        };
        let object = uri(bucket, key);
        let answer = call.send().await.heard(UPLOAD, &object)?;
        answer.upload_id.expected(UPLOAD, &object, "upload id")
    };
    again(call).await
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
        let pulse = Arc::new(Pulse::new(content.length(), aws.person()));
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
                let answer = call.send().await.heard(UPLOAD, object)?;
                answer.e_tag.expected(UPLOAD, object, "ETag")
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
    let object = uri(&upload.bucket, &upload.key);
    let call = move |after| {
        let call = aws.s3_control().list_parts().bucket(&upload.bucket);
        let call = call.key(&upload.key).upload_id(&upload.id);
        call.set_part_number_marker(after).send()
    };
    let list = List::of("list the parts of", &object, call, |page| {
        let parts = page.parts().iter().map(|part| {
            Some(Part {
                number: part.part_number()?,
                etag: part.e_tag()?.to_owned(),
                crc: part.checksum_crc64_nvme().and_then(read_checksum).unwrap_or_default(),
            })
        });
        let next = page.next_part_number_marker();
        Paged::new(parts.collect(), next.filter(|_| page.is_truncated() == Some(true)))
    });
    list.every().await
}

/// Makes the parts one object; its ETag without quotes.
pub(crate) async fn complete(
    aws: &Aws,
    upload: &Multipart,
    parts: &[Part],
    replaces: &Replaces,
) -> Result<String, Fault> {
    let stored = complete_stored(aws, upload, parts, replaces).await?;
    unquoted(&uri(&upload.bucket, &upload.key), stored.etag)
}

/// Makes the parts one object. Asked once, with the SDK's attempts: whether a failure was one,
/// or an answer lost, only the caller can find out.
pub(crate) async fn complete_stored(
    aws: &Aws,
    upload: &Multipart,
    parts: &[Part],
    replaces: &Replaces,
) -> Result<Stored, Fault> {
    if replaces.this().is_some() {
        may_replace(aws, &upload.bucket, &upload.key)?;
    }
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
    let object = uri(&upload.bucket, &upload.key);
    let answer = call.send().await.heard(UPLOAD, &object)?;
    Ok(Stored {
        etag: Some(unquoted(&object, answer.e_tag)?),
        version: answer.version_id,
    })
}

/// Throws the parts away; fine if they are gone.
pub(crate) async fn abort(aws: &Aws, upload: &Multipart) -> Result<(), Fault> {
    let object = uri(&upload.bucket, &upload.key);
    let call = aws.s3_control().abort_multipart_upload().bucket(&upload.bucket);
    let call = call.key(&upload.key).upload_id(&upload.id);
    match insist!(call, "abort the upload of", &object).await {
        Err(fault) if fault.kind != FaultKind::NotFound => Err(fault),
        _ => Ok(()),
    }
}

pub(super) fn read_checksum(text: &str) -> Option<u64> {
    let bytes: [u8; 8] = STANDARD.decode(text).ok()?.try_into().ok()?;
    Some(u64::from_be_bytes(bytes))
}
