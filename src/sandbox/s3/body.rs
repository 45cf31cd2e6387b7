//! The bytes of objects: files with random names in one folder.
//!
//! A file is written once, under a name no request had a say in, and never changed. An object is a list of
//! [`Segment`]s of such files, so completing a multipart upload and copying an object move no bytes. A file goes
//! when the last object, part or reader that holds it goes: whoever is reading an object that is being
//! overwritten reads the old one to its end. In a world on disk it goes only when that is committed.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use s3s::StdError;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::Checksum;
use s3s::stream::{ByteStream, RemainingLength};
use tokio::sync::mpsc;

use crate::sandbox::api::ApiError;
use crate::sandbox::clock::Clock;
use crate::sandbox::disk::Disk;

/// How much of a body is in memory at a time, each way.
const CHUNK: usize = 256 * 1024;
/// Chunks waiting for a disk that is slower than the network.
const WAITING: usize = 4;

/// The largest body of one request.
pub(crate) const LARGEST_PUT: u64 = 5 * 1024 * 1024 * 1024;

/// The folder that holds every body.
pub(crate) struct Home {
    folder: PathBuf,
    clock: Clock,
    disk: Disk,
}

impl std::fmt::Debug for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.folder.fmt(f)
    }
}

impl Home {
    /// Takes `folder`, made if it is not there.
    pub(crate) fn open(folder: &Path, clock: &Clock, disk: &Disk) -> io::Result<Arc<Self>> {
        std::fs::create_dir_all(folder)?;
        Ok(Arc::new(Self {
            folder: folder.to_owned(),
            clock: clock.clone(),
            disk: disk.clone(),
        }))
    }

    /// The time, in milliseconds as S3 keeps it.
    pub(crate) fn now(&self) -> SystemTime {
        self.clock.system()
    }

    /// Removes every file that no body names: what was being written when the world ended last.
    pub(crate) fn sweep(&self, shelf: &Known) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            if !name.to_str().is_some_and(|name| shelf.0.contains_key(name)) {
                std::fs::remove_file(self.folder.join(name))?;
            }
        }
        Ok(())
    }

    fn fresh(self: &Arc<Self>) -> BodyFile {
        BodyFile {
            name: uuid::Uuid::new_v4().simple().to_string(),
            home: Arc::clone(self),
        }
    }
}

/// One file of the folder; removed with its last holder.
#[derive(Debug)]
pub(crate) struct BodyFile {
    name: String,
    home: Arc<Home>,
}

impl BodyFile {
    fn path(&self) -> PathBuf {
        self.home.folder.join(&self.name)
    }
}

impl Drop for BodyFile {
    fn drop(&mut self) {
        self.home.disk.unlink(self.path());
    }
}

/// A stretch of a file.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    file: Arc<BodyFile>,
    start: u64,
    length: u64,
}

/// A segment as a row names it: file, start, length.
pub(crate) type Stretch = (String, u64, u64);

/// The files that rows have named so far: one that several name is one here too.
#[derive(Default)]
pub(crate) struct Known(HashMap<String, Arc<BodyFile>>);

/// The bytes of an object or of a part.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body {
    segments: Vec<Segment>,
}

impl Body {
    /// Bytes in all.
    pub(crate) fn length(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum()
    }

    /// What a row keeps of it.
    pub(crate) fn stretches(&self) -> Vec<Stretch> {
        let stretch = |segment: &Segment| (segment.file.name.clone(), segment.start, segment.length);
        self.segments.iter().map(stretch).collect()
    }

    /// A body as a row names it.
    pub(crate) fn of(stretches: Vec<Stretch>, home: &Arc<Home>, known: &mut Known) -> Self {
        let segment = |(name, start, length): Stretch| {
            let file = known.0.entry(name).or_insert_with_key(|name| {
                Arc::new(BodyFile {
                    name: name.clone(),
                    home: Arc::clone(home),
                })
            });
            Segment {
                file: Arc::clone(file),
                start,
                length,
            }
        };
        Self {
            segments: stretches.into_iter().map(segment).collect(),
        }
    }

    /// One body after the other, without touching a byte.
    pub(crate) fn concat<'a>(bodies: impl IntoIterator<Item = &'a Self>) -> Self {
        Self {
            segments: bodies
                .into_iter()
                .flat_map(|body| body.segments.iter().cloned())
                .collect(),
        }
    }

    /// The bytes from `start` to before `end`, which both lie within the body.
    pub(crate) fn slice(&self, start: u64, end: u64) -> Self {
        let mut segments = Vec::new();
        let mut at = 0;
        for segment in &self.segments {
            let (from, to) = (start.max(at), end.min(at + segment.length));
            if from < to {
                segments.push(Segment {
                    file: Arc::clone(&segment.file),
                    start: segment.start + (from - at),
                    length: to - from,
                });
            }
            at += segment.length;
        }
        Self { segments }
    }

    /// For reading on a thread that may block.
    pub(crate) fn reader(&self) -> BodyReader {
        BodyReader {
            segments: self.segments.clone().into_iter(),
            current: None,
        }
    }

    /// Hashes the body where it is. Blocks.
    pub(crate) fn hashed(self, home: &Home, mut checksums: ChecksumHasher) -> io::Result<Arrived> {
        let mut md5 = Md5::default();
        let mut reader = self.reader();
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = fill(&mut reader, &mut chunk)?;
            if read == 0 {
                break;
            }
            md5.update(&chunk[..read]);
            checksums.update(&chunk[..read]);
        }
        Ok(Arrived {
            at: home.now(),
            body: self,
            md5: md5.finalize(),
            checksum: checksums.finalize(),
        })
    }

    /// For a response: read ahead by a few chunks on a blocking thread.
    pub(crate) fn stream(&self) -> BodyStream {
        let (sender, receiver) = mpsc::channel(WAITING);
        let mut reader = self.reader();
        tokio::task::spawn_blocking(move || {
            loop {
                let mut chunk = BytesMut::zeroed(CHUNK);
                let read = match fill(&mut reader, &mut chunk) {
                    Ok(0) => return,
                    Ok(read) => read,
                    Err(error) => {
                        let _ = sender.blocking_send(Err(error));
                        return;
                    }
                };
                chunk.truncate(read);
                if sender.blocking_send(Ok(chunk.freeze())).is_err() {
                    return;
                }
            }
        });
        BodyStream {
            receiver,
            remaining: self.length(),
        }
    }
}

