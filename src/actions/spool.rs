//! Whole tokens and archives on this disk: ciphertext only.
//!
//! A token is spooled into a file of the destination's folder whose name follows from the object and its ETag, so a
//! download that was interrupted is found again by the same command and goes on where it stopped. It is checked while it
//! arrives. The file goes once the token is opened or refused; what nobody came back for is swept after a week.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use rustix::fs::{FlockOperation, flock};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::ProgressSink;
use super::blocking::{blocking, joined};
use super::encrypt::passes;
use super::opening::{Unlocked, fault_of};
use super::place::{Place, cancelled, io_fault};
use crate::aws::{Aws, s3, transfer};
use crate::domain::{Fault, FaultKind, Progress};
use crate::envelope::binding::digest;
use crate::envelope::publish::TEMPORARY;
use crate::envelope::{CHUNK, Opened, TokenReader};

const RANGE: u64 = 4 << 20;
/// Ranges on their way, of one object alone.
pub(super) const ALONE: usize = 6;
/// Ranges on their way of each object, when several come at once.
pub(super) const AMONG_OTHERS: usize = 2;
/// Pieces that wait for a slow disk.
const WAITING: usize = 64;
const SUFFIX: &str = ".token";
const FORGOTTEN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// An object on its way here: the very one that `head` looked at.
#[derive(Clone, Copy)]
pub(super) struct Download<'a> {
    pub(super) aws: &'a Aws,
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
    pub(super) head: &'a transfer::Head,
    pub(super) progress: &'a ProgressSink,
    pub(super) cancel: &'a CancellationToken,
    pub(super) phase: &'static str,
    pub(super) in_flight: usize,
}

impl Download<'_> {
    /// The whole object, in an unnamed file of `folder`.
    pub(super) async fn spooled(&self, folder: &Path) -> Result<File, Fault> {
        let io = |error: io::Error| io_fault("write a temporary file in", folder.display(), &error);
        let file = tempfile::tempfile_in(folder).map_err(io)?;
        let shown = folder.display().to_string();
        let write = move |file: &mut File, piece: &[u8]| {
            file.write_all(piece)
                .map_err(|error| io_fault("write a temporary file in", &shown, &error))
        };
        let mut file = self.pour(0, file, write).await?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        Ok(file)
    }

    /// Checks the whole token without keeping it.
    pub(super) async fn verified(&self, unlocked: &Unlocked) -> Result<Opened, Fault> {
        let uri = s3::uri(self.bucket, self.key);
        let shown = uri.clone();
        let check = move |reader: &mut TokenReader, piece: &[u8]| {
            let pushed = reader.push(piece, &mut Vec::new());
            pushed.map_err(|error| fault_of("verify", &shown, &error))
        };
        let reader = self.pour(0, TokenReader::verifying(&unlocked.key), check).await?;
        let opened = reader.finish(&mut Vec::new());
        opened.map_err(|error| fault_of("verify", uri, &error))
    }

    /// The whole token in a spool of `folder`, checked.
    pub(super) async fn verified_spool(&self, folder: &Path, unlocked: &Unlocked) -> Result<(Spool, Opened), Fault> {
        let (spool, kept) = Spool::open(folder, self.bucket, self.key, self.head)
            .map_err(|error| io_fault("write a temporary file in", folder.display(), &error))?;
        match self.fill(&spool, kept, unlocked).await {
            // What an earlier process left may have suffered since: it is fetched again.
            Err(fault) if kept > 0 && fault.kind == FaultKind::Integrity => {
                let opened = self.fill(&spool, 0, unlocked).await;
                spool.settled(opened)
            }
            opened => spool.settled(opened),
        }
    }

    async fn fill(&self, spool: &Spool, kept: u64, unlocked: &Unlocked) -> Result<Opened, Fault> {
        let uri = s3::uri(self.bucket, self.key);
        let io = |error: io::Error| io_fault("spool", s3::uri(self.bucket, self.key), &error);
        let mut file = spool.file.try_clone().map_err(io)?;
        let mut reader = TokenReader::verifying(&unlocked.key);
        let (shown, cancel) = (uri.clone(), self.cancel.clone());
        let (file, reader) = blocking(move || {
            let io = |error: io::Error| io_fault("read the spool of", &shown, &error);
            file.set_len(kept).map_err(io)?;
            file.seek(SeekFrom::Start(0)).map_err(io)?;
            let mut piece = vec![0; CHUNK];
            loop {
                let count = Watched {
                    inner: &file,
                    cancel: cancel.clone(),
                }
                .read(&mut piece)
                .map_err(io)?;
                if count == 0 {
                    return Ok((file, reader));
                }
                let pushed = reader.push(&piece[..count], &mut Vec::new());
                pushed.map_err(|error| fault_of("open", &shown, &error))?;
            }
        })
        .await?;
        let shown = uri.clone();
        let write_and_check = move |(file, reader): &mut (File, TokenReader), piece: &[u8]| {
            file.write_all(piece)
                .map_err(|error| io_fault("spool", &shown, &error))?;
            let pushed = reader.push(piece, &mut Vec::new());
            pushed.map_err(|error| fault_of("open", &shown, &error))
        };
        let (_, reader) = self.pour(kept, (file, reader), write_and_check).await?;
        let opened = reader.finish(&mut Vec::new());
        opened.map_err(|error| fault_of("open", uri, &error))
    }

    /// Gives the object's bytes from `start` on to `take`, in order, which runs on a thread of its own.
    async fn pour<S: Send + 'static>(
        &self,
        start: u64,
        mut state: S,
        mut take: impl FnMut(&mut S, &[u8]) -> Result<(), Fault> + Send + 'static,
    ) -> Result<S, Fault> {
        let (outlet, mut pieces) = mpsc::channel::<Bytes>(WAITING);
        let taking = tokio::task::spawn_blocking(move || {
            while let Some(piece) = pieces.blocking_recv() {
                take(&mut state, &piece)?;
            }
            Ok(state)
        });
        let arrived = tokio::select! {
            arrived = self.arrive(start, outlet) => arrived,
            () = self.cancel.cancelled() => Err(cancelled("download", s3::uri(self.bucket, self.key))),
        };
        // If nobody took any more the taker's own failure is the one that counts.
        let taken = joined(taking.await);
        arrived.and(taken)
    }

    async fn arrive(&self, start: u64, outlet: mpsc::Sender<Bytes>) -> Result<(), Fault> {
        let Self {
            aws, bucket, key, head, ..
        } = *self;
        let length = head.length;
        let ranges = (start..length)
            .step_by(RANGE as usize)
            .map(|from| transfer::range(aws, bucket, key, head.etag.as_deref(), from, (from + RANGE).min(length)));
        let mut ranges = futures::stream::iter(ranges).buffered(self.in_flight);
        let mut bytes = start;
        while let Some(range) = ranges.next().await {
            for piece in range? {
                bytes += piece.len() as u64;
                if outlet.send(piece).await.is_err() {
                    return Ok(());
                }
            }
            self.progress.report(Progress {
                phase: self.phase.to_owned(),
                item: key.to_owned(),
                bytes,
                total: Some(length),
                items: None,
            });
        }
        Ok(())
    }
}

