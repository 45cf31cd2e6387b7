//! What COMMAND puts in the place of a link.
//!
//! A folder is taken aside, and its files are reached through the link, which comes back. A link of COMMAND's own stays
//! while COMMAND runs: what it leads to is taken as if it were in the folder. Anything else gives way to the link, and the
//! job fails, for what COMMAND wrote is not where it thinks.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

#[cfg(target_os = "linux")]
use super::removed::Link;
use super::{ASIDE, Cover, TAKEN, beside, is_folder, removed};
use crate::domain::Fault;
use crate::training::{say, tree};

/// What is in a link's place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum There {
    Nothing,
    /// The link.
    Link,
    /// A link to another folder.
    Other(PathBuf),
    Folder,
    /// Neither.
    Strange(&'static str),
}

impl Cover {
    pub(super) fn there(&self) -> There {
        match fs::symlink_metadata(&self.place) {
            Err(_) => There::Nothing,
            Ok(there) if there.is_dir() => There::Folder,
            Ok(there) if there.is_symlink() => self.leads(&self.place),
            Ok(there) if there.is_file() => There::Strange("a file"),
            Ok(_) => There::Strange("something that is no folder"),
        }
    }

    fn leads(&self, link: &Path) -> There {
        if fs::read_link(link).is_ok_and(|target| target == self.private) {
            return There::Link;
        }
        let Ok(folder) = link.canonicalize() else {
            return There::Strange("a link that leads nowhere");
        };
        let private = self.private.canonicalize().unwrap_or_else(|_| self.private.clone());
        if folder == private {
            There::Link
        } else if !folder.is_dir() {
            There::Strange("a link to a file")
        } else if private.starts_with(&folder) || self.root.starts_with(&folder) {
            There::Strange("a link to a folder that it is in itself")
        } else if self.is_public(&folder) {
            There::Strange("a link to a folder that is strongroom's or that SageMaker copies while the job runs")
        } else {
            There::Other(folder)
        }
    }

