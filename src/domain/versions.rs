//! Versions of one object.

use jiff::Timestamp;

use super::{Fault, ObjectInfo, Preview};

/// One version of an object, or the marker of its deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// Its id; `null` of what was written while the bucket kept none.
    pub id: String,
    /// Bytes stored; none of a delete marker.
    pub size: Option<u64>,
    /// When it was written.
    pub modified: Option<Timestamp>,
    /// ETag without quotes; none of a delete marker.
    pub etag: Option<String>,
    /// Whether it is what the object is now.
    pub is_latest: bool,
}

impl VersionRow {
    /// Whether it only says that the object was deleted.
    pub fn is_marker(&self) -> bool {
        self.size.is_none()
    }
}

/// The versions of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionList {
    /// Bucket.
    pub bucket: String,
    /// Object key.
    pub object: String,
    /// The newest first.
    pub rows: Vec<VersionRow>,
    /// Whether these are all.
    pub is_all: bool,
}

impl VersionList {
    /// Whether the bucket keeps, or has kept, more than the object itself.
    pub fn has_others(&self) -> bool {
        self.rows.len() > 1 || self.rows.first().is_some_and(|row| row.id != "null" || row.is_marker())
    }
}

/// Two versions of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Bucket.
    pub bucket: String,
    /// Object key.
    pub object: String,
    /// The versions.
    pub sides: [Side; 2],
}

/// One version beside another.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// Which.
    pub id: String,
    /// Bytes stored.
    pub size: u64,
    /// When it was written.
    pub modified: Option<Timestamp>,
    /// ETag without quotes.
    pub etag: Option<String>,
    /// What it says it is.
    pub info: Box<ObjectInfo>,
    /// The beginning of its plaintext, or why there is none; nothing where it was not asked for.
    pub beginning: Option<Result<Preview, Fault>>,
}
