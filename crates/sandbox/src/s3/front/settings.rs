//! What a bucket is set to: tags, whether it may be public, what is thrown away when it is old.
//!
//! Of the four switches against public access the two about policies do something here: `BlockPublicPolicy` when a bucket
//! policy is put, `RestrictPublicBuckets` when another account comes by one. Those about ACLs are kept and told back: ACLs
//! that are public are not served.

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::super::convert::{OF_BUCKETS, document_tags};
use super::Front;
use crate::api::ApiError;

mod rules;

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
    let tags = document_tags(req.input.tagging.tag_set, &OF_BUCKETS)?;
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

pub(super) fn delete_public_access(
    front: &Front,
    req: S3Request<DeletePublicAccessBlockInput>,
) -> S3Result<S3Response<DeletePublicAccessBlockOutput>> {
    front
        .store()
        .change_settings(&req.input.bucket, |settings| settings.public_access = None)?;
    Ok(S3Response::with_status(
        DeletePublicAccessBlockOutput::default(),
        hyper::StatusCode::NO_CONTENT,
    ))
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
    Ok(S3Response::new(GetBucketLifecycleConfigurationOutput {
        rules: Some(settings.lifecycle),
        transition_default_minimum_object_size: Some(smallest_to_move()),
    }))
}

/// Nothing is moved to another storage class here; S3 says from which size on it would be.
fn smallest_to_move() -> TransitionDefaultMinimumObjectSize {
    TransitionDefaultMinimumObjectSize::from_static(TransitionDefaultMinimumObjectSize::ALL_STORAGE_CLASSES_128K)
}

pub(super) fn put_lifecycle(
    front: &Front,
    req: S3Request<PutBucketLifecycleConfigurationInput>,
) -> S3Result<S3Response<PutBucketLifecycleConfigurationOutput>> {
    let input = req.input;
    let asked = input.transition_default_minimum_object_size.as_ref();
    match asked.map(TransitionDefaultMinimumObjectSize::as_str) {
        None | Some(TransitionDefaultMinimumObjectSize::ALL_STORAGE_CLASSES_128K) => {}
        Some(TransitionDefaultMinimumObjectSize::VARIES_BY_STORAGE_CLASS) => {
            return Err(
                ApiError::new("NotImplemented", "varies_by_storage_class is not implemented")
                    .status(501)
                    .into(),
            );
        }
        Some(other) => {
            let message = format!("Invalid TransitionDefaultMinimumObjectSize found: {other}");
            return Err(ApiError::new("InvalidRequest", message).into());
        }
    }
    let given = input.lifecycle_configuration.map(|all| all.rules).unwrap_or_default();
    let rules = rules::checked(given)?;
    front
        .store()
        .change_settings(&input.bucket, |settings| settings.lifecycle = rules)?;
    Ok(S3Response::new(PutBucketLifecycleConfigurationOutput {
        transition_default_minimum_object_size: Some(smallest_to_move()),
    }))
}

pub(super) fn delete_lifecycle(
    front: &Front,
    req: S3Request<DeleteBucketLifecycleInput>,
) -> S3Result<S3Response<DeleteBucketLifecycleOutput>> {
    front
        .store()
        .change_settings(&req.input.bucket, |settings| settings.lifecycle.clear())?;
    Ok(S3Response::with_status(
        DeleteBucketLifecycleOutput::default(),
        hyper::StatusCode::NO_CONTENT,
    ))
}

fn none(code: &str, message: &str) -> s3s::S3Error {
    ApiError::new(code, message).status(404).into()
}
