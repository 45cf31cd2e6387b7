//! URLs that are signed beforehand.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;

use super::uri;
use crate::aws::Aws;
use crate::aws::fault::Heard;
use crate::domain::Fault;

/// A URL that reads the object for so many seconds, in the caller's name. Nothing is sent.
pub(crate) async fn presigned(aws: &Aws, bucket: &str, key: &str, seconds: u64) -> Result<String, Fault> {
    let (act, object) = ("presign", uri(bucket, key));
    let terms = PresigningConfig::expires_in(Duration::from_secs(seconds));
    let terms = terms.map_err(|error| Fault::invalid(act, &object, error.to_string(), ""))?;
    let call = aws.s3_control().get_object().bucket(bucket).key(key);
    let request = call.presigned(terms).await.heard(act, &object)?;
    Ok(request.uri().to_owned())
}
