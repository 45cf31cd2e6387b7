//! What a bucket is set to: tags, whether it may be public, when unfinished uploads are thrown away.
//!
//! Nothing in this world is public anyway and no upload grows a week old: the settings are kept and told back.

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::super::convert::document_tags;
use super::super::store::AbortRule;
use super::Front;
use crate::api::ApiError;

pub(super) fn tagging(
    front: &Front,
    req: S3Request<GetBucketTaggingInput>,
) -> S3Result<S3Response<GetBucketTaggingOutput>> {
    let settings = front.store().settings(&req.input.bucket)?;
    if settings.tags.is_empty() {
        return Err(none("NoSuchTagSet", "The TagSet does not exist"));
    }
    let tag = |(key, value)| Tag {
        key: Some(key),
        value: Some(value),
    };
    Ok(S3Response::new(GetBucketTaggingOutput {
        tag_set: settings.tags.into_iter().map(tag).collect(),
    }))
}

pub(super) fn put_tagging(
    front: &Front,
    req: S3Request<PutBucketTaggingInput>,
) -> S3Result<S3Response<PutBucketTaggingOutput>> {
    let tags = document_tags(req.input.tagging.tag_set)?;
    front
        .store()
        .change_settings(&req.input.bucket, |settings| settings.tags = tags)?;
    Ok(S3Response::new(PutBucketTaggingOutput::default()))
}

pub(super) fn delete_tagging(
    front: &Front,
    req: S3Request<DeleteBucketTaggingInput>,
) -> S3Result<S3Response<DeleteBucketTaggingOutput>> {
    front
        .store()
        .change_settings(&req.input.bucket, |settings| settings.tags.clear())?;
    Ok(S3Response::new(DeleteBucketTaggingOutput::default()))
}

pub(super) fn public_access(
    front: &Front,
    req: S3Request<GetPublicAccessBlockInput>,
) -> S3Result<S3Response<GetPublicAccessBlockOutput>> {
    let settings = front.store().settings(&req.input.bucket)?;
    let Some([block_acls, ignore_acls, block_policy, restrict]) = settings.public_access else {
        return Err(none(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        ));
    };
    Ok(S3Response::new(GetPublicAccessBlockOutput {
        public_access_block_configuration: Some(PublicAccessBlockConfiguration {
            block_public_acls: Some(block_acls),
            ignore_public_acls: Some(ignore_acls),
            block_public_policy: Some(block_policy),
            restrict_public_buckets: Some(restrict),
        }),
    }))
}

pub(super) fn put_public_access(
    front: &Front,
    req: S3Request<PutPublicAccessBlockInput>,
) -> S3Result<S3Response<PutPublicAccessBlockOutput>> {
    let asked = req.input.public_access_block_configuration;
    let block = [
        asked.block_public_acls,
        asked.ignore_public_acls,
        asked.block_public_policy,
        asked.restrict_public_buckets,
    ];
    let block = block.map(Option::unwrap_or_default);
    front
        .store()
        .change_settings(&req.input.bucket, |settings| settings.public_access = Some(block))?;
    Ok(S3Response::new(PutPublicAccessBlockOutput::default()))
}

pub(super) fn lifecycle(
    front: &Front,
    req: S3Request<GetBucketLifecycleConfigurationInput>,
) -> S3Result<S3Response<GetBucketLifecycleConfigurationOutput>> {
    let settings = front.store().settings(&req.input.bucket)?;
    if settings.lifecycle.is_empty() {
        return Err(none(
            "NoSuchLifecycleConfiguration",
            "The lifecycle configuration does not exist",
        ));
    }
    let rule = |rule: AbortRule| LifecycleRule {
        abort_incomplete_multipart_upload: Some(AbortIncompleteMultipartUpload {
            days_after_initiation: Some(rule.days),
        }),
        filter: Some(LifecycleRuleFilter {
            prefix: Some(rule.prefix),
            ..LifecycleRuleFilter::default()
        }),
        id: rule.id,
        status: ExpirationStatus::from_static(ExpirationStatus::ENABLED),
        expiration: None,
        noncurrent_version_expiration: None,
        noncurrent_version_transitions: None,
        prefix: None,
        transitions: None,
    };
    Ok(S3Response::new(GetBucketLifecycleConfigurationOutput {
        rules: Some(settings.lifecycle.into_iter().map(rule).collect()),
        ..GetBucketLifecycleConfigurationOutput::default()
    }))
}

/// Takes rules that throw unfinished uploads away; others are not for this world.
pub(super) fn put_lifecycle(
    front: &Front,
    req: S3Request<PutBucketLifecycleConfigurationInput>,
) -> S3Result<S3Response<PutBucketLifecycleConfigurationOutput>> {
    let rules = req
        .input
        .lifecycle_configuration
        .map(|all| all.rules)
        .unwrap_or_default();
    let mut kept = Vec::new();
    for rule in rules {
        let expires = rule.expiration.is_some() || rule.transitions.is_some();
        let (Some(days), false) = (
            rule.abort_incomplete_multipart_upload
                .and_then(|abort| abort.days_after_initiation),
            expires,
        ) else {
            return Err(ApiError::new(
                "NotImplemented",
                "the sandbox keeps rules that abort incomplete uploads only",
            )
            .status(501)
            .into());
        };
        kept.push(AbortRule {
            id: rule.id,
            prefix: rule
                .filter
                .and_then(|filter| filter.prefix)
                .or(rule.prefix)
                .unwrap_or_default(),
            days,
        });
    }
    front
        .store()
        .change_settings(&req.input.bucket, |settings| settings.lifecycle = kept)?;
    Ok(S3Response::new(PutBucketLifecycleConfigurationOutput::default()))
}

fn none(code: &str, message: &str) -> s3s::S3Error {
    ApiError::new(code, message).status(404).into()
}
