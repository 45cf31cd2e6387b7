//! The folders that SageMaker uploads from, out of COMMAND's reach: while it runs, a link to a private folder stands in
//! the place of each, so that a script with `/opt/ml/model` written into it works on plaintext that nobody uploads. So it
//! is with the channels' folders, that a script with `/opt/ml/input/data/train` in it finds plaintext there.
//!
//! The folder itself waits beside it under another name; afterwards it comes back, and tokens are written into it. What
//! COMMAND makes in a link's place is put aside too, where nobody uploads it, and reached through the link. Where
//! SageMaker mounts a folder there can be no link. Model and output are uploaded once COMMAND is through: until then what
//! it put there is encrypted, as before. Checkpoints are uploaded as they are written, and cannot be made safe afterwards:
//! without the link there is no training. A channel without it holds tokens, and only its variable leads to plaintext.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::removed::Link;
use super::job::{INPUT_DATA, Job, io};
use super::known::{self, Known};
use super::say;
use super::workspace::Workspace;
use crate::domain::Fault;

mod removed;
mod replaced;

/// What stands for a folder while it waits.
const ASIDE: &str = ".strongroom-aside-";
/// Holds what COMMAND put in the place of a link, a folder each time.
const TAKEN: &str = ".strongroom-taken-";

/// What there is of an output without a link.
const ENCRYPTED_AFTERWARDS: &str = "what is written there is encrypted afterwards";
/// What there is of a channel without a link.
const TOKENS: &str = "it holds tokens, the plaintext is where the variable SM_CHANNEL_… says";

/// The links; undone when dropped.
#[derive(Debug, Default)]
pub(crate) struct Covers {
    up: Vec<Cover>,
    /// Where there may be what COMMAND put in the place of links that are down.
    taken: Vec<PathBuf>,
}

/// One link.
#[derive(Debug, Clone)]
pub(crate) struct Cover {
    place: PathBuf,
    private: PathBuf,
    /// What waits.
    folder: Arc<Known>,
    link: Link,
    /// There was no folder before.
    is_new: bool,
    /// SageMaker uploads from it.
    is_output: bool,
    root: PathBuf,
    /// What SageMaker copies from while the job runs.
    copied: PathBuf,
}

