//! Buckets and objects: the index in memory, over the bodies of [`super::body`].
//!
//! An object enters the index only when its body is complete in its files. Every check that a write depends on
//! (is the bucket there, is the name taken) is made under the same lock as the write. In a world on disk every object,
//! upload and part is a row too, in tables of its bucket's name.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use s3s::checksum::ChecksumHasher;
use s3s::crypto::Crc64Nvme;
use s3s::dto::Timestamp;
use serde::{Deserialize, Serialize};

use super::body::{Arrived, Body, Home, Intake, Known, Stretch, disk};
use super::checksum::Checksums;
use super::list::{Page, Query, page};
use super::multipart::{Part, Upload};
use crate::api::ApiError;
use crate::clock::Clock;
use crate::disk::{Disk, DiskError};
use crate::shelf::{Shelf, encoded};

/// An object: all that S3 knows of it, and where its bytes are.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) body: Body,
    pub(crate) facts: Facts,
}

/// What S3 knows of an object besides its bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) modified: SystemTime,
    pub(crate) about: About,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) checksums: Checksums,
    /// Lengths of the parts of a multipart upload, in order; empty for a single put.
    pub(crate) parts: Vec<u64>,
}

impl std::ops::Deref for Object {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.facts
    }
}

impl Object {
    /// An object just arrived.
    pub(crate) fn new(arrived: Arrived, about: About) -> Self {
        Self {
            body: arrived.body,
            facts: Facts {
                etag: hex(&arrived.md5),
                modified: arrived.at,
                about,
                tags: BTreeMap::new(),
                checksums: Checksums::full(arrived.checksum),
                parts: Vec::new(),
            },
        }
    }

    fn row(object: &Arc<Self>) -> Vec<u8> {
        encoded(&(object.body.stretches(), &object.facts))
    }
}

/// What a client says about an object when it writes it, given back on every read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) content_type: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) storage_class: Option<String>,
    pub(crate) website_redirect: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    /// `AES256` or `aws:kms`, as asked for. A mark only: the sandbox's folder holds the bytes as they came.
    pub(crate) encryption: Option<String>,
    pub(crate) encryption_key: Option<String>,
    /// The data key that SSE-KMS would encrypt with, wrapped.
    pub(crate) wrapped: Option<Vec<u8>>,
}

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

/// One bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) created: SystemTime,
    pub(crate) objects: Shelf<Arc<Object>>,
    /// By [`Upload::row`], the order in which they are listed.
    pub(crate) uploads: Shelf<Upload>,
    /// By [`Part::row`].
    pub(crate) parts: Shelf<Part>,
}

impl Bucket {
    /// A bucket that is not on disk yet.
    fn new(name: &str, created: SystemTime, disk: &Disk) -> Self {
        Self {
            created,
            objects: Shelf::empty(&format!("objects/{name}"), disk, Object::row),
            uploads: Shelf::empty(&format!("uploads/{name}"), disk, encoded),
            parts: Shelf::empty(&format!("parts/{name}"), disk, Part::encoded),
        }
    }

    fn open(
        name: &str,
        created: SystemTime,
        home: &Arc<Home>,
        disk: &Disk,
        known: &mut Known,
    ) -> Result<Self, DiskError> {
        let known = std::cell::RefCell::new(known);
        let body = |stretches: Vec<Stretch>| Body::of(stretches, home, *known.borrow_mut());
        Ok(Self {
            created,
            objects: Shelf::open_as(&format!("objects/{name}"), disk, Object::row, |row| {
                let (stretches, facts) = postcard::from_bytes(row)?;
                let body = body(stretches);
                Ok(Arc::new(Object { body, facts }))
            })?,
            uploads: Shelf::open(&format!("uploads/{name}"), disk)?,
            parts: Shelf::open_as(&format!("parts/{name}"), disk, Part::encoded, |row| {
                Part::decoded(row, body)
            })?,
        })
    }
}

/// What a bucket is set to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) tags: BTreeMap<String, String>,
    /// Blocks ACLs, ignores them, blocks policies, restricts buckets.
    pub(crate) public_access: Option<[bool; 4]>,
    pub(crate) lifecycle: Vec<AbortRule>,
}

