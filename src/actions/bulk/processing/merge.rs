//! The results of all shards as one report: read in the order of the list, and told as one machine tells its own.

use futures::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::held::{Held, check_shard, held};
use super::results::{LONGEST, Shard, read, read_changed, read_sealed};
use super::sample::Sample;
use super::{done, rewrapping, unplanned};
use crate::actions::ProgressSink;
use crate::actions::bulk::audit::so_far;
use crate::actions::bulk::rewrap::{Copying, RewrapMode, TellRewrapped, of_hosts};
use crate::actions::bulk::rows::{Rows, Tell};
use crate::actions::bulk::sealing::{left, only_older};
use crate::actions::faults::{cancelled, usage};
use crate::aws::again::again;
use crate::aws::{Aws, s3};
use crate::domain::audit::wire::SeenRow;
use crate::domain::audit::{AuditSummary, Ended};
use crate::domain::bulk::{BulkAct, BulkFolder, BulkPlan, shard_file};
use crate::domain::rests_on::RestsOn;
use crate::domain::rewrap::{RewrapReport, RewrapRow, Rewrapped};
use crate::domain::seal::{SealRow, SealSpec, SealSummary};
use crate::domain::{Fault, FaultKind, Progress, resume_command};
use crate::envelope::binding;

/// Shards that are read at once.
const READS: usize = 16;

/// How far an act is, as its results tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What is to be done, and what that was held against.
    pub held: Held,
    /// The shards that have no result, from 1.
    pub missing: Vec<usize>,
}

/// How far the act is whose folder this is.
///
/// # Errors
/// When its plan is not the one that its first job was started with, or its plan or its results cannot be read.
pub async fn standing(aws: &Aws, folder: &BulkFolder) -> Result<Standing, Fault> {
    let held = match held(aws, folder).await {
        Err(fault) if fault.kind == FaultKind::NotFound => return Err(unplanned::explained(aws, folder, fault).await),
        held => held?,
    };
    let missing = missing(aws, folder, &held.plan).await?;
    Ok(Standing { held, missing })
}

/// The shards that have no result, from 1.
pub(super) async fn missing(aws: &Aws, folder: &BulkFolder, plan: &BulkPlan) -> Result<Vec<usize>, Fault> {
    let done = done(aws, folder).await?;
    let missing = (1..=plan.shards.len()).filter(|number| !done.contains(&shard_file(*number)));
    Ok(missing.collect())
}

/// Tells what came of an audit by many hosts as [`audit()`](crate::actions::bulk::audit()) tells what came of one machine's: the same
/// rows in the same order, and the same of all.
///
/// # Errors
/// When plan, shards or map are not what the act was begun with, a shard has no result yet, one cannot be read or is none, an object of a sample is not what its result says, or `tell`
/// fails.
pub async fn collect(
    aws: &Aws,
    folder: &BulkFolder,
    progress: &ProgressSink,
    cancel: &CancellationToken,
    tell: Tell<'_>,
) -> Result<AuditSummary, Fault> {
    let Held { plan, unchecked, .. } = whole(aws, folder).await?;
    let plan = &plan;
    if plan.act != BulkAct::Audit {
        return Err(other(folder, plan));
    }
    let place = s3::uri(&plan.bucket, &plan.prefix);
    let summary = AuditSummary::new(place, plan.deep, plan.versions);
    let mut sample = Sample::<SeenRow>::of(plan.objects);
    let mut rows = Rows::new(&plan.bucket, &plan.prefix, summary, tell);
    let mut objects = 0_u64;
    let one = |number| one(aws, (folder, plan), number);
    let take = |done, (shard, seen): (Shard, Vec<Option<SeenRow>>)| {
        for (listed, seen) in shard.listed.into_iter().zip(seen) {
            objects += 1;
            sample.note(listed, seen.as_ref());
            rows.take(seen)?;
        }
        progress.report(Progress {
            items: Some(done),
            ..so_far("collecting", &rows.summary)
        });
        Ok(())
    };
    each_shard((folder, plan.shards.len()), one, cancel, take).await?;
    if objects != plan.objects {
        let cause = format!(
            "its results tell of {objects} objects, and {} were listed",
            plan.objects
        );
        let remedy = "somebody has changed what is there: begin it anew";
        return Err(Fault::new(FaultKind::Integrity, "collect", folder.uri(), cause, remedy));
    }
    let sampled = sample.hold(aws, folder).await?;
    rows.summary.rests_on = Some(RestsOn { sampled, unchecked });
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
    let Held { plan, unchecked, .. } = whole(aws, folder).await?;
    let plan = &plan;
    let Some(spec) = plan.seal.clone() else {
        return Err(other(folder, plan));
    };
    let (act, mut summary) = (plan.act, SealSummary::default());
    let mut sample = Sample::<SealRow>::of(plan.objects);
    let sealing = &spec;
    let one = |number| async move {
        let (shard, result) = files(aws, (folder, plan), number).await?;
        let (warnings, rows) = read_sealed(folder, sealing, act, &shard, &result)?;
        Ok((shard, warnings, rows))
    };
    let take = |done, (shard, warnings, rows): (Shard, Vec<String>, Vec<Option<SealRow>>)| {
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
        progress.report(collecting(spec.place(), done));
        Ok(())
    };
    each_shard((folder, plan.shards.len()), one, cancel, take).await?;
    let sampled = sample.hold(aws, folder, &spec).await?;
    summary.rests_on = Some(RestsOn { sampled, unchecked });
    summary.older = left(aws, &spec).await;
    if plan.objects == 0 {
        summary.warnings.extend(only_older(aws, &spec).await?);
    }
    Ok((spec, summary))
}

