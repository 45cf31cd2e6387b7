//! Buckets and objects: the index in memory, over the bodies of [`super::body`].
//!
//! An object enters the index only when its body is complete in its files. Every check that a write depends on
//! (is the bucket there, is the name taken) is made under the same lock as the write. In a world on disk every object,
//! upload and part is a row too, in tables of its bucket's name.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use s3s::checksum::ChecksumHasher;
use s3s::crypto::Crc64Nvme;
use s3s::dto::LifecycleRule;

use super::body::{Body, Home, Intake, Stretch, disk};
use super::convert::precondition;
use super::list::{Page, Query, page};
use super::lock::{Lock, protected};
use super::multipart::{Part, Upload};
use super::object::{About, Object};
use super::versions::{Deleted, Version, Versioning, check_id};
use crate::disk::{Locked, lock};
use crate::policy::Document;
use crate::prelude::*;
use crate::shelf::{Shelf, encoded};

mod settings;

pub(crate) use settings::{Ownership, Settings};

/// What must hold of the name that is written to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Condition {
    /// Nothing.
    #[default]
    Any,
    /// `If-None-Match: *`.
    Absent,
    /// `If-Match`, without quotes; `*` for any object.
    Matches(String),
}

/// Where and when a bucket was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Birth {
    /// The account that owns it, and its region.
    pub(crate) place: Place,
    pub(crate) created: SystemTime,
}

/// One bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) birth: Birth,
    pub(crate) versioning: Versioning,
    pub(crate) policy: Option<Arc<Document>>,
    /// Whether versions can be locked, and how they are by default.
    pub(super) lock: Option<Lock>,
    /// The current object of every key that has one.
    pub(crate) objects: Shelf<Arc<Object>>,
    /// What is done at midnight, by [`super::lifecycle`].
    pub(super) rules: Vec<LifecycleRule>,
    pub(super) due: SystemTime,
    /// Older objects and delete markers, by [`super::versions`].
    pub(super) older: Shelf<Version>,
    /// By [`Upload::row`], the order in which they are listed.
    pub(crate) uploads: Shelf<Upload>,
    /// By [`Part::row`].
    pub(crate) parts: Shelf<Part>,
}

impl Birth {
    /// What is answered to who makes the bucket again; with tags it is another one.
    fn again(&self, place: &Place, is_tagged: bool) -> Result<(), ApiError> {
        if self.place.account != place.account {
            return Err(ApiError::new(
                "BucketAlreadyExists",
                "The requested bucket name is not available. The bucket namespace is shared by all users of the system. \
                 Please select a different name and try again.",
            )
            .status(409));
        }
        if self.place == *place && place.region == "us-east-1" && !is_tagged {
            return Ok(());
        }
        let message = "Your previous request to create the named bucket succeeded and you already own it.";
        Err(ApiError::new("BucketAlreadyOwnedByYou", message).status(409))
    }
}

impl Bucket {
    /// A bucket that is not on disk yet.
    fn new(name: &str, birth: Birth, settings: &Settings, disk: &Disk) -> Self {
        Self {
            birth,
            versioning: settings.versioning,
            lock: settings.lock.clone(),
            rules: Vec::new(),
            due: UNIX_EPOCH,
            policy: None,
            objects: Shelf::empty(&format!("objects/{name}"), disk, Object::row),
            older: Shelf::empty(&format!("versions/{name}"), disk, Version::row),
            uploads: Shelf::empty(&format!("uploads/{name}"), disk, encoded),
            parts: Shelf::empty(&format!("parts/{name}"), disk, Part::encoded),
        }
    }

