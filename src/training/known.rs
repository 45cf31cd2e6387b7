//! Folders that are written to and rewritten, told from what COMMAND puts in their place: nothing outside is touched.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::job::{Job, io};
use crate::domain::Fault;

/// A folder, held open, so that no other gets its number.
#[derive(Debug)]
pub(crate) struct Known {
    folder: File,
    /// Its name was a link to it.
    is_link: bool,
}

impl Known {
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let is_link = fs::symlink_metadata(path)?.is_symlink();
        let folder = File::open(path)?;
        Ok(Self { folder, is_link })
    }

    /// Whether a name stands for it still.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        let is_link = fs::symlink_metadata(path).map(|named| named.is_symlink());
        let found = fs::metadata(path).ok().zip(self.folder.metadata().ok());
        is_link.is_ok_and(|is_link| is_link == self.is_link)
            && found.is_some_and(|(found, own)| (found.dev(), found.ino()) == (own.dev(), own.ino()))
    }
}

/// Where tokens go: a folder that COMMAND may make anew, and that no link of COMMAND's stands for.
#[derive(Debug, Default)]
pub(crate) struct Destination {
    path: PathBuf,
    /// What it was, if it was a link.
    linked: Option<Known>,
    /// Without links.
    parent: Option<PathBuf>,
}

impl Destination {
    /// Before COMMAND begins.
    pub(crate) fn of(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            linked: Known::of(path).ok().filter(|known| known.is_link),
            parent: path.parent().and_then(|parent| parent.canonicalize().ok()),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Fills it, once it is clear; the fault if it was not, then that of the filling.
    pub(crate) fn fill(&self, fill: impl FnOnce(&Path) -> Result<(), Fault>) -> Result<(), Fault> {
        match self.clear() {
            Ok(()) => fill(&self.path),
            Err((fault, true)) => {
                let _ = fill(&self.path);
                Err(fault)
            }
            Err((fault, false)) => Err(fault),
        }
    }

    /// Removes a link that COMMAND put there, and says so by a fault; what it leads to stays as it is.
    ///
    /// # Errors
    /// The fault, and whether there is a place for tokens all the same.
    pub(crate) fn clear(&self) -> Result<(), (Fault, bool)> {
        let parent = self.path.parent().and_then(|parent| parent.canonicalize().ok());
        if self.parent.is_some() && parent.is_some() && self.parent != parent {
            return Err((replaced(&self.path, "a folder that it is in is a link now"), false));
        }
        let is_link = fs::symlink_metadata(&self.path).is_ok_and(|there| there.is_symlink());
        if !is_link || self.linked.as_ref().is_some_and(|known| known.is_at(&self.path)) {
            return Ok(());
        }
        match fs::remove_file(&self.path) {
            Ok(()) => Err((replaced(&self.path, "it was a link to another place"), true)),
            Err(error) => Err((io("remove the link", &self.path, &error), false)),
        }
    }
}

/// Where SageMaker uploads from.
#[derive(Debug)]
pub(crate) struct Destinations {
    pub(crate) model: Destination,
    pub(crate) output: Destination,
    pub(crate) output_data: Destination,
    pub(crate) checkpoints: Destination,
}

impl Destinations {
    /// Before COMMAND begins, and before links of ours.
    pub(crate) fn of(job: &Job) -> Self {
        Self {
            model: Destination::of(&job.model_dir()),
            output: Destination::of(&job.output_dir()),
            output_data: Destination::of(&job.output_data_dir()),
            checkpoints: Destination::of(&job.checkpoints_dir),
        }
    }
}

/// What is said of a folder that is not the one that it was.
pub(crate) fn replaced(path: &Path, cause: &str) -> Fault {
    Fault::integrity(
        "write tokens to",
        path.display().to_string(),
        format!("the training command replaced it: {cause}; what is there was left as it is"),
        "let the training command leave this name alone, and write to SM_MODEL_DIR, SM_OUTPUT_DATA_DIR and /opt/ml/checkpoints",
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_is_known_from_one_that_got_its_name_and_from_a_link_to_itself() {
        let root = tempfile::tempdir().unwrap();
        let (folder, moved) = (root.path().join("folder"), root.path().join("moved"));
        fs::create_dir(&folder).unwrap();
        let known = Known::of(&folder).unwrap();
        assert!(known.is_at(&folder));
        fs::rename(&folder, &moved).unwrap();
        assert!(known.is_at(&moved) && !known.is_at(&folder));
        symlink(&moved, &folder).unwrap();
        assert!(!known.is_at(&folder));
        fs::remove_file(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        assert!(!known.is_at(&folder));
        // Gone, it keeps its number to itself.
        fs::remove_dir(&moved).unwrap();
        fs::create_dir(&moved).unwrap();
        assert!(!known.is_at(&moved));
    }

    #[test]
    fn a_planted_link_is_removed_and_one_that_was_there_is_not() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("victim/b")).unwrap();
        fs::write(at("victim/kept"), "kept").unwrap();
        fs::create_dir_all(at("a/b")).unwrap();
        symlink(at("victim"), at("linked")).unwrap();
        let (was_linked, plain, deep) = (
            Destination::of(&at("linked")),
            Destination::of(&at("plain")),
            Destination::of(&at("a/b")),
        );
        was_linked.clear().unwrap();
        plain.clear().unwrap();
        fs::create_dir(at("plain")).unwrap();
        plain.clear().unwrap();
        fs::remove_dir(at("plain")).unwrap();
        symlink(at("victim"), at("plain")).unwrap();
        assert!(plain.clear().unwrap_err().1);
        assert!(!at("plain").is_symlink());
        fs::remove_dir_all(at("a")).unwrap();
        symlink(at("victim"), at("a")).unwrap();
        assert!(!deep.clear().unwrap_err().1);
        assert_eq!(fs::read_to_string(at("victim/kept")).unwrap(), "kept");
    }
}
