//! Interrupted uploads: found at the next start, to be finished or thrown away.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::ProgressSink;
use super::encrypt::{EncryptReport, discard, encrypt, request_of};
use super::key_escape::from_key;
use super::upload_journal::{Journal, may_be_of};
use crate::aws::{Aws, sts};
use crate::domain::{Fault, InterruptedUpload, Location};

/// The interrupted uploads of this account, endpoint and region that nobody is working on. Asks who we are where one says
/// whose it is; locks none of them meanwhile.
pub async fn interrupted(aws: &Aws) -> Vec<InterruptedUpload> {
    let whose = |journal: &Journal| (journal.header.account.clone(), row(journal));
    let mut found: Vec<_> = Journal::all(aws).iter().map(whose).collect();
    if found.iter().any(|(began, _)| began.is_some()) {
        let ours = sts::account(aws).await;
        found.retain(|(began, _)| may_be_of(began.as_deref(), ours.as_deref()));
    }
    found.sort_by_key(|(_, upload)| upload.started);
    found.into_iter().map(|(_, upload)| upload).collect()
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
    Fault::not_found(act, format!("upload {id}"), cause, "")
}
