//! The regular files under a folder.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use percent_encoding::{CONTROLS, percent_encode};

use super::job::io;
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
    // A name that is written as it is comes before the same one with escapes, and keeps it.
    found.sort_by_cached_key(|file| (file.name.clone(), file.path.to_str().is_none()));
    tell_apart(&mut found);
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

/// All folders under `folder`, the inner after the outer.
pub(crate) fn folders(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut next) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(parent) = next.pop() {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        let inner = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let inner: Vec<_> = inner.map(|entry| entry.path()).collect();
        found.extend_from_slice(&inner);
        next.extend(inner);
    }
    found
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
        let name = format!("{prefix}{}", written(&entry.file_name()));
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, &format!("{name}/"), each)?;
        } else {
            each(Found { name, path, size: 0 })?;
        }
    }
    Ok(())
}

/// No two files have one name, however theirs had to be written.
fn tell_apart(found: &mut [Found]) {
    let mut names = BTreeSet::new();
    for file in found {
        while !names.insert(file.name.clone()) {
            file.name.push('%');
        }
    }
}

/// A name as UTF-8: of one that is none the bytes that are not ASCII as `%E9`.
pub(crate) fn written(name: &OsStr) -> String {
    let escaped = || percent_encode(name.as_encoded_bytes(), CONTROLS).to_string();
    name.to_str().map_or_else(escaped, str::to_owned)
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn names_that_are_not_utf_8_are_written_with_escapes_and_stay_apart() {
        use std::os::unix::ffi::OsStrExt;

        let dir = tempfile::tempdir().unwrap();
        for name in [&b"caf\xe9"[..], b"caf%E9", "caf\u{e9}".as_bytes()] {
            fs::write(dir.path().join(OsStr::from_bytes(name)), name).unwrap();
        }
        let mut found = files(dir.path()).unwrap();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let names: Vec<&str> = found.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["caf%E9", "caf%E9%", "caf\u{e9}"]);
    }
}
