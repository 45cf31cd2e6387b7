//! A request as its journal keeps it, and back.

use std::path::PathBuf;

use super::{Destination, EncryptRequest};
use crate::actions::key_escape::{from_key, to_key};
use crate::actions::upload_journal::UploadRequest;
use crate::aws::Aws;
use crate::domain::{Location, ObjectUri};

/// What tells the journal of this request; `None` where there are none.
pub(super) fn asked(aws: &Aws, request: &EncryptRequest) -> Option<UploadRequest> {
    let Destination::Location(Location::S3(ObjectUri { bucket, key })) = &request.destination else {
        return None;
    };
    let absolute = |path: &PathBuf| Some(to_key(std::path::absolute(path).ok()?.as_os_str()));
    (!aws.is_embedded()).then_some(())?;
    Some(UploadRequest {
        endpoint: aws.s3_endpoint().map(str::to_owned),
        region: aws.region().to_owned(),
        paths: request.paths.iter().map(absolute).collect::<Option<_>>()?,
        bucket: bucket.clone(),
        key: key.clone(),
        kms_key: request.key.clone(),
        context: request.context.clone(),
        data_key_name: request.data_key_name.clone(),
        overwrite: request.overwrite,
        carried: aws.upload_settings(bucket),
    })
}

/// The request that a journal was made for.
pub(in crate::actions) fn request_of(asked: &UploadRequest) -> EncryptRequest {
    EncryptRequest {
        paths: asked.paths.iter().map(|path| from_key(path).into()).collect(),
        destination: Destination::Location(Location::s3(asked.bucket.clone(), asked.key.clone())),
        key: asked.kms_key.clone(),
        context: asked.context.clone(),
        data_key_name: asked.data_key_name.clone(),
        data_key_out: None,
        overwrite: asked.overwrite,
        resume: true,
    }
}
