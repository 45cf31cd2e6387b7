//! What a job left below a folder of its own, read without following any link: neither the folder nor anything on the way
//! to it or in it leads the sandbox elsewhere, whatever the job does meanwhile.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;

/// A folder, opened.
#[derive(Debug)]
pub(super) struct Below(File);

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// So many folders may lie in each other; each holds files open while it is read.
const DEEPEST: usize = 100;
/// Not waiting for a writer should it be a pipe by now.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

impl Below {
    /// The folder of this name in `root`; `None` if there is none, or something else by now.
    pub(super) fn open(root: &Path, name: impl AsRef<Path>) -> io::Result<Option<Self>> {
        let root = File::from(openat(CWD, root, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?);
        Self(root).folder(name.as_ref())
    }

    fn folder(&self, name: &Path) -> io::Result<Option<Self>> {
        let mut folder = self.0.try_clone()?;
        for part in name.components() {
            let Component::Normal(part) = part else {
                return Ok(None);
            };
            folder = match openat(&folder, part, FOLDER, Mode::empty()) {
                Ok(next) => next.into(),
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
        }
        Ok(Some(Self(folder)))
    }

    /// One of its regular files.
    pub(super) fn file(&self, name: &Path) -> io::Result<(File, Metadata)> {
        let gone = || io::Error::from(io::ErrorKind::NotFound);
        let folder = self.folder(name.parent().ok_or_else(gone)?)?.ok_or_else(gone)?;
        let file = openat(&folder.0, name.file_name().ok_or_else(gone)?, FILE, Mode::empty())?;
        let file = File::from(file);
        let metadata = file.metadata()?;
        if metadata.is_file() {
            Ok((file, metadata))
        } else {
            Err(gone())
        }
    }

    /// Its regular files, by name; links and devices stay behind.
    pub(super) fn files(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        self.walk(Path::new(""), &mut found)?;
        found.sort();
        Ok(found)
    }

    fn walk(&self, below: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
        if below.components().count() > DEEPEST {
            let told = format!("more than {DEEPEST} folders lie in each other");
            return Err(io::Error::other(told));
        }
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let part = std::ffi::OsStr::from_bytes(entry.file_name().to_bytes());
            if part == "." || part == ".." {
                continue;
            }
            let kind = match statat(&self.0, part, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
            };
            let name = below.join(part);
            if kind == FileType::RegularFile {
                found.push(name);
            } else if kind == FileType::Directory
                && let Some(folder) = self.folder(Path::new(part))?
            {
                folder.walk(&name, found)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn folders_that_lie_too_deep_in_each_other_are_told_and_removed() {
        let root = tempfile::tempdir().unwrap();
        let deep = std::process::Command::new("sh")
            .args(["-c", "for i in $(seq 3000); do mkdir d && cd -P d || exit 1; done"])
            .current_dir(root.path())
            .status();
        assert!(deep.unwrap().success());
        let folder = Below::open(root.path(), "d").unwrap().unwrap();
        let refused = folder.files().unwrap_err().to_string();
        assert!(refused.contains("more than 100 folders"), "{refused}");
        crate::guardian::remove(&root.path().join("d")).unwrap();
        assert!(!root.path().join("d").exists());
    }

    #[test]
    fn no_link_leads_out_of_a_folder_or_into_it() {
        let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(other.path().join("secret"), "plaintext").unwrap();
        fs::create_dir_all(root.path().join("model/deep")).unwrap();
        fs::write(root.path().join("model/deep/one"), "token").unwrap();
        symlink(other.path(), root.path().join("model/out")).unwrap();
        symlink(other.path().join("secret"), root.path().join("model/secret")).unwrap();
        symlink(other.path(), root.path().join("output")).unwrap();
        fs::create_dir(other.path().join("data")).unwrap();
        symlink("model", root.path().join("checkpoints")).unwrap();

        let model = Below::open(root.path(), "model").unwrap().unwrap();
        assert_eq!(model.files().unwrap(), [Path::new("deep/one")]);
        let mut text = String::new();
        model
            .file(Path::new("deep/one"))
            .unwrap()
            .0
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "token");
        for link in ["secret", "out/secret", "deep", "../model/deep/one"] {
            assert!(model.file(Path::new(link)).is_err(), "{link}");
        }
        for folder in ["output", "output/data", "checkpoints", "checkpoints/deep", "none"] {
            assert!(Below::open(root.path(), folder).unwrap().is_none(), "{folder}");
        }
    }
}
