//! One operation: request -> action -> outcome, with progress on the way.
//!
//! Actions that leave something behind when they are cut (uploads, files) are told to cancel and clean up after
//! themselves; single calls are simply dropped.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Context, cancelled};
use crate::actions::decrypt::{DecryptReport, DecryptRequest, Output, decrypt};
use crate::actions::encrypt::{Destination, EncryptReport, EncryptRequest, encrypt};
use crate::actions::verify::{VerifyRequest, verify};
use crate::actions::{self, Aws, OpenOptions, Place, ProgressSink, resume};
use crate::app::{Event, OpEvent, OpId};
use crate::domain::{Fault, FaultKind, Outcome, Request};

const BETWEEN_PROGRESS: Duration = Duration::from_millis(100);

pub(super) async fn run(
    context: &Context,
    id: OpId,
    request: &Request,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    let (act, object) = words(request);
    let stopped = || cancelled(act, &object);
    let aws = tokio::select! {
        biased;
        () = cancel.cancelled() => return Err(stopped()),
        aws = context.aws() => aws?,
    };
    let progress = sink(context, id);
    let action = perform(&aws, request, &progress, cancel);
    if cleans_up(request) {
        return action.await;
    }
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(stopped()),
        outcome = action => outcome,
    }
}

/// Whether the action must not be dropped: it watches the token itself.
fn cleans_up(request: &Request) -> bool {
    matches!(
        request,
        Request::Encrypt { .. }
            | Request::ResumeUpload { .. }
            | Request::AbandonUpload { .. }
            | Request::Decrypt { .. }
            | Request::Verify { .. }
    )
}

/// What a panic inside an operation becomes: one failed operation, nothing else.
pub(super) fn of_panic(request: &Request, panic: &(dyn Any + Send)) -> Fault {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    let (act, object) = words(request);
    let cause = format!("strongroom failed inside: {text}");
    Fault::new(FaultKind::Other, act, object, cause, "please report this")
}

async fn perform(
    aws: &Aws,
    request: &Request,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    match request.clone() {
        Request::Encrypt {
            paths,
            bucket,
            prefix,
            key,
            context,
            overwrite,
        } => {
            let request = EncryptRequest {
                paths,
                destination: Destination::Place(Place::S3 { bucket, key: prefix }),
                key,
                context,
                data_key_name: None,
                data_key_out: None,
                overwrite,
                resume: true,
            };
            encrypted(encrypt(aws, request, progress, cancel).await?)
        }
        Request::ResumeUpload { id } => encrypted(resume::finish(aws, &id, progress, cancel).await?),
        Request::AbandonUpload { id } => {
            resume::abandon(aws, &id).await?;
            Ok(Outcome::UploadAbandoned { id })
        }
        Request::Decrypt {
            bucket,
            object,
            to,
            overwrite,
            accept_name,
        } => {
            let request = DecryptRequest {
                source: Place::S3 { bucket, key: object },
                output: Output::Path(to.clone()),
                open: OpenOptions {
                    accept_name,
                    ..OpenOptions::default()
                },
                overwrite,
            };
            decrypted(decrypt(aws, request, progress, cancel).await?, to)
        }
        Request::Verify { bucket, objects } => {
            let place = |key| Place::S3 {
                bucket: bucket.clone(),
                key,
            };
            let request = VerifyRequest {
                sources: objects.into_iter().map(place).collect(),
                open: OpenOptions::default(),
            };
            let verdicts = verify(aws, request, progress, cancel).await?;
            Ok(Outcome::Verified { verdicts })
        }
        Request::DeleteObjects { bucket, objects } => actions::delete_objects(aws, &bucket, &objects).await,
        Request::CreateBucket { bucket } => actions::create_bucket(aws, &bucket).await,
        Request::CreateGrant {
            key_arn,
            grantee,
            operations,
            name,
        } => actions::create_grant(aws, &key_arn, &grantee, &operations, name.as_deref()).await,
        Request::RevokeGrant { key_arn, grant_id } => actions::revoke_grant(aws, &key_arn, &grant_id).await,
        Request::Prove { key_arn, role_arn } => {
            let proof = actions::prove(aws, &key_arn, &role_arn, &BTreeMap::new()).await?;
            Ok(Outcome::Proved {
                role_arn: proof.role_arn,
                steps: proof.steps,
            })
        }
        Request::CreateKey { description, alias } => actions::create_key(aws, &description, &alias).await,
        Request::EnableKey { key_arn } => actions::enable_key(aws, &key_arn).await,
        Request::DisableKey { key_arn } => actions::disable_key(aws, &key_arn).await,
        Request::ScheduleKeyDeletion { key_arn, days } => actions::schedule_key_deletion(aws, &key_arn, days).await,
        Request::CancelKeyDeletion { key_arn } => actions::cancel_key_deletion(aws, &key_arn).await,
        Request::StartJob(spec) => actions::start_job(aws, &spec).await,
        Request::StopJob { name } => actions::stop_job(aws, &name).await,
    }
}

