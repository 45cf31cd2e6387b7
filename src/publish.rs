//! A file that appears under its name only when it is whole.
//!
//! Plaintext is written into an unnamed file of the destination's folder (`O_TMPFILE`), which vanishes with the process,
//! and linked to its name at the end, without replacing what is there. Where the file system has no unnamed files a
//! `.strongroom-half-…` file of mode 0600 takes its place. The folder is opened once, and everything in it is done by its
//! [descriptor](Folder).
//!
//! What may be replaced, by whoever asks for that, is a regular file that is no [encrypted data key](is_kept_data_key).

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, RenameFlags, Stat, flock, fstat, linkat, renameat, renameat_with,
};
use rustix::io::Errno;

use crate::domain::format::{LONGEST_DATA_KEY_TEXT, is_kept_data_key};
use folder::{invalid, named};

mod folder;
mod half_made;

pub use folder::{Folder, folder_of};
pub use half_made::UnpublishedFolder;

/// Prefix of every temporary name.
pub const TEMPORARY: &str = ".strongroom-";
/// Prefix of what is half made and must have a name: its maker holds a lock on it, and whoever finds one without may
/// sweep it.
pub const HALF_MADE: &str = ".strongroom-half-";

/// A file in the making.
#[derive(Debug)]
pub struct Unpublished {
    folder: Folder,
    name: OsString,
    file: File,
    /// Its name until then, where it must have one.
    half: Option<OsString>,
}

/// The files that one operation has made, by device and inode.
#[derive(Debug, Default)]
pub struct Published(Mutex<BTreeSet<(u64, u64)>>);

/// A file of the same operation has the name.
#[derive(Debug, thiserror::Error)]
#[error("another file of the same command has become this one")]
pub struct IsOurs;

/// What must never be replaced.
#[derive(Debug, thiserror::Error)]
#[error("it is an encrypted data key: every token under it would be lost")]
pub struct IsDataKey;

/// The folder that was opened is not where it was.
#[derive(Debug, thiserror::Error)]
#[error("the folder {0} is another one now; nothing was written into it")]
pub struct Replaced(pub String);

impl Unpublished {
    /// Begins a file that will be called `destination`.
    ///
    /// # Errors
    /// When the folder cannot be written to, or the destination is anything but a regular file or free.
    pub fn create(destination: &Path) -> io::Result<Self> {
        let (folder, name) = Folder::of(destination)?;
        Self::create_in(&folder, &name)
    }

    /// Begins a file that will have this name in this folder.
    ///
    /// # Errors
    /// As [`Unpublished::create`].
    pub fn create_in(folder: &Folder, name: &OsStr) -> io::Result<Self> {
        folder.check_regular(name)?;
        let (file, half) = match folder.without_name()? {
            Some(file) => (file, None),
            None => {
                let half = new_half();
                (folder.new_file(&half)?, Some(half))
            }
        };
        Ok(Self {
            folder: folder.clone(),
            name: name.to_owned(),
            // It may get a temporary name on its way to the final one.
            file: locked(file),
            half,
        })
    }

    /// Gives the file its name once its bytes are on the disk.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] when the name is taken and `overwrite` is off, or what has it must not be replaced;
    /// [`Replaced`] when the folder is not where it was. Nothing is changed then.
    pub fn publish(self, overwrite: bool) -> io::Result<()> {
        self.file.sync_all()?;
        self.name(overwrite)
    }

    /// The same for one of several files: none of them gives way to another, even where two names are one.
    ///
    /// # Errors
    /// As [`Unpublished::publish`]; [`IsOurs`] when another of them has the name.
    pub fn publish_among(self, others: &Published, overwrite: bool) -> io::Result<()> {
        self.file.sync_all()?;
        let own = fstat(&self.file)?;
        let mut others = others.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = self.folder.look(&self.name)?
            && others.contains(&id(&there))
        {
            return Err(io::Error::new(ErrorKind::AlreadyExists, IsOurs));
        }
        self.name(overwrite)?;
        others.insert(id(&own));
        Ok(())
    }

    /// Gives the file its name without waiting for the disk: for what is made again after a power cut.
    ///
    /// # Errors
    /// As [`Unpublished::publish`].
    pub fn name(mut self, overwrite: bool) -> io::Result<()> {
        self.folder.check_in_place()?;
        match self.appear() {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && overwrite => self.replace(),
            other => other,
        }
    }

