//! Input channels as they are asked for.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::super::api::{ApiError, insert_some, refuse_if};
use super::super::invalid;
use super::{Group, location, required};
use crate::sagemaker::conditions::texts;

/// One input channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Channel {
    pub(in super::super) name: String,
    pub(in super::super) source: Source,
    /// The channel's entry of `inputdataconfig.json`.
    pub(in super::super) config: Value,
}

/// Objects that hosts get as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Source {
    pub(in super::super) bucket: String,
    /// A prefix, or the key of a manifest.
    pub(in super::super) prefix: String,
    pub(in super::super) is_manifest: bool,
    /// Whether each host gets a part of its objects.
    pub(in super::super) is_sharded: bool,
    /// The groups of instances that it is for; all if empty.
    pub(in super::super) groups: Vec<String>,
}

impl Source {
    /// Reads what training and processing say of a source in the same words; `shown` is its path in the request.
    pub(super) fn parse(source: &Value, shown: &str, groups: Vec<String>) -> Result<Self, ApiError> {
        let shown = format!("{shown}.s3Uri");
        let (bucket, prefix) = location(required(source, "S3Uri", &shown)?, &shown)?;
        let is_manifest = match source["S3DataType"].as_str() {
            Some("ManifestFile") => true,
            None | Some("S3Prefix") => false,
            Some(kind) => {
                let told = format!("The sandbox does not implement the S3DataType {kind}.");
                return Err(invalid(told));
            }
        };
        Ok(Self {
            bucket,
            prefix,
            is_manifest,
            is_sharded: source["S3DataDistributionType"] == "ShardedByS3Key",
            groups,
        })
    }
}

pub(super) fn channels(value: &Value, job_mode: &str, groups: &[Group]) -> Result<Vec<Channel>, ApiError> {
    let mut names = BTreeSet::new();
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| {
            let name = required(entry, "ChannelName", "inputDataConfig.channelName")?;
            if name.chars().all(|c| c == '.') {
                let told = format!("The sandbox makes no folder of the name {name} for a channel.");
                return Err(invalid(told));
            }
            if !names.insert(name.to_owned()) {
                let told = format!("Duplicate channel name found in input data config: {name}");
                return Err(invalid(told));
            }
            channel(name, entry, job_mode, groups)
        })
        .collect()
}

fn channel(name: &str, entry: &Value, job_mode: &str, groups: &[Group]) -> Result<Channel, ApiError> {
    let mode = entry["InputMode"].as_str().unwrap_or(job_mode);
    file_mode(mode)?;
    let source = &entry["DataSource"]["S3DataSource"];
    let named = texts(&source["InstanceGroupNames"]);
    if let Some(name) = named
        .iter()
        .find(|name| groups.iter().all(|group| group.name != **name))
    {
        let told = format!("InstanceGroupNames: {name} is not among the InstanceGroups of ResourceConfig.");
        return Err(invalid(told));
    }
    let text = |value: &Value, default: &str| value.as_str().unwrap_or(default).to_owned();
    let mut config = json!({
        "TrainingInputMode": mode,
        "S3DistributionType": text(&source["S3DataDistributionType"], "FullyReplicated"),
        "RecordWrapperType": text(&entry["RecordWrapperType"], "None"),
    });
    for member in ["ContentType", "CompressionType"] {
        insert_some(&mut config, member, entry[member].as_str());
    }
    Ok(Channel {
        name: name.to_owned(),
        source: Source::parse(source, "inputDataConfig.dataSource.s3DataSource", named)?,
        config,
    })
}

pub(super) fn file_mode(mode: &str) -> Result<(), ApiError> {
    let told = "The sandbox does not implement the training input mode Pipe; use File or FastFile.";
    refuse_if(mode == "Pipe", || invalid(told))
}
