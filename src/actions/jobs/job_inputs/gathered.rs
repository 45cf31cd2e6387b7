//! The objects of a job's channels, looked at one by one and reduced to what the manifest says of each.

use std::collections::{BTreeMap, HashMap};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Load, START, refused};
use crate::actions::encrypted_data_key::EncryptedDataKey;
use crate::actions::unlock::{Among, Claim, OpenOptions};
use crate::aws::{Aws, s3};
use crate::domain::bond::{Declared, Survey};
use crate::domain::{DataChannel, Fault, FaultKind, JobSpec, ObjectFormat, ObjectInfo, ObjectRow};
use crate::envelope::header_of;
use crate::envelope::manifest::{ManifestChannel, ManifestFile, WrappedDataKey};

/// Objects that are looked at side by side.
const AT_ONCE: usize = 16;
/// Files of one job, in all of its channels. What is known of each stays in memory until the job is started.
const MOST_FILES: usize = 100_000;

/// An object as the list has it.
struct Listed {
    key: String,
    /// Of one that may not be listed it is not known.
    size: u64,
    stamp: Option<s3::Stamp>,
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
pub(super) struct KeyRing {
    pub(super) keys: Vec<WrappedDataKey>,
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

/// What the channels hold, as far as they were looked at.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) keys: KeyRing,
    pub(super) channels: BTreeMap<String, ManifestChannel>,
    pub(super) loads: Vec<Load>,
    /// Tokens without metadata of ours.
    pub(super) bare: usize,
    /// Tokens with it.
    pub(super) bound: usize,
    pub(super) file: Option<String>,
    pub(super) key_object: Option<String>,
}

impl Gathered {
    /// Looks at the objects that a channel will deliver.
    pub(super) async fn take_in(&mut self, aws: &Aws, spec: &JobSpec, mut channel: DataChannel) -> Result<(), Fault> {
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
            // Each is done with as it comes: no late answer keeps others from being asked for, and of thousands of objects not
            // all heads are held at once.
            let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
            let mut key_objects = BTreeMap::new();
            while let Some(Looked { path, size, says }) = looks.try_next().await? {
                sizes.push(size);
                let Some((mut file, key, key_object)) = says else {
                    self.bare += 1;
                    continue;
                };
                self.bound += 1;
                file.data_key = self.keys.place(key);
                key_objects.extend(key_object.map(|key_object| (path.clone(), key_object)));
                files.insert(path, file);
            }
            // The boto3 way looks for it in one bucket.
            if self.key_object.is_none() && channel.bucket == spec.bucket {
                self.key_object = key_objects.into_values().next();
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

    /// The data keys in the order of channels and paths: the same objects make the same manifest, whichever answer came first.
    pub(super) fn put_keys_in_order(&mut self) {
        let mut ordered = KeyRing::default();
        for load in &self.loads {
            let files = self.channels.get_mut(&load.channel).map(|channel| &mut channel.files);
            for file in files.into_iter().flat_map(BTreeMap::values_mut) {
                if let Some(key) = self.keys.keys.get(file.data_key) {
                    file.data_key = ordered.place(key.clone());
                }
            }
        }
        self.keys = ordered;
    }
}

/// What one object says of itself.
async fn look(
    aws: &Aws,
    spec: &JobSpec,
    channel: &DataChannel,
    Listed { key, size, stamp }: Listed,
) -> Result<Looked, Fault> {
    let opening = s3::opening_of_listed(aws, &channel.bucket, &key, stamp).await?;
    let (info, first) = &*opening;
    let uri = s3::uri(&channel.bucket, &key);
    if !info.format.is_token() {
        let cause = format!("{uri} is not an encrypted token ({})", info.format.as_str());
        let remedy = "encrypt and upload it first, or choose another prefix; a channel of code or settings, all of it plain, \
                      is declared with ,plain behind its place";
        return Err(refused(spec, cause, remedy));
    }
    let says = match info.format {
        ObjectFormat::Strongroom => Some(said(aws, spec, channel, (&key, info, first)).await?),
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
        Fault::integrity(START, &spec.name, cause, remedy)
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
    let mut pages = s3::list_under(aws, bucket, object).pages();
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
                    stamp: None,
                }]);
            }
            Err(fault) => return Err(fault),
        };
        found.extend(rows.into_iter().filter_map(|row| match row {
            ObjectRow::Object {
                key,
                size,
                etag,
                modified,
                ..
            } => {
                let stamp = etag
                    .zip(modified)
                    .map(|(etag, modified)| s3::Stamp { etag, size, modified });
                Some(Listed { key, size, stamp })
            }
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
pub(super) fn delivered_as<'a>(channel: &DataChannel, key: &'a str) -> &'a str {
    key.strip_prefix(folder(channel)).unwrap_or(key)
}

fn is_prefix(object: &str) -> bool {
    object.is_empty() || object.ends_with('/')
}
