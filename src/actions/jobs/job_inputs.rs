//! What a job trains on: in each channel one encrypted object or everything under a prefix, with the data keys that open it.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use self::gathered::Gathered;
use super::START;
use crate::actions::encrypted_data_key::{self, BOTO3_KEY_OBJECT};
use crate::aws::{Aws, kms, s3, transfer};
use crate::domain::words::counted;
use crate::domain::{Fault, JobSpec};
use crate::envelope::manifest::{Manifest, ManifestChannel, VERSION, WrappedDataKey};

mod gathered;

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

impl Material {
    /// Looks at every object; one that is not a token of ours, or of another kind than the others, is refused. Channels that
    /// are declared plain are listed only.
    pub(in crate::actions) async fn of(aws: &Aws, spec: &JobSpec) -> Result<Self, Fault> {
        let mut gathered = Gathered::default();
        for channel in spec.channels() {
            gathered.take_in(aws, spec, channel).await?;
        }
        gathered.put_keys_in_order();
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
        let ciphertext = encrypted_data_key::of_object(aws, &bucket, &object).await;
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

    /// Whether the tokens say which they are.
    pub(super) fn is_bound(&self) -> bool {
        self.channels.is_some()
    }

    /// What each channel takes.
    pub(in crate::actions) fn loads(&self) -> &[Load] {
        &self.loads
    }

    /// In a few words.
    pub(in crate::actions) fn describe(&self) -> String {
        let bound = if self.is_bound() {
            "as they say; the job holds each against its name, place and length"
        } else {
            "unbound: the boto3 way"
        };
        let encrypted = self.loads.iter().filter(|load| !load.is_plain);
        let count: usize = encrypted.map(|load| load.sizes.len()).sum();
        let (files, data_keys) = (counted(count, "file"), counted(self.data_keys.len(), "data key"));
        format!("{files} under {data_keys}, {bound}")
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

fn refused(spec: &JobSpec, cause: String, remedy: &str) -> Fault {
    Fault::invalid(START, &spec.name, cause, remedy)
}

#[cfg(test)]
mod tests {
    use super::gathered::delivered_as;
    use super::*;
    use crate::actions::jobs::tests::spec;
    use crate::envelope::header_of;

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