/// What is done of a cover at the end.
type Step = fn(&Cover) -> Result<(), Fault>;

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
            let is_aside = match fs::symlink_metadata(&aside) {
                Ok(there) if !there.is_dir() => return Err(stranger(&aside)),
                there => there.is_ok(),
            };
            if is_aside && fs::symlink_metadata(&place).is_ok_and(|metadata| metadata.is_dir()) {
                say(&format!(
                    "removed what an earlier run left in the place of a link, {}",
                    place.display()
                ));
                fs::remove_dir_all(&place).map_err(|error| io("remove the plaintext in", &place, &error))?;
            }
            if is_aside && fs::symlink_metadata(&place).is_err() {
                fs::rename(&aside, &place).map_err(|error| io("put back", &place, &error))?;
            }
        }
        Ok(())
    }

    /// Puts the links up.
    pub(crate) fn put_up(job: &Job, workspace: &Workspace) -> Result<Self, Fault> {
        let mut covers = Self::default();
        let mut cover = |place: PathBuf, private: PathBuf, otherwise| covers.cover(job, &place, &private, otherwise);
        cover(job.model_dir(), workspace.model(), ENCRYPTED_AFTERWARDS);
        if !cover(job.output_dir(), workspace.output(), ENCRYPTED_AFTERWARDS) {
            cover(job.output_data_dir(), workspace.output_data(), ENCRYPTED_AFTERWARDS);
        }
        for (name, channel) in &job.channels {
            let place = job.channel_dir(name);
            if channel.is_fast_file() {
                say(&stays(&place, "a file system of its own", TOKENS));
            } else if place.is_dir() {
                cover(place, workspace.channel(name), TOKENS);
            }
        }
        let place = job.usual_checkpoints_dir();
        match Cover::put_up(job, &place, &workspace.checkpoints()) {
            Ok(cover) => covers.up.push(cover),
            // Where COMMAND cannot make the folder either, nothing is uploaded from it.
            Err(_) if fs::symlink_metadata(&place).is_err() => {}
            Err(error) => return Err(uncovered(&place, &error)),
        }
        Ok(covers)
    }

    /// The places of the links.
    pub(crate) fn links(&self) -> Vec<String> {
        self.up.iter().map(|cover| cover.place.display().to_string()).collect()
    }

    /// Where a folder is meanwhile.
    pub(crate) fn meanwhile(&self, place: &Path) -> PathBuf {
        let covered = self.up.iter().any(|cover| cover.place == place);
        if covered {
            beside(place, ASIDE)
        } else {
            place.to_path_buf()
        }
    }

    /// The links to the folders that SageMaker uploads from.
    pub(crate) fn of_outputs(&self) -> Vec<Cover> {
        let up = self.up.iter().filter(|cover| cover.is_output);
        up.cloned().collect()
    }

    /// Takes the links down. What COMMAND put in their place is reached through the private folders until
    /// [`Covers::remove_taken`].
    pub(crate) fn take_down(&mut self) -> Result<(), Fault> {
        let down = std::mem::take(&mut self.up);
        self.taken.extend(down.iter().map(|cover| beside(&cover.place, TAKEN)));
        // All of one before the next: a link of COMMAND's may lead to what is in the place of another.
        let steps: [Step; 3] = [Cover::settle, Cover::take_over, Cover::put_back];
        let mut first = Ok(());
        for step in steps {
            for cover in &down {
                first = first.and(step(cover).inspect_err(|fault| say(&fault.to_string())));
            }
        }
        first
    }

    /// Removes what COMMAND put in the place of links.
    pub(crate) fn remove_taken(&mut self) -> Result<(), Fault> {
        let mut first = Ok(());
        for taken in self.taken.drain(..) {
            match fs::remove_dir_all(&taken) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    first = first.and(Err(io("remove the plaintext in", &taken, &error)));
                }
                _ => {}
            }
        }
        first
    }

    fn cover(&mut self, job: &Job, place: &Path, private: &Path, otherwise: &str) -> bool {
        match Cover::put_up(job, place, private) {
            Ok(cover) => {
                self.up.push(cover);
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
        let down = self.take_down();
        if let Err(fault) = down.and(self.remove_taken()) {
            say(&fault.to_string());
        }
    }
}

impl Cover {
    fn put_up(job: &Job, place: &Path, private: &Path) -> io::Result<Self> {
        let root = job.root.canonicalize()?;
        let copied = job.checkpoints_dir.canonicalize();
        let aside = beside(place, ASIDE);
        let is_new = match fs::rename(place, &aside) {
            Ok(()) => false,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir(&aside)?;
                true
            }
            // A layer of the image, which can be hidden if it is empty, but not moved.
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                fs::remove_dir(place)?;
                fs::create_dir(&aside).inspect_err(|_| drop(fs::create_dir(place)))?;
                false
            }
            Err(error) => return Err(error),
        };
        let folder = Known::of(&aside).inspect_err(|_| drop(fs::rename(&aside, place)))?;
        let mut cover = Self {
            place: place.to_path_buf(),
            private: private.to_path_buf(),
            folder: Arc::new(folder),
            link: Link::default(),
            is_new,
            is_output: !place.starts_with(job.root.join(INPUT_DATA)),
            root,
            copied: copied.unwrap_or_else(|_| job.checkpoints_dir.clone()),
        };
        symlink(private, place).inspect_err(|_| {
            let _ = cover.put_back();
        })?;
        cover.link = Link::at(place);
        Ok(cover)
    }

    /// Where the link is.
    pub(crate) fn place(&self) -> &Path {
        &self.place
    }

    /// Whether the link is there.
    pub(crate) fn is_of(&self, place: &Path) -> bool {
        self.place == place
    }

    /// Puts the folder back, and nothing else that has its name.
    fn put_back(&self) -> Result<(), Fault> {
        let aside = beside(&self.place, ASIDE);
        let failed = |error: io::Error| io("put back", &self.place, &error);
        if fs::symlink_metadata(&self.place).is_ok_and(|there| !there.is_dir()) {
            fs::remove_file(&self.place).map_err(failed)?;
        }
        if !self.folder.is_at(&aside) {
            // Tokens are not to be lost for that.
            let made = fs::create_dir(&self.place).map_err(failed);
            return made.and(Err(known::replaced(&aside, "it is not the folder that was there")));
        }
        // A folder that nobody needed is not left there.
        if self.is_new && fs::remove_dir(&aside).is_ok() {
            return Ok(());
        }
        fs::rename(&aside, &self.place).map_err(failed)
    }
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
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

fn stranger(aside: &Path) -> Fault {
    Fault::invalid(
        "put back",
        aside.display().to_string(),
        "an earlier run left a folder there, and now it is something else",
        "remove it, or give it the name of the folder that it stands for",
    )
}

fn uncovered(place: &Path, error: &io::Error) -> Fault {
    Fault::invalid(
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
