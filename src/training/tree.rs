//! The regular files under a folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::job::{invalid, io};
use crate::domain::Fault;

/// A regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Path relative to the folder, with `/`.
    pub(crate) name: String,
    /// The whole path.
    pub(crate) path: PathBuf,
    /// Bytes.
    pub(crate) size: u64,
}

/// All regular files under `folder`, sorted by name, also those that symbolic links to files lead to. Links to folders
/// are not followed. A folder that is not there is empty.
pub(crate) fn files(folder: &Path) -> Result<Vec<Found>, Fault> {
    let mut found = Vec::new();
    walk(folder, "", &mut |entry| {
        if let Ok(metadata) = fs::metadata(&entry.path)
            && metadata.is_file()
        {
            found.push(Found {
                size: metadata.len(),
                ..entry
            });
        }
        Ok(())
    })?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Everything under `folder` that is neither a folder nor a regular file: links, sockets, pipes, devices.
pub(crate) fn specials(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let mut found = Vec::new();
    walk(folder, "", &mut |entry| {
        if !fs::symlink_metadata(&entry.path).is_ok_and(|metadata| metadata.is_file()) {
            found.push(entry.path);
        }
        Ok(())
    })?;
    Ok(found)
}

fn walk(folder: &Path, prefix: &str, each: &mut dyn FnMut(Found) -> Result<(), Fault>) -> Result<(), Fault> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io("list", folder, &error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| io("list", folder, &error))?;
        let path = entry.path();
        let name = entry.file_name().into_string().map_err(|_| {
            invalid(
                "read",
                &path.display().to_string(),
                "its name is not UTF-8",
                "rename it",
            )
        })?;
        let name = format!("{prefix}{name}");
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, &format!("{name}/"), each)?;
        } else {
            each(Found { name, path, size: 0 })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn files_have_names_relative_to_their_folder_and_links_are_special() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::write(dir.path().join("a/b/c"), "xyz").unwrap();
        fs::write(dir.path().join("d"), "").unwrap();
        std::os::unix::fs::symlink("d", dir.path().join("link")).unwrap();
        let names: Vec<_> = files(dir.path())
            .unwrap()
            .into_iter()
            .map(|file| (file.name, file.size))
            .collect();
        assert_eq!(
            names,
            [("a/b/c".to_owned(), 3), ("d".to_owned(), 0), ("link".to_owned(), 0)]
        );
        assert_eq!(specials(dir.path()).unwrap(), [dir.path().join("link")]);
        assert_eq!(files(&dir.path().join("none")).unwrap(), []);
    }
}