    /// Whether what is there is strongroom's affair.
    fn is_public(&self, folder: &Path) -> bool {
        let is_ours = |part: Component<'_>| {
            let name = part.as_os_str().to_string_lossy();
            name.starts_with(ASIDE) || name.starts_with(TAKEN)
        };
        folder.starts_with(&self.copied) || folder.components().any(is_ours)
    }

    /// Puts the link up again where COMMAND made a folder, or a file, in its place, in one step, and says whether it did. A
    /// folder's files stay where they are, for COMMAND may still write to them, and the link leads to them.
    #[cfg(target_os = "linux")]
    pub(crate) fn again(&self) -> io::Result<bool> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};

        let there = self.there();
        let is_file = fs::symlink_metadata(&self.place).is_ok_and(|there| !there.is_dir() && !there.is_symlink());
        if there != There::Folder && !is_file {
            return Ok(false);
        }
        let spare = self.spare()?;
        symlink(&self.private, &spare)?;
        let next = Link::at(&spare);
        if there == There::Folder {
            self.forget()?;
            // Before the step, so that no file is missing after it; what comes in between is linked then.
            link(&self.place, &spare, &self.private, true)?;
        }
        match renameat_with(CWD, &spare, CWD, &self.place, RenameFlags::EXCHANGE) {
            Ok(()) => {
                self.link.set(next);
                if is_folder(&spare) {
                    link(&spare, &spare, &self.private, false)?;
                }
                Ok(true)
            }
            Err(error) => {
                fs::remove_file(&spare)?;
                // It has gone again.
                if error == rustix::io::Errno::NOENT {
                    Ok(false)
                } else {
                    Err(error.into())
                }
            }
        }
    }

    /// Makes what appears meanwhile where COMMAND's own link leads be found in the private folder.
    pub(crate) fn follow(&self) {
        if let There::Other(folder) = self.there()
            && let Err(error) = link(&folder, &folder, &self.private, false)
        {
            say(&format!("{} is not followed: {error}", self.place.display()));
        }
    }

    /// Removes what COMMAND had put into the folder before it removed it, link or not. One that it moved elsewhere has all of it
    /// still, and so has one that it put a link in the place of.
    fn forget(&self) -> io::Result<()> {
        let Some(when) = self.link.removed() else {
            return Ok(());
        };
        let taken = beside(&self.place, TAKEN);
        let taken = is_folder(&taken).then(|| fs::read_dir(&taken));
        let taken = taken.into_iter().flatten().flatten().flatten();
        let folders = taken.map(|entry| entry.path()).chain([self.private.clone()]);
        folders
            .filter(|folder| is_folder(folder))
            .try_for_each(|folder| removed::forget(&folder, when))
    }

    /// Where the next thing that COMMAND put in the link's place goes.
    fn spare(&self) -> io::Result<PathBuf> {
        let taken = beside(&self.place, TAKEN);
        if !is_folder(&taken) {
            fs::create_dir(&taken)?;
        }
        fs::set_permissions(&taken, fs::Permissions::from_mode(0o700))?;
        let mut spares = (0_u32..).map(|number| taken.join(number.to_string()));
        let spare = spares.find(|spare| fs::symlink_metadata(spare).is_err());
        spare.ok_or_else(|| io::Error::other("there are too many"))
    }

    /// Puts the link in the place of a folder, where nobody writes any more, so that links to what is in it lead on.
    pub(super) fn settle(&self) -> Result<(), Fault> {
        let settled = || {
            let spare = self.spare()?;
            self.forget()?;
            fs::rename(&self.place, &spare)?;
            symlink(&self.private, &self.place)?;
            link(&spare, &spare, &self.private, true)
        };
        match self.there() {
            There::Folder => settled().map_err(|error| self.failed(&error)),
            There::Nothing => self.forget().map_err(|error| self.failed(&error)),
            There::Link | There::Other(_) | There::Strange(_) => Ok(()),
        }
    }

    /// Makes everything that COMMAND put in the link's place be found in the private folder, once all are settled.
    pub(super) fn take_over(&self) -> Result<(), Fault> {
        let earlier = self.take_earlier();
        let now = match self.there() {
            There::Other(folder) if self.is_output => {
                say(&format!(
                    "{} was replaced by a link to {}: what is there is encrypted as if it were here",
                    self.place.display(),
                    folder.display()
                ));
                link(&folder, &folder, &self.private, true).map_err(|error| self.failed(&error))
            }
            There::Strange(what) => self.strange(what),
            There::Nothing | There::Link | There::Other(_) | There::Folder => Ok(()),
        };
        earlier.and(now)
    }

    /// What was written to files that had been opened before.
    fn take_earlier(&self) -> Result<(), Fault> {
        let taken = beside(&self.place, TAKEN);
        let earlier = is_folder(&taken).then(|| fs::read_dir(&taken));
        let earlier = earlier.into_iter().flatten().flatten().flatten();
        let mut first = Ok(());
        for path in earlier.map(|entry| entry.path()) {
            let taken = match fs::symlink_metadata(&path) {
                Ok(there) if there.is_dir() => {
                    link(&path, &path, &self.private, false).map_err(|error| self.failed(&error))
                }
                Ok(there) if there.is_symlink() && self.leads(&path) == There::Link => Ok(()),
                Ok(there) if there.is_symlink() => self.strange("a link"),
                Ok(_) => self.strange("a file"),
                Err(_) => Ok(()),
            };
            first = first.and(taken);
        }
        first
    }

    /// Nothing is missed where a channel is concerned.
    fn strange(&self, what: &str) -> Result<(), Fault> {
        if !self.is_output {
            return Ok(());
        }
        Err(Fault::invalid(
            "encrypt what is in",
            self.place.display().to_string(),
            format!("the training command put {what} in its place, so that what it wrote there is not kept"),
            "let the training command leave the link in its place, or put a folder there, or a link to one of its own",
        ))
    }

    fn failed(&self, error: &io::Error) -> Fault {
        crate::training::job::io(
            "take over what the training command put in the place of",
            &self.place,
            error,
        )
    }
}

/// Makes the files of one folder be found in another, where the folder is called `later`; `replacing` what is there under
/// their names.
fn link(from: &Path, later: &Path, to: &Path, replacing: bool) -> io::Result<()> {
    match fs::symlink_metadata(to) {
        Ok(there) if !there.is_dir() => {
            return Err(io::Error::other(format!("{} is no folder any more", to.display())));
        }
        Ok(_) => {}
        Err(_) => fs::create_dir_all(to)?,
    }
    let listed = |fault: Fault| io::Error::other(fault.to_string());
    for folder in tree::folders(from) {
        make_folders(to, folder.strip_prefix(from).map_err(io::Error::other)?, replacing)?;
    }
    for file in tree::files(from).map_err(listed)? {
        let name = file.path.strip_prefix(from).map_err(io::Error::other)?;
        if !make_folders(to, name.parent().unwrap_or(Path::new("")), replacing)? {
            continue;
        }
        let to = to.join(name);
        match fs::symlink_metadata(&to) {
            Ok(_) if !replacing => continue,
            Ok(there) if there.is_dir() => fs::remove_dir_all(&to)?,
            Ok(_) => fs::remove_file(&to)?,
            Err(_) => {}
        }
        symlink(later.join(name), &to)?;
    }
    Ok(())
}

/// Whether there are these folders, none of them a link, then.
fn make_folders(to: &Path, names: &Path, replacing: bool) -> io::Result<bool> {
    let mut folder = to.to_path_buf();
    for name in names.components() {
        folder.push(name);
        match fs::symlink_metadata(&folder) {
            Ok(there) if there.is_dir() => continue,
            Ok(_) if !replacing => return Ok(false),
            Ok(_) => fs::remove_file(&folder)?,
            Err(_) => {}
        }
        fs::create_dir(&folder)?;
    }
    Ok(true)
}
