//! What new things are made from: jobs, keys, grants, roles, images, and messages for KMS.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::worded::worded;
use super::{GrantConstraint, Plaintext};

pub use channel::DataChannel;

mod channel;

/// The tag of everything that the walk makes, so that clean-up finds it and nothing else: name and value.
pub const WORKFLOW: (&str, &str) = ("strongroom:workflow", "walk");

/// What a new training job is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct JobSpec {
    /// Its name.
    pub name: String,
    /// The execution role's ARN.
    pub role_arn: String,
    /// The training image's URI.
    pub image: String,
    /// `ml.m5.large`, …
    pub instance_type: String,
    /// How many instances.
    pub instance_count: i32,
    /// Volume in GB.
    pub volume_gb: i32,
    /// Longest run in seconds.
    pub max_runtime: i32,
    /// Bucket of the first channel's data; the manifest goes there too.
    pub bucket: String,
    /// An object's key, or a prefix.
    pub object: String,
    /// `s3://…` where the model goes.
    pub output: String,
    /// Further hyperparameters.
    pub hyperparameters: BTreeMap<String, String>,
    /// The prefix that the data was moved from, if a person declares that it was moved.
    pub moved_from: Option<String>,
    /// What a company's rules want of a job.
    pub settings: JobSettings,
    /// How it takes its data and runs.
    pub plan: JobPlan,
    /// The job that it is made after: all that is not said here is as it was there.
    pub original: Option<Original>,
}

/// How a job takes its data and runs, where that is not one channel for all hosts and the image's own command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobPlan {
    /// Name of the first channel; the original's if none, or `train`.
    pub channel: Option<String>,
    /// Whether each host gets a part of the first channel's objects.
    pub is_sharded: bool,
    /// Whether the first channel holds what is meant to be plain.
    pub is_plain: bool,
    /// Further channels.
    pub others: Vec<DataChannel>,
    /// What `strongroom train` runs in the container; the image's own command if empty.
    pub command: Vec<String>,
    /// A JSON object of further hyperparameters.
    pub parameter_file: Option<PathBuf>,
}

impl JobPlan {
    /// What runs a command in the container; an image that is made our way has it. Where a channel brings it that is
    /// [`bring::entrypoint`](super::bring::entrypoint).
    pub const ENTRYPOINT: [&str; 3] = ["strongroom", "train", "--"];
}

/// What a company's rules want of a job; what is not set is SageMaker's default, or the original's. It is read as the
/// configuration spells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct JobSettings {
    /// Subnets of the VPC that it runs in.
    pub subnets: Vec<String>,
    /// Security groups there.
    pub security_groups: Vec<String>,
    /// The KMS key of the volumes.
    pub volume_key: Option<String>,
    /// The KMS key that SageMaker encrypts the output with.
    pub output_key: Option<String>,
    /// Whether instances encrypt what they send each other.
    #[serde(rename = "encrypt-between-hosts")]
    pub encrypts_traffic: bool,
    /// Seconds that it may take in all on spot instances, waiting included; on demand if not set.
    #[serde(rename = "spot")]
    pub spot_wait: Option<i32>,
    /// Environment variables of the container.
    pub environment: BTreeMap<String, String>,
    /// Tags of the job.
    pub tags: BTreeMap<String, String>,
    /// Where its hosts keep plaintext.
    pub plaintext: PlaintextPlace,
    /// A static strongroom that a channel brings to the image; the image has its own if none.
    pub program: Option<PathBuf>,
}

worded! {
    /// Where a host of a job keeps plaintext while it trains.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum PlaintextPlace: "The word for it, on the command line and in the job's hyperparameters." {
        /// In memory, of which half at most.
        #[default]
        Memory = "memory",
        /// On the ML volume, which is encrypted then: with a KMS key, or by the hardware of local storage.
        Volume = "volume",
    }
}

impl PlaintextPlace {
    /// From its word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Memory, Self::Volume]
            .into_iter()
            .find(|place| place.as_str() == word)
    }
}

/// A job that another is made after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// Its name.
    pub job: String,
    /// Its channel whose data the new one trains on.
    pub channel: String,
}

impl JobSpec {
    /// The name of the first channel.
    pub fn channel(&self) -> &str {
        let original = self.original.as_ref().map(|original| original.channel.as_str());
        self.plan.channel.as_deref().or(original).unwrap_or("train")
    }

    /// The channels whose data is looked at and listed for the job, the first one first.
    pub fn channels(&self) -> Vec<DataChannel> {
        let first = DataChannel {
            name: self.channel().to_owned(),
            bucket: self.bucket.clone(),
            object: self.object.clone(),
            is_sharded: self.plan.is_sharded,
            is_plain: self.plan.is_plain,
            moved_from: self.moved_from.clone(),
        };
        std::iter::once(first).chain(self.plan.others.iter().cloned()).collect()
    }

    /// Where SageMaker finds checkpoints to copy to S3, in a job made here: a folder of our own, so that the usual one,
    /// which scripts write to, holds plaintext that nobody copies.
    pub const CHECKPOINTS_DIR: &str = "/opt/ml/strongroom-checkpoints";
    /// The hyperparameter that tells the container of it.
    pub const CHECKPOINTS_PARAMETER: &str = "strongroom_checkpoints";

