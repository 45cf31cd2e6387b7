//! SageMaker: training jobs that really run.
//!
//! [`request`] says what may be asked for, [`run`] takes a job through its statuses, [`channel`] brings its data
//! as its role, [`process`] runs its command, [`artifact`] packs what it leaves. This file keeps the jobs and
//! answers questions about them. A job is a process on this machine, under the role's session credentials:
//! it sees what SageMaker's container would see, below a folder of its own in place of `/opt/ml`. It is not
//! confined to that folder.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::api::ApiError;
use super::identity::{ACCOUNT, Caller, REGION};
use super::sts;
use super::world::{World, now};

mod artifact;
mod channel;
mod list;
mod process;
mod request;
mod run;

use request::Training;

/// All training jobs.
#[derive(Debug, Default)]
pub(crate) struct SageMaker {
    jobs: Mutex<BTreeMap<String, Job>>,
}

/// A status as lists show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    InProgress,
    Completed,
    Failed,
    Stopping,
    Stopped,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
        }
    }
}

#[derive(Debug)]
struct Transition {
    status: &'static str,
    start: Timestamp,
    end: Option<Timestamp>,
    message: String,
}

/// One job, from its creation on.
#[derive(Debug)]
struct Job {
    training: Arc<Training>,
    created: Timestamp,
    modified: Timestamp,
    status: Status,
    transitions: Vec<Transition>,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    failure: Option<String>,
    artifacts: Option<String>,
    metrics: Vec<process::Metric>,
    tags: BTreeMap<String, String>,
    stop: CancellationToken,
}

impl Job {
    fn new(training: Arc<Training>, tags: BTreeMap<String, String>) -> Self {
        let at = now();
        let mut job = Self {
            training,
            created: at,
            modified: at,
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
        job.enter("Starting", "Preparing the instances for training");
        job
    }

    fn secondary(&self) -> &'static str {
        self.transitions
            .last()
            .map_or("Starting", |transition| transition.status)
    }

    fn enter(&mut self, status: &'static str, message: impl Into<String>) {
        let at = now();
        self.modified = at;
        if let Some(last) = self.transitions.last_mut() {
            last.end = Some(at);
        }
        self.transitions.push(Transition {
            status,
            start: at,
            end: None,
            message: message.into(),
        });
    }

    fn close(&mut self, status: Status, secondary: &'static str, message: &str) {
        self.enter(secondary, message);
        self.status = status;
        self.ended = Some(self.modified);
        if let Some(last) = self.transitions.last_mut() {
            last.end = Some(self.modified);
        }
    }
}

impl SageMaker {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a job; jobs are never removed, so it is there.
    fn update(&self, name: &str, change: impl FnOnce(&mut Job)) {
        if let Some(job) = self.lock().get_mut(name) {
            change(job);
        }
    }

    fn describe(&self, name: &str) -> Result<Value, ApiError> {
        let jobs = self.lock();
        let job = jobs.get(name).ok_or_else(not_found)?;
        let mut answer = job.training.echo.clone();
        answer["TrainingJobArn"] = json!(arn(name));
        answer["TrainingJobStatus"] = json!(job.status.name());
        answer["SecondaryStatus"] = json!(job.secondary());
        answer["CreationTime"] = json!(seconds(job.created));
        answer["LastModifiedTime"] = json!(seconds(job.modified));
        answer["SecondaryStatusTransitions"] = job
            .transitions
            .iter()
            .map(|transition| {
                let mut row = json!({
                    "Status": transition.status,
                    "StartTime": seconds(transition.start),
                    "StatusMessage": transition.message,
                });
                if let Some(end) = transition.end {
                    row["EndTime"] = json!(seconds(end));
                }
                row
            })
            .collect();
        if let Some(started) = job.started {
            answer["TrainingStartTime"] = json!(seconds(started));
        }
        if let Some(ended) = job.ended {
            answer["TrainingEndTime"] = json!(seconds(ended));
            if let Some(started) = job.started {
                let billed = ended.duration_since(started).as_secs_f64().ceil().max(1.0) as u64;
                answer["TrainingTimeInSeconds"] = json!(billed);
                answer["BillableTimeInSeconds"] = json!(billed);
            }
        }
        if let Some(failure) = &job.failure {
            answer["FailureReason"] = json!(failure);
        }
        if let Some(artifacts) = &job.artifacts {
            answer["ModelArtifacts"] = json!({ "S3ModelArtifacts": artifacts });
        }
        if !job.metrics.is_empty() {
            answer["FinalMetricDataList"] = job.metrics.iter().map(process::Metric::json).collect();
        }
        Ok(answer)
    }

