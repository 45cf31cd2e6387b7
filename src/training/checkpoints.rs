//! Checkpoints: plain in the private folder, tokens in `/opt/ml/checkpoints`, which SageMaker copies to S3 while the job
//! runs and back before it starts again.
//!
//! They are under the data key that the job was started with, so that a restart opens them. They are not bound to their
//! names: whoever may write to the bucket can put back an older one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;

use super::inputs::{is_token, open_file};
use super::job::io;
use super::keys::OpenKey;
use super::outputs::seal_file;
use super::{human, say, tree};
use crate::domain::{Fault, FaultKind};
use crate::envelope::publish::TEMPORARY;

/// Size and time of a file: when both stand still, nobody writes to it.
type Seen = (u64, SystemTime);

/// The two folders, and what is known of them.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    private: PathBuf,
    public: PathBuf,
    /// As encrypted.
    sealed: BTreeMap<String, Seen>,
    /// As seen a moment ago.
    before: BTreeMap<String, Seen>,
}

impl Checkpoints {
    /// Opens what an earlier run left in `public` into `private`.
    pub(crate) fn restore(
        key: &OpenKey,
        private: &Path,
        public: &Path,
        cancel: &CancellationToken,
    ) -> Result<Self, Fault> {
        let mut this = Self {
            private: private.to_path_buf(),
            public: public.to_path_buf(),
            sealed: BTreeMap::new(),
            before: BTreeMap::new(),
        };
        for file in tree::files(public)? {
            if is_temporary(&file.path) {
                let _ = fs::remove_file(&file.path);
                continue;
            }
            if !is_token(&file.path)? {
                return Err(Fault::new(
                    FaultKind::Integrity,
                    "restore checkpoint",
                    &file.name,
                    "it is not encrypted",
                    "start from another checkpoint folder",
                ));
            }
            let to = private.join(&file.name);
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent).map_err(|error| io("make", parent, &error))?;
            }
            let bytes = open_file(
                key,
                &file.path,
                &to,
                &format!("checkpoints/{}", file.name),
                None,
                cancel,
            )?;
            say(&format!("restored checkpoint {} ({})", file.name, human(bytes)));
        }
        this.sealed = this.look()?;
        Ok(this)
    }

    /// Plaintext bytes of what is to be restored, at most.
    pub(crate) fn size(public: &Path) -> Result<u64, Fault> {
        Ok(tree::files(public)?.iter().map(|file| file.size / 4 * 3).sum())
    }

    /// Encrypts what changed and stands still, or `all` that changed; removes what COMMAND removed.
    pub(crate) fn keep(&mut self, key: &OpenKey, all: bool) -> Result<(), Fault> {
        let now = self.look()?;
        for (name, seen) in &now {
            if self.sealed.get(name) == Some(seen) || !(all || self.before.get(name) == Some(seen)) {
                continue;
            }
            seal_file(key, &self.private.join(name), &self.public.join(name))?;
            self.sealed.insert(name.clone(), *seen);
            say(&format!("encrypted checkpoint {name}"));
        }
        let gone: Vec<String> = self
            .sealed
            .keys()
            .filter(|name| !now.contains_key(*name))
            .cloned()
            .collect();
        for name in gone {
            let path = self.public.join(&name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io("remove", &path, &error)),
                _ => self.sealed.remove(&name),
            };
        }
        self.before = now;
        Ok(())
    }

    fn look(&self) -> Result<BTreeMap<String, Seen>, Fault> {
        let mut seen = BTreeMap::new();
        for file in tree::files(&self.private)? {
            // A file that vanished since it was listed is one that COMMAND renamed: the next look finds it.
            if let Ok(metadata) = fs::metadata(&file.path) {
                let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                seen.insert(file.name, (metadata.len(), modified));
            }
        }
        Ok(seen)
    }
}

fn is_temporary(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with(TEMPORARY))
}