    /// The hyperparameter with the account that the bucket of the job's manifest must belong to.
    pub const OWNER_PARAMETER: &str = "strongroom_bucket_owner";
    /// The hyperparameter that says that the job's role pays for what is read there.
    pub const PAYER_PARAMETER: &str = "strongroom_requester_pays";
    /// The hyperparameter that tells the container where plaintext goes; a person may give it too.
    pub const PLAINTEXT_PARAMETER: &str = "strongroom_plaintext";
    /// The hyperparameter by which a person chooses a new data key for what the job writes.
    pub const MODEL_KEY_PARAMETER: &str = "strongroom_model_key";

    /// The boto3 way's hyperparameters, which name the data key: a container of ours takes them for itself.
    pub const BOTO3_PARAMETERS: [&str; 6] = [
        "ciphertext_s3_key",
        "encryption_context",
        "key_bucket",
        "kms_key_id",
        "master_key_id",
        "train_channel",
    ];

    /// Where plaintext goes: as the hyperparameter has it, if there is one that means something.
    pub fn plaintext(&self) -> PlaintextPlace {
        let given = self.hyperparameters.get(Self::PLAINTEXT_PARAMETER);
        let given = given.and_then(|word| PlaintextPlace::parse(word));
        given.unwrap_or(self.settings.plaintext)
    }

    /// Where they are copied to: beside the model.
    pub fn checkpoints_uri(&self) -> String {
        format!("{}/{}/checkpoints", self.output.trim_end_matches('/'), self.name)
    }
}

/// What a new KMS key is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySpec {
    /// May be empty.
    pub description: String,
    /// With or without `alias/`; none if empty.
    pub alias: String,
    /// `SYMMETRIC_DEFAULT`, `RSA_2048`, …
    pub spec: String,
    /// `ENCRYPT_DECRYPT`, `SIGN_VERIFY`, …
    pub usage: String,
    /// The policy, JSON; the console's for the caller if none is given.
    pub policy: Option<String>,
    /// Tags beside the walk's own.
    pub tags: BTreeMap<String, String>,
    /// Whether AWS makes new material every year.
    pub rotation: bool,
}

impl Default for KeySpec {
    fn default() -> Self {
        Self {
            description: String::new(),
            alias: String::new(),
            spec: "SYMMETRIC_DEFAULT".to_owned(),
            usage: "ENCRYPT_DECRYPT".to_owned(),
            policy: None,
            tags: BTreeMap::new(),
            rotation: false,
        }
    }
}

/// What a new grant is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantSpec {
    /// The key's ARN.
    pub key_arn: String,
    /// The principal's ARN; a session's becomes its role's.
    pub grantee: String,
    /// `Decrypt`, `Encrypt`, …
    pub operations: Vec<String>,
    /// When it holds, if not always.
    pub constraint: Option<GrantConstraint>,
    /// Makes the same grant again the same grant.
    pub name: Option<String>,
    /// Who may retire it.
    pub retiring: Option<String>,
}

impl GrantSpec {
    /// The operations that a training job needs.
    pub const TRAINING: [&str; 2] = ["Decrypt", "Encrypt"];

    /// What a training job needs, named after it.
    pub fn for_job(key_arn: &str, role_arn: &str, job: &str) -> Self {
        Self {
            key_arn: key_arn.to_owned(),
            grantee: role_arn.to_owned(),
            operations: Self::TRAINING.map(str::to_owned).to_vec(),
            constraint: None,
            name: Some(format!("strongroom-{job}")),
            retiring: None,
        }
    }

    /// What a volume's encryption needs of the role that a job runs as: SageMaker makes a grant of it for the volume.
    pub const VOLUME: [&str; 7] = [
        "CreateGrant",
        "Decrypt",
        "DescribeKey",
        "Encrypt",
        "GenerateDataKeyWithoutPlaintext",
        "ReEncryptFrom",
        "ReEncryptTo",
    ];

    /// What a training job needs of the key of its volumes, named after it.
    pub fn for_volume(key_arn: &str, role_arn: &str, job: &str) -> Self {
        Self {
            operations: Self::VOLUME.map(str::to_owned).to_vec(),
            name: Some(format!("strongroom-{job}-volume")),
            ..Self::for_job(key_arn, role_arn, job)
        }
    }
}

/// What a new execution role is made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoleSpec {
    /// Its name.
    pub name: String,
    /// The bucket of data, key object, manifest and output.
    pub bucket: String,
    /// Prefix (or object) of the training data.
    pub data: String,
    /// Prefix of the output.
    pub output: String,
    /// The training image's URI, if it is known already.
    pub image: Option<String>,
    /// Attach `AmazonSageMakerFullAccess` instead of the least policy.
    pub full_access: bool,
    /// What a company's rules want of a role.
    pub settings: RoleSettings,
}

/// What a company's rules want of a role; what is not set it does without. It is read as the configuration spells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RoleSettings {
    /// The path before its name: `/team/`, with or without the slashes around.
    pub path: Option<String>,
    /// ARN of the policy that bounds it.
    #[serde(rename = "permissions-boundary")]
    pub boundary: Option<String>,
    /// Its tags, beside the walk's own.
    pub tags: BTreeMap<String, String>,
}

impl RoleSettings {
    /// The path as IAM has it, between slashes; `None` where there is none to speak of.
    pub fn spelled_path(&self) -> Option<String> {
        let inner = self.path.as_deref()?.trim_matches('/');
        (!inner.is_empty()).then(|| format!("/{inner}/"))
    }
}

/// A message for KMS: typed, or in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Typed.
    Text(Plaintext),
    /// In a file.
    File(PathBuf),
}

/// What a training image is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSpec {
    /// The folder with `Dockerfile`.
    pub folder: PathBuf,
    /// The ECR repository, which must exist.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// Whether it is pushed too.
    pub push: bool,
}
