//! Requests about training jobs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::command::CommandLine;
use super::facts::{Ask, Facts, Touch};
use super::names::principal;
use crate::domain::JobSpec;
use crate::domain::spec::WORKFLOW;
use crate::domain::words::span;

/// A request that is about a training job.
#[derive(Debug, Clone, PartialEq)]
pub enum JobRequest {
    /// Start a training job on an encrypted object.
    Start(Box<JobSpec>),
    /// Stop a training job.
    Stop {
        /// Its name.
        name: String,
    },
    /// Write a training job's whole log into a new file.
    SaveLog {
        /// The job's name.
        job: String,
        /// The file.
        to: PathBuf,
    },
    /// Say what would fail before a training job is started.
    Preflight(Box<JobSpec>),
}

impl JobRequest {
    pub(super) fn facts(&self) -> Facts {
        match self {
            Self::Start(spec) => {
                let moved = spec.moved_from.as_ref().map(|from| format!(", moved from {from}"));
                let title = format!(
                    "start the job {} as {} on s3://{}/{}{}",
                    spec.name,
                    principal(&spec.role_arn),
                    spec.bucket,
                    spec.object,
                    moved.unwrap_or_default()
                );
                Facts::change("start training job", &spec.name, title)
                    .consequence(format!(
                        "{} × {} for at most {}, with {}; AWS bills for it. What it writes goes to {}.",
                        spec.instance_count,
                        spec.instance_type,
                        span(spec.max_runtime.into()),
                        spec.image,
                        spec.output
                    ))
                    .finishing(
                        "If nothing is written yet nothing will be; else the job is started, and can be stopped.",
                    )
                    .touching([Touch::Job(spec.name.clone()), Touch::Bucket(spec.bucket.clone())])
            }
            Self::Stop { name } => Facts::change("stop training job", name, format!("stop the job {name}"))
                .consequence("It is told to end and has two minutes; what it wrote until then is kept.")
                .touching([Touch::Job(name.clone())])
                .asking(Ask::Yes),
            Self::SaveLog { job, to } => {
                let title = format!("save the log of {job} to {}", to.display());
                Facts::reading("save the log of", job, title).touching([Touch::Files])
            }
            Self::Preflight(spec) => {
                let title = format!("look what would make the job {} fail", spec.name);
                Facts::reading("look before training job", &spec.name, title)
            }
        }
    }

    pub(super) fn commands(&self) -> Vec<CommandLine> {
        match self {
            Self::Start(spec) => vec![start(spec)],
            Self::Stop { name } => {
                vec![CommandLine::aws("sagemaker stop-training-job").with("--training-job-name", name)]
            }
            Self::SaveLog { job, .. } => vec![
                CommandLine::aws("logs filter-log-events --log-group-name /aws/sagemaker/TrainingJobs")
                    .with("--log-stream-name-prefix", format!("{job}/"))
                    .with("--query", "events[].[message]")
                    .with("--output", "text"),
            ],
            Self::Preflight(_) => Vec::new(),
        }
    }
}

/// What is looked up when the job is started stands there by its name, in capitals.
fn start(spec: &JobSpec) -> CommandLine {
    let mut hyperparameters = BTreeMap::from([
        ("key_bucket", spec.bucket.as_str()),
        ("ciphertext_s3_key", "DATA_KEY_OBJECT"),
        ("kms_key_id", "KMS_KEY"),
        ("master_key_id", "KMS_KEY"),
        ("train_channel", "train"),
        (JobSpec::CHECKPOINTS_PARAMETER, JobSpec::CHECKPOINTS_DIR),
        ("train_file", spec.object.rsplit('/').next().unwrap_or_default()),
    ]);
    hyperparameters.extend(
        spec.hyperparameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let json = serde_json::json!({
        "TrainingJobName": spec.name,
        "RoleArn": spec.role_arn,
        "AlgorithmSpecification": {"TrainingImage": spec.image, "TrainingInputMode": "File"},
        "InputDataConfig": [{
            "ChannelName": "train",
            "DataSource": {"S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": format!("s3://{}/{}", spec.bucket, spec.object),
                "S3DataDistributionType": "FullyReplicated",
            }},
        }],
        "OutputDataConfig": {"S3OutputPath": spec.output},
        "CheckpointConfig": {"S3Uri": spec.checkpoints_uri(), "LocalPath": JobSpec::CHECKPOINTS_DIR},
        "ResourceConfig": {
            "InstanceType": spec.instance_type,
            "InstanceCount": spec.instance_count,
            "VolumeSizeInGB": spec.volume_gb,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": spec.max_runtime},
        "HyperParameters": hyperparameters,
        "Tags": [{"Key": WORKFLOW.0, "Value": WORKFLOW.1}],
    });
    CommandLine::aws("sagemaker create-training-job").with("--cli-input-json", json.to_string())
}