/// What becomes of the key objects that nothing names any more, once a re-wrap is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldKeyObjects {
    /// They stay.
    Stay,
    /// They are deleted, where that was asked for when the re-wrap was begun.
    GoIfAsked,
}

/// Tells what came of a re-wrap by many hosts as [`rewrap()`](crate::actions::bulk::rewrap()) tells what came of one machine's; then deletes
/// old key objects, if that is wanted.
///
/// # Errors
/// As [`collect`].
pub async fn collect_rewrapped(
    aws: &Aws,
    folder: &BulkFolder,
    old: OldKeyObjects,
    progress: &ProgressSink,
    cancel: &CancellationToken,
    tell: TellRewrapped<'_>,
) -> Result<RewrapReport, Fault> {
    let Held { plan, unchecked, .. } = whole(aws, folder).await?;
    let plan = &plan;
    let Some(planned) = &plan.rewrap else {
        return Err(other(folder, plan));
    };
    let spec = &planned.spec;
    let mut report = RewrapReport::new(spec, planned.target.clone(), false);
    report.data_keys = planned.data_keys as u64;
    report.passed_over = planned.passed_over;
    let one = |number| async move {
        let (shard, result) = files(aws, (folder, plan), number).await?;
        let map = rewrapping::map_of_shard(aws, folder, planned, &shard).await?;
        let (_, rows) = read_changed(folder, BulkAct::Rewrap, &shard, &result)?;
        Ok((shard, map, rows))
    };
    let mut sample = Sample::<RewrapRow>::of(plan.objects);
    let take = |done, (shard, map, rows): (Shard, rewrapping::Map, Vec<Option<RewrapRow>>)| {
        for (listed, row) in shard.listed.into_iter().zip(rows) {
            let mapped = map.of(&listed);
            sample.note(listed, row.as_ref());
            let Some(row) = row else { continue };
            if let (Rewrapped::Done, Some(mapped)) = (row.state, mapped) {
                report.done_from(mapped.from(), row.size);
            }
            report.note(&row);
            tell(row)?;
        }
        progress.report(collecting(spec.place(), done));
        Ok(())
    };
    each_shard((folder, plan.shards.len()), one, cancel, take).await?;
    let sampled = sample.hold(aws, folder, &planned.target).await?;
    report.rests_on = Some(RestsOn { sampled, unchecked });
    let all = of_hosts(aws, spec, (&planned.target, RewrapMode::ALL), progress, cancel);
    report.older = all.older().await;
    if spec.delete_old {
        let map = rewrapping::whole_map(aws, folder, planned).await?;
        match old {
            OldKeyObjects::GoIfAsked => Box::pin(all.delete_old(&map, &mut report)).await,
            OldKeyObjects::Stay => {
                let why = format!("it goes, if nothing names it, by {}", resume_command(plan, folder.id()));
                report.old_key_objects = Copying::old(&map, &why);
            }
        }
    }
    Ok(report)
}

/// Reads the shards and what came of them, some at once, and takes them in the order of the list, each with its number and how many
/// there are.
async fn each_shard<T, F: Future<Output = Result<T, Fault>>>(
    (folder, shards): (&BulkFolder, usize),
    one: impl Fn(usize) -> F,
    cancel: &CancellationToken,
    mut take: impl FnMut((u64, u64), T) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut all = stream::iter(1..=shards).map(one).buffered(READS);
    for number in 1.. {
        let read = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(cancelled("collect", folder.uri())),
            read = all.next() => read,
        };
        let Some(read) = read else { break };
        take((number, shards as u64), read?)?;
    }
    Ok(())
}

fn collecting(place: String, done: (u64, u64)) -> Progress {
    Progress {
        phase: "collecting".to_owned(),
        item: place,
        items: Some(done),
        ..Progress::default()
    }
}

/// The plan of an act of which every shard has a result.
async fn whole(aws: &Aws, folder: &BulkFolder) -> Result<Held, Fault> {
    let Standing { held, missing } = standing(aws, folder).await?;
    if missing.is_empty() {
        return Ok(held);
    }
    let plan = &held.plan;
    let cause = format!("{} of its {} shards have no result", missing.len(), plan.shards.len());
    let again = resume_command(plan, folder.id());
    let remedy = format!("wait until its job is done; if that has ended: {again}");
    Err(Fault::new(FaultKind::NotFound, "collect", folder.uri(), cause, remedy))
}

/// It is the report of another act that was asked for.
fn other(folder: &BulkFolder, plan: &BulkPlan) -> Fault {
    let cause = format!("it is planned as {}", plan.act.as_str());
    usage("collect", folder.uri(), &cause, "ask for the report of that")
}

/// What came of the shard of this number.
async fn one(aws: &Aws, of: (&BulkFolder, &BulkPlan), number: usize) -> Result<(Shard, Vec<Option<SeenRow>>), Fault> {
    let (shard, result) = files(aws, of, number).await?;
    let seen = read(of.0, &shard, &result)?;
    Ok((shard, seen))
}

/// The shard of this number, and its result.
async fn files(aws: &Aws, (folder, plan): (&BulkFolder, &BulkPlan), number: usize) -> Result<(Shard, Vec<u8>), Fault> {
    let file = shard_file(number);
    let (at, to) = (
        format!("{}{file}", folder.shards()),
        format!("{}{file}", folder.results()),
    );
    let (shard, result) = futures::try_join!(
        again(|| s3::read_small(aws, &folder.bucket, &at, LONGEST)),
        again(|| s3::read_small(aws, &folder.bucket, &to, LONGEST)),
    )?;
    check_shard(plan, folder, &file, &binding::digest(&shard))?;
    Ok((Shard::read(&file, &shard)?, result))
}
