//! One version of one object, which all that is read of that object means from then on.

use std::sync::Arc;

use super::Aws;

/// A version of an object.
#[derive(Debug)]
pub(super) struct Pinned {
    bucket: String,
    key: String,
    version: String,
}

impl Aws {
    /// The same AWS, in which this object is this version of it. It only reads so: what is written is a new version.
    pub(crate) fn at_version(&self, bucket: &str, key: &str, version: &str) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            pinned: Some(Arc::new(Pinned {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
                version: version.to_owned(),
            })),
        }
    }

    /// The version of an object that is meant, if it is one in particular.
    pub(in crate::aws) fn version_of(&self, bucket: &str, key: &str) -> Option<String> {
        let pinned = self.pinned.as_ref()?;
        let is_it = pinned.bucket == bucket && pinned.key == key;
        is_it.then(|| pinned.version.clone())
    }
}
