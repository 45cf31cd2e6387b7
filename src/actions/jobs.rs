//! Training jobs on an encrypted object: what the job is told is where C is, never D.
//!
//! A job made here carries the boto3 way's hyperparameters and, for bound tokens, a manifest outside every channel
//! with its SHA-256: the container then knows which token it must find under which name.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::walk_tag;
use crate::aws::sagemaker::OriginalJob;
use crate::aws::{Aws, sagemaker};
use crate::domain::{Fault, JobSpec, Outcome, PlaintextPlace};

mod asked;
mod image_command;
mod job_inputs;
mod manifest;
mod parameters;
mod program;
mod volume;

use asked::check_command;
pub(super) use asked::{check, is_job_name, output_bucket, replaced};
pub(super) use job_inputs::{Load, Material};
use manifest::{Documents, take_back};
pub(super) use parameters::with_file;
pub(super) use program::Program;
pub(super) use volume::Volume;

const MOST_HYPERPARAMETERS: usize = 100;
const LONGEST_VALUE: usize = 2500;
/// The container takes no longer one either.
const LONGEST_MANIFEST: u64 = 64 << 20;
const START: &str = "start training job";

/// Starts a training job; each of its channels has one encrypted object, or everything under a prefix. Cancelled before its manifest is
/// written nothing is made but what is kept of a program that it brings; from then on the job is started.
pub async fn start_job(aws: &Aws, spec: &JobSpec, cancel: &CancellationToken) -> Result<Outcome, Fault> {
    let spec = &*with_file(spec)?;
    check(spec)?;
    let program = Program::read(spec).await?;
    // All that is read is read before anything is written.
    let looks = async {
        let (material, original, ()) = futures::try_join!(
            Material::of(aws, spec),
            sagemaker::original_job(aws, spec),
            output_bucket(aws, spec)
        )?;
        // Calls are large, and would stand on the stack.
        let command = match &program {
            Some(_) => Box::pin(command(aws, spec, &original)).await?,
            None => spec.plan.command.clone(),
        };
        Ok((material, original, command))
    };
    let (material, original, command) = unless_cancelled(spec, cancel, "nothing was written", Box::pin(looks)).await?;
    replaced(spec, &material)?;
    let mut spec = spec.clone();
    spec.plan.command = command;
    let spec = &spec;
    let mut hyperparameters = spec.hyperparameters.clone();
    hyperparameters.extend(material.hyperparameters(spec));
    hyperparameters.extend(grant_token(aws, spec, &material));
    hyperparameters.extend(terms(aws, spec));
    hyperparameters.insert(
        JobSpec::CHECKPOINTS_PARAMETER.to_owned(),
        JobSpec::CHECKPOINTS_DIR.to_owned(),
    );
    if spec.plaintext() == PlaintextPlace::Volume {
        let (name, place) = (JobSpec::PLAINTEXT_PARAMETER, PlaintextPlace::Volume.as_str());
        hyperparameters.insert(name.to_owned(), place.to_owned());
    }
    let volume = Box::pin(Volume::of(aws, spec, &material)).await?;
    let documents = material.manifest().map(|manifest| Documents::of(spec, manifest));
    hyperparameters.extend(documents.iter().flat_map(Documents::hyperparameters));
    check_hyperparameters(spec, &hyperparameters)?;

    let brought = match &program {
        Some(program) => {
            let bringing = Box::pin(program.bring(aws, &spec.bucket));
            Some(unless_cancelled(spec, cancel, "the program that it brings may be kept", bringing).await?)
        }
        None => None,
    };
    let written = match &documents {
        Some(documents) => documents.write(aws, spec).await?,
        None => Vec::new(),
    };
    let mut spec = spec.clone();
    spec.settings.volume_key.clone_from(&volume.key);
    let asked = (&spec, brought.as_ref());
    if let Err(fault) = sagemaker::create_training_job(aws, asked, original, &hyperparameters, walk_tag::TAG).await {
        // After a refusal the name is free again; after silence the job may exist and need its manifest.
        if fault.is_unheard() {
            return Err(fault);
        }
        return Err(take_back(aws, &spec, &written, fault).await);
    }
    Ok(Outcome::JobStarted {
        note: volume.note(),
        name: spec.name,
        brought,
    })
}

