//! What jobs may ask for, and SageMaker's words for what it may not.

use std::path::{Component, Path, PathBuf};

use regex_lite::Regex;

use super::super::api::{map, refuse_if, texts};
use super::invalid;
use super::kind::Kind;
use crate::prelude::*;

mod channels;
mod instances;
mod processing;
mod rules;

pub(super) use channels::{Channel, Source};
use channels::{channels, file_mode};
pub(super) use instances::Group;
pub(super) use processing::Processing;

/// What a job's containers run, on which instances, and how long: of every kind of job alike.
#[derive(Debug)]
pub(super) struct Containers {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) role: String,
    pub(super) image: String,
    /// In place of the image's own; empty if it keeps that.
    pub(super) entrypoint: Vec<String>,
    pub(super) arguments: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) groups: Vec<Group>,
    /// What its volumes are encrypted under.
    pub(super) volume_key: Option<String>,
    /// What is uploaded at its end is encrypted under this.
    pub(super) output_key: Option<String>,
    pub(super) longest: Duration,
    /// Whether its instances may be taken back.
    pub(super) is_spot: bool,
    pub(super) is_isolated: bool,
    pub(super) metrics: Vec<(String, Regex)>,
}

/// A job of some kind, as asked for.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    Training(Arc<Training>),
    Processing(Arc<Processing>),
}

impl Asked {
    /// Reads the request that creates a job of a kind.
    pub(super) fn parse(kind: Kind, body: &Value) -> Result<Self, ApiError> {
        Ok(match kind {
            Kind::Training => Self::Training(Arc::new(Training::parse(body)?)),
            Kind::Processing => Self::Processing(Arc::new(Processing::parse(body)?)),
        })
    }

    pub(super) fn containers(&self) -> &Arc<Containers> {
        match self {
            Self::Training(training) => &training.containers,
            Self::Processing(processing) => &processing.containers,
        }
    }
}

/// A training job as asked for, checked.
#[derive(Debug)]
pub(super) struct Training {
    pub(super) containers: Arc<Containers>,
    pub(super) hyperparameters: BTreeMap<String, String>,
    pub(super) channels: Vec<Channel>,
    /// Bucket, and prefix without a slash at its end.
    pub(super) output: (String, String),
    pub(super) checkpoints: Option<Kept>,
    /// A tar file, or files below a prefix.
    pub(super) is_packed: bool,
    /// On spot instances: how long it may take in all, waiting included.
    pub(super) spot_wait: Option<Duration>,
}

/// A folder that is copied to S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) bucket: String,
    /// Without a slash at its end.
    pub(super) prefix: String,
    /// Below `/opt/ml`.
    pub(super) folder: PathBuf,
}

impl Training {
    /// Reads a CreateTrainingJob.
    pub(super) fn parse(body: &Value) -> Result<Self, ApiError> {
        rules::check(Kind::Training, body)?;
        let name = required(body, "TrainingJobName", "trainingJobName")?;
        let role = required(body, "RoleArn", "roleArn")?;
        let algorithm = &body["AlgorithmSpecification"];
        let image = algorithm["TrainingImage"]
            .as_str()
            .filter(|image| !image.is_empty())
            .ok_or_else(|| {
                invalid("You must specify either AlgorithmSpecification$TrainingImage or AlgorithmSpecification$AlgorithmName.")
            })?;
        let mode = required(
            algorithm,
            "TrainingInputMode",
            "algorithmSpecification.trainingInputMode",
        )?;
        file_mode(mode)?;
        let resources = &body["ResourceConfig"];
        let groups = instances::groups(resources)?;
        let output = &body["OutputDataConfig"];
        let path = required(output, "S3OutputPath", "outputDataConfig.s3OutputPath")?;
        let stopping = &body["StoppingCondition"];
        let longest = stopping["MaxRuntimeInSeconds"].as_u64().unwrap_or(86_400);
        let is_spot = body["EnableManagedSpotTraining"] == true;
        let spot_wait = stopping["MaxWaitTimeInSeconds"].as_u64();
        match (spot_wait, is_spot) {
            (Some(_), false) => {
                return Err(invalid(
                    "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true",
                ));
            }
            (wait, true) if wait.is_none_or(|wait| wait < longest) => {
                return Err(invalid(
                    "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds",
                ));
            }
            (Some(_), true) | (None, _) => {}
        }
        let channels = channels(&body["InputDataConfig"], mode, &groups)?;
        let containers = Containers {
            kind: Kind::Training,
            name: name.to_owned(),
            role: role.to_owned(),
            image: image.to_owned(),
            entrypoint: texts(&algorithm["ContainerEntrypoint"]),
            arguments: texts(&algorithm["ContainerArguments"]),
            environment: map(&body["Environment"]),
            groups,
            volume_key: key(&resources["VolumeKmsKeyId"]),
            output_key: key(&output["KmsKeyId"]),
            longest: Duration::from_secs(longest),
            is_spot,
            is_isolated: body["EnableNetworkIsolation"] == true,
            metrics: metrics(&algorithm["MetricDefinitions"])?,
        };
        Ok(Self {
            containers: Arc::new(containers),
            hyperparameters: map(&body["HyperParameters"]),
            channels,
            output: place(path, "outputDataConfig.s3OutputPath")?,
            checkpoints: checkpoints(&body["CheckpointConfig"])?,
            is_packed: output["CompressionType"] != "NONE",
            spot_wait: spot_wait.map(Duration::from_secs),
        })
    }
}

