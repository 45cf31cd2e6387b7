//! Buckets and objects, as far as no bytes move: a private, tidy bucket made; counted, emptied and deleted.

use std::collections::BTreeMap;

use super::{ProgressSink, workflow};
use crate::aws::{Aws, s3};
use crate::domain::{BucketCount, Fault, FaultKind, ObjectRow, Outcome, Progress};

/// Creates a bucket in the session's region: nothing in it can be made public, interrupted uploads are thrown away after
/// a week, and clean-up knows it by its tag. What cannot be set is a warning: the bucket works all the same.
pub async fn create_bucket(aws: &Aws, bucket: &str) -> Result<Outcome, Fault> {
    s3::create_bucket(aws, bucket).await?;
    let tags = workflow::tagged(&BTreeMap::new());
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

/// Deletes objects; one that cannot be deleted is a fault, the others are gone all the same.
pub async fn delete_objects(aws: &Aws, bucket: &str, objects: &[String]) -> Result<Outcome, Fault> {
    let objects = s3::delete_objects(aws, bucket, objects).await?;
    Ok(Outcome::Deleted { objects })
}

/// Counts what emptying a bucket would delete.
pub async fn count_bucket(aws: &Aws, bucket: &str, progress: &ProgressSink) -> Result<Outcome, Fault> {
    let mut count = BucketCount {
        bucket: bucket.to_owned(),
        ..BucketCount::default()
    };
    let mut token = None;
    loop {
        let page = s3::list_under(aws, bucket, "", token).await?;
        for row in &page.rows {
            if let ObjectRow::Object { size, .. } = row {
                count.objects += 1;
                count.bytes += size;
            }
        }
        progress.report(Progress {
            phase: "counting".to_owned(),
            item: bucket.to_owned(),
            items: Some((count.objects, count.objects)),
            ..Progress::default()
        });
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    count.uploads = uploads(aws, bucket).await?.len() as u64;
    Ok(Outcome::BucketCounted(count))
}

/// Deletes everything in a bucket, if that is no more than the person agreed to; then the bucket, if `delete` says so.
pub async fn empty_bucket(
    aws: &Aws,
    bucket: &str,
    expected: u64,
    delete: bool,
    progress: &ProgressSink,
) -> Result<Outcome, Fault> {
    let mut keys = Vec::new();
    let mut token = None;
    loop {
        let page = s3::list_under(aws, bucket, "", token).await?;
        keys.extend(page.rows.iter().map(|row| row.key().to_owned()));
        if keys.len() as u64 > expected {
            let cause = format!("it holds more than the {expected} objects that were agreed to");
            let remedy = "count it again";
            return Err(Fault::new(FaultKind::Conflict, "empty bucket", bucket, cause, remedy));
        }
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    for (key, id) in uploads(aws, bucket).await? {
        s3::abort_upload(aws, bucket, &key, &id).await?;
    }
    let mut gone = 0;
    for batch in keys.chunks(1000) {
        gone += s3::delete_objects(aws, bucket, batch).await?;
        progress.report(Progress {
            phase: "deleting".to_owned(),
            item: bucket.to_owned(),
            items: Some((gone, keys.len() as u64)),
            ..Progress::default()
        });
    }
    if delete {
        s3::delete_bucket(aws, bucket).await.map_err(|fault| {
            if fault.code.as_deref() == Some("BucketNotEmpty") {
                let remedy = "it keeps older versions, or somebody writes to it: delete them first";
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
        objects: gone,
        deleted: delete,
    })
}

async fn uploads(aws: &Aws, bucket: &str) -> Result<Vec<(String, String)>, Fault> {
    let (mut found, mut marker) = (Vec::new(), None);
    loop {
        let page = s3::unfinished_uploads(aws, bucket, marker).await?;
        found.extend(page.rows);
        marker = page.next;
        if marker.is_none() {
            return Ok(found);
        }
    }
}
