//! Buckets and objects, as far as no bytes move: a private, tidy bucket made; counted, emptied and deleted.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

use super::{ProgressSink, walk_tag};
use crate::aws::Aws;
use crate::aws::s3::{self, Version};
use crate::domain::{BucketCount, Fault, FaultKind, ObjectRow, Outcome, bucket};

/// Creates a bucket in the session's region: nothing in it can be made public, interrupted uploads are thrown away after
/// a week, and clean-up knows it by its tag. What cannot be set is a warning: the bucket works all the same.
pub async fn create_bucket(aws: &Aws, bucket: &str) -> Result<Outcome, Fault> {
    bucket::check("create bucket", bucket)?;
    s3::create_bucket(aws, bucket).await?;
    let tags = walk_tag::tagged(&BTreeMap::new());
    let (private, tidy, tagged) = futures::join!(
        s3::block_public_access(aws, bucket),
        s3::abort_old_uploads(aws, bucket),
        s3::tag_bucket(aws, bucket, &tags)
    );
    let warnings = [private, tidy, tagged].into_iter().filter_map(Result::err);
    Ok(Outcome::BucketCreated {
        bucket: bucket.to_owned(),
        warnings: warnings.map(|fault| fault.to_string()).collect(),
    })
}

/// How many objects one call deletes: between two of them an act may end.
const DELETED_AT_ONCE: usize = 1000;

/// Deletes objects; one that cannot be deleted is a fault, the others are gone all the same. Whoever cancels is told how
/// many are.
pub async fn delete_objects(
    aws: &Aws,
    bucket: &str,
    objects: &[String],
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    let all: Vec<Version> = objects.iter().cloned().map(Version::current).collect();
    delete_in_batches(aws, bucket, &all, "delete objects of", progress, cancel).await?;
    Ok(Outcome::Deleted {
        bucket: bucket.to_owned(),
        objects: objects.to_vec(),
    })
}

/// However it ends early, the fault says how many are gone.
async fn delete_in_batches(
    aws: &Aws,
    bucket: &str,
    objects: &[Version],
    act: &str,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<u64, Fault> {
    let (mut gone, all) = (0, objects.len() as u64);
    for batch in objects.chunks(DELETED_AT_ONCE) {
        if cancel.is_cancelled() {
            let cause = format!("cancelled: {gone} of {all} objects are deleted, the others are there");
            return Err(Fault::cancelled(act, bucket, cause, ""));
        }
        gone += s3::delete_versions(aws, bucket, batch)
            .await
            .map_err(|fault| match gone {
                0 => fault,
                gone => Fault {
                    cause: format!("{}; {gone} of {all} objects were deleted before", fault.cause),
                    ..fault
                },
            })?;
        progress.counted("deleting", bucket, (gone, all));
    }
    Ok(gone)
}

/// Counts what emptying a bucket would delete.
pub async fn count_bucket(aws: &Aws, bucket: &str, progress: &ProgressSink) -> Result<Outcome, Fault> {
    let mut count = BucketCount {
        bucket: bucket.to_owned(),
        ..BucketCount::default()
    };
    count.unseen = !walk(aws, bucket, |page| {
        for one in &page {
            tally(&mut count, one);
        }
        progress.counted(
            "counting",
            bucket,
            (count.objects + count.older(), count.objects + count.older()),
        );
        Ok(())
    })
    .await?;
    count.uploads = s3::unfinished_uploads(aws, bucket).every().await?.len() as u64;
    Ok(Outcome::BucketCounted(count))
}

/// Deletes everything in a bucket, if that is no more than the person agreed to; then the bucket, if `delete` says so.
/// Whoever cancels is told how much is gone.
pub async fn empty_bucket(
    aws: &Aws,
    bucket: &str,
    expected: u64,
    delete: bool,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    let (mut all, mut count) = (Vec::new(), BucketCount::default());
    walk(aws, bucket, |page| {
        if cancel.is_cancelled() {
            let cause = "cancelled: nothing was deleted";
            return Err(Fault::cancelled("empty bucket", bucket, cause, ""));
        }
        for one in &page {
            tally(&mut count, one);
        }
        all.extend(page);
        if all.len() as u64 > expected {
            let what = if count.older() > 0 {
                "objects, versions and markers"
            } else {
                "objects"
            };
            let cause = format!("it holds more than the {expected} {what} that were agreed to");
            let remedy = "count it again";
            return Err(Fault::conflict("empty bucket", bucket, cause, remedy));
        }
        Ok(())
    })
    .await?;
    let stopped = |cause: String| Err(Fault::cancelled("empty bucket", bucket, cause, ""));
    let uploads = s3::unfinished_uploads(aws, bucket).every().await?;
    for (aborted, (key, id)) in uploads.iter().enumerate() {
        if cancel.is_cancelled() {
            let all = uploads.len();
            return stopped(format!(
                "cancelled: {aborted} of {all} unfinished uploads are aborted, every object is there"
            ));
        }
        s3::abort_upload(aws, bucket, key, id).await?;
    }
    let gone = delete_in_batches(aws, bucket, &all, "empty bucket", progress, cancel).await?;
    if delete && cancel.is_cancelled() {
        return stopped(format!(
            "cancelled: all {gone} objects are deleted, the bucket is there"
        ));
    }
    if delete {
        s3::delete_bucket(aws, bucket).await.map_err(|fault| {
            if fault.code.as_deref() == Some("BucketNotEmpty") {
                let remedy = "it keeps versions that you may not list, or somebody writes to it: delete them first";
                Fault {
                    remedy: remedy.to_owned(),
                    ..fault
                }
            } else {
                fault
            }
        })?;
    }
    Ok(Outcome::BucketEmptied {
        bucket: bucket.to_owned(),
        objects: gone.saturating_sub(count.older()),
        older: count.older(),
        deleted: delete,
    })
}

fn tally(count: &mut BucketCount, one: &Version) {
    match one.size {
        None => count.markers += 1,
        Some(_) if one.is_latest => count.objects += 1,
        Some(_) => count.versions += 1,
    }
    count.bytes = count.bytes.saturating_add(one.size.unwrap_or_default());
}

/// Shows every page of what a bucket holds: versions and delete markers too, if the caller may list them; whether so.
async fn walk(aws: &Aws, bucket: &str, mut each: impl FnMut(Vec<Version>) -> Result<(), Fault>) -> Result<bool, Fault> {
    let (mut seen, mut is_whole) = (false, true);
    let mut versions = s3::list_versions(aws, bucket, "").pages();
    while let Some(page) = versions.next().await {
        match page {
            Err(fault) if !seen && has_no_versions(&fault) => is_whole = false,
            page => each(page?)?,
        }
        seen = true;
    }
    if is_whole {
        return Ok(true);
    }
    let mut pages = s3::list_under(aws, bucket, "").pages();
    while let Some(rows) = pages.try_next().await? {
        let current = rows.into_iter().filter_map(|row| match row {
            ObjectRow::Object { key, size, .. } => Some(Version {
                size: Some(size),
                ..Version::current(key)
            }),
            ObjectRow::Prefix { .. } => None,
        });
        each(current.collect())?;
    }
    Ok(false)
}

/// The caller may not see them, or the server has none.
fn has_no_versions(fault: &Fault) -> bool {
    fault.kind == FaultKind::Denied || fault.code.as_deref() == Some("NotImplemented")
}
