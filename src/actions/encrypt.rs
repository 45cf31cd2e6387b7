//! Encrypt files under one new data key: to S3, to local tokens, or to standard output.
//!
//! Several files go at once, each as a row of stages side by side: reading and cipher, base64 and cutting, parts on
//! their way. Their buffers come from one bounded pool, so memory stays the same for any number and any size (up to
//! 10,000 parts of 8 MiB; beyond that a part is as long as S3's limits want it, and one at a time is in memory).
//!
//! What fails for good or is cancelled leaves nothing behind: parts are aborted, and the key object goes if no token
//! needs it. What fails because network, power or credentials went leaves its parts and a [`journal`](super::journal):
//! the same request finds it, makes the same tokens again from C, time and IV, and sends only the parts that S3 does not
//! have. If anything of the source differs the old upload is aborted, and the file is encrypted under a new data key.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ProgressSink;
use super::journal::{Asked, Journal};
use super::names::{from_key, to_key};
use super::opening::{MAX_DATA_KEY, fault_of};
use super::place::{Place, cancelled, io_fault, usage};
use crate::aws::again::again;
use crate::aws::{Aws, kms, s3, transfer};
use crate::domain::{Fault, FaultKind};
use crate::envelope::publish::Unpublished;
use crate::envelope::{DataKey, Encryptor, EnvelopeError, token_len};

mod parts;
mod source;
mod sources;
mod tally;
mod upload;

pub(super) use parts::Known;
pub(super) use source::Stamp;

pub(super) use upload::discard;

use source::{SourceFile, is_changed};
use sources::{Source, sources};
use tally::Tally;

const ACT: &str = "encrypt";
/// Files that are encrypted at once.
const FILES: usize = 4;
/// Where key objects go by default.
pub(super) const DATA_KEYS: &str = ".strongroom/data-keys/";

/// What to encrypt, and to where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptRequest {
    /// Files (folders: with everything under them).
    pub paths: Vec<PathBuf>,
    /// Where to.
    pub destination: Destination,
    /// The KMS key: id, ARN or alias.
    pub key: String,
    /// Encryption context.
    pub context: BTreeMap<String, String>,
    /// Object key of the key object; by default a new one under `.strongroom/data-keys/`.
    pub data_key_name: Option<String>,
    /// File for C, for local destinations; `DEST.datakey` by default.
    pub data_key_out: Option<PathBuf>,
    /// Whether existing tokens may be replaced; key objects never are.
    pub overwrite: bool,
    /// Whether an interrupted upload of the same request is finished; otherwise it is aborted.
    pub resume: bool,
}

/// Where tokens go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// S3 or the file system.
    Place(Place),
    /// Standard output.
    Stdout,
}

/// What came of it; some files may have failed while the others are done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EncryptReport {
    /// The tokens made, in the order of their names.
    pub files: Vec<EncryptedFile>,
    /// What went wrong with the others.
    pub failed: Vec<Fault>,
    /// ARN of the KMS key.
    pub kms_key_arn: String,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// One token made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedFile {
    /// The source.
    pub path: PathBuf,
    /// Where the token is; `None` for standard output.
    pub place: Option<Place>,
    /// Where C is: an S3 URI or a path.
    pub data_key_uri: String,
    /// Plaintext bytes.
    pub bytes: u64,
    /// Token bytes.
    pub token_bytes: u64,
    /// ETag without quotes, in S3.
    pub etag: Option<String>,
    /// Whether an earlier process began it.
    pub resumed: bool,
}

