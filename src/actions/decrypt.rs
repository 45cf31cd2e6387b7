//! Decrypt a token, a prefix of them, or a model archive. Nothing unverified ever appears under the destination's name.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::blocking::blocking;
use super::names::from_key;
use super::opening::{Keyring, OpenOptions, Unlocked, fault_of, unlock_archive, unlock_file, unlock_object};
use super::place::{Place, cancelled, inside, io_fault, stdout, usage};
use super::spool::{ALONE, AMONG_OTHERS, Download, Watched, is_archive, open_file};
use super::{ProgressSink, archive};
use crate::aws::again::again;
use crate::aws::{Aws, s3, transfer};
use crate::domain::{Fault, FaultKind, ObjectFormat, ObjectRow, Progress};
use crate::envelope::publish::{TEMPORARY, Unpublished};
use crate::envelope::{EnvelopeError, Opened, decrypt_verified, open, verify};

const ACT: &str = "decrypt";
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
    /// Whether name and metadata were proved too.
    pub bound: bool,
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
    };
    if is_archive(&request.source) {
        return run.archive().await.map(|files| DecryptReport {
            files,
            failed: Vec::new(),
        });
    }
    match &request.source {
        Place::S3 { bucket, key } if request.source.is_prefix() => run.prefix(bucket, key).await,
        Place::S3 { bucket, key } => run.object(bucket, key, &request.output, ALONE).await.map(single),
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
}

