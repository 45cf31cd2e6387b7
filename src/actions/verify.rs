//! Read whole tokens and say whether they are intact. Writes nothing but an unnamed spool for archives.
//!
//! An object is *not intact* only if it was looked at and refuted: its token fails, or is not the one that its metadata and its
//! name mean. What could not be read, or whose data key could not be had, is *not checked*, and what is no token is neither.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use super::archive::Opening;
use super::blocking::blocking;
use super::bucket_refusal;
use super::decrypt::fetch;
use super::download::{
    ALONE, AMONG_OTHERS, Arriving, Download, RANGE, Watched, is_archive, open_file, room_for, scratch,
};
use super::faults::{cancelled, io_fault, until_cancelled};
use super::kinds::{no_token, of_file, verified, with_length};
use super::unlock::{Among, Claim, Keyring, OpenOptions, Unlocked, unlock_file, unlock_object};
use super::{ProgressSink, archive};
use crate::aws::{Aws, s3, transfer};
use crate::domain::bond::{Standing, Survey};
use crate::domain::{
    Contested, Fault, FaultKind, Location, ObjectFormat, ObjectInfo, ObjectUri, Reading, Verdict, Verified,
};

mod prefix;

const ACT: &str = "verify";
const PHASE: &str = "verifying";

/// What to verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyRequest {
    /// Objects, prefixes, local tokens or archives.
    pub sources: Vec<Location>,
    /// How to find the data keys.
    pub open: OpenOptions,
}

/// Tells one verdict an object, as soon as it is known; under a prefix key objects and bundles are passed over, and how many of the
/// former is answered. What cannot be read is a verdict too. That a token is not bound is told, and left to the caller to refuse.
///
/// # Errors
/// When a prefix cannot be listed, or holds nothing, or on cancellation.
pub async fn verify(
    aws: &Aws,
    request: VerifyRequest,
    progress: &ProgressSink,
    cancel: &CancellationToken,
    mut tell: impl FnMut(Verdict) + Send,
) -> Result<u64, Fault> {
    let open = OpenOptions {
        require_bound: false,
        ..request.open
    };
    let run = Run {
        aws,
        open: &open,
        progress,
        cancel,
        keyring: Arc::default(),
    };
    let mut key_objects = 0;
    for source in &request.sources {
        match source {
            Location::S3(ObjectUri { bucket, key }) if source.is_prefix() => {
                key_objects += run.prefix(source, (bucket, key), &mut tell).await?;
            }
            _ => tell(run.alone(source, None).await?),
        }
    }
    Ok(key_objects)
}

struct Run<'a> {
    aws: &'a Aws,
    open: &'a OpenOptions,
    progress: &'a ProgressSink,
    cancel: &'a CancellationToken,
    keyring: Arc<Keyring>,
}

/// What is to be looked at.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    source: &'a Location,
    /// As a list said.
    size: Option<u64>,
    /// The prefix that it is one of many under.
    under: Option<&'a str>,
    progress: &'a ProgressSink,
}

/// What is known of an object by the time that something fails.
#[derive(Default)]
struct Known {
    format: Option<ObjectFormat>,
    kms_key_arn: Option<String>,
    etag: Option<String>,
    contested: Vec<Contested>,
    /// Whether what it says of itself could be read.
    is_read: bool,
    /// How it stands, if it says so.
    standing: Option<Standing>,
    /// What it says of its place, if only all others of its prefix tell what that is worth.
    waits: Option<Claim>,
}

