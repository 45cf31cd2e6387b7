//! One object deleted, if it is still the one that was read; and what of it a bucket keeps then.

use aws_sdk_s3::types::BucketVersioningStatus;

use super::uri;
use crate::aws::Aws;
use crate::aws::again::again;
use crate::aws::fault::Heard;
use crate::domain::{Fault, FaultKind};

const ACT: &str = "delete";

/// Deletes the object of this ETag, as `head` gave it. Where the bucket keeps versions a marker hides it: its version.
///
/// # Errors
/// A conflict if it is another by now.
pub(crate) async fn delete_this(aws: &Aws, bucket: &str, key: &str, etag: &str) -> Result<Option<String>, Fault> {
    let object = uri(bucket, key);
    let call = || async {
        let call = aws.s3_control().delete_object().bucket(bucket).key(key).if_match(etag);
        let answer = call.send().await.heard(ACT, &object)?;
        Ok(answer.version_id)
    };
    let deleted = again(call).await;
    deleted.map_err(|fault| match fault.kind {
        FaultKind::Conflict => Fault {
            cause: format!("it is another object since it was read ({})", fault.cause),
            remedy: "it stays; look at it, and try again".to_owned(),
            ..fault
        },
        _ => fault,
    })
}

/// Deletes one version for good; fine if it is gone.
pub(crate) async fn delete_version(aws: &Aws, bucket: &str, key: &str, version: &str) -> Result<(), Fault> {
    let object = format!("version {version} of {}", uri(bucket, key));
    let call = || async {
        let call = aws
            .s3_control()
            .delete_object()
            .bucket(bucket)
            .key(key)
            .version_id(version);
        call.send().await.heard(ACT, &object)
    };
    match again(call).await {
        Ok(_) => Ok(()),
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(()),
        Err(fault) => Err(fault),
    }
}

/// Whether a bucket keeps versions, or did; `None` if it never has.
pub(crate) async fn versioning(aws: &Aws, bucket: &str) -> Result<Option<bool>, Fault> {
    let call = || async {
        let call = aws.s3_control().get_bucket_versioning().bucket(bucket);
        call.send().await.heard("ask for the versioning of bucket", bucket)
    };
    let answer = again(call).await?;
    Ok(answer.status().map(|status| *status == BucketVersioningStatus::Enabled))
}
