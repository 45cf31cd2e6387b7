//! What killed processes left in a folder: half-made files, and spools that nobody came back for.
//!
//! Most of what is half made has no name and goes with its process. Where a file system knows no such files, and for the
//! folders of archives, there is a `.strongroom-half-…` that its maker holds a lock on; without one it is nobody's any more.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};

use super::spool;
use crate::envelope::publish::HALF_MADE;

/// Spools wait so long for the command that goes on with them.
const FORGOTTEN: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// From when a file is made until it is locked.
pub(super) const UNLOCKED: Duration = Duration::from_secs(60);

/// The folders that one operation has swept.
#[derive(Default)]
pub(super) struct Leftovers(Mutex<BTreeSet<PathBuf>>);

impl Leftovers {
    /// Sweeps a folder, once.
    pub(super) async fn sweep(&self, folder: &Path) {
        let folder = folder.to_owned();
        let is_new = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(folder.clone());
        if is_new {
            // What cannot be swept stays for the next time.
            let _ = tokio::task::spawn_blocking(move || sweep(&folder)).await;
        }
    }
}

fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        remove(&entry);
    }
}

fn remove(entry: &DirEntry) -> Option<()> {
    let name = entry.file_name();
    let name = name.to_str()?;
    let patience = if spool::is_spool(name) {
        FORGOTTEN
    } else if name.starts_with(HALF_MADE) {
        UNLOCKED
    } else {
        return None;
    };
    let meta = entry.metadata().ok()?;
    let age = meta.modified().ok()?.elapsed().ok()?;
    if age < patience || !(meta.is_file() || meta.is_dir()) {
        return None;
    }
    let path = entry.path();
    let _held = lock(&path, meta.is_dir())?;
    if meta.is_dir() {
        fs::remove_dir_all(path).ok()
    } else {
        fs::remove_file(path).ok()
    }
}

/// A lock that tells others that this file or folder is somebody's; `None` if it is.
pub(super) fn lock(path: &Path, is_folder: bool) -> Option<File> {
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        // Over a network only those who may write can lock a file.
        .write(!is_folder)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .ok()?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    Some(file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::SystemTime;

    use super::*;

    #[tokio::test]
    async fn only_what_is_ours_and_old_and_nobodys_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (minutes, days) = (120, 8 * 24 * 60 * 60);
        let aged = |name: &str, age: u64| {
            let at = SystemTime::now() - Duration::from_secs(age);
            File::open(path(name)).unwrap().set_modified(at).unwrap();
        };
        let (old, young) = ("0123456789abcdef".repeat(2), "fedcba9876543210".repeat(2));
        let (old, young) = (format!(".strongroom-{old}.token"), format!(".strongroom-{young}.token"));
        for (name, age) in [
            (".strongroom-half-dead", minutes),
            (".strongroom-half-held", minutes),
            (".strongroom-half-new", 0),
            (old.as_str(), days),
            (young.as_str(), minutes),
            (".strongroom-backup", days),
            (".strongroom-notes.token", days),
            ("data.csv", days),
        ] {
            fs::write(path(name), "text").unwrap();
            aged(name, age);
        }
        for name in [".strongroom-half-folder", ".strongroom-world"] {
            fs::create_dir(path(name)).unwrap();
            fs::write(path(name).join("plain"), "text").unwrap();
            aged(name, minutes);
        }
        std::os::unix::fs::symlink(path("data.csv"), path(".strongroom-half-link")).unwrap();
        let held = lock(&path(".strongroom-half-held"), false).unwrap();

        let names = || {
            let entries = fs::read_dir(folder.path()).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.collect::<BTreeSet<_>>()
        };
        let before = names();
        let gone = |them: &[&str]| {
            let left = names();
            before
                .iter()
                .filter(|name| !left.contains(*name))
                .eq(them.iter().copied())
        };
        let leftovers = Leftovers::default();
        leftovers.sweep(folder.path()).await;
        let dead = [old.as_str(), ".strongroom-half-dead", ".strongroom-half-folder"];
        assert!(gone(&dead), "{:?}", names());

        drop(held);
        leftovers.sweep(folder.path()).await;
        assert!(gone(&dead), "once an operation");
        Leftovers::default().sweep(folder.path()).await;
        assert!(gone(&[&dead[..], &[".strongroom-half-held"]].concat()), "{:?}", names());
    }
}
