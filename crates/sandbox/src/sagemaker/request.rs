//! What a training job may ask for, and SageMaker's words for what it may not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use regex_lite::Regex;
use serde_json::{Value, json};

use super::super::api::ApiError;
use super::invalid;

/// Twenty channels, as SageMaker.
const MOST_CHANNELS: usize = 20;
/// The quota of a world: what it runs is one process a job.
const MOST_INSTANCES: u64 = 1;

/// A job as asked for, checked.
#[derive(Debug)]
pub(super) struct Training {
    pub(super) name: String,
    pub(super) role: String,
    pub(super) image: String,
    /// In place of the image's own; empty if it keeps that.
    pub(super) entrypoint: Vec<String>,
    pub(super) arguments: Vec<String>,
    pub(super) hyperparameters: BTreeMap<String, String>,
    pub(super) channels: Vec<Channel>,
    /// Bucket, and prefix without a slash at its end.
    pub(super) output: (String, String),
    pub(super) output_key: Option<String>,
    pub(super) checkpoints: Option<Kept>,
    /// A tar file, or files below a prefix.
    pub(super) is_packed: bool,
    pub(super) instance_type: String,
    pub(super) longest: Duration,
    pub(super) is_isolated: bool,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) metrics: Vec<(String, Regex)>,
}

/// Where checkpoints are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) bucket: String,
    /// Without a slash at its end.
    pub(super) prefix: String,
    /// Below `/opt/ml`.
    pub(super) folder: PathBuf,
}

/// One input channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Channel {
    pub(super) name: String,
    pub(super) bucket: String,
    /// A prefix, or the key of a manifest.
    pub(super) prefix: String,
    pub(super) is_manifest: bool,
    /// The channel's entry of `inputdataconfig.json`.
    pub(super) config: Value,
}

impl Training {
    /// Reads a CreateTrainingJob.
    pub(super) fn parse(body: &Value) -> Result<Self, ApiError> {
        let name = required(body, "TrainingJobName", "trainingJobName")?;
        if !valid_name(name) {
            return Err(constraint(
                name,
                "trainingJobName",
                "Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
            ));
        }
        let role = required(body, "RoleArn", "roleArn")?;
        if !(role.starts_with("arn:aws:iam::") && role.contains(":role/")) {
            return Err(constraint(
                role,
                "roleArn",
                "Member must satisfy regular expression pattern: ^arn:aws[a-z\\-]*:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+$",
            ));
        }
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
        let instance_type = required(resources, "InstanceType", "resourceConfig.instanceType")?;
        let count = resources["InstanceCount"].as_u64().unwrap_or_default();
        if count == 0 {
            return Err(constraint(
                "0",
                "resourceConfig.instanceCount",
                "Member must have value greater than or equal to 1",
            ));
        }
        if count > MOST_INSTANCES {
            return Err(ApiError::new(
                "ResourceLimitExceeded",
                format!(
                    "The account-level service limit '{instance_type} for training job usage' is {MOST_INSTANCES} \
                     Instances, with current utilization of 0 Instances and a request delta of {count} Instances. \
                     The sandbox runs a job as one process on this machine."
                ),
            ));
        }
        if resources["VolumeSizeInGB"].as_u64().unwrap_or_default() == 0 {
            return Err(constraint(
                "0",
                "resourceConfig.volumeSizeInGB",
                "Member must have value greater than or equal to 1",
            ));
        }
        let output = &body["OutputDataConfig"];
        let path = required(output, "S3OutputPath", "outputDataConfig.s3OutputPath")?;
        let longest = match &body["StoppingCondition"]["MaxRuntimeInSeconds"] {
            Value::Null => 86_400,
            value => value.as_u64().filter(|seconds| *seconds >= 1).ok_or_else(|| {
                constraint(
                    &value.to_string(),
                    "stoppingCondition.maxRuntimeInSeconds",
                    "Member must have value greater than or equal to 1",
                )
            })?,
        };
        Ok(Self {
            name: name.to_owned(),
            role: role.to_owned(),
            image: image.to_owned(),
            entrypoint: words(
                algorithm,
                "ContainerEntrypoint",
                "algorithmSpecification.containerEntrypoint",
            )?,
            arguments: words(
                algorithm,
                "ContainerArguments",
                "algorithmSpecification.containerArguments",
            )?,
            hyperparameters: hyperparameters(&body["HyperParameters"])?,
            channels: channels(&body["InputDataConfig"], mode)?,
            output: place(path, "outputDataConfig.s3OutputPath")?,
            checkpoints: checkpoints(&body["CheckpointConfig"])?,
            output_key: output["KmsKeyId"]
                .as_str()
                .filter(|key| !key.is_empty())
                .map(str::to_owned),
            is_packed: output["CompressionType"] != "NONE",
            instance_type: instance_type.to_owned(),
            longest: Duration::from_secs(longest),
            is_isolated: body["EnableNetworkIsolation"] == true,
            environment: map(&body["Environment"], "environment")?,
            metrics: metrics(&algorithm["MetricDefinitions"])?,
        })
    }
}

