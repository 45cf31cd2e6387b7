//! Decrypt a token, a prefix of them, or a model archive. Nothing unverified ever appears under the destination's name.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::ProgressSink;
use super::blocking::blocking;
use super::kinds::{no_token, of_file, verified};
use super::leftovers::Leftovers;
use super::names::from_key;
use super::opening::{Keyring, OpenOptions, Unlocked, fault_of, unlock_file, unlock_object};
use super::place::{Place, cancelled, inside, io_fault, stdout, unless_cancelled, usage};
use super::spool::{ALONE, AMONG_OTHERS, Download, Token, Watched, is_archive, open_file};
use crate::aws::again::again;
use crate::aws::{Aws, s3, transfer};
use crate::domain::{Bond, Fault, FaultKind, ObjectFormat, ObjectRow, Progress, Verified};
use crate::envelope::publish::{Unpublished, folder_of};
use crate::envelope::{Opened, release};

mod archived;

pub(super) use archived::fetch;

const ACT: &str = "decrypt";
/// What says in an object's metadata that it is a token of ours.
const VERSION: &str = "strongroom-version";
/// Objects of a prefix that are opened at once.
const FILES: usize = 4;

/// What to decrypt, and to where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecryptRequest {
    /// A token, a prefix or an archive.
    pub source: Place,
    /// Where to.
    pub output: Output,
    /// How to find the data key.
    pub open: OpenOptions,
    /// Whether existing files may be replaced.
    pub overwrite: bool,
}

/// Where plaintext goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A file; for prefixes and archives a folder.
    Path(PathBuf),
    /// Standard output.
    Stdout,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecryptReport {
    /// What was opened.
    pub files: Vec<DecryptedFile>,
    /// What went wrong with the others.
    pub failed: Vec<Fault>,
}

/// One token opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecryptedFile {
    /// S3 URI or path, of an archive's member with its name.
    pub source: String,
    /// Where the plaintext is; `None` for standard output.
    pub path: Option<PathBuf>,
    /// Plaintext bytes.
    pub bytes: u64,
    /// What it proved.
    pub verified: Verified,
    /// ETag of the object that was read, without quotes; of an archive's member the archive's.
    pub etag: Option<String>,
}

/// Opens everything the request names.
///
/// # Errors
/// When the only token does not open, or nothing could be begun, or on cancellation.
pub async fn decrypt(
    aws: &Aws,
    request: DecryptRequest,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<DecryptReport, Fault> {
    let run = Run {
        aws,
        request: &request,
        progress,
        cancel,
        keyring: Keyring::default(),
        leftovers: Leftovers::default(),
    };
    let mut told = None;
    if is_archive(&request.source) {
        // A token may have an archive's name.
        told = run.format().await?;
        if told.is_none_or(|format| !format.is_token()) {
            return run.archive(told).await.map(|files| DecryptReport {
                files,
                failed: Vec::new(),
            });
        }
    }
    match &request.source {
        Place::S3 { bucket, key } if request.source.is_prefix() => run.prefix(bucket, key).await,
        Place::S3 { bucket, key } => {
            let opened = run.object(bucket, key, &request.output, ALONE, told).await;
            opened.map(single)
        }
        Place::Local(path) => run.file(path).await.map(single),
    }
}

fn single(file: DecryptedFile) -> DecryptReport {
    DecryptReport {
        files: vec![file],
        failed: Vec::new(),
    }
}

struct Run<'a> {
    aws: &'a Aws,
    request: &'a DecryptRequest,
    progress: &'a ProgressSink,
    cancel: &'a CancellationToken,
    keyring: Keyring,
    leftovers: Leftovers,
}

