//! Local folders: listed when they change, which their modification time tells.

use std::cmp::Ordering;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

use crate::domain::{Fault, FaultKind, FileRow};

/// When the folder's entries changed last.
pub(super) async fn changed(dir: PathBuf) -> Result<SystemTime, Fault> {
    off_thread(dir, |dir| fs::metadata(dir)?.modified()).await
}

/// Folders first, then files, by name.
pub(super) async fn list(dir: PathBuf) -> Result<Vec<FileRow>, Fault> {
    off_thread(dir, rows).await
}

async fn off_thread<T: Send + 'static>(
    dir: PathBuf,
    read: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T, Fault> {
    let path = dir.clone();
    let result = tokio::task::spawn_blocking(move || read(&path)).await;
    result
        .unwrap_or_else(|panic| Err(io::Error::other(panic)))
        .map_err(|error| fault(&dir, &error))
}

fn rows(dir: &Path) -> io::Result<Vec<FileRow>> {
    let mut rows: Vec<FileRow> = fs::read_dir(dir)?.filter_map(|entry| Some(row(&entry.ok()?))).collect();
    rows.sort_by(|a, b| folders_first(a, b).then_with(|| a.name.cmp(&b.name)));
    Ok(rows)
}

fn folders_first(a: &FileRow, b: &FileRow) -> Ordering {
    b.is_dir.cmp(&a.is_dir)
}

/// An entry that cannot be looked at (a dangling link, a race) is shown all the same.
fn row(entry: &fs::DirEntry) -> FileRow {
    let path = entry.path();
    let target = fs::metadata(&path).ok();
    FileRow {
        name: entry.file_name().to_string_lossy().into_owned(),
        is_dir: target.as_ref().is_some_and(fs::Metadata::is_dir),
        is_link: entry.file_type().is_ok_and(|kind| kind.is_symlink()),
        size: target.as_ref().map_or(0, fs::Metadata::len),
        modified: target
            .and_then(|target| target.modified().ok())
            .and_then(|at| Timestamp::try_from(at).ok()),
        path,
    }
}

fn fault(dir: &Path, error: &io::Error) -> Fault {
    let (kind, remedy) = match error.kind() {
        io::ErrorKind::NotFound => (FaultKind::NotFound, "go to its parent folder"),
        io::ErrorKind::PermissionDenied => (FaultKind::Io, "check the folder's permissions"),
        _ => (FaultKind::Io, ""),
    };
    Fault::new(kind, "list", dir.display().to_string(), error.to_string(), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn folders_come_first_and_dangling_links_are_shown() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("b.csv"), b"12345").unwrap();
        fs::write(dir.path().join("a.csv"), b"").unwrap();
        fs::create_dir(dir.path().join("z")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("c")).unwrap();

        let rows = list(dir.path().to_path_buf()).await.unwrap();
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["z", "a.csv", "b.csv", "c"]);
        assert_eq!(rows[2].size, 5);
        assert!(rows[3].is_link && !rows[3].is_dir);
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_named() {
        let fault = list(PathBuf::from("/nonexistent-folder")).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::NotFound);
        assert_eq!(fault.object, "/nonexistent-folder");
    }
}