    /// Takes the name if it is free.
    fn appear(&mut self) -> io::Result<()> {
        let Some(half) = &self.half else {
            return self.link(&self.name);
        };
        let (folder, name) = (&self.folder, &self.name);
        match renameat_with(folder, half, folder, name, RenameFlags::NOREPLACE) {
            Ok(()) => {
                self.half = None;
                Ok(())
            }
            // Not every file system can; the name that it had goes when this is dropped.
            Err(Errno::INVAL | Errno::NOSYS) => Ok(linkat(folder, half, folder, name, AtFlags::empty())?),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the name from what has it: never a moment without a whole file there.
    fn replace(mut self) -> io::Result<()> {
        self.folder.check_replaceable(&self.name)?;
        if self.half.is_none() {
            let half = new_half();
            self.link(&half)?;
            self.half = Some(half);
        }
        if let Some(half) = &self.half {
            renameat(&self.folder, half, &self.folder, &self.name)?;
            self.half = None;
        }
        Ok(())
    }

    fn link(&self, name: &OsStr) -> io::Result<()> {
        use std::os::fd::AsRawFd;
        let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        Ok(linkat(CWD, own.as_str(), &self.folder, name, AtFlags::SYMLINK_FOLLOW)?)
    }
}

impl Drop for Unpublished {
    fn drop(&mut self) {
        if let Some(half) = &self.half {
            let _ = self.folder.remove(half);
        }
    }
}

/// A private file that must not exist yet, whole or not at all.
///
/// # Errors
/// As [`Unpublished::create`] and [`Unpublished::publish`].
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = Unpublished::create(path)?;
    file.write_all(bytes)?;
    file.publish(false)
}

impl Folder {
    /// Whether a file of this name may be written: the name is free, or `overwrite` is on and what has it may be replaced.
    ///
    /// # Errors
    /// When it may not.
    pub fn check(&self, name: &OsStr, overwrite: bool) -> io::Result<()> {
        self.check_regular(name)?;
        match self.look(name)? {
            None => Ok(()),
            Some(_) => {
                self.check_replaceable(name)?;
                if overwrite {
                    Ok(())
                } else {
                    Err(io::Error::new(ErrorKind::AlreadyExists, "it exists already"))
                }
            }
        }
    }

    fn check_in_place(&self) -> io::Result<()> {
        if self.is_in_place() {
            return Ok(());
        }
        let shown = self.path().display().to_string();
        Err(io::Error::new(ErrorKind::NotFound, Replaced(shown)))
    }

    fn check_regular(&self, name: &OsStr) -> io::Result<()> {
        match self.look(name)?.map(|found| FileType::from_raw_mode(found.st_mode)) {
            None | Some(FileType::RegularFile) => Ok(()),
            Some(FileType::Directory) => Err(io::Error::new(ErrorKind::IsADirectory, "the destination is a folder")),
            Some(kind) => Err(invalid(format!("the destination is {}", named(kind)))),
        }
    }

    fn check_replaceable(&self, name: &OsStr) -> io::Result<()> {
        self.check_regular(name)?;
        let Some(found) = self.look(name)? else { return Ok(()) };
        let length = u64::try_from(found.st_size).unwrap_or_default();
        if !(1..=LONGEST_DATA_KEY_TEXT).contains(&length) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        self.read(name)?.take(LONGEST_DATA_KEY_TEXT).read_to_end(&mut bytes)?;
        if is_kept_data_key(name.as_encoded_bytes(), &bytes) {
            return Err(io::Error::new(ErrorKind::AlreadyExists, IsDataKey));
        }
        Ok(())
    }
}

fn id(file: &Stat) -> (u64, u64) {
    (file.st_dev, file.st_ino)
}

/// A new name for something half made.
fn new_half() -> OsString {
    format!("{HALF_MADE}{}", uuid::Uuid::new_v4()).into()
}

/// So that nobody takes it for a dead process's. Where there are no locks whoever sweeps gets none either, and leaves it.
fn locked(file: File) -> File {
    let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
    file
}

impl Write for Unpublished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests;
