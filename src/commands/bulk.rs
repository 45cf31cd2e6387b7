//! Acts on a prefix beyond one machine: begun, gone on with, waited for; and what a host of them runs.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::output::{clear_progress, json_line, line, program, progress, terms, unexpected, warn};
use crate::actions::bulk::processing::{Begun, begin, folder_of, go_on, standing, wait_for};
use crate::actions::preflight_bulk;
use crate::actions::role_arn;
use crate::aws::Aws;
use crate::cli::{BulkWorkerArgs, EngineArgs};
use crate::domain::rests_on::RestsOn;
use crate::domain::rewrap::RewrapSpec;
use crate::domain::words::{self, counted};
use crate::domain::{
    BulkAct, BulkFolder, BulkOrder, BulkPlan, Engine, Fault, Finding, JobSettings, Outcome, Weight, resume_command,
};
use crate::training;

const INSTANCES: i32 = 1;
const INSTANCE_TYPE: &str = "ml.m5.large";
const VOLUME: i32 = 10;
const LOOK: &str = "look before processing job";
/// A day.
const MAX_RUNTIME: i32 = 86_400;

/// An act that other machines are to carry out, as it was asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) order: &'a BulkOrder,
    pub(super) engine: &'a EngineArgs,
    pub(super) settings: &'a JobSettings,
    pub(super) dry_run: bool,
    pub(super) json: bool,
}

/// Begins an act by other machines, or goes on with one; where its results are once all of them are there, if that was waited for.
/// Or says what would make its job fail, if only that is asked for.
///
/// # Errors
/// When it could not be begun, or its job ended without all results; when something would make it fail.
pub(super) async fn on_processing(
    aws: &Aws,
    wanted: Asked<'_>,
    cancel: &CancellationToken,
) -> Result<Option<BulkFolder>, Fault> {
    let (asked, settings) = (wanted.engine, wanted.settings);
    if wanted.dry_run {
        let cause = "one machine looks ahead";
        let remedy = "leave --on out: nothing is written; or look with --preflight at what the job needs";
        return Err(Fault::usage("heed", "--dry-run", cause, remedy));
    }
    if asked.preflight {
        let engine = engine(aws, asked, settings).await?;
        let looked = Box::pin(preflight_bulk(aws, wanted.order, &engine)).await?;
        return found(wanted, looked).map(|()| None);
    }
    let begun = match &asked.resume {
        Some(id) => {
            let folder = folder_of(aws, wanted.order.bucket(), id)?;
            let standing = standing(aws, &folder).await?;
            wanted.is_of(&standing.held.plan, id)?;
            // Who only wants the report needs neither image nor role.
            if standing.missing.is_empty() {
                return Ok(Some(folder));
            }
            // Who only waits needs none either.
            if asked.wait && asked.image.is_none() {
                return waited(aws, folder, None, cancel).await.map(Some);
            }
            Box::pin(go_on(aws, &folder, &engine(aws, asked, settings).await?, cancel)).await?
        }
        None => {
            let engine = engine(aws, asked, settings).await?;
            let (inventory, progress) = (asked.inventory.as_deref(), progress());
            let begun = Box::pin(begin(aws, wanted.order, &engine, inventory, &progress, cancel)).await;
            clear_progress();
            begun?
        }
    };
    said(&begun, wanted)?;
    if !asked.wait {
        return Ok(None);
    }
    waited(aws, begun.folder, begun.job.as_deref(), cancel).await.map(Some)
}

impl Asked<'_> {
    /// Refuses to go on with something else than what is asked for.
    fn is_of(&self, plan: &BulkPlan, id: &str) -> Result<(), Fault> {
        let planned = plan.order().place();
        let (asked, is_its) = (self.order.place(), plan.is_of(self.order));
        if is_its {
            return Ok(());
        }
        if plan.act == BulkAct::Audit && self.order.act() == BulkAct::Audit {
            let cause = format!("it is an act on {planned}");
            let remedy = "give the place that it was begun with";
            return Err(Fault::usage("read", asked, cause, remedy));
        }
        if let (BulkOrder::Rewrap(asked), Some(planned)) = (self.order, &plan.rewrap) {
            let without = RewrapSpec {
                delete_old: false,
                ..asked.clone()
            };
            if asked.delete_old && planned.spec == without {
                let cause = "it was begun without --delete-old-key-objects, and goes on as it was begun";
                let remedy = format!(
                    "leave it out: {}; once all is re-wrapped, the same re-wrap without --on and --resume deletes them",
                    resume_command(plan, id)
                );
                return Err(Fault::usage("read", "--delete-old-key-objects", cause, remedy));
            }
        }
        let remedy = format!("give what it was begun with: {}", resume_command(plan, id));
        let cause = format!("it was begun as another act, on {planned}");
        Err(Fault::usage("read", id, cause, remedy))
    }
}

