//! Training jobs on an encrypted object: what the job is told is where C is, never D.
//!
//! A job made here carries the boto3 way's hyperparameters and, for bound tokens, a manifest outside every channel
//! with its SHA-256: the container then knows which token it must find under which name.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::aws::{Aws, kms, s3, sagemaker};
use crate::domain::{Fault, FaultKind, JobSpec, ObjectFormat, ObjectInfo, ObjectRow, Outcome};
use crate::envelope::manifest::{Manifest, ManifestFile, VERSION, WrappedDataKey};
use crate::envelope::{HEADER_LEN, binding};

const CHANNEL: &str = "train";
/// The key object of the boto3 way.
const BOTO3_KEY_OBJECT: &str = "dont_look";
/// No encrypted data key of KMS is longer.
const LONGEST_DATA_KEY: u64 = 6144;
const MOST_HYPERPARAMETERS: usize = 100;
const LONGEST_VALUE: usize = 2500;
const START: &str = "start training job";

/// Starts a training job on one encrypted object.
pub async fn start_job(aws: &Aws, spec: &JobSpec) -> Result<Outcome, Fault> {
    check(spec)?;
    let info = s3::object_info(aws, &spec.bucket, &spec.object).await?;
    refuse_neighbours(aws, spec).await?;
    let plan = match info.format {
        ObjectFormat::Strongroom => bound_plan(aws, spec, &info).await?,
        ObjectFormat::Fernet => boto3_plan(aws, spec).await?,
        other => {
            let cause = format!("{} is not an encrypted token ({})", source(spec), other.as_str());
            let remedy = "encrypt and upload the file first";
            return Err(Fault::new(FaultKind::Invalid, START, &spec.name, cause, remedy));
        }
    };
    let mut hyperparameters = spec.hyperparameters.clone();
    hyperparameters.extend(plan.hyperparameters);
    check_hyperparameters(spec, &hyperparameters)?;

    let written = match &plan.manifest {
        Some(manifest) => write_manifest(aws, spec, manifest).await?,
        None => false,
    };
    if let Err(fault) = sagemaker::create_training_job(aws, spec, &hyperparameters).await {
        // After a refusal the name is free again; after silence the job may exist and need its manifest.
        if written && !fault.is_transient() {
            let _ = s3::delete_objects(aws, &spec.bucket, &[manifest_key(&spec.name)]).await;
        }
        return Err(fault);
    }
    Ok(Outcome::JobStarted {
        name: spec.name.clone(),
    })
}

/// Tells a training job to stop; it has two minutes to leave something behind.
pub async fn stop_job(aws: &Aws, name: &str) -> Result<Outcome, Fault> {
    sagemaker::stop_training_job(aws, name).await?;
    Ok(Outcome::JobStopping { name: name.to_owned() })
}

struct Plan {
    hyperparameters: BTreeMap<String, String>,
    manifest: Option<Vec<u8>>,
}

async fn bound_plan(aws: &Aws, spec: &JobSpec, info: &ObjectInfo) -> Result<Plan, Fault> {
    let ours = |name: &str| {
        let found = info
            .metadata
            .iter()
            .find(|(key, _)| key.strip_prefix("strongroom-") == Some(name));
        found.map(|(_, value)| value.clone())
    };
    let missing = |name: &str| {
        let cause = format!("the metadata of {} has no strongroom-{name}", source(spec));
        Fault::new(
            FaultKind::Integrity,
            START,
            &spec.name,
            cause,
            "upload the object again",
        )
    };
    let kms_key_id = info.kms_key_arn.clone().ok_or_else(|| missing("kms-key-id"))?;
    let context: BTreeMap<_, _> = info.context.iter().cloned().collect();
    let bucket_root = s3::uri(&spec.bucket, "");
    let key_object = info
        .data_key_uri
        .as_deref()
        .and_then(|uri| uri.strip_prefix(&bucket_root));
    let data_key = match (ours("data-key"), key_object) {
        (Some(data_key), _) => data_key,
        (None, Some(object)) => {
            BASE64_STANDARD.encode(s3::read_small(aws, &spec.bucket, object, LONGEST_DATA_KEY).await?)
        }
        (None, None) => return Err(missing("data-key")),
    };
    let head = s3::first_bytes(aws, &spec.bucket, &spec.object).await?;
    let header = token_header(&head).ok_or_else(|| {
        let cause = format!("{} does not begin like a token", source(spec));
        Fault::new(FaultKind::Integrity, START, &spec.name, cause, "verify the object")
    })?;
    let file = ManifestFile {
        data_key: 0,
        header: BASE64_STANDARD.encode(header),
        length: Some(info.plaintext_bytes.ok_or_else(|| missing("length"))?),
        name: Some(info.name.clone().ok_or_else(|| missing("name"))?),
        mac: Some(ours("mac").ok_or_else(|| missing("mac"))?),
    };
    let manifest = Manifest {
        version: VERSION,
        data_keys: vec![WrappedDataKey {
            data_key,
            kms_key_id: kms_key_id.clone(),
            context: context.clone(),
        }],
        channels: BTreeMap::from([(
            CHANNEL.to_owned(),
            BTreeMap::from([(file_name(&spec.object).to_owned(), file)]),
        )]),
    };
    let document = serde_json::to_vec(&manifest).expect("strings, numbers and maps with string keys are always JSON");

    let mut hyperparameters = common_hyperparameters(spec, &kms_key_id);
    if let Some(object) = key_object {
        hyperparameters.insert("ciphertext_s3_key".to_owned(), object.to_owned());
    }
    if !context.is_empty() {
        let json = serde_json::to_string(&context).expect("a map of strings is always JSON");
        hyperparameters.insert("encryption_context".to_owned(), json);
    }
    let uri = s3::uri(&spec.bucket, &manifest_key(&spec.name));
    hyperparameters.insert("strongroom_manifest".to_owned(), uri);
    hyperparameters.insert("strongroom_manifest_sha256".to_owned(), binding::digest(&document));
    Ok(Plan {
        hyperparameters,
        manifest: Some(document),
    })
}

