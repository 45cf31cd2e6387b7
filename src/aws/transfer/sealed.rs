//! Objects that are known by their SHA-256: S3 takes no other bytes for them, and says afterwards which it has.

use std::sync::Arc;

use aws_sdk_s3::types::ChecksumMode;
use bytes::Bytes;

use super::body::Content;
use super::{UPLOAD, demanded, unquoted, uri};
use crate::aws::Aws;
use crate::aws::again::{again, insist};
use crate::aws::fault::Heard;
use crate::aws::patience::Pulse;
use crate::domain::Fault;

/// Writes a whole object that must not exist yet, with its SHA-256 as base64: S3 refuses bytes of any other.
pub(crate) async fn put_sealed(aws: &Aws, bucket: &str, key: &str, body: Bytes, sha256: &str) -> Result<(), Fault> {
    let content = Content::Whole(body);
    let object = uri(bucket, key);
    let call = || {
        let pulse = Arc::new(Pulse::new(content.length(), aws.person()));
        let call = aws
            .s3()
            .put_object()
            .bucket(bucket)
            .key(key)
            .if_none_match("*")
            .content_type("application/octet-stream")
            .checksum_sha256(sha256)
            .body(content.body(&pulse));
        let call = demanded!(call, aws.demanded(bucket))
            .customize()
            .disable_payload_signing();
        let object = &object;
        async move {
            let sent = async {
                let answer = call.send().await.heard(UPLOAD, object)?;
                unquoted(object, answer.e_tag)
            };
            pulse.attend(UPLOAD, object, sent).await
        }
    };
    again(call).await.map(drop)
}

/// The SHA-256 of a whole object as S3 computed it, as base64; `None` if it was written without.
pub(crate) async fn sha256(aws: &Aws, bucket: &str, key: &str) -> Result<Option<String>, Fault> {
    let call = aws.s3_control().head_object().bucket(bucket).key(key);
    let call = call.checksum_mode(ChecksumMode::Enabled);
    let answer = insist!(call, "look at", &uri(bucket, key)).await?;
    // Of the parts' checksums, as a multipart upload may have it.
    let is_of_parts = |sum: &String| sum.contains('-');
    Ok(answer.checksum_sha256.filter(|sum| !is_of_parts(sum)))
}
