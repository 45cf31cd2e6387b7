//! Read whole tokens and say whether they are intact. Writes nothing but an unnamed spool for archives.
//!
//! An object is *not intact* only if it was looked at and refuted: its token fails, or is not the one that its metadata and its
//! name mean. What could not be read, or whose data key could not be had, is *not checked*, and what is no token is neither.

use std::fs::File;
use std::path::Path;

use futures::{StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

use super::archive::Opening;
use super::blocking::blocking;
use super::bucket_refusal;
use super::decrypt::fetch;
use super::download::{ALONE, Arriving, Download, Watched, is_archive, open_file, scratch};
use super::faults::{cancelled, io_fault};
use super::kinds::{no_token, of_file, verified, with_length};
use super::unlock::{Among, Claim, Keyring, OpenOptions, Unlocked, is_bundle, unlock_file, unlock_object};
use super::{ProgressSink, archive};
use crate::aws::again::again;
use crate::aws::{Aws, pages, s3, transfer};
use crate::domain::bond::Survey;
use crate::domain::{
    Contested, Fault, FaultKind, Location, ObjectFormat, ObjectRow, ObjectUri, Reading, Verdict, Verified,
};

const ACT: &str = "verify";
/// Objects that are looked at at once.
const LOOKS: usize = 16;

/// What to verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyRequest {
    /// Objects, prefixes, local tokens or archives.
    pub sources: Vec<Location>,
    /// How to find the data keys.
    pub open: OpenOptions,
}

/// Tells one verdict an object, as soon as it is known; under a prefix key objects and bundles are passed over. What cannot be read is a
/// verdict too. That a token is not bound is told, and left to the caller to refuse.
///
/// # Errors
/// When a prefix cannot be listed, or holds nothing, or on cancellation.
pub async fn verify(
    aws: &Aws,
    request: VerifyRequest,
    progress: &ProgressSink,
    cancel: &CancellationToken,
    mut tell: impl FnMut(Verdict) + Send,
) -> Result<(), Fault> {
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
    for source in &request.sources {
        match source {
            Location::S3(ObjectUri { bucket, key }) if source.is_prefix() => run.prefix(bucket, key, &mut tell).await?,
            _ => tell(run.one(source, Among::Nothing).await?),
        }
    }
    Ok(())
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
    contested: Vec<Contested>,
}