/// Encrypts everything the request names.
///
/// # Errors
/// When nothing could be begun, or when the only file failed, or on cancellation.
pub async fn encrypt(
    aws: &Aws,
    request: EncryptRequest,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<EncryptReport, Fault> {
    let (mut sources, left_out) = sources(&request)?;
    let is_only = sources.len() == 1 && left_out.is_empty();
    if is_only && let Destination::Place(Place::Local(path)) = &request.destination {
        check_free(path, request.overwrite)?;
    }
    let tally = Tally::new(progress, &sources);
    let mut report = EncryptReport {
        failed: left_out,
        ..EncryptReport::default()
    };
    if let Some(journal) = asked(aws, &request).and_then(|asked| Journal::find(&asked)) {
        let job = if request.resume {
            Job::resume(aws, &request, &tally, cancel, &journal).await?
        } else {
            None
        };
        match job {
            Some(job) => {
                report.warnings.extend(job.warning(&request));
                sources = job.run(sources, Some(journal), &mut report).await;
            }
            None => discard(aws, journal).await?,
        }
    }
    if !sources.is_empty() && !cancel.is_cancelled() {
        let (job, journal) = Job::begin(aws, &request, &tally, cancel, &sources).await?;
        report.warnings.extend(job.warning(&request));
        let changed = job.run(sources, journal, &mut report).await;
        report
            .failed
            .extend(changed.iter().map(|source| changed_fault(&source.path)));
    }
    report.files.sort_by(|one, other| one.path.cmp(&other.path));
    if cancel.is_cancelled() && report.failed.is_empty() && report.files.is_empty() {
        return Err(cancelled(ACT, "the files"));
    }
    let stopped = cancel.is_cancelled() || is_only;
    match report.failed.pop() {
        Some(fault) if stopped => Err(fault),
        Some(fault) => {
            report.failed.push(fault);
            Ok(report)
        }
        None => Ok(report),
    }
}

/// Everything the files of one data key share.
struct Job<'a> {
    aws: &'a Aws,
    tally: &'a Tally,
    cancel: &'a CancellationToken,
    overwrite: bool,
    context: &'a BTreeMap<String, String>,
    data_key: Arc<DataKey>,
    ciphertext: Vec<u8>,
    kms_key_arn: String,
    data_key_place: Place,
    pool: Arc<parts::Pool>,
    /// Whether the destination of the only file was found free already.
    is_checked: bool,
}

