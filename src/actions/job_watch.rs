//! Following one job to its end, for scripts.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures::TryStreamExt;
use tokio_util::sync::CancellationToken;

use super::faults::cancelled;
use super::sheets::NewFile;
use crate::aws::{Aws, logs, sagemaker};
use crate::domain::{Fault, FaultKind, Job, JobKind, LogLine, Outcome};

const BETWEEN: Duration = Duration::from_secs(3);
/// Log lines arrive late: rounds without one before the log of an ended job is taken to be whole.
const QUIET: u32 = 2;
/// Failures in passing, in a row, that are waited out.
const MOST_FAILURES: u32 = 10;

/// What is new about a watched job.
#[derive(Debug, Clone, PartialEq)]
pub enum JobNews {
    /// Its status, or what SageMaker says of it, is another one.
    Status(Box<Job>),
    /// Its log has a further line.
    Line(LogLine),
}

/// Tells what is new until the job has ended; answers the job as it ended.
///
/// # Errors
/// When there is no such job, AWS cannot be asked for long, or on cancellation.
pub async fn watch_job(
    aws: &Aws,
    name: &str,
    cancel: &CancellationToken,
    mut tell: impl FnMut(JobNews) -> Result<(), Fault>,
) -> Result<Job, Fault> {
    let mut tokens: BTreeMap<String, Option<String>> = BTreeMap::new();
    let (mut last, mut quiet, mut failures) = (None, 0, 0);
    loop {
        let round = async {
            let job = sagemaker::describe_job(aws, name).await?;
            let lines = lines(aws, name, &mut tokens).await?;
            Ok::<_, Fault>((job, lines))
        };
        let round = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(cancelled("watch", name)),
            round = round => round,
        };
        match round {
            Ok((job, lines)) => {
                failures = 0;
                let state = (job.status.clone(), job.secondary.clone());
                if last.as_ref() != Some(&state) {
                    tell(JobNews::Status(Box::new(job.clone())))?;
                    last = Some(state);
                }
                quiet = if lines.is_empty() { quiet + 1 } else { 0 };
                for line in lines {
                    tell(JobNews::Line(line))?;
                }
                if !job.status.is_active() && quiet >= QUIET {
                    return Ok(job);
                }
            }
            Err(fault) if fault.is_transient() && failures < MOST_FAILURES => failures += 1,
            Err(fault) => return Err(fault),
        }
        tokio::select! {
            () = cancel.cancelled() => return Err(cancelled("watch", name)),
            () = tokio::time::sleep(BETWEEN) => {}
        }
    }
}

/// Writes everything that a job's log holds now into a new file.
///
/// # Errors
/// When there is no line, or the file exists or cannot be written.
pub async fn save_log(aws: &Aws, job: &str, to: &Path) -> Result<Outcome, Fault> {
    let act = "save the log of";
    let file = NewFile::create(to)?;
    let lines = lines(aws, job, &mut BTreeMap::new()).await?;
    if lines.is_empty() {
        let cause = "there is no line that you may read";
        let remedy = "wait for the first line";
        return Err(Fault::not_found(act, job, cause, remedy));
    }
    let text: String = lines.iter().map(|line| format!("{}\n", line.text)).collect();
    file.publish(text.as_bytes())?;
    Ok(Outcome::LogSaved {
        job: job.to_owned(),
        path: to.to_path_buf(),
        lines: lines.len() as u64,
    })
}

/// Every line since the last look, stream by stream. Before the first line there may be no log at all.
async fn lines(aws: &Aws, job: &str, tokens: &mut BTreeMap<String, Option<String>>) -> Result<Vec<LogLine>, Fault> {
    let streams = match logs::streams(aws, job).every().await {
        Ok(streams) => streams,
        // A job can be watched by whoever may not read its log.
        Err(fault) if matches!(fault.kind, FaultKind::NotFound | FaultKind::Denied) => return Ok(Vec::new()),
        Err(fault) => return Err(fault),
    };
    for stream in streams {
        tokens.entry(stream).or_default();
    }
    let mut found = Vec::new();
    for (stream, token) in tokens {
        let events = logs::events(aws, JobKind::split(job).0, stream);
        let mut pages = events.after(token.clone()).walk();
        while let Some(page) = pages.try_next().await? {
            found.extend(page.rows);
            *token = page.next.or_else(|| token.take());
        }
    }
    found.sort_by_key(|line| line.at);
    Ok(found)
}