/// A letter or digit, then up to 62 more, each behind any number of hyphens.
pub(super) fn valid_name(name: &str) -> bool {
    let hyphens_only_between = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    hyphens_only_between && name.chars().filter(char::is_ascii_alphanumeric).count() <= 63 && name.len() <= 63
}

/// Tags as AWS's JSON services take them.
pub(super) fn tags(value: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(|tag| match (tag["Key"].as_str(), tag["Value"].as_str()) {
            (Some(key), Some(value)) if !key.is_empty() && key.len() <= 128 && value.len() <= 256 => {
                Ok((key.to_owned(), value.to_owned()))
            }
            _ => Err(invalid(
                "1 validation error detected: a tag needs a Key of 1 to 128 and a Value of at most 256 characters",
            )),
        })
        .collect()
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
        return Err(invalid(format!(
            "The sandbox keeps checkpoints in a folder of its own below /opt/ml only, not in {path}."
        )));
    }
    let uri = required(value, "S3Uri", "checkpointConfig.s3Uri")?;
    let (bucket, prefix) = place(uri, "checkpointConfig.s3Uri")?;
    if prefix.is_empty() {
        return Err(invalid(
            "The sandbox needs a prefix in CheckpointConfig$S3Uri, not a whole bucket.",
        ));
    }
    let folder = folder.to_path_buf();
    Ok(Some(Kept { bucket, prefix, folder }))
}

fn hyperparameters(value: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    let hyperparameters = map(value, "hyperParameters")?;
    if hyperparameters.len() > 100 {
        return Err(invalid(
            "1 validation error detected: Value at 'hyperParameters' failed to satisfy constraint: Member must have \
             length less than or equal to 100",
        ));
    }
    for (key, value) in &hyperparameters {
        let too_long = |what: &str, most: usize| {
            invalid(format!(
                "1 validation error detected: Value at 'hyperParameters.{key}' failed to satisfy constraint: Map {what} \
                 must satisfy constraint: [Member must have length less than or equal to {most}]"
            ))
        };
        if key.chars().count() > 256 {
            return Err(too_long("keys", 256));
        }
        if value.chars().count() > 2500 {
            return Err(too_long("value", 2500));
        }
    }
    Ok(hyperparameters)
}

fn channels(value: &Value, job_mode: &str) -> Result<Vec<Channel>, ApiError> {
    let entries: &[Value] = value.as_array().map_or(&[], Vec::as_slice);
    if entries.len() > MOST_CHANNELS {
        return Err(invalid(
            "1 validation error detected: Value at 'inputDataConfig' failed to satisfy constraint: Member must have \
             length less than or equal to 20",
        ));
    }
    let mut names = BTreeSet::new();
    entries
        .iter()
        .map(|entry| {
            let name = required(entry, "ChannelName", "inputDataConfig.channelName")?;
            let is_valid = name.len() <= 64
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
                && name.chars().any(|c| c != '.');
            if !is_valid {
                return Err(constraint(
                    name,
                    "inputDataConfig.channelName",
                    "Member must satisfy regular expression pattern: [A-Za-z0-9\\.\\-_]+",
                ));
            }
            if !names.insert(name.to_owned()) {
                return Err(invalid(format!(
                    "Duplicate channel name found in input data config: {name}"
                )));
            }
            channel(name, entry, job_mode)
        })
        .collect()
}

