//! What a training job may ask for on AWS and not here. It is refused by its name, since a job without it would be another.

use serde_json::Value;

use super::super::super::api::ApiError;
use super::super::invalid;

/// Members by their path; a false, an empty list and what is not there ask for nothing.
const MEMBERS: [&str; 20] = [
    "AlgorithmSpecification.AlgorithmName",
    "AlgorithmSpecification.TrainingImageConfig",
    "InputDataConfig[].DataSource.FileSystemDataSource",
    "InputDataConfig[].DataSource.DatasetSource",
    "InputDataConfig[].DataSource.S3DataSource.AttributeNames",
    "InputDataConfig[].DataSource.S3DataSource.InstanceGroupNames",
    "InputDataConfig[].DataSource.S3DataSource.ModelAccessConfig",
    "InputDataConfig[].DataSource.S3DataSource.HubAccessConfig",
    "InputDataConfig[].ShuffleConfig",
    "ResourceConfig.InstanceGroups",
    "ResourceConfig.TrainingPlanArn",
    "ResourceConfig.InstancePlacementConfig",
    "DebugRuleConfigurations",
    "ProfilerRuleConfigurations",
    "TensorBoardOutputConfig",
    "RemoteDebugConfig.EnableRemoteDebug",
    "SessionChainingConfig.EnableSessionTagChaining",
    "ServerlessJobConfig",
    "MlflowConfig",
    "ModelPackageConfig",
];

pub(super) fn refuse(body: &Value) -> Result<(), ApiError> {
    match MEMBERS.iter().find(|path| is_asked(body, path)) {
        Some(path) => Err(invalid(format!(
            "The sandbox does not implement {} of CreateTrainingJob.",
            path.replace("[]", "")
        ))),
        None => Ok(()),
    }
}

fn is_asked(value: &Value, path: &str) -> bool {
    let (head, rest) = path
        .split_once('.')
        .map_or((path, None), |(head, rest)| (head, Some(rest)));
    let below = &value[head.trim_end_matches("[]")];
    match rest {
        Some(rest) if head.ends_with("[]") => {
            let mut entries = below.as_array().into_iter().flatten();
            entries.any(|entry| is_asked(entry, rest))
        }
        Some(rest) => is_asked(below, rest),
        None => match below {
            Value::Null | Value::Bool(false) => false,
            Value::Array(entries) => !entries.is_empty(),
            _ => true,
        },
    }
}
