//! Tags of objects.

use std::collections::BTreeMap;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::super::convert::{OF_OBJECTS, document_tags};
use super::super::facts::requested;
use super::versions::{Asked, Found};
use super::{Answer, Front, arn};

pub(super) fn get(front: &Front, req: S3Request<GetObjectTaggingInput>) -> Answer<GetObjectTaggingOutput> {
    let input = req.input;
    let found = tagged(front, &input.bucket, &input.key, input.version_id.as_deref())?;
    Ok(S3Response::new(GetObjectTaggingOutput {
        tag_set: found
            .object
            .tags
            .iter()
            .map(|(key, value)| Tag {
                key: Some(key.clone()),
                value: Some(value.clone()),
            })
            .collect(),
        version_id: found.version,
    }))
}

pub(super) fn put(front: &Front, req: S3Request<PutObjectTaggingInput>) -> Answer<PutObjectTaggingOutput> {
    let S3Request {
        input, mut extensions, ..
    } = req;
    let tags = document_tags(input.tagging.tag_set, &OF_OBJECTS)?;
    Front::add_facts(&mut extensions, |facts| requested(facts, &tags))?;
    let action = match &input.version_id {
        Some(_) => "s3:PutObjectVersionTagging",
        None => "s3:PutObjectTagging",
    };
    front.allow(&extensions, action, &arn(&input.bucket, &input.key))?;
    let version_id = replace(front, &input.bucket, &input.key, input.version_id.as_deref(), tags)?;
    Ok(S3Response::new(PutObjectTaggingOutput { version_id }))
}

pub(super) fn delete(front: &Front, req: S3Request<DeleteObjectTaggingInput>) -> Answer<DeleteObjectTaggingOutput> {
    let input = req.input;
    let version_id = replace(
        front,
        &input.bucket,
        &input.key,
        input.version_id.as_deref(),
        BTreeMap::new(),
    )?;
    Ok(S3Response::with_status(
        DeleteObjectTaggingOutput { version_id },
        hyper::StatusCode::NO_CONTENT,
    ))
}

fn tagged(front: &Front, bucket: &str, key: &str, version: Option<&str>) -> S3Result<Found> {
    front.find(&Asked {
        bucket,
        key,
        version,
        customer: None,
    })
}

fn replace(
    front: &Front,
    bucket: &str,
    key: &str,
    version: Option<&str>,
    tags: BTreeMap<String, String>,
) -> S3Result<Option<String>> {
    let found = tagged(front, bucket, key, version)?;
    front.store().tag(bucket, key, found.object.version(), tags)?;
    Ok(found.version)
}
