//! Outputs that take bytes and keep no file: standard output, character devices and FIFOs.
//!
//! They are written into, never replaced, with `--overwrite` as without, and only with what was verified to its end. A path that leads to
//! one over a link, as `/dev/stdout` and the shell's `>(command)` do, is one too. Where it leads to what standard
//! output or standard error is open on, be it a file, it *is* that output: its place in the file and the shell's `>>` hold. Every
//! other link to a file is refused by whoever publishes files.
//!
//! A FIFO is opened at the beginning, so its reader waits, and hears of a failure by the end of an empty stream. In a
//! folder that everybody may write to, somebody else's FIFO may be a trap: it is refused, as the kernel's `protected_fifos` does.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FileType, Mode, OFlags, fcntl_setfl, fstat, open as open_file};
use rustix::io::Errno;
use rustix::process::geteuid;
use tokio_util::sync::CancellationToken;

use crate::console;
use crate::publish::folder_of;

/// Between two looks whether a FIFO has a reader.
const WAIT: Duration = Duration::from_millis(20);
const STICKY_FOR_ALL: u32 = 0o1002;

/// What the path that a person named for an output stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A file, there or not: what it is not may be refused.
    File,
    /// This process's standard output.
    Stdout,
    /// Something else to write into.
    Stream,
}

impl Way {
    /// Looks at what is there now.
    pub fn of(path: &Path) -> Self {
        match (path.symlink_metadata(), path.metadata()) {
            (Ok(own), Ok(_)) if own.is_file() || own.is_dir() => Self::File,
            (Ok(_), Ok(found)) if is(console::data(), &found) => Self::Stdout,
            (Ok(_), Ok(found)) if is(console::data_on_errors(), &found) => Self::Stream,
            (Ok(_), Ok(found)) if found.file_type().is_fifo() || found.file_type().is_char_device() => Self::Stream,
            _ => Self::File,
        }
    }
}

fn is(open: io::Result<File>, found: &Metadata) -> bool {
    let own = open.and_then(|open| open.metadata());
    own.is_ok_and(|own| (own.dev(), own.ino()) == (found.dev(), found.ino()))
}

/// Opens a device or FIFO to write into; waits for a FIFO's reader.
pub(super) fn open(path: &Path, cancel: &CancellationToken) -> io::Result<File> {
    let found = path.metadata()?;
    if is(console::data_on_errors(), &found) {
        return console::data_on_errors();
    }
    check_trap(path, &found)?;
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    loop {
        match open_file(path, flags, Mode::empty()) {
            Ok(stream) => {
                // It may be another one by now.
                return match FileType::from_raw_mode(fstat(&stream)?.st_mode) {
                    FileType::Fifo | FileType::CharacterDevice => {
                        fcntl_setfl(&stream, OFlags::empty())?;
                        Ok(File::from(stream))
                    }
                    _ => Err(io::Error::other("it is no device or FIFO any more")),
                };
            }
            Err(Errno::NXIO) if found.file_type().is_fifo() && !cancel.is_cancelled() => std::thread::sleep(WAIT),
            Err(error) => return Err(error.into()),
        }
    }
}

fn check_trap(path: &Path, found: &Metadata) -> io::Result<()> {
    let Ok(real) = path.canonicalize() else { return Ok(()) };
    let folder = folder_of(&real).metadata()?;
    let is_for_all = folder.mode() & STICKY_FOR_ALL == STICKY_FOR_ALL;
    let owners = [geteuid().as_raw(), folder.uid()];
    if found.file_type().is_fifo() && is_for_all && !owners.contains(&found.uid()) {
        let cause = "it is somebody else's FIFO in a folder for everybody";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, cause));
    }
    Ok(())
}
