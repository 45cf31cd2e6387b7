//! Training jobs on an encrypted object: what the job is told is where C is, never D.
//!
//! A job made here carries the boto3 way's hyperparameters and, for bound tokens, a manifest outside every channel
//! with its SHA-256: the container then knows which token it must find under which name.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::{bucket_refusal, walk_tag};
use crate::aws::{Aws, s3, sagemaker};
use crate::domain::{Fault, FaultKind, JobSpec, ObjectUri, Outcome, bucket};
use crate::envelope::binding;

mod job_inputs;

pub(super) use job_inputs::Material;

const MOST_HYPERPARAMETERS: usize = 100;
const LONGEST_VALUE: usize = 2500;
/// Of a container's arguments.
const MOST_ARGUMENTS: usize = 100;
const LONGEST_ARGUMENT: usize = 256;
const OUR_CHANNEL: &str = "strongroom";
/// The container takes no longer one either.
const LONGEST_MANIFEST: u64 = 64 << 20;
const START: &str = "start training job";

/// Starts a training job; each of its channels has one encrypted object, or everything under a prefix. Cancelled before its manifest is
/// written nothing is made; from then on the job is started.
pub async fn start_job(aws: &Aws, spec: &JobSpec, cancel: &CancellationToken) -> Result<Outcome, Fault> {
    check(spec)?;
    // All that is read is read before anything is written.
    let looks = async { futures::try_join!(Material::of(aws, spec), sagemaker::original_job(aws, spec)) };
    let (material, original) = tokio::select! {
        biased;
        () = cancel.cancelled() => {
            let cause = "cancelled: no job was started, nothing was written";
            return Err(Fault::new(FaultKind::Cancelled, START, &spec.name, cause, ""));
        }
        looked = looks => looked?,
    };
    let mut hyperparameters = spec.hyperparameters.clone();
    hyperparameters.extend(material.hyperparameters(spec));
    hyperparameters.extend(grant_token(aws, spec, &material));
    hyperparameters.extend(terms(aws, spec));
    hyperparameters.insert(
        JobSpec::CHECKPOINTS_PARAMETER.to_owned(),
        JobSpec::CHECKPOINTS_DIR.to_owned(),
    );
    let manifest = material.manifest().map(|manifest| {
        serde_json::to_vec(&manifest).expect("strings, numbers and maps with string keys are always JSON")
    });
    if let Some(manifest) = &manifest {
        let uri = s3::uri(&spec.bucket, &manifest_key(&spec.name));
        hyperparameters.insert("strongroom_manifest".to_owned(), uri);
        hyperparameters.insert("strongroom_manifest_sha256".to_owned(), binding::digest(manifest));
    }
    check_hyperparameters(spec, &hyperparameters)?;

    let written = match &manifest {
        Some(manifest) => write_manifest(aws, spec, manifest).await?,
        None => false,
    };
    if let Err(mut fault) = sagemaker::create_training_job(aws, spec, original, &hyperparameters, walk_tag::TAG).await {
        // After a refusal the name is free again; after silence the job may exist and need its manifest.
        if written && !fault.is_unheard() {
            let key = manifest_key(&spec.name);
            if s3::delete_objects(aws, &spec.bucket, std::slice::from_ref(&key))
                .await
                .is_err()
            {
                let left = s3::uri(&spec.bucket, &key);
                fault.cause = format!("{}; {left} was written for it and is still there", fault.cause);
            }
        }
        return Err(fault);
    }
    Ok(Outcome::JobStarted {
        name: spec.name.clone(),
    })
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

/// Tells a training job to stop; it has two minutes to leave something behind.
pub async fn stop_job(aws: &Aws, name: &str) -> Result<Outcome, Fault> {
    sagemaker::stop_training_job(aws, name).await?;
    Ok(Outcome::JobStopping { name: name.to_owned() })
}

/// True if it was written now; the same document from an earlier try is as good.
async fn write_manifest(aws: &Aws, spec: &JobSpec, document: &[u8]) -> Result<bool, Fault> {
    let key = manifest_key(&spec.name);
    match s3::write_new(aws, &spec.bucket, &key, document.to_vec(), "application/json").await {
        Ok(()) => Ok(true),
        Err(fault) if fault.kind == FaultKind::Conflict => {
            let existing = s3::read_small(aws, &spec.bucket, &key, LONGEST_MANIFEST).await?;
            if existing == document {
                return Ok(false);
            }
            Err(Fault {
                remedy: "choose another name for the job".to_owned(),
                ..fault
            })
        }
        Err(fault) => Err(bucket_refusal::of_write(aws, fault, false).await),
    }
}

pub(super) fn manifest_key(job: &str) -> String {
    format!(".strongroom/manifests/{job}.json")
}

fn check(spec: &JobSpec) -> Result<(), Fault> {
    let invalid = |cause: &str, remedy: &str| Err(Fault::new(FaultKind::Invalid, START, &spec.name, cause, remedy));
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
    let command = &spec.plan.command;
    if command.first().is_some_and(String::is_empty) {
        return invalid("its command has no name", "name a program");
    }
    if command.len() > MOST_ARGUMENTS || command.iter().any(|word| word.chars().count() > LONGEST_ARGUMENT) {
        return invalid(
            "SageMaker takes no such command",
            "give up to 100 words of up to 256 characters, and longer ones in a file of the image or as hyperparameters",
        );
    }
    let Some(output) = ObjectUri::parse(&spec.output) else {
        return invalid("the output is not an S3 URI", "give s3://BUCKET/PREFIX");
    };
    output.check(START)?;
    for channel in &channels {
        bucket::check(START, &channel.bucket)?;
    }
    if spec.instance_count < 1 || spec.volume_gb < 1 || spec.max_runtime < 1 {
        return invalid("instances, volume and longest run must be positive", "");
    }
    Ok(())
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
    Err(Fault::new(FaultKind::Invalid, START, &spec.name, cause, remedy))
}

/// `[A-Za-z0-9\.\-_]+`, and no folder's own or parent's name; one name is kept for what strongroom brings itself.
fn is_channel_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_path = name.chars().all(|c| c == '.');
    (1..=64).contains(&name.len()) && name.chars().all(inner) && !is_path && name != OUR_CHANNEL
}

/// `[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}`.
pub(super) fn is_job_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=63).contains(&name.len()) && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests;
