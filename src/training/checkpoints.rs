//! Checkpoints: plain in the private folder, tokens in the public one, which SageMaker copies to S3 while the job runs and
//! back before it starts again.
//!
//! The last whole checkpoint is always there. What stands still is whole; when COMMAND was ended in the middle, a file that
//! did not stand still replaces no earlier version of itself, and what was removed stays. While it runs what was removed
//! goes once that which came in its place is there.
//!
//! Of several hosts, whose checkpoints SageMaker keeps in one place, each writes below `strongroom.HOST/`, and has at a
//! restart its own and, of the names that it has not, those of the others.
//!
//! What COMMAND writes into the public folder all the same is taken away as soon as it is seen ([`watch`](super::watch)), and
//! may have been copied even so: it is encrypted, so that nothing plain stays, and the job fails, so that somebody knows.
//!
//! They are under the data key that the job was started with, so that a restart opens them. A bundle beside them lists them,
//! so that others open and check them too; SageMaker copies file by file, so it may be older than a token. Whoever may
//! write to the bucket can put back an older one, with its bundle.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;

use super::bundle;
use super::inputs::{Manner, beginning, is_token, open_file};
use super::job::io;
use super::keys::OpenKey;
use super::known::Destination;
use super::outputs::{opens, seal_file};
use super::watch::Taken;
use super::{human, say, tree};
use crate::domain::Fault;
use crate::envelope::manifest::{BundleFile, WrappedDataKey, bundle_host};
use crate::envelope::{HEADER_LEN, header_of};
use crate::publish::{TEMPORARY, Unpublished};

/// Size and time of a file: when both stand still, nobody writes to it.
type Seen = (u64, SystemTime);

/// What COMMAND does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// It runs.
    GoesOn,
    /// It ended by itself.
    Finished,
    /// It was ended, perhaps in the middle of a file.
    CutOff,
}

/// The two folders, and what is known of them.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    private: PathBuf,
    public: PathBuf,
    /// The public one, as it was.
    destination: Destination,
    /// Where in the public folder ours are: nothing, or a folder's name with `/`.
    own: String,
    /// As encrypted.
    sealed: BTreeMap<String, Seen>,
    /// As seen a moment ago.
    before: BTreeMap<String, Seen>,
    /// What belongs in the public folder.
    tokens: BTreeMap<String, Seen>,
    /// Our tokens, as the bundle has them.
    listed: BTreeMap<String, BundleFile>,
    /// Whether the bundle is behind.
    is_unlisted: bool,
    host: Option<String>,
    /// What did not, and was taken away.
    taken: Taken,
    /// What does not, as seen a moment ago.
    strange: BTreeMap<String, Seen>,
    /// Told at the end.
    exposed: Option<Fault>,
}

