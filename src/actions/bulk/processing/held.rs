//! What is to be done, held against what it was when it was begun: a job's arguments name the SHA-256 of its plan, the plan those of its
//! shards and of its map of data keys. Whoever may write below the folder of an act can write other files there; nobody heeds them.

use serde::Deserialize;

use super::LONGEST_PLAN;
use crate::aws::again::again;
use crate::aws::{Aws, s3, sagemaker};
use crate::domain::bulk::{BulkFolder, BulkJob, BulkPlan, VERSION, job_name, shard_number};
use crate::domain::{Fault, FaultKind};
use crate::envelope::binding;

const ANEW: &str = "find out who may write there, and begin the act anew";

/// A plan, and what it was held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What is to be done.
    pub plan: BulkPlan,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Why nobody could say whether it is the one that its first job was started with; nothing where it is.
    pub unchecked: Option<String>,
}

/// Just enough of any plan.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// The plan of this SHA-256.
///
/// # Errors
/// When it is another.
pub(super) async fn plan_of(aws: &Aws, folder: &BulkFolder, sha256: &str) -> Result<BulkPlan, Fault> {
    let text = text(aws, folder).await?;
    if binding::digest(&text) != sha256 {
        return Err(other_plan(folder, "this job"));
    }
    read(folder, &text)
}

/// The plan, held against the arguments of the act's first job where SageMaker tells them.
///
/// # Errors
/// When the job was started with another, or it cannot be read.
pub(super) async fn held(aws: &Aws, folder: &BulkFolder) -> Result<Held, Fault> {
    let text = text(aws, folder).await?;
    let sha256 = binding::digest(&text);
    let name = job_name(folder.id(), 1);
    let unchecked = match again(|| sagemaker::describe_processing_job(aws, &name)).await {
        Ok(job) => {
            let command = job.detail.map(|detail| detail.command).unwrap_or_default();
            let its = (folder, Some(&sha256));
            let started = BulkJob::of_arguments(&command);
            let is_its = |(_, folder, plan): &(_, BulkFolder, Option<String>)| (folder, plan.as_ref()) == its;
            // One of an older version names none, and neither does its plan.
            if !started.as_ref().is_some_and(is_its) && is_new(&text) {
                return Err(other_plan(folder, &format!("the job {name}")));
            }
            None
        }
        Err(fault) if fault.kind == FaultKind::NotFound => Some(format!("there is no job {name}")),
        Err(fault) => Some(format!("the job {name} could not be asked for: {}", fault.cause)),
    };
    Ok(Held {
        plan: read(folder, &text)?,
        sha256,
        unchecked,
    })
}

async fn text(aws: &Aws, folder: &BulkFolder) -> Result<Vec<u8>, Fault> {
    let key = folder.plan();
    let text = again(|| s3::read_small(aws, &folder.bucket, &key, LONGEST_PLAN)).await;
    text.map_err(|fault| match fault.kind {
        FaultKind::NotFound => Fault {
            remedy: "check bucket and id; an act whose list did not become whole is begun anew".to_owned(),
            ..fault
        },
        _ => fault,
    })
}

fn version(text: &[u8]) -> Option<u32> {
    serde_json::from_slice(text).ok().map(|plan: Versioned| plan.version)
}

fn is_new(text: &[u8]) -> bool {
    version(text).is_none_or(|version| version >= VERSION)
}

fn read(folder: &BulkFolder, text: &[u8]) -> Result<BulkPlan, Fault> {
    let plan: Option<BulkPlan> = serde_json::from_slice(text).ok();
    let plan = plan.filter(|plan| plan.is_sound() && plan.bucket == folder.bucket);
    plan.ok_or_else(|| {
        let (cause, remedy) = if is_new(text) {
            (
                "it is no plan that this version of strongroom reads",
                "open it with the version that wrote it",
            )
        } else {
            (
                "it was written by an older strongroom, and does not name the SHA-256 of its shards",
                "begin the act anew: what is done is passed over",
            )
        };
        Fault::new(
            FaultKind::Invalid,
            "read",
            s3::uri(&folder.bucket, &folder.plan()),
            cause,
            remedy,
        )
    })
}

fn other_plan(folder: &BulkFolder, job: &str) -> Fault {
    let cause = format!("it is not the plan that {job} was started with: somebody has changed it");
    refused(s3::uri(&folder.bucket, &folder.plan()), cause)
}

fn refused(object: String, cause: String) -> Fault {
    Fault::new(FaultKind::Integrity, "heed", object, cause, ANEW)
}

/// Refuses a shard that is not the one of its plan.
pub(super) fn check_shard(plan: &BulkPlan, folder: &BulkFolder, file: &str, sha256: &str) -> Result<(), Fault> {
    let planned = shard_number(file).and_then(|number| plan.shards.get(number - 1));
    check(planned, sha256, "shard", || {
        s3::uri(&folder.bucket, &format!("{}{file}", folder.shards()))
    })
}

/// Refuses a file of the map of data keys, by its key, that is not the one of its plan.
pub(super) fn check_map(planned: Option<&String>, folder: &BulkFolder, key: &str, text: &[u8]) -> Result<(), Fault> {
    check(planned, &binding::digest(text), "map of data keys", || {
        s3::uri(&folder.bucket, key)
    })
}

fn check(planned: Option<&String>, sha256: &str, what: &str, object: impl Fn() -> String) -> Result<(), Fault> {
    match planned {
        Some(planned) if planned == sha256 => Ok(()),
        Some(_) => Err(refused(
            object(),
            format!("it is not the {what} of its plan: somebody has changed it"),
        )),
        None => Err(refused(
            object(),
            format!("its plan has no such {what}: somebody has put it there"),
        )),
    }
}
