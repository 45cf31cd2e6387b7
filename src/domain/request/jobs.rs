//! Requests about jobs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::command::{CommandLine, Session};
use super::facts::{Ask, Facts, Touch};
use super::names::{Names, principal};
use crate::domain::spec::WORKFLOW;
use crate::domain::words::span;
use crate::domain::{DataChannel, Instance, JobKind, JobPlan, JobSettings, JobSpec, PlaintextPlace, bring};

/// A request that is about a job.
#[derive(Debug, Clone, PartialEq)]
pub enum JobRequest {
    /// Start a training job on an encrypted object.
    Start(Box<JobSpec>),
    /// Stop a job.
    Stop {
        /// Its id.
        name: String,
    },
    /// Write a job's whole log into a new file.
    SaveLog {
        /// The job's id.
        job: String,
        /// The file.
        to: PathBuf,
    },
    /// Say what would fail before a training job is started.
    Preflight(Box<JobSpec>),
}

impl JobRequest {
    /// The role (ARN) of the job that it looks at before there is one.
    pub(crate) fn role_of_preflight(&self) -> Option<&str> {
        match self {
            Self::Preflight(spec) => Some(&spec.role_arn),
            Self::Start(_) | Self::Stop { .. } | Self::SaveLog { .. } => None,
        }
    }

    pub(super) fn facts(&self, _names: &Names<'_>) -> Facts {
        match self {
            Self::Start(spec) => {
                let moved = spec.moved_from.as_ref().map(|from| format!(", moved from {from}"));
                let others = spec.plan.others.iter().map(|other| format!(" and {}", other.uri()));
                let title = format!(
                    "start the job {} as {} on s3://{}/{}{}{}",
                    spec.name,
                    principal(&spec.role_arn),
                    spec.bucket,
                    spec.object,
                    moved.unwrap_or_default(),
                    others.collect::<String>()
                );
                let original = spec.original.as_ref();
                let program = spec.settings.program.as_ref();
                let brings = program.map(|program| {
                    format!(
                        " It brings {}, uploaded to s3://{} unless it is there.",
                        program.display(),
                        spec.bucket
                    )
                });
                let after = original
                    .map(|original| format!(" What is not said here is as {} has it, its tags too.", original.job));
                Facts::change("start training job", &spec.name, title)
                    .consequence(format!(
                        "{} × {} for at most {}, with {}; AWS bills for it. What it writes goes to {}.{}{}",
                        spec.instance_count,
                        spec.instance_type,
                        span(spec.max_runtime.into()),
                        spec.image,
                        spec.output,
                        [plain(spec), volume(spec), brings.unwrap_or_default()].concat(),
                        after.unwrap_or_default()
                    ))
                    .finishing(
                        "If nothing is written yet nothing will be; else the job is started, and can be stopped.",
                    )
                    .touching([Touch::Job(spec.name.clone()), Touch::Bucket(spec.bucket.clone())])
            }
            Self::Stop { name: id } => {
                let (kind, name) = JobKind::split(id);
                let (act, title) = match kind {
                    JobKind::Training => ("stop training job", format!("stop the job {name}")),
                    JobKind::Processing => ("stop processing job", format!("stop the processing job {name}")),
                };
                Facts::change(act, name, title)
                    .consequence("It is told to end and has two minutes; what it wrote until then is kept.")
                    .touching([Touch::Job(id.clone())])
                    .asking(Ask::Yes)
            }
            Self::SaveLog { job, to } => {
                let name = JobKind::split(job).1;
                let title = format!("save the log of {name} to {}", to.display());
                Facts::reading("save the log of", name, title).touching([Touch::Files])
            }
            Self::Preflight(spec) => {
                let title = format!("look what would make the job {} fail", spec.name);
                Facts::reading("look before training job", &spec.name, title)
            }
        }
    }

    pub(super) fn commands(&self, _session: &Session) -> Vec<CommandLine> {
        match self {
            Self::Start(spec) => {
                let original = spec.original.iter().map(|original| {
                    CommandLine::aws("sagemaker describe-training-job").with("--training-job-name", &original.job)
                });
                original.chain(put_program(spec)).chain([start(spec)]).collect()
            }
            Self::Stop { name } => vec![match JobKind::split(name) {
                (JobKind::Training, name) => {
                    CommandLine::aws("sagemaker stop-training-job").with("--training-job-name", name)
                }
                (JobKind::Processing, name) => {
                    CommandLine::aws("sagemaker stop-processing-job").with("--processing-job-name", name)
                }
            }],
            Self::SaveLog { job, .. } => {
                let (kind, name) = JobKind::split(job);
                vec![
                    CommandLine::aws("logs filter-log-events")
                        .with("--log-group-name", kind.log_group())
                        .with("--log-stream-name-prefix", format!("{name}/"))
                        .with("--query", "events[].[message]")
                        .with("--output", "text"),
                ]
            }
            Self::Preflight(_) => Vec::new(),
        }
    }
}

/// The channels that are declared plain.
fn plain(spec: &JobSpec) -> String {
    let channels = spec.channels();
    let names: Vec<&str> = channels
        .iter()
        .filter(|channel| channel.is_plain)
        .map(|channel| channel.name.as_str())
        .collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => format!(" The channel {only} is plain, and not decrypted."),
        several => format!(" The channels {} are plain, and not decrypted.", several.join(", ")),
    }
}

