//! What buckets are set to.

use std::time::UNIX_EPOCH;

use s3s::dto::{LifecycleRule, ObjectOwnership};

use super::{Store, no_such_bucket};
use crate::policy::Document;
use crate::prelude::*;
use crate::s3::encryption::Preset;
use crate::s3::lock::Lock;
use crate::s3::versions::Versioning;

/// Who owns what others put into a bucket, and whether ACLs count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Ownership {
    /// The bucket's owner, and ACLs do not count: as new buckets are.
    #[default]
    Enforced,
    /// The bucket's owner, where an ACL gives it all.
    Preferred,
    /// Who puts it.
    Writer,
    /// As [`Self::Writer`], for want of a rule.
    Unset,
}

impl Ownership {
    /// S3's name of the rule.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Enforced => Some(ObjectOwnership::BUCKET_OWNER_ENFORCED),
            Self::Preferred => Some(ObjectOwnership::BUCKET_OWNER_PREFERRED),
            Self::Writer => Some(ObjectOwnership::OBJECT_WRITER),
            Self::Unset => None,
        }
    }

    /// The rule of a name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Enforced, Self::Preferred, Self::Writer]
            .into_iter()
            .find(|rule| rule.name() == Some(name))
    }
}

/// What a bucket is set to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) versioning: Versioning,
    pub(crate) lock: Option<Lock>,
    /// Blocks ACLs, ignores them, blocks policies, restricts buckets.
    pub(crate) public_access: Option<[bool; 4]>,
    pub(crate) lifecycle: Vec<LifecycleRule>,
    pub(crate) encryption: Preset,
    /// Whether it takes no objects that a key of the customer's encrypts.
    pub(crate) blocks_customer_keys: bool,
    pub(crate) policy: Option<Document>,
    pub(crate) ownership: Ownership,
    /// Whether it was made in `EU`, eu-west-1's old name, by which it is told.
    pub(crate) is_of_eu: bool,
}

impl Settings {
    /// What a new bucket is set to, if nobody says otherwise: nothing of it is public, and S3 keeps the keys.
    pub(crate) fn of_new() -> Self {
        Self {
            public_access: Some([true; 4]),
            blocks_customer_keys: true,
            ..Self::default()
        }
    }
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
        self.try_change_settings(name, |settings| {
            change(settings);
            Ok(())
        })
    }

    /// The same where what it is set to may forbid it: nothing else changes between the question and the change.
    pub(crate) fn try_change_settings(
        &self,
        name: &str,
        change: impl FnOnce(&mut Settings) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        let mut index = self.lock();
        let index = &mut *index;
        let bucket = index.buckets.get_mut(name).ok_or_else(no_such_bucket)?;
        let mut settings = index.settings.get(name).cloned().unwrap_or_default();
        change(&mut settings)?;
        bucket.versioning = settings.versioning;
        bucket.lock.clone_from(&settings.lock);
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
