//! A job's folder in memory, for plaintext. It is locked as long as the world of its job lives: what a world leaves that is
//! killed together with its guardian is told by that, and removed by the next one.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::guardian;

/// File system in memory.
const MEMORY: &str = "/dev/shm";
const PREFIX: &str = "strongroom-sandbox-job-";

/// The place for a job of this name, where the system has a file system in memory.
pub(super) fn place(name: &str) -> Option<PathBuf> {
    let memory = Path::new(MEMORY);
    memory.is_dir().then(|| memory.join(format!("{PREFIX}{name}")))
}

/// Makes the folder, and holds it until the answer is let go of.
pub(super) fn hold(folder: &Path) -> io::Result<File> {
    loop {
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // Another world may take it for left behind until it is locked, and remove it.
        if let Ok(held) = locked(folder)
            && folder.metadata().is_ok_and(|there| is_same(&there, &held))
        {
            return Ok(held);
        }
    }
}

fn is_same(there: &std::fs::Metadata, held: &File) -> bool {
    held.metadata()
        .is_ok_and(|held| (held.dev(), held.ino()) == (there.dev(), there.ino()))
}

fn locked(folder: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::DIRECTORY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits() as i32)
        .open(folder)?;
    file.try_lock()?;
    Ok(file)
}

/// Removes what jobs of this user's worlds have left that live no more.
pub(crate) fn sweep() {
    let user = rustix::process::geteuid().as_raw();
    for entry in Path::new(MEMORY).read_dir().into_iter().flatten().flatten() {
        let is_job = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if !is_job || entry.metadata().map_or(true, |entry| entry.uid() != user) {
            continue;
        }
        // Held until it is gone.
        if let Ok(_held) = locked(&entry.path()) {
            let _ = guardian::remove(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use crate::world::{World, random_hex};

    #[test]
    fn a_world_removes_what_is_left_of_dead_ones_and_nothing_of_those_that_live() {
        let Some(dead) = place(&random_hex::<8>()) else { return };
        let alive = place(&random_hex::<8>()).unwrap();
        std::fs::create_dir(&dead).unwrap();
        std::fs::write(dead.join("plaintext"), "x").unwrap();
        let held = hold(&alive).unwrap();
        World::scratch(Options::default());
        assert!(!dead.exists() && alive.exists());
        drop(held);
        World::scratch(Options::default());
        assert!(!alive.exists());
    }
}
