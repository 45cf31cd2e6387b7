//! Read whole tokens and say whether they are intact. Writes nothing but an unnamed spool for archives.
//!
//! An object is *not intact* only if it was looked at and refuted: its token fails, or is not the one that its metadata and its
//! name mean. What could not be read, or whose data key could not be had, is *not checked*, and what is no token is neither.

use std::fs::File;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::blocking::blocking;
use super::decrypt::fetch;
use super::kinds::{no_token, of_file, verified};
use super::opening::{Keyring, OpenOptions, fault_of, unlock_archive, unlock_file, unlock_object};
use super::place::{Place, cancelled, io_fault};
use super::spool::{ALONE, Arriving, Download, Watched, is_archive, open_file, scratch};
use super::{ProgressSink, archive};
use crate::aws::{Aws, s3, transfer};
use crate::domain::{Fault, FaultKind, ObjectFormat, ObjectRow, Progress, Reading, Verdict, Verified};
use crate::envelope::verify as verify_token;

const ACT: &str = "verify";

/// What to verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyRequest {
    /// Objects, prefixes, local tokens or archives.
    pub sources: Vec<Place>,
    /// How to find the data keys.
    pub open: OpenOptions,
}

/// One verdict an object; under a prefix key objects are passed over. What cannot be read is a verdict too. That a token is
/// not bound is told, and left to the caller to refuse.
///
/// # Errors
/// When a prefix cannot be listed, or holds nothing, or on cancellation.
pub async fn verify(
    aws: &Aws,
    request: VerifyRequest,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Vec<Verdict>, Fault> {
    let open = OpenOptions {
        require_bound: false,
        ..request.open
    };
    let run = Run {
        aws,
        open: &open,
        progress,
        cancel,
        keyring: Keyring::default(),
    };
    let mut verdicts = Vec::new();
    for source in &request.sources {
        match source {
            Place::S3 { bucket, key } if source.is_prefix() => run.prefix(bucket, key, &mut verdicts).await?,
            _ => verdicts.push(run.one(source).await?),
        }
    }
    Ok(verdicts)
}

struct Run<'a> {
    aws: &'a Aws,
    open: &'a OpenOptions,
    progress: &'a ProgressSink,
    cancel: &'a CancellationToken,
    keyring: Keyring,
}

/// What is known of an object by the time that something fails.
#[derive(Default)]
struct Known {
    format: Option<ObjectFormat>,
    kms_key_arn: Option<String>,
    etag: Option<String>,
}

