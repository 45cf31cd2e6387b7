//! A folder that appears under its name only when everything in it is whole.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind};

use rustix::fs::{RenameFlags, renameat, renameat_with};
use rustix::io::Errno;

use super::{Folder, locked, new_half};

/// A folder in the making: private, and gone with everything in it unless it is published.
#[derive(Debug)]
pub struct UnpublishedFolder {
    parent: Folder,
    half: OsString,
    folder: Folder,
    /// So that nobody sweeps it.
    _held: File,
    is_published: bool,
}

impl UnpublishedFolder {
    /// Begins a folder in this one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create_in(parent: &Folder) -> io::Result<Self> {
        let half = new_half();
        let folder = parent.make_private(&half)?;
        let held = locked(parent.read(&half)?);
        Ok(Self {
            parent: parent.clone(),
            half,
            folder,
            _held: held,
            is_published: false,
        })
    }

    /// What to work in.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Gives it this name, which nothing may have.
    ///
    /// # Errors
    /// When something has it, or the folder around it is not where it was.
    pub fn publish(mut self, name: &OsStr) -> io::Result<()> {
        let parent = &self.parent;
        parent.check_in_place()?;
        match renameat_with(parent, &self.half, parent, name, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) => {
                // An empty folder would give way.
                if parent.look(name)?.is_some() {
                    return Err(ErrorKind::AlreadyExists.into());
                }
                renameat(parent, &self.half, parent, name)?;
            }
            other => other?,
        }
        self.is_published = true;
        Ok(())
    }
}

impl Drop for UnpublishedFolder {
    fn drop(&mut self) {
        if !self.is_published {
            let _ = self.parent.remove_all(&self.half);
        }
    }
}
