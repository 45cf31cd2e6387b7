//! A SageMaker training or processing job, and its log.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use self::progress::JobProgress;
use super::worded::worded_by_aws;
use super::{BulkJob, JobSettings, bring};

pub mod progress;

/// What a job is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum JobKind {
    /// A training job.
    #[default]
    Training,
    /// A processing job.
    Processing,
}

impl JobKind {
    /// What stands before the names of processing jobs in ids. No name has a slash.
    const PROCESSING: &str = "processing-job/";

    /// Kind and name of the job with this id.
    pub fn split(id: &str) -> (Self, &str) {
        match id.strip_prefix(Self::PROCESSING) {
            Some(name) => (Self::Processing, name),
            None => (Self::Training, id),
        }
    }

    /// The id of a job of this name, unique in account and region: training and processing jobs may share a name.
    pub fn id(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::Training => Cow::Borrowed(name),
            Self::Processing => Cow::Owned(format!("{}{name}", Self::PROCESSING)),
        }
    }

    /// `training` or `processing`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Processing => "processing",
        }
    }

    /// Where its log is.
    pub fn log_group(self) -> &'static str {
        match self {
            Self::Training => "/aws/sagemaker/TrainingJobs",
            Self::Processing => "/aws/sagemaker/ProcessingJobs",
        }
    }
}

/// A row of a list of jobs, with what was described once somebody looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// What it is for.
    pub kind: JobKind,
    /// Its name, unique in account and region among jobs of its kind.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Where it stands.
    pub status: JobStatus,
    /// SageMaker's finer word (`Downloading`, …), as it comes; only known after a describe (or for jobs in progress).
    pub secondary: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When anything about it changed last.
    pub modified: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What the description said.
    pub detail: Option<Box<JobDetail>>,
    /// How far its hosts are, as they tell in its log.
    pub progress: Option<JobProgress>,
}

impl Job {
    /// A job of this id of which nothing is known but how it stands.
    pub fn named(id: &str, status: JobStatus) -> Self {
        let (kind, name) = JobKind::split(id);
        Self {
            kind,
            name: name.to_owned(),
            arn: String::new(),
            status,
            secondary: None,
            created: None,
            modified: None,
            ended: None,
            detail: None,
            progress: None,
        }
    }

    /// What tells it from all others.
    pub fn id(&self) -> Cow<'_, str> {
        self.kind.id(&self.name)
    }

    /// Why it did not end well, as far as SageMaker tells: its failure reason, else its last message.
    pub fn cause(&self) -> Option<Cow<'_, str>> {
        let detail = self.detail.as_deref()?;
        if !matches!(self.status, JobStatus::Failed | JobStatus::Stopped) {
            return None;
        }
        let last = detail
            .transitions
            .last()
            .map(|step| Cow::Borrowed(step.message.as_str()));
        detail.why().or(last)
    }
}

worded_by_aws! {
    /// `TrainingJobStatus`, `ProcessingJobStatus`; unknown ones are shown as they come.
    #[derive(Debug, Clone, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum JobStatus {
        /// Running, or about to.
        InProgress,
        /// Ended well.
        Completed,
        /// Ended with a `FailureReason`.
        Failed,
        /// Told to stop.
        Stopping,
        /// Stopped.
        Stopped,
    }
}

impl JobStatus {
    /// Whether it can still change by itself.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::InProgress | Self::Stopping)
    }

    /// Whether it is one of those that a job stays in.
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Stopped)
    }
}

/// `DescribeTrainingJob` or `DescribeProcessingJob`, as far as it is shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JobDetail {
    /// The execution role's ARN.
    pub role_arn: String,
    /// The image.
    pub image: String,
    /// `ml.m5.large`, …
    pub instance_type: String,
    /// How many instances.
    pub instance_count: i32,
    /// Size of its volumes.
    pub volume_gb: i32,
    /// What a company's rules may want of it; its tags are not known.
    pub settings: JobSettings,
    /// What runs in place of what the image runs by itself, with its arguments.
    pub command: Vec<String>,
    /// Input channels, or the inputs of processing.
    pub channels: Vec<Channel>,
    /// `S3OutputPath`, or the first output of processing.
    pub output: Option<String>,
    /// `ModelArtifacts.S3ModelArtifacts`, once there is one.
    pub model: Option<String>,
    /// The hyperparameters as they were sent.
    pub hyperparameters: BTreeMap<String, String>,
    /// Why it failed, in SageMaker's words.
    pub failure: Option<String>,
    /// What a processing job left to be told, untrusted: `ExitMessage`.
    pub message: Option<String>,
    /// The history of its secondary status, oldest first.
    pub transitions: Vec<Transition>,
    /// Seconds that are paid for.
    pub billable_seconds: Option<i32>,
    /// Seconds of training.
    pub training_seconds: Option<i32>,
    /// `StoppingCondition.MaxRuntimeInSeconds`.
    pub max_runtime: Option<i32>,
    /// Final metrics by name.
    pub metrics: Vec<(String, f32)>,
}

