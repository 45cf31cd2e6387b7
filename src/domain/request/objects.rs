//! Requests about objects, and the buckets they are in.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A request that is about objects or the bucket they are in.
#[derive(Debug, Clone, PartialEq)]
pub enum ObjectRequest {
    /// Encrypt local files under one new data key and upload the tokens.
    Encrypt {
        /// Files (folders: with everything under them).
        paths: Vec<PathBuf>,
        /// Destination bucket.
        bucket: String,
        /// Destination prefix: empty, or ending in `/`.
        prefix: String,
        /// The KMS key: id, ARN or alias.
        key: String,
        /// Encryption context.
        context: BTreeMap<String, String>,
        /// Whether existing objects may be replaced.
        overwrite: bool,
    },
    /// Finish an interrupted upload.
    ResumeUpload {
        /// The id of an [`crate::domain::InterruptedUpload`].
        id: String,
        /// What was being encrypted.
        what: String,
        /// `s3://…`.
        destination: String,
    },
    /// Throw an interrupted upload away: its parts and what nothing needs any more.
    AbandonUpload {
        /// The id of an [`crate::domain::InterruptedUpload`].
        id: String,
        /// What was being encrypted.
        what: String,
        /// `s3://…`.
        destination: String,
    },
    /// Decrypt one object to a file, or a `model.tar.gz` into a folder.
    Decrypt {
        /// Bucket.
        bucket: String,
        /// Object key.
        object: String,
        /// Destination path.
        to: PathBuf,
        /// Whether an existing file may be replaced.
        overwrite: bool,
        /// Whether a renamed object is opened all the same.
        accept_name: bool,
        /// Whether one that may have lost its metadata is.
        accept_unbound: bool,
    },
    /// Read whole tokens and say whether they are intact.
    Verify {
        /// Bucket.
        bucket: String,
        /// Object keys.
        objects: Vec<String>,
        /// Whether tokens that may have lost their metadata are read all the same.
        accept_unbound: bool,
    },
    /// Delete objects.
    Delete {
        /// Bucket.
        bucket: String,
        /// Object keys.
        objects: Vec<String>,
    },
    /// Create a bucket.
    CreateBucket {
        /// Its name.
        bucket: String,
    },
    /// Count what is in a bucket, before it is emptied.
    CountBucket {
        /// Its name.
        bucket: String,
    },
    /// Delete everything in a bucket.
    EmptyBucket {
        /// Its name.
        bucket: String,
        /// How many objects the person agreed to; more are not touched.
        expected: u64,
        /// How many older versions and delete markers beside them.
        older: u64,
    },
    /// Delete everything in a bucket, then the bucket.
    DeleteBucket {
        /// Its name.
        bucket: String,
        /// How many objects the person agreed to; more are not touched.
        expected: u64,
        /// How many older versions and delete markers beside them.
        older: u64,
    },
    /// Decrypt the beginning of an object in memory.
    Preview {
        /// Bucket.
        bucket: String,
        /// Object key.
        object: String,
        /// The file inside, if the object is an archive; its first one if none is named.
        member: Option<String>,
        /// How many plaintext bytes to keep.
        most: usize,
        /// Whether a token that may have lost its metadata is opened all the same.
        accept_unbound: bool,
    },
    /// List the files of a `model.tar.gz`.
    ListArchive {
        /// Bucket.
        bucket: String,
        /// Object key.
        object: String,
    },
}
