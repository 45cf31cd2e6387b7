//! Everything the files of one data key share, and how they go: a few at once.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use futures::join;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::abort::{discard, is_needed};
use super::data_key::{check_place, data_key_place, places, put_at_first, put_data_key, write_file};
use super::journal_request::asked;
use super::limits::Limits;
use super::metadata::check_metadata;
use super::parts::Pool;
use super::plan::Source;
use super::source_file::{is_changed, is_sizeless};
use super::{ACT, Destination, EncryptReport, EncryptRequest, EncryptedFile, changed_fault, taken};
use crate::actions::bucket_refusal;
use crate::actions::faults::{cancelled, fault_of, io_fault};
use crate::actions::flight::Flight;
use crate::actions::sweep::Leftovers;
use crate::actions::tally::Tally;
use crate::actions::upload_journal::{Journal, Stamp};
use crate::aws::again::again;
use crate::aws::{Aws, kms, s3, sts, transfer};
use crate::domain::words::counted;
use crate::domain::{Fault, FaultKind, Location, ObjectUri, WayOut};
use crate::envelope::{DataKey, EnvelopeError, token_len};
use crate::publish::Published;

/// Tokens that are made at once; more of them are on their way.
const MADE_AT_ONCE: usize = 4;

/// Everything the files of one data key share.
pub(super) struct Job<'a> {
    pub(super) aws: &'a Aws,
    pub(super) tally: &'a Tally,
    pub(super) cancel: &'a CancellationToken,
    pub(super) overwrite: bool,
    pub(super) context: &'a BTreeMap<String, String>,
    pub(super) data_key: Arc<DataKey>,
    pub(super) ciphertext: Vec<u8>,
    pub(super) kms_key_arn: String,
    pub(super) data_key_place: Location,
    pub(super) pool: Arc<Pool>,
    /// Whoever makes a token has one of these.
    pub(super) makers: Semaphore,
    pub(super) limits: Limits,
    /// Whether the destination of the only file was found free already.
    pub(super) is_checked: bool,
    pub(super) leftovers: Leftovers,
    /// The tokens made on this machine.
    pub(super) published: Arc<Published>,
    /// What a token without a place is written into; `None` is standard output.
    pub(super) stream: Option<PathBuf>,
}

