//! URLs that open one object for whoever has them, for a time.

use jiff::{SignedDuration, Timestamp};

use crate::aws::{Aws, s3};
use crate::domain::request::PRESIGNED_SECONDS;
use crate::domain::{Fault, Outcome, Plaintext};

/// A URL of the object's stored bytes: of a token the ciphertext. It is signed here, and nothing is sent.
///
/// # Errors
/// When there are no credentials to sign with.
pub async fn presign(aws: &Aws, bucket: &str, object: &str) -> Result<Outcome, Fault> {
    let until = Timestamp::now() + SignedDuration::from_secs(PRESIGNED_SECONDS.cast_signed());
    let url = s3::presigned(aws, bucket, object, PRESIGNED_SECONDS).await?;
    Ok(Outcome::Presigned {
        source: s3::uri(bucket, object),
        url: Plaintext::from(url),
        until,
    })
}
