//! A folder that is opened once and worked in by its descriptor, so that whoever puts a link in its place meanwhile
//! gains nothing.
//!
//! What a person names may lead over links; from there on none is followed: every part of a path below is opened from the
//! descriptor of the part before it. That is what `openat2` with `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS` does, on every
//! kernel, and folders are made on the way, which `openat2` cannot do. `cap-std` follows links inside its sandbox and makes no unnamed files; what is
//! needed here is a dozen calls of `rustix`.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, mkdirat, open, openat, statat, unlinkat};
use rustix::io::Errno;

/// A descriptor to work in a folder with, which need not be readable for that.
const AS_FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// An open folder.
#[derive(Debug, Clone)]
pub struct Folder {
    at: Arc<OwnedFd>,
    path: PathBuf,
}

impl Folder {
    /// Opens a folder; links on the way are followed.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        let at = Arc::new(open(path, AS_FOLDER, Mode::empty())?);
        let path = path.to_owned();
        Ok(Self { at, path })
    }

    /// Opens the folder that holds this file, or will, and gives the file's name in it.
    ///
    /// # Errors
    /// When there is no such folder, or the path ends in no name.
    pub fn of(file: &Path) -> io::Result<(Self, OsString)> {
        let name = file.file_name().ok_or(ErrorKind::IsADirectory)?;
        Ok((Self::open(folder_of(file))?, name.to_owned()))
    }

    /// Makes this folder and those on the way to it, as far as they are missing, and opens it.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn make(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Self::open(path)
    }

    /// The folder at the end of a relative path, made where it is missing. No link is followed.
    ///
    /// # Errors
    /// When a part of the path is anything but a folder, or cannot be made.
    pub fn below(&self, relative: &Path) -> io::Result<Self> {
        let mut folder = self.clone();
        for part in relative.components() {
            let Component::Normal(name) = part else {
                return Err(invalid("the path leaves the destination folder"));
            };
            folder = folder.enter(name)?;
        }
        Ok(folder)
    }

    fn enter(&self, name: &OsStr) -> io::Result<Self> {
        let enter = || openat(&self.at, name, AS_FOLDER | OFlags::NOFOLLOW, Mode::empty());
        let entered = match enter() {
            Err(Errno::NOENT) => match mkdirat(&self.at, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => enter(),
                Err(error) => Err(error),
            },
            entered => entered,
        };
        let at = entered.map_err(|error| match self.kind(name) {
            Ok(Some(FileType::Symlink)) => invalid("a symbolic link is in the way"),
            Ok(Some(kind)) if kind != FileType::Directory => {
                io::Error::new(ErrorKind::NotADirectory, format!("{} is in the way", named(kind)))
            }
            _ => error.into(),
        })?;
        Ok(Self {
            at: Arc::new(at),
            path: self.path.join(name),
        })
    }

    /// Makes a folder of this name for this user alone, and opens it.
    pub(super) fn make_private(&self, name: &OsStr) -> io::Result<Self> {
        mkdirat(&self.at, name, Mode::RWXU)?;
        self.enter(name)
    }

    /// The path that it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether that path still leads to it.
    pub(super) fn is_in_place(&self) -> bool {
        let (Ok(own), Ok(named)) = (fstat(&self.at), fs::metadata(&self.path)) else {
            return false;
        };
        (own.st_dev, own.st_ino) == (named.dev(), named.ino())
    }

    /// What there is of this name, if anything; of a link, the link.
    pub(super) fn look(&self, name: &OsStr) -> io::Result<Option<Stat>> {
        match statat(&self.at, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn kind(&self, name: &OsStr) -> io::Result<Option<FileType>> {
        let found = self.look(name)?;
        Ok(found.map(|found| FileType::from_raw_mode(found.st_mode)))
    }

    /// Opens a private file of this name in it to read and write, making it if it is missing. Never through a link.
    ///
    /// # Errors
    /// When it cannot be opened so.
    pub fn open_private(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::RDWR | OFlags::CREATE)
    }

    pub(super) fn file(&self, name: &OsStr, how: OFlags) -> io::Result<File> {
        let flags = how | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(File::from(openat(&self.at, name, flags, PRIVATE)?))
    }

    /// Makes a private file of this name, which nothing has.
    ///
    /// # Errors
    /// When something has it, or it cannot be made.
    pub fn new_file(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)
    }

    /// Opens a file of it to read and write. Never through a link.
    ///
    /// # Errors
    /// When it cannot be opened so.
    pub fn edit(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::RDWR)
    }

    /// Opens a file or folder of it for reading. Never through a link.
    ///
    /// # Errors
    /// When it cannot be opened so.
    pub fn read(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::RDONLY)
    }

    /// A private file without a name, which goes with its last descriptor.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn unnamed(&self) -> io::Result<File> {
        if let Some(file) = self.without_name()? {
            return Ok(file);
        }
        let name = super::new_half();
        let file = self.new_file(&name)?;
        self.remove(&name)?;
        Ok(file)
    }

    /// `None` where the file system has no unnamed files.
    pub(super) fn without_name(&self) -> io::Result<Option<File>> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match openat(&self.at, ".", flags, PRIVATE) {
            Ok(unnamed) => Ok(Some(File::from(unnamed))),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The names in it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        use std::os::unix::ffi::OsStrExt;

        let listed = openat(&self.at, ".", OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let mut names = Vec::new();
        for entry in Dir::new(listed)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// When there is none, or it may not be removed.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(&self.at, name, AtFlags::empty())?)
    }

    /// Removes a folder with everything in it. No link is followed.
    ///
    /// # Errors
    /// When something in it may not be removed.
    pub fn remove_all(&self, name: &OsStr) -> io::Result<()> {
        let inner = Self {
            at: Arc::new(openat(&self.at, name, AS_FOLDER | OFlags::NOFOLLOW, Mode::empty())?),
            path: self.path.join(name),
        };
        for entry in inner.names()? {
            match inner.kind(&entry)? {
                Some(FileType::Directory) => inner.remove_all(&entry)?,
                Some(_) => inner.remove(&entry)?,
                None => {}
            }
        }
        Ok(unlinkat(&self.at, name, AtFlags::REMOVEDIR)?)
    }

    /// Whether names that differ in nothing but case are one name here.
    ///
    /// # Errors
    /// When nothing can be made in it.
    pub fn folds_case(&self) -> io::Result<bool> {
        let name = super::new_half();
        self.new_file(&name)?;
        let other = name.to_ascii_uppercase();
        let found = self.look(&other);
        self.remove(&name)?;
        Ok(found?.is_some())
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.at.as_fd()
    }
}

/// The folder that holds this file, or will.
pub fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// What people call such a file.
pub(super) fn named(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a file",
        FileType::Directory => "a folder",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice => "a character device",
        FileType::BlockDevice => "a block device",
        FileType::Unknown => "something unknown",
    }
}

pub(super) fn invalid(cause: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, cause.into())
}