/// What comes of it, unless the start is cancelled before; `left` says what there is then.
async fn unless_cancelled<T>(
    spec: &JobSpec,
    cancel: &CancellationToken,
    left: &str,
    act: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => {
            let cause = format!("cancelled: no job was started, {left}");
            Err(Fault::cancelled(START, &spec.name, cause, ""))
        }
        done = act => done,
    }
}

/// What a job that brings strongroom runs: what is asked for, what its original ran, or what the image runs by itself.
async fn command(aws: &Aws, spec: &JobSpec, original: &OriginalJob) -> Result<Vec<String>, Fault> {
    let given = &spec.plan.command;
    if !given.is_empty() {
        return Ok(given.clone());
    }
    let found = match original.command() {
        Some(command) => command,
        None => image_command(aws, spec).await?,
    };
    check_command(spec, &found)?;
    Ok(found)
}

/// What the job's image runs by itself.
pub(super) async fn image_command(aws: &Aws, spec: &JobSpec) -> Result<Vec<String>, Fault> {
    image_command::read(aws, &spec.image)
        .await?
        .ok_or_else(|| no_command(spec))
}

fn no_command(spec: &JobSpec) -> Fault {
    let cause = "a program that is brought runs a command, and none is given: the image is in no registry of ECR's, which \
                 would tell its own";
    let remedy =
        "name what the image runs (on the command line behind --): python3 train.py, or train with SageMaker's toolkit";
    Fault::invalid(START, &spec.name, cause, remedy)
}

/// A grant made a moment ago may not be known everywhere when the container starts: its token goes with the job.
fn grant_token(aws: &Aws, spec: &JobSpec, material: &Material) -> Option<(String, String)> {
    let key = material.keys().first()?;
    let token = aws.tokens().of(&key.kms_key_id, &spec.role_arn).into_iter().next()?;
    (token.chars().count() <= LONGEST_VALUE).then(|| ("strongroom_grant_token".to_owned(), token))
}

/// The container reads the manifest on the same terms.
fn terms(aws: &Aws, spec: &JobSpec) -> impl Iterator<Item = (String, String)> {
    let settings = aws.upload_settings(&spec.bucket);
    let payer = settings.requester_pays.then(|| "true".to_owned());
    let given = [
        (JobSpec::OWNER_PARAMETER, settings.owner),
        (JobSpec::PAYER_PARAMETER, payer),
    ];
    given
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
}

/// Tells a job to stop; it has two minutes to leave something behind.
pub async fn stop_job(aws: &Aws, name: &str) -> Result<Outcome, Fault> {
    sagemaker::stop_job(aws, name).await?;
    Ok(Outcome::JobStopping { name: name.to_owned() })
}

fn check_hyperparameters(spec: &JobSpec, hyperparameters: &BTreeMap<String, String>) -> Result<(), Fault> {
    let too_long = hyperparameters
        .iter()
        .find(|(_, value)| value.chars().count() > LONGEST_VALUE);
    let cause = if let Some((name, _)) = too_long {
        format!("hyperparameter {name} is longer than {LONGEST_VALUE} characters")
    } else if hyperparameters.len() > MOST_HYPERPARAMETERS {
        format!(
            "{} hyperparameters are more than {MOST_HYPERPARAMETERS}",
            hyperparameters.len()
        )
    } else {
        return Ok(());
    };
    let remedy = "leave some out";
    Err(Fault::invalid(START, &spec.name, cause, remedy))
}

#[cfg(test)]
pub(super) mod tests;
