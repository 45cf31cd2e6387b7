//! What a job trains on: in each channel one encrypted object or everything under a prefix, with the data keys that open it.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::START;
use futures::{StreamExt, TryStreamExt, stream};

use crate::actions::encrypted_data_key::{BOTO3_KEY_OBJECT, EncryptedDataKey, MAX_DATA_KEY};
use crate::actions::unlock::{Among, Claim, OpenOptions};
use crate::aws::{Aws, kms, pages, s3, transfer};
use crate::domain::bond::{Declared, Survey};
use crate::domain::{DataChannel, Fault, FaultKind, JobSpec, ObjectFormat, ObjectInfo, ObjectRow};
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
    /// By the channels' names; `None` the boto3 way, where tokens say nothing of themselves.
    channels: Option<BTreeMap<String, ManifestChannel>>,
    count: usize,
    /// The only file of the first channel, by its path there, where that channel is one object.
    file: Option<String>,
    key_bucket: String,
    key_object: Option<String>,
}

/// One object of a channel, as its first bytes came.
struct Opened {
    key: String,
    info: ObjectInfo,
    first: Vec<u8>,
}

/// What a channel holds.
type Held = (DataChannel, Vec<Opened>);

impl Material {
    /// Looks at every object; one that is not a token of ours, or of another kind than the others, is refused.
    pub(in crate::actions) async fn of(aws: &Aws, spec: &JobSpec) -> Result<Self, Fault> {
        let mut held = Vec::new();
        for channel in spec.channels() {
            held.push(look(aws, spec, channel).await?);
        }
        let count = held.iter().map(|(_, infos)| infos.len()).sum();
        let all = || held.iter().flat_map(|(_, infos)| infos);
        let ours = all()
            .filter(|opened| opened.info.format == ObjectFormat::Strongroom)
            .count();
        let mut found = match ours {
            0 => Self::boto3(aws, spec, count).await?,
            ours if ours == count => Self::bound(aws, spec, &held).await?,
            _ => {
                let places: Vec<String> = held.iter().map(|(channel, _)| channel.uri()).collect();
                let cause = format!(
                    "{} hold tokens with and without strongroom's metadata",
                    places.join(", ")
                );
                return Err(refused(spec, cause, "upload all of it with strongroom"));
            }
        };
        found.file = held
            .first()
            .filter(|(channel, _)| !is_prefix(&channel.object))
            .map(|(channel, _)| delivered_as(channel, &channel.object).to_owned());
        Ok(found)
    }

    async fn bound(aws: &Aws, spec: &JobSpec, held: &[Held]) -> Result<Self, Fault> {
        let mut found = Self {
            data_keys: Vec::new(),
            channels: None,
            count: held.iter().map(|(_, infos)| infos.len()).sum(),
            file: None,
            key_bucket: spec.bucket.clone(),
            key_object: None,
        };
        let mut channels = BTreeMap::new();
        for (channel, infos) in held {
            let mut files = BTreeMap::new();
            for opened in infos {
                let file = found.file(aws, spec, channel, opened).await?;
                files.insert(delivered_as(channel, &opened.key).to_owned(), file);
            }
            let listed = ManifestChannel {
                prefix: Some(folder(channel).to_owned()),
                moved_from: declared(channel).map(|declared| declared.from()),
                files,
            };
            channels.insert(channel.name.clone(), listed);
        }
        found.channels = Some(channels);
        Ok(found)
    }

    /// What the manifest says of one object, whose data key is among ours from now on.
    async fn file(
        &mut self,
        aws: &Aws,
        spec: &JobSpec,
        channel: &DataChannel,
        Opened { key, info, first }: &Opened,
    ) -> Result<ManifestFile, Fault> {
        let uri = s3::uri(&channel.bucket, key);
        let refused = |cause: String, remedy: &str| {
            Fault::new(
                FaultKind::Integrity,
                START,
                &spec.name,
                format!("{uri}: {cause}"),
                remedy,
            )
        };
        let claim = claim(channel, key, info).map_err(|fault| Fault {
            ways: fault.ways,
            ..refused(fault.cause, "upload it again")
        })?;
        let Some(metadata) = claim.metadata() else {
            return Err(refused("it has no metadata".to_owned(), "upload the object again"));
        };
        let wrapped = EncryptedDataKey::of(aws, &channel.bucket, key, info).await?;
        let data_key = WrappedDataKey {
            data_key: BASE64_STANDARD.encode(&wrapped.ciphertext),
            kms_key_id: metadata.kms_key_id.clone(),
            context: metadata.context.clone(),
        };
        let known = self.data_keys.iter().position(|known| *known == data_key);
        let index = known.unwrap_or_else(|| {
            self.data_keys.push(data_key);
            self.data_keys.len() - 1
        });
        // The boto3 way looks for it in one bucket.
        if self.key_object.is_none() && channel.bucket == self.key_bucket {
            self.key_object.clone_from(&metadata.data_key_object);
        }
        let header = header_of(first)
            .ok_or_else(|| refused("it does not begin like a token".to_owned(), "verify the object"))?;
        Ok(ManifestFile {
            data_key: index,
            header: BASE64_STANDARD.encode(header),
            length: Some(metadata.length),
            version: metadata.version(),
            name: Some(metadata.name.clone()),
            prefix: metadata.prefix.clone(),
            mac: Some(BASE64_STANDARD.encode(metadata.mac)),
        })
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
                s3::uri(&spec.bucket, &spec.object),
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
            channels: None,
            count,
            file: None,
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
        let bound = if self.channels.is_some() {
            "as they say; the job holds each against its name, place and length"
        } else {
            "unbound: the boto3 way"
        };
        format!("{} files under {} data keys, {bound}", self.count, self.data_keys.len())
    }