/// When unfinished uploads are thrown away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AbortRule {
    pub(crate) id: Option<String>,
    pub(crate) prefix: String,
    pub(crate) days: i32,
}

/// All of S3.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) home: Arc<Home>,
    disk: Disk,
    index: Mutex<Index>,
}

#[derive(Debug)]
struct Index {
    /// When each was made.
    names: Shelf<SystemTime>,
    /// Of the buckets that are set to anything.
    settings: Shelf<Settings>,
    buckets: BTreeMap<String, Bucket>,
}

impl Store {
    /// The S3 whose bodies live in `folder`.
    pub(crate) fn open(folder: &Path, clock: &Clock, disk: &Disk) -> Result<Self, DiskError> {
        let home = Home::open(folder, clock, disk)?;
        let names: Shelf<SystemTime> = Shelf::open("buckets", disk)?;
        let mut known = Known::default();
        let mut buckets = BTreeMap::new();
        for (name, created) in names.iter() {
            let bucket = Bucket::open(name, *created, &home, disk, &mut known)?;
            buckets.insert(name.clone(), bucket);
        }
        home.sweep(&known)?;
        Ok(Self {
            home,
            disk: disk.clone(),
            index: Mutex::new(Index {
                names,
                settings: Shelf::open("bucket-settings", disk)?,
                buckets,
            }),
        })
    }

    /// Makes a bucket. In us-east-1 making one's own again is no error.
    pub(crate) fn create_bucket(&self, name: &str) -> Result<(), ApiError> {
        if !valid_bucket_name(name) {
            return Err(ApiError::new("InvalidBucketName", "The specified bucket is not valid."));
        }
        let mut index = self.lock();
        if !index.buckets.contains_key(name) {
            let created = self.home.now();
            let bucket = Bucket::new(name, created, &self.disk);
            index.names.insert(name.to_owned(), created);
            index.buckets.insert(name.to_owned(), bucket);
        }
        Ok(())
    }

    /// What a bucket is set to.
    pub(crate) fn settings(&self, name: &str) -> Result<Settings, ApiError> {
        let index = self.lock();
        index.buckets.get(name).ok_or_else(no_such_bucket)?;
        Ok(index.settings.get(name).cloned().unwrap_or_default())
    }

    /// Sets a bucket to something else.
    pub(crate) fn change_settings(&self, name: &str, change: impl FnOnce(&mut Settings)) -> Result<(), ApiError> {
        let mut index = self.lock();
        index.buckets.get(name).ok_or_else(no_such_bucket)?;
        let mut settings = index.settings.get(name).cloned().unwrap_or_default();
        change(&mut settings);
        index.settings.insert(name.to_owned(), settings);
        Ok(())
    }

    /// Removes an empty bucket. Uploads in progress go with it, as they do in S3.
    pub(crate) fn delete_bucket(&self, name: &str) -> Result<(), ApiError> {
        let mut index = self.lock();
        let bucket = index.buckets.get(name).ok_or_else(no_such_bucket)?;
        if !bucket.objects.is_empty() {
            return Err(ApiError::new("BucketNotEmpty", "The bucket you tried to delete is not empty").status(409));
        }
        index.names.remove(name);
        index.settings.remove(name);
        let removed = index.buckets.remove(name).map(|bucket| {
            bucket.uploads.discard();
            (bucket.objects.discard(), bucket.parts.discard())
        });
        drop(index);
        drop(removed);
        Ok(())
    }

    /// Names and times of all buckets.
    pub(crate) fn buckets(&self) -> Vec<(String, SystemTime)> {
        self.lock()
            .buckets
            .iter()
            .map(|(name, bucket)| (name.clone(), bucket.created))
            .collect()
    }

    /// Does what is to be done with one bucket, under the lock.
    pub(crate) fn with<T>(
        &self,
        bucket: &str,
        act: impl FnOnce(&mut Bucket) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        act(self.lock().buckets.get_mut(bucket).ok_or_else(no_such_bucket)?)
    }