/// Why there is no token.
pub(super) enum Failure {
    /// The source is not what an earlier process saw.
    Changed,
    /// It was cancelled, and no answer was heard: it may be there all the same.
    Unanswered(Fault),
    Fault(Fault),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<'a> Job<'a> {
    /// Makes the data key and puts C where it belongs, before any token is.
    pub(super) async fn begin(
        aws: &'a Aws,
        request: &'a EncryptRequest,
        limits: Limits,
        tally: &'a Tally,
        cancel: &'a CancellationToken,
        sources: &[Source],
    ) -> Result<(Self, Option<Journal>), Fault> {
        let mut data_key_place = data_key_place(aws, request)?;
        check_place(&data_key_place, sources)?;
        let only = match sources {
            [
                Source {
                    to: Some(place @ Location::S3(ObjectUri { bucket, key })),
                    ..
                },
            ] if !request.overwrite => Some((place, bucket, key)),
            _ => None,
        };
        if let Location::S3(ObjectUri { key, .. }) = &data_key_place {
            check_metadata(aws, request, key, sources)?;
        }
        let asked = asked(aws, request);
        let account = async {
            match &asked {
                Some(_) => sts::account(aws).await,
                None => None,
            }
        };
        // The only file may be refused before there is anything of it.
        let is_taken = async {
            match only {
                Some((_, bucket, key)) => transfer::is_taken(aws, bucket, key).await,
                None => Ok(false),
            }
        };
        let (is_taken, made, account) = join!(
            is_taken,
            again(|| kms::generate_data_key(aws, &request.key, &request.context)),
            account
        );
        if let (true, Some((place, ..))) = (is_taken?, only) {
            return Err(taken(place));
        }
        let made = made?;
        let data_key = DataKey::from_plaintext(&made.plaintext).map_err(|error| fault_of(ACT, &request.key, &error))?;
        let mut journal = None;
        match &mut data_key_place {
            Location::S3(ObjectUri { bucket, key }) => {
                let begin = |key: &str| {
                    let begun = Journal::begin(asked.clone()?, account.clone(), &made.key_arn, &made.ciphertext, key);
                    begun.unwrap_or_else(|error| {
                        tracing::warn!(%error, "without a journal an interrupted upload cannot be resumed");
                        None
                    })
                };
                let places = places(aws, request, key);
                let put = (made.ciphertext.as_slice(), made.key_arn.as_str());
                let (place, begun) = put_at_first(aws, bucket, &places, put, begin, Journal::remove).await?;
                (*key, journal) = (place, begun);
            }
            Location::Local(path) => write_file(path, &made.ciphertext)?,
        }
        let job = Self {
            aws,
            tally,
            cancel,
            overwrite: request.overwrite,
            context: &request.context,
            data_key: Arc::new(data_key),
            ciphertext: made.ciphertext,
            kms_key_arn: made.key_arn,
            data_key_place,
            pool: Pool::new(limits.part, aws.room()),
            makers: Semaphore::new(MADE_AT_ONCE),
            limits,
            is_checked: only.is_some(),
            leftovers: Leftovers::default(),
            published: Arc::default(),
            stream: match &request.destination {
                Destination::Stream(path) => Some(path.clone()),
                Destination::Location(_) | Destination::Stdout => None,
            },
        };
        Ok((job, journal))
    }

    /// Goes on under the data key of an interrupted upload; `None` if it cannot be had any more.
    pub(super) async fn resume(
        aws: &'a Aws,
        request: &'a EncryptRequest,
        limits: Limits,
        tally: &'a Tally,
        cancel: &'a CancellationToken,
        journal: &Journal,
    ) -> Result<Option<Self>, Fault> {
        let header = &journal.header;
        let (ciphertext, key) = (&header.ciphertext, Some(header.kms_key_arn.as_str()));
        let unwrapped = again(|| kms::decrypt_data_key(aws, ciphertext, key, &request.context, &[])).await;
        let unwrapped = match unwrapped {
            Ok(unwrapped) => unwrapped,
            Err(fault) if fault.may_go_on() => return Err(fault),
            // Somebody else may: nothing of it is thrown away.
            Err(fault) if fault.kind == FaultKind::Denied => return Err(fault),
            Err(_) => return Ok(None),
        };
        let (bucket, object) = (&header.asked.bucket, &header.data_key_object);
        let Ok(data_key) = DataKey::from_plaintext(&unwrapped.plaintext) else {
            return Ok(None);
        };
        match put_data_key(aws, bucket, object, (ciphertext, &header.kms_key_arn), &[]).await {
            Ok(()) => {}
            // A name of our own making is nobody else's, and not every caller may read what is there.
            Err(fault) if fault.kind == FaultKind::Conflict && header.asked.data_key_name.is_none() => {}
            Err(fault) if fault.kind == FaultKind::Conflict => return Ok(None),
            Err(fault) => return Err(fault),
        }
        Ok(Some(Self {
            aws,
            tally,
            cancel,
            overwrite: request.overwrite,
            context: &request.context,
            data_key: Arc::new(data_key),
            ciphertext: ciphertext.clone(),
            kms_key_arn: header.kms_key_arn.clone(),
            data_key_place: Location::s3(bucket.clone(), object.clone()),
            pool: Pool::new(limits.part, aws.room()),
            makers: Semaphore::new(MADE_AT_ONCE),
            limits,
            is_checked: false,
            leftovers: Leftovers::default(),
            published: Arc::default(),
            stream: None,
        }))
    }

    /// Encrypts the files, as many at once as S3 bears; gives back those that changed since an earlier process saw them.
    pub(super) async fn run(
        &self,
        sources: Vec<Source>,
        journal: Option<Journal>,
        report: &mut EncryptReport,
    ) -> Vec<Source> {
        report.kms_key_arn.clone_from(&self.kms_key_arn);
        let mut changed = Vec::new();
        let (mut made, mut unanswered, mut unfinished) = (0, 0, false);
        let mut missed = Vec::new();
        let journalled = journal.as_ref();
        let each = |source: Source| async move {
            let result = self.one(&source, journalled).await;
            (source, result)
        };
        let all = Box::pin(futures::stream::iter([Ok(sources)]));
        let mut flight = Flight::as_done(self.aws, all, each);
        while let Some(Ok((source, result))) = flight.next().await {
            match result {
                Ok(file) => {
                    made += 1;
                    report.files.push(file);
                }
                Err(failure) => {
                    let mut fault = match failure {
                        Failure::Changed => {
                            changed.push(source);
                            continue;
                        }
                        Failure::Unanswered(fault) => {
                            unanswered += 1;
                            fault
                        }
                        Failure::Fault(fault) => fault,
                    };
                    let was_denied = report.failed.iter().any(|other| other.kind == FaultKind::Denied);
                    if !was_denied {
                        fault = bucket_refusal::of_write(self.aws, fault, true).await;
                    }
                    if journal.is_some() && fault.may_go_on() {
                        unfinished = true;
                        fault.ways.push(WayOut::GoOn);
                    }
                    let is_told = fault.kind == FaultKind::Cancelled
                        && report.failed.iter().any(|other| other.kind == FaultKind::Cancelled);
                    if !is_told {
                        report.failed.push(fault);
                    }
                    if let (None, Some(Location::S3(ObjectUri { key, .. }))) = (&journal, source.to) {
                        missed.push(key);
                    }
                }
            }
        }
        drop(flight);
        if unanswered > 0
            && let Some(fault) = report
                .failed
                .iter_mut()
                .find(|fault| fault.kind == FaultKind::Cancelled)
        {
            let files = counted(unanswered, "file");
            let more = format!("; {files} had no answer by then and may be there too");
            fault.cause.push_str(&more);
        }
        match journal {
            Some(_) if unfinished && !self.cancel.is_cancelled() => {}
            Some(journal) => {
                if let Err(fault) = discard(self.aws, journal).await {
                    report.warnings.push(format!("parts may be left: {fault}"));
                }
            }
            None if made == 0 => self.remove_data_key(missed).await,
            None => {}
        }
        changed
    }

    async fn one(&self, source: &Source, journal: Option<&Journal>) -> Result<EncryptedFile, Failure> {
        if self.cancel.is_cancelled() {
            return Err(cancelled(ACT, source.path.display()).into());
        }
        match &source.to {
            Some(Location::S3(ObjectUri { bucket, key })) => self.to_s3(source, bucket, key, journal).await,
            Some(Location::Local(path)) => Ok(self.to_file(source, path).await?),
            None => Ok(self.to_stream(source).await?),
        }
    }

    pub(super) fn made(&self, source: &Source, stamp: Stamp, etag: Option<String>, resumed: bool) -> EncryptedFile {
        EncryptedFile {
            path: source.path.clone(),
            place: source.to.clone().or_else(|| self.stream.clone().map(Location::Local)),
            data_key_uri: self.data_key_place.to_string(),
            bytes: stamp.size,
            token_bytes: token_len(stamp.size),
            etag,
            resumed,
        }
    }

    pub(super) fn fault(&self, source: &Source, error: &EnvelopeError) -> Fault {
        match error {
            _ if self.cancel.is_cancelled() => cancelled(ACT, source.path.display()),
            EnvelopeError::Read(error) | EnvelopeError::Write(error) if is_changed(error) => {
                changed_fault(&source.path)
            }
            EnvelopeError::Read(error) if is_sizeless(error) => {
                let remedy = "copy it to a file of its own first, then encrypt that";
                let path = source.path.display().to_string();
                Fault::invalid(ACT, path, error.to_string(), remedy)
            }
            EnvelopeError::Read(error) => io_fault("read", source.path.display(), error),
            EnvelopeError::Write(error) => io_fault("write the token of", source.path.display(), error),
            error => fault_of(ACT, source.path.display(), error),
        }
    }

    pub(super) fn warning(&self, request: &EncryptRequest) -> Option<String> {
        match (&request.destination, &self.data_key_place) {
            (
                Destination::Location(Location::S3(ObjectUri { key: prefix, .. })),
                Location::S3(ObjectUri { key, .. }),
            ) if key.starts_with(prefix.as_str()) => Some(match &request.data_key_name {
                Some(_) => {
                    format!(
                        "the key object {key} lies under the destination's prefix: a channel on it would deliver it too"
                    )
                }
                None => {
                    format!("the encrypted data key is kept at {key}, for nothing may be written at the bucket's root")
                }
            }),
            _ => None,
        }
    }

    /// If no token needs C it goes again; one may have been written without an answer.
    async fn remove_data_key(&self, missed: Vec<String>) {
        match &self.data_key_place {
            Location::S3(ObjectUri { bucket, key }) => {
                if let Ok(false) = is_needed(self.aws, bucket, missed, key).await {
                    let _ = s3::delete_objects(self.aws, bucket, std::slice::from_ref(key)).await;
                }
            }
            Location::Local(path) => {
                let _ = fs::remove_file(path);
            }
        }
    }
}

pub(in crate::actions) fn now() -> u64 {
    Timestamp::now().as_second().unsigned_abs()
}
