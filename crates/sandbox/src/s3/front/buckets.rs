//! Buckets: made, asked about, removed.

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::super::convert::{owner, parse_token, time, token};
use super::super::list::After;
use super::Front;
use crate::api::ApiError;
use crate::identity::REGION;

pub(super) fn create(front: &Front, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
    let input = req.input;
    let constraint = input
        .create_bucket_configuration
        .and_then(|configuration| configuration.location_constraint);
    if let Some(constraint) = constraint
        && !constraint.as_str().is_empty()
    {
        return Err(ApiError::new(
            "InvalidLocationConstraint",
            "The specified location-constraint is not valid",
        )
        .into());
    }
    front.store().create_bucket(&input.bucket)?;
    Ok(S3Response::new(CreateBucketOutput {
        location: Some(format!("/{}", input.bucket)),
    }))
}

pub(super) fn delete(front: &Front, req: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
    front.store().delete_bucket(&req.input.bucket)?;
    Ok(S3Response::with_status(
        DeleteBucketOutput::default(),
        hyper::StatusCode::NO_CONTENT,
    ))
}

pub(super) fn head(front: &Front, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
    front.store().check_bucket(&req.input.bucket)?;
    Ok(S3Response::new(HeadBucketOutput {
        bucket_region: Some(REGION.to_owned()),
        ..HeadBucketOutput::default()
    }))
}

pub(super) fn list(front: &Front, req: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
    let input = req.input;
    let limit = usize::try_from(input.max_buckets.unwrap_or(10_000)).unwrap_or(10_000);
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let after = input.continuation_token.as_deref().map(parse_token).transpose()?;
    let mut left: Vec<_> = front
        .store()
        .buckets()
        .into_iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .filter(|(name, _)| !matches!(&after, Some(After::Key(key)) if name <= key))
        .collect();
    let more = left.len() > limit;
    left.truncate(limit);
    let next = left
        .last()
        .filter(|_| more)
        .and_then(|(name, _)| token(&After::Key(name.clone())));
    Ok(S3Response::new(ListBucketsOutput {
        buckets: Some(
            left.into_iter()
                .map(|(name, created)| Bucket {
                    bucket_region: Some(REGION.to_owned()),
                    creation_date: Some(time(created)),
                    name: Some(name),
                })
                .collect(),
        ),
        continuation_token: next,
        owner: Some(owner()),
        prefix: input.prefix,
    }))
}

pub(super) fn location(
    front: &Front,
    req: S3Request<GetBucketLocationInput>,
) -> S3Result<S3Response<GetBucketLocationOutput>> {
    front.store().check_bucket(&req.input.bucket)?;
    Ok(S3Response::new(GetBucketLocationOutput::default()))
}

pub(super) fn encryption(
    front: &Front,
    req: S3Request<GetBucketEncryptionInput>,
) -> S3Result<S3Response<GetBucketEncryptionOutput>> {
    front.store().check_bucket(&req.input.bucket)?;
    Err(ApiError::new(
        "ServerSideEncryptionConfigurationNotFoundError",
        "The server side encryption configuration was not found",
    )
    .status(404)
    .into())
}
