//! Tags of objects.

use std::collections::BTreeMap;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::super::convert::{OF_OBJECTS, document_tags};
use super::super::facts::requested;
use super::versions::Asked;
use super::{Answer, Front, arn, by_version, gone};

pub(super) fn get(front: &Front, req: S3Request<GetObjectTaggingInput>) -> Answer<GetObjectTaggingOutput> {
    let input = req.input;
    let found = front.find((&input.bucket, &input.key, input.version_id.as_deref()))?;
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
    let is_of_version = input.version_id.is_some();
    let action = by_version(is_of_version, "s3:PutObjectVersionTagging", "s3:PutObjectTagging");
    front.allow(&extensions, action, &arn(&input.bucket, &input.key))?;
    let asked = (&*input.bucket, &*input.key, input.version_id.as_deref());
    let version_id = replace(front, asked, tags)?;
    Ok(S3Response::new(PutObjectTaggingOutput { version_id }))
}

pub(super) fn delete(front: &Front, req: S3Request<DeleteObjectTaggingInput>) -> Answer<DeleteObjectTaggingOutput> {
    let input = req.input;
    let asked = (&*input.bucket, &*input.key, input.version_id.as_deref());
    let version_id = replace(front, asked, BTreeMap::new())?;
    Ok(gone(S3Response::new(DeleteObjectTaggingOutput { version_id })))
}

fn replace(front: &Front, asked: Asked, tags: BTreeMap<String, String>) -> S3Result<Option<String>> {
    let (bucket, key, _) = asked;
    let found = front.find(asked)?;
    front.store().tag(bucket, key, found.object.version(), tags)?;
    Ok(found.version)
}
