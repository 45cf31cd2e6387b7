//! Which data key became which: one small object each, so that the same again asks KMS for none of them anew. It maps the old C to
//! the new one and says nothing of objects, which tell their own state; what it holds is proved before it is used.
//!
//! An entry is a key object like every other: whoever lists the bucket passes it over.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::Group;
use super::scan::Wrapped;
use crate::actions::encrypted_data_key::MAX_DATA_KEY;
use crate::aws::again::again;
use crate::aws::{Aws, s3, transfer};
use crate::domain::rewrap::RewrapSpec;
use crate::domain::{Fault, FaultKind};
use crate::envelope::binding;

/// The key object that the old data key was in, percent-encoded; and the digest of what was in it.
const OLD_KEY_OBJECT: &str = "strongroom-old-key-object";
const OLD_DIGEST: &str = "strongroom-old-data-key-sha256";
/// A longer name would leave no room for the rest.
const LONGEST_NAME: usize = 1200;

/// The entries for one KMS key and one context.
pub(super) struct Journal {
    folder: String,
    /// What the names of entries are made of, beside the old data key.
    salt: String,
}

/// One entry.
pub(super) struct Entry {
    /// Its object key.
    pub(super) key: String,
}

/// What stands in an entry now.
pub(super) enum Written {
    Ours(Vec<u8>),
    /// Of another run, which was faster.
    Theirs(Vec<u8>),
}

/// The digest of C.
pub(super) fn digest(wrapped: &Wrapped) -> String {
    binding::digest(&wrapped.ciphertext)
}

impl Journal {
    pub(super) fn new(aws: &Aws, spec: &RewrapSpec, target: &str) -> Self {
        let below = aws.upload_settings(&spec.bucket).data_keys_below.unwrap_or_default();
        let salt = format!("{target}\n{:?}", spec.context);
        let id = binding::digest(salt.as_bytes());
        let folder = format!("{below}.strongroom/bulk/rewrap-{}/", id.get(..16).unwrap_or(&id));
        Self { folder, salt }
    }

    pub(super) fn entry(&self, wrapped: &Wrapped) -> Entry {
        let of = format!("{}\n{}\n{:?}", self.salt, digest(wrapped), wrapped.context);
        let mut id = binding::digest(of.as_bytes());
        id.truncate(32);
        Entry {
            key: format!("{}{id}", self.folder),
        }
    }

    /// The new C, if the entry is there.
    pub(super) async fn read(&self, aws: &Aws, bucket: &str, entry: &Entry) -> Result<Option<Vec<u8>>, Fault> {
        match again(|| s3::read_small(aws, bucket, &entry.key, MAX_DATA_KEY)).await {
            Ok(ciphertext) => Ok(Some(ciphertext)),
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    pub(super) async fn write(
        &self,
        aws: &Aws,
        bucket: &str,
        entry: &Entry,
        group: &Group,
        ciphertext: Vec<u8>,
        target: &str,
    ) -> Result<Written, Fault> {
        let mut more = vec![(OLD_DIGEST, digest(&group.wrapped))];
        let name = group
            .key_objects
            .first()
            .map(|name| utf8_percent_encode(name, NON_ALPHANUMERIC).to_string());
        more.extend(
            name.filter(|name| name.len() <= LONGEST_NAME)
                .map(|name| (OLD_KEY_OBJECT, name)),
        );
        let write = || s3::write_key_object_with(aws, bucket, &entry.key, ciphertext.clone(), target, &more);
        match again(write).await {
            Ok(()) => Ok(Written::Ours(ciphertext)),
            Err(fault) if fault.kind == FaultKind::Conflict => match self.read(aws, bucket, entry).await? {
                // Our own, of an answer that was lost.
                Some(there) if there == ciphertext => Ok(Written::Ours(there)),
                Some(there) => Ok(Written::Theirs(there)),
                None => Err(fault),
            },
            Err(fault) => Err(fault),
        }
    }

    /// The old key objects of all entries, with the digests of what was in them: also of runs before this one.
    pub(super) async fn old_key_objects(&self, aws: &Aws, bucket: &str) -> Result<BTreeMap<String, String>, Fault> {
        let mut old = BTreeMap::new();
        let mut pages = s3::list_under(aws, bucket, &self.folder).pages();
        while let Some(page) = pages.try_next().await? {
            for row in page {
                let Some(head) = transfer::find(aws, bucket, row.key()).await? else {
                    continue;
                };
                let name = head.metadata.get(OLD_KEY_OBJECT);
                let name = name.map(|name| percent_decode_str(name).decode_utf8_lossy().into_owned());
                if let (Some(name), Some(digest)) = (name, head.metadata.get(OLD_DIGEST)) {
                    old.insert(name, digest.clone());
                }
            }
        }
        Ok(old)
    }
}