impl Run<'_> {
    async fn object(&self, bucket: &str, key: &str, output: &Output, in_flight: usize) -> Result<DecryptedFile, Fault> {
        self.check_free(output)?;
        let head = transfer::head(self.aws, bucket, key).await?;
        let options = &self.request.open;
        let unlocked = unlock_object(self.aws, bucket, key, &head.metadata, options, &self.keyring).await?;
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
        let (spool, opened) = download.verified_spool(&scratch(output), &unlocked).await?;
        let uri = s3::uri(bucket, key);
        let token = spool
            .token()
            .map_err(|error| io_fault("read the spool of", &uri, &error))?;
        let finished = self.finish(token, unlocked, Some(opened), uri, output).await;
        spool.remove();
        finished
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
        let unlocked = unlock_file(self.aws, path, &self.request.open).await?;
        self.finish(token, unlocked, None, path.display().to_string(), output)
            .await
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
        self.object(bucket, key, &Output::Path(to), AMONG_OTHERS)
            .await
            .map(Some)
    }

    /// The folder appears, by one rename, once every member was verified.
    async fn archive(&self) -> Result<Vec<DecryptedFile>, Fault> {
        let folder = self.folder()?.to_owned();
        if folder.symlink_metadata().is_ok() {
            let remedy = "name a folder that does not exist yet";
            return Err(Fault::new(
                FaultKind::Conflict,
                "write",
                folder.display().to_string(),
                "it exists already",
                remedy,
            ));
        }
        let io = |error: io::Error| io_fault("write", folder.display(), &error);
        let output = Output::Path(folder.clone());
        let building = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempdir_in(scratch(&output))
            .map_err(io)?;
        let mut file = fetch(
            self.aws,
            &self.request.source,
            building.path(),
            self.progress,
            self.cancel,
        )
        .await?;
        let bundle = archive::bundle(&mut file, &self.request.source)?;
        if bundle.is_none() && self.request.open.require_bound {
            return Err(Fault::new(
                FaultKind::Integrity,
                "open",
                self.request.source.to_string(),
                "it holds no strongroom.json: its names are not proved",
                "without --require-bound it opens, its names unproved",
            ));
        }
        let unlocked = unlock_archive(self.aws, &self.request.source, bundle.as_ref(), &self.request.open).await?;
        let (source, cancel) = (self.request.source.clone(), self.cancel.clone());
        blocking(move || {
            let root = building.path();
            let members =
                archive::open_members(&mut file, &source, root, &unlocked, bundle.as_ref(), |name, token| {
                    let to = inside(root, name)?;
                    if let Some(parent) = to.parent() {
                        fs::create_dir_all(parent).map_err(|error| io_fault("create", parent.display(), &error))?;
                    }
                    let mut plain = File::create_new(&to).map_err(|error| io_fault("write", to.display(), &error))?;
                    let mut token = Watched {
                        inner: token,
                        cancel: cancel.clone(),
                    };
                    open(&unlocked.key, &mut token, &mut plain).map_err(|error| fault_of("decrypt", name, &error))
                })?;
            fs::rename(root, &folder).map_err(|error| io_fault("write", folder.display(), &error))?;
            let _ = building.keep();
            Ok(members
                .into_iter()
                .map(|member| DecryptedFile {
                    source: format!("{source}/{}", member.name),
                    path: Some(folder.join(&member.name)),
                    bytes: member.opened.plaintext_bytes,
                    bound: member.bound,
                })
                .collect())
        })
        .await
    }

    async fn finish(
        &self,
        token: File,
        unlocked: Unlocked,
        verified: Option<Opened>,
        source: String,
        output: &Output,
    ) -> Result<DecryptedFile, Fault> {
        self.progress.report(Progress {
            phase: "decrypting".to_owned(),
            item: source.clone(),
            ..Progress::default()
        });
        let (output, overwrite, cancel) = (output.clone(), self.request.overwrite, self.cancel.clone());
        let path = match &output {
            Output::Path(path) => Some(path.clone()),
            Output::Stdout => None,
        };
        blocking(move || {
            let mut token = Watched {
                inner: token,
                cancel: cancel.clone(),
            };
            let written = write(&mut token, &unlocked, verified, &source, &output, overwrite);
            match written {
                Err(_) if cancel.is_cancelled() => Err(cancelled(ACT, source)),
                Err(fault) => Err(fault),
                Ok((opened, bound)) => Ok(DecryptedFile {
                    source,
                    path,
                    bytes: opened.plaintext_bytes,
                    bound,
                }),
            }
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

/// Name, length and token are checked before the first byte of plaintext is written anywhere.
fn write(
    token: &mut Watched<File>,
    unlocked: &Unlocked,
    verified: Option<Opened>,
    source: &str,
    output: &Output,
    overwrite: bool,
) -> Result<(Opened, bool), Fault> {
    let fault = |error| fault_of(ACT, source, &error);
    let opened = match verified {
        Some(opened) => opened,
        None => {
            let opened = verify(&unlocked.key, token).map_err(fault)?;
            token
                .seek(SeekFrom::Start(0))
                .map_err(|error| io_fault("read", source, &error))?;
            opened
        }
    };
    let bound = unlocked.check(&opened).map_err(fault)?;
    let again = match output {
        Output::Path(path) => {
            let io = |error: io::Error| io_fault("write", path.display(), &error);
            let mut file = Unpublished::create(path).map_err(io)?;
            let again = decrypt_verified(&unlocked.key, token, &mut file).map_err(fault)?;
            if again == opened {
                file.publish(overwrite).map_err(io)?;
            }
            again
        }
        Output::Stdout => {
            let mut stdout = stdout().map_err(|error| io_fault("write", "standard output", &error))?;
            decrypt_verified(&unlocked.key, token, &mut stdout).map_err(fault)?
        }
    };
    if again == opened {
        Ok((opened, bound))
    } else {
        Err(fault(EnvelopeError::Unbound))
    }
}

/// The whole archive, local or spooled.
pub(super) async fn fetch(
    aws: &Aws,
    source: &Place,
    folder: &Path,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<File, Fault> {
    match source {
        Place::Local(path) => open_file(path),
        Place::S3 { bucket, key } => {
            let head = transfer::head(aws, bucket, key).await?;
            let download = Download {
                aws,
                bucket,
                key,
                head: &head,
                progress,
                cancel,
                phase: "downloading",
                in_flight: ALONE,
            };
            download.spooled(folder).await
        }
    }
}

/// The destination's folder: what is spooled there fits where the plaintext must fit too.
fn scratch(output: &Output) -> PathBuf {
    match output {
        Output::Path(path) => match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        },
        Output::Stdout => std::env::temp_dir(),
    }
}