    /// Refuses a bucket that is not there, before a body is taken in for it.
    pub(crate) fn check_bucket(&self, bucket: &str) -> Result<(), ApiError> {
        self.with(bucket, |_| Ok(()))
    }

    /// Puts an object under its name.
    pub(crate) fn put(&self, bucket: &str, key: &str, object: Object, condition: &Condition) -> Result<(), ApiError> {
        // The replaced object is dropped outside the lock: its files are unlinked then.
        let replaced = self.with(bucket, |bucket| {
            check_condition(bucket, key, condition)?;
            Ok(bucket.objects.insert(key.to_owned(), Arc::new(object)))
        })?;
        drop(replaced);
        Ok(())
    }

    /// The object, if it is there.
    pub(crate) fn find(&self, bucket: &str, key: &str) -> Result<Option<Arc<Object>>, ApiError> {
        self.with(bucket, |bucket| Ok(bucket.objects.get(key).cloned()))
    }

    /// The object.
    pub(crate) fn object(&self, bucket: &str, key: &str) -> Result<Arc<Object>, ApiError> {
        self.find(bucket, key)?.ok_or_else(no_such_key)
    }

    /// Removes an object; one that is not there is no error.
    pub(crate) fn delete(&self, bucket: &str, key: &str) -> Result<(), ApiError> {
        let removed = self.with(bucket, |bucket| Ok(bucket.objects.remove(key)))?;
        drop(removed);
        Ok(())
    }

    /// One page of a bucket.
    pub(crate) fn list(&self, bucket: &str, query: &Query) -> Result<Page<Arc<Object>>, ApiError> {
        self.with(bucket, |bucket| Ok(page(&bucket.objects, query)))
    }

    /// Replaces an object's tags; neither its ETag nor its time changes.
    pub(crate) fn tag(&self, bucket: &str, key: &str, tags: BTreeMap<String, String>) -> Result<(), ApiError> {
        self.with(bucket, |bucket| {
            let tag = |object: &mut Arc<Object>| Arc::make_mut(object).facts.tags = tags;
            bucket.objects.change(key, tag).ok_or_else(no_such_key)
        })
    }

    /// Puts bytes that are in memory: the seed's objects.
    pub(crate) fn put_bytes(&self, bucket: &str, key: &str, bytes: &[u8], about: About) -> Result<(), ApiError> {
        let mut intake = self.intake().map_err(|error| disk(&error))?;
        intake.write_all(bytes).map_err(|error| disk(&error))?;
        let arrived = intake.finish().map_err(|error| disk(&error))?;
        self.put(bucket, key, Object::new(arrived, about), &Condition::Any)
    }

    /// A file to write a body into, for callers within the sandbox.
    pub(crate) fn intake(&self) -> io::Result<Intake> {
        Intake::new(
            &self.home,
            ChecksumHasher {
                crc64nvme: Some(Crc64Nvme::default()),
                ..ChecksumHasher::default()
            },
        )
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        // No code panics between two halves of a change, so a poisoned index is still whole.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks `condition` against what is under `key` now.
pub(crate) fn check_condition(bucket: &Bucket, key: &str, condition: &Condition) -> Result<(), ApiError> {
    let failed = || {
        ApiError::new(
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
        )
        .status(412)
    };
    match (condition, bucket.objects.get(key)) {
        (Condition::Any, _) | (Condition::Absent, None) => Ok(()),
        (Condition::Absent, Some(_)) => Err(failed()),
        (Condition::Matches(_), None) => Err(no_such_key()),
        (Condition::Matches(etag), Some(object)) if etag == "*" || *etag == object.etag => Ok(()),
        (Condition::Matches(_), Some(_)) => Err(failed()),
    }
}

pub(crate) fn no_such_bucket() -> ApiError {
    ApiError::new("NoSuchBucket", "The specified bucket does not exist").status(404)
}

pub(crate) fn no_such_key() -> ApiError {
    ApiError::new("NoSuchKey", "The specified key does not exist.").status(404)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn valid_bucket_name(name: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    (3..=63).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'))
        && edge(name.chars().next())
        && edge(name.chars().last())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
