//! `strongroom watch JOB`: a job's status and log to its end, for scripts.

use std::borrow::Cow;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::output::{json_line, line};
use crate::actions::{JobNews, watch_job};
use crate::aws::Aws;
use crate::cli::WatchArgs;
use crate::domain::{Fault, Job, JobDetail, JobKind, JobStatus};

/// Prints what is new until the job has ended.
///
/// # Errors
/// When there is no such job, or it did not end well.
pub async fn run(aws: &Aws, args: &WatchArgs, cancel: CancellationToken) -> Result<(), Fault> {
    let mut has_hosts = false;
    let job = watch_job(aws, &args.job, &cancel, |news| match news {
        JobNews::Status(job) if args.json => json_line(&status_json(&job)),
        JobNews::Status(job) => {
            has_hosts = job.detail.as_deref().is_some_and(JobDetail::has_hosts);
            line(&sentence(&job))
        }
        JobNews::Line(log) if args.json => json_line(&json!({
            "event": "log",
            "time": log.at.map(|at| at.to_string()),
            "stream": log.stream,
            "text": log.text,
        })),
        JobNews::Line(log) => match log.host().filter(|_| has_hosts) {
            Some(host) => line(&format!("  {host}: {}", log.text)),
            None => line(&format!("  {}", log.text)),
        },
    })
    .await?;
    if job.status == JobStatus::Completed {
        return Ok(());
    }
    let reason = job.detail.as_ref().and_then(|detail| detail.why());
    let cause = reason.map(Cow::into_owned);
    let cause = cause.unwrap_or_else(|| format!("it ended as {}", job.status.as_str()));
    let known = job.detail.as_ref().and_then(|detail| detail.remedy());
    let remedy = known.unwrap_or("the lines above are its log");
    let act = match job.kind {
        JobKind::Training => "train",
        JobKind::Processing => "process",
    };
    Err(Fault::other(act, job.name.clone(), cause, remedy))
}

fn status_json(job: &Job) -> Value {
    let detail = job.detail.as_deref();
    json!({
        "event": "status",
        "job": job.name,
        "kind": job.kind.as_str(),
        "status": job.status.as_str(),
        "secondary": job.secondary,
        "time": job.modified.map(|at| at.to_string()),
        "failure": detail.and_then(|detail| detail.failure.clone()),
        "model": detail.and_then(|detail| detail.model.clone()),
    })
}

fn sentence(job: &Job) -> String {
    let detail = job.detail.as_deref();
    let said = |before: &str, what: Option<&str>, after: &str| {
        what.map(|what| format!("{before}{what}{after}")).unwrap_or_default()
    };
    format!(
        "{}: {}{}{}{}",
        job.name,
        job.status.as_str(),
        said(" (", job.secondary.as_deref(), ")"),
        said(": ", detail.and_then(JobDetail::why).as_deref(), ""),
        said(" -> ", detail.and_then(|detail| detail.model.as_deref()), "")
    )
}
