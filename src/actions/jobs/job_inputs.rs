//! What a job trains on: one encrypted object or everything under a prefix, with the data keys that open it.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::{START, source};
use futures::{StreamExt, TryStreamExt, stream};

use crate::actions::encrypted_data_key::{BOTO3_KEY_OBJECT, EncryptedDataKey, MAX_DATA_KEY};
use crate::actions::unlock::{Among, Claim, OpenOptions};
use crate::aws::{Aws, kms, pages, s3, transfer};
use crate::domain::bond::{Declared, Survey};
use crate::domain::{Fault, FaultKind, JobSpec, ObjectFormat, ObjectInfo, ObjectRow};
use crate::envelope::header_of;
use crate::envelope::manifest::{Manifest, ManifestChannel, ManifestFile, VERSION, WrappedDataKey};

/// Objects that are looked at side by side.
const AT_ONCE: usize = 16;
/// A manifest of more files is too long for a container's start.
const MOST_FILES: usize = 10_000;

/// The data of a job.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::actions) struct Material {
    data_keys: Vec<WrappedDataKey>,
    /// By path relative to the channel; `None` the boto3 way, where tokens say nothing of themselves.
    files: Option<BTreeMap<String, ManifestFile>>,
    count: usize,
    key_bucket: String,
    key_object: Option<String>,
}

/// One object of the channel, as its first bytes came.
struct Opened {
    key: String,
    info: ObjectInfo,
    first: Vec<u8>,
}

impl Opened {
    async fn of(aws: &Aws, spec: &JobSpec, key: String) -> Result<Self, Fault> {
        let (info, first) = s3::opening(aws, &spec.bucket, &key).await?;
        if !info.format.is_token() {
            let uri = s3::uri(&spec.bucket, &key);
            let cause = format!("{uri} is not an encrypted token ({})", info.format.as_str());
            let remedy = "encrypt and upload it first, or choose another prefix";
            return Err(refused(spec, cause, remedy));
        }
        Ok(Self { key, info, first })
    }
}

impl Material {
    /// Looks at every object; one that is not a token of ours, or of another kind than the others, is refused.
    pub(in crate::actions) async fn of(aws: &Aws, spec: &JobSpec) -> Result<Self, Fault> {
        let looks = objects(aws, spec)
            .await?
            .into_iter()
            .map(|key| Opened::of(aws, spec, key));
        let infos: Vec<Opened> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
        let ours = infos
            .iter()
            .filter(|opened| opened.info.format == ObjectFormat::Strongroom)
            .count();
        match (ours, infos.first()) {
            (_, None) => Err(refused(
                spec,
                format!("there is nothing under {}", source(spec)),
                "upload data first",
            )),
            (0, Some(_)) => Self::boto3(aws, spec, infos.len()).await,
            (all, Some(_)) if all == infos.len() => Self::bound(aws, spec, &infos).await,
            _ => {
                let cause = format!("{} holds tokens with and without strongroom's metadata", source(spec));
                Err(refused(spec, cause, "upload all of it with strongroom"))
            }
        }
    }

    async fn bound(aws: &Aws, spec: &JobSpec, infos: &[Opened]) -> Result<Self, Fault> {
        let mut found = Self {
            data_keys: Vec::new(),
            files: None,
            count: infos.len(),
            key_bucket: spec.bucket.clone(),
            key_object: None,
        };
        let mut files = BTreeMap::new();
        for Opened { key, info, first } in infos {
            let uri = s3::uri(&spec.bucket, key);
            let refused = |cause: String, remedy: &str| {
                Fault::new(
                    FaultKind::Integrity,
                    START,
                    &spec.name,
                    format!("{uri}: {cause}"),
                    remedy,
                )
            };
            let claim = claim(spec, key, info).map_err(|fault| Fault {
                ways: fault.ways,
                ..refused(fault.cause, "upload it again")
            })?;
            let Some(metadata) = claim.metadata() else {
                return Err(refused("it has no metadata".to_owned(), "upload the object again"));
            };
            let wrapped = EncryptedDataKey::of(aws, &spec.bucket, key, info).await?;
            let data_key = WrappedDataKey {
                data_key: BASE64_STANDARD.encode(&wrapped.ciphertext),
                kms_key_id: metadata.kms_key_id.clone(),
                context: metadata.context.clone(),
            };
            let known = found.data_keys.iter().position(|known| *known == data_key);
            let index = known.unwrap_or_else(|| {
                found.data_keys.push(data_key);
                found.data_keys.len() - 1
            });
            if found.key_object.is_none() {
                found.key_object.clone_from(&metadata.data_key_object);
            }
            let header = header_of(first)
                .ok_or_else(|| refused("it does not begin like a token".to_owned(), "verify the object"))?;
            let file = ManifestFile {
                data_key: index,
                header: BASE64_STANDARD.encode(header),
                length: Some(metadata.length),
                version: metadata.version(),
                name: Some(metadata.name.clone()),
                prefix: metadata.prefix.clone(),
                mac: Some(BASE64_STANDARD.encode(metadata.mac)),
            };
            files.insert(delivered_as(spec, key).to_owned(), file);
        }
        found.files = Some(files);
        Ok(found)
    }

