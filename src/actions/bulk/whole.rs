//! What the first bytes of an object do not tell, and all of it does.

use crate::aws::again::again;
use crate::aws::{Aws, s3};
use crate::domain::format::{LONGEST_DATA_KEY_TEXT, is_data_key, is_json};
use crate::domain::{Fault, ObjectFormat};

/// All of what is no longer than an encrypted data key.
pub(super) async fn body(aws: &Aws, at: s3::At<'_>, glance: &s3::Glance) -> Result<Vec<u8>, Fault> {
    if glance.size <= glance.first.len() as u64 {
        return Ok(glance.first.clone());
    }
    let pinned = at.version.map(|version| aws.at_version(at.bucket, at.key, version));
    let aws = pinned.as_ref().unwrap_or(aws);
    again(|| s3::read_small(aws, at.bucket, at.key, LONGEST_DATA_KEY_TEXT)).await
}

/// What is there, now that of longer JSON which begins as the AWS CLI writes of an encrypted data key all was read: with any other member
/// it is data.
pub(super) async fn settled(aws: &Aws, at: s3::At<'_>, mut glance: s3::Glance) -> Result<s3::Glance, Fault> {
    if glance.info.format == ObjectFormat::KeyObject && is_json(&glance.first) {
        glance.first = body(aws, at, &glance).await?;
        if !is_data_key(&glance.first, glance.size) {
            // At rest it is as it was told to be.
            glance.info.format = ObjectFormat::Plain;
        }
    }
    Ok(glance)
}
