//! What hosts are asked to do: whether they can, the list of what it is done to, and the plan.

use std::collections::BTreeMap;

use futures::stream;

use super::inventory;
use super::shards::Written;
use crate::actions::ProgressSink;
use crate::actions::bulk::audit::{listing, only_older};
use crate::actions::bulk::flow::Pages;
use crate::actions::bulk::{sealing, walk};
use crate::actions::faults::usage;
use crate::aws::Aws;
use crate::domain::audit::AuditRequest;
use crate::domain::bulk::{BulkOrder, BulkPlan, Listed, RewrapPlan, SHARD, VERSION};
use crate::domain::seal::{SealAct, SealSpec};
use crate::domain::{Fault, UploadSettings};

/// Refuses what hosts cannot do, before anything is asked for.
pub(super) fn check(order: &BulkOrder) -> Result<(), Fault> {
    if let BulkOrder::Seal(spec) = order {
        sealing::check(spec)?;
        if let SealAct::Encrypt {
            data_key_name: Some(name),
            ..
        } = &spec.act
        {
            let cause = "each shard is under a data key of its own";
            return Err(usage(spec.verb(), name, cause, "leave --data-key-name out"));
        }
    }
    Ok(())
}

/// Refuses an inventory of what is not a prefix as a whole.
pub(super) fn check_inventory(order: &BulkOrder, inventory: Option<&str>) -> Result<(), Fault> {
    let act = order.act().as_str();
    let is_whole = match order {
        BulkOrder::Audit(_) => true,
        BulkOrder::Seal(spec) => spec.places.is_empty(),
        BulkOrder::Rewrap(spec) => spec.objects.is_empty() && spec.prefixes.len() == 1,
    };
    match inventory {
        Some(manifest) if !is_whole => {
            let cause = "an inventory lists a bucket, and single objects are named";
            Err(usage(act, manifest, cause, "leave --inventory out"))
        }
        _ => Ok(()),
    }
}

/// The list of what is audited or sealed, from S3 or from an inventory.
pub(super) async fn pages<'a>(
    aws: &'a Aws,
    order: &'a BulkOrder,
    inventory: Option<&str>,
    progress: &ProgressSink,
) -> Result<Pages<'a>, Fault> {
    if let Some(manifest) = inventory {
        return inventoried(aws, order, manifest, progress).await;
    }
    Ok(match order {
        BulkOrder::Audit(request) => listing(aws, request),
        BulkOrder::Seal(spec) => walk::listing(aws, &spec.bucket, &spec.prefix, &spec.places),
        BulkOrder::Rewrap(_) => walk::listing(aws, order.bucket(), order.prefix(), &[]),
    })
}

/// What an inventory lists of it.
pub(super) async fn inventoried<'a>(
    aws: &Aws,
    order: &BulkOrder,
    manifest: &str,
    progress: &ProgressSink,
) -> Result<Pages<'a>, Fault> {
    progress.at("reading the inventory", manifest);
    let all = match order {
        BulkOrder::Audit(request) => inventory::listed(aws, request, manifest).await?,
        BulkOrder::Seal(_) | BulkOrder::Rewrap(_) => {
            let request = AuditRequest {
                bucket: order.bucket().to_owned(),
                prefix: order.prefix().to_owned(),
                deep: false,
                versions: false,
            };
            inventory::listed(aws, &request, manifest).await?
        }
    };
    let shards: Vec<Result<Vec<Listed>, Fault>> = all.chunks(SHARD).map(|shard| Ok(shard.to_vec())).collect();
    Ok(Box::pin(stream::iter(shards)))
}

/// The plan, once the list is written.
///
/// # Errors
/// When nothing was listed, and nothing that was deleted is there either.
pub(super) async fn plan(
    aws: &Aws,
    order: &BulkOrder,
    inventory: Option<&str>,
    written: Written,
    rewrap: Option<RewrapPlan>,
) -> Result<BulkPlan, Fault> {
    match order {
        _ if written.objects > 0 => {}
        BulkOrder::Audit(request) => drop(only_older(aws, request).await?),
        BulkOrder::Seal(spec) => drop(sealing::only_older(aws, spec).await?),
        // Who looked at everything first has asked for that.
        BulkOrder::Rewrap(_) => {}
    }
    let plan = BulkPlan {
        version: VERSION,
        act: order.act(),
        bucket: order.bucket().to_owned(),
        prefix: order.prefix().to_owned(),
        deep: false,
        versions: false,
        inventory: inventory.map(str::to_owned),
        shards: written.shards,
        objects: written.objects,
        bytes: written.bytes,
        seal: None,
        rewrap,
        uploads: BTreeMap::new(),
    };
    let uploads = |buckets: &[&String]| {
        let settings = |bucket: &&String| ((*bucket).clone(), aws.upload_settings(bucket));
        buckets
            .iter()
            .map(settings)
            .collect::<BTreeMap<String, UploadSettings>>()
    };
    match order {
        BulkOrder::Audit(request) => Ok(BulkPlan {
            deep: request.deep,
            versions: request.versions,
            ..plan
        }),
        BulkOrder::Seal(spec) => Ok(BulkPlan {
            seal: Some(spec.clone()),
            uploads: uploads(&buckets(spec)),
            ..plan
        }),
        BulkOrder::Rewrap(spec) => Ok(BulkPlan {
            uploads: uploads(&[&spec.bucket]),
            ..plan
        }),
    }
}

/// The buckets that sealing is about.
fn buckets(spec: &SealSpec) -> Vec<&String> {
    match &spec.act {
        SealAct::Rotate { .. } => vec![&spec.bucket],
        SealAct::Encrypt { to, .. } => vec![&spec.bucket, &to.bucket],
    }
}