impl Checkpoints {
    /// Opens what an earlier run left in `public` into `private`.
    pub(crate) fn restore(
        key: &OpenKey,
        host: Option<&str>,
        private: &Path,
        public: &Path,
        cancel: &CancellationToken,
    ) -> Result<Self, Fault> {
        let mut this = Self {
            private: private.to_path_buf(),
            public: public.to_path_buf(),
            destination: Destination::of(public),
            own: host.map(|host| format!("{OF_HOST}{host}/")).unwrap_or_default(),
            host: host.map(str::to_owned),
            ..Self::default()
        };
        let mut files = tree::files(public)?;
        // Ours first; then what a job of one host left; then the others'.
        files.sort_by_key(|file| match host_of(&file.name) {
            (folder, _) if folder == this.own => 0,
            ("", _) => 1,
            _ => 2,
        });
        for file in files {
            if is_temporary(&file.path) {
                let _ = fs::remove_file(&file.path);
                continue;
            }
            if bundle::read(&file.name, &file.path).is_some() {
                continue;
            }
            if !is_token(&file.path)? {
                let (act, cause) = ("restore checkpoint", "it is not encrypted");
                let remedy = "start from another checkpoint folder";
                return Err(Fault::integrity(act, &file.name, cause, remedy));
            }
            let (folder, name) = host_of(&file.name);
            let to = private.join(name);
            if to.exists() {
                say(&format!("left checkpoint {}: there is another of its name", file.name));
                continue;
            }
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent).map_err(|error| io("make", parent, &error))?;
            }
            let label = format!("checkpoints/{}", file.name);
            let bytes = open_file(key, (&file.path, &to), &label, None, Manner::Spread, cancel)?;
            say(&format!("restored checkpoint {} ({})", file.name, human(bytes)));
            if folder == this.own
                && let Some(header) = header_of(&beginning(&file.path, BEGINNING)?)
            {
                this.list(key, &file.name, &header, bytes);
            }
        }
        this.sealed = look(&this.private)?;
        this.tokens = look(&this.public)?;
        Ok(this)
    }

    /// Where to put what COMMAND writes into the public folder.
    pub(crate) fn taken(&self) -> Taken {
        self.taken.clone()
    }

    /// The public folder is there again.
    pub(crate) fn return_to(&mut self, public: Destination) {
        self.public = public.path().to_path_buf();
        self.destination = public;
    }

    /// Plaintext bytes of what is to be restored, at most.
    pub(crate) fn size(public: &Path) -> Result<u64, Fault> {
        Ok(tree::files(public)?.iter().map(|file| file.size / 4 * 3).sum())
    }

    /// Encrypts what changed and is whole; removes what COMMAND removed.
    pub(crate) fn keep(&mut self, key: &OpenKey, writing: Writing) -> Result<(), Fault> {
        let is_over = writing != Writing::GoesOn;
        if let Err((fault, is_clear)) = self.destination.clear() {
            if !is_clear {
                return Err(fault);
            }
            say(&fault.to_string());
            self.exposed.get_or_insert(fault);
            // What was there has gone.
            self.sealed.clear();
        }
        // Before anything is written: a link to a folder would be followed.
        let kept = self.remove_specials();
        let kept = kept
            .and(self.keep_private(key, writing))
            .and(self.keep_taken(key, is_over))
            .and(self.keep_public(key, is_over));
        match self.exposed.take_if(|_| is_over) {
            Some(exposed) => kept.and(Err(exposed)),
            None => kept,
        }
    }

    fn keep_private(&mut self, key: &OpenKey, writing: Writing) -> Result<(), Fault> {
        let now = look(&self.private)?;
        let mut is_all_there = writing != Writing::CutOff;
        for (name, seen) in &now {
            let earlier = self.sealed.get(name);
            if earlier == Some(seen) {
                continue;
            }
            let stands_still = self.before.get(name) == Some(seen);
            let from = path_of(&self.private, name)?;
            let is_whole = match writing {
                Writing::GoesOn => stands_still || was_put_in_place(&from),
                Writing::Finished => true,
                // Half of a file is better than nothing, and worse than the whole of an earlier one.
                Writing::CutOff => stands_still || earlier.is_none() || was_put_in_place(&from),
            };
            if !is_whole {
                is_all_there = false;
                if writing == Writing::CutOff {
                    say(&format!(
                        "checkpoint {name} was being written when the training command was ended: its version of before stays"
                    ));
                }
                continue;
            }
            let token = format!("{}{name}", self.own);
            let public = self.public.join(&token);
            let sealed = seal_file(key, &from, &public)?;
            self.list(key, &token, &sealed.header, sealed.plaintext_bytes);
            self.sealed.insert(name.clone(), *seen);
            self.tokens.extend(seen_at(&public).map(|seen| (token, seen)));
            say(&format!("encrypted checkpoint {name}"));
        }
        if is_all_there {
            self.remove_all_but(&now)?;
        }
        self.before = now;
        self.write_bundle(key)
    }

    fn list(&mut self, key: &OpenKey, token: &str, header: &[u8; HEADER_LEN], bytes: u64) {
        let file = bundle::listed(key, token.to_owned(), header, bytes);
        self.listed.insert(token.to_owned(), file);
        self.is_unlisted = true;
    }

    /// After the tokens: until then what is new opens all the same.
    fn write_bundle(&mut self, key: &OpenKey) -> Result<(), Fault> {
        if !self.is_unlisted {
            return Ok(());
        }
        let is_taken = |name: &str| self.listed.contains_key(name) || self.private.join(name).exists();
        let name = bundle::free_name(self.host.as_deref(), is_taken);
        let path = self.public.join(&name);
        bundle::write(key, &path, self.listed.values().cloned().collect(), true)?;
        self.tokens.extend(seen_at(&path).map(|seen| (name, seen)));
        self.is_unlisted = false;
        Ok(())
    }

    /// Removes the tokens of what is no longer there.
    fn remove_all_but(&mut self, now: &BTreeMap<String, Seen>) -> Result<(), Fault> {
        let gone: Vec<String> = self
            .sealed
            .keys()
            .filter(|name| !now.contains_key(*name))
            .cloned()
            .collect();
        for name in gone {
            let token = format!("{}{name}", self.own);
            let path = self.public.join(&token);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io("remove", &path, &error)),
                _ => self.sealed.remove(&name),
            };
            self.tokens.remove(&token);
            self.is_unlisted |= self.listed.remove(&token).is_some();
        }
        Ok(())
    }

    /// Encrypts what was taken out of the public folder and is whole.
    fn keep_taken(&mut self, key: &OpenKey, all: bool) -> Result<(), Fault> {
        let mut whole = Vec::new();
        self.taken.lock().retain_mut(|held| {
            let seen = held.file.metadata().ok().as_ref().map(seen_of);
            let stands_still = all || held.seen == seen;
            held.seen = seen;
            if stands_still && let Ok(file) = held.file.try_clone() {
                whole.push((held.name.clone(), file));
            }
            !stands_still
        });
        for (name, file) in whole {
            // It has no other name.
            let from = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
            let path = self.public.join(&name);
            let is_own = opens(key, &from);
            let kept = if is_own {
                copy(&from, &path)
            } else {
                seal_file(key, &from, &path).map(drop)
            };
            if !is_own {
                self.expose(&path);
            }
            kept?;
            self.tokens.extend(seen_at(&path).map(|seen| (name, seen)));
        }
        Ok(())
    }

    fn remove_specials(&mut self) -> Result<(), Fault> {
        for path in tree::specials(&self.public)? {
            fs::remove_file(&path).map_err(|error| io("remove", &path, &error))?;
            self.expose(&path);
        }
        Ok(())
    }

    /// Leaves nothing in the public folder but tokens.
    fn keep_public(&mut self, key: &OpenKey, all: bool) -> Result<(), Fault> {
        let mut now = look(&self.public)?;
        // At the end nobody writes to one of ours.
        now.retain(|name, seen| self.tokens.get(name) != Some(seen) && (all || !is_temporary(Path::new(name))));
        for (name, seen) in &now {
            if !(all || self.strange.get(name) == Some(seen)) {
                continue;
            }
            let (path, from) = (self.public.join(name), path_of(&self.public, name)?);
            if !opens(key, &from) && !self.is_anothers_bundle(key, name, &from) {
                let sealed = seal_file(key, &from, &path);
                if sealed.is_err() || from != path {
                    fs::remove_file(&from).map_err(|error| io("remove the plain file", &from, &error))?;
                }
                if let Err(fault) = sealed {
                    say(&fault.to_string());
                }
                self.expose(&from);
            }
            self.tokens.extend(seen_at(&path).map(|token| (name.clone(), token)));
        }
        self.strange = now;
        Ok(())
    }

    /// Where hosts share the folder they meet each other's.
    fn is_anothers_bundle(&self, key: &OpenKey, name: &str, path: &Path) -> bool {
        let is_others = bundle_host(name).is_some_and(|host| host != self.host.as_deref());
        is_others
            && bundle::read(name, path).is_some_and(|bundle| {
                let WrappedDataKey { data_key, context, .. } = &key.wrapped;
                bundle.live && bundle.data_key == *data_key && bundle.context == *context
            })
    }

    fn expose(&mut self, path: &Path) {
        let fault = Fault::integrity(
            "keep plaintext out of",
            path.display().to_string(),
            "the training command wrote there itself, and SageMaker copies what is there to S3 while the job runs",
            "let it write checkpoints to /opt/ml/checkpoints, and remove the copy in S3 if it is plain",
        );
        say(&fault.to_string());
        self.exposed.get_or_insert(fault);
    }
}

