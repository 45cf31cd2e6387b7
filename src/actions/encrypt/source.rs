//! A file that must stay the same while it is read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// What tells whether a file is still the one it was: its size, inode and times of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::actions) struct Stamp {
    pub(in crate::actions) size: u64,
    inode: (u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(meta: &fs::Metadata) -> Self {
        Self {
            size: meta.len(),
            inode: (meta.dev(), meta.ino()),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// Reads a whole file; ends in an error unless at its end the file and its name are what they were.
pub(super) struct SourceFile {
    file: File,
    path: PathBuf,
    pub(super) stamp: Stamp,
    read: u64,
    cancel: CancellationToken,
    told: Arc<dyn Fn(u64) + Send + Sync>,
}

impl SourceFile {
    /// `told` hears how many bytes were read, each time.
    pub(super) fn open(
        path: &Path,
        cancel: &CancellationToken,
        told: impl Fn(u64) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let file = File::open(path)?;
        let stamp = Stamp::of(&file.metadata()?);
        Ok(Self {
            file,
            path: path.to_owned(),
            stamp,
            read: 0,
            cancel: cancel.clone(),
            told: Arc::new(told),
        })
    }

    fn is_same(&self) -> io::Result<bool> {
        let by_name = fs::metadata(&self.path).map(|meta| Stamp::of(&meta));
        Ok(self.read == self.stamp.size
            && Stamp::of(&self.file.metadata()?) == self.stamp
            && by_name.is_ok_and(|stamp| stamp == self.stamp))
    }
}

impl Read for SourceFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("it was cancelled"));
        }
        let count = self.file.read(buffer)?;
        self.read += count as u64;
        let is_end = count == 0 && !buffer.is_empty();
        if self.read > self.stamp.size || (is_end && !self.is_same()?) {
            return Err(changed());
        }
        (self.told)(count as u64);
        Ok(count)
    }
}

/// The source is not what it was.
#[derive(Debug, thiserror::Error)]
#[error("it changed while it was read")]
struct Changed;

pub(super) fn changed() -> io::Error {
    io::Error::other(Changed)
}

pub(super) fn is_changed(error: &io::Error) -> bool {
    matches!(error.get_ref(), Some(inner) if inner.is::<Changed>())
}
