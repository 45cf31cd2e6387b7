//! Versions: what a bucket keeps of its keys besides their current objects.
//!
//! A key's current object is in [`Bucket::objects`], where plain reads and listings find it at once. Everything else, older
//! objects and delete markers, is in [`Bucket::older`], newest first within a key; a key without a current object whose
//! first row there is a marker is deleted. Rows are written in an order in which a world that ends between two of them
//! can be told what it was: [`Bucket::mend`] does that when it opens.

use std::collections::HashSet;
use std::time::SystemTime;

use base64::Engine;
use base64::alphabet::Alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use sha2::{Digest, Sha256};

pub(crate) use self::page::{After, Query};
use super::body::{Body, Stretch};
use super::object::{Facts, Object};
use super::store::Bucket;
use crate::prelude::*;
use crate::shelf::encoded;

mod page;

/// What S3 calls the version that was written while its bucket kept none.
pub(crate) const NULL: &str = "null";

/// Whether a bucket keeps versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Versioning {
    /// It never did.
    #[default]
    Never,
    Enabled,
    /// Those that it has stay; what is written now has the null version.
    Suspended,
}

/// One version of a key.
#[derive(Debug, Clone)]
pub(crate) enum Version {
    Object(Arc<Object>),
    Marker(Marker),
}

/// The key was deleted; its versions were not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Marker {
    pub(crate) version: Option<String>,
    pub(crate) modified: SystemTime,
}

impl Marker {
    pub(crate) fn version(&self) -> &str {
        self.version.as_deref().unwrap_or(NULL)
    }
}

impl Version {
    /// None is a delete marker.
    pub(super) fn object(&self) -> Option<&Arc<Object>> {
        match self {
            Self::Object(object) => Some(object),
            Self::Marker(_) => None,
        }
    }

    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Object(object) => object.version(),
            Self::Marker(marker) => marker.version(),
        }
    }

    pub(super) fn modified(&self) -> SystemTime {
        match self {
            Self::Object(object) => object.modified,
            Self::Marker(marker) => marker.modified,
        }
    }

    pub(super) fn row(version: &Self) -> Vec<u8> {
        match version {
            Self::Object(object) => encoded(&Row::Object(object.body.stretches(), &object.facts)),
            Self::Marker(marker) => encoded(&Row::<&Facts>::Marker(marker.clone())),
        }
    }

    pub(super) fn of_row(row: &[u8], body: impl Fn(Vec<Stretch>) -> Body) -> Result<Self, postcard::Error> {
        Ok(match postcard::from_bytes(row)? {
            Row::Object(stretches, facts) => Self::Object(Arc::new(Object {
                body: body(stretches),
                facts,
            })),
            Row::Marker(marker) => Self::Marker(marker),
        })
    }
}

#[derive(Serialize, Deserialize)]
enum Row<F> {
    Object(Vec<Stretch>, F),
    Marker(Marker),
}

/// What a deletion did, as its answer tells it.
#[derive(Debug, Default)]
pub(crate) struct Deleted {
    /// Whether a marker was made, or the version that went was one.
    pub(crate) marker: bool,
    /// The marker that was made, or the version that went.
    pub(crate) version: Option<String>,
    /// To be dropped outside the lock: files are unlinked then.
    pub(super) gone: Vec<Version>,
}

impl Bucket {
    /// Makes `object` the current one of its key, and what it replaces an older version if the bucket keeps them.
    /// What nobody holds any more is handed over, to be dropped outside the lock.
    pub(super) fn place(&mut self, key: &str, mut object: Object) -> (Arc<Object>, Vec<Version>) {
        object.facts.version = self.make_room(key);
        if let Some(lock) = &self.lock
            && object.protection.retention.is_none()
        {
            object.facts.protection.retention = lock.retention(object.modified);
        }
        self.overtake(key);
        let object = Arc::new(object);
        let replaced = self.objects.insert(key.to_owned(), Arc::clone(&object));
        let mut gone: Vec<Version> = replaced.map(Version::Object).into_iter().collect();
        if object.facts.version.is_none() {
            gone.extend(self.take_older(key, NULL));
        }
        (object, gone)
    }