/// Where plaintext is to be on a disk, and what encrypts that; what of the volume's key is not used.
fn volume(spec: &JobSpec) -> String {
    let by_hardware = Instance::has_local_storage(&spec.instance_type) == Some(true);
    let key = spec.settings.volume_key.as_deref();
    match (spec.plaintext(), by_hardware) {
        (PlaintextPlace::Memory, false) => String::new(),
        (PlaintextPlace::Memory, true) => key.map_or(String::new(), |key| {
            format!(" Its instances have local storage, which their hardware encrypts; {key} is not used for it.")
        }),
        (PlaintextPlace::Volume, true) => {
            " Plaintext goes to its instances' local storage, which their hardware encrypts.".to_owned()
        }
        (PlaintextPlace::Volume, false) => format!(
            " Plaintext goes to its volumes, which are encrypted with {}.",
            key.unwrap_or("the KMS key of the data")
        ),
    }
}

/// Only what is set: SageMaker takes no empty lists and names.
fn settings(json: &mut Value, settings: &JobSettings) {
    let mut set = |pointer: &[&str], value: Value| {
        let is_set = match &value {
            Value::Null => false,
            Value::Bool(on) => *on,
            Value::Array(items) => !items.is_empty(),
            Value::Object(members) => !members.is_empty(),
            Value::Number(_) | Value::String(_) => true,
        };
        if is_set {
            *pointer.iter().fold(&mut *json, |at, name| &mut at[*name]) = value;
        }
    };
    set(&["VpcConfig", "Subnets"], json!(settings.subnets));
    set(&["VpcConfig", "SecurityGroupIds"], json!(settings.security_groups));
    set(&["ResourceConfig", "VolumeKmsKeyId"], json!(settings.volume_key));
    set(&["OutputDataConfig", "KmsKeyId"], json!(settings.output_key));
    set(
        &["EnableInterContainerTrafficEncryption"],
        json!(settings.encrypts_traffic),
    );
    set(&["EnableManagedSpotTraining"], json!(settings.spot_wait.is_some()));
    set(
        &["StoppingCondition", "MaxWaitTimeInSeconds"],
        json!(settings.spot_wait),
    );
    set(&["Environment"], json!(settings.environment));
    let tags = settings
        .tags
        .iter()
        .map(|(name, value)| json!({"Key": name, "Value": value}));
    if let Some(all) = json["Tags"].as_array_mut() {
        all.extend(tags);
    }
}

fn channel(channel: &DataChannel) -> Value {
    json!({
        "ChannelName": channel.name,
        "DataSource": {"S3DataSource": {
            "S3DataType": "S3Prefix",
            "S3Uri": channel.uri(),
            "S3DataDistributionType": channel.distribution(),
        }},
    })
}

/// Of the program that is brought, until it is read.
const SHA256: &str = "PROGRAM_SHA256";

fn program_key() -> String {
    format!("{}{SHA256}/{}", bring::FOLDER, bring::FILE)
}

fn put_program(spec: &JobSpec) -> Option<CommandLine> {
    let put = CommandLine::aws("s3api put-object --if-none-match * --checksum-algorithm SHA256");
    let program = spec.settings.program.as_ref()?;
    Some(
        put.with("--bucket", &spec.bucket)
            .with("--key", program_key())
            .with("--body", program.to_string_lossy()),
    )
}

/// What is looked up when the job is started stands there by its name, in capitals.
fn start(spec: &JobSpec) -> CommandLine {
    let mut hyperparameters = BTreeMap::from([
        ("key_bucket", spec.bucket.as_str()),
        ("ciphertext_s3_key", "DATA_KEY_OBJECT"),
        ("kms_key_id", "KMS_KEY"),
        ("master_key_id", "KMS_KEY"),
        ("train_channel", spec.channel()),
        (JobSpec::CHECKPOINTS_PARAMETER, JobSpec::CHECKPOINTS_DIR),
        ("train_file", spec.object.rsplit('/').next().unwrap_or_default()),
    ]);
    if spec.plaintext() == PlaintextPlace::Volume {
        hyperparameters.insert(JobSpec::PLAINTEXT_PARAMETER, PlaintextPlace::Volume.as_str());
    }
    hyperparameters.extend(
        spec.hyperparameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let mut json = json!({
        "TrainingJobName": spec.name,
        "RoleArn": spec.role_arn,
        "AlgorithmSpecification": {"TrainingImage": spec.image, "TrainingInputMode": "File"},
        "InputDataConfig": spec.channels().iter().map(channel).collect::<Vec<_>>(),
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
    if !spec.plan.command.is_empty() {
        json["AlgorithmSpecification"]["ContainerEntrypoint"] = json!(JobPlan::ENTRYPOINT);
        json["AlgorithmSpecification"]["ContainerArguments"] = json!(spec.plan.command);
    }
    if spec.settings.program.is_some() {
        json["AlgorithmSpecification"]["ContainerEntrypoint"] = json!(bring::entrypoint(SHA256));
        if let Some(channels) = json["InputDataConfig"].as_array_mut() {
            channels.push(channel(&DataChannel {
                name: bring::CHANNEL.to_owned(),
                bucket: spec.bucket.clone(),
                object: program_key(),
                is_sharded: false,
                is_plain: true,
                moved_from: None,
            }));
        }
    }
    settings(&mut json, &spec.settings);
    let resources = &mut json["ResourceConfig"];
    if Instance::has_local_storage(&spec.instance_type) == Some(true) {
        let members = resources.as_object_mut();
        members.map(|members| members.remove("VolumeKmsKeyId"));
    } else if spec.plaintext() == PlaintextPlace::Volume && spec.settings.volume_key.is_none() {
        resources["VolumeKmsKeyId"] = json!("KMS_KEY");
    }
    CommandLine::aws("sagemaker create-training-job").with("--cli-input-json", json.to_string())
}
