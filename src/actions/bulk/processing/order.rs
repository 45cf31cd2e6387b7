//! What hosts are asked to do, and the list of what it is done to.

use std::collections::BTreeMap;

use futures::stream;

use super::inventory;
use super::shards::Written;
use crate::actions::ProgressSink;
use crate::actions::bulk::AuditRequest;
use crate::actions::bulk::audit::{listing, only_older};
use crate::actions::bulk::flow::Pages;
use crate::actions::bulk::{sealing, walk};
use crate::actions::faults::usage;
use crate::aws::Aws;
use crate::domain::bulk::{BulkAct, BulkPlan, SHARD, VERSION};
use crate::domain::seal::{SealAct, SealSpec};
use crate::domain::{Fault, UploadSettings};

/// What hosts are asked to do.
#[derive(Debug, Clone, Copy)]
pub enum Order<'a> {
    /// Audit.
    Audit(&'a AuditRequest),
    /// Rotate or encrypt.
    Seal(&'a SealSpec),
}

impl<'a> Order<'a> {
    pub(super) fn act(self) -> BulkAct {
        match self {
            Self::Audit(_) => BulkAct::Audit,
            Self::Seal(spec) => match spec.act {
                SealAct::Rotate { .. } => BulkAct::Rotate,
                SealAct::Encrypt { .. } => BulkAct::Encrypt,
            },
        }
    }

    pub(super) fn bucket(self) -> &'a str {
        match self {
            Self::Audit(request) => &request.bucket,
            Self::Seal(spec) => &spec.bucket,
        }
    }

    /// Refuses what hosts cannot do, before anything is asked for.
    pub(super) fn check(self, inventory: Option<&str>) -> Result<(), Fault> {
        let Self::Seal(spec) = self else { return Ok(()) };
        sealing::check(spec)?;
        if let SealAct::Encrypt {
            data_key_name: Some(name),
            ..
        } = &spec.act
        {
            let cause = "each shard is under a data key of its own";
            return Err(usage(spec.verb(), name, cause, "leave --data-key-name out"));
        }
        if let (Some(manifest), false) = (inventory, spec.places.is_empty()) {
            let cause = "an inventory lists a bucket, and single objects are named";
            return Err(usage(spec.verb(), manifest, cause, "leave --inventory out"));
        }
        Ok(())
    }

    /// The list, from S3 or from an inventory.
    pub(super) async fn pages(
        self,
        aws: &'a Aws,
        inventory: Option<&str>,
        progress: &ProgressSink,
    ) -> Result<Pages<'a>, Fault> {
        let Some(manifest) = inventory else {
            return Ok(match self {
                Self::Audit(request) => listing(aws, request),
                Self::Seal(spec) => walk::listing(aws, &spec.bucket, &spec.prefix, &spec.places),
            });
        };
        progress.at("reading the inventory", manifest);
        let all = match self {
            Self::Audit(request) => inventory::listed(aws, request, manifest).await?,
            Self::Seal(spec) => {
                let request = AuditRequest {
                    bucket: spec.bucket.clone(),
                    prefix: spec.prefix.clone(),
                    deep: false,
                    versions: false,
                };
                inventory::listed(aws, &request, manifest).await?
            }
        };
        let shards: Vec<_> = all.chunks(SHARD).map(|shard| Ok(shard.to_vec())).collect();
        Ok(Box::pin(stream::iter(shards)))
    }

    /// The plan, once the list is written.
    ///
    /// # Errors
    /// When nothing was listed, and nothing that was deleted is there either.
    pub(super) async fn plan(self, aws: &Aws, inventory: Option<&str>, written: Written) -> Result<BulkPlan, Fault> {
        if written.objects == 0 {
            match self {
                Self::Audit(request) => drop(only_older(aws, request).await?),
                Self::Seal(spec) => drop(sealing::only_older(aws, spec).await?),
            }
        }
        let plan = BulkPlan {
            version: VERSION,
            act: self.act(),
            bucket: self.bucket().to_owned(),
            prefix: String::new(),
            deep: false,
            versions: false,
            inventory: inventory.map(str::to_owned),
            shards: written.shards,
            objects: written.objects,
            bytes: written.bytes,
            seal: None,
            uploads: BTreeMap::new(),
        };
        match self {
            Self::Audit(request) => Ok(BulkPlan {
                prefix: request.prefix.clone(),
                deep: request.deep,
                versions: request.versions,
                ..plan
            }),
            Self::Seal(spec) => Ok(BulkPlan {
                prefix: spec.prefix.clone(),
                seal: Some(spec.clone()),
                uploads: uploads(aws, spec),
                ..plan
            }),
        }
    }
}

/// What calls to the buckets carry from here.
fn uploads(aws: &Aws, spec: &SealSpec) -> BTreeMap<String, UploadSettings> {
    let to = match &spec.act {
        SealAct::Rotate { .. } => None,
        SealAct::Encrypt { to, .. } => Some(&to.bucket),
    };
    let buckets = [Some(&spec.bucket), to].into_iter().flatten();
    buckets
        .map(|bucket| (bucket.clone(), aws.upload_settings(bucket)))
        .collect()
}