fn look(folder: &Path) -> Result<BTreeMap<String, Seen>, Fault> {
    let files = tree::files(folder)?.into_iter();
    // A file that vanished since it was listed is one that COMMAND renamed: the next look finds it.
    Ok(files
        .filter_map(|file| Some((file.name, seen_at(&file.path)?)))
        .collect())
}

/// Where the file of this name is, if its own is not UTF-8.
fn path_of(folder: &Path, name: &str) -> Result<PathBuf, Fault> {
    let path = folder.join(name);
    if path.exists() {
        return Ok(path);
    }
    let found = tree::files(folder)?.into_iter().find(|file| file.name == name);
    Ok(found.map_or(path, |file| file.path))
}

/// Whether it got its name after it was last written: whoever writes to another name first means it to be whole then.
fn was_put_in_place(path: &Path) -> bool {
    fs::metadata(path)
        .is_ok_and(|metadata| (metadata.ctime(), metadata.ctime_nsec()) > (metadata.mtime(), metadata.mtime_nsec()))
}

fn seen_at(path: &Path) -> Option<Seen> {
    Some(seen_of(&fs::metadata(path).ok()?))
}

fn seen_of(metadata: &fs::Metadata) -> Seen {
    (metadata.len(), metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH))
}

fn copy(from: &Path, to: &Path) -> Result<(), Fault> {
    let copied = fs::File::open(from).and_then(|mut token| {
        let mut copy = Unpublished::create(to)?;
        std::io::copy(&mut token, &mut copy)?;
        copy.publish(true)
    });
    copied.map_err(|error| io("write", to, &error))
}

/// Holds a token's header, with white space in it.
const BEGINNING: usize = 256;
/// What folders of hosts' checkpoints begin with.
const OF_HOST: &str = "strongroom.";

/// The folder of a host that a token is in, with its `/` if there is one, and the checkpoint's own name.
fn host_of(token: &str) -> (&str, &str) {
    match token.split_once('/') {
        Some((folder, _)) if folder.starts_with(OF_HOST) => token.split_at(folder.len() + 1),
        Some(_) | None => ("", token),
    }
}

fn is_temporary(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with(TEMPORARY))
}

#[cfg(test)]
mod tests;
