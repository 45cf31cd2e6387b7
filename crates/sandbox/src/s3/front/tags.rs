//! Tags of objects.

use std::collections::BTreeMap;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::super::convert::document_tags;
use super::{Front, no_version};

pub(super) fn get(
    front: &Front,
    req: S3Request<GetObjectTaggingInput>,
) -> S3Result<S3Response<GetObjectTaggingOutput>> {
    let input = req.input;
    no_version(input.version_id.as_deref())?;
    let object = front.store().object(&input.bucket, &input.key)?;
    Ok(S3Response::new(GetObjectTaggingOutput {
        tag_set: object
            .tags
            .iter()
            .map(|(key, value)| Tag {
                key: Some(key.clone()),
                value: Some(value.clone()),
            })
            .collect(),
        version_id: None,
    }))
}

pub(super) fn put(
    front: &Front,
    req: S3Request<PutObjectTaggingInput>,
) -> S3Result<S3Response<PutObjectTaggingOutput>> {
    let input = req.input;
    no_version(input.version_id.as_deref())?;
    let tags = document_tags(input.tagging.tag_set)?;
    front.store().tag(&input.bucket, &input.key, tags)?;
    Ok(S3Response::new(PutObjectTaggingOutput::default()))
}

pub(super) fn delete(
    front: &Front,
    req: S3Request<DeleteObjectTaggingInput>,
) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
    let input = req.input;
    no_version(input.version_id.as_deref())?;
    front.store().tag(&input.bucket, &input.key, BTreeMap::new())?;
    Ok(S3Response::with_status(
        DeleteObjectTaggingOutput::default(),
        hyper::StatusCode::NO_CONTENT,
    ))
}
