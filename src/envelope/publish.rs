//! A file that appears under its name only when it is whole.
//!
//! Plaintext is written into an unnamed file of the destination's folder (`O_TMPFILE`), which vanishes with the process,
//! and linked to its name at the end, without replacing what is there. Where the file system has no unnamed files a
//! `.strongroom-half-…` file of mode 0600 takes its place.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, flock, linkat, open};
use tempfile::{Builder, NamedTempFile};

/// Prefix of every temporary name.
pub const TEMPORARY: &str = ".strongroom-";
/// Prefix of what is half made and must have a name: its maker holds a lock on it, and whoever finds one without may
/// sweep it.
pub const HALF_MADE: &str = ".strongroom-half-";

/// A file in the making.
#[derive(Debug)]
pub struct Unpublished {
    destination: PathBuf,
    file: Inner,
}

#[derive(Debug)]
enum Inner {
    Unnamed(File),
    Named(NamedTempFile),
}

impl Unpublished {
    /// Begins a file that will be called `destination`.
    ///
    /// # Errors
    /// When the folder cannot be written to, or the destination is a symbolic link or a folder.
    pub fn create(destination: &Path) -> io::Result<Self> {
        if let Ok(found) = fs::symlink_metadata(destination) {
            if found.is_symlink() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "the destination is a symbolic link",
                ));
            }
            if found.is_dir() {
                return Err(io::Error::new(
                    io::ErrorKind::IsADirectory,
                    "the destination is a folder",
                ));
            }
        }
        let folder = folder_of(destination);
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = match open(folder, flags, Mode::RUSR | Mode::WUSR) {
            // It may get a temporary name on its way to the final one.
            Ok(unnamed) => Inner::Unnamed(locked(File::from(unnamed))),
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::INVAL) => {
                Inner::Named(named_in(folder)?)
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            destination: destination.to_path_buf(),
            file,
        })
    }

    /// Gives the file its name once its bytes are on the disk.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when the name is taken and `overwrite` is off; nothing is changed then.
    pub fn publish(mut self, overwrite: bool) -> io::Result<()> {
        self.file().sync_all()?;
        self.name(overwrite)
    }

    /// Gives the file its name without waiting for the disk: for what is made again after a power cut.
    ///
    /// # Errors
    /// As [`Unpublished::publish`].
    pub fn name(self, overwrite: bool) -> io::Result<()> {
        match self.file {
            Inner::Unnamed(file) => match link(&file, &self.destination) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && overwrite => {
                    replace(&file, &self.destination)
                }
                other => other,
            },
            Inner::Named(file) => {
                let kept = if overwrite {
                    file.persist(&self.destination)
                } else {
                    file.persist_noclobber(&self.destination)
                };
                kept.map(|_| ()).map_err(|error| error.error)
            }
        }
    }

    fn file(&mut self) -> &mut File {
        match &mut self.file {
            Inner::Unnamed(file) => file,
            Inner::Named(file) => file.as_file_mut(),
        }
    }
}

/// The folder that holds this file, or will.
pub fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn named_in(folder: &Path) -> io::Result<NamedTempFile> {
    let (file, path) = Builder::new().prefix(HALF_MADE).tempfile_in(folder)?.into_parts();
    Ok(NamedTempFile::from_parts(locked(file), path))
}

/// So that nobody takes it for a dead process's. Where there are no locks whoever sweeps gets none either, and leaves it.
fn locked(file: File) -> File {
    let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
    file
}

/// Links to a name of its own, then renames over the destination: never a moment without a whole file there.
fn replace(file: &File, destination: &Path) -> io::Result<()> {
    let beside = destination.with_file_name(format!("{HALF_MADE}{}", uuid::Uuid::new_v4()));
    link(file, &beside)?;
    fs::rename(&beside, destination).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

fn link(file: &File, name: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let own = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, own.as_str(), CWD, name, AtFlags::SYMLINK_FOLLOW).map_err(Into::into)
}

impl Write for Unpublished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_file_appears_only_when_published() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plain.csv");
        let mut file = Unpublished::create(&path).unwrap();
        file.write_all(b"secret").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        file.publish(false).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"secret");
    }

    #[test]
    fn an_unpublished_file_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = Unpublished::create(&folder.path().join("plain.csv")).unwrap();
        file.write_all(b"secret").unwrap();
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    /// As where a file system has no unnamed files.
    fn named(destination: &Path) -> Unpublished {
        Unpublished {
            destination: destination.to_owned(),
            file: Inner::Named(named_in(destination.parent().unwrap()).unwrap()),
        }
    }

    #[test]
    fn with_a_temporary_name_it_is_private_and_locked_and_goes_with_its_maker_or_is_published() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plain.csv");
        let names = || {
            let entries = fs::read_dir(folder.path()).unwrap();
            entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
        };
        let mut file = named(&path);
        file.write_all(b"secret").unwrap();
        let [there] = &names()[..] else {
            unreachable!("it is the only file")
        };
        assert!(there.file_name().unwrap().to_str().unwrap().starts_with(HALF_MADE));
        assert_eq!(fs::metadata(there).unwrap().permissions().mode() & 0o777, 0o600);
        let other = File::open(there).unwrap();
        assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
        drop(file);
        assert!(names().is_empty());

        for content in ["one", "two"] {
            let mut file = named(&path);
            file.write_all(content.as_bytes()).unwrap();
            file.publish(content == "two").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(
            named(&path).publish(false).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(names(), [path]);
    }

    #[test]
    fn an_existing_file_is_replaced_only_when_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plain.csv");
        fs::write(&path, "old").unwrap();
        let mut file = Unpublished::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(file.publish(false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let mut file = Unpublished::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        file.publish(true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_symbolic_link_is_never_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        assert!(Unpublished::create(&path).is_err());
    }
}