    /// Tokens without metadata: C is where the boto3 way puts it, and only KMS knows which key wrapped it.
    async fn boto3(aws: &Aws, spec: &JobSpec, count: usize) -> Result<Self, Fault> {
        let given = |name: &str| spec.hyperparameters.get(name).cloned();
        let object = given("ciphertext_s3_key").unwrap_or_else(|| BOTO3_KEY_OBJECT.to_owned());
        let bucket = given("key_bucket").unwrap_or_else(|| spec.bucket.clone());
        let ciphertext = s3::read_small(aws, &bucket, &object, MAX_DATA_KEY).await;
        // Under a data key of our own uploads no token is without metadata, unless a person says so.
        if given("ciphertext_s3_key").is_none()
            && ciphertext.is_ok()
            && s3::is_kept_by_us(&transfer::head(aws, &bucket, &object).await?.metadata, &object)
        {
            let cause = format!(
                "{} has no strongroom metadata, but the data key found for it, {}, is of strongroom's own uploads: the \
                 metadata, which proves name and place, may have been taken away",
                source(spec),
                s3::uri(&bucket, &object)
            );
            let remedy =
                "upload it again; if it never had any, name its data key in the hyperparameter ciphertext_s3_key";
            return Err(refused(spec, cause, remedy));
        }
        let kms_key_id = match (given("kms_key_id").or_else(|| given("master_key_id")), &ciphertext) {
            (Some(key), _) => key,
            (None, Ok(ciphertext)) => {
                let unwrapped = kms::decrypt_data_key(aws, ciphertext, None, &BTreeMap::new(), &[]).await;
                let unwrapped = unwrapped.map_err(|fault| Fault {
                    remedy: "give the hyperparameters kms_key_id and ciphertext_s3_key".to_owned(),
                    ..fault
                });
                unwrapped?.key_arn
            }
            (None, Err(fault)) => return Err(fault.clone()),
        };
        Ok(Self {
            data_keys: vec![WrappedDataKey {
                data_key: BASE64_STANDARD.encode(ciphertext.unwrap_or_default()),
                kms_key_id,
                context: BTreeMap::new(),
            }],
            files: None,
            count,
            key_bucket: bucket,
            key_object: Some(object),
        })
    }

    /// The data keys, each with its KMS key.
    pub(in crate::actions) fn keys(&self) -> &[WrappedDataKey] {
        &self.data_keys
    }

    /// The key object in the job's own bucket that the boto3 way reads.
    pub(in crate::actions) fn key_object(&self) -> Option<&str> {
        self.key_object.as_deref()
    }

    /// In a few words.
    pub(in crate::actions) fn describe(&self) -> String {
        let bound = if self.files.is_some() {
            "as they say; the job holds each against its name, place and length"
        } else {
            "unbound: the boto3 way"
        };
        format!("{} files under {} data keys, {bound}", self.count, self.data_keys.len())
    }

    /// What the container must find, if the tokens say it.
    pub(super) fn manifest(&self, spec: &JobSpec) -> Option<Manifest> {
        let channel = ManifestChannel {
            prefix: Some(folder(spec).to_owned()),
            moved_from: declared(spec).map(|declared| declared.from()),
            files: self.files.clone()?,
        };
        Some(Manifest {
            version: VERSION,
            data_keys: self.data_keys.clone(),
            channels: BTreeMap::from([(spec.channel().to_owned(), channel)]),
        })
    }

    /// The boto3 way's hyperparameters. Its container reads `master_key_id`, its notebook sends `kms_key_id`: both.
    pub(super) fn hyperparameters(&self, spec: &JobSpec) -> BTreeMap<String, String> {
        let mut pairs = BTreeMap::new();
        let mut set = |name: &str, value: &str| drop(pairs.insert(name.to_owned(), value.to_owned()));
        if let Some(key) = self.data_keys.first() {
            set("kms_key_id", &key.kms_key_id);
            set("master_key_id", &key.kms_key_id);
            if !key.context.is_empty() {
                let json = serde_json::to_string(&key.context).expect("a map of strings is always JSON");
                set("encryption_context", &json);
            }
        }
        set("train_channel", spec.channel());
        set("key_bucket", &self.key_bucket);
        if let Some(object) = &self.key_object {
            set("ciphertext_s3_key", object);
        }
        if !is_prefix(&spec.object) {
            set("train_file", delivered_as(spec, &spec.object));
        }
        pairs
    }
}

