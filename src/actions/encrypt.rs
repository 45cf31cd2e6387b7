//! Encrypt files under one new data key: to S3, to local tokens, or to standard output.
//!
//! A cipher thread and the uploads run side by side, joined by a bounded channel, so memory stays the same for any
//! size. What fails or is cancelled leaves nothing behind: parts are aborted, and the key object goes if no token needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ProgressSink;
use super::opening::fault_of;
use super::place::{Place, cancelled, io_fault, usage};
use crate::aws::{Aws, kms, s3, transfer};
use crate::domain::{Fault, FaultKind, Progress};
use crate::envelope::publish::Unpublished;
use crate::envelope::{CHUNK, DataKey, Encryptor, Metadata, binding, token_len};

const ACT: &str = "encrypt";
const PART: u64 = 8 << 20;
const MAX_PARTS: u64 = 9_000;
const IN_FLIGHT: usize = 4;
const MAX_KEY_BYTES: usize = 1024;
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptReport {
    /// The tokens made.
    pub files: Vec<EncryptedFile>,
    /// What went wrong with the others.
    pub failed: Vec<Fault>,
    /// ARN of the KMS key.
    pub kms_key_arn: String,
    /// Where C is: an S3 URI or a path.
    pub data_key_uri: String,
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
    /// Plaintext bytes.
    pub bytes: u64,
    /// Token bytes.
    pub token_bytes: u64,
    /// ETag without quotes, in S3.
    pub etag: Option<String>,
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
    let sources = sources(&request)?;
    let job = Job::begin(aws, &request, progress, cancel, &sources).await?;
    let mut report = EncryptReport {
        files: Vec::new(),
        failed: Vec::new(),
        kms_key_arn: job.kms_key_arn.clone(),
        data_key_uri: job.data_key_place.to_string(),
        warnings: job.warnings(&request),
    };
    for (index, source) in sources.iter().enumerate() {
        match job.one(source, index, sources.len()).await {
            Ok(file) => report.files.push(file),
            Err(fault) => {
                report.failed.push(fault);
                if cancel.is_cancelled() {
                    break;
                }
            }
        }
    }
    if report.files.is_empty() {
        job.remove_data_key().await;
    }
    let stopped = cancel.is_cancelled() || sources.len() == 1;
    match report.failed.pop() {
        Some(fault) if stopped => Err(fault),
        Some(fault) => {
            report.failed.push(fault);
            Ok(report)
        }
        None => Ok(report),
    }
}

/// One file to encrypt.
struct Source {
    path: PathBuf,
    /// Its logical name.
    name: String,
    /// Where its token goes; `None` is standard output.
    to: Option<Place>,
}

fn sources(request: &EncryptRequest) -> Result<Vec<Source>, Fault> {
    let mut found = Vec::new();
    let mut any_folder = false;
    for path in &request.paths {
        let meta = fs::metadata(path).map_err(|error| io_fault("read", path.display(), &error))?;
        if meta.is_dir() {
            any_folder = true;
            walk(path, path, &mut found)?;
        } else if meta.is_file() {
            let name = path.file_name().map_or(path.as_path(), Path::new);
            found.push((path.clone(), text_of(name)?));
        } else {
            return Err(usage(
                ACT,
                path.display(),
                "it is neither a file nor a folder",
                "give regular files",
            ));
        }
    }
    let many = any_folder || found.len() != 1;
    let mut taken = BTreeSet::new();
    let mut sources = Vec::new();
    for (path, name) in found {
        let (name, to) = target(request, name, many)?;
        if let Some(place) = &to
            && !taken.insert(place.to_string())
        {
            return Err(usage(
                ACT,
                path.display(),
                &format!("two sources would become {place}"),
                "encrypt them to different prefixes",
            ));
        }
        if let Some(Place::Local(output)) = &to
            && let (Ok(one), Ok(other)) = (path.canonicalize(), output.canonicalize())
            && one == other
        {
            return Err(usage(
                ACT,
                path.display(),
                "source and destination are the same file",
                "choose another name",
            ));
        }
        sources.push(Source { path, name, to });
    }
    if sources.is_empty() {
        return Err(usage(ACT, "nothing", "the folders hold no files", "check the paths"));
    }
    Ok(sources)
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<(PathBuf, String)>) -> Result<(), Fault> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = entries.map_err(|error| io_fault("read", folder.display(), &error))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry
            .file_type()
            .map_err(|error| io_fault("read", path.display(), &error))?;
        if kind.is_dir() {
            walk(root, &path, found)?;
        } else if path.is_file() {
            let name = text_of(path.strip_prefix(root).unwrap_or(&path))?;
            found.push((path, name));
        } else {
            return Err(usage(
                ACT,
                path.display(),
                "it is not a regular file",
                "remove it or name the files themselves",
            ));
        }
    }
    Ok(())
}

