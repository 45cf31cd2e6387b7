//! What SageMaker tells a container: the files under `/opt/ml/input/config`, and where things are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::{Fault, FaultKind, JobSpec};

/// A training job as seen from inside.
#[derive(Debug)]
pub(crate) struct Job {
    /// `/opt/ml`, or another root.
    pub(crate) root: PathBuf,
    /// As delivered; values may be JSON-quoted. Read them with [`Job::hyperparameter`].
    pub(crate) hyperparameters: BTreeMap<String, String>,
    /// Hosts and network.
    pub(crate) resources: Resources,
    /// Channels by name.
    pub(crate) channels: BTreeMap<String, ChannelConfig>,
    /// What SageMaker copies to S3 while the job runs. A container is not told of `CheckpointConfig.LocalPath`, so a
    /// hyperparameter says it again.
    pub(crate) checkpoints_dir: PathBuf,
}

/// `resourceconfig.json`, as far as it matters here.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Resources {
    /// This host.
    pub(crate) current_host: String,
    /// All hosts of the job.
    pub(crate) hosts: Vec<String>,
    /// The interface the hosts talk over.
    pub(crate) network_interface_name: String,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            current_host: "algo-1".to_owned(),
            hosts: vec!["algo-1".to_owned()],
            network_interface_name: "eth0".to_owned(),
        }
    }
}

/// One channel of `inputdataconfig.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ChannelConfig {
    /// The channel's entry as it came, for `SM_INPUT_DATA_CONFIG`.
    pub(crate) entry: Value,
}

impl ChannelConfig {
    /// Whether every host gets only its share of the files.
    pub(crate) fn is_sharded(&self) -> bool {
        self.entry["S3DistributionType"] == "ShardedByS3Key"
    }

    fn is_pipe(&self) -> bool {
        self.entry["TrainingInputMode"] == "Pipe"
    }
}

impl Job {
    /// Reads the configuration under `root`.
    pub(crate) fn read(root: &Path) -> Result<Self, Fault> {
        let config = root.join("input/config");
        let hyperparameters: BTreeMap<String, Value> =
            document(&config.join("hyperparameters.json"))?.unwrap_or_default();
        let resources = match document(&config.join("resourceconfig.json"))? {
            Some(resources) => Some(resources),
            None => document(&config.join("resourceConfig.json"))?,
        };
        let inputs: BTreeMap<String, Value> = document(&config.join("inputdataconfig.json"))?.unwrap_or_default();
        let mut channels: BTreeMap<_, _> = inputs
            .into_iter()
            .map(|(name, entry)| (name, ChannelConfig { entry }))
            .collect();
        if channels.is_empty() {
            for name in folders(&root.join("input/data"))? {
                channels.insert(name, ChannelConfig::default());
            }
        }
        let refused = |name: &str, cause: &str, remedy: &str| invalid("read channel", name, cause, remedy);
        for (name, channel) in &channels {
            if name.is_empty() || name.contains('/') || name.starts_with('.') {
                return Err(refused(
                    name,
                    "it is not a channel name",
                    "use letters, digits, - and _",
                ));
            }
            if channel.is_pipe() {
                let cause = "its input mode is Pipe, and a token is only trusted once all of it was seen";
                return Err(refused(name, cause, "use File or FastFile mode"));
            }
        }
        let mut job = Self {
            root: root.to_path_buf(),
            hyperparameters: hyperparameters
                .into_iter()
                .map(|(name, value)| (name, delivered(value)))
                .collect(),
            resources: resources.unwrap_or_default(),
            channels,
            checkpoints_dir: root.join(USUAL_CHECKPOINTS),
        };
        if let Some(path) = job.hyperparameter(JobSpec::CHECKPOINTS_PARAMETER) {
            job.checkpoints_dir = root.join(below_opt_ml(&path)?);
        }
        Ok(job)
    }

    /// The value of a hyperparameter, without the JSON quotes that the SageMaker SDK adds; `None` if absent or empty.
    pub(crate) fn hyperparameter(&self, name: &str) -> Option<String> {
        let value = self.hyperparameters.get(name)?;
        let plain = serde_json::from_str::<String>(value).unwrap_or_else(|_| value.clone());
        Some(plain).filter(|plain| !plain.is_empty())
    }

    /// Like [`Job::hyperparameter`], refusing its absence.
    pub(crate) fn required(&self, name: &str) -> Result<String, Fault> {
        self.hyperparameter(name).ok_or_else(|| {
            let remedy = "give the job strongroom_manifest and strongroom_manifest_sha256, or key_bucket, \
                          ciphertext_s3_key and kms_key_id";
            invalid("read hyperparameter", name, "it is missing", remedy)
        })
    }

    /// Where SageMaker puts a channel's files.
    pub(crate) fn channel_dir(&self, channel: &str) -> PathBuf {
        self.root.join("input/data").join(channel)
    }

    /// What becomes `model.tar.gz`.
    pub(crate) fn model_dir(&self) -> PathBuf {
        self.root.join("model")
    }

    /// What holds `failure` and `data`.
    pub(crate) fn output_dir(&self) -> PathBuf {
        self.root.join("output")
    }

    /// What becomes `output.tar.gz`.
    pub(crate) fn output_data_dir(&self) -> PathBuf {
        self.root.join("output/data")
    }

