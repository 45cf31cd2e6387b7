//! The bytes of objects: files with random names in one folder.
//!
//! A file is written once, under a name no request had a say in, and never changed. An object is a list of
//! [`Segment`]s of such files, so completing a multipart upload and copying an object move no bytes. A file goes
//! when the last object, part or reader that holds it goes: whoever is reading an object that is being
//! overwritten reads the old one to its end. In a world on disk it goes only when that is committed.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::SystemTime;

use aes_gcm::Aes256Gcm;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};

use crate::clock::Clock;
use crate::disk::{Disk, lock, unwritable};
use crate::s3::customer::CustomerKey;

mod sealed;
mod transit;

use sealed::Unsealer;
pub(crate) use transit::{Arrived, Intake, LARGEST_PUT, broken, disk, receive, too_large};

/// How much of a body is in memory at a time, each way.
const CHUNK: usize = 256 * 1024;

/// The folder beside that of the bodies, for files that no row names.
const ASIDE: &str = "unnamed";

/// How the names of files end that are being written, in a world on disk.
const PART: &str = "part";

/// The folder that holds every body.
pub(crate) struct Home {
    folder: PathBuf,
    clock: Clock,
    disk: Disk,
    /// Every file that anybody holds, by its name: one that several rows name is one here too.
    files: Mutex<HashMap<String, Weak<BodyFile>>>,
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
            files: Mutex::default(),
        }))
    }

    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The time, in milliseconds as S3 keeps it.
    pub(crate) fn now(&self) -> SystemTime {
        self.clock.system()
    }

    /// A file that bodies name and that is not there.
    pub(crate) fn missing(&self) -> io::Result<Option<PathBuf>> {
        let there: HashSet<OsString> = std::fs::read_dir(&self.folder)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<io::Result<_>>()?;
        let files = lock(&self.files);
        let missing = files.keys().find(|name| !there.contains(OsStr::new(name)));
        Ok(missing.map(|name| self.folder.join(name)))
    }

    /// Removes what was being written when the world ended last, and puts every other file that no body names aside, until
    /// the world is opened again: it may be what a row named that is damaged since.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        let aside = self.folder.with_file_name(ASIDE);
        match std::fs::remove_dir_all(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let files = lock(&self.files);
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let path = self.folder.join(&name);
            if path.extension().is_some_and(|end| end == PART) {
                std::fs::remove_file(path)?;
            } else if !name.to_str().is_some_and(|name| files.contains_key(name)) {
                std::fs::create_dir_all(&aside)?;
                std::fs::rename(path, aside.join(&name))?;
            }
        }
        Ok(())
    }

    fn fresh(self: &Arc<Self>) -> Arc<BodyFile> {
        self.file(uuid::Uuid::new_v4().simple().to_string())
    }

    /// The file of a name: the one that others hold, if there is any.
    fn file(self: &Arc<Self>, name: String) -> Arc<BodyFile> {
        let mut files = lock(&self.files);
        if let Some(file) = files.get(&name).and_then(Weak::upgrade) {
            return file;
        }
        let file = Arc::new(BodyFile {
            name: name.clone(),
            home: Arc::clone(self),
        });
        files.insert(name, Arc::downgrade(&file));
        file
    }

    /// Removes a file that was let go of, unless a row names it again.
    fn let_go(&self, name: &str) {
        let mut files = lock(&self.files);
        if files.get(name).is_none_or(|file| file.strong_count() == 0) {
            files.remove(name);
            drop(files);
            // Nothing to do about a file that is gone already: its folder was removed under it.
            let path = self.folder.join(name);
            if std::fs::remove_file(&path).is_err() {
                let _ = std::fs::remove_file(path.with_extension(PART));
            }
        }
    }

    /// An error with the folder in it.
    fn failed(&self, error: io::Error) -> io::Error {
        io::Error::new(error.kind(), unwritable(&self.folder, error))
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
        let (home, name) = (Arc::clone(&self.home), std::mem::take(&mut self.name));
        self.home.disk.then(move || home.let_go(&name));
    }
}

/// A stretch of a file.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    file: Arc<BodyFile>,
    /// Of the bytes that are meant, also where those in the file are encrypted.
    start: u64,
    length: u64,
    /// A customer's key encrypts the file.
    is_sealed: bool,
}

/// A segment as a row names it: file, start, length, and whether a customer's key encrypts the file.
pub(crate) type Stretch = (String, u64, u64, bool);

/// The bytes of an object or of a part.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body {
    segments: Vec<Segment>,
    /// What a request brought along to read encrypted files with.
    key: Option<CustomerKey>,
}

impl Body {
    /// Bytes in all.
    pub(crate) fn length(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum()
    }

    /// What a row keeps of it.
    pub(crate) fn stretches(&self) -> Vec<Stretch> {
        let stretch = |segment: &Segment| {
            let name = segment.file.name.clone();
            (name, segment.start, segment.length, segment.is_sealed)
        };
        self.segments.iter().map(stretch).collect()
    }