fn fill(reader: &mut impl Read, chunk: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < chunk.len() {
        match reader.read(&mut chunk[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Reads a body from its first byte to its last.
#[derive(Debug)]
pub(crate) struct BodyReader {
    segments: std::vec::IntoIter<Segment>,
    /// The holder keeps the file from being removed under the reader.
    current: Option<(io::Take<File>, Segment)>,
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some((file, _)) = &mut self.current {
                let read = file.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
                if file.limit() > 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            let Some(segment) = self.segments.next() else {
                self.current = None;
                return Ok(0);
            };
            let mut file = File::open(segment.file.path())?;
            file.seek(SeekFrom::Start(segment.start))?;
            self.current = Some((file.take(segment.length), segment));
        }
    }
}

/// A body on its way out.
#[derive(Debug)]
pub(crate) struct BodyStream {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    remaining: u64,
}

impl Stream for BodyStream {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.receiver.poll_recv(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(chunk))) => {
                self.remaining = self.remaining.saturating_sub(chunk.len() as u64);
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(Box::new(error)))),
            Poll::Ready(None) if self.remaining > 0 => {
                self.remaining = 0;
                Poll::Ready(Some(Err("the body ended early".into())))
            }
            Poll::Ready(None) => Poll::Ready(None),
        }
    }
}

impl ByteStream for BodyStream {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.remaining).map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}

/// A body that has arrived whole.
pub(crate) struct Arrived {
    pub(crate) at: SystemTime,
    pub(crate) body: Body,
    pub(crate) md5: [u8; 16],
    pub(crate) checksum: Checksum,
}

/// A file being written, hashed on the way.
pub(crate) struct Intake {
    file: File,
    body: BodyFile,
    length: u64,
    md5: Md5,
    checksums: ChecksumHasher,
}

impl Intake {
    /// Opens a fresh file. Dropped unfinished, it leaves nothing behind.
    pub(crate) fn new(home: &Arc<Home>, checksums: ChecksumHasher) -> io::Result<Self> {
        let body = home.fresh();
        Ok(Self {
            file: File::create_new(body.path())?,
            body,
            length: 0,
            md5: Md5::default(),
            checksums,
        })
    }

    /// The body, complete in its file; in a world on disk it is there before a row names it. Blocks.
    pub(crate) fn finish(self) -> io::Result<Arrived> {
        let home = &self.body.home;
        if home.disk.is_kept() {
            self.file.sync_data()?;
        }
        Ok(Arrived {
            at: home.now(),
            body: Body {
                segments: if self.length == 0 {
                    Vec::new()
                } else {
                    vec![Segment {
                        file: Arc::new(self.body),
                        start: 0,
                        length: self.length,
                    }]
                },
            },
            md5: self.md5.finalize(),
            checksum: self.checksums.finalize(),
        })
    }
}

impl Write for Intake {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.md5.update(bytes);
        self.checksums.update(bytes);
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Takes a request's body in. Memory is bounded: a blocking thread writes and hashes, a few chunks behind.
pub(crate) async fn receive<S, E>(
    home: &Arc<Home>,
    checksums: ChecksumHasher,
    mut stream: S,
) -> Result<Arrived, ApiError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    // The end is told from a connection that broke by an empty chunk.
    let (sender, mut receiver) = mpsc::channel::<Bytes>(WAITING);
    let home = Arc::clone(home);
    let writer = tokio::task::spawn_blocking(move || {
        let mut intake = Intake::new(&home, checksums)?;
        while let Some(chunk) = receiver.blocking_recv() {
            if chunk.is_empty() {
                return intake.finish().map(Some);
            }
            intake.write_all(&chunk)?;
        }
        Ok(None)
    });
    let mut gathered = BytesMut::new();
    let mut length = 0;
    while let Some(chunk) = stream.next().await {
        let chunk =
            chunk.map_err(|error| ApiError::new("IncompleteBody", format!("the request's body was cut: {error}")))?;
        length += chunk.len() as u64;
        if length > LARGEST_PUT {
            return Err(too_large());
        }
        let sent = if gathered.is_empty() && chunk.len() >= CHUNK {
            sender.send(chunk).await
        } else {
            gathered.extend_from_slice(&chunk);
            if gathered.len() < CHUNK {
                continue;
            }
            sender.send(gathered.split().freeze()).await
        };
        // The writer has failed; it says why below.
        if sent.is_err() {
            break;
        }
    }
    if !gathered.is_empty() {
        let _ = sender.send(gathered.freeze()).await;
    }
    let _ = sender.send(Bytes::new()).await;
    drop(sender);
    let arrived: io::Result<Option<Arrived>> = writer
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error.to_string())));
    arrived
        .map_err(|error| disk(&error))?
        .ok_or_else(|| ApiError::new("IncompleteBody", "the request's body was cut"))
}

pub(crate) fn too_large() -> ApiError {
    ApiError::new(
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
    )
}

/// What a failing disk looks like to a client.
pub(crate) fn disk(error: &io::Error) -> ApiError {
    ApiError::new("InternalError", format!("the sandbox's folder: {error}")).status(500)
}
