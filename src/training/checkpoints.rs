//! Checkpoints: plain in the private folder, tokens in the public one, which SageMaker copies to S3 while the job runs and
//! back before it starts again.
//!
//! What COMMAND writes into the public folder all the same may have been copied by the time that it is found: it is
//! encrypted, so that nothing plain stays, and the job fails, so that somebody knows.
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
use super::outputs::{opens, seal_file};
use super::{human, say, tree};
use crate::domain::{Fault, FaultKind};
use crate::publish::TEMPORARY;

/// Size and time of a file: when both stand still, nobody writes to it.
type Seen = (u64, SystemTime);

/// The two folders, and what is known of them.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    private: PathBuf,
    public: PathBuf,
    /// As encrypted.
    sealed: BTreeMap<String, Seen>,
    /// As seen a moment ago.
    before: BTreeMap<String, Seen>,
    /// What belongs in the public folder.
    tokens: BTreeMap<String, Seen>,
    /// What does not, as seen a moment ago.
    strange: BTreeMap<String, Seen>,
    /// Told at the end.
    exposed: Option<Fault>,
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
            ..Self::default()
        };
        for file in tree::files(public)? {
            if is_temporary(&file.path) {
                let _ = fs::remove_file(&file.path);
                continue;
            }
            if !is_token(&file.path)? {
                let (act, cause) = ("restore checkpoint", "it is not encrypted");
                let remedy = "start from another checkpoint folder";
                return Err(Fault::new(FaultKind::Integrity, act, &file.name, cause, remedy));
            }
            let to = private.join(&file.name);
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent).map_err(|error| io("make", parent, &error))?;
            }
            let label = format!("checkpoints/{}", file.name);
            let bytes = open_file(key, &file.path, &to, &label, None, cancel)?;
            say(&format!("restored checkpoint {} ({})", file.name, human(bytes)));
        }
        this.sealed = look(&this.private)?;
        this.tokens = look(&this.public)?;
        Ok(this)
    }

    /// The public folder is there again.
    pub(crate) fn return_to(&mut self, public: PathBuf) {
        self.public = public;
    }

    /// Plaintext bytes of what is to be restored, at most.
    pub(crate) fn size(public: &Path) -> Result<u64, Fault> {
        Ok(tree::files(public)?.iter().map(|file| file.size / 4 * 3).sum())
    }

    /// Encrypts what changed and stands still, or `all` that changed; removes what COMMAND removed.
    pub(crate) fn keep(&mut self, key: &OpenKey, all: bool) -> Result<(), Fault> {
        let kept = self.keep_private(key, all).and(self.keep_public(key, all));
        match self.exposed.take_if(|_| all) {
            Some(exposed) => kept.and(Err(exposed)),
            None => kept,
        }
    }

    fn keep_private(&mut self, key: &OpenKey, all: bool) -> Result<(), Fault> {
        let now = look(&self.private)?;
        for (name, seen) in &now {
            if self.sealed.get(name) == Some(seen) || !(all || self.before.get(name) == Some(seen)) {
                continue;
            }
            let public = self.public.join(name);
            seal_file(key, &self.private.join(name), &public)?;
            self.sealed.insert(name.clone(), *seen);
            self.tokens.extend(seen_at(&public).map(|token| (name.clone(), token)));
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
            self.tokens.remove(&name);
        }
        self.before = now;
        Ok(())
    }

    /// Leaves nothing in the public folder but tokens.
    fn keep_public(&mut self, key: &OpenKey, all: bool) -> Result<(), Fault> {
        for path in tree::specials(&self.public)? {
            fs::remove_file(&path).map_err(|error| io("remove", &path, &error))?;
            self.expose(&path);
        }
        let mut now = look(&self.public)?;
        now.retain(|name, seen| self.tokens.get(name) != Some(seen) && !is_temporary(Path::new(name)));
        for (name, seen) in &now {
            if !(all || self.strange.get(name) == Some(seen)) {
                continue;
            }
            let path = self.public.join(name);
            if !opens(key, &path) {
                if let Err(fault) = seal_file(key, &path, &path) {
                    fs::remove_file(&path).map_err(|error| io("remove the plain file", &path, &error))?;
                    say(&fault.to_string());
                }
                self.expose(&path);
            }
            self.tokens.extend(seen_at(&path).map(|token| (name.clone(), token)));
        }
        self.strange = now;
        Ok(())
    }

    fn expose(&mut self, path: &Path) {
        let fault = Fault::new(
            FaultKind::Integrity,
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

fn seen_at(path: &Path) -> Option<Seen> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH)))
}

fn is_temporary(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with(TEMPORARY))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use zeroize::Zeroizing;

    use super::*;
    use crate::envelope::DataKey;
    use crate::envelope::manifest::WrappedDataKey;

    fn key() -> OpenKey {
        OpenKey {
            key: DataKey::from_plaintext(&Zeroizing::new(vec![7; 32])).unwrap(),
            wrapped: WrappedDataKey {
                data_key: "wrapped".to_owned(),
                kms_key_id: "arn:key".to_owned(),
                context: BTreeMap::new(),
            },
        }
    }

    /// Two empty folders, watched.
    fn folders() -> (tempfile::TempDir, PathBuf, PathBuf, Checkpoints) {
        let root = tempfile::tempdir().unwrap();
        let (private, public) = (root.path().join("private"), root.path().join("public"));
        fs::create_dir(&private).unwrap();
        fs::create_dir(&public).unwrap();
        let checkpoints = Checkpoints::restore(&key(), &private, &public, &CancellationToken::new()).unwrap();
        (root, private, public, checkpoints)
    }

    #[test]
    fn what_stands_still_is_encrypted_and_what_is_removed_goes_from_both() {
        let (_root, private, public, mut checkpoints) = folders();
        fs::write(private.join("one"), "plaintext").unwrap();
        checkpoints.keep(&key(), false).unwrap();
        assert!(!public.join("one").exists(), "it may be half written");
        checkpoints.keep(&key(), false).unwrap();
        assert!(opens(&key(), &public.join("one")));
        fs::remove_file(private.join("one")).unwrap();
        checkpoints.keep(&key(), false).unwrap();
        assert!(!public.join("one").exists());
        checkpoints.keep(&key(), true).unwrap();
    }

    #[test]
    fn what_the_command_wrote_into_the_public_folder_itself_is_encrypted_and_told() {
        let (root, private, public, mut checkpoints) = folders();
        fs::write(private.join("known"), "plaintext").unwrap();
        checkpoints.keep(&key(), true).unwrap();
        fs::write(public.join("careless"), "plaintext").unwrap();
        fs::write(public.join("known"), "plaintext over a token").unwrap();
        fs::write(root.path().join("secret"), "plaintext").unwrap();
        std::os::unix::fs::symlink("../secret", public.join("link")).unwrap();
        checkpoints.keep(&key(), false).unwrap();
        checkpoints.keep(&key(), false).unwrap();
        for name in ["careless", "known"] {
            assert!(opens(&key(), &public.join(name)), "{name}");
        }
        assert!(!public.join("link").is_symlink());
        let fault = checkpoints.keep(&key(), true).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Integrity);
        assert!(fault.object.contains("link"), "{fault}");
    }

    #[test]
    fn a_token_that_the_command_made_itself_is_none_of_our_business() {
        let (_root, private, public, mut checkpoints) = folders();
        fs::write(private.join("x"), "plaintext").unwrap();
        seal_file(&key(), &private.join("x"), &public.join("own")).unwrap();
        checkpoints.keep(&key(), true).unwrap();
        checkpoints.keep(&key(), true).unwrap();
    }
}