    /// Deletes a key: for good, or by a marker if the bucket keeps versions.
    pub(super) fn delete(&mut self, key: &str, now: SystemTime) -> Deleted {
        self.overtake(key);
        if self.versioning == Versioning::Never {
            return Deleted {
                gone: self.objects.remove(key).map(Version::Object).into_iter().collect(),
                ..Deleted::default()
            };
        }
        let marker = Marker {
            version: self.make_room(key),
            modified: now,
        };
        let mut gone: Vec<Version> = self.objects.remove(key).map(Version::Object).into_iter().collect();
        if marker.version.is_none() {
            gone.extend(self.take_older(key, NULL));
        }
        let version = Some(marker.version().to_owned());
        self.older
            .insert(self.row(key, marker.version()), Version::Marker(marker));
        Deleted {
            marker: true,
            version,
            gone,
        }
    }

    /// Removes one version for good; the one below it becomes the current one.
    pub(super) fn delete_version(&mut self, key: &str, id: &str) -> Option<Version> {
        let gone = if self.is_current(key, id) {
            self.objects.remove(key).map(Version::Object)
        } else {
            self.take_older(key, id)
        };
        self.promote(key);
        gone
    }

    /// A key's newest version.
    pub(crate) fn latest(&self, key: &str) -> Option<Version> {
        match self.objects.get(key) {
            Some(object) => Some(Version::Object(Arc::clone(object))),
            None => self.older_of(key).next().map(|(_, version)| version.clone()),
        }
    }

    /// A key's version by its id.
    pub(crate) fn version(&self, key: &str, id: &str) -> Option<Version> {
        match self.objects.get(key).filter(|object| object.version() == id) {
            Some(object) => Some(Version::Object(Arc::clone(object))),
            None => self.older.get(&self.find_row(key, id)?).cloned(),
        }
    }

    /// Changes what is known of an object, whichever version of its key it is.
    pub(super) fn change_facts(&mut self, key: &str, id: &str, change: impl FnOnce(&mut Facts)) {
        if self.is_current(key, id) {
            self.objects
                .change(key, |object| change(&mut Arc::make_mut(object).facts));
        } else if let Some(row) = self.find_row(key, id) {
            self.older.change(&row, |version| {
                if let Version::Object(object) = version {
                    change(&mut Arc::make_mut(object).facts);
                }
            });
        }
    }

    /// What is older than a key's current object, newest first.
    pub(super) fn older_of(&self, key: &str) -> impl Iterator<Item = (&String, &Version)> {
        let rows = (!self.older.is_empty()).then(|| self.older.range(rows_start(key)..rows_end(key)));
        rows.into_iter().flatten()
    }

    /// A key's objects, newest first.
    pub(super) fn objects_of(&self, key: &str) -> impl Iterator<Item = &Arc<Object>> {
        let older = self.older_of(key).filter_map(|(_, version)| version.object());
        self.objects.get(key).into_iter().chain(older)
    }

    fn is_current(&self, key: &str, id: &str) -> bool {
        self.objects.get(key).is_some_and(|object| object.version() == id)
    }

    /// Keeps the current object among the older ones too, unless what comes takes its place; the id of what comes.
    fn make_room(&mut self, key: &str) -> Option<String> {
        let keeps = self.versioning == Versioning::Enabled;
        if let Some(current) = self.objects.get(key)
            && (keeps || current.facts.version.is_some())
        {
            let row = self.row(key, current.version());
            let current = Version::Object(Arc::clone(current));
            self.older.insert(row, current);
        }
        keeps.then(|| fresh(self.next_number(key)))
    }

    fn take_older(&mut self, key: &str, id: &str) -> Option<Version> {
        let row = self.find_row(key, id)?;
        self.older.remove(&row)
    }

    /// Makes the newest version current, if nothing is and it is no marker.
    fn promote(&mut self, key: &str) {
        if self.objects.contains_key(key) {
            return;
        }
        let Some((row, Version::Object(object))) = self.older_of(key).next() else {
            return;
        };
        let (row, object) = (row.clone(), Arc::clone(object));
        self.objects.insert(key.to_owned(), object);
        self.older.remove(&row);
    }

