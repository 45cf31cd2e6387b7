//! The folders that SageMaker uploads from, out of COMMAND's reach: while it runs, a link to a private folder stands in
//! the place of each, so that a script with `/opt/ml/model` written into it works on plaintext that nobody uploads. So it
//! is with the channels' folders, that a script with `/opt/ml/input/data/train` in it finds plaintext there.
//!
//! The folder itself waits beside it under another name; afterwards it comes back, and tokens are written into it. Where
//! SageMaker mounts a folder there can be no link. Model and output are uploaded once COMMAND is through: until then what
//! it put there is encrypted, as before. Checkpoints are uploaded as they are written, and cannot be made safe afterwards:
//! without the link there is no training. A channel without it holds tokens, and only its variable leads to plaintext.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::job::{INPUT_DATA, Job, io};
use super::workspace::Workspace;
use super::{say, tree};
use crate::domain::{Fault, FaultKind};

/// What stands for a folder while it waits.
const ASIDE: &str = ".strongroom-aside-";
/// What COMMAND put in the place of a link.
const TAKEN: &str = ".strongroom-taken-";

/// What there is of an output without a link.
const ENCRYPTED_AFTERWARDS: &str = "what is written there is encrypted afterwards";
/// What there is of a channel without a link.
const TOKENS: &str = "it holds tokens, the plaintext is where the variable SM_CHANNEL_… says";

/// The links; undone when dropped.
#[derive(Debug)]
pub(crate) struct Covers(Vec<Cover>);

#[derive(Debug)]
struct Cover {
    place: PathBuf,
    private: PathBuf,
    /// There was no folder before.
    is_new: bool,
}

impl Covers {
    /// Puts back what a killed run left aside.
    pub(crate) fn recover(root: &Path) -> Result<(), Fault> {
        for place in places(root) {
            let (aside, taken) = (beside(&place, ASIDE), beside(&place, TAKEN));
            if fs::symlink_metadata(&taken).is_ok_and(|metadata| metadata.is_dir()) {
                fs::remove_dir_all(&taken).map_err(|error| io("remove the plaintext in", &taken, &error))?;
            }
            let is_ours = fs::read_link(&place).is_ok_and(|target| target.ancestors().any(Workspace::is_one));
            if is_ours {
                fs::remove_file(&place).map_err(|error| io("remove the link", &place, &error))?;
            }
            if fs::symlink_metadata(&aside).is_ok() && fs::symlink_metadata(&place).is_err() {
                fs::rename(&aside, &place).map_err(|error| io("put back", &place, &error))?;
            }
        }
        Ok(())
    }

    /// Puts the links up.
    pub(crate) fn put_up(job: &Job, workspace: &Workspace) -> Result<Self, Fault> {
        let mut covers = Self(Vec::new());
        covers.cover(&job.model_dir(), &workspace.model(), ENCRYPTED_AFTERWARDS);
        if !covers.cover(&job.output_dir(), &workspace.output(), ENCRYPTED_AFTERWARDS) {
            covers.cover(&job.output_data_dir(), &workspace.output_data(), ENCRYPTED_AFTERWARDS);
        }
        for (name, channel) in &job.channels {
            let place = job.channel_dir(name);
            if channel.is_fast_file() {
                say(&stays(&place, "a file system of its own", TOKENS));
            } else if place.is_dir() {
                covers.cover(&place, &workspace.channel(name), TOKENS);
            }
        }
        let place = job.usual_checkpoints_dir();
        match Cover::put_up(&place, &workspace.checkpoints()) {
            Ok(cover) => covers.0.push(cover),
            // Where COMMAND cannot make the folder either, nothing is uploaded from it.
            Err(_) if fs::symlink_metadata(&place).is_err() => {}
            Err(error) => return Err(uncovered(&place, &error)),
        }
        Ok(covers)
    }

    /// Where a folder is meanwhile.
    pub(crate) fn meanwhile(&self, place: &Path) -> PathBuf {
        let covered = self.0.iter().any(|cover| cover.place == place);
        if covered {
            beside(place, ASIDE)
        } else {
            place.to_path_buf()
        }
    }