    fn open(
        name: &str,
        (birth, settings): (Birth, &Settings),
        home: &Arc<Home>,
        disk: &Disk,
    ) -> Result<Self, DiskError> {
        let body = |stretches: Vec<Stretch>| Body::of(stretches, home);
        let mut bucket = Self {
            birth,
            versioning: settings.versioning,
            rules: settings.lifecycle.clone(),
            due: UNIX_EPOCH,
            policy: settings.policy.clone().map(Arc::new),
            lock: settings.lock.clone(),
            objects: Shelf::open_as(&format!("objects/{name}"), disk, Object::row, |row| {
                let (stretches, facts) = postcard::from_bytes(row)?;
                let body = body(stretches);
                Ok(Arc::new(Object { body, facts }))
            })?,
            older: Shelf::open_as(&format!("versions/{name}"), disk, Version::row, |row| {
                Version::of_row(row, body)
            })?,
            uploads: Shelf::open(&format!("uploads/{name}"), disk)?,
            parts: Shelf::open_as(&format!("parts/{name}"), disk, Part::encoded, |row| {
                Part::decoded(row, body)
            })?,
        };
        bucket.mend();
        Ok(bucket)
    }

    /// Whether it holds nothing at all.
    fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.older.is_empty()
    }
}

/// All of S3.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) home: Arc<Home>,
    index: Mutex<Index>,
}

#[derive(Debug)]
struct Index {
    disk: Disk,
    names: Shelf<Birth>,
    /// Of the buckets that are set to anything.
    settings: Shelf<Settings>,
    buckets: BTreeMap<String, Bucket>,
}

impl Store {
    /// The S3 whose bodies live in `folder`.
    pub(crate) fn open(folder: &Path, clock: &Clock, disk: &Disk) -> Result<Self, DiskError> {
        let home = Home::open(folder, clock, disk)?;
        let index = Mutex::new(Index::open(&home, disk)?);
        Ok(Self { home, index })
    }

    /// Everything as it is on disk.
    pub(crate) fn restore(&self, disk: &Disk) -> Result<(), DiskError> {
        let fresh = Index::open(&self.home, disk)?;
        let stale = std::mem::replace(&mut *self.lock(), fresh);
        // Outside the lock: files may be let go of.
        drop(stale);
        Ok(())
    }
}

impl Index {
    fn open(home: &Arc<Home>, disk: &Disk) -> Result<Self, DiskError> {
        let names: Shelf<Birth> = Shelf::open("buckets", disk)?;
        let settings: Shelf<Settings> = Shelf::open("bucket-settings", disk)?;
        let (mut buckets, unset) = (BTreeMap::new(), Settings::default());
        for (name, birth) in names.iter() {
            let set = settings.get(name).unwrap_or(&unset);
            let bucket = Bucket::open(name, (birth.clone(), set), home, disk)?;
            buckets.insert(name.clone(), bucket);
        }
        Ok(Self {
            disk: disk.clone(),
            names,
            settings,
            buckets,
        })
    }
}

impl Store {
    /// Makes a bucket as buckets are made.
    pub(crate) fn create_bucket(&self, name: &str, place: &Place) -> Result<(), ApiError> {
        self.create_bucket_as(name, place, Settings::of_new())
    }

    /// Makes a bucket. In us-east-1 making one's own again is no error.
    pub(crate) fn create_bucket_as(&self, name: &str, place: &Place, settings: Settings) -> Result<(), ApiError> {
        if !valid_bucket_name(name) {
            return Err(ApiError::new("InvalidBucketName", "The specified bucket is not valid."));
        }
        let mut index = self.lock();
        if let Some(bucket) = index.buckets.get(name) {
            return bucket.birth.again(place, !settings.tags.is_empty());
        }
        let birth = Birth {
            place: place.clone(),
            created: self.home.now(),
        };
        let bucket = Bucket::new(name, birth.clone(), &settings, &index.disk);
        index.names.insert(name.to_owned(), birth);
        index.settings.insert(name.to_owned(), settings);
        index.buckets.insert(name.to_owned(), bucket);
        Ok(())
    }