/// The objects that the job's channel will deliver.
async fn objects(aws: &Aws, spec: &JobSpec) -> Result<Vec<String>, Fault> {
    let mut found = Vec::new();
    let mut pages = pages(|token| s3::list_under(aws, &spec.bucket, &spec.object, token));
    loop {
        let rows = match pages.try_next().await {
            Ok(Some(rows)) => rows,
            Ok(None) => break,
            // Whoever may not list cannot look for neighbours of the one object; the container takes in none that the
            // manifest does not list.
            Err(fault) if fault.kind == FaultKind::Denied && found.is_empty() && !is_prefix(&spec.object) => {
                return Ok(vec![spec.object.clone()]);
            }
            Err(fault) => return Err(fault),
        };
        found.extend(rows.iter().map(ObjectRow::key).map(str::to_owned));
        if found.len() > MOST_FILES {
            let cause = format!("{} holds more than {MOST_FILES} objects", source(spec));
            return Err(refused(spec, cause, "choose a smaller prefix"));
        }
    }
    if is_prefix(&spec.object) {
        // The marker that some consoles make for a folder is no data.
        // What we keep beside the data, the container passes over.
        found.retain(|key| !key.ends_with('/') && !is_kept_beside(&spec.object, key));
        return Ok(found);
    }
    // SageMaker delivers every object whose key begins with the channel's: `a.csv.bak` comes with `a.csv`.
    match found.iter().find(|key| **key != spec.object) {
        None => Ok(found),
        Some(neighbour) => {
            let uri = s3::uri(&spec.bucket, neighbour);
            let cause = format!("SageMaker would deliver {uri} too: its name begins with the object's");
            Err(refused(spec, cause, "move or rename one of the two"))
        }
    }
}

/// Whether it is one of our own folders, somewhere below the prefix.
fn is_kept_beside(prefix: &str, key: &str) -> bool {
    let mut folders = key.strip_prefix(prefix).unwrap_or(key).split('/').rev().skip(1);
    folders.any(|folder| folder == ".strongroom")
}

/// What the object says, if it stands where it was put, or where a declared move put it.
fn claim(spec: &JobSpec, key: &str, info: &ObjectInfo) -> Result<Claim, Fault> {
    let options = OpenOptions {
        require_bound: true,
        moved_from: spec.moved_from.clone(),
        ..OpenOptions::default()
    };
    let among = Among::Prefix {
        prefix: folder(spec),
        survey: &Survey::default(),
    };
    let claim = Claim::read(
        &spec.bucket,
        key,
        info.metadata.iter().map(|(name, value)| (name, value)),
    )?;
    claim.bond(&options, among)?;
    Ok(claim)
}

fn declared(spec: &JobSpec) -> Option<Declared> {
    let given = spec.moved_from.as_deref()?;
    Some(Declared::new(given, Some(folder(spec))))
}

/// The channel's S3 prefix: its objects are delivered under what follows the last slash of its own name.
fn folder(spec: &JobSpec) -> &str {
    spec.object
        .split_at(spec.object.rfind('/').map_or(0, |slash| slash + 1))
        .0
}

/// The path under the channel's folder.
fn delivered_as<'a>(spec: &JobSpec, key: &'a str) -> &'a str {
    key.strip_prefix(folder(spec)).unwrap_or(key)
}

fn is_prefix(object: &str) -> bool {
    object.is_empty() || object.ends_with('/')
}

fn refused(spec: &JobSpec, cause: String, remedy: &str) -> Fault {
    Fault::new(FaultKind::Invalid, START, &spec.name, cause, remedy)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::actions::jobs::tests::spec;

    fn material() -> Material {
        Material {
            data_keys: vec![WrappedDataKey {
                data_key: String::new(),
                kms_key_id: "arn:k".to_owned(),
                context: BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
            }],
            files: None,
            count: 1,
            key_bucket: "b".to_owned(),
            key_object: Some("dont_look".to_owned()),
        }
    }

    #[test]
    fn both_names_of_the_kms_key_are_sent() {
        let sent = material().hyperparameters(&spec());
        assert_eq!(sent["kms_key_id"], "arn:k");
        assert_eq!(sent["master_key_id"], "arn:k");
        assert_eq!(sent["train_file"], "x.csv");
        assert_eq!(sent["ciphertext_s3_key"], "dont_look");
        assert_eq!(sent["encryption_context"], r#"{"team":"blue"}"#);
    }

    #[test]
    fn files_of_a_prefix_keep_their_folders_and_none_is_named_alone() {
        let spec = JobSpec {
            object: "data/".to_owned(),
            ..spec()
        };
        assert_eq!(delivered_as(&spec, "data/2026/x.csv"), "2026/x.csv");
        assert_eq!(material().hyperparameters(&spec).get("train_file"), None);
    }

    #[test]
    fn what_is_no_token_has_no_header() {
        assert_eq!(header_of(b"id,name,age\n1,2,3\n4,5,6\n7,8,9\n1,2,3,4"), None);
        for len in 0..36 {
            assert_eq!(header_of(&vec![b'A'; len]), None, "{len}");
        }
        assert_eq!(header_of(&[b'A'; 36]), None);
    }
}