impl Run<'_> {
    async fn prefix(&self, bucket: &str, prefix: &str, verdicts: &mut Vec<Verdict>) -> Result<(), Fault> {
        let before = verdicts.len();
        let mut token = None;
        loop {
            let page = s3::list_under(self.aws, bucket, prefix, token).await?;
            for row in &page.rows {
                let ObjectRow::Object { key, size, .. } = row else {
                    continue;
                };
                // What consoles write for an empty folder.
                if key.ends_with('/') && *size == 0 {
                    continue;
                }
                let source = Place::S3 {
                    bucket: bucket.to_owned(),
                    key: key.clone(),
                };
                let verdict = self.one(&source).await?;
                if verdict.reading.format() != Some(ObjectFormat::KeyObject) {
                    verdicts.push(verdict);
                }
            }
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        if verdicts.len() > before {
            return Ok(());
        }
        let cause = "there is no token under it";
        Err(Fault::new(
            FaultKind::NotFound,
            ACT,
            s3::uri(bucket, prefix),
            cause,
            "check the prefix",
        ))
    }

    async fn one(&self, source: &Place) -> Result<Verdict, Fault> {
        if self.cancel.is_cancelled() {
            return Err(cancelled(ACT, source));
        }
        self.progress.report(Progress {
            phase: "verifying".to_owned(),
            item: source.to_string(),
            ..Progress::default()
        });
        let mut known = Known::default();
        let outcome = match source {
            Place::S3 { bucket, key } => self.object(source, bucket, key, &mut known).await,
            Place::Local(path) => self.file(source, path, &mut known).await,
        };
        if self.cancel.is_cancelled() {
            return Err(cancelled(ACT, source));
        }
        let Known {
            format,
            kms_key_arn,
            etag,
        } = known;
        let reading = match (outcome, format) {
            (Ok(verified), Some(format)) => Reading::Intact { format, verified },
            (Err(why), Some(format)) if why.kind == FaultKind::NoToken => Reading::NoToken { format, why },
            // What KMS refuses of a data key says nothing of the token.
            (Err(why), Some(format)) if why.kind == FaultKind::Integrity && why.code.is_none() => {
                Reading::NotIntact { format, why }
            }
            (Err(why), format) => Reading::NotChecked { format, why },
            (Ok(_), None) => {
                let why = Fault::new(
                    FaultKind::Other,
                    ACT,
                    source.to_string(),
                    "nothing tells what it is",
                    "",
                );
                Reading::NotChecked { format, why }
            }
        };
        Ok(Verdict {
            source: source.to_string(),
            etag,
            kms_key_arn,
            reading,
        })
    }

    async fn object(&self, source: &Place, bucket: &str, key: &str, known: &mut Known) -> Result<Verified, Fault> {
        let info = s3::object_info(self.aws, bucket, key).await?;
        known.format = Some(info.format);
        if info.format == ObjectFormat::Archive {
            return self.archive(source, known).await;
        }
        if !info.format.is_token() {
            if info.format == ObjectFormat::SseKms {
                known.kms_key_arn = info.kms_key_arn;
            }
            return Err(no_token(ACT, source, info.format));
        }
        let head = transfer::head(self.aws, bucket, key).await?;
        known.etag = head.unquoted_etag();
        let unlocked = unlock_object(self.aws, bucket, key, &head.metadata, self.open, &self.keyring).await?;
        known.kms_key_arn = Some(unlocked.kms_key_arn.clone());
        let download = Download {
            aws: self.aws,
            bucket,
            key,
            head: &head,
            progress: self.progress,
            cancel: self.cancel,
            phase: "verifying",
            in_flight: ALONE,
        };
        let uri = s3::uri(bucket, key);
        let check =
            move |token: &mut Watched<Arriving>| unlocked.verify(token).map_err(|error| fault_of(ACT, uri, &error));
        Ok(verified(download.through(check).await?))
    }

    async fn file(&self, source: &Place, path: &Path, known: &mut Known) -> Result<Verified, Fault> {
        let token = open_file(path)?;
        // What is read only once is taken for a token.
        let format = of_file(&token).map_err(|error| io_fault("read", path.display(), &error))?;
        let format = format.unwrap_or(ObjectFormat::Fernet);
        known.format = Some(format);
        if format == ObjectFormat::Archive && is_archive(source) {
            return self.archive(source, known).await;
        }
        if !format.is_token() {
            return Err(no_token(ACT, source, format));
        }
        let unlocked = unlock_file(self.aws, path, self.open).await?;
        known.kms_key_arn = Some(unlocked.kms_key_arn.clone());
        let (cancel, shown) = (self.cancel.clone(), path.display().to_string());
        let check = move || {
            let verified = unlocked.verify(&mut Watched { inner: token, cancel });
            verified.map_err(|error| fault_of(ACT, shown, &error))
        };
        Ok(verified(blocking(check).await?))
    }

    async fn archive(&self, source: &Place, known: &mut Known) -> Result<Verified, Fault> {
        known.format = Some(ObjectFormat::Archive);
        let (mut file, etag) = fetch(self.aws, source, &scratch()?, self.progress, self.cancel).await?;
        known.etag = etag;
        let bundle = archive::bundle(&mut file, source)?;
        known.format = Some(match bundle {
            Some(_) => ObjectFormat::Strongroom,
            None => ObjectFormat::Fernet,
        });
        let unlocked = unlock_archive(self.aws, source, bundle.as_ref(), self.open).await?;
        known.kms_key_arn = Some(unlocked.kms_key_arn.clone());
        let (shown, cancel) = (source.clone(), self.cancel.clone());
        let opened = blocking(move || {
            let scratch = scratch()?;
            let verify = |name: &str, token: &mut File| {
                let mut token = Watched {
                    inner: token,
                    cancel: cancel.clone(),
                };
                verify_token(&unlocked.key, &mut token).map_err(|error| fault_of(ACT, name, &error))
            };
            archive::open_members(&mut file, &shown, &scratch, &unlocked, bundle.as_ref(), verify)
        });
        let members = opened.await.inspect_err(|fault| {
            if fault.kind == FaultKind::NoToken {
                known.format = Some(ObjectFormat::Archive);
            }
        })?;
        archive::verified(&members).ok_or_else(|| {
            known.format = Some(ObjectFormat::Archive);
            let (cause, remedy) = ("it holds no token", "there is nothing in it to open");
            Fault::new(FaultKind::NoToken, ACT, source.to_string(), cause, remedy)
        })
    }
}
