//! Interrupted uploads: found at the next start, to be finished or thrown away.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::ProgressSink;
use super::encrypt::{EncryptReport, discard, encrypt, request_of};
use super::key_escape::from_key;
use super::upload_journal::Journal;
use crate::aws::Aws;
use crate::domain::{Fault, FaultKind, InterruptedUpload, Location};

/// The interrupted uploads of this account's endpoint and region that nobody is working on; asks nothing over the
/// network, and locks none of them for longer than this call.
pub fn interrupted(aws: &Aws) -> Vec<InterruptedUpload> {
    let mut found: Vec<_> = Journal::all(aws).iter().map(row).collect();
    found.sort_by_key(|upload| upload.started);
    found
}

/// Finishes one, as the same command line would.
///
/// # Errors
/// When it is not there any more, or the upload fails.
pub async fn finish(
    aws: &Aws,
    id: &str,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<EncryptReport, Fault> {
    let (request, carried) = {
        let journal = Journal::of_id(id).ok_or_else(|| gone("resume", id))?;
        (request_of(&journal.header.asked), journal.header.asked.carried.clone())
    };
    encrypt(&aws.carrying_only(carried), request, progress, cancel).await
}

/// Throws one away: its parts, its key object if no token needs it, and its journal.
///
/// # Errors
/// When it is not there any more, or its parts cannot be aborted.
pub async fn abandon(aws: &Aws, id: &str) -> Result<(), Fault> {
    let journal = Journal::of_id(id).ok_or_else(|| gone("abort", id))?;
    discard(aws, journal).await
}

fn row(journal: &Journal) -> InterruptedUpload {
    let asked = &journal.header.asked;
    let traces = journal.all_traces();
    let destination = Location::s3(asked.bucket.clone(), asked.key.clone());
    InterruptedUpload {
        id: journal.id(),
        paths: asked.paths.iter().map(|path| PathBuf::from(from_key(path))).collect(),
        destination: destination.to_string(),
        started: journal.header.started,
        files: traces.len() as u64,
        files_done: traces.values().filter(|trace| trace.done.is_some()).count() as u64,
        bytes: traces.values().map(|trace| trace.token.stamp.size).sum(),
    }
}

fn gone(act: &str, id: &str) -> Fault {
    let cause = "it is finished, or somebody is working on it";
    Fault::new(FaultKind::NotFound, act, format!("upload {id}"), cause, "")
}