    /// Removes an empty bucket. Uploads in progress go with it, as they do in S3.
    pub(crate) fn delete_bucket(&self, name: &str) -> Result<(), ApiError> {
        let mut index = self.lock();
        let bucket = index.buckets.get(name).ok_or_else(no_such_bucket)?;
        if !bucket.is_empty() {
            let message = if bucket.versioning == Versioning::Never {
                "The bucket you tried to delete is not empty"
            } else {
                "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
            };
            return Err(ApiError::new("BucketNotEmpty", message).status(409));
        }
        index.names.remove(name);
        index.settings.remove(name);
        let removed = index.buckets.remove(name).map(|bucket| {
            bucket.uploads.discard();
            (bucket.objects.discard(), bucket.older.discard(), bucket.parts.discard())
        });
        drop(index);
        drop(removed);
        Ok(())
    }

    /// All buckets of an account.
    pub(crate) fn buckets(&self, account: &str) -> Vec<(String, Birth)> {
        let index = self.lock();
        let owned = index.names.iter().filter(|(_, birth)| birth.place.account == account);
        owned.map(|(name, birth)| (name.clone(), birth.clone())).collect()
    }

    /// The account that owns a bucket, and its region.
    pub(crate) fn place(&self, bucket: &str) -> Option<Place> {
        let index = self.lock();
        index.names.get(bucket).map(|birth| birth.place.clone())
    }

    /// Does what is to be done with one bucket, under the lock.
    pub(crate) fn with<T>(
        &self,
        bucket: &str,
        act: impl FnOnce(&mut Bucket) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let mut index = self.lock();
        let bucket = index.buckets.get_mut(bucket).ok_or_else(no_such_bucket)?;
        let gone = (!bucket.rules.is_empty()).then(|| bucket.age(self.home.now()));
        let done = act(bucket);
        drop(index);
        drop(gone);
        done
    }

    /// Refuses a bucket that is not there, before a body is taken in for it.
    pub(crate) fn check_bucket(&self, bucket: &str) -> Result<(), ApiError> {
        self.with(bucket, |_| Ok(()))
    }

    /// Puts an object under its name; its version's id, if the bucket makes new ones.
    pub(crate) fn put(
        &self,
        bucket: &str,
        key: &str,
        object: Object,
        condition: &Condition,
    ) -> Result<Option<String>, ApiError> {
        // The replaced object is dropped outside the lock: its files are unlinked then.
        let (object, replaced) = self.with(bucket, |bucket| {
            check_condition(bucket, key, condition)?;
            Ok(bucket.place(key, object))
        })?;
        drop(replaced);
        Ok(object.facts.version.clone())
    }

    /// The object, if it is there.
    pub(crate) fn find(&self, bucket: &str, key: &str) -> Result<Option<Arc<Object>>, ApiError> {
        self.with(bucket, |bucket| Ok(bucket.objects.get(key).cloned()))
    }

    /// The object.
    pub(crate) fn object(&self, bucket: &str, key: &str) -> Result<Arc<Object>, ApiError> {
        self.find(bucket, key)?.ok_or_else(no_such_key)
    }

    /// What is under a key: its newest version, or the one that is asked for.
    pub(crate) fn look(&self, bucket: &str, key: &str, asked: Option<&str>) -> Result<Option<Version>, ApiError> {
        self.with(bucket, |bucket| {
            asked.map_or(Ok(()), check_id)?;
            Ok(asked.map_or_else(|| bucket.latest(key), |id| bucket.version(key, id)))
        })
    }

    /// Whether answers about the bucket's objects name versions.
    pub(crate) fn names_versions(&self, bucket: &str) -> Result<bool, ApiError> {
        self.with(bucket, |bucket| Ok(bucket.versioning != Versioning::Never))
    }

    /// When a lifecycle rule takes a version away that was just written, and which rule.
    pub(crate) fn expires(
        &self,
        bucket: &str,
        key: &str,
        id: Option<&str>,
    ) -> Result<Option<(SystemTime, String)>, ApiError> {
        self.with(bucket, |bucket| {
            let object = bucket
                .objects
                .get(key)
                .filter(|object| object.facts.version.as_deref() == id);
            Ok(object.and_then(|object| bucket.expires(key, object)))
        })
    }

    /// Replaces a version's tags; neither its ETag nor its time changes.
    pub(crate) fn tag(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        tags: BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        self.with(bucket, |bucket| {
            bucket.change_facts(key, id, |facts| facts.tags = tags);
            Ok(())
        })
    }