    /// Where scripts write checkpoints to.
    pub(crate) fn usual_checkpoints_dir(&self) -> PathBuf {
        self.root.join(USUAL_CHECKPOINTS)
    }
}

/// The default of `CheckpointConfig.LocalPath`, and written into scripts.
const USUAL_CHECKPOINTS: &str = "checkpoints";
/// What SageMaker, or this program, has another use for.
const TAKEN: [&str; 3] = ["input", "model", "output"];

/// A folder that the job names by its path in a container, below the root.
fn below_opt_ml(path: &str) -> Result<PathBuf, Fault> {
    let below = Path::new(path).strip_prefix("/opt/ml").unwrap_or(Path::new(""));
    let mut parts = below.components();
    let stays = below.components().all(|part| matches!(part, Component::Normal(_)));
    match parts.next() {
        Some(Component::Normal(first)) if stays && !TAKEN.iter().any(|taken| first == *taken) => {
            Ok(below.to_path_buf())
        }
        _ => {
            let (name, cause) = (
                JobSpec::CHECKPOINTS_PARAMETER,
                format!("`{path}` is no folder for checkpoints"),
            );
            let remedy = "give the path of CheckpointConfig.LocalPath, a folder of its own in /opt/ml";
            Err(invalid("read hyperparameter", name, cause, remedy))
        }
    }
}

/// A fault of the job's own making.
pub(crate) fn invalid(act: &str, object: &str, cause: impl Into<String>, remedy: &str) -> Fault {
    Fault::new(FaultKind::Invalid, act, object, cause, remedy)
}

/// A fault of the file system.
pub(crate) fn io(act: &str, path: &Path, error: &std::io::Error) -> Fault {
    let (kind, remedy) = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            (FaultKind::DiskFull, "give the job a larger volume or instance")
        }
        std::io::ErrorKind::NotFound => (FaultKind::NotFound, ""),
        _ => (FaultKind::Io, ""),
    };
    Fault::new(kind, act, path.display().to_string(), error.to_string(), remedy)
}

fn document<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, Fault> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("read", path, &error)),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| invalid("read", &path.display().to_string(), error.to_string(), ""))
}

/// SageMaker delivers strings; a folder made by hand may hold numbers.
fn delivered(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn folders(parent: &Path) -> Result<Vec<String>, Fault> {
    let entries = match fs::read_dir(parent) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io("list", parent, &error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| io("list", parent, &error))?;
        if entry.path().is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn hyperparameters_are_read_with_and_without_json_quotes() {
        let root = root(&[(
            "input/config/hyperparameters.json",
            r#"{"kms_key_id": "\"arn:aws:kms:us-east-1:1:key/k\"", "key_bucket": "b", "epochs": 5, "empty": "\"\""}"#,
        )]);
        let job = Job::read(root.path()).unwrap();
        assert_eq!(
            job.hyperparameter("kms_key_id").unwrap(),
            "arn:aws:kms:us-east-1:1:key/k"
        );
        assert_eq!(job.hyperparameter("key_bucket").unwrap(), "b");
        assert_eq!(job.hyperparameter("epochs").unwrap(), "5");
        assert_eq!(job.hyperparameter("empty"), None);
        assert_eq!(job.required("missing").unwrap_err().kind, FaultKind::Invalid);
    }

    #[test]
    fn without_inputdataconfig_the_folders_are_the_channels() {
        let root = root(&[("input/data/train/a", "x"), ("input/data/test/b", "y")]);
        let job = Job::read(root.path()).unwrap();
        assert_eq!(job.channels.keys().collect::<Vec<_>>(), ["test", "train"]);
        assert_eq!(job.resources.hosts, ["algo-1"]);
    }

    #[test]
    fn checkpoints_are_where_the_job_says_but_never_outside_or_among_other_things() {
        let with = |path: &str| {
            let text = format!(r#"{{"strongroom_checkpoints": "{path}"}}"#);
            let root = root(&[("input/config/hyperparameters.json", &text)]);
            let job = Job::read(root.path());
            job.map(|job| job.checkpoints_dir.strip_prefix(root.path()).unwrap().to_path_buf())
        };
        assert_eq!(with("").unwrap(), Path::new("checkpoints"));
        assert_eq!(with("/opt/ml/checkpoints/").unwrap(), Path::new("checkpoints"));
        assert_eq!(
            with(JobSpec::CHECKPOINTS_DIR).unwrap(),
            Path::new("strongroom-checkpoints")
        );
        for wrong in [
            "/opt/ml",
            "/opt/ml/",
            "/opt/ml/../up",
            "/opt/ml/model/x",
            "/opt/ml/input",
            "/tmp/x",
            "checkpoints",
        ] {
            assert_eq!(with(wrong).unwrap_err().kind, FaultKind::Invalid, "{wrong}");
        }
    }

    #[test]
    fn pipe_mode_is_refused_with_its_remedy() {
        let root = root(&[(
            "input/config/inputdataconfig.json",
            r#"{"train": {"TrainingInputMode": "Pipe"}}"#,
        )]);
        let fault = Job::read(root.path()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid);
        assert!(fault.remedy.contains("File"));
    }

    #[test]
    fn a_channel_name_cannot_leave_the_input_folder() {
        let root = root(&[("input/config/inputdataconfig.json", r#"{"../up": {}}"#)]);
        assert_eq!(Job::read(root.path()).unwrap_err().kind, FaultKind::Invalid);
    }
}