fn text_of(path: &Path) -> Result<String, Fault> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| usage(ACT, path.display(), "its name is not UTF-8", "rename it"))
}

/// The logical name and the place of one token.
fn target(request: &EncryptRequest, name: String, many: bool) -> Result<(String, Option<Place>), Fault> {
    match &request.destination {
        Destination::Stdout if many => Err(usage(ACT, "-", "standard output takes one file", "give one file")),
        Destination::Stdout => Ok((name, None)),
        Destination::Place(Place::Local(path)) => {
            let is_folder = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
            if many && !is_folder && path.exists() {
                return Err(usage(
                    ACT,
                    path.display(),
                    "it is not a folder",
                    "give a folder for several files",
                ));
            }
            let path = if many || is_folder {
                path.join(&name)
            } else {
                path.clone()
            };
            Ok((name, Some(Place::Local(path))))
        }
        Destination::Place(place @ Place::S3 { bucket, key }) => {
            let (name, key) = if place.is_prefix() {
                (name.clone(), format!("{key}{name}"))
            } else if many {
                return Err(usage(
                    ACT,
                    place,
                    "it names one object",
                    "end it with / for several files",
                ));
            } else {
                (key.rsplit('/').next().unwrap_or(key).to_owned(), key.clone())
            };
            if key.len() > MAX_KEY_BYTES {
                return Err(usage(
                    ACT,
                    &key,
                    "the key would be longer than 1024 bytes",
                    "choose a shorter prefix",
                ));
            }
            Ok((
                name,
                Some(Place::S3 {
                    bucket: bucket.clone(),
                    key,
                }),
            ))
        }
    }
}

/// Everything the files of one request share.
struct Job<'a> {
    aws: &'a Aws,
    progress: &'a ProgressSink,
    cancel: &'a CancellationToken,
    overwrite: bool,
    context: &'a BTreeMap<String, String>,
    data_key: Arc<DataKey>,
    ciphertext: Vec<u8>,
    kms_key_arn: String,
    data_key_place: Place,
}

impl<'a> Job<'a> {
    /// Makes the data key and puts C where it belongs, before any token is.
    async fn begin(
        aws: &'a Aws,
        request: &'a EncryptRequest,
        progress: &'a ProgressSink,
        cancel: &'a CancellationToken,
        sources: &[Source],
    ) -> Result<Self, Fault> {
        let data_key_place = data_key_place(request)?;
        for source in sources {
            check_free(aws, source, request.overwrite).await?;
        }
        let made = kms::generate_data_key(aws, &request.key, &request.context).await?;
        let data_key = DataKey::from_plaintext(&made.plaintext).map_err(|error| fault_of(ACT, &request.key, &error))?;
        match &data_key_place {
            Place::S3 { bucket, key } => {
                let kind = "application/octet-stream";
                s3::write_new(aws, bucket, key, made.ciphertext.clone(), kind)
                    .await
                    .map_err(|mut fault| {
                        if fault.kind == FaultKind::Conflict {
                            "give another --data-key-name: key objects are never overwritten"
                                .clone_into(&mut fault.remedy);
                        }
                        fault
                    })?;
            }
            Place::Local(path) => write_file(path, &made.ciphertext)?,
        }
        Ok(Self {
            aws,
            progress,
            cancel,
            overwrite: request.overwrite,
            context: &request.context,
            data_key: Arc::new(data_key),
            ciphertext: made.ciphertext,
            kms_key_arn: made.key_arn,
            data_key_place,
        })
    }

