//! What new things are made from: jobs, keys, grants, roles, images, and messages for KMS.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{GrantConstraint, ObjectUri, Plaintext};

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

/// Objects that a job finds in a folder of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataChannel {
    /// Its name.
    pub name: String,
    /// The bucket.
    pub bucket: String,
    /// An object's key, or a prefix.
    pub object: String,
    /// Whether each host gets a part of the objects.
    pub is_sharded: bool,
    /// Whether they are meant to be plain, as code and settings are: else each must be a token.
    pub is_plain: bool,
    /// The prefix that the data was moved from, if a person declares that it was moved.
    pub moved_from: Option<String>,
}

impl DataChannel {
    /// From its name and its place: `s3://BUCKET/PREFIX/` or an object, with `,sharded` or `,replicated` and `,plain` behind it.
    pub fn read(name: &str, place: &str) -> Option<Self> {
        let (mut uri, mut is_sharded, mut is_plain) = (place, None, false);
        while let Some((before, word)) = uri.rsplit_once(',') {
            match word {
                "sharded" | "replicated" if is_sharded.is_none() => is_sharded = Some(word == "sharded"),
                "plain" if !is_plain => is_plain = true,
                // Said twice, or in capitals, it would be taken for a part of the key.
                _ if BEHIND.iter().any(|known| known.eq_ignore_ascii_case(word)) => return None,
                _ => break,
            }
            uri = before;
        }
        let ObjectUri { bucket, key } = ObjectUri::parse(uri)?;
        Some(Self {
            name: name.to_owned(),
            bucket,
            object: key,
            is_sharded: is_sharded == Some(true),
            is_plain,
            moved_from: None,
        })
    }

    /// Several, as [`DataChannel::list`] writes them; what cannot be read.
    pub fn read_list(text: &str) -> Result<Vec<Self>, String> {
        let mut entries: Vec<String> = Vec::new();
        for part in text.split(", ") {
            match entries.last_mut() {
                // A key may hold what stands between two channels.
                Some(last) if !part.contains("=s3://") => last.push_str(&[", ", part].concat()),
                Some(_) | None => entries.push(part.to_owned()),
            }
        }
        let read = |entry: &String| {
            let channel = entry
                .trim()
                .split_once('=')
                .and_then(|(name, place)| Self::read(name, place));
            channel.ok_or_else(|| format!("{} is not NAME=s3://BUCKET/PREFIX/", entry.trim()))
        };
        entries.iter().map(read).collect()
    }

    /// `NAME=PLACE, NAME=PLACE,sharded`.
    pub fn list(channels: &[Self]) -> String {
        let entry = |channel: &Self| {
            let sharded = if channel.is_sharded { ",sharded" } else { "" };
            let plain = if channel.is_plain { ",plain" } else { "" };
            format!("{}={}{sharded}{plain}", channel.name, channel.uri())
        };
        channels.iter().map(entry).collect::<Vec<_>>().join(", ")
    }

    /// For objects or prefixes of a bucket: one is `train`, several have the names of what they hold.
    pub fn of(bucket: &str, objects: &[String]) -> Vec<Self> {
        let mut channels: Vec<Self> = Vec::new();
        for object in objects {
            let name = if objects.len() == 1 {
                "train".to_owned()
            } else {
                let known: Vec<&str> = channels.iter().map(|channel| channel.name.as_str()).collect();
                free_name(object, &known)
            };
            channels.push(Self {
                name,
                bucket: bucket.to_owned(),
                object: object.clone(),
                is_sharded: false,
                is_plain: false,
                moved_from: None,
            });
        }
        channels
    }

    /// Where its data is.
    pub fn uri(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.object)
    }

    /// SageMaker's word for who gets which of its objects.
    pub fn distribution(&self) -> &'static str {
        if self.is_sharded {
            "ShardedByS3Key"
        } else {
            "FullyReplicated"
        }
    }
}