/// Prints what a look before the job has found.
///
/// # Errors
/// When something would make it fail. What could not be looked at is no failure, and is not called well.
fn found(asked: Asked<'_>, looked: Outcome) -> Result<(), Fault> {
    let Outcome::Preflighted { findings, .. } = looked else {
        return Err(unexpected(LOOK, &asked.order.place(), "look"));
    };
    for finding in &findings {
        let Finding {
            weight,
            what,
            detail,
            remedy,
            ..
        } = finding;
        if asked.json {
            let remedy = Some(remedy).filter(|remedy| !remedy.is_empty());
            json_line(&json!({
                "event": "looked", "weight": weight.as_str(), "what": what, "detail": detail, "remedy": remedy,
            }))?;
            continue;
        }
        line(&format!("{:<7}  {what}: {detail}", weight.as_str()))?;
        if !remedy.is_empty() {
            line(&format!("         {remedy}"))?;
        }
    }
    let failing = findings
        .iter()
        .filter(|finding| finding.weight == Weight::Blocks)
        .count();
    if failing == 0 {
        return Ok(());
    }
    let cause = format!("{} would make the job fail", counted(failing, "finding"));
    let remedy = "the lines above say what to do";
    Err(Fault::other(LOOK, asked.order.place(), cause, remedy))
}

async fn waited(
    aws: &Aws,
    folder: BulkFolder,
    job: Option<&str>,
    cancel: &CancellationToken,
) -> Result<BulkFolder, Fault> {
    let waited = wait_for(aws, &folder, job, &progress(), cancel).await;
    clear_progress();
    waited.map(|()| folder)
}

/// Says what was begun; beside a report that is waited for, not in it.
fn said(begun: &Begun, asked: Asked<'_>) -> Result<(), Fault> {
    let (id, plan) = (begun.folder.id(), &begun.plan);
    if let Some(why) = &begun.unchecked {
        warn(&words::not_checked(why));
    }
    for left in &begun.unplanned {
        warn(left);
    }
    if let Some(brought) = begun.brought.as_ref().filter(|brought| brought.is_new) {
        warn(&format!("{id}: strongroom uploaded to {}", brought.uri));
    }
    if asked.json && !asked.engine.wait {
        return json_line(&json!({
            "event": "begun", "id": id, "job": begun.job, "folder": begun.folder.uri(),
            "shards": begun.shards, "objects": plan.objects, "bytes": plan.bytes,
        }));
    }
    let objects = counted(plan.objects, "object");
    let shards = counted(begun.shards, "shard");
    let job = match &begun.job {
        Some(job) => format!("the job {job} does {shards}"),
        None => "there is nothing for hosts to do".to_owned(),
    };
    let text = format!("{id}: {objects} listed; {job}");
    if asked.engine.wait {
        warn(&text);
        return Ok(());
    }
    line(&text)?;
    line(&format!("its report: {} --wait", resume_command(plan, id)))
}

async fn engine(aws: &Aws, args: &EngineArgs, settings: &JobSettings) -> Result<Engine, Fault> {
    let lacks = |option: &str, remedy: &str| Fault::usage("read", option, "it is not given", remedy);
    let Some(image) = args.image.clone() else {
        return Err(lacks(
            "--image",
            "give the URI of an image with strongroom in it, or of any other with --program",
        ));
    };
    let Some(role) = &args.role else {
        return Err(lacks("--role", "give the role that its hosts ask as"));
    };
    Ok(Engine {
        role_arn: role_arn(aws, role).await?,
        image,
        instance_type: args.instance_type.clone().unwrap_or_else(|| INSTANCE_TYPE.to_owned()),
        instances: args.instances.unwrap_or(INSTANCES),
        volume_gb: args.volume.unwrap_or(VOLUME),
        max_runtime: args.max_runtime.unwrap_or(MAX_RUNTIME),
        settings: JobSettings {
            program: program(args.program.as_ref(), settings),
            ..settings.clone()
        },
    })
}

/// Says what a report rests on that was made of what other machines wrote; beside it, not in it.
pub(super) fn rests_on(rests_on: Option<&RestsOn>, json: bool) {
    let Some((unchecked, sampled)) = rests_on.map(RestsOn::told) else {
        return;
    };
    if let Some(why) = &unchecked {
        warn(why);
    }
    if !json {
        warn(&sampled);
    }
}

/// What a host of a processing job runs.
///
/// # Errors
/// When its share could not be done.
pub async fn worker(args: &BulkWorkerArgs) -> Result<u8, Fault> {
    let unknown = || Fault::usage("read", "--act", format!("`{}` is no act", args.act), "");
    let act = BulkAct::parse(&args.act).ok_or_else(unknown)?;
    training::bulk_worker(act, (&args.from, &args.plan), terms(&args.terms)).await
}