fn channel(name: &str, entry: &Value, job_mode: &str) -> Result<Channel, ApiError> {
    let mode = entry["InputMode"].as_str().unwrap_or(job_mode);
    file_mode(mode)?;
    let source = &entry["DataSource"]["S3DataSource"];
    let uri = required(source, "S3Uri", "inputDataConfig.dataSource.s3DataSource.s3Uri")?;
    let (bucket, prefix) = location(uri, "inputDataConfig.dataSource.s3DataSource.s3Uri")?;
    let kind = source["S3DataType"].as_str().unwrap_or("S3Prefix");
    let is_manifest = match kind {
        "S3Prefix" => false,
        "ManifestFile" => true,
        _ => {
            return Err(constraint(
                kind,
                "inputDataConfig.dataSource.s3DataSource.s3DataType",
                "Member must satisfy enum value set in the sandbox: [ManifestFile, S3Prefix]",
            ));
        }
    };
    let text = |value: &Value, default: &str| value.as_str().unwrap_or(default).to_owned();
    let mut config = json!({
        "TrainingInputMode": mode,
        "S3DistributionType": text(&source["S3DataDistributionType"], "FullyReplicated"),
        "RecordWrapperType": text(&entry["RecordWrapperType"], "None"),
    });
    if let Some(content) = entry["ContentType"].as_str() {
        config["ContentType"] = json!(content);
    }
    if let Some(compression) = entry["CompressionType"].as_str() {
        config["CompressionType"] = json!(compression);
    }
    Ok(Channel {
        name: name.to_owned(),
        bucket,
        prefix,
        is_manifest,
        config,
    })
}

/// Words of a command line: up to a hundred, if they are there at all.
fn words(algorithm: &Value, member: &str, shown: &str) -> Result<Vec<String>, ApiError> {
    let Some(words) = algorithm[member].as_array() else {
        return Ok(Vec::new());
    };
    let listed = || {
        format!(
            "[{}]",
            words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        )
    };
    let length = |rule: &str| constraint(&listed(), shown, rule);
    if words.is_empty() {
        return Err(length("Member must have length greater than or equal to 1"));
    }
    if words.len() > 100 {
        return Err(length("Member must have length less than or equal to 100"));
    }
    let fits = |word: &Value| word.as_str().is_some_and(|word| word.chars().count() <= 256);
    if !words.iter().all(fits) {
        return Err(length(
            "Member must satisfy constraint: [Member must have length less than or equal to 256, Member must have \
             length greater than or equal to 0, Member must satisfy regular expression pattern: .*, Member must not be \
             null]",
        ));
    }
    Ok(words.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn file_mode(mode: &str) -> Result<(), ApiError> {
    match mode {
        "File" | "FastFile" => Ok(()),
        "Pipe" => Err(invalid(
            "The sandbox does not implement the training input mode Pipe; use File or FastFile.",
        )),
        _ => Err(constraint(
            mode,
            "algorithmSpecification.trainingInputMode",
            "Member must satisfy enum value set: [Pipe, File, FastFile]",
        )),
    }
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

fn map(value: &Value, member: &str) -> Result<BTreeMap<String, String>, ApiError> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| match value.as_str() {
            Some(value) => Ok((key.clone(), value.to_owned())),
            None => Err(ApiError::new(
                "SerializationException",
                format!("'{member}.{key}' is not a string"),
            )),
        })
        .collect()
}

/// The members that DescribeTrainingJob gives back as they were given.
pub(super) fn echo(body: &Value) -> Value {
    let mut echo = json!({
        "EnableNetworkIsolation": body["EnableNetworkIsolation"] == true,
        "EnableInterContainerTrafficEncryption": body["EnableInterContainerTrafficEncryption"] == true,
        "EnableManagedSpotTraining": body["EnableManagedSpotTraining"] == true,
        "StoppingCondition": { "MaxRuntimeInSeconds": 86_400 },
    });
    for member in [
        "TrainingJobName",
        "HyperParameters",
        "AlgorithmSpecification",
        "RoleArn",
        "InputDataConfig",
        "OutputDataConfig",
        "ResourceConfig",
        "VpcConfig",
        "StoppingCondition",
        "CheckpointConfig",
        "Environment",
        "ExperimentConfig",
    ] {
        if !body[member].is_null() {
            echo[member] = body[member].clone();
        }
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
