//! The plan of an act beyond one machine, as it stands beside its shards.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BulkAct, VERSION};
use crate::domain::UploadSettings;
use crate::domain::seal::{SealAct, SealSpec};

/// Shards of one act: what is more is no plan.
const MOST_SHARDS: usize = 1_000_000;

/// What is to be done, and how much of it there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BulkPlan {
    /// [`VERSION`].
    pub version: u32,
    /// What is done.
    pub act: BulkAct,
    /// The bucket.
    pub bucket: String,
    /// Every key that begins so.
    pub prefix: String,
    /// Whether tokens are read to their end.
    pub deep: bool,
    /// Whether older versions are looked at too.
    pub versions: bool,
    /// S3 URI of the inventory that the list was read from, if S3 was not asked itself.
    pub inventory: Option<String>,
    /// How many shards there are, counted from 1.
    pub shards: usize,
    /// How many objects are in them.
    pub objects: u64,
    /// Of so many bytes.
    pub bytes: u64,
    /// What is sealed and how, where something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealSpec>,
    /// What calls to buckets carry, by the bucket: as they do where it was begun.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uploads: BTreeMap<String, UploadSettings>,
}

impl BulkPlan {
    /// What every host reads: whether it says all that its act needs, and nothing else.
    pub fn is_sound(&self) -> bool {
        let act = self.seal.as_ref().map(|spec| match spec.act {
            SealAct::Rotate { .. } => BulkAct::Rotate,
            SealAct::Encrypt { .. } => BulkAct::Encrypt,
        });
        let is_its = |spec: &SealSpec| spec.bucket == self.bucket && spec.prefix == self.prefix;
        let is_act = match self.act {
            BulkAct::Audit => act.is_none(),
            BulkAct::Rotate | BulkAct::Encrypt => act == Some(self.act),
        };
        // Each has an object at least.
        let has_shards = self.shards <= MOST_SHARDS && self.shards as u64 <= self.objects;
        self.version == VERSION && has_shards && is_act && self.seal.as_ref().is_none_or(is_its)
    }
}
