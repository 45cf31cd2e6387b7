//! Decrypt a token, a prefix of them, or a model archive. Nothing unverified ever appears under the destination's name.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::ProgressSink;
use super::blocking::blocking;
use super::bucket_refusal;
use super::download::{ALONE, Arriving, Download, RANGE, Token, Watched, is_archive, open_file, room_for, scratch};
use super::faults::{io_fault, unless_cancelled, until_cancelled, usage};
use super::kinds::{no_token, of_file, verified, with_length};
use super::sweep::{Leftovers, has_spools};
use super::unlock::{Among, Claim, Keyring, OpenOptions, Unlocked, unlock_file, unlock_object};
use crate::aws::again::again;
use crate::aws::{Aws, s3, transfer};
use crate::domain::{Bond, Contested, Fault, Location, ObjectFormat, ObjectInfo, ObjectUri, Verified};
use crate::envelope::Opened;
use crate::publish::{Folder, Published, Unpublished};

mod archived;
mod below;
mod prefix;
mod streamed;
mod target;

pub use super::stream::Way;
pub(super) use archived::fetch;

use target::{Spot, Target};

const ACT: &str = "decrypt";
const PHASE: &str = "downloading";

/// What to decrypt, and to where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecryptRequest {
    /// A token, a prefix or an archive.
    pub source: Location,
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
    /// A device or FIFO, which is written into.
    Stream(PathBuf),
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
    /// How many encrypted data keys were passed over.
    pub key_objects: u64,
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
    /// Of an archive's member: whose it is, where several hosts left a file of its name.
    pub contested: Option<Contested>,
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
        inputs: target::inputs(&request),
        root: OnceCell::new(),
        published: Arc::default(),
    };
    let mut told = None;
    if is_archive(&request.source) {
        // A token may have an archive's name.
        told = run.format().await?;
        if told.is_none_or(|format| !format.is_token()) {
            return run.archive(told).await.map(opened);
        }
    }
    match &request.source {
        Location::S3(ObjectUri { bucket, key }) if request.source.is_prefix() => run.prefix(bucket, key).await,
        Location::S3(ObjectUri { bucket, key }) => match run.named(bucket, key, told).await {
            Ok(file) => Ok(opened(vec![file])),
            Err(fault) => Err(bucket_refusal::of_read(aws, fault).await),
        },
        Location::Local(path) => run.file(path).await.map(|file| opened(vec![file])),
    }
}

fn opened(files: Vec<DecryptedFile>) -> DecryptReport {
    DecryptReport {
        files,
        failed: Vec::new(),
        key_objects: 0,
    }
}

/// An object that was looked at.
struct Object<'a> {
    bucket: &'a str,
    key: &'a str,
    head: transfer::Head,
    pieces: Mutex<Vec<Bytes>>,
    /// Whether that is all of it.
    is_here: bool,
    in_flight: usize,
}

impl<'a> Object<'a> {
    fn new((bucket, key): (&'a str, &'a str), beginning: transfer::Beginning, in_flight: usize) -> Self {
        Self {
            bucket,
            key,
            is_here: beginning.length() == beginning.head.length,
            head: beginning.head,
            pieces: Mutex::new(beginning.pieces),
            in_flight,
        }
    }
}

struct Run<'a> {
    aws: &'a Aws,
    request: &'a DecryptRequest,
    progress: &'a ProgressSink,
    cancel: &'a CancellationToken,
    keyring: Keyring,
    leftovers: Leftovers,
    /// Device and inode of the files that it reads.
    inputs: Vec<(u64, u64)>,
    /// The folder of a prefix, once there is something for it.
    root: OnceCell<Folder>,
    published: Arc<Published>,
}

