//! Tokens and archives on their way here, in constant memory: read as they come, or whole on this disk, ciphertext only.
//!
//! A token is spooled into a file of the destination's folder whose name follows from the object and its ETag, so a
//! download that was interrupted is found again by the same command and goes on where it stopped. It is checked, and
//! decrypted, while it arrives. It is this user's alone (0600, one name, locked), and what is read of it a second time is
//! held against the first. The file goes once the token is opened or refused; what nobody came back for is
//! [swept](super::sweep) after a week.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes};
use futures::StreamExt;
use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::ProgressSink;
use super::blocking::joined;
use super::faults::{cancelled, fault_of, io_fault, unless_cancelled};
use super::sweep::spool_name;
use super::unlock::Unlocked;
use crate::aws::{Aws, Taken, s3, transfer};
use crate::domain::{Fault, FaultKind, Location, Progress, WayOut};
use crate::envelope::binding::digest;
use crate::envelope::{CHUNK, EnvelopeError};
use crate::publish::Folder;

/// Bytes that are asked for at a time.
pub(super) const RANGE: u64 = 4 << 20;
/// Ranges on their way, of one object alone.
pub(super) const ALONE: usize = 6;
/// Ranges on their way of each object, when several come at once.
pub(super) const AMONG_OTHERS: usize = 2;
/// What the cipher of a long token holds.
const CIPHER: u64 = 4 << 20;
/// What that of a short one holds.
const LEAST: u64 = 64 << 10;

/// Room for an object of so many bytes on its way here, of which so many ranges are: for those, for the one that is read, and for
/// what the cipher holds of it.
pub(super) async fn room_for(aws: &Aws, size: Option<u64>, in_flight: usize) -> Taken {
    let ranges = RANGE * (in_flight as u64 + 1);
    let bytes = size.map_or(ranges + CIPHER, |size| size.min(ranges) + size.clamp(LEAST, CIPHER));
    aws.room().take(bytes).await
}

/// An object on its way here: the very one that `head` looked at.
#[derive(Clone, Copy)]
pub(super) struct Download<'a> {
    pub(super) aws: &'a Aws,
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
    pub(super) head: &'a transfer::Head,
    /// Its first bytes, where they came with the head; taken once.
    pub(super) beginning: &'a Mutex<Vec<Bytes>>,
    pub(super) progress: &'a ProgressSink,
    pub(super) cancel: &'a CancellationToken,
    pub(super) phase: &'static str,
    pub(super) in_flight: usize,
}

