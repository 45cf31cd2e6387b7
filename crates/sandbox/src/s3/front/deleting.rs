//! Deletions: of a key, of one of its versions, of many.

use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::super::convert::malformed;
use super::super::store::Condition;
use super::super::versions::{Deleted, NULL, Version};
use super::versions::no_such_version;
use super::{Answer, Front, arn, by_version, gone, taken};
use crate::api::ApiError;

pub(super) fn one(front: &Front, req: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
    let (input, headers, extensions) = taken(req);
    let asked = front.asks_to_bypass(&input.bucket, &headers)?;
    let bypass = front.bypasses(asked, &extensions, &arn(&input.bucket, &input.key))?;
    let condition = match input.if_match {
        None => Condition::Any,
        Some(ETagCondition::Any) => Condition::Matches("*".to_owned()),
        Some(ETagCondition::ETag(etag)) => Condition::Matches(etag.into_value()),
    };
    let version = input.version_id.as_deref();
    let (deleted, _) = front.remove(&input.bucket, &input.key, version, &condition, bypass)?;
    Ok(gone(S3Response::new(DeleteObjectOutput {
        delete_marker: deleted.marker.then_some(true),
        version_id: deleted.version,
        request_charged: None,
    })))
}

impl Front {
    /// Deletes a key, or one version of it; what is to be said of that, and whether it was there.
    fn remove(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        condition: &Condition,
        bypass: bool,
    ) -> Result<(Deleted, bool), ApiError> {
        let store = self.store();
        let Some(id) = version else {
            return Ok((store.delete(bucket, key, condition)?, true));
        };
        let gone = store.delete_version(bucket, key, id, condition, bypass)?;
        let deleted = Deleted {
            marker: matches!(gone, Some(Version::Marker(_))),
            version: Some(id.to_owned()).filter(|_| store.names_versions(bucket).unwrap_or(false)),
            ..Deleted::default()
        };
        Ok((deleted, gone.is_some()))
    }
}

pub(super) fn many(front: &Front, req: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
    let (input, headers, extensions) = taken(req);
    front.store().check_bucket(&input.bucket)?;
    let asks_to_bypass = front.asks_to_bypass(&input.bucket, &headers)?;
    if input.delete.objects.is_empty() || input.delete.objects.len() > 1000 {
        return Err(malformed().into());
    }
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in input.delete.objects {
        let (key, version_id) = (object.key, object.version_id);
        let condition = match (object.e_tag, object.last_modified_time, object.size) {
            (None, None, None) => Ok(Condition::Any),
            (Some(etag), None, None) => Ok(Condition::Matches(etag.into_value())),
            _ => Err(ApiError::new(
                "NotImplemented",
                "LastModifiedTime and Size are conditions of directory buckets",
            )),
        };
        let action = by_version(version_id.is_some(), "s3:DeleteObjectVersion", "s3:DeleteObject");
        let resource = arn(&input.bucket, &key);
        let remove = || {
            front.allow(&extensions, action, &resource)?;
            let bypass = front.bypasses(asks_to_bypass, &extensions, &resource)?;
            front.remove(&input.bucket, &key, version_id.as_deref(), &condition?, bypass)
        };
        let done = remove();
        match done {
            Ok((_, false)) if version_id.as_deref() != Some(NULL) => {
                errors.push(failed(key, version_id, no_such_version()));
            }
            Ok((done, _)) => deleted.push(DeletedObject {
                delete_marker: done.marker.then_some(true),
                delete_marker_version_id: done.version.filter(|_| done.marker),
                key: Some(key),
                version_id,
            }),
            Err(error) => errors.push(failed(key, version_id, error)),
        }
    }
    let quiet = input.delete.quiet.unwrap_or(false);
    Ok(S3Response::new(DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: (!errors.is_empty()).then_some(errors),
        request_charged: None,
    }))
}

fn failed(key: String, version_id: Option<String>, error: ApiError) -> Error {
    Error {
        code: Some(error.code),
        key: Some(key),
        message: Some(error.message),
        version_id,
    }
}
