//! Buckets and objects, as far as no bytes move.

use crate::aws::{Aws, s3};
use crate::domain::{Fault, Outcome};

/// Creates a bucket in the session's region.
pub async fn create_bucket(aws: &Aws, bucket: &str) -> Result<Outcome, Fault> {
    s3::create_bucket(aws, bucket).await?;
    Ok(Outcome::BucketCreated {
        bucket: bucket.to_owned(),
    })
}

/// Deletes objects; one that cannot be deleted is a fault, the others are gone all the same.
pub async fn delete_objects(aws: &Aws, bucket: &str, objects: &[String]) -> Result<Outcome, Fault> {
    let objects = s3::delete_objects(aws, bucket, objects).await?;
    Ok(Outcome::Deleted { objects })
}