impl Run<'_> {
    /// What comes of one that was named, or of which a list says only its size.
    async fn alone(&self, source: &Location, size: Option<u64>) -> Result<Verdict, Fault> {
        let wanted = Wanted {
            source,
            size,
            under: None,
            progress: self.progress,
        };
        self.one(wanted).await.map(|(verdict, _)| verdict)
    }

    async fn one(&self, wanted: Wanted<'_>) -> Result<(Verdict, Known), Fault> {
        let source = wanted.source;
        if self.cancel.is_cancelled() {
            return Err(cancelled(ACT, source));
        }
        let mut known = Known::default();
        // Of many each would ask again.
        let is_alone = wanted.under.is_none();
        if is_alone {
            wanted.progress.at(PHASE, source);
        }
        let outcome = match source {
            Location::S3(ObjectUri { bucket, key }) => self.object(wanted, (bucket, key), &mut known).await,
            Location::Local(path) => self.file(source, path, &mut known).await,
        };
        if self.cancel.is_cancelled() {
            return Err(cancelled(ACT, source));
        }
        let outcome = match outcome {
            Err(fault) if is_alone => Err(bucket_refusal::of_read(self.aws, fault).await),
            outcome => outcome,
        };
        let reading = match (outcome, known.format) {
            (Ok(verified), Some(format)) => Reading::Intact { format, verified },
            (Err(why), Some(format)) if why.kind == FaultKind::NoToken => Reading::NoToken { format, why },
            // What KMS refuses of a data key says nothing of the token.
            (Err(why), Some(format)) if why.kind == FaultKind::Integrity && why.code.is_none() => {
                Reading::NotIntact { format, why }
            }
            (Err(why), format) => Reading::NotChecked { format, why },
            (Ok(_), None) => {
                let why = Fault::other(ACT, source.to_string(), "nothing tells what it is", "");
                Reading::NotChecked { format: None, why }
            }
        };
        let verdict = Verdict {
            source: source.to_string(),
            etag: known.etag.take(),
            kms_key_arn: known.kms_key_arn.take(),
            reading,
            contested: std::mem::take(&mut known.contested),
        };
        Ok((verdict, known))
    }

    async fn object(
        &self,
        wanted: Wanted<'_>,
        (bucket, key): (&str, &str),
        known: &mut Known,
    ) -> Result<Verified, Fault> {
        let Wanted { source, under, .. } = wanted;
        let in_flight = if under.is_some() { AMONG_OTHERS } else { ALONE };
        let is_token = |info: &ObjectInfo, _: &transfer::Head| info.format.is_token();
        let asked = async {
            let room = room_for(self.aws, wanted.size, in_flight).await;
            let beginning = transfer::beginning(self.aws, (bucket, key), wanted.size, RANGE, is_token).await?;
            Ok((room, beginning))
        };
        let (_room, beginning) = until_cancelled(self.cancel, (ACT, source), asked).await?;
        let transfer::Beginning { info, head, pieces } = beginning;
        known.format = Some(info.format);
        let claim = Claim::read(bucket, key, &head.metadata);
        known.is_read = claim.is_ok();
        known.standing = claim.as_ref().ok().and_then(Claim::standing);
        if info.format == ObjectFormat::Archive {
            return self.archive(source, known).await;
        }
        if !info.format.is_token() {
            if info.format == ObjectFormat::SseKms {
                known.kms_key_arn = info.kms_key_arn;
            }
            return Err(no_token(ACT, source, info.format));
        }
        known.etag = head.unquoted_etag();
        let claim = claim?;
        let bond = match under {
            Some(_) if claim.waits(self.open) => {
                known.waits = Some(claim.of_place());
                claim.bond(self.open, Among::Nothing)?
            }
            Some(prefix) => {
                // It says nothing that the others could contradict.
                let survey = &Survey::default();
                claim.bond(self.open, Among::Prefix { prefix, survey })?
            }
            None => claim.bond(self.open, Among::Nothing)?,
        };
        let unlocked = unlock_object(self.aws, claim, bond, self.open, &self.keyring).await?;
        known.kms_key_arn = Some(unlocked.kms_key_arn.clone());
        let download = Download {
            aws: self.aws,
            bucket,
            key,
            head: &head,
            beginning: &Mutex::new(pieces),
            progress: wanted.progress,
            cancel: self.cancel,
            phase: PHASE,
            in_flight,
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
            keyring: Arc::default(),
        })
    }

    /// What comes of an object, or of this version of it, of so many bytes, seen by itself.
    ///
    /// # Errors
    /// When it was cancelled.
    pub(super) async fn verdict(
        &self,
        (bucket, key): (&str, &str),
        version: Option<&str>,
        size: u64,
    ) -> Result<Verdict, Fault> {
        let source = Location::s3(bucket, key);
        let Some(version) = version else {
            return self.0.alone(&source, Some(size)).await;
        };
        let aws = &self.0.aws.at_version(bucket, key, version);
        let run = Run {
            aws,
            open: self.0.open,
            progress: self.0.progress,
            cancel: self.0.cancel,
            keyring: Arc::clone(&self.0.keyring),
        };
        run.alone(&source, Some(size)).await
    }
}
