//! Folders that are written to and rewritten, told from what COMMAND puts in their place: nothing outside is touched.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::domain::{Fault, FaultKind};

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

/// What is said of a folder that is not the one that it was.
pub(crate) fn replaced(path: &Path, cause: &str) -> Fault {
    Fault::new(
        FaultKind::Integrity,
        "write tokens to",
        path.display().to_string(),
        format!("the training command replaced it: {cause}; what is there was left as it is"),
        "let the training command leave this name alone, and write to SM_MODEL_DIR, SM_OUTPUT_DATA_DIR and /opt/ml/checkpoints",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

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
}
