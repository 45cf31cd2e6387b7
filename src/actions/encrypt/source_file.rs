//! A file that must stay the same while it is read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::actions::upload_journal::Stamp;

/// Reads a whole file; ends in an error unless at its end the file and its name are what they were.
pub(super) struct SourceFile {
    pub(super) stamp: Stamp,
    section: Section,
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
        let opened = Arc::new(Opened {
            file,
            path: path.to_owned(),
            stamp,
            cancel: cancel.clone(),
        });
        Ok(Self {
            stamp,
            section: Section { opened, at: 0 },
            told: Arc::new(told),
        })
    }

    /// The same file, to be read from its beginning or anywhere else by somebody else.
    pub(super) fn opened(&self) -> Arc<Opened> {
        Arc::clone(&self.section.opened)
    }
}

impl Read for SourceFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.section.read(buffer)?;
        let is_end = count == 0 && !buffer.is_empty();
        let is_odd = self.section.at > self.stamp.size || is_end && self.section.at < self.stamp.size;
        if (is_odd || is_end) && !self.section.opened.is_same()? {
            return Err(changed());
        }
        if is_odd {
            return Err(io::Error::other(Sizeless));
        }
        (self.told)(count as u64);
        Ok(count)
    }
}

/// A file that several read at once.
pub(super) struct Opened {
    file: File,
    pub(super) path: PathBuf,
    stamp: Stamp,
    cancel: CancellationToken,
}

impl Opened {
    /// Whether nobody changed it, or gave its name to another.
    pub(super) fn is_same(&self) -> io::Result<bool> {
        let by_name = fs::metadata(&self.path).map(|meta| Stamp::of(&meta));
        Ok(Stamp::of(&self.file.metadata()?) == self.stamp && by_name.is_ok_and(|stamp| stamp == self.stamp))
    }

    /// What stands from here on. Whether it stayed the same is for the reader to ask.
    pub(super) fn from(self: Arc<Self>, at: u64) -> Section {
        Section { opened: self, at }
    }
}

/// Reads on from somewhere in a file.
pub(super) struct Section {
    opened: Arc<Opened>,
    at: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.opened.cancel.is_cancelled() {
            return Err(io::Error::other("it was cancelled"));
        }
        let count = self.opened.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// The source is not what it was.
#[derive(Debug, thiserror::Error)]
#[error("it changed while it was read")]
struct Changed;

/// Nobody changed it: its size never said what is in it.
#[derive(Debug, thiserror::Error)]
#[error("it does not hold as many bytes as its size says, like the files of /proc and /sys")]
struct Sizeless;

pub(super) fn is_sizeless(error: &io::Error) -> bool {
    matches!(error.get_ref(), Some(inner) if inner.is::<Sizeless>())
}

pub(super) fn changed() -> io::Error {
    io::Error::other(Changed)
}

pub(super) fn is_changed(error: &io::Error) -> bool {
    matches!(error.get_ref(), Some(inner) if inner.is::<Changed>())
}
