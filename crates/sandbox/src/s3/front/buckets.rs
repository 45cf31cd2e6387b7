//! Buckets: made, asked about, removed.

use hyper::HeaderMap;
use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::super::anew::TagsOfNew;
use super::super::convert::{OF_NEW_BUCKETS, document_tags, owner, parse_token, time, token};
use super::super::list::After;
use super::super::lock::Lock;
use super::super::store::{Ownership, Settings, no_such_bucket};
use super::super::versions::Versioning;
use super::{Answer, Front, gone};
use crate::api::ApiError;
use crate::identity::Place;

/// eu-west-1, by the name that it had when there was one region in Europe.
const EU: &str = "EU";
const IRELAND: &str = "eu-west-1";

pub(super) fn create(front: &Front, req: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
    let S3Request { input, extensions, .. } = req;
    let place = Front::caller(&extensions)?.place.clone();
    let constraint = input
        .create_bucket_configuration
        .and_then(|configuration| configuration.location_constraint);
    let constraint = constraint.as_ref().map_or("", |constraint| constraint.as_str());
    let region = region_of_new(front, constraint, &place.region)?;
    let mut settings = Settings {
        is_of_eu: constraint == EU,
        ..Settings::of_new()
    };
    let mut needed = Vec::new();
    if let Some(kind) = &input.object_ownership {
        settings.ownership = Ownership::parse(kind.as_str()).ok_or_else(|| {
            let message = format!("Invalid x-amz-object-ownership header: {}", kind.as_str());
            ApiError::invalid_argument(message)
        })?;
        needed.push("s3:PutBucketOwnershipControls");
    }
    if input.object_lock_enabled_for_bucket == Some(true) {
        settings.versioning = Versioning::Enabled;
        settings.lock = Some(Lock::default());
        needed.extend(["s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"]);
    }
    if let Some(TagsOfNew(tags)) = extensions.get() {
        settings.tags = document_tags(tags.clone(), &OF_NEW_BUCKETS)?;
        needed.push("s3:TagResource");
    }
    // What is there already is not changed.
    if front.store().place(&input.bucket).is_none() {
        let resource = format!("arn:aws:s3:::{}", input.bucket);
        for action in needed {
            front.allow(&extensions, action, &resource)?;
        }
    }
    let place = Place::new(place.account, region);
    front.store().create_bucket_as(&input.bucket, &place, settings)?;
    let mut response = S3Response::new(CreateBucketOutput {
        location: Some(if constraint.is_empty() {
            format!("/{}", input.bucket)
        } else {
            format!("http://{}.s3.amazonaws.com/", input.bucket)
        }),
    });
    name(&mut response.headers, &input.bucket);
    Ok(response)
}

/// Tells a bucket's ARN.
fn name(headers: &mut HeaderMap, bucket: &str) {
    if let Ok(arn) = format!("arn:aws:s3:::{bucket}").parse() {
        headers.insert("x-amz-bucket-arn", arn);
    }
}

/// Where a bucket goes. us-east-1 makes buckets of every region but needs no telling for its own; elsewhere a request
/// must name the region that it is sent to.
fn region_of_new<'a>(front: &Front, constraint: &'a str, region: &'a str) -> Result<&'a str, ApiError> {
    const FIRST: &str = "us-east-1";
    match (constraint, region) {
        ("", FIRST) => Ok(FIRST),
        (EU, FIRST) if front.world.has_region(IRELAND) => Ok(IRELAND),
        (EU, IRELAND) => Ok(IRELAND),
        (told, FIRST) if told != FIRST && front.world.has_region(told) => Ok(told),
        (_, FIRST) => Err(ApiError::new(
            "InvalidLocationConstraint",
            "The specified location-constraint is not valid",
        )),
        (told, region) if told == region => Ok(region),
        (told, _) => {
            let told = if told.is_empty() { "unspecified" } else { told };
            let message = format!(
                "The {told} location constraint is incompatible for the region specific endpoint this request was \
                 sent to."
            );
            Err(ApiError::new("IllegalLocationConstraintException", message))
        }
    }
}

pub(super) fn delete(front: &Front, req: S3Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
    front.store().delete_bucket(&req.input.bucket)?;
    Ok(gone(S3Response::new(DeleteBucketOutput::default())))
}

pub(super) fn head(front: &Front, req: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
    let place = front.store().place(&req.input.bucket).ok_or_else(no_such_bucket)?;
    let mut response = S3Response::new(HeadBucketOutput {
        bucket_region: Some(place.region),
        access_point_alias: Some(false),
        ..HeadBucketOutput::default()
    });
    name(&mut response.headers, &req.input.bucket);
    Ok(response)
}

pub(super) fn list(front: &Front, req: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
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

pub(super) fn location(front: &Front, req: S3Request<GetBucketLocationInput>) -> Answer<GetBucketLocationOutput> {
    let place = front.store().place(&req.input.bucket).ok_or_else(no_such_bucket)?;
    let is_of_eu = front.store().setting(&req.input.bucket, |settings| settings.is_of_eu)?;
    let region = if is_of_eu { EU.to_owned() } else { place.region };
    Ok(S3Response::new(GetBucketLocationOutput {
        location_constraint: (region != "us-east-1").then(|| region.into()),
    }))
}
