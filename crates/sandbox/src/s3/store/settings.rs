//! What buckets are set to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use s3s::dto::LifecycleRule;
use serde::{Deserialize, Serialize};

use super::{Store, no_such_bucket};
use crate::api::ApiError;
use crate::policy::Document;
use crate::s3::encryption::Preset;
use crate::s3::versions::Versioning;

/// What a bucket is set to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) versioning: Versioning,
    /// Blocks ACLs, ignores them, blocks policies, restricts buckets.
    pub(crate) public_access: Option<[bool; 4]>,
    pub(crate) lifecycle: Vec<LifecycleRule>,
    pub(crate) encryption: Preset,
    pub(crate) policy: Option<Document>,
}

impl Store {
    /// What a bucket is set to.
    pub(crate) fn settings(&self, name: &str) -> Result<Settings, ApiError> {
        let index = self.lock();
        index.buckets.get(name).ok_or_else(no_such_bucket)?;
        Ok(index.settings.get(name).cloned().unwrap_or_default())
    }

    /// One thing that a bucket is set to.
    pub(crate) fn setting<T: Default>(&self, name: &str, of: impl FnOnce(&Settings) -> T) -> Result<T, ApiError> {
        let index = self.lock();
        index.buckets.get(name).ok_or_else(no_such_bucket)?;
        Ok(index.settings.get(name).map_or_else(T::default, of))
    }

    /// A bucket's policy.
    pub(crate) fn policy(&self, name: &str) -> Result<Option<Arc<Document>>, ApiError> {
        self.with(name, |bucket| Ok(bucket.policy.clone()))
    }

    /// Sets a bucket to something else.
    pub(crate) fn change_settings(&self, name: &str, change: impl FnOnce(&mut Settings)) -> Result<(), ApiError> {
        let mut index = self.lock();
        let index = &mut *index;
        let bucket = index.buckets.get_mut(name).ok_or_else(no_such_bucket)?;
        let mut settings = index.settings.get(name).cloned().unwrap_or_default();
        change(&mut settings);
        bucket.versioning = settings.versioning;
        bucket.rules.clone_from(&settings.lifecycle);
        bucket.due = UNIX_EPOCH;
        bucket.policy = settings.policy.clone().map(Arc::new);
        index.settings.insert(name.to_owned(), settings);
        Ok(())
    }

    /// What buckets' policies name by this ARN they name from now on by this id.
    pub(crate) fn forget(&self, arn: &str, id: &str) {
        let naming: Vec<String> = {
            let index = self.lock();
            let named = index.settings.iter().filter(|(_, settings)| {
                let policy = settings.policy.as_ref();
                policy.is_some_and(|policy| policy.names(arn))
            });
            named.map(|(name, _)| name.to_owned()).collect()
        };
        for name in naming {
            let renamed = |settings: &mut Settings| {
                settings.policy = settings.policy.as_ref().map(|policy| policy.renamed(arn, id));
            };
            // One that went meanwhile has no policy.
            let _ = self.change_settings(&name, renamed);
        }
    }
}
