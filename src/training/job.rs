//! What SageMaker tells a container: the files under `/opt/ml/input/config`, and where things are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::exact::Exact;
use crate::config::Connection;
use crate::domain::{Fault, FaultKind, JobSpec, UploadRule, UploadSettings, bring};

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

/// `resourceconfig.json`.
#[derive(Debug, Clone)]
pub(crate) struct Resources {
    /// This host.
    pub(crate) current_host: String,
    /// All hosts of the job.
    pub(crate) hosts: Vec<String>,
    /// The document, with what it must have.
    pub(crate) document: BTreeMap<String, Exact>,
}

impl Resources {
    fn of(mut document: BTreeMap<String, Exact>) -> Result<Self, Fault> {
        let text = |value: &Exact| value.as_text().map(str::to_owned);
        let current_host = document.get("current_host").and_then(text);
        let current_host = current_host.unwrap_or_else(|| FIRST_HOST.to_owned());
        let mut hosts: Vec<_> = document
            .get("hosts")
            .map(|hosts| hosts.elements().iter().filter_map(text).collect())
            .unwrap_or_default();
        if hosts.is_empty() {
            hosts.push(current_host.clone());
        }
        if !is_host(&current_host) {
            let remedy = "name hosts as SageMaker does: algo-1";
            return Err(invalid("read host", &current_host, "it is no name of a host", remedy));
        }
        document.insert("current_host".to_owned(), Exact::Text(current_host.clone()));
        document.insert("hosts".to_owned(), Exact::texts(hosts.clone()));
        Ok(Self {
            current_host,
            hosts,
            document,
        })
    }

    /// This host's name, if there are others.
    pub(crate) fn host(&self) -> Option<&str> {
        (self.hosts.len() > 1).then_some(&*self.current_host)
    }
}

/// Whether a host may be called so: it becomes part of a file's name.
pub(super) fn is_host(name: &str) -> bool {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain)
}

/// Where there is only one.
pub(super) const FIRST_HOST: &str = "algo-1";

/// One channel of `inputdataconfig.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelConfig {
    /// The channel's entry as it came, for `SM_INPUT_DATA_CONFIG`.
    pub(crate) entry: Exact,
}

impl ChannelConfig {
    /// Whether every host gets only its share of the files.
    pub(crate) fn is_sharded(&self) -> bool {
        self.says("S3DistributionType", "ShardedByS3Key")
    }

    /// Whether the files are fetched as they are read, from a file system of their own.
    pub(crate) fn is_fast_file(&self) -> bool {
        self.says("TrainingInputMode", "FastFile")
    }

    fn is_pipe(&self) -> bool {
        self.says("TrainingInputMode", "Pipe")
    }

    fn says(&self, name: &str, value: &str) -> bool {
        self.entry.get(name).and_then(Exact::as_text) == Some(value)
    }
}