/// A token on this disk, locked by this process.
pub(super) struct Spool {
    file: File,
    /// `None` if the file has no name and goes with the process.
    path: Option<PathBuf>,
}

impl Spool {
    /// The spool of this object, with as much of it as an earlier process left.
    fn open(folder: &Path, bucket: &str, key: &str, head: &transfer::Head) -> io::Result<(Self, u64)> {
        sweep(folder);
        if let Some(etag) = &head.etag {
            let id = digest(format!("{}\0{etag}\0{}", s3::uri(bucket, key), head.length).as_bytes());
            let path = folder.join(format!("{TEMPORARY}{}{SUFFIX}", &id[..32]));
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            // Never through a link that somebody put there.
            let file = options
                .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
                .open(&path)?;
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                let kept = file.metadata()?.len();
                let path = Some(path);
                return Ok((Self { file, path }, if kept <= head.length { kept } else { 0 }));
            }
        }
        let file = tempfile::tempfile_in(folder)?;
        Ok((Self { file, path: None }, 0))
    }

    /// Keeps the file for the next time if that is of use.
    fn settled(self, opened: Result<Opened, Fault>) -> Result<(Self, Opened), Fault> {
        match opened {
            Ok(opened) => Ok((self, opened)),
            Err(mut fault) if passes(&fault) && self.path.is_some() => {
                fault.remedy = format!("{}; the same command goes on where it stopped", fault.remedy);
                Err(fault)
            }
            Err(fault) => {
                self.remove();
                Err(fault)
            }
        }
    }

    /// The token, from its beginning.
    pub(super) fn token(&self) -> io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }

    /// It is not needed any more.
    pub(super) fn remove(self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes spools that nobody came back for.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_spool = name.starts_with(TEMPORARY) && name.ends_with(SUFFIX);
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if is_spool
            && age().is_some_and(|age| age > FORGOTTEN)
            && let Ok(file) = File::open(entry.path())
            && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A local file, opened for reading.
pub(super) fn open_file(path: &Path) -> Result<File, Fault> {
    let io = |error: io::Error| io_fault("read", path.display(), &error);
    let file = File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.is_dir() {
        return Err(io_fault("read", path.display(), &io::ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}

/// A reader that ends in an error once the operation is cancelled.
pub(super) struct Watched<R> {
    pub(super) inner: R,
    pub(super) cancel: CancellationToken,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("it was cancelled"));
        }
        self.inner.read(buffer)
    }
}

impl<R: Seek> Seek for Watched<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// Whether the name says it is a model archive.
pub(super) fn is_archive(place: &Place) -> bool {
    let name = place.to_string();
    name.ends_with(".tar.gz") || name.ends_with(".tgz")
}