    /// What the container must find, if the tokens say it.
    pub(super) fn manifest(&self) -> Option<Manifest> {
        Some(Manifest {
            version: VERSION,
            data_keys: self.data_keys.clone(),
            channels: self.channels.clone()?,
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
        // Of a channel that is shared out one host alone has it.
        if let Some(file) = self.file.as_deref().filter(|_| !spec.plan.is_sharded) {
            set("train_file", file);
        }
        pairs
    }
}

/// Looks at the objects that a channel will deliver.
async fn look(aws: &Aws, spec: &JobSpec, mut channel: DataChannel) -> Result<Held, Fault> {
    let keys = objects(aws, spec, &mut channel).await?;
    if keys.is_empty() {
        let cause = format!("there is nothing under {}", channel.uri());
        return Err(refused(spec, cause, "upload data first"));
    }
    let hosts = spec.instance_count;
    if channel.is_sharded && keys.len() < usize::try_from(hosts).unwrap_or(0) {
        let cause = format!(
            "{} is shared out, and holds {} objects for {hosts} hosts",
            channel.uri(),
            keys.len()
        );
        return Err(refused(spec, cause, "ask for fewer instances, or give each all of it"));
    }
    let looks = keys.into_iter().map(|key| open(aws, spec, &channel, key));
    let opened = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
    Ok((channel, opened))
}

async fn open(aws: &Aws, spec: &JobSpec, channel: &DataChannel, key: String) -> Result<Opened, Fault> {
    let (info, first) = s3::opening(aws, &channel.bucket, &key).await?;
    if !info.format.is_token() {
        let uri = s3::uri(&channel.bucket, &key);
        let cause = format!("{uri} is not an encrypted token ({})", info.format.as_str());
        let remedy = "encrypt and upload it first, or choose another prefix";
        return Err(refused(spec, cause, remedy));
    }
    Ok(Opened { key, info, first })
}

/// The keys of those objects. A channel that was meant as a folder and is one gets its slash: SageMaker delivers alike.
async fn objects(aws: &Aws, spec: &JobSpec, channel: &mut DataChannel) -> Result<Vec<String>, Fault> {
    let (bucket, object) = (&channel.bucket.clone(), &channel.object.clone());
    let mut found: Vec<String> = Vec::new();
    let mut pages = pages(|token| s3::list_under(aws, bucket, object, token));
    loop {
        let rows = match pages.try_next().await {
            Ok(Some(rows)) => rows,
            Ok(None) => break,
            // Whoever may not list cannot look for neighbours of the one object; the container takes in none that the
            // manifest does not list.
            Err(fault) if fault.kind == FaultKind::Denied && found.is_empty() && !is_prefix(object) => {
                return Ok(vec![object.to_owned()]);
            }
            Err(fault) => return Err(fault),
        };
        found.extend(rows.iter().map(ObjectRow::key).map(str::to_owned));
        if found.len() > MOST_FILES {
            let cause = format!("{} holds more than {MOST_FILES} objects", channel.uri());
            return Err(refused(spec, cause, "choose a smaller prefix"));
        }
    }
    let as_folder = format!("{object}/");
    if !is_prefix(object) && !found.is_empty() && found.iter().all(|key| key.starts_with(&as_folder)) {
        channel.object = as_folder;
    }
    let object = &channel.object;
    if is_prefix(object) {
        // The marker that some consoles make for a folder is no data.
        // What we keep beside the data, the container passes over.
        found.retain(|key| !key.ends_with('/') && !is_kept_beside(object, key));
        return Ok(found);
    }
    // SageMaker delivers every object whose key begins with the channel's: `a.csv.bak` comes with `a.csv`.
    match found.iter().find(|key| *key != object) {
        None => Ok(found),
        Some(neighbour) => {
            let uri = s3::uri(bucket, neighbour);
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
fn claim(channel: &DataChannel, key: &str, info: &ObjectInfo) -> Result<Claim, Fault> {
    let options = OpenOptions {
        require_bound: true,
        moved_from: channel.moved_from.clone(),
        ..OpenOptions::default()
    };
    let among = Among::Prefix {
        prefix: folder(channel),
        survey: &Survey::default(),
    };
    let claim = Claim::read(
        &channel.bucket,
        key,
        info.metadata.iter().map(|(name, value)| (name, value)),
    )?;
    claim.bond(&options, among)?;
    Ok(claim)
}

fn declared(channel: &DataChannel) -> Option<Declared> {
    let given = channel.moved_from.as_deref()?;
    Some(Declared::new(given, Some(folder(channel))))
}

/// The channel's S3 prefix: its objects are delivered under what follows the last slash of its own name.
fn folder(channel: &DataChannel) -> &str {
    let object = &channel.object;
    object.split_at(object.rfind('/').map_or(0, |slash| slash + 1)).0
}

/// The path under the channel's folder.
fn delivered_as<'a>(channel: &DataChannel, key: &'a str) -> &'a str {
    key.strip_prefix(folder(channel)).unwrap_or(key)
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
            channels: None,
            count: 1,
            file: Some("x.csv".to_owned()),
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
        assert_eq!(delivered_as(&spec.channels()[0], "data/2026/x.csv"), "2026/x.csv");
        let material = Material {
            file: None,
            ..material()
        };
        assert_eq!(material.hyperparameters(&spec).get("train_file"), None);
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