    /// A body as a row names it.
    pub(crate) fn of(stretches: Vec<Stretch>, home: &Arc<Home>) -> Self {
        let segment = |(name, start, length, is_sealed): Stretch| Segment {
            file: home.file(name),
            start,
            length,
            is_sealed,
        };
        Self {
            segments: stretches.into_iter().map(segment).collect(),
            key: None,
        }
    }

    /// The same to be read with a customer's key. It is not kept: what is stored has none.
    pub(crate) fn with_key(self, key: Option<CustomerKey>) -> Self {
        Self { key, ..self }
    }

    /// One body after the other, without touching a byte.
    pub(crate) fn concat<'a>(bodies: impl IntoIterator<Item = &'a Self>) -> Self {
        Self {
            segments: bodies
                .into_iter()
                .flat_map(|body| body.segments.iter().cloned())
                .collect(),
            key: None,
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
                    start: segment.start + (from - at),
                    length: to - from,
                    ..segment.clone()
                });
            }
            at += segment.length;
        }
        Self {
            segments,
            key: self.key.clone(),
        }
    }

    /// Whether its files are there, as long as it needs them, and whether the encrypted blocks at both ends of each segment are
    /// as they were written: an answer that has begun cannot say that they are not. A block is read whole or not at all, so
    /// that a file is too short also where only what is behind the segment is cut off.
    pub(crate) fn check(&self) -> io::Result<()> {
        let mut checked = None;
        for Segment {
            file,
            start,
            length,
            is_sealed,
        } in &self.segments
        {
            let path = file.path();
            let missing = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
            let size = match checked {
                Some((name, size)) if name == &file.name => size,
                _ => path.metadata().map_err(missing)?.len(),
            };
            let end = start + length;
            if size < if *is_sealed { sealed::stored(end) } else { end } {
                return Err(missing(io::ErrorKind::UnexpectedEof.into()));
            }
            if *is_sealed && *length > 0 {
                let cipher = cipher(self.key.as_ref(), &file.name)?;
                let whole = File::open(&path).and_then(|opened| sealed::check(opened, cipher, *start, end - 1));
                whole.map_err(missing)?;
            }
            checked = Some((&file.name, size));
        }
        Ok(())
    }

    /// For reading on a thread that may block.
    pub(crate) fn reader(&self) -> BodyReader {
        BodyReader {
            segments: self.segments.clone().into_iter(),
            key: self.key.clone(),
            current: None,
        }
    }

    /// The body as one of its own, encrypted with this key or with none: where that is how it is it moves no bytes, and
    /// hashes them where they are. Blocks.
    pub(crate) fn copied(
        self,
        home: &Arc<Home>,
        key: Option<&CustomerKey>,
        mut checksums: ChecksumHasher,
    ) -> io::Result<Arrived> {
        let mut reader = self.reader();
        let mut chunk = vec![0; CHUNK];
        if self.key.as_ref() != key {
            let mut intake = Intake::new(home, checksums, key)?;
            loop {
                match fill(&mut reader, &mut chunk)? {
                    0 => return intake.finish(),
                    read => intake.write_all(&chunk[..read])?,
                }
            }
        }
        let mut md5 = Md5::default();
        loop {
            let read = fill(&mut reader, &mut chunk)?;
            if read == 0 {
                break;
            }
            md5.update(&chunk[..read]);
            checksums.update(&chunk[..read]);
        }
        let md5 = md5.finalize();
        Ok(Arrived {
            at: home.now(),
            body: self.with_key(None),
            md5,
            tag: Arrived::tag(md5, key.is_some()),
            checksum: checksums.finalize(),
        })
    }
}

/// What an encrypted file is read with, by the key that came along.
fn cipher(key: Option<&CustomerKey>, file: &str) -> io::Result<Aes256Gcm> {
    let key = key.ok_or_else(|| io::Error::other("the bytes are encrypted with a customer's key"))?;
    Ok(key.cipher(file))
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
    key: Option<CustomerKey>,
    /// The holder keeps the file from being removed under the reader.
    current: Option<(Stretched, Segment)>,
}

/// A segment being read.
#[derive(Debug)]
enum Stretched {
    Plain(io::Take<File>),
    Sealed(Box<Unsealer>),
}

impl Stretched {
    fn open(segment: &Segment, key: Option<&CustomerKey>) -> io::Result<Self> {
        let mut file = File::open(segment.file.path())?;
        if segment.is_sealed {
            let cipher = cipher(key, &segment.file.name)?;
            let unsealer = Unsealer::new(file, cipher, segment.start, segment.length)?;
            return Ok(Self::Sealed(Box::new(unsealer)));
        }
        file.seek(SeekFrom::Start(segment.start))?;
        Ok(Self::Plain(file.take(segment.length)))
    }
}

impl Read for Stretched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Sealed(sealed) => sealed.read(buffer),
            Self::Plain(file) => match file.read(buffer)? {
                0 if file.limit() > 0 && !buffer.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
                read => Ok(read),
            },
        }
    }
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some((stretch, _)) = &mut self.current {
                let read = stretch.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
            }
            let Some(segment) = self.segments.next() else {
                self.current = None;
                return Ok(0);
            };
            self.current = Some((Stretched::open(&segment, self.key.as_ref())?, segment));
        }
    }
}
