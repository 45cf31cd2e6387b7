//! Audit: what everything under a prefix is, by one request an object.
//!
//! Work begins with the first page, and rows come in the order of the list whatever comes back first. What is kept does not
//! grow with the number of objects: the page at hand, what waits for one before it, and of the encrypted data keys the names
//! (as hashes). These come last, for only then is it known which of them a token names.

use futures::TryStreamExt;
use tokio_util::sync::CancellationToken;

use super::flow::{Pages, flow};
use super::look::Look;
use super::rows::Rows;
use super::walk;
use crate::actions::ProgressSink;
use crate::actions::empty_place::EmptyPlace;
use crate::actions::faults::cancelled;
use crate::actions::verify::Deep;
use crate::aws::{Aws, s3};
use crate::domain::audit::{AuditRequest, AuditRow, AuditSummary, Ended};
use crate::domain::bulk::Listed;
use crate::domain::{Fault, Progress};

const ACT: &str = "audit";

/// Tells one row an object, in the order of the list, and at the end the encrypted data keys; then what all are together. What
/// was seen before it was stopped, or the list broke off, is told too: the summary says that it is a part.
///
/// # Errors
/// When nothing could be listed at all, or `tell` fails.
pub async fn audit(
    aws: &Aws,
    request: &AuditRequest,
    progress: &ProgressSink,
    cancel: &CancellationToken,
    tell: &mut (dyn FnMut(AuditRow) -> Result<(), Fault> + Send),
) -> Result<AuditSummary, Fault> {
    let place = s3::uri(&request.bucket, &request.prefix);
    let (silent, open) = (ProgressSink::none(), crate::actions::OpenOptions::default());
    let deep = request.deep.then(|| Deep::new(aws, &open, &silent, cancel));
    let look = Look::new(aws, &request.bucket, deep);
    let summary = AuditSummary::new(place.clone(), request.deep, request.versions);
    let mut rows = Rows::new(&request.bucket, &request.prefix, summary, tell);
    let mut take = |seen| {
        rows.take(seen)?;
        progress.report(so_far("auditing", &rows.summary));
        Ok(())
    };
    let flowed = flow(&look, listing(aws, request), cancel, &mut take).await?;
    // Of what was looked at nothing is lost, though one before it was not.
    for seen in flowed.behind {
        rows.take(Some(seen))?;
    }
    let is_nothing = rows.is_nothing();
    match flowed.ended {
        Ended::BrokeOff(fault) if is_nothing => Err(*fault),
        Ended::Stopped if is_nothing => Err(cancelled(ACT, place)),
        Ended::Whole if is_nothing && rows.summary.vanished == 0 => {
            rows.summary.only_older = only_older(aws, request).await?;
            rows.close(Ended::Whole)
        }
        ended => rows.close(ended),
    }
}

/// Of a prefix without any object, whether older versions or delete markers are there; of a whole bucket that is nobody's mistake.
///
/// # Errors
/// When nothing is there at all, or nobody may know.
pub(super) async fn only_older(aws: &Aws, request: &AuditRequest) -> Result<bool, Fault> {
    if request.prefix.is_empty() {
        return Ok(false);
    }
    match EmptyPlace::of(aws, &request.bucket, &[request.prefix.as_str()]).await {
        EmptyPlace::Deleted => Ok(true),
        empty => Err(empty.fault(ACT, s3::uri(&request.bucket, &request.prefix), "object")),
    }
}

/// How far it is.
pub(super) fn so_far(phase: &str, summary: &AuditSummary) -> Progress {
    Progress {
        phase: phase.to_owned(),
        item: format!("{}, {} objects", summary.place, summary.all.objects),
        bytes: summary.all.bytes,
        ..Progress::default()
    }
}

/// What there is to look at, page by page.
pub(super) fn listing<'a>(aws: &'a Aws, request: &'a AuditRequest) -> Pages<'a> {
    let (bucket, prefix) = (request.bucket.as_str(), request.prefix.as_str());
    if request.versions {
        return Box::pin(s3::list_versions(aws, bucket, prefix).pages().map_ok(|page| {
            let mut page: Vec<Listed> = page.into_iter().map(of_version).collect();
            // Versions and markers come apart.
            page.sort_by(|one, other| one.key.cmp(&other.key).then(other.is_latest.cmp(&one.is_latest)));
            page
        }));
    }
    walk::under(aws, bucket, prefix)
}

fn of_version(version: s3::Version) -> Listed {
    Listed {
        version: version.id.map(String::into_boxed_str),
        is_latest: version.is_latest,
        is_marker: version.size.is_none(),
        ..Listed::object(version.key, version.size.unwrap_or_default())
    }
}
