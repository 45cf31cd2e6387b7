//! The results of all shards as one report: read in the order of the list, and told as one machine tells its own.

use futures::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::results::{LONGEST, Shard, read, read_sealed};
use super::sample::Sample;
use super::{done, read_plan};
use crate::actions::ProgressSink;
use crate::actions::bulk::audit::so_far;
use crate::actions::bulk::rows::{Rows, Tell};
use crate::actions::bulk::sealing::{left, only_older};
use crate::actions::faults::{cancelled, usage};
use crate::aws::again::again;
use crate::aws::{Aws, s3};
use crate::domain::audit::wire::SeenRow;
use crate::domain::audit::{AuditSummary, Ended};
use crate::domain::bulk::{BulkAct, BulkFolder, BulkPlan, shard_file};
use crate::domain::seal::{SealRow, SealSpec, SealSummary};
use crate::domain::{Fault, FaultKind, Progress, resume_command};

/// Shards that are read at once.
const READS: usize = 16;

/// How far an act is, as its results tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What is to be done.
    pub plan: BulkPlan,
    /// The shards that have no result, from 1.
    pub missing: Vec<usize>,
}

/// How far the act is whose folder this is.
///
/// # Errors
/// When its plan or its results cannot be read.
pub async fn standing(aws: &Aws, folder: &BulkFolder) -> Result<Standing, Fault> {
    let plan = read_plan(aws, folder).await?;
    let done = done(aws, folder).await?;
    let missing = (1..=plan.shards).filter(|number| !done.contains(&shard_file(*number)));
    Ok(Standing {
        missing: missing.collect(),
        plan,
    })
}

/// Tells what came of an audit by many hosts as [`audit()`](crate::actions::bulk::audit()) tells what came of one machine's: the same
/// rows in the same order, and the same of all.
///
/// # Errors
/// When a shard has no result yet, one cannot be read or is none, an object of a sample is not what its result says, or `tell`
/// fails.
pub async fn collect(
    aws: &Aws,
    folder: &BulkFolder,
    progress: &ProgressSink,
    cancel: &CancellationToken,
    tell: Tell<'_>,
) -> Result<AuditSummary, Fault> {
    let plan = whole(aws, folder).await?;
    if plan.act != BulkAct::Audit {
        return Err(other(folder, &plan));
    }
    let place = s3::uri(&plan.bucket, &plan.prefix);
    let summary = AuditSummary::new(place, plan.deep, plan.versions);
    let mut sample = Sample::<SeenRow>::of(plan.objects);
    let mut rows = Rows::new(&plan.bucket, &plan.prefix, summary, tell);
    let shards = plan.shards as u64;
    let mut all = stream::iter(1..=plan.shards)
        .map(|number| one(aws, folder, number))
        .buffered(READS);
    let mut objects = 0_u64;
    for number in 1.. {
        let seen = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(cancelled("collect", folder.uri())),
            seen = all.next() => seen,
        };
        let Some(seen) = seen else { break };
        let (shard, seen) = seen?;
        for (listed, seen) in shard.listed.into_iter().zip(seen) {
            objects += 1;
            sample.note(listed, seen.as_ref());
            rows.take(seen)?;
        }
        progress.report(Progress {
            items: Some((number, shards)),
            ..so_far("collecting", &rows.summary)
        });
    }
    if objects != plan.objects {
        let cause = format!(
            "its results tell of {objects} objects, and {} were listed",
            plan.objects
        );
        let remedy = "somebody has changed what is there: begin it anew";
        return Err(Fault::new(FaultKind::Integrity, "collect", folder.uri(), cause, remedy));
    }
    rows.summary.sampled = Some(sample.hold(aws, folder).await?);
    // Who listed nothing made a plan only where something was deleted.
    rows.summary.only_older = objects == 0 && !plan.prefix.is_empty();
    rows.close(Ended::Whole)
}

/// Tells what came of rotating or encrypting by many hosts as [`seal()`](crate::actions::bulk::seal()) tells what came of one machine's.
///
/// # Errors
/// As [`collect`].
pub async fn collect_sealed(
    aws: &Aws,
    folder: &BulkFolder,
    progress: &ProgressSink,
    cancel: &CancellationToken,
    tell: &mut (dyn FnMut(&SealRow) -> Result<(), Fault> + Send),
) -> Result<(SealSpec, SealSummary), Fault> {
    let plan = whole(aws, folder).await?;
    let Some(spec) = plan.seal.clone() else {
        return Err(other(folder, &plan));
    };
    let mut summary = SealSummary::default();
    let (act, shards) = (plan.act, plan.shards as u64);
    let mut sample = Sample::<SealRow>::of(plan.objects);
    let mut all = stream::iter(1..=plan.shards)
        .map(|number| async move {
            let (shard, result) = files(aws, folder, number).await?;
            let (warnings, rows) = read_sealed(folder, act, &shard, &result)?;
            Ok::<_, Fault>((warnings, shard, rows))
        })
        .buffered(READS);
    for number in 1.. {
        let rows = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(cancelled("collect", folder.uri())),
            rows = all.next() => rows,
        };
        let Some(rows) = rows else { break };
        let (warnings, shard, rows) = rows?;
        summary.warnings.extend(warnings);
        for (listed, row) in shard.listed.into_iter().zip(rows) {
            sample.note(listed, row.as_ref());
            match row {
                Some(row) => {
                    summary.note(&row);
                    tell(&row)?;
                }
                None => summary.vanished += 1,
            }
        }
        progress.report(Progress {
            phase: "collecting".to_owned(),
            item: spec.place(),
            items: Some((number, shards)),
            ..Progress::default()
        });
    }
    summary.sampled = Some(sample.hold(aws, folder).await?);
    summary.older = left(aws, &spec).await;
    if plan.objects == 0 {
        summary.warnings.extend(only_older(aws, &spec).await?);
    }
    Ok((spec, summary))
}

/// The plan of an act of which every shard has a result.
async fn whole(aws: &Aws, folder: &BulkFolder) -> Result<BulkPlan, Fault> {
    let Standing { plan, missing } = standing(aws, folder).await?;
    if missing.is_empty() {
        return Ok(plan);
    }
    let cause = format!("{} of its {} shards have no result", missing.len(), plan.shards);
    let again = resume_command(&plan, folder.id());
    let remedy = format!("wait until its job is done; if that has ended: {again}");
    Err(Fault::new(FaultKind::NotFound, "collect", folder.uri(), cause, remedy))
}

/// It is the report of another act that was asked for.
fn other(folder: &BulkFolder, plan: &BulkPlan) -> Fault {
    let cause = format!("it is planned as {}", plan.act.as_str());
    usage("collect", folder.uri(), &cause, "ask for the report of that")
}

/// What came of the shard of this number.
async fn one(aws: &Aws, folder: &BulkFolder, number: usize) -> Result<(Shard, Vec<Option<SeenRow>>), Fault> {
    let (shard, result) = files(aws, folder, number).await?;
    let seen = read(folder, &shard, &result)?;
    Ok((shard, seen))
}

/// The shard of this number, and its result.
async fn files(aws: &Aws, folder: &BulkFolder, number: usize) -> Result<(Shard, Vec<u8>), Fault> {
    let file = shard_file(number);
    let (at, to) = (
        format!("{}{file}", folder.shards()),
        format!("{}{file}", folder.results()),
    );
    let (shard, result) = futures::try_join!(
        again(|| s3::read_small(aws, &folder.bucket, &at, LONGEST)),
        again(|| s3::read_small(aws, &folder.bucket, &to, LONGEST)),
    )?;
    Ok((Shard::read(&file, &shard)?, result))
}