impl Run<'_> {
    /// What the source is; nothing where it can be read only once.
    async fn format(&self) -> Result<Option<ObjectFormat>, Fault> {
        match &self.request.source {
            Place::S3 { bucket, key } => {
                let info = again(|| s3::object_info(self.aws, bucket, key)).await?;
                Ok(Some(info.format))
            }
            Place::Local(path) => of_file(&open_file(path)?).map_err(|error| io_fault("read", path.display(), &error)),
        }
    }

    /// Opens an object, of which it may have been `told` before what it is.
    async fn object(
        &self,
        bucket: &str,
        key: &str,
        output: &Output,
        in_flight: usize,
        told: Option<ObjectFormat>,
    ) -> Result<DecryptedFile, Fault> {
        self.check_free(output)?;
        let head = transfer::head(self.aws, bucket, key).await?;
        let format = match told {
            Some(format) => format,
            None if head.metadata.contains_key(VERSION) => ObjectFormat::Strongroom,
            None => again(|| s3::object_info(self.aws, bucket, key)).await?.format,
        };
        if !format.is_token() {
            return Err(no_token(ACT, s3::uri(bucket, key), format));
        }
        let options = &self.request.open;
        let unlocked = unlock_object(self.aws, bucket, key, &head.metadata, options, &self.keyring).await?;
        let unlocked = Arc::new(unlocked);
        let download = Download {
            aws: self.aws,
            bucket,
            key,
            head: &head,
            progress: self.progress,
            cancel: self.cancel,
            phase: "downloading",
            in_flight,
        };
        let source = (s3::uri(bucket, key), head.unquoted_etag());
        let folder = scratch(output);
        self.leftovers.sweep(&folder).await;
        match output {
            Output::Path(path) => {
                let (shown, to) = (source.0.clone(), path.clone());
                let read = move |unlocked: &Unlocked, token: &mut Watched<Token>| to_file(token, unlocked, &shown, &to);
                let (spool, made) = download.spooled_through(&folder, &unlocked, read).await?;
                let made = self.publish(made, source, path).await;
                spool.remove();
                made
            }
            Output::Stdout => {
                let shown = source.0.clone();
                let read = move |unlocked: &Unlocked, token: &mut Watched<Token>| {
                    unlocked.verify(token).map_err(|error| fault_of(ACT, &shown, &error))
                };
                let (spool, verified) = download.spooled_through(&folder, &unlocked, read).await?;
                let released = match spool.token() {
                    Ok(token) => self.release(token, unlocked, verified, source).await,
                    Err(error) => Err(io_fault("read the spool of", &source.0, &error)),
                };
                spool.remove();
                released
            }
        }
    }

    async fn file(&self, path: &Path) -> Result<DecryptedFile, Fault> {
        let output = &self.request.output;
        if let Output::Path(to) = output
            && let (Ok(one), Ok(other)) = (path.canonicalize(), to.canonicalize())
            && one == other
        {
            return Err(usage(
                ACT,
                path.display(),
                "source and output are the same file",
                "choose another name",
            ));
        }
        self.check_free(output)?;
        let token = open_file(path)?;
        let format = of_file(&token).map_err(|error| io_fault("read", path.display(), &error))?;
        if let Some(format) = format.filter(|format| !format.is_token()) {
            return Err(no_token(ACT, path.display(), format));
        }
        let unlocked = Arc::new(unlock_file(self.aws, path, &self.request.open).await?);
        let source = path.display().to_string();
        self.progress.report(Progress {
            phase: "decrypting".to_owned(),
            item: source.clone(),
            ..Progress::default()
        });
        let shown = source.clone();
        match output {
            Output::Path(path) => {
                self.leftovers.sweep(&scratch(output)).await;
                let to = path.clone();
                let made = self.reading(token, source.clone(), move |token| {
                    to_file(token, &unlocked, &shown, &to)
                });
                self.publish(made.await?, (source, None), path).await
            }
            Output::Stdout => {
                let again = token
                    .try_clone()
                    .map_err(|error| io_fault("read", path.display(), &error))?;
                let key = Arc::clone(&unlocked);
                let verify = move |token: &mut Watched<File>| {
                    let verified = key.verify(token).map_err(|error| fault_of(ACT, &shown, &error))?;
                    token.rewind().map_err(|error| io_fault("read", &shown, &error))?;
                    Ok(verified)
                };
                let verified = self.reading(token, source.clone(), verify).await?;
                self.release(again, unlocked, verified, (source, None)).await
            }
        }
    }

    async fn prefix(&self, bucket: &str, prefix: &str) -> Result<DecryptReport, Fault> {
        let folder = self.folder()?;
        let keys = self.keys(bucket, prefix).await?;
        let (mut files, mut failed) = (Vec::new(), Vec::new());
        let each = |key: String| async move { self.under(bucket, prefix, &key, folder).await };
        let mut results = futures::stream::iter(keys).map(each).buffer_unordered(FILES);
        while let Some(result) = results.next().await {
            if self.cancel.is_cancelled() {
                return Err(cancelled(ACT, &self.request.source));
            }
            match result {
                Ok(file) => files.extend(file),
                Err(fault) => failed.push(fault),
            }
        }
        if files.is_empty() && failed.is_empty() {
            let remedy = "check the prefix";
            return Err(Fault::new(
                FaultKind::NotFound,
                ACT,
                self.request.source.to_string(),
                "there is nothing under it",
                remedy,
            ));
        }
        files.sort_by(|one: &DecryptedFile, other| one.source.cmp(&other.source));
        Ok(DecryptReport { files, failed })
    }

    async fn keys(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, Fault> {
        let mut keys = Vec::new();
        let mut token = None;
        loop {
            let page = again(|| s3::list_under(self.aws, bucket, prefix, token.clone())).await?;
            keys.extend(page.rows.into_iter().filter_map(|row| match row {
                ObjectRow::Object { key, .. } => Some(key),
                ObjectRow::Prefix { .. } => None,
            }));
            token = page.next;
            if token.is_none() {
                return Ok(keys);
            }
        }
    }

    async fn under(
        &self,
        bucket: &str,
        prefix: &str,
        key: &str,
        folder: &Path,
    ) -> Result<Option<DecryptedFile>, Fault> {
        if self.cancel.is_cancelled() {
            return Ok(None);
        }
        let name = key.strip_prefix(prefix).unwrap_or(key);
        let is_marker = name.is_empty() || name.ends_with('/');
        let info = again(|| s3::object_info(self.aws, bucket, key)).await?;
        // What consoles write for an empty folder has no bytes; a longer one is a name that leaves the folder.
        let is_empty =
            info.format == ObjectFormat::Plain && is_marker && transfer::head(self.aws, bucket, key).await?.length == 0;
        if info.format == ObjectFormat::KeyObject || is_empty {
            return Ok(None);
        }
        inside(folder, name)?;
        let name = match info.format {
            ObjectFormat::Strongroom => from_key(name),
            _ => name.into(),
        };
        let to = folder.join(name);
        if let Some(parent) = to.parent() {
            let io = |error: io::Error| io_fault("create", parent.display(), &error);
            fs::create_dir_all(parent).map_err(io)?;
            let (parent, folder) = (parent.canonicalize().map_err(io)?, folder.canonicalize().map_err(io)?);
            if !parent.starts_with(&folder) {
                let cause = "a link on the way leads out of the destination folder";
                let object = to.display().to_string();
                return Err(Fault::new(
                    FaultKind::Integrity,
                    "write",
                    object,
                    cause,
                    "remove the link",
                ));
            }
        }
        self.object(bucket, key, &Output::Path(to), AMONG_OTHERS, Some(info.format))
            .await
            .map(Some)
    }

    /// Gives a decrypted file its name.
    async fn publish(&self, made: Made, (source, etag): Source, path: &Path) -> Result<DecryptedFile, Fault> {
        let (to, overwrite) = (path.to_owned(), self.request.overwrite);
        blocking(move || {
            let (opened, bond, file) = made;
            file.publish(overwrite)
                .map_err(|error| io_fault("write", to.display(), &error))?;
            Ok(DecryptedFile {
                source,
                path: Some(to),
                bytes: opened.plaintext_bytes,
                verified: verified((opened, bond)),
                etag,
            })
        })
        .await
    }

    /// Writes to standard output what was verified before.
    async fn release(
        &self,
        token: File,
        unlocked: Arc<Unlocked>,
        (opened, bond): (Opened, Bond),
        (source, etag): Source,
    ) -> Result<DecryptedFile, Fault> {
        let shown = source.clone();
        let write = move |token: &mut Watched<File>| {
            let mut stdout = stdout().map_err(|error| io_fault("write", "standard output", &error))?;
            release(&unlocked.key, &opened, token, &mut stdout).map_err(|error| fault_of(ACT, &shown, &error))
        };
        self.reading(token, source.clone(), write).await?;
        Ok(DecryptedFile {
            source,
            path: None,
            bytes: opened.plaintext_bytes,
            verified: verified((opened, bond)),
            etag,
        })
    }

    /// Reads a token on a thread of its own, as long as nobody cancels.
    async fn reading<R: Send + 'static>(
        &self,
        token: File,
        source: String,
        read: impl FnOnce(&mut Watched<File>) -> Result<R, Fault> + Send + 'static,
    ) -> Result<R, Fault> {
        let cancel = self.cancel.clone();
        blocking(move || {
            let mut token = Watched { inner: token, cancel };
            read(&mut token).map_err(|fault| unless_cancelled(fault, &token.cancel, ACT, source))
        })
        .await
    }

    fn folder(&self) -> Result<&Path, Fault> {
        match &self.request.output {
            Output::Path(path) => Ok(path),
            Output::Stdout => Err(usage(
                ACT,
                &self.request.source,
                "many files do not go to standard output",
                "give -o DIR",
            )),
        }
    }

    fn check_free(&self, output: &Output) -> Result<(), Fault> {
        match output {
            Output::Path(path) if !self.request.overwrite && path.symlink_metadata().is_ok() => {
                Err(io_fault("write", path.display(), &io::ErrorKind::AlreadyExists.into()))
            }
            _ => Ok(()),
        }
    }
}

/// What is opened: its URI or path, and its ETag.
type Source = (String, Option<String>);

/// A decrypted file that has no name yet, and what is proved of its place.
type Made = (Opened, Bond, Unpublished);

fn to_file(token: &mut (impl Read + Send), unlocked: &Unlocked, source: &str, path: &Path) -> Result<Made, Fault> {
    let file = Unpublished::create(path).map_err(|error| io_fault("write", path.display(), &error))?;
    unlocked
        .decrypt(token, file)
        .map_err(|error| fault_of(ACT, source, &error))
}

/// The destination's folder: what is spooled there fits where the plaintext must fit too.
fn scratch(output: &Output) -> PathBuf {
    match output {
        Output::Path(path) => folder_of(path).to_owned(),
        Output::Stdout => std::env::temp_dir(),
    }
}
