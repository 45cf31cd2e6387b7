//! What a job trains on: in each channel one encrypted object or everything under a prefix, with the data keys that open it.

use std::collections::{BTreeMap, HashMap};

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
/// Files of one job, in all of its channels. What is known of each stays in memory until the job is started.
const MOST_FILES: usize = 100_000;

/// The data of a job.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::actions) struct Material {
    data_keys: Vec<WrappedDataKey>,
    /// By the channels' names; `None` the boto3 way, where tokens say nothing of themselves.
    channels: Option<BTreeMap<String, ManifestChannel>>,
    /// What each channel takes, in the order of the job.
    loads: Vec<Load>,
    /// The only file of the first channel, by its path there, where that channel is one object.
    file: Option<String>,
    key_bucket: String,
    key_object: Option<String>,
}

/// What a channel takes of a host's memory and volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::actions) struct Load {
    pub(in crate::actions) channel: String,
    pub(in crate::actions) is_sharded: bool,
    pub(in crate::actions) is_plain: bool,
    /// Bytes of each object as it is delivered.
    pub(in crate::actions) sizes: Vec<u64>,
}

/// An object as the list has it.
struct Listed {
    key: String,
    /// Of one that may not be listed it is not known.
    size: u64,
}

/// One token of a channel.
struct Looked {
    path: String,
    size: u64,
    /// What it says of itself; nothing the boto3 way.
    says: Option<(ManifestFile, WrappedDataKey, Option<String>)>,
}

/// Data keys, each of them once.
#[derive(Default)]
struct KeyRing {
    keys: Vec<WrappedDataKey>,
    /// By C, which is of one KMS key; the context beside it may differ.
    places: HashMap<String, Vec<usize>>,
}

impl KeyRing {
    fn place(&mut self, key: WrappedDataKey) -> usize {
        let places = self.places.entry(key.data_key.clone()).or_default();
        if let Some(known) = places.iter().find(|place| self.keys.get(**place) == Some(&key)) {
            return *known;
        }
        places.push(self.keys.len());
        self.keys.push(key);
        self.keys.len() - 1
    }
}

impl Material {
    /// Looks at every object; one that is not a token of ours, or of another kind than the others, is refused. Channels that
    /// are declared plain are listed only.
    pub(in crate::actions) async fn of(aws: &Aws, spec: &JobSpec) -> Result<Self, Fault> {
        let mut gathered = Gathered::default();
        for channel in spec.channels() {
            gathered.take_in(aws, spec, channel).await?;
        }
        let Gathered {
            keys,
            channels,
            loads,
            bare,
            bound,
            file,
            key_object,
        } = gathered;
        let found = match (bound, bare) {
            (0, 0) => {
                let cause = "every channel is declared plain: there is nothing to decrypt".to_owned();
                return Err(refused(spec, cause, "leave ,plain out where tokens are"));
            }
            (0, _) => Self::boto3(aws, spec, loads).await?,
            (_, 0) => Self {
                data_keys: keys.keys,
                channels: Some(channels),
                loads,
                file: None,
                key_bucket: spec.bucket.clone(),
                key_object,
            },
            _ => {
                let encrypted = spec.channels().into_iter().filter(|channel| !channel.is_plain);
                let places: Vec<String> = encrypted.map(|channel| channel.uri()).collect();
                let cause = format!(
                    "{} hold tokens with and without strongroom's metadata",
                    places.join(", ")
                );
                return Err(refused(spec, cause, "upload all of it with strongroom"));
            }
        };
        Ok(Self { file, ..found })
    }

