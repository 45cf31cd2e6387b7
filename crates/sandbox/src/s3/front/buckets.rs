//! Buckets: made, asked about, removed.

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::super::convert::{owner, parse_token, time, token};
use super::super::list::After;
use super::super::store::no_such_bucket;
use super::Front;
use crate::api::ApiError;
use crate::identity::Place;

pub(super) fn create(front: &Front, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
    let place = Front::caller(&req.extensions)?.place.clone();
    let input = req.input;
    let constraint = input
        .create_bucket_configuration
        .and_then(|configuration| configuration.location_constraint);
    let constraint = constraint.as_ref().map_or("", |constraint| constraint.as_str());
    let region = region_of_new(front, constraint, &place.region)?;
    let place = Place::new(place.account, region);
    front.store().create_bucket(&input.bucket, &place)?;
    Ok(S3Response::new(CreateBucketOutput {
        location: Some(if constraint.is_empty() {
            format!("/{}", input.bucket)
        } else {
            format!("http://{}.s3.amazonaws.com/", input.bucket)
        }),
    }))
}

/// Where a bucket goes. us-east-1 makes buckets of every region but needs no telling for its own; elsewhere a request
/// must name the region that it is sent to.
fn region_of_new<'a>(front: &Front, constraint: &'a str, region: &'a str) -> Result<&'a str, ApiError> {
    const FIRST: &str = "us-east-1";
    match (constraint, region) {
        ("", FIRST) => Ok(FIRST),
        (told, FIRST) if told != FIRST && front.world.has_region(told) => Ok(told),
        (_, FIRST) => Err(ApiError::new(
            "InvalidLocationConstraint",
            "The specified location-constraint is not valid",
        )),
        (told, region) if told == region => Ok(region),
        (told, _) => {
            let told = if told.is_empty() { "unspecified" } else { told };
            Err(ApiError::new(
                "IllegalLocationConstraintException",
                format!(
                    "The {told} location constraint is incompatible for the region specific endpoint this request was \
                     sent to."
                ),
            ))
        }
    }
}

pub(super) fn delete(front: &Front, req: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
    front.store().delete_bucket(&req.input.bucket)?;
    Ok(S3Response::with_status(
        DeleteBucketOutput::default(),
        hyper::StatusCode::NO_CONTENT,
    ))
}

pub(super) fn head(front: &Front, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
    let place = front.store().place(&req.input.bucket).ok_or_else(no_such_bucket)?;
    Ok(S3Response::new(HeadBucketOutput {
        bucket_region: Some(place.region),
        access_point_alias: Some(false),
        ..HeadBucketOutput::default()
    }))
}

pub(super) fn list(front: &Front, req: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
    let account = Front::caller(&req.extensions)?.place.account.clone();
    let input = req.input;
    let limit = usize::try_from(input.max_buckets.unwrap_or(10_000)).unwrap_or(10_000);
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let after = input.continuation_token.as_deref().map(parse_token).transpose()?;
    let mut left: Vec<_> = front
        .store()
        .buckets(&account)
        .into_iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .filter(|(_, birth)| {
            let only = input.bucket_region.as_ref();
            only.is_none_or(|region| *region == birth.place.region)
        })
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
                .map(|(name, birth)| Bucket {
                    bucket_region: Some(birth.place.region),
                    creation_date: Some(time(birth.created)),
                    name: Some(name),
                })
                .collect(),
        ),
        continuation_token: next,
        owner: Some(owner(&account)),
        prefix: input.prefix,
    }))
}

pub(super) fn location(
    front: &Front,
    req: S3Request<GetBucketLocationInput>,
) -> S3Result<S3Response<GetBucketLocationOutput>> {
    let place = front.store().place(&req.input.bucket).ok_or_else(no_such_bucket)?;
    Ok(S3Response::new(GetBucketLocationOutput {
        location_constraint: (place.region != "us-east-1").then(|| place.region.into()),
    }))
}