/// Why there is no token.
enum Failure {
    /// The source is not what an earlier process saw.
    Changed,
    Fault(Fault),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<'a> Job<'a> {
    /// Makes the data key and puts C where it belongs, before any token is.
    async fn begin(
        aws: &'a Aws,
        request: &'a EncryptRequest,
        tally: &'a Tally,
        cancel: &'a CancellationToken,
        sources: &[Source],
    ) -> Result<(Self, Option<Journal>), Fault> {
        let data_key_place = data_key_place(request)?;
        let only = match sources {
            [
                Source {
                    to: Some(place @ Place::S3 { bucket, key }),
                    ..
                },
            ] if !request.overwrite => Some((place, transfer::is_taken(aws, bucket, key).await?)),
            _ => None,
        };
        if let Some((place, true)) = &only {
            return Err(taken(place));
        }
        let made = again(|| kms::generate_data_key(aws, &request.key, &request.context)).await?;
        let data_key = DataKey::from_plaintext(&made.plaintext).map_err(|error| fault_of(ACT, &request.key, &error))?;
        let mut journal = None;
        match &data_key_place {
            Place::S3 { bucket, key } => {
                if let Some(asked) = asked(aws, request) {
                    journal = Journal::begin(asked, &made.key_arn, &made.ciphertext, key).unwrap_or_else(|error| {
                        tracing::warn!(%error, "without a journal an interrupted upload cannot be resumed");
                        None
                    });
                }
                if let Err(fault) = put_data_key(aws, bucket, key, &made.ciphertext).await {
                    journal.into_iter().for_each(Journal::remove);
                    return Err(fault);
                }
            }
            Place::Local(path) => write_file(path, &made.ciphertext)?,
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
            pool: Arc::default(),
            is_checked: only.is_some(),
        };
        Ok((job, journal))
    }

    /// Goes on under the data key of an interrupted upload; `None` if it cannot be had any more.
    async fn resume(
        aws: &'a Aws,
        request: &'a EncryptRequest,
        tally: &'a Tally,
        cancel: &'a CancellationToken,
        journal: &Journal,
    ) -> Result<Option<Self>, Fault> {
        let opening = &journal.opening;
        let (ciphertext, key) = (&opening.ciphertext, Some(opening.kms_key_arn.as_str()));
        let unwrapped = again(|| kms::decrypt_data_key(aws, ciphertext, key, &request.context, &[])).await;
        let unwrapped = match unwrapped {
            Ok(unwrapped) => unwrapped,
            Err(fault) if passes(&fault) => return Err(fault),
            Err(_) => return Ok(None),
        };
        let (bucket, object) = (&opening.asked.bucket, &opening.data_key_object);
        let Ok(data_key) = DataKey::from_plaintext(&unwrapped.plaintext) else {
            return Ok(None);
        };
        match put_data_key(aws, bucket, object, ciphertext).await {
            Ok(()) => {}
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
            kms_key_arn: opening.kms_key_arn.clone(),
            data_key_place: Place::S3 {
                bucket: bucket.clone(),
                key: object.clone(),
            },
            pool: Arc::default(),
            is_checked: false,
        }))
    }

    /// Encrypts the files, a few at once; gives back those that changed since an earlier process saw them.
    async fn run(&self, sources: Vec<Source>, journal: Option<Journal>, report: &mut EncryptReport) -> Vec<Source> {
        report.kms_key_arn.clone_from(&self.kms_key_arn);
        let mut changed = Vec::new();
        let (mut made, mut unfinished) = (0, false);
        let each = |source: Source| async {
            let result = self.one(&source, journal.as_ref()).await;
            (source, result)
        };
        let mut results = futures::stream::iter(sources).map(each).buffer_unordered(FILES);
        while let Some((source, result)) = results.next().await {
            match result {
                Ok(file) => {
                    made += 1;
                    report.files.push(file);
                }
                Err(Failure::Changed) => changed.push(source),
                Err(Failure::Fault(mut fault)) => {
                    if journal.is_some() && passes(&fault) {
                        unfinished = true;
                        fault.remedy = format!("{}; the same command goes on where it stopped", fault.remedy);
                    }
                    let is_told = fault.kind == FaultKind::Cancelled
                        && report.failed.iter().any(|other| other.kind == FaultKind::Cancelled);
                    if !is_told {
                        report.failed.push(fault);
                    }
                }
            }
        }
        drop(results);
        match journal {
            Some(_) if unfinished && !self.cancel.is_cancelled() => {}
            Some(journal) => {
                if let Err(fault) = discard(self.aws, journal).await {
                    report.warnings.push(format!("parts may be left: {fault}"));
                }
            }
            None if made == 0 => self.remove_data_key().await,
            None => {}
        }
        changed
    }

    async fn one(&self, source: &Source, journal: Option<&Journal>) -> Result<EncryptedFile, Failure> {
        if self.cancel.is_cancelled() {
            return Err(cancelled(ACT, source.path.display()).into());
        }
        match &source.to {
            Some(Place::S3 { bucket, key }) => self.to_s3(source, bucket, key, journal).await,
            Some(Place::Local(path)) => {
                check_free(path, self.overwrite)?;
                let (path, overwrite) = (path.clone(), self.overwrite);
                let written = self.here(source, move |encryptor, file| {
                    write_token(encryptor, file, &path, overwrite)
                });
                Ok(written.await?)
            }
            None => {
                let written = self.here(source, |encryptor, file| {
                    let mut stdout = io::stdout().lock();
                    encryptor
                        .run(file, &mut stdout)
                        .and_then(|_| stdout.flush().map_err(EnvelopeError::Write))
                });
                Ok(written.await?)
            }
        }
    }

    /// Makes a token on this machine.
    async fn here(
        &self,
        source: &Source,
        write: impl FnOnce(Encryptor, &mut SourceFile) -> Result<(), EnvelopeError> + Send + 'static,
    ) -> Result<EncryptedFile, Fault> {
        let io = |error: io::Error| io_fault("read", source.path.display(), &error);
        let (tally, name) = (self.tally.clone(), source.name.clone());
        let told = move |bytes| tally.add(&name, bytes);
        let mut file = SourceFile::open(&source.path, self.cancel, told).map_err(io)?;
        let stamp = file.stamp;
        let encryptor = Encryptor::new(&self.data_key, now()).map_err(|error| self.fault(source, &error))?;
        let written = tokio::task::spawn_blocking(move || write(encryptor, &mut file));
        joined(written.await.map(Ok))?.map_err(|error| self.fault(source, &error))?;
        self.tally.end(source, Some(stamp), stamp.size);
        Ok(self.made(source, stamp, None, false))
    }

    fn made(&self, source: &Source, stamp: Stamp, etag: Option<String>, resumed: bool) -> EncryptedFile {
        EncryptedFile {
            path: source.path.clone(),
            place: source.to.clone(),
            data_key_uri: self.data_key_place.to_string(),
            bytes: stamp.size,
            token_bytes: token_len(stamp.size),
            etag,
            resumed,
        }
    }

    fn fault(&self, source: &Source, error: &EnvelopeError) -> Fault {
        match error {
            _ if self.cancel.is_cancelled() => cancelled(ACT, source.path.display()),
            EnvelopeError::Read(error) | EnvelopeError::Write(error) if is_changed(error) => {
                changed_fault(&source.path)
            }
            EnvelopeError::Read(error) => io_fault("read", source.path.display(), error),
            EnvelopeError::Write(error) => io_fault("write the token of", source.path.display(), error),
            error => fault_of(ACT, source.path.display(), error),
        }
    }

    fn warning(&self, request: &EncryptRequest) -> Option<String> {
        match (&request.destination, &self.data_key_place) {
            (Destination::Place(Place::S3 { key: prefix, .. }), Place::S3 { key, .. })
                if key.starts_with(prefix.as_str()) =>
            {
                Some(format!(
                    "the key object {key} lies under the destination's prefix: a channel on it would deliver it too"
                ))
            }
            _ => None,
        }
    }

    /// No token needs C: it goes again.
    async fn remove_data_key(&self) {
        match &self.data_key_place {
            Place::S3 { bucket, key } => {
                let _ = s3::delete_objects(self.aws, bucket, std::slice::from_ref(key)).await;
            }
            Place::Local(path) => {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Whether the upload can go on later: the fault will pass, or somebody will log in again.
pub(super) fn passes(fault: &Fault) -> bool {
    fault.is_transient() || matches!(fault.kind, FaultKind::Expired | FaultKind::NoCredentials)
}

/// What tells the journal of this request; `None` where there are none.
fn asked(aws: &Aws, request: &EncryptRequest) -> Option<Asked> {
    let Destination::Place(Place::S3 { bucket, key }) = &request.destination else {
        return None;
    };
    let absolute = |path: &PathBuf| Some(to_key(std::path::absolute(path).ok()?.as_os_str()));
    (!aws.is_embedded()).then_some(())?;
    Some(Asked {
        endpoint: aws.endpoint().map(str::to_owned),
        region: aws.region().to_owned(),
        paths: request.paths.iter().map(absolute).collect::<Option<_>>()?,
        bucket: bucket.clone(),
        key: key.clone(),
        kms_key: request.key.clone(),
        context: request.context.clone(),
        data_key_name: request.data_key_name.clone(),
        overwrite: request.overwrite,
    })
}

/// The request that a journal was made for.
pub(super) fn request_of(asked: &Asked) -> EncryptRequest {
    EncryptRequest {
        paths: asked.paths.iter().map(|path| from_key(path).into()).collect(),
        destination: Destination::Place(Place::S3 {
            bucket: asked.bucket.clone(),
            key: asked.key.clone(),
        }),
        key: asked.kms_key.clone(),
        context: asked.context.clone(),
        data_key_name: asked.data_key_name.clone(),
        data_key_out: None,
        overwrite: asked.overwrite,
        resume: true,
    }
}

/// Writes the key object; fine if it is there and the same.
async fn put_data_key(aws: &Aws, bucket: &str, key: &str, ciphertext: &[u8]) -> Result<(), Fault> {
    let kind = "application/octet-stream";
    let put = again(|| s3::write_new(aws, bucket, key, ciphertext.to_vec(), kind)).await;
    let Err(mut fault) = put else { return Ok(()) };
    if fault.kind == FaultKind::Conflict {
        let there = again(|| s3::read_small(aws, bucket, key, MAX_DATA_KEY)).await;
        if there.is_ok_and(|there| there == ciphertext) {
            return Ok(());
        }
        "give another --data-key-name: key objects are never overwritten".clone_into(&mut fault.remedy);
    }
    Err(fault)
}

fn data_key_place(request: &EncryptRequest) -> Result<Place, Fault> {
    match (&request.destination, &request.data_key_out, &request.data_key_name) {
        (Destination::Place(Place::S3 { .. }), Some(path), _) => Err(usage(
            ACT,
            path.display(),
            "--data-key-out is for local destinations",
            "give --data-key-name",
        )),
        (Destination::Place(Place::S3 { bucket, .. }), None, name) => Ok(Place::S3 {
            bucket: bucket.clone(),
            key: name.clone().unwrap_or_else(|| format!("{DATA_KEYS}{}", Uuid::new_v4())),
        }),
        (_, _, Some(name)) => Err(usage(
            ACT,
            name,
            "--data-key-name is for S3 destinations",
            "give --data-key-out",
        )),
        (_, Some(path), None) => Ok(Place::Local(path.clone())),
        (Destination::Place(Place::Local(path)), None, None) => Ok(Place::Local(data_key_file(path))),
        (Destination::Stdout, None, None) => Err(usage(
            ACT,
            "-",
            "the encrypted data key has no place to go",
            "give --data-key-out FILE",
        )),
    }
}

/// `DEST.datakey`, beside a folder as beside a file.
pub(super) fn data_key_file(token: &Path) -> PathBuf {
    let mut name = token.components().as_path().as_os_str().to_owned();
    name.push(".datakey");
    PathBuf::from(name)
}

fn check_free(path: &Path, overwrite: bool) -> Result<(), Fault> {
    if !overwrite && path.symlink_metadata().is_ok() {
        return Err(taken(&Place::Local(path.to_owned())));
    }
    Ok(())
}

fn taken(place: &Place) -> Fault {
    let remedy = "choose another name, or give --overwrite";
    Fault::new(
        FaultKind::Conflict,
        "write",
        place.to_string(),
        "it exists already",
        remedy,
    )
}

fn changed_fault(path: &Path) -> Fault {
    let remedy = "nothing was published; try again when nobody writes to it";
    Fault::new(
        FaultKind::Conflict,
        ACT,
        path.display().to_string(),
        "it changed while it was read",
        remedy,
    )
}

fn write_token(encryptor: Encryptor, file: &mut SourceFile, path: &Path, overwrite: bool) -> Result<(), EnvelopeError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(EnvelopeError::Write)?;
    }
    let mut token = Unpublished::create(path).map_err(EnvelopeError::Write)?;
    encryptor.run(file, &mut token)?;
    token.publish(overwrite).map_err(EnvelopeError::Write)
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let write = || {
        let mut file = Unpublished::create(path)?;
        file.write_all(bytes)?;
        file.publish(false)
    };
    write().map_err(|error| {
        let mut fault = io_fault("write", path.display(), &error);
        if fault.kind == FaultKind::Conflict {
            "give another --data-key-out: encrypted data keys are never overwritten".clone_into(&mut fault.remedy);
        }
        fault
    })
}

/// Runs what blocks on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    joined(tokio::task::spawn_blocking(work).await)
}

pub(super) fn joined<T>(result: Result<Result<T, Fault>, tokio::task::JoinError>) -> Result<T, Fault> {
    result.unwrap_or_else(|error| {
        Err(Fault::new(
            FaultKind::Other,
            "run",
            "a worker thread",
            error.to_string(),
            "",
        ))
    })
}

fn now() -> u64 {
    Timestamp::now().as_second().unsigned_abs()
}