    /// Removes an object, or leaves a delete marker; one that is not there is no error, unless it must match.
    pub(crate) fn delete(&self, bucket: &str, key: &str, condition: &Condition) -> Result<Deleted, ApiError> {
        let now = self.home.now();
        let mut deleted = self.with(bucket, |bucket| {
            check_condition(bucket, key, condition)?;
            Ok(bucket.delete(key, now))
        })?;
        deleted.gone.clear();
        Ok(deleted)
    }

    /// Removes one version for good, if it is there and nothing protects it.
    pub(crate) fn delete_version(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        condition: &Condition,
        bypass: bool,
    ) -> Result<Option<Version>, ApiError> {
        check_id(id)?;
        let now = self.home.now();
        self.with(bucket, |bucket| {
            let current = bucket.version(key, id);
            let object = current.as_ref().and_then(Version::object);
            condition.check(object.map(Arc::as_ref))?;
            if object.is_some_and(|object| !object.protection.lets_go(now, bypass)) {
                return Err(protected());
            }
            Ok(bucket.delete_version(key, id))
        })
    }

    /// One page of a bucket.
    pub(crate) fn list(&self, bucket: &str, query: &Query) -> Result<Page<Arc<Object>>, ApiError> {
        self.with(bucket, |bucket| Ok(page(&bucket.objects, query)))
    }

    /// Puts bytes that are in memory: the seed's objects.
    pub(crate) fn put_bytes(&self, bucket: &str, key: &str, bytes: &[u8], about: About) -> Result<(), ApiError> {
        let mut intake = self.intake().map_err(|error| disk(&error))?;
        intake.write_all(bytes).map_err(|error| disk(&error))?;
        let arrived = intake.finish().map_err(|error| disk(&error))?;
        self.put(bucket, key, Object::new(arrived, about), &Condition::Any)?;
        Ok(())
    }

    /// A file to write a body into, for callers within the sandbox.
    pub(crate) fn intake(&self) -> io::Result<Intake> {
        Intake::new(
            &self.home,
            ChecksumHasher {
                crc64nvme: Some(Crc64Nvme::default()),
                ..ChecksumHasher::default()
            },
            None,
        )
    }

    fn lock(&self) -> Locked<'_, Index> {
        // No code panics between two halves of a change, so a poisoned index is still whole.
        let index = lock(&self.index);
        Locked::new(index, self.home.disk())
    }
}

/// Checks `condition` against what is under `key` now.
pub(crate) fn check_condition(bucket: &Bucket, key: &str, condition: &Condition) -> Result<(), ApiError> {
    condition.check(bucket.objects.get(key).map(Arc::as_ref))
}

impl Condition {
    /// Whether it holds of what is there.
    fn check(&self, object: Option<&Object>) -> Result<(), ApiError> {
        match (self, object) {
            (Self::Any, _) | (Self::Absent, None) => Ok(()),
            (Self::Matches(_), None) => Err(no_such_key()),
            (Self::Matches(etag), Some(object)) if etag == "*" || *etag == object.etag => Ok(()),
            (Self::Absent | Self::Matches(_), Some(_)) => Err(precondition()),
        }
    }
}

pub(crate) fn no_such_bucket() -> ApiError {
    ApiError::new("NoSuchBucket", "The specified bucket does not exist").status(404)
}

pub(crate) fn no_such_key() -> ApiError {
    ApiError::new("NoSuchKey", "The specified key does not exist.").status(404)
}

/// How no bucket's name begins or ends: S3 has these for what is none.
const RESERVED: (&[&str], &[&str]) = (
    &["xn--", "sthree-", "amzn-s3-demo-"],
    &["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"],
);

fn valid_bucket_name(name: &str) -> bool {
    let (heads, tails) = RESERVED;
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    (3..=63).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'))
        && edge(name.chars().next())
        && edge(name.chars().last())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !heads.iter().any(|head| name.starts_with(head))
        && !tails.iter().any(|tail| name.ends_with(tail))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
