//! Encrypt files under one new data key: to S3, to local tokens, or to standard output.
//!
//! Several files go at once, each as a row of stages side by side: reading and cipher, base64 and cutting, parts on
//! their way. A few are made at a time, and as many are on their way as S3 bears. Their buffers are of the connection's one
//! budget, and parts that are too long for it are made while they are sent, so memory stays the same for any number and any size.
//!
//! Nothing is asked before a token that goes at once: S3 refuses it where an object of its name is there. One that goes in parts
//! is looked for first, so that nobody sends gigabytes to be refused at their end.
//!
//! What fails for good or is cancelled leaves nothing behind: parts are aborted, and the key object goes unless a token
//! needs it, or may. What fails because network, power or credentials went leaves its parts and a `journal`:
//! the same request finds it, makes the same tokens again from C, time and IV, and sends only the parts that S3 does not
//! have. If anything of the source differs the old upload is aborted, and the file is encrypted under a new data key.
//!
//! An upload that was asked for and whose answer nobody heard is not looked for: nobody has its id, and nothing that S3
//! lists tells it from an upload of somebody else to the same key, who would lose it. It has no part and costs nothing,
//! and the buckets made here throw it away after a week.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::ProgressSink;
use super::faults::{cancelled, keeping};
use super::tally::Tally;
use super::upload_journal::Journal;
use crate::aws::Aws;
use crate::domain::{Fault, Location, ObjectUri, WayOut};

mod abort;
mod batch;
pub(super) mod data_key;
mod journal_request;
mod limits;
mod local;
mod metadata;
pub(super) mod object_upload;
mod part_sender;
pub(super) mod parts;
mod plan;
pub(super) mod replaced;
mod replayed_parts;
mod source_file;
mod upload;

pub use super::stream::Way;
pub use limits::Limits;

pub(super) use abort::discard;
pub(super) use batch::now;
pub(super) use data_key::put_data_key;
pub(super) use journal_request::request_of;

use batch::Job;
use journal_request::asked;
use local::check_free;
use plan::sources;

const ACT: &str = "encrypt";

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
    Location(Location),
    /// A device or FIFO, which is written into.
    Stream(PathBuf),
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
    pub place: Option<Location>,
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
    encrypt_within(Limits::default(), aws, request, progress, cancel).await
}

/// The same where parts are limited otherwise than by S3.
///
/// # Errors
/// As [`encrypt`].
pub async fn encrypt_within(
    limits: Limits,
    aws: &Aws,
    request: EncryptRequest,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<EncryptReport, Fault> {
    let (mut sources, left_out) = sources(&request)?;
    let is_only = sources.len() == 1 && left_out.is_empty();
    if is_only && let Destination::Location(Location::Local(path)) = &request.destination {
        check_free(path, request.overwrite)?;
    }
    let tally = Tally::new(progress, "encrypting");
    let sizes = sources.iter().filter_map(|source| std::fs::metadata(&source.path).ok());
    tally.listed(sources.len() as u64, sizes.map(|meta| meta.len()).sum());
    tally.is_whole();
    let mut report = EncryptReport {
        failed: left_out,
        ..EncryptReport::default()
    };
    let journal = match asked(aws, &request) {
        Some(asked) => Journal::find(aws, &asked).await,
        None => None,
    };
    if let Some(journal) = journal {
        let job = if request.resume {
            Job::resume(aws, &request, limits, &tally, cancel, &journal).await?
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
    let is_left = !sources.is_empty() && cancel.is_cancelled();
    if !sources.is_empty() && !is_left {
        let (job, journal) = Job::begin(aws, &request, limits, &tally, cancel, &sources).await?;
        report.warnings.extend(job.warning(&request));
        let changed = job.run(sources, journal, &mut report).await;
        report
            .failed
            .extend(changed.iter().map(|source| changed_fault(&source.path)));
    }
    report.files.sort_by(|one, other| one.path.cmp(&other.path));
    if cancel.is_cancelled() && report.failed.is_empty() && (is_left || report.files.is_empty()) {
        return Err(keeping(cancelled(ACT, "the files"), report.files.len()));
    }
    let stopped = cancel.is_cancelled() || is_only;
    match report.failed.pop() {
        Some(fault) if stopped => Err(keeping(fault, report.files.len())),
        Some(fault) => {
            report.failed.push(fault);
            Ok(report)
        }
        None => Ok(report),
    }
}

fn taken(place: &Location) -> Fault {
    let way = match place {
        Location::S3(ObjectUri { .. }) => WayOut::ReplaceObject,
        Location::Local(_) => WayOut::ReplaceFile,
    };
    Fault::conflict("write", place.to_string(), "it exists already", "").by(way)
}

fn changed_fault(path: &Path) -> Fault {
    let remedy = "nothing of it was published: try again when nobody writes to it";
    let cause = "it changed while it was read";
    Fault::conflict(ACT, path.display().to_string(), cause, remedy)
}
