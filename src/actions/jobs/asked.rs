//! What is asked of a job, held against what SageMaker and the container take, before anything is looked at.

use super::{Material, START};
use crate::aws::{Aws, s3};
use crate::domain::{Fault, FaultKind, JobSpec, ObjectUri, PlaintextPlace, bring, bucket};

/// Of a container's arguments.
const MOST_ARGUMENTS: usize = 100;
const LONGEST_ARGUMENT: usize = 256;
/// Hyperparameters of ours that people give; the others are found out anew for every job.
const GIVEN: [&str; 2] = [JobSpec::PLAINTEXT_PARAMETER, JobSpec::MODEL_KEY_PARAMETER];

pub(in crate::actions) fn check(spec: &JobSpec) -> Result<(), Fault> {
    let invalid = |cause: &str, remedy: &str| Err(Fault::invalid(START, &spec.name, cause, remedy));
    if !is_job_name(&spec.name) {
        return invalid(
            "this is not a name for a job",
            "use up to 63 letters, digits and inner hyphens",
        );
    }
    let channels = spec.channels();
    if channels.iter().any(|channel| channel.object.is_empty()) {
        return invalid("a whole bucket is no channel", "choose an encrypted object or a prefix");
    }
    if let Some(wrong) = channels.iter().find(|channel| !is_channel_name(&channel.name)) {
        return invalid(
            &format!("`{}` is not a name for a channel", wrong.name),
            "use up to 64 letters, digits, dots, hyphens and underscores; `strongroom` is our own",
        );
    }
    let mut names: Vec<&str> = channels.iter().map(|channel| channel.name.as_str()).collect();
    names.sort_unstable();
    if let Some([twice, _]) = names.array_windows().find(|[one, next]| one == next) {
        return invalid(&format!("two channels have the name {twice}"), "give each its own");
    }
    check_command(spec, &spec.plan.command)?;
    let Some(output) = ObjectUri::parse(&spec.output) else {
        return invalid("the output is not an S3 URI", "give s3://BUCKET/PREFIX");
    };
    output.check(START)?;
    output_inside(spec, &output)?;
    spot(spec)?;
    reserved(spec)?;
    for channel in &channels {
        bucket::check(START, &channel.bucket)?;
    }
    if spec.instance_count < 1 || spec.volume_gb < 1 || spec.max_runtime < 1 {
        return invalid("instances, volume and longest run must be positive", "");
    }
    Ok(())
}

pub(super) fn check_command(spec: &JobSpec, command: &[String]) -> Result<(), Fault> {
    let invalid = |cause: &str, remedy: &str| Err(Fault::invalid(START, &spec.name, cause, remedy));
    if command.first().is_some_and(String::is_empty) {
        return invalid("its command has no name", "name a program");
    }
    if command.len() > MOST_ARGUMENTS || command.iter().any(|word| word.chars().count() > LONGEST_ARGUMENT) {
        return invalid(
            "SageMaker takes no such command",
            "give up to 100 words of up to 256 characters, and longer ones in a file of the image or as hyperparameters",
        );
    }
    if command.iter().any(|word| word.contains(['\n', '\r'])) {
        return invalid(
            "a word of its command has a line break, of which SageMaker takes none",
            "give `sh -c` its commands on one line, with `;` between them, or keep them in a file of the image",
        );
    }
    Ok(())
}