    fn stop(&self, name: &str) -> Result<Value, ApiError> {
        let mut jobs = self.lock();
        let job = jobs.get_mut(name).ok_or_else(not_found)?;
        if job.status != Status::InProgress {
            return Err(ApiError::new(
                "ValidationException",
                format!(
                    "The request was rejected because the training job is in status {}.",
                    job.status.name()
                ),
            ));
        }
        job.status = Status::Stopping;
        job.enter("Stopping", "Stopping the training job");
        job.stop.cancel();
        Ok(json!({}))
    }

    fn tags(&self, operation: &str, body: &Value) -> Result<Value, ApiError> {
        let name = job_of(body["ResourceArn"].as_str().unwrap_or_default()).ok_or_else(not_found)?;
        let mut jobs = self.lock();
        let job = jobs.get_mut(name).ok_or_else(not_found)?;
        match operation {
            "AddTags" => job.tags.extend(request::tags(&body["Tags"])?),
            "DeleteTags" => {
                for key in body["TagKeys"].as_array().into_iter().flatten() {
                    job.tags.remove(key.as_str().unwrap_or_default());
                }
                return Ok(json!({}));
            }
            _ => {}
        }
        let rows: Vec<Value> = job
            .tags
            .iter()
            .map(|(key, value)| json!({ "Key": key, "Value": value }))
            .collect();
        Ok(json!({ "Tags": rows }))
    }
}

/// Answers one call.
pub(crate) async fn call(
    world: &Arc<World>,
    caller: &Caller,
    operation: &str,
    body: &Value,
) -> Result<Value, ApiError> {
    let name = body["TrainingJobName"].as_str().unwrap_or_default();
    let allow = |resource: &str| world.authorize(caller, &format!("sagemaker:{operation}"), resource, &BTreeMap::new());
    match operation {
        "CreateTrainingJob" => {
            let training = Training::parse(body)?;
            allow(&arn(name))?;
            let context = BTreeMap::from([("iam:PassedToService".to_owned(), SERVICE.to_owned())]);
            world.authorize(caller, "iam:PassRole", &training.role, &context)?;
            create(world, training, request::tags(&body["Tags"])?, world.options.job_pace).await
        }
        "DescribeTrainingJob" => {
            allow(&arn(name))?;
            world.sagemaker.describe(name)
        }
        "ListTrainingJobs" => {
            allow("*")?;
            world.sagemaker.list(body)
        }
        "StopTrainingJob" => {
            allow(&arn(name))?;
            world.sagemaker.stop(name)
        }
        "AddTags" | "ListTags" | "DeleteTags" => {
            allow(body["ResourceArn"].as_str().unwrap_or("*"))?;
            world.sagemaker.tags(operation, body)
        }
        _ => Err(ApiError::new(
            "UnknownOperationException",
            format!("the sandbox does not implement sagemaker:{operation}"),
        )),
    }
}

const SERVICE: &str = "sagemaker.amazonaws.com";

/// Makes a job and sets it going; each waiting status lasts at least `pace`.
async fn create(
    world: &Arc<World>,
    training: Training,
    tags: BTreeMap<String, String>,
    pace: Duration,
) -> Result<Value, ApiError> {
    let name = training.name.clone();
    let session = sts::assume_role_as_service(world, &training.role, SERVICE, "SageMaker").map_err(|_| {
        invalid(format!(
            "Could not assume role {}. Please ensure that the role exists and allows principal \
             'sagemaker.amazonaws.com' to assume the role.",
            training.role
        ))
    })?;
    {
        let mut jobs = world.sagemaker.lock();
        if jobs.contains_key(&name) {
            return Err(ApiError::new(
                "ResourceInUse",
                "Job name must be unique within an AWS account and region, and a training job with this name already \
                 exists",
            ));
        }
        jobs.insert(name.clone(), Job::new(Arc::new(training), tags));
    }
    let mut tasks = world.jobs.lock().await;
    while tasks.try_join_next().is_some() {}
    tasks.spawn(run::run(Arc::clone(world), name.clone(), session, pace));
    Ok(json!({ "TrainingJobArn": arn(&name) }))
}

/// Makes the seed's job, as its role, without waiting.
pub(crate) async fn create_unasked(world: &Arc<World>, body: &Value) -> Result<(), ApiError> {
    let training = Training::parse(body)?;
    create(world, training, BTreeMap::new(), Duration::ZERO).await?;
    Ok(())
}

fn arn(name: &str) -> String {
    format!("arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{name}")
}

fn job_of(arn: &str) -> Option<&str> {
    arn.rsplit_once(":training-job/").map(|(_, name)| name)
}

fn not_found() -> ApiError {
    invalid("Requested resource not found.")
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

#[cfg(test)]
mod tests;