/// One input channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// `train`, …
    pub name: String,
    /// The S3 URI it is filled from.
    pub uri: String,
}

/// One step of a job's secondary status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The status.
    pub status: String,
    /// When it began.
    pub start: Option<Timestamp>,
    /// When it ended.
    pub end: Option<Timestamp>,
    /// SageMaker's message.
    pub message: String,
}

/// One line of a job's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at: Option<Timestamp>,
    /// The log stream it is from.
    pub stream: String,
    /// The text, untrusted.
    pub text: String,
}

impl LogLine {
    /// The host that wrote it: of the stream `JOB/algo-1-1700000000`.
    pub fn host(&self) -> Option<&str> {
        let (_, name) = self.stream.split_once('/')?;
        let (host, epoch) = name.rsplit_once('-')?;
        (!host.is_empty() && epoch.chars().all(|c| c.is_ascii_digit())).then_some(host)
    }
}

impl JobDetail {
    /// Why it failed: SageMaker's words, but for those that say nothing.
    pub fn why(&self) -> Option<Cow<'_, str>> {
        let failure = self.failure.as_deref()?;
        let Some(code) = failure.trim().strip_prefix("AlgorithmError: , exit code: ") else {
            return Some(Cow::Borrowed(failure));
        };
        if let Some(message) = &self.message {
            return Some(Cow::Owned(format!("{} (exit code {code})", message.trim())));
        }
        // As shells say it of what a signal ended.
        let signal = code.parse::<u32>().ok().and_then(|code| code.checked_sub(128));
        let signal = signal.filter(|signal| (1..65).contains(signal));
        let by = signal.map(|signal| format!(" (signal {signal})")).unwrap_or_default();
        Some(Cow::Owned(format!(
            "the program ended with exit code {code}{by}, and left no message"
        )))
    }

    /// Whether it carries out an act on a prefix, and so tells its progress.
    pub fn is_bulk(&self) -> bool {
        self.command.iter().any(|word| word == BulkJob::COMMAND)
    }

    /// Whether it has several hosts, each with a log of its own.
    pub fn has_hosts(&self) -> bool {
        // Of groups of instances the numbers are in the groups.
        self.instance_count != 1
    }

    /// The KMS key the job unwraps with, from its hyperparameters (`kms_key_id`, or the older `master_key_id`),
    /// without the JSON quotes that the SageMaker SDK adds.
    pub fn kms_key(&self) -> Option<&str> {
        ["kms_key_id", "master_key_id"]
            .iter()
            .find_map(|name| self.hyperparameters.get(*name))
            .map(|value| value.trim_matches('"'))
    }

    /// What helps, if it failed for want of what strongroom is started by where a channel brings it.
    pub fn remedy(&self) -> Option<&'static str> {
        let is_brought = self.channels.iter().any(|channel| channel.name == bring::CHANNEL);
        self.failure.as_deref().filter(|_| is_brought).and_then(bring::remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(reason: &str) -> JobDetail {
        JobDetail {
            failure: Some(reason.to_owned()),
            ..JobDetail::default()
        }
    }

    #[test]
    fn a_failure_that_says_nothing_is_put_into_words() {
        for (reason, why) in [
            (
                "AlgorithmError: , exit code: 3",
                "the program ended with exit code 3, and left no message",
            ),
            (
                "AlgorithmError: , exit code: 137",
                "the program ended with exit code 137 (signal 9), and left no message",
            ),
            (
                "AlgorithmError: no memory, exit code: 3",
                "AlgorithmError: no memory, exit code: 3",
            ),
            ("InternalServerError: x", "InternalServerError: x"),
        ] {
            assert_eq!(failed(reason).why().unwrap(), why);
        }
    }

    #[test]
    fn what_a_container_left_is_told_in_place_of_its_exit_code_alone() {
        let mut detail = failed("AlgorithmError: , exit code: 3");
        detail.message = Some("the disk is full\n".to_owned());
        assert_eq!(detail.why().unwrap(), "the disk is full (exit code 3)");
    }

    #[test]
    fn jobs_of_two_kinds_that_share_a_name_have_ids_of_their_own() {
        for kind in [JobKind::Training, JobKind::Processing] {
            assert_eq!(JobKind::split(&kind.id("nightly")), (kind, "nightly"));
        }
        assert_ne!(JobKind::Training.id("nightly"), JobKind::Processing.id("nightly"));
    }

    #[test]
    fn a_line_of_the_log_is_of_the_host_of_its_stream() {
        let host = |stream: &str| {
            let line = LogLine {
                at: None,
                stream: stream.to_owned(),
                text: String::new(),
            };
            line.host().map(str::to_owned)
        };
        assert_eq!(host("job-1/algo-12-1700000000").as_deref(), Some("algo-12"));
        for other in ["job-1", "job-1/algo", "job-1/algo-x", "job-1/-17"] {
            assert_eq!(host(other), None, "{other}");
        }
    }
}