    async fn one(&self, source: &Source, index: usize, count: usize) -> Result<EncryptedFile, Fault> {
        if self.cancel.is_cancelled() {
            return Err(cancelled(ACT, source.path.display()));
        }
        let io = |error: io::Error| io_fault("read", source.path.display(), &error);
        let file = File::open(&source.path).map_err(io)?;
        let before = Stamp::of(&file).map_err(io)?;
        let token_bytes = token_len(before.size);
        let encryptor =
            Encryptor::new(&self.data_key, now()).map_err(|error| fault_of(ACT, source.path.display(), &error))?;
        let header = encryptor.header();
        let cipher = Cipher {
            file,
            path: source.path.clone(),
            before,
            encryptor,
            part: PART.max(token_bytes.div_ceil(MAX_PARTS).next_multiple_of(1 << 20)) as usize,
            cancel: self.cancel.clone(),
        };
        let report = |bytes: u64| {
            self.progress.report(Progress {
                phase: "encrypting".to_owned(),
                item: source.name.clone(),
                bytes,
                total: Some(before.size),
                items: (count > 1).then_some((index as u64, count as u64)),
            });
        };
        report(0);
        let etag = match &source.to {
            Some(Place::S3 { bucket, key }) => {
                let metadata = Metadata {
                    kms_key_id: self.kms_key_arn.clone(),
                    data_key: Some(self.ciphertext.clone()),
                    data_key_object: match &self.data_key_place {
                        Place::S3 { key, .. } => Some(key.clone()),
                        Place::Local(_) => None,
                    },
                    context: self.context.clone(),
                    name: source.name.clone(),
                    length: before.size,
                    mac: binding::bind(&self.data_key, &source.name, &header, before.size),
                };
                self.upload(cipher, bucket, key, &metadata.to_map(), token_bytes, report)
                    .await?
            }
            Some(Place::Local(path)) => {
                let (path, overwrite) = (path.clone(), self.overwrite);
                blocking(move || write_token(cipher, &path, overwrite)).await?;
                None
            }
            None => {
                blocking(move || {
                    let mut stdout = io::stdout().lock();
                    cipher.run(|bytes, _| stdout.write_all(&bytes).and_then(|()| stdout.flush()))
                })
                .await?;
                None
            }
        };
        report(before.size);
        Ok(EncryptedFile {
            path: source.path.clone(),
            place: source.to.clone(),
            bytes: before.size,
            token_bytes,
            etag,
        })
    }

    /// The cipher on its thread, parts in flight meanwhile; published only when the source was the same to the end.
    async fn upload(
        &self,
        cipher: Cipher,
        bucket: &str,
        key: &str,
        metadata: &BTreeMap<String, String>,
        token_bytes: u64,
        report: impl Fn(u64),
    ) -> Result<Option<String>, Fault> {
        let single = token_bytes <= cipher.part as u64;
        let (sender, mut parts) = mpsc::channel(1);
        let task = tokio::task::spawn_blocking(move || {
            cipher.run(|bytes, done| {
                sender
                    .blocking_send((Bytes::from(bytes), done))
                    .map_err(|_| io::ErrorKind::BrokenPipe.into())
            })
        });
        if single {
            let body = parts.recv().await;
            joined(task.await)?;
            let (body, _) = body.ok_or_else(|| cancelled(ACT, s3::uri(bucket, key)))?;
            let put = transfer::put(self.aws, bucket, key, body, metadata, self.overwrite);
            return tokio::select! {
                etag = put => etag,
                () = self.cancel.cancelled() => Err(cancelled(ACT, s3::uri(bucket, key))),
            };
        }
        let upload = transfer::begin(self.aws, bucket, key, metadata).await?;
        let sent = tokio::select! {
            sent = self.send_parts(&upload, &mut parts, report) => sent,
            () = self.cancel.cancelled() => Err(cancelled(ACT, s3::uri(bucket, key))),
        };
        drop(parts);
        let read = joined(task.await);
        let finished = match (sent, read) {
            (Ok(sent), Ok(())) => transfer::complete(self.aws, &upload, sent, self.overwrite).await,
            // An upload that failed closes the channel, which the cipher reports as well.
            (Err(fault), _) | (Ok(_), Err(fault)) => Err(fault),
        };
        match finished {
            Ok(etag) => Ok(etag),
            Err(mut fault) => {
                if let Err(left) = transfer::abort(self.aws, &upload).await {
                    fault.remedy = format!("{}; parts are left: {left}", fault.remedy);
                }
                Err(fault)
            }
        }
    }

    async fn send_parts(
        &self,
        upload: &transfer::Multipart,
        parts: &mut mpsc::Receiver<(Bytes, u64)>,
        report: impl Fn(u64),
    ) -> Result<Vec<transfer::Part>, Fault> {
        let mut flying = FuturesUnordered::new();
        let mut sent = Vec::new();
        let mut number = 0;
        let mut open = true;
        while open || !flying.is_empty() {
            tokio::select! {
                next = parts.recv(), if open && flying.len() < IN_FLIGHT => match next {
                    Some((bytes, done)) => {
                        number += 1;
                        flying.push(async move {
                            transfer::upload_part(self.aws, upload, number, bytes).await.map(|part| (part, done))
                        });
                    }
                    None => open = false,
                },
                Some(landed) = flying.next(), if !flying.is_empty() => {
                    let (part, done) = landed?;
                    sent.push(part);
                    report(done);
                }
            }
        }
        Ok(sent)
    }

