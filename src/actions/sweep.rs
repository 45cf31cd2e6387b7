//! What killed processes left in a folder: half-made files, and spools that nobody came back for.
//!
//! Most of what is half made has no name and goes with its process. Where a file system knows no such files, and for the
//! folders of archives, there is a `.strongroom-half-…` that its maker holds a lock on; without one it is nobody's any more.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use crate::publish::{Folder, HALF_MADE, TEMPORARY};

const SPOOL: &str = ".token";
/// Hexadecimal digits of a spool's name.
const DIGITS: usize = 32;
/// Spools wait so long for the command that goes on with them.
const FORGOTTEN: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// From when a file is made until it is locked.
pub(super) const UNLOCKED: Duration = Duration::from_secs(60);

/// The folders that one operation has swept.
#[derive(Default)]
pub(super) struct Leftovers(Mutex<BTreeSet<PathBuf>>);

impl Leftovers {
    /// Sweeps a folder, once.
    pub(super) async fn sweep(&self, folder: &Folder) {
        let folder = folder.clone();
        let is_new = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(folder.path().to_owned());
        if is_new {
            // What cannot be swept stays for the next time.
            let _ = tokio::task::spawn_blocking(move || sweep(&folder)).await;
        }
    }
}

fn sweep(folder: &Folder) {
    for name in folder.names().unwrap_or_default() {
        remove(folder, &name);
    }
}

/// The name of the spool with this digest.
pub(super) fn spool_name(digest: &str) -> String {
    format!("{TEMPORARY}{}{SPOOL}", &digest[..DIGITS])
}

/// Whether somebody's spool is in a folder.
pub(super) fn has_spools(folder: &Folder) -> bool {
    let names = folder.names().unwrap_or_default();
    names.iter().any(|name| name.to_str().is_some_and(is_spool))
}

/// Whether a file of this name is a spool.
fn is_spool(name: &str) -> bool {
    let digits = name.strip_prefix(TEMPORARY).and_then(|name| name.strip_suffix(SPOOL));
    digits.is_some_and(|digits| digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// Whether whoever sweeps may take a file or folder of this name for ours.
pub(super) fn is_ours(name: &str) -> bool {
    is_spool(name) || name.starts_with(HALF_MADE)
}

fn remove(folder: &Folder, name: &OsStr) -> Option<()> {
    let text = name.to_str()?;
    let patience = if is_spool(text) {
        FORGOTTEN
    } else if text.starts_with(HALF_MADE) {
        UNLOCKED
    } else {
        return None;
    };
    // Over a network only those who may write can lock a file. Folders are only read.
    let file = folder.edit(name).or_else(|_| folder.read(name)).ok()?;
    let meta = file.metadata().ok()?;
    let age = meta.modified().ok()?.elapsed().ok()?;
    if age < patience || !(meta.is_file() || meta.is_dir()) {
        return None;
    }
    // If it has a maker who lives, it is locked.
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    if meta.is_dir() {
        folder.remove_all(name).ok()
    } else {
        folder.remove(name).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
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
        let held = File::open(path(".strongroom-half-held")).unwrap();
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        let opened = Folder::open(folder.path()).unwrap();

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
        leftovers.sweep(&opened).await;
        let dead = [old.as_str(), ".strongroom-half-dead", ".strongroom-half-folder"];
        assert!(gone(&dead), "{:?}", names());

        drop(held);
        leftovers.sweep(&opened).await;
        assert!(gone(&dead), "once an operation");
        Leftovers::default().sweep(&opened).await;
        assert!(gone(&[&dead[..], &[".strongroom-half-held"]].concat()), "{:?}", names());
    }
}
