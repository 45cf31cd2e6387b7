//! The plan of an act beyond one machine, as it stands beside its shards.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BulkAct, BulkOrder, VERSION};
use crate::domain::UploadSettings;
use crate::domain::audit::AuditRequest;
use crate::domain::rewrap::RewrapSpec;
use crate::domain::seal::SealSpec;

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
    /// SHA-256 of each shard's file, in hexadecimal, in the order of their numbers.
    pub shards: Vec<String>,
    /// How many objects are in them.
    pub objects: u64,
    /// Of so many bytes.
    pub bytes: u64,
    /// What is sealed and how, where something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealSpec>,
    /// What is re-wrapped, where something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrap: Option<RewrapPlan>,
    /// What calls to buckets carry, by the bucket: as they do where it was begun.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uploads: BTreeMap<String, UploadSettings>,
}

/// What is re-wrapped, and what was found out before any host began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewrapPlan {
    /// What was asked for.
    pub spec: RewrapSpec,
    /// ARN of the KMS key that the data keys are wrapped under now.
    pub target: String,
    /// How many data keys: lines of the map beside the plan.
    pub data_keys: usize,
    /// SHA-256 of each file of that map, in hexadecimal, in the order of their numbers.
    pub map: Vec<String>,
    /// Objects that are no tokens, and in no shard.
    pub passed_over: u64,
}

impl BulkPlan {
    /// What was asked for.
    pub fn order(&self) -> BulkOrder {
        match (&self.seal, &self.rewrap) {
            (Some(spec), _) => BulkOrder::Seal(spec.clone()),
            (None, Some(planned)) => BulkOrder::Rewrap(planned.spec.clone()),
            (None, None) => BulkOrder::Audit(AuditRequest {
                bucket: self.bucket.clone(),
                prefix: self.prefix.clone(),
                deep: self.deep,
                versions: self.versions,
            }),
        }
    }

    /// Whether it is the plan of this. How far an audit looks is what its plan says.
    pub fn is_of(&self, order: &BulkOrder) -> bool {
        let is_its = match order {
            BulkOrder::Audit(_) => self.seal.is_none() && self.rewrap.is_none(),
            BulkOrder::Seal(spec) => self.seal.as_ref() == Some(spec),
            BulkOrder::Rewrap(spec) => self.rewrap.as_ref().is_some_and(|planned| planned.spec == *spec),
        };
        is_its && self.act == order.act() && self.bucket == order.bucket() && self.prefix == order.prefix()
    }

    /// What every host reads: whether it says all that its act needs, and nothing else.
    pub fn is_sound(&self) -> bool {
        let is_one = self.seal.is_none() || self.rewrap.is_none();
        // Each has an object at least.
        let has_shards = self.shards.len() <= MOST_SHARDS && self.shards.len() as u64 <= self.objects;
        self.version == VERSION && has_shards && is_one && self.is_of(&self.order())
    }
}
