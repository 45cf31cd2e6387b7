//! Encrypted data keys: whether those that tokens name are there and hold what the tokens say, and whether those that are there are
//! named.
//!
//! Where strongroom keeps them the folder is listed once, a thousand a call; what is not in it is asked for by its name before
//! it is called missing. Names are kept as hashes, so that a million of them take some tens of megabytes; beyond that nothing
//! more is noted and what is not known is told as unknown.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use futures::TryStreamExt;
use tokio::sync::OnceCell;

use super::kms_keys::word;
use crate::actions::encrypted_data_key::MAX_DATA_KEY;
use crate::aws::again::again;
use crate::aws::{Aws, s3, transfer};
use crate::domain::FaultKind;
use crate::domain::audit::KeyUse;

/// Names that are kept.
const MOST: usize = 1_000_000;
/// Names outside strongroom's own folders that are asked for.
const MOST_ASKED: usize = 100_000;
const OWN: &str = ".strongroom/data-keys/";

/// Whether a key object is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Presence {
    There,
    Missing,
    /// Why nobody knows.
    Unknown(String),
}

/// Names and data keys as hashes, which nobody can make collide.
#[derive(Clone, Default)]
struct Hashes(RandomState, RandomState);

impl Hashes {
    fn of<T: Hash + ?Sized>(&self, one: &T) -> u128 {
        u128::from(self.0.hash_one(one)) << 64 | u128::from(self.1.hash_one(one))
    }
}

type Cells<T> = Mutex<HashMap<u128, Arc<OnceCell<T>>>>;

/// Those of one bucket.
pub(super) struct DataKeys {
    bucket: String,
    hashes: Hashes,
    folders: Cells<Option<HashSet<u128>>>,
    asked: Cells<Presence>,
    read: Cells<Result<Option<u128>, String>>,
}

/// Those that tokens name.
pub(super) struct Named {
    hashes: Hashes,
    names: HashSet<u128>,
    is_whole: bool,
}

impl Default for Named {
    fn default() -> Self {
        Self {
            hashes: Hashes::default(),
            names: HashSet::new(),
            is_whole: true,
        }
    }
}

impl Named {
    /// A token names it.
    pub(super) fn note(&mut self, name: &str) {
        if self.names.len() < MOST {
            self.names.insert(self.hashes.of(name));
        } else {
            self.is_whole = false;
        }
    }

    /// Whether one that is there is needed, now that everything was seen; `is_all` of the bucket, or a part of it.
    pub(super) fn use_of(&self, name: &str, is_all: bool) -> KeyUse {
        if self.names.contains(&self.hashes.of(name)) {
            KeyUse::Referenced
        } else if is_all && self.is_whole {
            KeyUse::Orphaned
        } else {
            KeyUse::Unknown
        }
    }
}

/// The key of an object of `bucket` by its URI; another's is its own name.
pub(super) fn name_of<'u>(bucket: &str, uri: &'u str) -> &'u str {
    let rest = uri.strip_prefix("s3://").and_then(|rest| rest.strip_prefix(bucket));
    rest.and_then(|rest| rest.strip_prefix('/')).unwrap_or(uri)
}

impl DataKeys {
    pub(super) fn new(bucket: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            hashes: Hashes::default(),
            folders: Mutex::default(),
            asked: Mutex::default(),
            read: Mutex::default(),
        }
    }

    /// Whether the one that a token names is there.
    pub(super) async fn presence(&self, aws: &Aws, name: &str) -> Presence {
        if let Some(end) = name.rfind(OWN) {
            let folder = &name[..end + OWN.len()];
            if let Some(cell) = cell(&self.folders, self.hashes.of(folder), MOST_ASKED) {
                let listed = cell.get_or_init(|| self.list(aws, folder)).await;
                if listed
                    .as_ref()
                    .is_some_and(|names| names.contains(&self.hashes.of(name)))
                {
                    return Presence::There;
                }
            }
        }
        match cell(&self.asked, self.hashes.of(name), MOST_ASKED) {
            Some(cell) => cell.get_or_init(|| self.ask(aws, name)).await.clone(),
            None => Presence::Unknown("too many are named for each to be asked about".to_owned()),
        }
    }

    /// Whether the one that a token names holds this C; why nobody knows.
    pub(super) async fn holds(&self, aws: &Aws, name: &str, ciphertext: &[u8]) -> Result<bool, String> {
        let Some(cell) = cell(&self.read, self.hashes.of(name), MOST_ASKED) else {
            return Err("too many are named for each to be read".to_owned());
        };
        let read = cell.get_or_init(|| self.read(aws, name)).await;
        read.clone().map(|held| held == Some(self.hashes.of(ciphertext)))
    }

    /// What is in a key object; nothing if that is longer than any C.
    async fn read(&self, aws: &Aws, name: &str) -> Result<Option<u128>, String> {
        match again(|| s3::read_small(aws, &self.bucket, name, MAX_DATA_KEY)).await {
            Ok(held) => Ok(Some(self.hashes.of(held.as_slice()))),
            Err(fault) if fault.kind == FaultKind::Invalid && fault.code.is_none() => Ok(None),
            Err(fault) => Err(word(&fault)),
        }
    }

    /// The names in a folder; `None` if they cannot be listed, or are too many.
    async fn list(&self, aws: &Aws, folder: &str) -> Option<HashSet<u128>> {
        let mut names = HashSet::new();
        let mut pages = s3::list_under(aws, &self.bucket, folder).pages();
        while let Some(rows) = pages.try_next().await.ok()? {
            names.extend(rows.iter().map(|row| self.hashes.of(row.key())));
            if names.len() > MOST {
                return None;
            }
        }
        Some(names)
    }

    async fn ask(&self, aws: &Aws, name: &str) -> Presence {
        match transfer::find(aws, &self.bucket, name).await {
            Ok(Some(_)) => Presence::There,
            Ok(None) => Presence::Missing,
            Err(fault) => Presence::Unknown(word(&fault)),
        }
    }
}

/// What is asked once, and by nobody else meanwhile; `None` if there are too many already.
fn cell<T>(cells: &Cells<T>, hash: u128, most: usize) -> Option<Arc<OnceCell<T>>> {
    let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
    let is_room = cells.len() < most;
    match cells.get(&hash) {
        Some(cell) => Some(Arc::clone(cell)),
        None if is_room => Some(Arc::clone(
            cells.entry(hash).or_insert_with(|| Arc::new(OnceCell::new())),
        )),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_called_orphaned_only_once_all_of_the_bucket_was_seen() {
        let mut keys = Named::default();
        keys.note(".strongroom/data-keys/a");
        assert_eq!(keys.use_of(".strongroom/data-keys/a", false), KeyUse::Referenced);
        assert_eq!(keys.use_of(".strongroom/data-keys/b", false), KeyUse::Unknown);
        assert_eq!(keys.use_of(".strongroom/data-keys/b", true), KeyUse::Orphaned);
    }
}