impl Download<'_> {
    /// The whole object, in an unnamed file of `folder`.
    pub(super) async fn spooled(&self, folder: &Folder) -> Result<File, Fault> {
        let shown = folder.path().display().to_string();
        let io = move |error: io::Error| io_fault("write a temporary file in", &shown, &error);
        let mut file = folder.unnamed().map_err(&io)?;
        let write = move |arriving: Arriving| {
            io::copy(&mut BufReader::with_capacity(CHUNK, arriving), &mut file).map_err(&io)?;
            file.seek(SeekFrom::Start(0)).map_err(&io)?;
            Ok(file)
        };
        self.pour(0, write).await
    }

    /// The whole object through `read`, without keeping it.
    pub(super) async fn through<R: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Watched<Arriving>) -> Result<R, Fault> + Send + 'static,
    ) -> Result<R, Fault> {
        let cancel = self.cancel.clone();
        let read = |inner| read(&mut Watched { inner, cancel });
        self.pour(0, read).await
    }

    /// The whole object, piece by piece, through `step`; the state comes back when the last one is read.
    pub(super) async fn fold<S: Send + 'static>(
        &self,
        mut state: S,
        step: impl Fn(&mut S, &[u8]) -> Result<(), EnvelopeError> + Send + 'static,
    ) -> Result<S, Fault> {
        let uri = s3::uri(self.bucket, self.key);
        let read = move |token: &mut Watched<Arriving>| {
            // Small pieces: what a reader holds back grows with what it is given.
            let mut piece = vec![0; CHUNK];
            loop {
                match token.read(&mut piece) {
                    Ok(0) => return Ok(state),
                    Ok(count) => {
                        step(&mut state, &piece[..count]).map_err(|error| fault_of("read", &uri, &error))?;
                    }
                    Err(error) => return Err(io_fault("read", &uri, &error)),
                }
            }
        };
        self.through(read).await
    }

    /// The whole token into a spool of `folder` and through `read` on the way, which is asked again, from the beginning,
    /// if what an earlier process left in the spool was damaged.
    pub(super) async fn spooled_through<R: Send + 'static>(
        &self,
        folder: &Folder,
        unlocked: &Arc<Unlocked>,
        read: impl Fn(&Unlocked, &mut Watched<Token>) -> Result<R, Fault> + Clone + Send + 'static,
    ) -> Result<(Spool, R), Fault> {
        let (spool, kept) = Spool::open(folder, self.bucket, self.key, self.head)
            .map_err(|error| io_fault("write a temporary file in", folder.path().display(), &error))?;
        match self.fill(&spool, kept, unlocked, read.clone()).await {
            Err(fault) if kept > 0 && matches!(fault.kind, FaultKind::Integrity | FaultKind::OtherKey) => {
                let result = self.fill(&spool, 0, unlocked, read).await;
                spool.settled(result)
            }
            result => spool.settled(result),
        }
    }

    async fn fill<R: Send + 'static>(
        &self,
        spool: &Spool,
        kept: u64,
        unlocked: &Arc<Unlocked>,
        read: impl FnOnce(&Unlocked, &mut Watched<Token>) -> Result<R, Fault> + Send + 'static,
    ) -> Result<R, Fault> {
        let io = |error: io::Error| io_fault("spool", s3::uri(self.bucket, self.key), &error);
        spool.file.set_len(kept).map_err(io)?;
        let (end, start) = (spool.file.try_clone().map_err(io)?, spool.token().map_err(io)?);
        let (unlocked, cancel) = (Arc::clone(unlocked), self.cancel.clone());
        let read = move |arriving| {
            // Both are the same open file, with one position: at the end of what was kept when that is read.
            let inner = start.take(kept).chain(Spooling { arriving, to: end });
            read(&unlocked, &mut Watched { inner, cancel })
        };
        self.pour(kept, read).await
    }

    /// Gives the object's bytes from `start` on to `take`, in order, which runs on a thread of its own. Nothing is asked for
    /// before `take` wants it.
    async fn pour<R: Send + 'static>(
        &self,
        start: u64,
        take: impl FnOnce(Arriving) -> Result<R, Fault> + Send + 'static,
    ) -> Result<R, Fault> {
        // One range waits beside the one that is read: what is held of an object is counted in ranges.
        let (outlet, ranges) = mpsc::channel(1);
        let (wanted, is_wanted) = oneshot::channel();
        let arriving = Arriving {
            wanted: Some(wanted),
            ranges,
            pieces: Vec::new().into_iter(),
            piece: Bytes::new(),
        };
        let taking = tokio::task::spawn_blocking(move || take(arriving));
        let arrive = async {
            match is_wanted.await {
                Ok(()) => self.arrive(start, outlet).await,
                // It failed before.
                Err(_) => Ok(()),
            }
        };
        let arrived = tokio::select! {
            arrived = arrive => arrived,
            () = self.cancel.cancelled() => Err(cancelled("download", s3::uri(self.bucket, self.key))),
        };
        // If nobody took any more the taker's own failure is the one that counts.
        let taken = joined(taking.await);
        let object = s3::uri(self.bucket, self.key);
        arrived
            .and(taken)
            .map_err(|fault| unless_cancelled(fault, self.cancel, "download", object))
    }

    /// What came with the head, from `start` on.
    fn here(&self, start: u64) -> Vec<Bytes> {
        let mut skipped = start;
        let pieces = std::mem::take(&mut *self.beginning.lock().unwrap_or_else(PoisonError::into_inner));
        let pieces = pieces.into_iter().filter_map(|piece| {
            let skip = usize::try_from(skipped).unwrap_or(usize::MAX).min(piece.len());
            skipped -= skip as u64;
            (skip < piece.len()).then(|| piece.slice(skip..))
        });
        pieces.collect()
    }

    async fn arrive(&self, start: u64, outlet: mpsc::Sender<Vec<Bytes>>) -> Result<(), Fault> {
        let Self {
            aws, bucket, key, head, ..
        } = *self;
        let length = head.length;
        let here = self.here(start);
        let rest = start + here.iter().map(|piece| piece.len() as u64).sum::<u64>();
        let froms = (rest..length).step_by(RANGE as usize);
        let here = Mutex::new(here);
        let each = |from: Option<u64>| {
            let here = &here;
            async move {
                match from {
                    Some(from) => {
                        let to = (from + RANGE).min(length);
                        transfer::range(aws, bucket, key, head.etag.as_deref(), from, to).await
                    }
                    None => Ok(std::mem::take(
                        &mut *here.lock().unwrap_or_else(PoisonError::into_inner),
                    )),
                }
            }
        };
        let all = std::iter::once(None).chain(froms.map(Some));
        let mut ranges = futures::stream::iter(all).map(each).buffered(self.in_flight);
        let mut bytes = start;
        while let Some(range) = ranges.next().await {
            let range = range?;
            bytes += range.iter().map(|piece| piece.len() as u64).sum::<u64>();
            if outlet.send(range).await.is_err() {
                return Ok(());
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

/// An object's bytes in order. They end early if they stop arriving: whoever reads them finds half a token then.
pub(super) struct Arriving {
    wanted: Option<oneshot::Sender<()>>,
    ranges: mpsc::Receiver<Vec<Bytes>>,
    pieces: std::vec::IntoIter<Bytes>,
    piece: Bytes,
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(wanted) = self.wanted.take() {
            let _ = wanted.send(());
        }
        while self.piece.is_empty() {
            if let Some(piece) = self.pieces.next() {
                self.piece = piece;
            } else if let Some(range) = self.ranges.blocking_recv() {
                self.pieces = range.into_iter();
            } else {
                return Ok(0);
            }
        }
        let count = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

/// Keeps in the spool what it reads.
pub(super) struct Spooling {
    arriving: Arriving,
    to: File,
}

impl Read for Spooling {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.arriving.read(buffer)?;
        self.to.write_all(&buffer[..count])?;
        Ok(count)
    }
}

/// What an earlier process left of a token, then what arrives of it.
pub(super) type Token = io::Chain<io::Take<File>, Spooling>;

/// A token on this disk, locked by this process.
pub(super) struct Spool {
    file: File,
    /// `None` if the file has no name and goes with the process.
    named: Option<(Folder, OsString)>,
}

impl Spool {
    /// The spool of this object, with as much of it as an earlier process left.
    fn open(folder: &Folder, bucket: &str, key: &str, head: &transfer::Head) -> io::Result<(Self, u64)> {
        if let Some(etag) = &head.etag {
            let id = digest(format!("{}\0{etag}\0{}", s3::uri(bucket, key), head.length).as_bytes());
            let name = OsString::from(spool_name(&id));
            // Never through a link that somebody put there. In a folder for everybody the name may be somebody else's.
            if let Some(file) = folder.open_private(&name).ok().filter(is_own) {
                let (kept, named) = (file.metadata()?.len(), Some((folder.clone(), name)));
                return Ok((Self { file, named }, if kept <= head.length { kept } else { 0 }));
            }
        }
        let file = folder.unnamed()?;
        Ok((Self { file, named: None }, 0))
    }

    /// Keeps the file for the next time if that is of use.
    fn settled<R>(self, result: Result<R, Fault>) -> Result<(Self, R), Fault> {
        match result {
            Ok(read) => Ok((self, read)),
            Err(mut fault) if fault.may_go_on() && self.named.is_some() => {
                fault.ways.push(WayOut::GoOn);
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
        if let Some((folder, name)) = &self.named {
            let _ = folder.remove(name);
        }
    }
}

/// Whether it is this user's and now this process's.
fn is_own(file: &File) -> bool {
    flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
        && file
            .metadata()
            .is_ok_and(|meta| meta.is_file() && meta.uid() == geteuid().as_raw() && meta.nlink() == 1)
}

/// Where ciphertext is kept that has no folder of its own.
pub(super) fn scratch() -> Result<Folder, Fault> {
    let folder = std::env::temp_dir();
    Folder::open(&folder).map_err(|error| io_fault("open", folder.display(), &error))
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
pub(super) fn is_archive(place: &Location) -> bool {
    let name = place.to_string();
    name.ends_with(".tar.gz") || name.ends_with(".tgz")
}