    fn warnings(&self, request: &EncryptRequest) -> Vec<String> {
        match (&request.destination, &self.data_key_place) {
            (Destination::Place(Place::S3 { key: prefix, .. }), Place::S3 { key, .. })
                if key.starts_with(prefix.as_str()) =>
            {
                vec![format!(
                    "the key object {key} lies under the destination's prefix: a channel on it would deliver it too"
                )]
            }
            _ => Vec::new(),
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

async fn check_free(aws: &Aws, source: &Source, overwrite: bool) -> Result<(), Fault> {
    if overwrite {
        return Ok(());
    }
    let taken = match &source.to {
        Some(Place::S3 { bucket, key }) => transfer::exists(aws, bucket, key).await?,
        Some(Place::Local(path)) => path.symlink_metadata().is_ok(),
        None => false,
    };
    match &source.to {
        Some(place) if taken => {
            let remedy = "choose another name, or give --overwrite";
            Err(Fault::new(
                FaultKind::Conflict,
                "write",
                place.to_string(),
                "it exists already",
                remedy,
            ))
        }
        _ => Ok(()),
    }
}

/// What tells whether a file is still the one that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    inode: (u64, u64),
    modified: (i64, i64),
}

impl Stamp {
    fn of(file: &File) -> io::Result<Self> {
        let meta = file.metadata()?;
        Ok(Self {
            size: meta.len(),
            inode: (meta.dev(), meta.ino()),
            modified: (meta.mtime(), meta.mtime_nsec()),
        })
    }
}

/// Reads one file and makes its token, part by part.
struct Cipher {
    file: File,
    path: PathBuf,
    before: Stamp,
    encryptor: Encryptor,
    part: usize,
    cancel: CancellationToken,
}

impl Cipher {
    /// `sink` takes a part and how many plaintext bytes are through.
    fn run(mut self, mut sink: impl FnMut(Vec<u8>, u64) -> io::Result<()>) -> Result<(), Fault> {
        let io = |error: io::Error| io_fault("read", self.path.display(), &error);
        let put = |error: io::Error| io_fault("write the token of", self.path.display(), &error);
        let mut chunk = zeroize::Zeroizing::new(vec![0; CHUNK]);
        let room = self.part + 2 * CHUNK;
        let mut out = Vec::with_capacity(room.min(token_len(self.before.size) as usize + 64));
        let mut done = 0;
        loop {
            if self.cancel.is_cancelled() {
                return Err(cancelled(ACT, self.path.display()));
            }
            let count = match self.file.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(io(error)),
            };
            done += count as u64;
            if done > self.before.size {
                return Err(changed(&self.path));
            }
            self.encryptor.update(&chunk[..count], &mut out);
            if out.len() > self.part {
                let rest = out.split_off(self.part);
                sink(std::mem::replace(&mut out, rest), done).map_err(put)?;
                out.reserve(room.saturating_sub(out.len()));
            }
        }
        let total = self.encryptor.finish(&mut out);
        let now = Stamp::of(&self.file).map_err(io)?;
        let path_still = fs::metadata(&self.path).is_ok_and(|meta| (meta.dev(), meta.ino()) == self.before.inode);
        if now != self.before || total != self.before.size || !path_still {
            return Err(changed(&self.path));
        }
        while out.len() > self.part {
            let rest = out.split_off(self.part);
            sink(std::mem::replace(&mut out, rest), done).map_err(put)?;
        }
        sink(out, done).map_err(put)
    }
}

fn changed(path: &Path) -> Fault {
    let remedy = "nothing was published; try again when nobody writes to it";
    Fault::new(
        FaultKind::Conflict,
        ACT,
        path.display().to_string(),
        "it changed while it was read",
        remedy,
    )
}

fn write_token(cipher: Cipher, path: &Path, overwrite: bool) -> Result<(), Fault> {
    let io = |error: io::Error| io_fault("write", path.display(), &error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io)?;
    }
    let mut file = Unpublished::create(path).map_err(io)?;
    cipher.run(|bytes, _| file.write_all(&bytes))?;
    file.publish(overwrite).map_err(io)
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

fn joined<T>(result: Result<Result<T, Fault>, tokio::task::JoinError>) -> Result<T, Fault> {
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
