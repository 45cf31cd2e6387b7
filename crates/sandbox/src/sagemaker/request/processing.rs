//! What a processing job may ask for.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::super::super::api::{map, texts};
use super::super::invalid;
use super::super::kind::Kind;
use super::{Containers, Kept, Source, copy_given, instances, key, place, required, rules};
use crate::prelude::*;

/// A processing job as asked for, checked.
#[derive(Debug)]
pub(in super::super) struct Processing {
    pub(in super::super) containers: Arc<Containers>,
    pub(in super::super) inputs: Vec<Input>,
    pub(in super::super) outputs: Vec<Output>,
    /// What its hosts are told of it: the request as a description gives it back.
    pub(in super::super) config: Value,
}

/// One of its inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Input {
    pub(in super::super) source: Source,
    /// Below `/opt/ml`.
    pub(in super::super) folder: PathBuf,
}

/// One of its outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Output {
    pub(in super::super) kept: Kept,
    /// Whether it is uploaded while the job runs.
    pub(in super::super) is_continuous: bool,
}

impl Processing {
    /// Reads a CreateProcessingJob.
    pub(in super::super) fn parse(body: &Value) -> Result<Self, ApiError> {
        rules::check(Kind::Processing, body)?;
        let (application, network) = (&body["AppSpecification"], &body["NetworkConfig"]);
        let (resources, output) = (
            &body["ProcessingResources"]["ClusterConfig"],
            &body["ProcessingOutputConfig"],
        );
        let longest = body["StoppingCondition"]["MaxRuntimeInSeconds"].as_u64();
        let mut taken = Taken::default();
        let inputs = entries(&body["ProcessingInputs"])
            .map(|entry| input(entry, &mut taken))
            .collect::<Result<_, _>>()?;
        let mut taken = Taken {
            folders: taken.folders,
            ..Taken::default()
        };
        let outputs = entries(&output["Outputs"])
            .map(|entry| self::output(entry, &mut taken))
            .collect::<Result<_, _>>()?;
        let containers = Containers {
            kind: Kind::Processing,
            name: required(body, "ProcessingJobName", "processingJobName")?.to_owned(),
            role: required(body, "RoleArn", "roleArn")?.to_owned(),
            image: required(application, "ImageUri", "appSpecification.imageUri")?.to_owned(),
            entrypoint: texts(&application["ContainerEntrypoint"]),
            arguments: texts(&application["ContainerArguments"]),
            environment: map(&body["Environment"]),
            groups: vec![instances::cluster(resources)?],
            volume_key: key(&resources["VolumeKmsKeyId"]),
            output_key: key(&output["KmsKeyId"]),
            longest: Duration::from_secs(longest.unwrap_or(LONGEST)),
            is_spot: false,
            is_isolated: network["EnableNetworkIsolation"] == true,
            metrics: Vec::new(),
        };
        Ok(Self {
            containers: Arc::new(containers),
            inputs,
            outputs,
            config: echo(body),
        })
    }
}

/// How many seconds a job may take that does not say.
const LONGEST: u64 = 86_400;

/// Names and folders that others have.
#[derive(Default)]
struct Taken {
    names: BTreeSet<String>,
    folders: BTreeSet<PathBuf>,
}

impl Taken {
    fn name(&mut self, entry: &Value, member: &str) -> Result<String, ApiError> {
        let name = entry[member].as_str().unwrap_or_default().to_owned();
        if !self.names.insert(name.clone()) {
            return Err(invalid(format!("{member} must be unique; {name} is there twice.")));
        }
        Ok(name)
    }

    /// The folder of a `LocalPath`, below `/opt/ml`.
    fn folder(&mut self, name: &str, held: &Value) -> Result<PathBuf, ApiError> {
        let Some(path) = held["LocalPath"].as_str() else {
            return Err(invalid(format!(
                "LocalPath of {name} is required: the sandbox moves the data of every input and output."
            )));
        };
        let folder = Path::new(path).strip_prefix("/opt/ml").unwrap_or(Path::new(""));
        let is_named = |part: Component| matches!(part, Component::Normal(_));
        let is_below = folder.starts_with("processing") && folder.components().count() > 1;
        if !is_below || !folder.components().all(is_named) {
            let told = format!("LocalPath of {name} must be a folder below /opt/ml/processing/, which {path} is not.");
            return Err(invalid(told));
        }
        if !self.folders.insert(folder.to_path_buf()) {
            let told = format!("LocalPath of {name} is that of another input or output: {path}.");
            return Err(invalid(told));
        }
        Ok(folder.to_path_buf())
    }
}

fn entries(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn input(entry: &Value, taken: &mut Taken) -> Result<Input, ApiError> {
    let name = taken.name(entry, "InputName")?;
    let held = &entry["S3Input"];
    if held.is_null() {
        let told = format!("The input {name} has no S3Input, which is all that the sandbox brings.");
        return Err(invalid(told));
    }
    for (member, only) in [("S3InputMode", "File"), ("S3CompressionType", "None")] {
        if let Some(other) = held[member].as_str().filter(|value| *value != only) {
            let told = format!("The sandbox does not implement the {member} {other} of processing; use {only}.");
            return Err(invalid(told));
        }
    }
    Ok(Input {
        source: Source::parse(held, "processingInputs.s3Input", Vec::new())?,
        folder: taken.folder(&name, held)?,
    })
}

fn output(entry: &Value, taken: &mut Taken) -> Result<Output, ApiError> {
    let name = taken.name(entry, "OutputName")?;
    let held = &entry["S3Output"];
    let shown = "processingOutputConfig.outputs.s3Output.s3Uri";
    if held.is_null() {
        let told = format!("The output {name} has no S3Output, which is all that the sandbox uploads to.");
        return Err(invalid(told));
    }
    let (bucket, prefix) = place(required(held, "S3Uri", shown)?, shown)?;
    let folder = taken.folder(&name, held)?;
    Ok(Output {
        kept: Kept { bucket, prefix, folder },
        is_continuous: held["S3UploadMode"] == "Continuous",
    })
}

/// The members that DescribeProcessingJob gives back as they were given.
const GIVEN: &str = "ProcessingJobName ProcessingInputs ProcessingOutputConfig ProcessingResources StoppingCondition \
    AppSpecification Environment NetworkConfig RoleArn ExperimentConfig";

/// What DescribeProcessingJob gives back, and what stands for the members that were left out.
pub(super) fn echo(body: &Value) -> Value {
    let mut echo = json!({});
    copy_given(&mut echo, body, GIVEN);
    let or = |held: &mut Value, member: &str, usual: Value| {
        if held[member].is_null() {
            held[member] = usual;
        }
    };
    let inputs = echo.pointer_mut("/ProcessingInputs");
    for entry in inputs.and_then(Value::as_array_mut).into_iter().flatten() {
        or(entry, "AppManaged", json!(false));
        let held = &mut entry["S3Input"];
        for (member, usual) in [
            ("S3InputMode", "File"),
            ("S3DataDistributionType", "FullyReplicated"),
            ("S3CompressionType", "None"),
        ] {
            or(held, member, json!(usual));
        }
    }
    let outputs = echo.pointer_mut("/ProcessingOutputConfig/Outputs");
    for entry in outputs.and_then(Value::as_array_mut).into_iter().flatten() {
        or(entry, "AppManaged", json!(false));
    }
    or(
        &mut echo,
        "StoppingCondition",
        json!({ "MaxRuntimeInSeconds": LONGEST }),
    );
    echo
}