impl Job {
    /// Reads the configuration under `root`.
    pub(crate) fn read(root: &Path) -> Result<Self, Fault> {
        let config = root.join(CONFIG);
        let hyperparameters = document(&config.join(HYPERPARAMETERS))?.unwrap_or_default();
        let resources = match document(&config.join(RESOURCES))? {
            Some(resources) => Some(resources),
            None => document(&config.join("resourceConfig.json"))?,
        };
        let inputs = document(&config.join(INPUTS))?.unwrap_or_default();
        let mut channels: BTreeMap<_, _> = inputs
            .into_iter()
            .map(|(name, entry)| (name, ChannelConfig { entry }))
            .collect();
        if channels.is_empty() {
            for name in folders(&root.join(INPUT_DATA))? {
                let entry = Exact::Map(BTreeMap::new());
                channels.insert(name, ChannelConfig { entry });
            }
        }
        // What brings this program into the container; COMMAND has no use for it.
        channels.remove(bring::CHANNEL);
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
            resources: Resources::of(resources.unwrap_or_default())?,
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

    /// How AWS is reached: as the container says, buckets on the terms of whoever made the job.
    ///
    /// # Errors
    /// When a hyperparameter of ours says neither yes nor no.
    pub(crate) fn connection(&self) -> Result<Connection, Fault> {
        let requester_pays = match self.hyperparameter(JobSpec::PAYER_PARAMETER).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                let cause = format!("`{other}` is neither true nor false");
                return Err(invalid("read hyperparameter", JobSpec::PAYER_PARAMETER, cause, ""));
            }
        };
        let settings = UploadSettings {
            owner: self.hyperparameter(JobSpec::OWNER_PARAMETER),
            requester_pays,
            ..UploadSettings::default()
        };
        let buckets = "*".to_owned();
        Ok(Connection {
            uploads: vec![UploadRule { buckets, settings }],
            ..Connection::default()
        })
    }

    /// Like [`Job::hyperparameter`], refusing its absence.
    pub(crate) fn required(&self, name: &str) -> Result<String, Fault> {
        self.hyperparameter(name).ok_or_else(|| {
            let remedy = "give the job strongroom_manifest and strongroom_manifest_sha256, or key_bucket, \
                          ciphertext_s3_key and kms_key_id";
            invalid("read hyperparameter", name, "it is missing", remedy)
        })
    }

    /// Those that are COMMAND's affair, decoded as the toolkit decodes them: what is no JSON is a text. A script whose
    /// arguments they become knows nothing of ours.
    pub(crate) fn hyperparameters_of_command(&self) -> BTreeMap<String, Exact> {
        let of_command = self.hyperparameters.iter().filter(|(name, _)| !self.is_ours(name));
        of_command
            .map(|(name, value)| {
                let decoded = Exact::read(value).unwrap_or_else(|| Exact::Text(value.clone()));
                (name.clone(), decoded)
            })
            .collect()
    }

    fn is_ours(&self, name: &str) -> bool {
        // Scripts have a parameter of that name too, for a path.
        let is_path = || self.hyperparameter(name).is_some_and(|value| value.starts_with('/'));
        name.starts_with("strongroom_")
            || JobSpec::BOTO3_PARAMETERS.contains(&name)
            || name == "train_file" && !is_path()
    }

    /// The channels' entries, as they came.
    pub(crate) fn inputs(&self) -> BTreeMap<String, Exact> {
        let entries = self.channels.iter();
        entries
            .map(|(name, channel)| (name.clone(), channel.entry.clone()))
            .collect()
    }

    /// Where SageMaker puts the configuration.
    pub(crate) fn config_dir(&self) -> PathBuf {
        self.root.join(CONFIG)
    }

    /// Where images keep scripts.
    pub(crate) fn code_dir(&self) -> PathBuf {
        self.root.join("code")
    }

    /// Where SageMaker puts a channel's files.
    pub(crate) fn channel_dir(&self, channel: &str) -> PathBuf {
        self.root.join(INPUT_DATA).join(channel)
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

/// Below the root; a folder each channel.
pub(crate) const INPUT_DATA: &str = "input/data";
/// Below the root.
const CONFIG: &str = "input/config";
/// In there.
pub(crate) const HYPERPARAMETERS: &str = "hyperparameters.json";
/// In there.
pub(crate) const RESOURCES: &str = "resourceconfig.json";
/// In there.
pub(crate) const INPUTS: &str = "inputdataconfig.json";
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
    Fault::invalid(act, object, cause, remedy)
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

pub(super) fn document(path: &Path) -> Result<Option<BTreeMap<String, Exact>>, Fault> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("read", path, &error)),
    };
    match Exact::read(&text) {
        Some(Exact::Map(map)) => Ok(Some(map)),
        Some(_) | None => Err(invalid("read", &path.display().to_string(), "it is no JSON object", "")),
    }
}

/// SageMaker delivers strings; a folder made by hand may hold numbers.
fn delivered(value: Exact) -> String {
    match value {
        Exact::Text(text) => text,
        other => other.json(),
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
mod tests;
