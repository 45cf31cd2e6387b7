//! The bytes of objects: files with random names in one folder.
//!
//! A file is written once, under a name no request had a say in, and never changed. An object is a list of
//! [`Segment`]s of such files, so completing a multipart upload and copying an object move no bytes. A file goes
//! when the last object, part or reader that holds it goes: whoever is reading an object that is being
//! overwritten reads the old one to its end. In a world on disk it goes only when that is committed.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};

use crate::clock::Clock;
use crate::disk::Disk;

mod transit;

pub(crate) use transit::{Arrived, Intake, LARGEST_PUT, disk, receive, too_large};

/// How much of a body is in memory at a time, each way.
const CHUNK: usize = 256 * 1024;

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
