//! Read whole tokens and say whether they are intact. Writes nothing but an unnamed spool for archives.

use std::io::Read;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::blocking::blocking;
use super::decrypt::fetch;
use super::opening::{Keyring, OpenOptions, fault_of, unlock_archive, unlock_file, unlock_object};
use super::place::{Place, cancelled};
use super::spool::{ALONE, Arriving, Download, Watched, is_archive, open_file};
use super::{ProgressSink, archive};
use crate::aws::{Aws, s3, transfer};
use crate::domain::{Bond, Fault, ObjectFormat, ObjectRow, Progress, Verdict};
use crate::envelope::{Opened, verify as verify_token};

const ACT: &str = "verify";

/// What to verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyRequest {
    /// Objects, prefixes, local tokens or archives.
    pub sources: Vec<Place>,
    /// How to find the data keys.
    pub open: OpenOptions,
}

/// One verdict a token; key objects are passed over. What cannot be read is a verdict too.
///
/// # Errors
/// When a prefix cannot be listed, or on cancellation.
pub async fn verify(
    aws: &Aws,
    request: VerifyRequest,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Vec<Verdict>, Fault> {
    let run = Run {
        aws,
        open: &request.open,
        progress,
        cancel,
        keyring: Keyring::default(),
    };
    let mut verdicts = Vec::new();
    for source in &request.sources {
        match source {
            Place::S3 { bucket, key } if source.is_prefix() => run.prefix(bucket, key, &mut verdicts).await?,
            _ => verdicts.extend(run.one(source).await?),
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

impl Run<'_> {
    async fn prefix(&self, bucket: &str, prefix: &str, verdicts: &mut Vec<Verdict>) -> Result<(), Fault> {
        let mut token = None;
        loop {
            let page = s3::list_under(self.aws, bucket, prefix, token).await?;
            for row in &page.rows {
                let ObjectRow::Object { key, .. } = row else { continue };
                if !key.ends_with('/') {
                    let source = Place::S3 {
                        bucket: bucket.to_owned(),
                        key: key.clone(),
                    };
                    verdicts.extend(self.one(&source).await?);
                }
            }
            token = page.next;
            if token.is_none() {
                return Ok(());
            }
        }
    }

    async fn one(&self, source: &Place) -> Result<Option<Verdict>, Fault> {
        if self.cancel.is_cancelled() {
            return Err(cancelled(ACT, source));
        }
        self.progress.report(Progress {
            phase: "verifying".to_owned(),
            item: source.to_string(),
            ..Progress::default()
        });
        let mut verdict = Verdict {
            source: source.to_string(),
            format: ObjectFormat::Plain,
            intact: false,
            bond: Bond::Unbound,
            created: None,
            kms_key_arn: None,
            error: None,
        };
        let outcome = match source {
            _ if is_archive(source) => self.archive(source, &mut verdict).await,
            Place::S3 { bucket, key } => self.object(bucket, key, &mut verdict).await,
            Place::Local(path) => self.file(path, &mut verdict).await,
        };
        if self.cancel.is_cancelled() {
            return Err(cancelled(ACT, source));
        }
        if let Err(fault) = outcome {
            verdict.error = Some(fault.to_string());
        }
        Ok((verdict.format != ObjectFormat::KeyObject).then_some(verdict))
    }

    async fn object(&self, bucket: &str, key: &str, verdict: &mut Verdict) -> Result<(), Fault> {
        let info = s3::object_info(self.aws, bucket, key).await?;
        verdict.format = info.format;
        verdict.kms_key_arn = info.kms_key_arn;
        match info.format {
            ObjectFormat::Strongroom | ObjectFormat::Fernet => {}
            ObjectFormat::KeyObject => return Ok(()),
            other => {
                verdict.error = Some(format!("not a fernet token: {}", other.as_str()));
                return Ok(());
            }
        }
        let head = transfer::head(self.aws, bucket, key).await?;
        let unlocked = unlock_object(self.aws, bucket, key, &head.metadata, self.open, &self.keyring).await?;
        verdict.kms_key_arn = Some(unlocked.kms_key_arn.clone());
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
        settle(verdict, download.through(check).await?);
        Ok(())
    }

    async fn file(&self, path: &Path, verdict: &mut Verdict) -> Result<(), Fault> {
        let mut token = open_file(path)?;
        let mut first = [0; 6];
        let io = |error: std::io::Error| super::place::io_fault("read", path.display(), &error);
        let is_token = token.read_exact(&mut first).is_ok() && &first == b"gAAAAA";
        if !is_token {
            verdict.error = Some("not a fernet token: plain".to_owned());
            return Ok(());
        }
        verdict.format = ObjectFormat::Fernet;
        std::io::Seek::rewind(&mut token).map_err(io)?;
        let unlocked = unlock_file(self.aws, path, self.open).await?;
        verdict.kms_key_arn = Some(unlocked.kms_key_arn.clone());
        let (cancel, shown) = (self.cancel.clone(), path.display().to_string());
        let check = move || {
            let verified = unlocked.verify(&mut Watched { inner: token, cancel });
            verified.map_err(|error| fault_of(ACT, shown, &error))
        };
        settle(verdict, blocking(check).await?);
        Ok(())
    }

    async fn archive(&self, source: &Place, verdict: &mut Verdict) -> Result<(), Fault> {
        verdict.format = ObjectFormat::Fernet;
        let mut file = fetch(self.aws, source, &std::env::temp_dir(), self.progress, self.cancel).await?;
        let bundle = archive::bundle(&mut file, source)?;
        if bundle.is_some() {
            verdict.format = ObjectFormat::Strongroom;
        } else if self.open.require_bound {
            verdict.error = Some("it holds no strongroom.json: its names are not proved".to_owned());
            return Ok(());
        }
        let unlocked = unlock_archive(self.aws, source, bundle.as_ref(), self.open).await?;
        verdict.kms_key_arn = Some(unlocked.kms_key_arn.clone());
        let (shown, cancel) = (source.clone(), self.cancel.clone());
        let members = blocking(move || {
            let scratch = std::env::temp_dir();
            archive::open_members(
                &mut file,
                &shown,
                &scratch,
                &unlocked,
                bundle.as_ref(),
                |name, token| {
                    let mut token = Watched {
                        inner: token,
                        cancel: cancel.clone(),
                    };
                    verify_token(&unlocked.key, &mut token).map_err(|error| fault_of(ACT, name, &error))
                },
            )
        })
        .await?;
        verdict.intact = true;
        verdict.bond = Bond::of_all(members.iter().map(|member| member.bond.clone()));
        verdict.created = members.iter().map(|member| member.opened.created).max();
        Ok(())
    }
}

fn settle(verdict: &mut Verdict, (opened, bond): (Opened, Bond)) {
    verdict.created = Some(opened.created);
    verdict.bond = bond;
    verdict.intact = true;
}
