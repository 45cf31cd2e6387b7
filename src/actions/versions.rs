//! Versions of one object: listed, and held against each other.

use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::preview::preview;
use super::{ProgressSink, faults};
use crate::aws::{Aws, s3};
use crate::domain::versions::{Comparison, Side, VersionList, VersionRow};
use crate::domain::{Fault, ObjectRow, Outcome};

/// No longer list is read by anybody.
const MOST: usize = 1000;
/// Bytes of plaintext that are held against each other.
const BEGINNING: usize = 16 << 10;

/// The versions and delete markers of one object, the newest first; no more than a thousand.
///
/// # Errors
/// When they cannot be listed.
pub async fn list_versions(aws: &Aws, bucket: &str, object: &str, progress: &ProgressSink) -> Result<Outcome, Fault> {
    let mut list = VersionList {
        bucket: bucket.to_owned(),
        object: object.to_owned(),
        rows: Vec::new(),
        is_all: true,
    };
    progress.at("listing", s3::uri(bucket, object));
    let mut pages = s3::list_versions(aws, bucket, object).pages();
    while let Some(page) = pages.next().await {
        // Its own versions come first; longer names follow.
        let (own, others): (Vec<_>, Vec<_>) = page?.into_iter().partition(|version| version.key == object);
        list.rows.extend(own.into_iter().map(|version| VersionRow {
            id: version.id.unwrap_or_else(|| "null".to_owned()),
            size: version.size,
            modified: version.modified,
            etag: version.etag,
            is_latest: version.is_latest,
        }));
        list.is_all = list.rows.len() <= MOST;
        if !others.is_empty() || !list.is_all {
            break;
        }
    }
    // Of a page first come the versions, then the markers.
    list.rows
        .sort_by_key(|row| (!row.is_latest, std::cmp::Reverse(row.modified)));
    list.rows.truncate(MOST);
    Ok(Outcome::Versions(Box::new(list)))
}

/// What two versions say they are; with the beginnings of what they hold if that is wanted, decrypted in memory.
///
/// # Errors
/// When one cannot be looked at. That its beginning cannot be had is told beside it.
pub async fn compare_versions(
    aws: &Aws,
    (bucket, object): (&str, &str),
    versions: &[String; 2],
    is_decrypted: bool,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    let [one, other] = versions;
    let look = |id| side(aws, (bucket, object), id, is_decrypted, progress, cancel);
    let sides = [look(one).await?, look(other).await?];
    Ok(Outcome::Compared(Box::new(Comparison {
        bucket: bucket.to_owned(),
        object: object.to_owned(),
        sides,
    })))
}

async fn side(
    aws: &Aws,
    (bucket, object): (&str, &str),
    id: &str,
    is_decrypted: bool,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Side, Fault> {
    let aws = aws.at_version(bucket, object, id);
    let ObjectRow::Object {
        size,
        modified,
        etag,
        info: Some(info),
        ..
    } = s3::object_row(&aws, bucket, object).await?
    else {
        let cause = "nothing tells what it is";
        return Err(Fault::other("compare", s3::uri(bucket, object), cause, ""));
    };
    let beginning = if is_decrypted {
        match preview(&aws, bucket, object, None, (BEGINNING, false), progress, cancel).await {
            Err(_) if cancel.is_cancelled() => return Err(faults::cancelled("compare", s3::uri(bucket, object))),
            seen => Some(seen),
        }
    } else {
        None
    };
    Ok(Side {
        id: id.to_owned(),
        size,
        modified,
        etag,
        info,
        beginning,
    })
}
