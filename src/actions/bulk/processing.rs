//! Acts beyond one machine: SageMaker Processing as the engine. The list is written in shards, a job's hosts each do some of them
//! by the same binary, results are read as one report. A host that dies loses the shard in its hands; whoever goes on does only
//! what has no result.

use std::collections::HashSet;
use std::time::Duration;

use futures::TryStreamExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::actions::ProgressSink;
use crate::actions::bucket_refusal;
use crate::actions::bulk::sealing::check_destination;
use crate::actions::faults::{cancelled, usage};
use crate::actions::jobs::Program;
use crate::aws::again::again;
use crate::aws::{Aws, s3, sagemaker};
use crate::domain::bulk::{BulkAct, BulkFolder, BulkJob, BulkOrder, BulkPlan, Engine, is_id, job_name, shard_file};
use crate::domain::{Brought, Fault, FaultKind, Job, Outcome, bucket, resume_command};
use crate::envelope::binding;

mod held;
mod inventory;
mod merge;
mod order;
mod results;
mod rewrapping;
mod sample;
mod shards;
mod unplanned;
mod watch;
mod worker;

pub use held::Held;
pub use merge::{OldKeyObjects, Standing, collect, collect_rewrapped, collect_sealed, standing};
pub use watch::wait_for;
pub use worker::{Share, work};

/// The content type of lines of JSON.
const LINES: &str = "application/x-ndjson";
/// Some seventy bytes a shard, of a million at most.
const LONGEST_PLAN: u64 = 128 << 20;
const START: &str = "start processing job";
/// For the answer to what was asked when all is stopped: whether a job was started is worth it.
const LAST_ANSWER: Duration = Duration::from_millis(800);

/// An act that was begun or gone on with.
#[derive(Debug, Clone, PartialEq)]
pub struct Begun {
    /// Where everything of it is.
    pub folder: BulkFolder,
    /// What is to be done.
    pub plan: BulkPlan,
    /// SHA-256 of the plan as it is stored, in hexadecimal.
    pub plan_sha256: String,
    /// Why nobody could say whether the plan is the one that its first job was started with; nothing where it is.
    pub unchecked: Option<String>,
    /// The job that does it; none if nothing is to be done.
    pub job: Option<String>,
    /// How many shards it does.
    pub shards: usize,
    /// The program that is brought to its image.
    pub brought: Option<Brought>,
    /// What acts before it left, in words: lists that never became whole, deleted by now where nobody can be writing them any more,
    /// and the same act on the same place where it is not done; and of a re-wrap, tokens whose key object holds another data key than
    /// their metadata.
    pub unplanned: Vec<String>,
}

impl From<Begun> for Outcome {
    fn from(begun: Begun) -> Self {
        Self::BulkBegun {
            id: begun.folder.id().to_owned(),
            job: begun.job,
            shards: begun.shards as u64,
            objects: begun.plan.objects,
            unchecked: begun.unchecked,
            unplanned: begun.unplanned,
            uploaded: begun
                .brought
                .filter(|brought| brought.is_new)
                .map(|brought| brought.uri),
        }
    }
}

