//! What an upload may take the place of.
//!
//! An encrypted data key is never replaced: every token under it would be lost. So before an object is replaced it is
//! looked at, once, and S3 is told to replace that very object and no other. A key object of ours says so in its metadata;
//! one that somebody else wrote, or we did before there was such a mark, is known as [a file is](is_kept_data_key).
//! Whoever may not look replaces nothing.

use crate::actions::encrypted_data_key::DATA_KEYS;
use crate::aws::s3::KEY_OBJECT_MARK;
use crate::aws::transfer::{Head, Replaces};
use crate::aws::{Aws, s3, transfer};
use crate::domain::format::{LONGEST_DATA_KEY_TEXT, is_kept_data_key};
use crate::domain::{Fault, FaultKind};

/// What is there, if it may be replaced.
pub(in crate::actions) async fn replaceable(aws: &Aws, bucket: &str, key: &str) -> Result<Replaces, Fault> {
    let head = match transfer::find(aws, bucket, key).await {
        Ok(Some(head)) => head,
        Ok(None) => return Ok(Replaces::Nothing),
        // Where nothing may be listed a name that is free looks like this too.
        Err(fault) if fault.kind == FaultKind::Denied => return Ok(Replaces::Nothing),
        Err(fault) => return Err(fault),
    };
    let uri = s3::uri(bucket, key);
    if is_data_key(aws, bucket, key, &head).await? {
        let cause = "it is an encrypted data key: every token under it would be lost";
        let remedy = "choose another name: encrypted data keys are never overwritten";
        return Err(Fault::conflict("write", uri, cause, remedy));
    }
    head.etag.map(Replaces::This).ok_or_else(|| {
        let cause = "the answer to a look at it has no ETag";
        Fault::new(FaultKind::Service, "write", uri, cause, "delete it first")
    })
}

async fn is_data_key(aws: &Aws, bucket: &str, key: &str, head: &Head) -> Result<bool, Fault> {
    if key.starts_with(DATA_KEYS) || head.metadata.contains_key(KEY_OBJECT_MARK) {
        return Ok(true);
    }
    let may_be =
        (1..=LONGEST_DATA_KEY_TEXT).contains(&head.length) && !head.metadata.contains_key("strongroom-version");
    if !may_be {
        return Ok(false);
    }
    let bytes = s3::read_small(aws, bucket, key, LONGEST_DATA_KEY_TEXT).await?;
    Ok(is_kept_data_key(key.as_bytes(), &bytes))
}
