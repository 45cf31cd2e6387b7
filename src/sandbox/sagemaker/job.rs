//! All training jobs: as rows, and in the orders that lists are asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{arn, not_found, process, request, seconds};
use crate::sandbox::api::ApiError;
use crate::sandbox::clock::Clock;
use crate::sandbox::disk::{Disk, DiskError};
use crate::sandbox::shelf::Shelf;

/// A status as lists show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Status {
    Completed,
    Failed,
    InProgress,
    Stopped,
    Stopping,
}

impl Status {
    const ALL: [Self; 5] = [
        Self::Completed,
        Self::Failed,
        Self::InProgress,
        Self::Stopped,
        Self::Stopping,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::InProgress => "InProgress",
            Self::Stopped => "Stopped",
            Self::Stopping => "Stopping",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    fn is_over(self) -> bool {
        !matches!(self, Self::InProgress | Self::Stopping)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Transition {
    status: String,
    start: Timestamp,
    end: Option<Timestamp>,
    message: String,
}

/// One job, from its creation on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) name: String,
    /// The CreateTrainingJob that made it.
    request: String,
    pub(super) created: Timestamp,
    pub(super) modified: Timestamp,
    pub(super) status: Status,
    transitions: Vec<Transition>,
    pub(super) started: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    pub(super) failure: Option<String>,
    pub(super) artifacts: Option<String>,
    pub(super) metrics: Vec<process::Metric>,
    pub(super) tags: BTreeMap<String, String>,
    #[serde(skip)]
    pub(super) stop: CancellationToken,
}

impl Job {
    pub(super) fn new(name: &str, request: &Value, tags: BTreeMap<String, String>, now: Timestamp) -> Self {
        let mut job = Self {
            name: name.to_owned(),
            request: request.to_string(),
            created: now,
            modified: now,
            status: Status::InProgress,
            transitions: Vec::new(),
            started: None,
            ended: None,
            failure: None,
            artifacts: None,
            metrics: Vec::new(),
            tags,
            stop: CancellationToken::new(),
        };
        job.enter("Starting", "Preparing the instances for training", now);
        job
    }

    pub(super) fn secondary(&self) -> &str {
        self.transitions
            .last()
            .map_or("Starting", |transition| transition.status.as_str())
    }

    pub(super) fn enter(&mut self, status: &str, message: &str, now: Timestamp) {
        self.modified = now;
        if let Some(last) = self.transitions.last_mut() {
            last.end = Some(now);
        }
        self.transitions.push(Transition {
            status: status.to_owned(),
            start: now,
            end: None,
            message: message.to_owned(),
        });
    }

    pub(super) fn close(&mut self, status: Status, secondary: &str, message: &str, now: Timestamp) {
        self.enter(secondary, message, now);
        self.status = status;
        self.ended = Some(now);
        if let Some(last) = self.transitions.last_mut() {
            last.end = Some(now);
        }
    }

    pub(super) fn describe(&self) -> Result<Value, ApiError> {
        let request: Value = serde_json::from_str(&self.request)
            .map_err(|error| ApiError::new("InternalFailure", error.to_string()).status(500))?;
        let mut answer = request::echo(&request);
        answer["TrainingJobArn"] = json!(arn(&self.name));
        answer["TrainingJobStatus"] = json!(self.status.name());
        answer["SecondaryStatus"] = json!(self.secondary());
        answer["CreationTime"] = json!(seconds(self.created));
        answer["LastModifiedTime"] = json!(seconds(self.modified));
        answer["SecondaryStatusTransitions"] = self.transitions.iter().map(Transition::json).collect();
        if let Some(started) = self.started {
            answer["TrainingStartTime"] = json!(seconds(started));
        }
        if let Some(ended) = self.ended {
            answer["TrainingEndTime"] = json!(seconds(ended));
            if let Some(started) = self.started {
                let billed = ended.duration_since(started).as_secs_f64().ceil().max(1.0) as u64;
                answer["TrainingTimeInSeconds"] = json!(billed);
                answer["BillableTimeInSeconds"] = json!(billed);
            }
        }
        if let Some(failure) = &self.failure {
            answer["FailureReason"] = json!(failure);
        }
        if let Some(artifacts) = &self.artifacts {
            answer["ModelArtifacts"] = json!({ "S3ModelArtifacts": artifacts });
        }
        if !self.metrics.is_empty() {
            answer["FinalMetricDataList"] = self.metrics.iter().map(process::Metric::json).collect();
        }
        Ok(answer)
    }
}

impl Transition {
    fn json(&self) -> Value {
        let mut row = json!({
            "Status": self.status,
            "StartTime": seconds(self.start),
            "StatusMessage": self.message,
        });
        if let Some(end) = self.end {
            row["EndTime"] = json!(seconds(end));
        }
        row
    }
}

/// All training jobs.
pub(crate) struct SageMaker {
    clock: Clock,
    jobs: Mutex<Jobs>,
}

/// Jobs by name, and names in the other orders.
pub(super) struct Jobs {
    pub(super) rows: Shelf<Job>,
    pub(super) by_created: BTreeSet<(Timestamp, String)>,
    pub(super) by_status: BTreeSet<(Status, String)>,
}

impl Jobs {
    fn insert(&mut self, job: Job) {
        self.by_created.insert((job.created, job.name.clone()));
        self.by_status.insert((job.status, job.name.clone()));
        self.rows.insert(job.name.clone(), job);
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Job)) {
        let Some(before) = self.rows.get(name).map(|job| job.status) else {
            return;
        };
        self.rows.change(name, change);
        let after = self.rows.get(name).map_or(before, |job| job.status);
        if before != after {
            self.by_status.remove(&(before, name.to_owned()));
            self.by_status.insert((after, name.to_owned()));
        }
    }
}

impl SageMaker {
    /// The jobs there are. Those that were on their way when the world ended have failed by that.
    pub(crate) fn open(clock: &Clock, disk: &Disk) -> Result<Self, DiskError> {
        let rows: Shelf<Job> = Shelf::open("jobs", disk)?;
        let mut jobs = Jobs {
            by_created: rows.values().map(|job| (job.created, job.name.clone())).collect(),
            by_status: rows.values().map(|job| (job.status, job.name.clone())).collect(),
            rows,
        };
        let cut: Vec<String> = jobs
            .by_status
            .iter()
            .filter(|(status, _)| !status.is_over())
            .map(|(_, name)| name.clone())
            .collect();
        for name in cut {
            jobs.change(&name, |job| {
                job.failure = Some("InternalServerError: the sandbox ended while the job was running".to_owned());
                job.close(Status::Failed, "Failed", "Training job failed", clock.now());
            });
        }
        Ok(Self {
            clock: clock.clone(),
            jobs: Mutex::new(jobs),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Adds a job of a new name.
    pub(super) fn add(&self, job: Job) -> Result<(), ApiError> {
        let mut jobs = self.lock();
        if jobs.rows.contains_key(&job.name) {
            return Err(ApiError::new(
                "ResourceInUse",
                "Job name must be unique within an AWS account and region, and a training job with this name already \
                 exists",
            ));
        }
        jobs.insert(job);
        Ok(())
    }

    /// Looks at a job.
    pub(super) fn look<T>(&self, name: &str, look: impl FnOnce(&Job) -> T) -> Result<T, ApiError> {
        self.lock().rows.get(name).map(look).ok_or_else(not_found)
    }

    /// Changes a job; jobs are never removed, so it is there.
    pub(super) fn update(&self, name: &str, change: impl FnOnce(&mut Job)) {
        self.lock().change(name, change);
    }
}
