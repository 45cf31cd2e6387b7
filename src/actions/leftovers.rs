//! What killed processes left in a folder: half-made files, and spools that nobody came back for.
//!
//! Most of what is half made has no name and goes with its process. Where a file system knows no such files, and for the
//! folders of archives, there is a `.strongroom-…` that its maker holds a lock on; without one it is nobody's any more.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};

use super::spool;
use crate::envelope::publish::TEMPORARY;

/// Spools wait so long for the command that goes on with them.
const FORGOTTEN: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// From when a file is made until it is locked.
const UNLOCKED: Duration = Duration::from_secs(60);

/// The folders that one operation has swept.
#[derive(Default)]
pub(super) struct Leftovers(Mutex<BTreeSet<PathBuf>>);

impl Leftovers {
    /// Sweeps a folder, once.
    pub(super) fn sweep(&self, folder: &Path) {
        let is_new = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(folder.to_owned());
        if is_new {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                remove(&entry);
            }
        }
    }
}

fn remove(entry: &DirEntry) -> Option<()> {
    let name = entry.file_name();
    let name = name.to_str().filter(|name| name.starts_with(TEMPORARY))?;
    let meta = entry.metadata().ok()?;
    let age = meta.modified().ok()?.elapsed().ok()?;
    let patience = if name.ends_with(spool::SUFFIX) {
        FORGOTTEN
    } else {
        UNLOCKED
    };
    if age < patience || !(meta.is_file() || meta.is_dir()) {
        return None;
    }
    let path = entry.path();
    let _held = lock(&path)?;
    if meta.is_dir() {
        fs::remove_dir_all(path).ok()
    } else {
        fs::remove_file(path).ok()
    }
}

/// A lock that tells others that this file or folder is somebody's; `None` if it is.
pub(super) fn lock(path: &Path) -> Option<File> {
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
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

    #[test]
    fn only_what_is_old_and_nobodys_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let aged = |path: &Path, age: u64| {
            let at = SystemTime::now() - Duration::from_secs(age);
            File::open(path).unwrap().set_modified(at).unwrap();
        };
        let (minutes, days) = (120, 8 * 24 * 60 * 60);
        for (name, age) in [
            (".strongroom-half", minutes),
            (".strongroom-held", minutes),
            (".strongroom-new", 0),
            (".strongroom-young.token", minutes),
            (".strongroom-old.token", days),
            ("data.csv", days),
        ] {
            fs::write(path(name), "text").unwrap();
            aged(&path(name), age);
        }
        fs::create_dir(path(".strongroom-folder")).unwrap();
        fs::write(path(".strongroom-folder/plain"), "text").unwrap();
        aged(&path(".strongroom-folder"), minutes);
        std::os::unix::fs::symlink(path("data.csv"), path(".strongroom-link")).unwrap();
        let held = lock(&path(".strongroom-held")).unwrap();

        let leftovers = Leftovers::default();
        leftovers.sweep(folder.path());
        let left = || {
            let mut names: Vec<_> = fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        let kept = [
            ".strongroom-held",
            ".strongroom-link",
            ".strongroom-new",
            ".strongroom-young.token",
            "data.csv",
        ];
        assert_eq!(left(), kept);

        drop(held);
        leftovers.sweep(folder.path());
        assert_eq!(left(), kept, "once an operation");
        Leftovers::default().sweep(folder.path());
        assert_eq!(left(), [&kept[1..]].concat());
    }
}
