//! What a bucket is set to: tags, whether it may be public, what is thrown away when it is old.
//!
//! Of the four switches against public access the two about policies do something here: `BlockPublicPolicy` when a bucket
//! policy is put, `RestrictPublicBuckets` when another account comes by one. Those about ACLs are kept and told back: ACLs
//! that are public are not served.

use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::super::convert::{OF_BUCKETS, document_tags};
use super::{Answer, Front, gone};
use crate::api::ApiError;

mod rules;

pub(super) fn tagging(front: &Front, req: S3Request<GetBucketTaggingInput>) -> Answer<GetBucketTaggingOutput> {
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

pub(super) fn put_tagging(front: &Front, req: S3Request<PutBucketTaggingInput>) -> Answer<PutBucketTaggingOutput> {
    let tags = document_tags(req.input.tagging.tag_set, &OF_BUCKETS)?;
    front.set(&req.input.bucket, |settings| settings.tags = tags)
}

pub(super) fn delete_tagging(
    front: &Front,
    req: S3Request<DeleteBucketTaggingInput>,
) -> Answer<DeleteBucketTaggingOutput> {
    front.set(&req.input.bucket, |settings| settings.tags.clear())
}

pub(super) fn public_access(
    front: &Front,
    req: S3Request<GetPublicAccessBlockInput>,
) -> Answer<GetPublicAccessBlockOutput> {
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
) -> Answer<PutPublicAccessBlockOutput> {
    let asked = req.input.public_access_block_configuration;
    let block = [
        asked.block_public_acls,
        asked.ignore_public_acls,
        asked.block_public_policy,
        asked.restrict_public_buckets,
    ];
    let block = block.map(Option::unwrap_or_default);
    front.set(&req.input.bucket, |settings| settings.public_access = Some(block))
}

pub(super) fn delete_public_access(
    front: &Front,
    req: S3Request<DeletePublicAccessBlockInput>,
) -> Answer<DeletePublicAccessBlockOutput> {
    front
        .set(&req.input.bucket, |settings| settings.public_access = None)
        .map(gone)
}

pub(super) fn lifecycle(
    front: &Front,
    req: S3Request<GetBucketLifecycleConfigurationInput>,
) -> Answer<GetBucketLifecycleConfigurationOutput> {
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
) -> Answer<PutBucketLifecycleConfigurationOutput> {
    let input = req.input;
    let asked = input.transition_default_minimum_object_size.as_ref();
    match asked.map(TransitionDefaultMinimumObjectSize::as_str) {
        None | Some(TransitionDefaultMinimumObjectSize::ALL_STORAGE_CLASSES_128K) => {}
        Some(TransitionDefaultMinimumObjectSize::VARIES_BY_STORAGE_CLASS) => {
            return Err(ApiError::not_implemented("varies_by_storage_class is not implemented").into());
        }
        Some(other) => {
            let message = format!("Invalid TransitionDefaultMinimumObjectSize found: {other}");
            return Err(ApiError::invalid_request(message).into());
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
) -> Answer<DeleteBucketLifecycleOutput> {
    front
        .set(&req.input.bucket, |settings| settings.lifecycle.clear())
        .map(gone)
}

fn none(code: &str, message: &str) -> s3s::S3Error {
    ApiError::new(code, message).status(404).into()
}
