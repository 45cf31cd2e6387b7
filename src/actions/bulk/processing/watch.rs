//! Waiting for the job of an act: how many of its shards have a result is how far it is.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::held::held;
use super::merge::missing;
use super::{jobs, stop_command};
use crate::actions::ProgressSink;
use crate::actions::faults::until_cancelled;
use crate::aws::Aws;
use crate::domain::bulk::BulkFolder;
use crate::domain::words::counted;
use crate::domain::{Fault, FaultKind, Job, JobDetail, JobStatus, Progress};

/// Between two looks: the first, and the longest.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(10);
const WAIT: &str = "wait for";

/// Waits until every shard has a result, or no job is there any more that would bring one; `begun` is the job that was begun for it
/// now, if one was.
///
/// # Errors
/// When its last job has ended and shards have none, or AWS cannot be asked.
pub async fn wait_for(
    aws: &Aws,
    folder: &BulkFolder,
    begun: Option<&str>,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<(), Fault> {
    let mut pause = FIRST;
    // The job that was under way when it was looked at last.
    let mut seen = begun.map(str::to_owned);
    let plan = until_cancelled(cancel, (WAIT, folder.uri()), held(aws, folder)).await;
    let plan = plan.map_err(|fault| going_on(folder, seen.as_deref(), fault))?.plan;
    let shards = plan.shards.len();
    loop {
        // The job first: what it did before it ended is seen then.
        let job = until_cancelled(cancel, (WAIT, folder.uri()), jobs(aws, folder)).await;
        let job = job
            .map_err(|fault| going_on(folder, seen.as_deref(), fault))?
            .known
            .pop();
        seen = job
            .as_ref()
            .filter(|job| !job.status.has_ended())
            .map(|job| job.name.clone());
        let left = until_cancelled(cancel, (WAIT, folder.uri()), missing(aws, folder, &plan)).await;
        let left = left.map_err(|fault| going_on(folder, seen.as_deref(), fault))?;
        if left.is_empty() {
            return Ok(());
        }
        let Some(name) = &seen else {
            return Err(ended(folder, job.as_ref(), left.len(), shards));
        };
        let done = shards - left.len();
        progress.report(Progress {
            phase: name.clone(),
            item: format!("{done} of {}", counted(shards, "shard")),
            ..Progress::default()
        });
        let paused = async {
            tokio::time::sleep(pause).await;
            Ok(())
        };
        let paused = until_cancelled(cancel, (WAIT, folder.uri()), paused).await;
        paused.map_err(|fault| going_on(folder, seen.as_deref(), fault))?;
        pause = (pause * 3 / 2).min(LONGEST);
    }
}

/// With how to wait again for a job that was under way and goes on, and what stops it.
fn going_on(folder: &BulkFolder, job: Option<&str>, mut fault: Fault) -> Fault {
    let Some(job) = job else { return fault };
    let way = format!(
        "its job {job} goes on: --resume {} --wait waits for it again; {} stops it, or x on it in the dashboard",
        folder.id(),
        stop_command(job)
    );
    fault.remedy = match fault.remedy.as_str() {
        "" => way,
        remedy => format!("{remedy}; {way}"),
    };
    fault
}

fn ended(folder: &BulkFolder, job: Option<&Job>, missing: usize, all: usize) -> Fault {
    let how = match job {
        None => "it has no job".to_owned(),
        Some(job) => {
            let why = job.detail.as_deref().and_then(JobDetail::why);
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            let status = match &job.status {
                JobStatus::Completed => "completed",
                JobStatus::Failed => "failed",
                JobStatus::Stopped => "was stopped",
                other => other.as_str(),
            };
            format!("its job {} {status}{why}", job.name)
        }
    };
    let cause = format!("{how}; {missing} of its {all} shards have no result");
    let remedy = format!(
        "--resume {} with --image and --role starts a job for what is missing",
        folder.id()
    );
    Fault::new(FaultKind::Other, WAIT, folder.uri(), cause, remedy)
}