/// A KMS key that is named; an empty name is none.
fn key(value: &Value) -> Option<String> {
    value.as_str().filter(|key| !key.is_empty()).map(str::to_owned)
}

/// Tags of a request that has them.
pub(super) fn tags(body: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    rules::check_tags(body)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut tags = BTreeMap::new();
    for tag in body["Tags"].as_array().into_iter().flatten() {
        let key = text(&tag["Key"]);
        if tags.contains_key(&key) {
            return Err(invalid(format!("Tag keys must be unique; {key} is there twice.")));
        }
        tags.insert(key, text(&tag["Value"]));
    }
    Ok(tags)
}

/// `s3://BUCKET/PREFIX`, taken apart.
pub(super) fn location(uri: &str, member: &str) -> Result<(String, String), ApiError> {
    uri.strip_prefix("s3://")
        .map(|rest| rest.split_once('/').unwrap_or((rest, "")))
        .filter(|(bucket, _)| !bucket.is_empty())
        .map(|(bucket, prefix)| (bucket.to_owned(), prefix.to_owned()))
        .ok_or_else(|| {
            constraint(
                uri,
                member,
                "Member must satisfy regular expression pattern: ^(https|s3)://([^/]+)/?(.*)$",
            )
        })
}

/// The same without a slash at its end.
fn place(uri: &str, member: &str) -> Result<(String, String), ApiError> {
    location(uri, member).map(|(bucket, prefix)| (bucket, prefix.trim_end_matches('/').to_owned()))
}

fn checkpoints(value: &Value) -> Result<Option<Kept>, ApiError> {
    if value.is_null() {
        return Ok(None);
    }
    let path = value["LocalPath"].as_str().unwrap_or("/opt/ml/checkpoints");
    let folder = Path::new(path).strip_prefix("/opt/ml").unwrap_or(Path::new(""));
    let is_named = |part: Component| matches!(part, Component::Normal(_));
    let first = folder.components().next();
    let is_taken = ["input", "model", "output"]
        .iter()
        .any(|taken| first == Some(Component::Normal(taken.as_ref())));
    if first.is_none() || is_taken || !folder.components().all(is_named) {
        let told = format!("The sandbox keeps checkpoints in a folder of its own below /opt/ml only, not in {path}.");
        return Err(invalid(told));
    }
    let uri = required(value, "S3Uri", "checkpointConfig.s3Uri")?;
    let (bucket, prefix) = place(uri, "checkpointConfig.s3Uri")?;
    let told = "The sandbox needs a prefix in CheckpointConfig$S3Uri, not a whole bucket.";
    refuse_if(prefix.is_empty(), || invalid(told))?;
    let folder = folder.to_path_buf();
    Ok(Some(Kept { bucket, prefix, folder }))
}

fn metrics(value: &Value) -> Result<Vec<(String, Regex)>, ApiError> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(|metric| {
            let name = required(metric, "Name", "algorithmSpecification.metricDefinitions.name")?;
            let pattern = required(metric, "Regex", "algorithmSpecification.metricDefinitions.regex")?;
            let regex =
                Regex::new(pattern).map_err(|error| invalid(format!("Invalid regex for metric {name}: {error}")))?;
            Ok((name.to_owned(), regex))
        })
        .collect()
}

/// The members that a description gives back as they were given.
pub(super) fn echo(kind: Kind, body: &Value) -> Value {
    match kind {
        Kind::Training => echo_training(body),
        Kind::Processing => processing::echo(body),
    }
}

/// The members that DescribeTrainingJob gives back as they were given.
const TRAINING: &str = "TrainingJobName HyperParameters AlgorithmSpecification RoleArn InputDataConfig \
    OutputDataConfig ResourceConfig VpcConfig StoppingCondition CheckpointConfig Environment ExperimentConfig \
    RetryStrategy DebugHookConfig ProfilerConfig InfraCheckConfig";

/// Takes over what a request has of some members.
fn copy_given(echo: &mut Value, body: &Value, members: &str) {
    for member in members.split(' ').filter(|member| !body[*member].is_null()) {
        echo[member] = body[member].clone();
    }
}

fn echo_training(body: &Value) -> Value {
    let mut echo = json!({
        "EnableNetworkIsolation": body["EnableNetworkIsolation"] == true,
        "EnableInterContainerTrafficEncryption": body["EnableInterContainerTrafficEncryption"] == true,
        "EnableManagedSpotTraining": body["EnableManagedSpotTraining"] == true,
    });
    copy_given(&mut echo, body, TRAINING);
    if echo["StoppingCondition"]["MaxRuntimeInSeconds"].is_null() {
        echo["StoppingCondition"]["MaxRuntimeInSeconds"] = json!(86_400);
    }
    if echo["OutputDataConfig"]["KmsKeyId"].is_null() {
        echo["OutputDataConfig"]["KmsKeyId"] = json!("");
    }
    echo
}

fn required<'a>(value: &'a Value, member: &str, shown: &str) -> Result<&'a str, ApiError> {
    value[member].as_str().ok_or_else(|| {
        invalid(format!(
            "1 validation error detected: Value null at '{shown}' failed to satisfy constraint: Member must not be null"
        ))
    })
}

fn constraint(value: &str, member: &str, rule: &str) -> ApiError {
    invalid(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"
    ))
}