impl Run<'_> {
    /// Everything under a prefix. What was moved waits until all that the others say was read.
    async fn prefix(&self, bucket: &str, prefix: &str, tell: &mut (impl FnMut(Verdict) + Send)) -> Result<(), Fault> {
        let place = |key: String| Location::s3(bucket.to_owned(), key);
        let mut told = 0_usize;
        let mut tell = |verdict: Verdict| {
            if verdict.reading.format() != Some(ObjectFormat::KeyObject) {
                told += 1;
                tell(verdict);
            }
        };
        let (mut survey, mut waiting) = (Survey::default(), Vec::new());
        let list = |token: Option<String>| again(move || s3::list_under(self.aws, bucket, prefix, token.clone()));
        let mut pages = pages(list);
        while let Some(rows) = pages.try_next().await? {
            let keys = rows.into_iter().filter_map(|row| match row {
                // What consoles write for an empty folder.
                ObjectRow::Object { key, size, .. } => Some(key).filter(|key| !key.ends_with('/') || size > 0),
                ObjectRow::Prefix { .. } => None,
            });
            let look = |key: String| async move {
                if is_bundle(self.aws, bucket, &key, &self.keyring).await {
                    return None;
                }
                let claim = self.claim(bucket, &key).await;
                Some((key, claim))
            };
            let mut looks = futures::stream::iter(keys).map(look).buffered(LOOKS);
            while let Some(look) = looks.next().await {
                let Some((key, claim)) = look else {
                    continue;
                };
                match &claim {
                    Ok(claim) => claim.standing().iter().for_each(|standing| survey.note(&key, standing)),
                    Err(_) => survey.note_unread(&key),
                }
                if claim.is_ok_and(|claim| claim.waits(self.open)) {
                    waiting.push(key);
                    continue;
                }
                let survey = &survey;
                tell(self.one(&place(key), Among::Prefix { prefix, survey }).await?);
            }
        }
        for key in waiting {
            let survey = &survey;
            tell(self.one(&place(key), Among::Prefix { prefix, survey }).await?);
        }
        if told > 0 {
            return Ok(());
        }
        let cause = "there is no token under it";
        let (object, remedy) = (s3::uri(bucket, prefix), "check the prefix");
        Err(Fault::new(FaultKind::NotFound, ACT, object, cause, remedy))
    }

    async fn claim(&self, bucket: &str, key: &str) -> Result<Claim, Fault> {
        Claim::read(bucket, key, &transfer::head(self.aws, bucket, key).await?.metadata)
    }

    async fn one(&self, source: &Location, among: Among<'_>) -> Result<Verdict, Fault> {
        if self.cancel.is_cancelled() {
            return Err(cancelled(ACT, source));
        }
        self.progress.at("verifying", source);
        let mut known = Known::default();
        // Of many each would ask again.
        let is_alone = matches!(among, Among::Nothing);
        let outcome = match source {
            Location::S3(ObjectUri { bucket, key }) => self.object(source, bucket, key, among, &mut known).await,
            Location::Local(path) => self.file(source, path, &mut known).await,
        };
        if self.cancel.is_cancelled() {
            return Err(cancelled(ACT, source));
        }
        let outcome = match outcome {
            Err(fault) if is_alone => Err(bucket_refusal::of_read(self.aws, fault).await),
            outcome => outcome,
        };
        let Known {
            format,
            kms_key_arn,
            etag,
            contested,
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
            contested,
        })
    }

    async fn object(
        &self,
        source: &Location,
        bucket: &str,
        key: &str,
        among: Among<'_>,
        known: &mut Known,
    ) -> Result<Verified, Fault> {
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
        let claim = Claim::read(bucket, key, &head.metadata)?;
        let bond = claim.bond(self.open, among)?;
        let unlocked = unlock_object(self.aws, claim, bond, self.open, &self.keyring).await?;
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
        let check = move |token: &mut Watched<Arriving>| unlocked.verify(token, (ACT, &uri));
        let opened = download.through(check).await;
        Ok(verified(opened.map_err(|fault| with_length(fault, &head))?))
    }

    async fn file(&self, source: &Location, path: &Path, known: &mut Known) -> Result<Verified, Fault> {
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
        let check = move || unlocked.verify(&mut Watched { inner: token, cancel }, (ACT, &shown));
        Ok(verified(blocking(check).await?))
    }

    async fn archive(&self, source: &Location, known: &mut Known) -> Result<Verified, Fault> {
        known.format = Some(ObjectFormat::Archive);
        let (mut file, etag) = fetch(self.aws, source, &scratch()?, self.progress, self.cancel).await?;
        known.etag = etag;
        let (bundles, names) = archive::contents(&mut file, source)?;
        if names.is_empty() {
            return Err(archive::empty(ACT, source));
        }
        known.format = Some(if bundles.is_empty() {
            ObjectFormat::Fernet
        } else {
            ObjectFormat::Strongroom
        });
        let opening = Opening::unlock(self.aws, source, bundles, self.open).await?;
        known.kms_key_arn = opening.kms_key_arn().map(str::to_owned);
        let (shown, cancel) = (source.clone(), self.cancel.clone());
        let opened = blocking(move || {
            let scratch = scratch()?;
            let verify = |name: &str, unlocked: &Unlocked, token: &mut File| {
                let mut token = Watched {
                    inner: token,
                    cancel: cancel.clone(),
                };
                unlocked.verify(&mut token, (ACT, name)).map(|(opened, _)| opened)
            };
            archive::open_members(&mut file, &shown, &scratch, &opening, verify)
        });
        let members = opened.await.inspect_err(|fault| {
            if fault.kind == FaultKind::NoToken {
                known.format = Some(ObjectFormat::Archive);
            }
        })?;
        let verified = archive::verified(&members).ok_or_else(|| {
            known.format = Some(ObjectFormat::Archive);
            archive::empty(ACT, source)
        })?;
        known.contested = archive::contested(members);
        Ok(verified)
    }
}

/// Reads one object after the other to its end, with data keys that are unwrapped once for all of them.
pub(super) struct Deep<'a>(Run<'a>);

impl<'a> Deep<'a> {
    pub(super) fn new(
        aws: &'a Aws,
        open: &'a OpenOptions,
        progress: &'a ProgressSink,
        cancel: &'a CancellationToken,
    ) -> Self {
        Self(Run {
            aws,
            open,
            progress,
            cancel,
            keyring: Keyring::default(),
        })
    }

    /// What comes of it, seen by itself.
    ///
    /// # Errors
    /// When it was cancelled.
    pub(super) async fn verdict(&self, source: &Location) -> Result<Verdict, Fault> {
        self.0.one(source, Among::Nothing).await
    }
}