/// A token without metadata: C is where the boto3 way puts it, and only KMS knows which key wrapped it.
async fn boto3_plan(aws: &Aws, spec: &JobSpec) -> Result<Plan, Fault> {
    let given = |name: &str| spec.hyperparameters.get(name).cloned();
    let object = given("ciphertext_s3_key").unwrap_or_else(|| BOTO3_KEY_OBJECT.to_owned());
    let bucket = given("key_bucket").unwrap_or_else(|| spec.bucket.clone());
    let kms_key_id = match given("kms_key_id").or_else(|| given("master_key_id")) {
        Some(key) => key,
        None => {
            let data_key = s3::read_small(aws, &bucket, &object, LONGEST_DATA_KEY).await?;
            kms::decrypt_data_key(aws, &data_key, None, &BTreeMap::new(), &[])
                .await
                .map_err(|fault| Fault {
                    remedy: "give the hyperparameters kms_key_id and ciphertext_s3_key".to_owned(),
                    ..fault
                })?
                .key_arn
        }
    };
    let mut hyperparameters = common_hyperparameters(spec, &kms_key_id);
    hyperparameters.insert("ciphertext_s3_key".to_owned(), object);
    hyperparameters.insert("key_bucket".to_owned(), bucket);
    Ok(Plan {
        hyperparameters,
        manifest: None,
    })
}

/// What every container that follows the boto3 way reads. Its own reads `master_key_id`, its notebook sends the other.
fn common_hyperparameters(spec: &JobSpec, kms_key_id: &str) -> BTreeMap<String, String> {
    let pairs = [
        ("kms_key_id", kms_key_id),
        ("master_key_id", kms_key_id),
        ("train_channel", CHANNEL),
        ("train_file", file_name(&spec.object)),
        ("key_bucket", &spec.bucket),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// SageMaker delivers every object whose key begins with the channel's: `a.csv.bak` comes with `a.csv`.
async fn refuse_neighbours(aws: &Aws, spec: &JobSpec) -> Result<(), Fault> {
    let page = s3::list_under(aws, &spec.bucket, &spec.object, None).await?;
    match page.rows.iter().map(ObjectRow::key).find(|key| *key != spec.object) {
        None => Ok(()),
        Some(neighbour) => {
            let cause = format!(
                "SageMaker would deliver {} too: its name begins with the object's",
                s3::uri(&spec.bucket, neighbour)
            );
            let remedy = "move or rename one of the two";
            Err(Fault::new(FaultKind::Invalid, START, &spec.name, cause, remedy))
        }
    }
}

/// True if it was written now; the same document from an earlier try is as good.
async fn write_manifest(aws: &Aws, spec: &JobSpec, document: &[u8]) -> Result<bool, Fault> {
    let key = manifest_key(&spec.name);
    match s3::write_new(aws, &spec.bucket, &key, document.to_vec(), "application/json").await {
        Ok(()) => Ok(true),
        Err(fault) if fault.kind == FaultKind::Conflict => {
            let existing = s3::read_small(aws, &spec.bucket, &key, 1 << 20).await?;
            if existing == document {
                return Ok(false);
            }
            Err(Fault {
                remedy: "choose another name for the job".to_owned(),
                ..fault
            })
        }
        Err(fault) => Err(fault),
    }
}

fn manifest_key(job: &str) -> String {
    format!(".strongroom/manifests/{job}.json")
}

fn file_name(object: &str) -> &str {
    object.rsplit('/').next().unwrap_or(object)
}

fn source(spec: &JobSpec) -> String {
    s3::uri(&spec.bucket, &spec.object)
}

fn token_header(head: &[u8]) -> Option<[u8; HEADER_LEN]> {
    let quads: Vec<u8> = head
        .get(..HEADER_LEN.div_ceil(3) * 4)?
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    let bytes = BASE64_STANDARD.decode(quads).ok()?;
    let header: [u8; HEADER_LEN] = bytes.get(..HEADER_LEN)?.try_into().ok()?;
    (header[0] == 0x80).then_some(header)
}

fn check(spec: &JobSpec) -> Result<(), Fault> {
    let invalid = |cause: &str, remedy: &str| Err(Fault::new(FaultKind::Invalid, START, &spec.name, cause, remedy));
    if !is_job_name(&spec.name) {
        return invalid(
            "this is not a name for a job",
            "use up to 63 letters, digits and inner hyphens",
        );
    }
    if spec.object.is_empty() || spec.object.ends_with('/') {
        return invalid("no object is named", "choose an encrypted object");
    }
    if !spec.output.starts_with("s3://") {
        return invalid("the output is not an S3 URI", "give s3://BUCKET/PREFIX");
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
    Err(Fault::new(
        FaultKind::Invalid,
        START,
        &spec.name,
        cause,
        "leave some out",
    ))
}

/// `[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}`.
fn is_job_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=63).contains(&name.len()) && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests;