    /// Takes the links down, and takes into the private folders what COMMAND put in their place.
    pub(crate) fn take_down(&mut self) -> Result<(), Fault> {
        let mut first = Ok(());
        for cover in self.0.drain(..) {
            if let Err(error) = cover.take_down() {
                first = first.and(Err(io("put back", &cover.place, &error)));
            }
        }
        first
    }

    fn cover(&mut self, place: &Path, private: &Path, otherwise: &str) -> bool {
        match Cover::put_up(place, private) {
            Ok(cover) => {
                self.0.push(cover);
                true
            }
            Err(error) => {
                say(&stays(place, &error.to_string(), otherwise));
                false
            }
        }
    }
}

impl Drop for Covers {
    fn drop(&mut self) {
        if let Err(fault) = self.take_down() {
            say(&fault.to_string());
        }
    }
}

impl Cover {
    fn put_up(place: &Path, private: &Path) -> io::Result<Self> {
        let aside = beside(place, ASIDE);
        let is_new = match fs::rename(place, &aside) {
            Ok(()) => false,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir(&aside)?;
                true
            }
            // A layer of the image, which can be hidden if it is empty, but not moved.
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                fs::create_dir(&aside)?;
                fs::remove_dir(place).inspect_err(|_| drop(fs::remove_dir(&aside)))?;
                false
            }
            Err(error) => return Err(error),
        };
        let cover = Self {
            place: place.to_path_buf(),
            private: private.to_path_buf(),
            is_new,
        };
        symlink(private, place).inspect_err(|_| {
            let _ = cover.take_down();
        })?;
        Ok(cover)
    }

    fn take_down(&self) -> io::Result<()> {
        let (aside, taken) = (beside(&self.place, ASIDE), beside(&self.place, TAKEN));
        match fs::symlink_metadata(&self.place) {
            Ok(metadata) if metadata.is_dir() => {
                fs::rename(&self.place, &taken)?;
                take(&taken, &self.private)?;
            }
            Ok(_) => fs::remove_file(&self.place)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        // A folder that nobody needed is not left there.
        if self.is_new && fs::remove_dir(&aside).is_ok() {
            return Ok(());
        }
        fs::rename(&aside, &self.place)
    }
}

/// Moves the files of one folder into another, perhaps on another file system, and removes it whatever happens.
fn take(from: &Path, to: &Path) -> io::Result<()> {
    let taken = tree::files(from).map_err(|fault| io::Error::other(fault.to_string()));
    let moved = taken.and_then(|files| {
        files.iter().try_for_each(|file| {
            let to = to.join(&file.name);
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::copy(&file.path, &to).map(|_| ())
        })
    });
    fs::remove_dir_all(from)?;
    moved
}

/// What [`Covers::put_up`] may cover, the outer first; of channels those that are covered.
fn places(root: &Path) -> Vec<PathBuf> {
    let data = root.join(INPUT_DATA);
    let entries = fs::read_dir(&data).into_iter().flatten().flatten();
    let channels = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let name = [ASIDE, TAKEN].iter().find_map(|prefix| name.strip_prefix(prefix))?;
        Some(data.join(name))
    });
    let outputs = ["model", "output", "output/data", "checkpoints"].map(|name| root.join(name));
    outputs.into_iter().chain(channels).collect()
}

fn stays(place: &Path, why: &str, otherwise: &str) -> String {
    format!("{} stays ({why}): {otherwise}", place.display())
}

fn beside(place: &Path, prefix: &str) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!("{prefix}{name}"))
}

fn uncovered(place: &Path, error: &io::Error) -> Fault {
    Fault::new(
        FaultKind::Invalid,
        "keep plaintext out of",
        place.display().to_string(),
        format!(
            "SageMaker copies what is written there to S3 while the job runs, and no link to a private folder can take its \
             place: {error}"
        ),
        "start the job with strongroom, or give it CheckpointConfig.LocalPath /opt/ml/strongroom-checkpoints and the \
         hyperparameter strongroom_checkpoints with the same path",
    )
}

#[cfg(test)]
mod tests;
