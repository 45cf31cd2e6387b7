//! One object deleted, if it is still the one that was read; and what of it a bucket keeps then.

use aws_sdk_s3::types::{BucketVersioningStatus, ObjectLockLegalHoldStatus, ObjectLockRetentionMode};

use super::{may_replace, uri};
use crate::aws::again::insist;
use crate::aws::fault::Heard;
use crate::aws::{Aws, timestamp};
use crate::domain::explain::is_locked;
use crate::domain::{Fault, FaultKind};
use crate::printable::shell_word;

const ACT: &str = "delete";

/// Deletes the object of this ETag, as `head` gave it. Where the bucket keeps versions a marker hides it: its version.
///
/// # Errors
/// A conflict if it is another by now.
pub(crate) async fn delete_this(aws: &Aws, bucket: &str, key: &str, etag: &str) -> Result<Option<String>, Fault> {
    may_replace(aws, bucket, key)?;
    let object = uri(bucket, key);
    let call = aws.s3_control().delete_object().bucket(bucket).key(key).if_match(etag);
    let deleted = insist!(call, ACT, &object).await.map(|answer| answer.version_id);
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
    let call = aws.s3_control().delete_object().bucket(bucket).key(key);
    let call = call.version_id(version);
    match insist!(call, ACT, &object).await {
        Ok(_) => Ok(()),
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(()),
        Err(fault) if is_locked(&fault.cause) => Err(Box::pin(locked(aws, (bucket, key, version), fault)).await),
        Err(fault) => Err(fault),
    }
}

/// What names a version on a command line of the AWS CLI.
pub(crate) fn words_of_version(bucket: &str, key: &str, version: &str) -> String {
    let [bucket, key, version] = [bucket, key, version].map(|word| shell_word(word.as_bytes()));
    format!("--bucket {bucket} --key {key} --version-id {version}")
}

/// The refusal of a locked version, with what its lock is and what ends it, as far as the caller may know; every lock if not.
async fn locked(aws: &Aws, (bucket, key, version): (&str, &str, &str), fault: Fault) -> Fault {
    let object = &uri(bucket, key);
    let hold = aws.s3_control().get_object_legal_hold().bucket(bucket).key(key);
    let hold = hold.version_id(version);
    let retention = aws.s3_control().get_object_retention().bucket(bucket).key(key);
    let retention = retention.version_id(version);
    let (hold, retention) = futures::join!(
        insist!(hold, "ask for the legal hold of", object),
        insist!(retention, "ask for the retention of", object)
    );
    let this = words_of_version(bucket, key, version);
    let mut ends = Vec::new();
    let status = hold.ok().and_then(|answer| answer.legal_hold?.status);
    if status == Some(ObjectLockLegalHoldStatus::On) {
        ends.push(format!(
            "it is under a legal hold: `aws s3api put-object-legal-hold {this} --legal-hold Status=OFF`, for who may \
             s3:PutObjectLegalHold"
        ));
    }
    if let Some(retention) = retention.ok().and_then(|answer| answer.retention) {
        let until = retention.retain_until_date.as_ref().and_then(timestamp);
        let until = until.map_or_else(|| "its date".to_owned(), |until| until.to_string());
        ends.extend(match retention.mode {
            Some(ObjectLockRetentionMode::Compliance) => {
                Some(format!("it is retained in COMPLIANCE mode: until {until} nobody can delete it"))
            }
            Some(ObjectLockRetentionMode::Governance) => Some(format!(
                "it is retained in GOVERNANCE mode until {until}: before that only who may s3:BypassGovernanceRetention deletes it \
                 (`aws s3api delete-object {this} --bypass-governance-retention`)"
            )),
            _ => None,
        });
    }
    if ends.is_empty() {
        return fault;
    }
    Fault {
        remedy: ends.join("; "),
        ..fault
    }
}

/// Whether a bucket keeps versions, or did; `None` if it never has.
pub(crate) async fn versioning(aws: &Aws, bucket: &str) -> Result<Option<bool>, Fault> {
    let call = aws.s3_control().get_bucket_versioning().bucket(bucket);
    let answer = insist!(call, "ask for the versioning of bucket", bucket).await?;
    Ok(answer.status().map(|status| *status == BucketVersioningStatus::Enabled))
}