/// Refuses an output whose bucket is not there. The data's own are seen to be there anyway; one that may not be looked at is
/// SageMaker's to judge.
pub(in crate::actions) async fn output_bucket(aws: &Aws, spec: &JobSpec) -> Result<(), Fault> {
    let Some(output) = ObjectUri::parse(&spec.output) else {
        return Ok(());
    };
    if spec.channels().iter().any(|channel| channel.bucket == output.bucket) {
        return Ok(());
    }
    match s3::bucket_region(aws, &output.bucket).await {
        Err(fault) if fault.kind == FaultKind::NotFound => {
            let cause = format!("there is no bucket {} for its output", output.bucket);
            let remedy = "create it, or name one that is there";
            Err(Fault::not_found(START, &spec.name, cause, remedy))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// What a job writes into one of its channels is data of the next job there, or refused as no token of the list.
fn output_inside(spec: &JobSpec, output: &ObjectUri) -> Result<(), Fault> {
    let folder = format!("{}/", output.key.trim_end_matches('/'));
    for channel in spec.channels() {
        let place = format!("{}/", channel.object.trim_end_matches('/'));
        if channel.bucket == output.bucket && folder.starts_with(&place) {
            let cause = format!(
                "its output {} is inside of the channel {}, {}: the next job there would get it as data",
                spec.output,
                channel.name,
                channel.uri()
            );
            let remedy = "name a place for the output that is outside of the data";
            return Err(Fault::invalid(START, &spec.name, cause, remedy));
        }
    }
    Ok(())
}

fn spot(spec: &JobSpec) -> Result<(), Fault> {
    match spec.settings.spot_wait {
        Some(wait) if wait < spec.max_runtime => {
            let cause = format!(
                "on spot instances it may take {wait} s in all, waiting included, which is less than its longest run of {} s",
                spec.max_runtime
            );
            let remedy = format!("give at least {} s in all, or a shorter longest run", spec.max_runtime);
            Err(Fault::invalid(START, &spec.name, cause, remedy))
        }
        _ => Ok(()),
    }
}

/// Names that the container heeds are not taken from a person, but for those that are meant for one.
fn reserved(spec: &JobSpec) -> Result<(), Fault> {
    let invalid = |cause: String, remedy: &str| Err(Fault::invalid(START, &spec.name, cause, remedy));
    let ours = |name: &&String| name.starts_with("strongroom_") && !GIVEN.contains(&name.as_str());
    if let Some(name) = spec.hyperparameters.keys().find(ours) {
        let cause = format!("the hyperparameter {name} is one that strongroom finds out itself");
        return invalid(cause, "leave it out: names that begin with strongroom_ are its own");
    }
    if let Some(word) = spec.hyperparameters.get(JobSpec::PLAINTEXT_PARAMETER)
        && PlaintextPlace::parse(word).is_none()
    {
        let cause = format!("the hyperparameter {} is `{word}`", JobSpec::PLAINTEXT_PARAMETER);
        return invalid(cause, "give memory or volume");
    }
    match spec
        .hyperparameters
        .get(JobSpec::MODEL_KEY_PARAMETER)
        .map(String::as_str)
    {
        None | Some("same" | "new") => Ok(()),
        Some(word) => {
            let cause = format!("the hyperparameter {} is `{word}`", JobSpec::MODEL_KEY_PARAMETER);
            invalid(cause, "give same or new")
        }
    }
}

/// Refuses hyperparameters that a job of this data has to say otherwise: the training would get another value than was given,
/// or none. Those of the boto3 way are a person's where tokens say nothing of themselves.
pub(in crate::actions) fn replaced(spec: &JobSpec, material: &Material) -> Result<(), Fault> {
    let ours = material.hyperparameters(spec);
    let is_kept = |name: &str, given: &str| match ours.get(name) {
        Some(own) => own == given,
        None => !(material.is_bound() && JobSpec::BOTO3_PARAMETERS.contains(&name)),
    };
    let Some((name, given)) = spec.hyperparameters.iter().find(|(name, given)| !is_kept(name, given)) else {
        return Ok(());
    };
    let instead = match ours.get(name.as_str()) {
        Some(own) => format!("sets to {own}"),
        None => "takes for itself".to_owned(),
    };
    let cause = format!("the hyperparameter {name} is given as `{given}`, and is one that strongroom {instead}");
    let remedy = "leave it out; if it is the training's own, give it another name";
    Err(Fault::invalid(START, &spec.name, cause, remedy))
}

/// `[A-Za-z0-9\.\-_]+`, and no folder's own or parent's name; one name is kept for what strongroom brings itself.
fn is_channel_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_path = name.chars().all(|c| c == '.');
    (1..=64).contains(&name.len()) && name.chars().all(inner) && !is_path && name != bring::CHANNEL
}

/// `[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}`.
pub(in crate::actions) fn is_job_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=63).contains(&name.len()) && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}