/// Lists what something is to be done to, writes it in shards, and starts the job that does them.
///
/// # Errors
/// When it cannot be listed, written or started. Once the list is whole it stays, and the fault says how to go on with it.
pub async fn begin(
    aws: &Aws,
    order: &BulkOrder,
    engine: &Engine,
    inventory: Option<&str>,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Begun, Fault> {
    check(order, engine)?;
    order::check_inventory(order, inventory)?;
    bucket::check(START, order.bucket())?;
    let program = Program::of(engine.program().cloned()).await?;
    let folder = folder(aws, order.bucket(), &new_id(order.act()));
    if let BulkOrder::Seal(spec) = order {
        check_destination(aws, spec).await?;
    }
    let mut unplanned = unplanned::swept(aws, &folder, order, Timestamp::now()).await;
    let hosts = usize::try_from(engine.instances).unwrap_or(1);
    let planned = async {
        let (plan, told, differing) = match order {
            BulkOrder::Rewrap(spec) => {
                let how = (inventory, hosts);
                Box::pin(rewrapping::plan(aws, &folder, (order, spec), how, progress, cancel)).await?
            }
            BulkOrder::Audit(_) | BulkOrder::Seal(_) => {
                let pages = order::pages(aws, order, inventory, progress).await?;
                let written = shards::write(aws, &folder, hosts, pages, progress, cancel).await?;
                let plan = order::plan(aws, order, inventory, written, None).await?;
                (plan, 0, Vec::new())
            }
        };
        let sha256 = write_plan(aws, &folder, &plan).await?;
        Ok((plan, sha256, told, differing))
    };
    let (plan, plan_sha256, told, differing) = match planned.await {
        Ok(planned) => planned,
        Err(fault) => return Err(shards::take_back(aws, &folder, fault).await),
    };
    unplanned.extend(differing);
    let (all, again) = (plan.shards.len(), resume_command(&plan, folder.id()));
    let begun = Begun {
        folder,
        plan,
        plan_sha256,
        unchecked: None,
        job: None,
        shards: all - told,
        brought: None,
        unplanned,
    };
    if begun.shards == 0 {
        return Ok(begun);
    }
    let name = job_name(begun.folder.id(), 1);
    let started = async {
        // What is told already stands first.
        let missing = match told {
            0 => None,
            told => {
                let missing: Vec<usize> = (told + 1..=all).collect();
                Some(write_missing(aws, &begun.folder, &name, &missing).await?)
            }
        };
        start(aws, begun, name, missing, (engine, program), cancel).await
    };
    started.await.map_err(|fault| going_on(&again, fault))
}

/// Starts a job that does what has no result; none if everything has.
///
/// # Errors
/// When a job of the act is under way, or this one cannot be started.
pub async fn go_on(
    aws: &Aws,
    folder: &BulkFolder,
    engine: &Engine,
    cancel: &CancellationToken,
) -> Result<Begun, Fault> {
    let Standing { held, missing } = standing(aws, folder).await?;
    let begun = Begun {
        folder: folder.clone(),
        shards: missing.len(),
        plan: held.plan,
        plan_sha256: held.sha256,
        unchecked: held.unchecked,
        job: None,
        brought: None,
        unplanned: Vec::new(),
    };
    if missing.is_empty() {
        return Ok(begun);
    }
    check_engine(engine)?;
    let program = Program::of(engine.program().cloned()).await?;
    let Jobs { known, next } = jobs(aws, folder).await?;
    if let Some(Job { name, .. }) = known.iter().find(|job| !job.status.has_ended()) {
        let cause = format!("its job {name} is under way");
        return Err(Fault::new(
            FaultKind::Conflict,
            START,
            name,
            cause,
            "wait for it, or stop it first",
        ));
    }
    let name = job_name(folder.id(), next);
    let key = write_missing(aws, folder, &name, &missing).await?;
    let started = start(aws, begun, name, Some(key), (engine, program), cancel).await;
    started.map_err(|fault| match fault.kind {
        FaultKind::Conflict => Fault {
            cause: format!("somebody else goes on with it at the same time: {}", fault.cause),
            remedy: format!("--resume {} --wait waits for that job", folder.id()),
            ..fault
        },
        _ => fault,
    })
}

/// Where the acts of a bucket are: where its key objects are.
pub fn folder(aws: &Aws, bucket: &str, id: &str) -> BulkFolder {
    let below = aws.upload_settings(bucket).data_keys_below.unwrap_or_default();
    BulkFolder::new(bucket, &below, id)
}

/// The same, of an id that a person gave.
///
/// # Errors
/// When it is no id of an act.
pub fn folder_of(aws: &Aws, bucket: &str, id: &str) -> Result<BulkFolder, Fault> {
    if is_id(id) {
        return Ok(folder(aws, bucket, id));
    }
    let remedy = "give what was said when it was begun: audit-20260101-120000-0abc";
    Err(usage("go on with", id, "it is no id of an act", remedy))
}

/// The jobs of an act that SageMaker knows.
struct Jobs {
    /// The last one last.
    known: Vec<Job>,
    /// The number of the next one. The first is only ever the one that the act was begun with: what a later one was started with
    /// says nothing of what was begun.
    next: usize,
}

async fn jobs(aws: &Aws, folder: &BulkFolder) -> Result<Jobs, Fault> {
    let mut known = Vec::new();
    for nth in 1.. {
        let name = job_name(folder.id(), nth);
        match again(|| sagemaker::describe_processing_job(aws, &name)).await {
            Ok(job) => known.push(job),
            Err(fault) if fault.kind == FaultKind::NotFound && nth == 1 => {}
            Err(fault) if fault.kind == FaultKind::NotFound => return Ok(Jobs { known, next: nth }),
            Err(fault) => return Err(fault),
        }
    }
    Ok(Jobs { known, next: 1 })
}

async fn start(
    aws: &Aws,
    begun: Begun,
    name: String,
    missing: Option<String>,
    (engine, program): (&Engine, Option<Program>),
    cancel: &CancellationToken,
) -> Result<Begun, Fault> {
    let settings = aws.upload_settings(&begun.folder.bucket);
    let mut engine = engine.clone();
    engine.instances = engine.instances.min(i32::try_from(begun.shards).unwrap_or(i32::MAX));
    let job = BulkJob {
        name,
        engine,
        act: begun.plan.act,
        folder: begun.folder.clone(),
        plan: begun.plan_sha256.clone(),
        missing,
        owner: settings.owner,
        requester_pays: settings.requester_pays,
    };
    let started = async {
        let brought = match &program {
            Some(program) => Some(Box::pin(program.bring(aws, &job.folder.bucket)).await?),
            None => None,
        };
        if cancel.is_cancelled() {
            return Err(cancelled(START, &job.name));
        }
        tokio::select! {
            biased;
            created = sagemaker::create_bulk_job(aws, &job, brought.as_ref()) => created?,
            () = unheard(cancel) => return Err(may_go_on(&job.name)),
        }
        Ok(brought)
    };
    let brought = started.await?;
    Ok(Begun {
        job: Some(job.name),
        brought,
        ..begun
    })
}

/// The command that stops a job of an act.
fn stop_command(job: &str) -> String {
    format!("aws sagemaker stop-processing-job --processing-job-name {job}")
}

/// Until nobody waits any longer for what was asked before all was stopped.
async fn unheard(cancel: &CancellationToken) {
    cancel.cancelled().await;
    tokio::time::sleep(LAST_ANSWER).await;
}

/// What was asked when all was stopped, and not answered any more.
fn may_go_on(job: &str) -> Fault {
    let cause = "it was cancelled before it was answered whether the job was started";
    let remedy = format!(
        "if it was, its hosts go on: {} stops it, or x on it in the dashboard",
        stop_command(job)
    );
    Fault::cancelled(START, job, cause, remedy)
}

/// With how to go on with a list that is whole.
fn going_on(again: &str, mut fault: Fault) -> Fault {
    let way = format!("the list is whole: {again} goes on with it");
    fault.remedy = match fault.remedy.as_str() {
        "" => way,
        remedy => format!("{remedy}; {way}"),
    };
    fault
}

fn new_id(act: BulkAct) -> String {
    let now = Timestamp::now().strftime("%Y%m%d-%H%M%S");
    format!("{}-{now}-{:04x}", act.as_str(), fastrand::u16(..))
}

/// Refuses what hosts cannot do, and what SageMaker would refuse, before anything is asked for.
pub(in crate::actions) fn check(order: &BulkOrder, engine: &Engine) -> Result<(), Fault> {
    check_engine(engine)?;
    order::check(order)
}

fn check_engine(engine: &Engine) -> Result<(), Fault> {
    let positive = engine.instances > 0 && engine.volume_gb > 0 && engine.max_runtime > 0;
    if engine.image.is_empty() {
        return Err(usage(START, "", "no image is given", "give --image URI"));
    }
    if !positive {
        let cause = "instances, volume and longest run must be positive";
        return Err(usage(START, &engine.image, cause, ""));
    }
    Ok(())
}

/// Its SHA-256.
async fn write_plan(aws: &Aws, folder: &BulkFolder, plan: &BulkPlan) -> Result<String, Fault> {
    let text = serde_json::to_vec_pretty(plan).map_err(|error| {
        let cause = error.to_string();
        Fault::new(FaultKind::Other, "write", folder.uri(), cause, "please report this")
    })?;
    let sha256 = binding::digest(&text);
    put(aws, folder, &folder.plan(), text).await?;
    Ok(sha256)
}

async fn put(aws: &Aws, folder: &BulkFolder, key: &str, text: Vec<u8>) -> Result<(), Fault> {
    let written = s3::write_new(aws, &folder.bucket, key, text, "application/json").await;
    match written {
        Ok(()) => Ok(()),
        Err(fault) => Err(bucket_refusal::of_write(aws, fault, false).await),
    }
}

/// The files of the results that are there.
async fn done(aws: &Aws, folder: &BulkFolder) -> Result<HashSet<String>, Fault> {
    let results = folder.results();
    let mut files = HashSet::new();
    let mut pages = s3::list_under(aws, &folder.bucket, &results).pages();
    while let Some(rows) = pages.try_next().await? {
        let names = rows.iter().filter_map(|row| row.key().strip_prefix(results.as_str()));
        files.extend(names.map(str::to_owned));
    }
    Ok(files)
}

/// Names the shards that a later job does, as SageMaker reads it: a prefix, then what stands behind it.
async fn write_missing(aws: &Aws, folder: &BulkFolder, job: &str, missing: &[usize]) -> Result<String, Fault> {
    let prefix = json!({"prefix": s3::uri(&folder.bucket, &folder.shards())});
    let names = missing.iter().map(|number| Value::String(shard_file(*number)));
    let text = Value::Array([prefix].into_iter().chain(names).collect()).to_string();
    let key = folder.missing(job);
    match put(aws, folder, &key, text.clone().into_bytes()).await {
        // Of an earlier try, whose job was not started; or of somebody else, whose job may be reading it now.
        Err(fault) if fault.kind == FaultKind::Conflict => {
            let there = again(|| s3::read_small(aws, &folder.bucket, &key, LONGEST_PLAN)).await?;
            if there == text.as_bytes() {
                return Ok(key);
            }
            s3::delete_objects(aws, &folder.bucket, std::slice::from_ref(&key)).await?;
            put(aws, folder, &key, text.into_bytes()).await?;
        }
        written => written?,
    }
    Ok(key)
}