fn encrypted(report: EncryptReport) -> Result<Outcome, Fault> {
    whole(&report.failed, report.files.len())?;
    let places = report.files.iter().filter_map(|file| file.place.as_ref());
    Ok(Outcome::Encrypted {
        uris: places.map(ToString::to_string).collect(),
        bytes: report.files.iter().map(|file| file.bytes).sum(),
        data_key_uri: report
            .files
            .first()
            .map(|file| file.data_key_uri.clone())
            .unwrap_or_default(),
    })
}

fn decrypted(report: DecryptReport, to: PathBuf) -> Result<Outcome, Fault> {
    whole(&report.failed, report.files.len())?;
    let only = match report.files.as_slice() {
        [file] => file.path.clone(),
        _ => None,
    };
    Ok(Outcome::Decrypted {
        path: only.unwrap_or(to),
        bytes: report.files.iter().map(|file| file.bytes).sum(),
        bound: report.files.iter().all(|file| file.bound),
    })
}

/// One that failed among many makes the operation fail, saying how many are done.
fn whole(failed: &[Fault], done: usize) -> Result<(), Fault> {
    let Some(first) = failed.first() else {
        return Ok(());
    };
    let cause = format!("{} ({} failed, {done} done)", first.cause, failed.len());
    Err(Fault { cause, ..first.clone() })
}

/// At most ten events a second; one that finds no room is lost.
fn sink(context: &Context, id: OpId) -> ProgressSink {
    let outlet = context.outlet.clone();
    let last: Mutex<Option<Instant>> = Mutex::new(None);
    ProgressSink::new(move |progress| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if last.is_some_and(|at| now.duration_since(at) < BETWEEN_PROGRESS) {
            return;
        }
        *last = Some(now);
        outlet.offer(Event::Op {
            id,
            event: OpEvent::Progress(progress),
        });
    })
}

fn words(request: &Request) -> (&'static str, String) {
    match request {
        Request::Encrypt { bucket, prefix, .. } => ("encrypt to", format!("s3://{bucket}/{prefix}")),
        Request::ResumeUpload { id } => ("resume upload", id.clone()),
        Request::AbandonUpload { id } => ("abandon upload", id.clone()),
        Request::Decrypt { bucket, object, .. } => ("decrypt", format!("s3://{bucket}/{object}")),
        Request::Verify { bucket, .. } => ("verify objects of", bucket.clone()),
        Request::DeleteObjects { bucket, .. } => ("delete objects of", bucket.clone()),
        Request::CreateBucket { bucket } => ("create bucket", bucket.clone()),
        Request::CreateGrant { key_arn, .. } => ("create a grant on", key_arn.clone()),
        Request::RevokeGrant { key_arn, .. } => ("revoke a grant on", key_arn.clone()),
        Request::Prove { key_arn, .. } => ("prove access to", key_arn.clone()),
        Request::CreateKey { .. } => ("create", "a KMS key".to_owned()),
        Request::EnableKey { key_arn } => ("enable", key_arn.clone()),
        Request::DisableKey { key_arn } => ("disable", key_arn.clone()),
        Request::ScheduleKeyDeletion { key_arn, .. } => ("schedule the deletion of", key_arn.clone()),
        Request::CancelKeyDeletion { key_arn } => ("cancel the deletion of", key_arn.clone()),
        Request::StartJob(spec) => ("start training job", spec.name.clone()),
        Request::StopJob { name } => ("stop training job", name.clone()),
    }
}
