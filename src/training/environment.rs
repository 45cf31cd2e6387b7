//! The variables of the sagemaker-training toolkit, pointing into the private folders.
//!
//! SageMaker itself sets none of them. Names and encodings: github.com/aws/sagemaker-training-toolkit,
//! `ENVIRONMENT_VARIABLES.md`. One is ours: `STRONGROOM_CHECKPOINT_DIR`, the private side of `/opt/ml/checkpoints`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;

use serde_json::{Map, Value, json};

use super::job::Job;
use super::workspace::Workspace;

/// What COMMAND's environment gets beside ours.
pub(crate) fn variables(job: &Job, workspace: &Workspace) -> BTreeMap<String, OsString> {
    let mut all: BTreeMap<String, OsString> = BTreeMap::new();
    let hyperparameters: Map<String, Value> = job
        .hyperparameters
        .iter()
        .map(|(name, value)| (name.clone(), decoded(value)))
        .collect();
    let inputs: Map<String, Value> = job
        .channels
        .iter()
        .map(|(name, channel)| (name.clone(), channel.entry.clone()))
        .collect();
    let channels: Vec<&String> = job.channels.keys().collect();
    let user_args: Vec<String> = hyperparameters
        .iter()
        .flat_map(|(name, value)| {
            [
                format!("{}{name}", if name.len() == 1 { "-" } else { "--" }),
                word(value),
            ]
        })
        .collect();
    let resources = &job.resources;

    let mut set = |name: &str, value: OsString| all.insert(name.to_owned(), value);
    set("SM_MODEL_DIR", workspace.model().into());
    set("SM_INPUT_DIR", workspace.root().join("input").into());
    set("SM_INPUT_CONFIG_DIR", job.root.join("input/config").into());
    set("SM_OUTPUT_DIR", workspace.root().join("output").into());
    set("SM_OUTPUT_DATA_DIR", workspace.output_data().into());
    set("STRONGROOM_CHECKPOINT_DIR", workspace.checkpoints().into());
    set("SM_CHANNELS", json!(channels).to_string().into());
    set("SM_HPS", Value::Object(hyperparameters.clone()).to_string().into());
    set("SM_USER_ARGS", json!(user_args).to_string().into());
    set("SM_INPUT_DATA_CONFIG", Value::Object(inputs).to_string().into());
    set("SM_CURRENT_HOST", resources.current_host.clone().into());
    set("SM_HOSTS", json!(resources.hosts).to_string().into());
    set(
        "SM_NETWORK_INTERFACE_NAME",
        resources.network_interface_name.clone().into(),
    );
    set("SM_RESOURCE_CONFIG", json!(resources).to_string().into());
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    set("SM_NUM_CPUS", cpus.to_string().into());
    set("SM_NUM_GPUS", gpus().to_string().into());
    for channel in channels {
        set(
            &format!("SM_CHANNEL_{}", upper(channel)),
            workspace.channel(channel).into(),
        );
    }
    for (name, value) in &hyperparameters {
        set(&format!("SM_HP_{}", upper(name)), word(value).into());
    }
    // A NUL or `=` in a hyperparameter's name cannot be said in an environment.
    all.retain(|name, value| !name.contains(['=', '\0']) && !value.as_encoded_bytes().contains(&0));
    all
}

/// The toolkit decodes each hyperparameter as JSON and leaves what is none as a string.
fn decoded(value: &str) -> Value {
    serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()))
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn upper(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

fn gpus() -> usize {
    let is_gpu = |name: &str| {
        name.strip_prefix("nvidia")
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    fs::read_dir("/dev").map_or(0, |entries| {
        entries
            .flatten()
            .filter(|entry| entry.file_name().to_str().is_some_and(is_gpu))
            .count()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn command_finds_private_folders_and_hyperparameters_by_the_toolkits_names() {
        let root = tempfile::tempdir().unwrap();
        let config = root.path().join("input/config");
        fs::create_dir_all(&config).unwrap();
        fs::write(
            config.join("hyperparameters.json"),
            r#"{"epochs": "5", "learning-rate": "0.1", "name": "\"quoted\"", "strongroom_plaintext": "volume"}"#,
        )
        .unwrap();
        fs::write(
            config.join("inputdataconfig.json"),
            r#"{"train": {"TrainingInputMode": "File"}}"#,
        )
        .unwrap();
        fs::write(
            config.join("resourceconfig.json"),
            r#"{"current_host": "algo-2", "hosts": ["algo-1", "algo-2"], "network_interface_name": "eth1"}"#,
        )
        .unwrap();
        let job = Job::read(root.path()).unwrap();
        let workspace = Workspace::create(&job, 0).unwrap();
        let all = variables(&job, &workspace);
        assert_eq!(all["SM_CHANNEL_TRAIN"], workspace.channel("train").into_os_string());
        assert_eq!(all["SM_CHANNELS"], r#"["train"]"#);
        assert_eq!(all["SM_MODEL_DIR"], workspace.model().into_os_string());
        assert_eq!(all["SM_HP_EPOCHS"], "5");
        assert_eq!(all["SM_HP_LEARNING_RATE"], "0.1");
        assert_eq!(all["SM_HP_NAME"], "quoted");
        assert_eq!(all["SM_CURRENT_HOST"], "algo-2");
        assert_eq!(all["SM_HOSTS"], r#"["algo-1","algo-2"]"#);
        let hps: Value = serde_json::from_str(all["SM_HPS"].to_str().unwrap()).unwrap();
        assert_eq!(hps["epochs"], 5);
        assert_eq!(hps["name"], "quoted");
    }
}
