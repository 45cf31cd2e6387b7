//! What is done with objects and their buckets.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use crate::actions::decrypt::{DecryptReport, DecryptRequest, Output, decrypt};
use crate::actions::encrypt::{Destination, EncryptReport, EncryptRequest, encrypt};
use crate::actions::verify::{VerifyRequest, verify};
use crate::actions::{self, Aws, OpenOptions, ProgressSink, resume};
use crate::domain::{Fault, Location, ObjectRequest, Outcome, Verified};

pub(super) async fn perform(
    aws: &Aws,
    request: &ObjectRequest,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    match request {
        ObjectRequest::Encrypt {
            paths,
            bucket,
            prefix,
            key,
            context,
            overwrite,
        } => {
            let request = EncryptRequest {
                paths: paths.clone(),
                destination: Destination::Place(Location::s3(bucket, prefix)),
                key: key.clone(),
                context: context.clone(),
                data_key_name: None,
                data_key_out: None,
                overwrite: *overwrite,
                resume: true,
            };
            encrypted(encrypt(aws, request, progress, cancel).await?)
        }
        ObjectRequest::ResumeUpload { id, .. } => encrypted(resume::finish(aws, id, progress, cancel).await?),
        ObjectRequest::AbandonUpload { id, what, destination } => {
            resume::abandon(aws, id).await?;
            Ok(Outcome::UploadAbandoned {
                what: what.clone(),
                destination: destination.clone(),
            })
        }
        ObjectRequest::Decrypt {
            bucket,
            object,
            to,
            overwrite,
            accept_name,
            accept_unbound,
        } => {
            let source = Location::s3(bucket, object);
            let shown = source.to_string();
            let request = DecryptRequest {
                source,
                output: Output::Path(to.clone()),
                open: OpenOptions {
                    accept_name: *accept_name,
                    accept_unbound: *accept_unbound,
                    ..OpenOptions::default()
                },
                overwrite: *overwrite,
            };
            decrypted(decrypt(aws, request, progress, cancel).await?, shown, to)
        }
        ObjectRequest::Verify {
            bucket,
            objects,
            accept_unbound,
        } => {
            let request = VerifyRequest {
                sources: objects.iter().map(|key| Location::s3(bucket, key)).collect(),
                open: OpenOptions {
                    accept_unbound: *accept_unbound,
                    ..OpenOptions::default()
                },
            };
            let mut verdicts = Vec::new();
            verify(aws, request, progress, cancel, |verdict| verdicts.push(verdict)).await?;
            Ok(Outcome::Verified { verdicts })
        }
        ObjectRequest::Delete { bucket, objects } => {
            actions::delete_objects(aws, bucket, objects, progress, cancel).await
        }
        ObjectRequest::CreateBucket { bucket } => actions::create_bucket(aws, bucket).await,
        ObjectRequest::CountBucket { bucket } => actions::count_bucket(aws, bucket, progress).await,
        ObjectRequest::EmptyBucket {
            bucket,
            expected,
            older,
        } => actions::empty_bucket(aws, bucket, expected + older, false, progress, cancel).await,
        ObjectRequest::DeleteBucket {
            bucket,
            expected,
            older,
        } => actions::empty_bucket(aws, bucket, expected + older, true, progress, cancel).await,
        ObjectRequest::Preview {
            bucket,
            object,
            member,
            most,
            accept_unbound,
        } => {
            let (member, how) = (member.as_deref(), (*most, *accept_unbound));
            let preview = actions::preview(aws, bucket, object, member, how, progress, cancel).await?;
            Ok(Outcome::Previewed(Box::new(preview)))
        }
        ObjectRequest::ListArchive { bucket, object } => {
            actions::list_archive(aws, bucket, object, progress, cancel).await
        }
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
        key_arn: report.kms_key_arn,
    })
}

fn decrypted(report: DecryptReport, source: String, to: &Path) -> Result<Outcome, Fault> {
    whole(&report.failed, report.files.len())?;
    let only = match report.files.as_slice() {
        [file] => file.path.clone(),
        _ => None,
    };
    Ok(Outcome::Decrypted {
        source,
        path: only.unwrap_or_else(|| to.to_path_buf()),
        bytes: report.files.iter().map(|file| file.bytes).sum(),
        verified: Verified::of_all(report.files.iter().map(|file| file.verified.clone())),
        etag: report.files.first().and_then(|file| file.etag.clone()),
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
