//! How many older versions are there: what was replaced or deleted stays as one where a bucket keeps versions.

use futures::StreamExt;

use crate::aws::{Aws, s3};
use crate::domain::{Fault, FaultKind};

/// Counts older versions of keys under `prefixes`, and of these `keys`. A delete marker is none; a version behind one is.
///
/// # Errors
/// When they may not be listed, of a bucket of which it is not known that it never kept any.
pub(super) async fn count(aws: &Aws, bucket: &str, prefixes: &[String], keys: &[String]) -> Result<u64, Fault> {
    let places = prefixes.iter().map(|prefix| (prefix.as_str(), false));
    let places: Vec<(&str, bool)> = places.chain(keys.iter().map(|key| (key.as_str(), true))).collect();
    let mut older = 0;
    for (place, is_whole) in places {
        let mut pages = s3::list_versions(aws, bucket, place).pages();
        while let Some(page) = pages.next().await {
            let page = match page {
                Err(fault) if fault.kind == FaultKind::Denied && has_never_kept_any(aws, bucket).await => return Ok(0),
                page => page?,
            };
            let is_older = |version: &&s3::Version| {
                !version.is_latest && version.size.is_some() && (!is_whole || version.key == place)
            };
            older += page.iter().filter(is_older).count() as u64;
        }
    }
    Ok(older)
}

async fn has_never_kept_any(aws: &Aws, bucket: &str) -> bool {
    matches!(s3::versioning(aws, bucket).await, Ok(None))
}
