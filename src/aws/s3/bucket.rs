//! A bucket's own settings: made private and tidy, looked at, emptied of unfinished uploads, deleted.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketLocationConstraint, CreateBucketConfiguration,
    ExpirationStatus, LifecycleRule, LifecycleRuleFilter, PublicAccessBlockConfiguration, ServerSideEncryption,
    ServerSideEncryptionConfiguration, Tag, Tagging,
};

use super::uri;
use crate::aws::Aws;
use crate::aws::fault::{Expected, Heard};
use crate::domain::{Fault, FaultKind};

/// Days after which S3 throws away what an interrupted upload left.
const ABORT_AFTER: i32 = 7;

pub(crate) async fn create_bucket(aws: &Aws, bucket: &str) -> Result<(), Fault> {
    // us-east-1 is the one region that must not be named.
    let place = (aws.region() != "us-east-1").then(|| {
        CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(aws.region()))
            .build()
    });
    let call = aws
        .s3_control()
        .create_bucket()
        .bucket(bucket)
        .set_create_bucket_configuration(place);
    call.send().await.heard("create bucket", bucket).map(drop)
}

/// Nothing in it can be made public, whatever its policies say.
pub(crate) async fn block_public_access(aws: &Aws, bucket: &str) -> Result<(), Fault> {
    let all = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .ignore_public_acls(true)
        .block_public_policy(true)
        .restrict_public_buckets(true)
        .build();
    let call = aws
        .s3_control()
        .put_public_access_block()
        .bucket(bucket)
        .public_access_block_configuration(all);
    call.send().await.heard("block public access to bucket", bucket)?;
    Ok(())
}

/// S3 aborts what an interrupted upload left.
pub(crate) async fn abort_old_uploads(aws: &Aws, bucket: &str) -> Result<(), Fault> {
    let act = "set the lifecycle of bucket";
    let rule = LifecycleRule::builder()
        .id("abort-incomplete-uploads")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .abort_incomplete_multipart_upload(
            AbortIncompleteMultipartUpload::builder()
                .days_after_initiation(ABORT_AFTER)
                .build(),
        )
        .build();
    let rules = rule.and_then(|rule| BucketLifecycleConfiguration::builder().rules(rule).build());
    let rules = rules.map_err(|error| Fault::invalid(act, bucket, error.to_string(), ""))?;
    let call = aws
        .s3_control()
        .put_bucket_lifecycle_configuration()
        .bucket(bucket)
        .lifecycle_configuration(rules);
    call.send().await.heard(act, bucket).map(drop)
}

pub(crate) async fn tag_bucket(aws: &Aws, bucket: &str, tags: &BTreeMap<String, String>) -> Result<(), Fault> {
    let act = "tag bucket";
    let set: Result<Vec<_>, _> = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect();
    let tagging = set.and_then(|set| Tagging::builder().set_tag_set(Some(set)).build());
    let tagging = tagging.map_err(|error| Fault::invalid(act, bucket, error.to_string(), ""))?;
    let call = aws.s3_control().put_bucket_tagging().bucket(bucket).tagging(tagging);
    call.send().await.heard(act, bucket).map(drop)
}

/// A bucket without tags has none.
pub(crate) async fn bucket_tags(aws: &Aws, bucket: &str) -> Result<BTreeMap<String, String>, Fault> {
    let call = aws.s3_control().get_bucket_tagging().bucket(bucket);
    match call.send().await.heard("read the tags of bucket", bucket) {
        Ok(answer) => Ok(answer
            .tag_set()
            .iter()
            .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
            .collect()),
        Err(fault) if fault.code.as_deref() == Some("NoSuchTagSet") => Ok(BTreeMap::new()),
        Err(fault) => Err(fault),
    }
}

/// The region of a bucket.
pub(crate) async fn bucket_region(aws: &Aws, bucket: &str) -> Result<String, Fault> {
    let call = aws.s3_control().get_bucket_location().bucket(bucket);
    let answer = call.send().await.heard("ask for the region of bucket", bucket)?;
    let place = answer.location_constraint().map_or("", |place| place.as_str());
    Ok(match place {
        "" => "us-east-1",
        "EU" => "eu-west-1",
        other => other,
    }
    .to_owned())
}

/// The KMS key that S3 itself encrypts new objects under, if it does by KMS.
pub(crate) async fn default_key(aws: &Aws, bucket: &str) -> Result<Option<String>, Fault> {
    let call = aws.s3_control().get_bucket_encryption().bucket(bucket);
    let answer = match call.send().await.heard("ask for the encryption of bucket", bucket) {
        Ok(answer) => answer,
        Err(fault)
            if fault.kind == FaultKind::NotFound && fault.code.as_deref() != Some("NoSuchBucket")
                || fault.code.as_deref() == Some("ServerSideEncryptionConfigurationNotFoundError") =>
        {
            return Ok(None);
        }
        Err(fault) => return Err(fault),
    };
    let rules = answer
        .server_side_encryption_configuration()
        .map(ServerSideEncryptionConfiguration::rules)
        .unwrap_or_default();
    let by_kms = rules
        .iter()
        .filter_map(|rule| rule.apply_server_side_encryption_by_default())
        .find(|rule| {
            *rule.sse_algorithm() == ServerSideEncryption::AwsKms
                || *rule.sse_algorithm() == ServerSideEncryption::AwsKmsDsse
        });
    Ok(by_kms.map(|rule| rule.kms_master_key_id().unwrap_or("alias/aws/s3").to_owned()))
}

pub(crate) async fn abort_upload(aws: &Aws, bucket: &str, key: &str, id: &str) -> Result<(), Fault> {
    let call = aws
        .s3_control()
        .abort_multipart_upload()
        .bucket(bucket)
        .key(key)
        .upload_id(id);
    call.send().await.heard("abort the upload of", &uri(bucket, key))?;
    Ok(())
}

/// The bucket must be empty.
pub(crate) async fn delete_bucket(aws: &Aws, bucket: &str) -> Result<(), Fault> {
    let call = aws.s3_control().delete_bucket().bucket(bucket);
    call.send().await.heard("delete bucket", bucket).map(drop)
}

/// The policy of a bucket, as JSON.
pub(crate) async fn bucket_policy(aws: &Aws, bucket: &str) -> Result<String, Fault> {
    let act = "read the policy of the bucket";
    let call = aws.s3_control().get_bucket_policy().bucket(bucket);
    let answer = call.send().await.heard(act, bucket)?;
    answer.policy.expected(act, bucket, "policy")
}