    /// Numbers count down, so that the newest comes first.
    fn next_number(&self, key: &str) -> u64 {
        let newest = self.older_of(key).next();
        let number = newest.and_then(|(row, _)| u64::from_str_radix(row.rsplit('\0').next()?, 16).ok());
        number.unwrap_or(u64::MAX / 2).saturating_sub(1)
    }

    /// Where a version goes: by the number in its id; a null version has none, and goes on top.
    fn row(&self, key: &str, id: &str) -> String {
        let number = number(id).unwrap_or_else(|| self.next_number(key));
        format!("{}{number:016x}", rows_start(key))
    }

    fn find_row(&self, key: &str, id: &str) -> Option<String> {
        match number(id) {
            Some(number) => Some(format!("{}{number:016x}", rows_start(key)))
                .filter(|row| self.older.get(row).is_some_and(|version| version.id() == id)),
            None => self
                .older_of(key)
                .find(|(_, version)| version.id() == id)
                .map(|(row, _)| row.clone()),
        }
    }

    /// Finishes or undoes what a world was in the middle of when it ended: a version that is there twice is where it was
    /// last put, and a key whose newest version is an object has that as its current one.
    pub(super) fn mend(&mut self) {
        let mut keys: Vec<String> = self.older.keys().map(|row| key_of(row)).collect();
        keys.dedup();
        for key in keys {
            let current = self.objects.get(&key).map(|object| object.version());
            let mut seen: HashSet<&str> = current.into_iter().collect();
            let twice: Vec<String> = self
                .older_of(&key)
                .filter(|(_, version)| !seen.insert(version.id()))
                .map(|(row, _)| row.clone())
                .collect();
            for row in twice {
                self.older.remove(&row);
            }
            self.promote(&key);
        }
    }
}

/// Not behind any row of `key`, and behind every row of the keys before it. A NUL within a key is written as a pair that
/// sorts behind the one that ends it, so that rows are in the order of keys.
fn row_of_key(key: &str) -> String {
    key.replace('\0', "\0~")
}

pub(super) fn rows_start(key: &str) -> String {
    format!("{}\0", row_of_key(key))
}

/// `g` is behind every hexadecimal digit.
pub(super) fn rows_end(key: &str) -> String {
    format!("{}\0g", row_of_key(key))
}

/// The key that a row belongs to.
pub(super) fn key_of(row: &str) -> String {
    row.rsplit_once('\0').map_or(row, |(key, _)| key).replace("\0~", "\0")
}

const LETTERS: GeneralPurpose = match Alphabet::new("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._")
{
    Ok(alphabet) => GeneralPurpose::new(&alphabet, NO_PAD),
    Err(_) => unreachable!(),
};

/// A version id, 32 letters as S3's are: eight random bytes, the version's number under them, and what tells both from
/// made-up ones.
fn fresh(number: u64) -> String {
    let mask = fastrand::u64(..);
    let mut bytes = mask.to_be_bytes().to_vec();
    bytes.extend_from_slice(&(number ^ mask).to_be_bytes());
    let check = Sha256::digest(&bytes);
    bytes.extend_from_slice(&check[..8]);
    LETTERS.encode(bytes)
}

/// The number in an id that [`fresh`] made.
fn number(id: &str) -> Option<u64> {
    let bytes: [u8; 24] = LETTERS.decode(id).ok()?.try_into().ok()?;
    let (said, check) = bytes.split_at(16);
    let half = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    (Sha256::digest(said)[..8] == *check).then(|| half(&said[..8]) ^ half(&said[8..]))
}

/// Refuses what no version was ever called.
pub(crate) fn check_id(id: &str) -> Result<(), ApiError> {
    if id.is_empty() {
        Err(ApiError::invalid_argument("Version id cannot be the empty string"))
    } else if id == NULL || number(id).is_some() {
        Ok(())
    } else {
        Err(ApiError::invalid_argument("Invalid version id specified"))
    }
}

#[cfg(test)]
#[path = "versions/tests.rs"]
mod tests;
