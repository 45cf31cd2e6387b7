//! Whether and when COMMAND removed a link, and with it, as it thinks, the folder.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::training::tree;

/// Seconds and nanoseconds.
pub(super) type When = (i64, i64);

/// A link, held, whatever becomes of its name.
#[derive(Debug, Clone, Default)]
pub(super) struct Link(Arc<Mutex<Option<fs::File>>>);

impl Link {
    /// Nothing is held where there is no way to.
    pub(super) fn at(path: &Path) -> Self {
        Self(Arc::new(Mutex::new(held(path))))
    }

    /// Another takes its place.
    #[cfg(target_os = "linux")]
    pub(super) fn set(&self, next: Self) {
        let next = next.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }

    /// When its last name was removed; moved elsewhere it has one.
    pub(super) fn removed(&self) -> Option<When> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let metadata = held.as_ref()?.metadata().ok()?;
        (metadata.nlink() == 0).then(|| changed(&metadata))
    }
}

#[cfg(target_os = "linux")]
fn held(link: &Path) -> Option<fs::File> {
    use rustix::fs::{Mode, OFlags, open};

    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    open(link, flags, Mode::empty()).ok().map(fs::File::from)
}

#[cfg(not(target_os = "linux"))]
fn held(_: &Path) -> Option<fs::File> {
    None
}

/// Folders of ours, which COMMAND finds by variables.
const OWN: [&str; 2] = ["data", "intermediate"];

/// Removes what has not been touched since. What was touched in the same tick of the file system's clock stays: it may be
/// newer.
pub(super) fn forget(root: &Path, when: When) -> io::Result<()> {
    let is_old = |path: &Path| fs::symlink_metadata(path).is_ok_and(|metadata| changed(&metadata) < when);
    let folders = tree::folders(root);
    // To remove what is in a folder touches it.
    let old: Vec<_> = folders.iter().filter(|folder| is_old(folder)).collect();
    for folder in folders.iter().map(|folder| &**folder).chain([root]) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) && is_old(&entry.path()) {
                fs::remove_file(entry.path())?;
            }
        }
    }
    let is_own = |folder: &Path| OWN.iter().any(|own| folder == root.join(own));
    for folder in old.into_iter().rev().filter(|folder| !is_own(folder)) {
        // What is new stays, and what it is in.
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}

fn changed(metadata: &fs::Metadata) -> When {
    (metadata.ctime(), metadata.ctime_nsec())
}