/// What may stand behind a channel's place.
const BEHIND: [&str; 3] = ["sharded", "replicated", "plain"];

/// The last part of an object's key as the name of a channel that no other has.
fn free_name(object: &str, known: &[&str]) -> String {
    let last = object.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let stem = last.split('.').find(|part| !part.is_empty()).unwrap_or("data");
    let letter = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = stem.chars().take(60).map(letter).collect();
    let numbered = (2..).map(|number: u32| format!("{name}-{number}"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    names.find(|name| !known.contains(&name.as_str())).unwrap_or_default()
}

/// What a company's rules want of a job; what is not set is SageMaker's default, or the original's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    pub encrypts_traffic: bool,
    /// Seconds that it may take in all on spot instances, waiting included; on demand if not set.
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

/// Where a host of a job keeps plaintext while it trains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PlaintextPlace {
    /// In memory, of which half at most.
    #[default]
    Memory,
    /// On the ML volume, which is encrypted then: with a KMS key, or by the hardware of local storage.
    Volume,
}

impl PlaintextPlace {
    /// The word for it, on the command line and in the job's hyperparameters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Volume => "volume",
        }
    }

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

/// What a company's rules want of a role; what is not set it does without.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleSettings {
    /// The path before its name: `/team/`, with or without the slashes around.
    pub path: Option<String>,
    /// ARN of the policy that bounds it.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_channel_is_for_every_host_unless_it_says_sharded() {
        for (place, object, is_sharded) in [
            ("s3://b/data/", "data/", false),
            ("s3://b/data/,replicated", "data/", false),
            ("s3://b/data/,sharded", "data/", true),
            ("s3://b/a,b.csv", "a,b.csv", false),
            ("s3://b/a,b.csv,sharded", "a,b.csv", true),
            ("s3://b/code/,plain", "code/", false),
            ("s3://b/code/,plain,sharded", "code/", true),
            ("s3://b/code/,sharded,plain", "code/", true),
        ] {
            let read = DataChannel::read("train", place).unwrap();
            assert_eq!((read.object.as_str(), read.is_sharded), (object, is_sharded), "{place}");
            assert_eq!(read.is_plain, place.contains("plain"), "{place}");
        }
        for wrong in ["s3://b/x,sharded,replicated", "s3://b/x,plain,plain", "s3://b/x,Plain"] {
            assert_eq!(DataChannel::read("train", wrong), None, "{wrong}");
        }
        assert_eq!(DataChannel::read("train", "data/"), None);
    }

    #[test]
    fn a_list_of_channels_is_read_as_it_is_written() {
        for text in [
            "train=s3://b/data/",
            "train=s3://b/data/,sharded,plain, code=s3://b/code/,plain",
            "train=s3://b/data/,sharded, test=s3://c/x, y.csv, last=s3://b/a=b/,sharded",
        ] {
            assert_eq!(DataChannel::list(&DataChannel::read_list(text).unwrap()), text);
        }
        let wrong = DataChannel::read_list("train=s3://b/data/, test=data").unwrap();
        assert_eq!(wrong[0].object, "data/, test=data", "no other channel begins there");
        assert!(
            DataChannel::read_list("data/")
                .unwrap_err()
                .contains("data/ is not NAME=")
        );
        assert!(DataChannel::read_list("").is_err());
    }

    #[test]
    fn one_place_is_the_channel_train_and_several_have_their_own_names() {
        let names = |objects: &[&str]| -> Vec<String> {
            let objects: Vec<String> = objects.iter().map(ToString::to_string).collect();
            let channels = DataChannel::of("b", &objects);
            channels.into_iter().map(|channel| channel.name).collect()
        };
        assert_eq!(names(&["data/2026/"]), ["train"]);
        assert_eq!(names(&["data/train/", "data/held out/"]), ["train", "held-out"]);
        assert_eq!(names(&["a/x.csv", "b/x.csv.gz", ".hidden"]), ["x", "x-2", "hidden"]);
    }
}