    /// Tokens without metadata: C is where the boto3 way puts it, and only KMS knows which key wrapped it.
    async fn boto3(aws: &Aws, spec: &JobSpec, loads: Vec<Load>) -> Result<Self, Fault> {
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
            loads,
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

    /// What each channel takes.
    pub(in crate::actions) fn loads(&self) -> &[Load] {
        &self.loads
    }

    /// In a few words.
    pub(in crate::actions) fn describe(&self) -> String {
        let bound = if self.channels.is_some() {
            "as they say; the job holds each against its name, place and length"
        } else {
            "unbound: the boto3 way"
        };
        let encrypted = self.loads.iter().filter(|load| !load.is_plain);
        let count: usize = encrypted.map(|load| load.sizes.len()).sum();
        format!("{count} files under {} data keys, {bound}", self.data_keys.len())
    }

    /// What the container must find, if the tokens say it.
    pub(super) fn manifest(&self) -> Option<Manifest> {
        Some(Manifest {
            version: VERSION,
            data_keys: self.data_keys.clone(),
            channels: self.channels.clone()?,
            parts: Vec::new(),
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

/// What the channels hold, as far as they were looked at.
#[derive(Default)]
struct Gathered {
    keys: KeyRing,
    channels: BTreeMap<String, ManifestChannel>,
    loads: Vec<Load>,
    /// Tokens without metadata of ours.
    bare: usize,
    /// Tokens with it.
    bound: usize,
    file: Option<String>,
    key_object: Option<String>,
}

impl Gathered {
    /// Looks at the objects that a channel will deliver.
    async fn take_in(&mut self, aws: &Aws, spec: &JobSpec, mut channel: DataChannel) -> Result<(), Fault> {
        let listed = objects(aws, spec, &mut channel).await?;
        if listed.is_empty() {
            let cause = format!("there is nothing under {}", channel.uri());
            return Err(refused(spec, cause, "upload data first"));
        }
        let before: usize = self.loads.iter().map(|load| load.sizes.len()).sum();
        if before + listed.len() > MOST_FILES {
            return Err(too_many(spec));
        }
        let hosts = spec.instance_count;
        if channel.is_sharded && listed.len() < usize::try_from(hosts).unwrap_or(0) {
            let cause = format!(
                "{} is shared out, and holds {} objects for {hosts} hosts",
                channel.uri(),
                listed.len()
            );
            return Err(refused(spec, cause, "ask for fewer instances, or give each all of it"));
        }
        if self.loads.is_empty() && !channel.is_plain && !is_prefix(&channel.object) {
            self.file = Some(delivered_as(&channel, &channel.object).to_owned());
        }
        let mut files = BTreeMap::new();
        let mut sizes = Vec::with_capacity(listed.len());
        if channel.is_plain {
            sizes.extend(listed.into_iter().map(|object| object.size));
        } else {
            let looks = listed.into_iter().map(|object| look(aws, spec, &channel, object));
            let mut looks = stream::iter(looks).buffered(AT_ONCE);
            // Each is done with as it comes: of thousands of objects not all heads are held at once.
            while let Some(Looked { path, size, says }) = looks.try_next().await? {
                sizes.push(size);
                let Some((mut file, key, key_object)) = says else {
                    self.bare += 1;
                    continue;
                };
                self.bound += 1;
                file.data_key = self.keys.place(key);
                // The boto3 way looks for it in one bucket.
                if self.key_object.is_none() && channel.bucket == spec.bucket {
                    self.key_object = key_object;
                }
                files.insert(path, file);
            }
        }
        let listed = ManifestChannel {
            prefix: Some(folder(&channel).to_owned()),
            moved_from: declared(&channel).map(|declared| declared.from()),
            is_plain: channel.is_plain,
            files,
        };
        self.channels.insert(channel.name.clone(), listed);
        self.loads.push(Load {
            channel: channel.name,
            is_sharded: channel.is_sharded,
            is_plain: channel.is_plain,
            sizes,
        });
        Ok(())
    }
}

/// What one object says of itself.
async fn look(aws: &Aws, spec: &JobSpec, channel: &DataChannel, Listed { key, size }: Listed) -> Result<Looked, Fault> {
    let (info, first) = s3::opening(aws, &channel.bucket, &key).await?;
    let uri = s3::uri(&channel.bucket, &key);
    if !info.format.is_token() {
        let cause = format!("{uri} is not an encrypted token ({})", info.format.as_str());
        let remedy = "encrypt and upload it first, or choose another prefix; a channel of code or settings, all of it plain, \
                      is declared with ,plain behind its place";
        return Err(refused(spec, cause, remedy));
    }
    let says = match info.format {
        ObjectFormat::Strongroom => Some(said(aws, spec, channel, (&key, &info, &first)).await?),
        _ => None,
    };
    Ok(Looked {
        path: delivered_as(channel, &key).to_owned(),
        // A token takes four bytes for three, where there is no list that says it.
        size: size.max(info.plaintext_bytes.unwrap_or(0) / 3 * 4),
        says,
    })
}

/// What the manifest says of one object, its data key, and where that is kept; which of the job's data keys it is is not known
/// yet.
async fn said(
    aws: &Aws,
    spec: &JobSpec,
    channel: &DataChannel,
    (key, info, first): (&str, &ObjectInfo, &[u8]),
) -> Result<(ManifestFile, WrappedDataKey, Option<String>), Fault> {
    let uri = s3::uri(&channel.bucket, key);
    let refused = |cause: String, remedy: &str| {
        let cause = format!("{uri}: {cause}");
        Fault::new(FaultKind::Integrity, START, &spec.name, cause, remedy)
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
    let header =
        header_of(first).ok_or_else(|| refused("it does not begin like a token".to_owned(), "verify the object"))?;
    let file = ManifestFile {
        data_key: 0,
        header: BASE64_STANDARD.encode(header),
        length: Some(metadata.length),
        version: metadata.version(),
        name: Some(metadata.name.clone()),
        prefix: metadata.prefix.clone(),
        mac: Some(BASE64_STANDARD.encode(metadata.mac)),
    };
    Ok((file, data_key, metadata.data_key_object.clone()))
}

fn too_many(spec: &JobSpec) -> Fault {
    let cause = format!("its channels hold more than {MOST_FILES} objects");
    refused(
        spec,
        cause,
        "choose a smaller prefix, or put many small files into one archive before encrypting",
    )
}

/// The keys of those objects. A channel that was meant as a folder and is one gets its slash: SageMaker delivers alike.
async fn objects(aws: &Aws, spec: &JobSpec, channel: &mut DataChannel) -> Result<Vec<Listed>, Fault> {
    let (bucket, object) = (&channel.bucket.clone(), &channel.object.clone());
    let mut found: Vec<Listed> = Vec::new();
    let mut pages = pages(|token| s3::list_under(aws, bucket, object, token));
    loop {
        let rows = match pages.try_next().await {
            Ok(Some(rows)) => rows,
            Ok(None) => break,
            // Whoever may not list cannot look for neighbours of the one object; the container takes in none that the
            // manifest does not list.
            Err(fault) if fault.kind == FaultKind::Denied && found.is_empty() && !is_prefix(object) => {
                return Ok(vec![Listed {
                    key: object.to_owned(),
                    size: 0,
                }]);
            }
            Err(fault) => return Err(fault),
        };
        found.extend(rows.into_iter().filter_map(|row| match row {
            ObjectRow::Object { key, size, .. } => Some(Listed { key, size }),
            ObjectRow::Prefix { .. } => None,
        }));
        if found.len() > MOST_FILES {
            return Err(too_many(spec));
        }
    }
    let as_folder = format!("{object}/");
    if !is_prefix(object) && !found.is_empty() && found.iter().all(|object| object.key.starts_with(&as_folder)) {
        channel.object = as_folder;
    }
    let object = &channel.object;
    if is_prefix(object) {
        // The marker that some consoles make for a folder is no data.
        // What we keep beside the data, the container passes over.
        found.retain(|listed| !listed.key.ends_with('/') && !is_kept_beside(object, &listed.key));
        return Ok(found);
    }
    // SageMaker delivers every object whose key begins with the channel's: `a.csv.bak` comes with `a.csv`.
    match found.iter().find(|listed| listed.key != *object) {
        None => Ok(found),
        Some(neighbour) => {
            let uri = s3::uri(bucket, &neighbour.key);
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
            loads: Vec::new(),
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