impl Run<'_> {
    /// What the source is; nothing where it can be read only once.
    async fn format(&self) -> Result<Option<ObjectFormat>, Fault> {
        match &self.request.source {
            Location::S3(ObjectUri { bucket, key }) => {
                let info = again(|| s3::object_info(self.aws, bucket, key)).await?;
                Ok(Some(info.format))
            }
            Location::Local(path) => {
                of_file(&open_file(path)?).map_err(|error| io_fault("read", path.display(), &error))
            }
        }
    }

    /// Opens one object that was named by its key, of which it may have been `told` before what it is.
    async fn named(&self, bucket: &str, key: &str, told: Option<ObjectFormat>) -> Result<DecryptedFile, Fault> {
        let target = Target::of(&self.request.output)?;
        self.check(&target)?;
        let may_be_kept = matches!(&target, Target::File(spot) if has_spools(&spot.folder));
        let wants = |info: &ObjectInfo, _: &transfer::Head| told.unwrap_or(info.format).is_token();
        let asked = async {
            let room = room_for(self.aws, None, ALONE).await;
            if !may_be_kept {
                let beginning = transfer::beginning(self.aws, (bucket, key), None, RANGE, wants).await?;
                return Ok((room, beginning));
            }
            // What an earlier process left of it is not asked for again.
            let beginning = transfer::Beginning {
                info: again(|| s3::object_info(self.aws, bucket, key)).await?,
                head: transfer::head(self.aws, bucket, key).await?,
                pieces: Vec::new(),
            };
            Ok((room, beginning))
        };
        let (_room, beginning) = until_cancelled(self.cancel, (ACT, s3::uri(bucket, key)), asked).await?;
        let format = told.unwrap_or(beginning.info.format);
        let object = Object::new((bucket, key), beginning, ALONE);
        if !format.is_token() {
            return Err(no_token(ACT, s3::uri(bucket, key), format));
        }
        let claim = Claim::read(bucket, key, &object.head.metadata)?;
        let bond = claim.bond(&self.request.open, Among::Nothing)?;
        self.object(&object, claim, bond, &target, self.progress).await
    }

    /// Opens an object that may be opened where it stands.
    async fn object(
        &self,
        object: &Object<'_>,
        claim: Claim,
        bond: Bond,
        target: &Target,
        progress: &ProgressSink,
    ) -> Result<DecryptedFile, Fault> {
        self.check(target)?;
        let unlocked = unlock_object(self.aws, claim, bond, &self.request.open, &self.keyring).await?;
        let unlocked = Arc::new(unlocked);
        let head = &object.head;
        let download = Download {
            aws: self.aws,
            bucket: object.bucket,
            key: object.key,
            head,
            beginning: &object.pieces,
            progress,
            cancel: self.cancel,
            phase: PHASE,
            in_flight: object.in_flight,
        };
        let source = (s3::uri(object.bucket, object.key), head.unquoted_etag());
        match target {
            Target::File(spot) => {
                self.leftovers.sweep(&spot.folder).await;
                let (shown, to) = (source.0.clone(), spot.clone());
                if object.is_here {
                    // What is here already is not kept a second time.
                    let read = move |token: &mut Watched<Arriving>| to_file(token, &unlocked, &shown, &to);
                    let made = download.through(read).await.map_err(|fault| with_length(fault, head))?;
                    return self.publish(made, source, spot).await;
                }
                let read = move |unlocked: &Unlocked, token: &mut Watched<Token>| to_file(token, unlocked, &shown, &to);
                let made = download.spooled_through(&spot.folder, &unlocked, read).await;
                let (spool, made) = made.map_err(|fault| with_length(fault, head))?;
                let made = self.publish(made, source, spot).await;
                spool.remove();
                made
            }
            Target::Stream(sink) => {
                let folder = scratch()?;
                self.leftovers.sweep(&folder).await;
                let output = self.open(sink).await?;
                let shown = source.0.clone();
                let read =
                    move |unlocked: &Unlocked, token: &mut Watched<Token>| unlocked.first_pass(token, (ACT, &shown));
                let verified = download.spooled_through(&folder, &unlocked, read).await;
                let (spool, verified) = verified.map_err(|fault| with_length(fault, head))?;
                let released = match spool.token() {
                    Ok(token) => self.release(token, unlocked, verified, source, sink, output).await,
                    Err(error) => Err(io_fault("read the spool of", &source.0, &error)),
                };
                spool.remove();
                released
            }
        }
    }

    async fn file(&self, path: &Path) -> Result<DecryptedFile, Fault> {
        let target = Target::of(&self.request.output)?;
        self.check(&target)?;
        let token = open_file(path)?;
        let format = of_file(&token).map_err(|error| io_fault("read", path.display(), &error))?;
        if let Some(format) = format.filter(|format| !format.is_token()) {
            return Err(no_token(ACT, path.display(), format));
        }
        let unlocked = Arc::new(unlock_file(self.aws, path, &self.request.open).await?);
        let source = path.display().to_string();
        self.progress.at("decrypting", &source);
        let shown = source.clone();
        match &target {
            Target::File(spot) => {
                self.leftovers.sweep(&spot.folder).await;
                let to = spot.clone();
                let made = self.reading(token, source.clone(), move |token| {
                    to_file(token, &unlocked, &shown, &to)
                });
                self.publish(made.await?, (source, None), spot).await
            }
            Target::Stream(sink) => {
                let output = self.open(sink).await?;
                let io = |error: io::Error| io_fault("read", path.display(), &error);
                let token = if token.metadata().map_err(io)?.is_file() {
                    token
                } else {
                    self.kept(token, source.clone()).await?
                };
                let again = token.try_clone().map_err(io)?;
                let key = Arc::clone(&unlocked);
                let verify = move |token: &mut Watched<File>| {
                    let verified = key.first_pass(token, (ACT, &shown))?;
                    token.rewind().map_err(|error| io_fault("read", &shown, &error))?;
                    Ok(verified)
                };
                let verified = self.reading(token, source.clone(), verify).await?;
                self.release(again, unlocked, verified, (source, None), sink, output)
                    .await
            }
        }
    }

    /// Gives a decrypted file its name.
    async fn publish(&self, made: Made, (source, etag): Source, spot: &Spot) -> Result<DecryptedFile, Fault> {
        let (spot, overwrite) = (spot.clone(), self.request.overwrite);
        let published = Arc::clone(&self.published);
        blocking(move || {
            let (opened, bond, file) = made;
            let io = |error: io::Error| io_fault("write", spot.path.display(), &error);
            file.publish_among(&published, overwrite).map_err(io)?;
            Ok(DecryptedFile {
                source,
                path: Some(spot.path),
                bytes: opened.plaintext_bytes,
                verified: verified((opened, bond)),
                etag,
                contested: None,
            })
        })
        .await
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
            Output::Stdout | Output::Stream(_) => Err(usage(
                ACT,
                &self.request.source,
                "many files do not go into one stream",
                "give -o DIR",
            )),
        }
    }

    fn check(&self, target: &Target) -> Result<(), Fault> {
        match target {
            Target::File(spot) => spot.check(self.request.overwrite, &self.inputs),
            Target::Stream(_) => Ok(()),
        }
    }
}

/// What is opened: its URI or path, and its ETag.
type Source = (String, Option<String>);

/// A decrypted file that has no name yet, and what is proved of its place.
type Made = (Opened, Bond, Unpublished);

fn to_file(token: &mut (impl Read + Send), unlocked: &Unlocked, source: &str, spot: &Spot) -> Result<Made, Fault> {
    let file = Unpublished::create_in(&spot.folder, &spot.name)
        .map_err(|error| io_fault("write", spot.path.display(), &error))?;
    unlocked.decrypt(token, file, (ACT, source))
}
