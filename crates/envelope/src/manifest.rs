//! The two JSON documents that stand in for S3 metadata where only bytes are delivered.
//!
//! A *manifest* goes with a training job: which data key opens which file of which channel, and where each was put. A
//! *bundle* (`strongroom.json` in a model) says the same of the tokens a job wrote. Binary values are standard base64. Where
//! a job has several hosts each writes a bundle of its own, `strongroom.HOST.json`, for SageMaker merges what they leave.
//! Checkpoints have bundles too, which follow their tokens while these are replaced.
//!
//! Version 2 says of every file which version of the metadata its MAC is of, and its prefix. Version 1 of both, which had
//! no prefixes, is still read. A manifest also says where its channels are, and from where they were moved if a person
//! declared that: so the container can hold each path against the place where its token was put.
//!
//! A manifest of very many files is several documents: the first has no files, and says where the parts are and what they
//! are, by their SHA-256; each part is a manifest of its own, of some of the files and the data keys that open these.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::EnvelopeError;

mod parts;

pub use parts::ManifestPart;

/// Version written into both documents.
pub const VERSION: u32 = 2;

/// Name of the bundle inside `/opt/ml/model` and `model.tar.gz`.
pub const BUNDLE_NAME: &str = "strongroom.json";

/// The name of a host's bundle; without a host that of the only one.
#[must_use]
pub fn bundle_name(host: Option<&str>) -> String {
    match host {
        Some(host) => format!("{BUNDLE_STEM}{host}{BUNDLE_END}"),
        None => BUNDLE_NAME.to_owned(),
    }
}

/// The names that a bundle may have, the usual one first: the others are for whoever finds it taken. Without end.
pub fn bundle_names(host: Option<&str>) -> impl Iterator<Item = String> {
    let name = host.unwrap_or("bundle").to_owned();
    let others = (2_u64..).map(move |number| bundle_name(Some(&format!("{name}.{number}"))));
    std::iter::once(bundle_name(host)).chain(others)
}

/// Whether a file of this path is a bundle by its name, and of which host. A token may have such a name.
#[must_use]
pub fn bundle_host(path: &str) -> Option<Option<&str>> {
    if path == BUNDLE_NAME {
        return Some(None);
    }
    let host = path.strip_prefix(BUNDLE_STEM)?.strip_suffix(BUNDLE_END)?;
    (!host.is_empty() && !host.contains('/')).then_some(Some(host))
}

/// What names of hosts' bundles begin with.
const BUNDLE_STEM: &str = "strongroom.";
/// What they end in.
const BUNDLE_END: &str = ".json";

/// What a training job may open, and how. Its SHA-256 is a hyperparameter, so nobody can swap it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`VERSION`], or 1.
    pub version: u32,
    /// The data keys, wrapped.
    pub data_keys: Vec<WrappedDataKey>,
    /// The channels by name.
    pub channels: BTreeMap<String, ManifestChannel>,
    /// Where the rest of it is, if it is one of several documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<ManifestPart>,
}

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestChannel {
    /// The S3 prefix whose objects are delivered under their own paths: empty, or ending in `/`. Version 1 has none.
    pub prefix: Option<String>,
    /// The prefix under which its tokens were put, if a person declared that they were moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<String>,
    /// Whether a person declared that what it holds is meant to be plain: no file of it is listed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_plain: bool,
    /// By path relative to the channel's folder: the file.
    pub files: BTreeMap<String, ManifestFile>,
}

/// An encrypted data key with what is needed to unwrap it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrappedDataKey {
    /// base64 of C.
    pub data_key: String,
    /// ARN of the KMS key.
    pub kms_key_id: String,
    /// Encryption context; empty if none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, String>,
}

/// One file of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Index into [`Manifest::data_keys`].
    pub data_key: usize,
    /// base64 of the token's first 25 bytes.
    pub header: String,
    /// Plaintext bytes, if known (bound files).
    pub length: Option<u64>,
    /// Which version of the metadata the MAC is of.
    #[serde(default = "first")]
    pub version: u32,
    /// Logical name, if bound.
    pub name: Option<String>,
    /// Prefix of its upload, from version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// base64 of the binding MAC, if bound.
    pub mac: Option<String>,
}

/// What `train` writes beside the tokens of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`VERSION`], or 1.
    pub version: u32,
    /// ARN of the KMS key.
    pub kms_key_id: String,
    /// base64 of C.
    pub data_key: String,
    /// Encryption context; empty if none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, String>,
    /// Whether tokens are replaced without it, as checkpoints are: one that it does not list may be newer than it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
    /// The tokens.
    pub files: Vec<BundleFile>,
}

/// One token of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleFile {
    /// Which version of the metadata the MAC is of: 1 in the bundles that `train` writes, since a model is put at no place.
    #[serde(default = "first")]
    pub version: u32,
    /// Its logical name. Prefix and name are its path relative to the bundle.
    pub name: String,
    /// The prefix, of version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Plaintext bytes.
    pub length: u64,
    /// base64 of the binding MAC.
    pub mac: String,
}

impl Manifest {
    /// From its bytes, of either version.
    ///
    /// # Errors
    /// When it means nothing, or a newer strongroom wrote it.
    pub fn read(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let wrong = |problem| EnvelopeError::document("the manifest", problem);
        let manifest = match version_of(bytes, wrong)? {
            1 => parsed::<First>(bytes).map_err(wrong)?.into(),
            _ => parsed::<Self>(bytes).map_err(wrong)?,
        };
        let files = manifest.channels.values().flat_map(|channel| &channel.files);
        for (path, file) in files {
            check(manifest.version, path, file.version, file.prefix.as_deref()).map_err(wrong)?;
        }
        Ok(manifest)
    }
}

impl Bundle {
    /// From its bytes, of either version.
    ///
    /// # Errors
    /// When it means nothing, or a newer strongroom wrote it.
    pub fn read(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let wrong = |problem| EnvelopeError::document(BUNDLE_NAME, problem);
        version_of(bytes, wrong)?;
        let bundle: Self = parsed(bytes).map_err(wrong)?;
        for file in &bundle.files {
            check(bundle.version, &file.name, file.version, file.prefix.as_deref()).map_err(wrong)?;
        }
        Ok(bundle)
    }

    /// The file with this path relative to the bundle.
    pub fn find(&self, path: &str) -> Option<&BundleFile> {
        self.files.iter().find(|file| file.path() == path)
    }
}

impl BundleFile {
    /// Its path relative to the bundle.
    pub fn path(&self) -> String {
        format!("{}{}", self.prefix.as_deref().unwrap_or_default(), self.name)
    }
}

/// A manifest of version 1: per channel only its files.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct First {
    version: u32,
    data_keys: Vec<WrappedDataKey>,
    channels: BTreeMap<String, BTreeMap<String, ManifestFile>>,
}

impl From<First> for Manifest {
    fn from(first: First) -> Self {
        let channel = |(name, files)| {
            let channel = ManifestChannel {
                prefix: None,
                moved_from: None,
                is_plain: false,
                files,
            };
            (name, channel)
        };
        Self {
            version: first.version,
            data_keys: first.data_keys,
            channels: first.channels.into_iter().map(channel).collect(),
            parts: Vec::new(),
        }
    }
}

fn first() -> u32 {
    1
}

fn version_of(bytes: &[u8], wrong: impl Fn(String) -> EnvelopeError) -> Result<u32, EnvelopeError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    match parsed::<Versioned>(bytes).map_err(&wrong)?.version {
        version @ (1 | VERSION) => Ok(version),
        0 => Err(wrong("it is of no version".to_owned())),
        version => Err(EnvelopeError::Newer {
            version: version.into(),
        }),
    }
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// A prefix there is from version 2 on, in documents as in metadata.
fn check(document: u32, file: &str, version: u32, prefix: Option<&str>) -> Result<(), String> {
    match (document, version, prefix) {
        (1 | VERSION, 1, None) | (VERSION, VERSION, Some(_)) => Ok(()),
        _ => Err(format!("what it says of {file} is of no version")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = r#"{"version": 1, "data_keys": [], "channels": {"train": {"x.csv":
        {"data_key": 0, "header": "", "length": 1, "name": "x.csv", "mac": ""}}}}"#;
    const SECOND: &str = r#"{"version": 2, "data_keys": [], "channels": {"train": {"prefix": "p/", "files": {"x.csv":
        {"data_key": 0, "header": "", "length": 1, "version": 2, "name": "x.csv", "prefix": "p/", "mac": ""}}}}}"#;

    #[test]
    fn manifests_of_both_versions_are_read() {
        let first = Manifest::read(FIRST.as_bytes()).unwrap();
        let channel = &first.channels["train"];
        assert_eq!((channel.prefix.as_deref(), channel.files["x.csv"].version), (None, 1));
        let second = Manifest::read(SECOND.as_bytes()).unwrap();
        let channel = &second.channels["train"];
        assert_eq!(channel.prefix.as_deref(), Some("p/"));
        assert_eq!(channel.files["x.csv"].prefix.as_deref(), Some("p/"));
        assert_eq!(Manifest::read(&serde_json::to_vec(&second).unwrap()).unwrap(), second);
    }

    #[test]
    fn what_is_of_no_version_or_a_later_one_is_refused() {
        let later = SECOND.replace("\"version\": 2, \"data_keys\"", "\"version\": 3, \"data_keys\"");
        let refused = Manifest::read(later.as_bytes()).unwrap_err();
        assert!(refused.to_string().contains("newer"));
        for (given, mixed) in [
            ("\"prefix\": \"p/\", \"mac\"", "\"mac\""),
            ("\"version\": 2, \"name\"", "\"version\": 1, \"name\""),
            ("\"version\": 2, \"name\"", "\"version\": 3, \"name\""),
            ("\"prefix\": \"p/\", \"files\"", "\"files_of\": 1, \"files\""),
        ] {
            let mixed = SECOND.replace(given, mixed);
            assert!(Manifest::read(mixed.as_bytes()).is_err(), "{mixed}");
        }
        assert!(Manifest::read(FIRST.replace("\"name\"", "\"prefix\": \"p/\", \"name\"").as_bytes()).is_err());
    }

    #[test]
    fn a_hosts_bundle_is_known_by_its_name() {
        for host in [None, Some("algo-1"), Some("a.b")] {
            assert_eq!(bundle_host(&bundle_name(host)), Some(host));
        }
        let names: Vec<_> = bundle_names(Some("algo-1")).take(2).collect();
        assert_eq!(names, ["strongroom.algo-1.json", "strongroom.algo-1.2.json"]);
        assert_eq!(bundle_names(None).nth(1).as_deref(), Some("strongroom.bundle.2.json"));
        for other in [
            "strongroom..json",
            "strongroom.a/b.json",
            "deep/strongroom.json",
            "strongroom.a.txt",
            "x.json",
        ] {
            assert_eq!(bundle_host(other), None, "{other}");
        }
    }

    #[test]
    fn bundles_of_both_versions_are_read() {
        let with = |version: u32, more: &str| {
            let text = format!(
                r#"{{"version": {version}, "kms_key_id": "", "data_key": "", "files": [{{"name": "a", "length": 1, "mac": ""{more}}}]}}"#
            );
            Bundle::read(text.as_bytes())
        };
        assert_eq!(with(1, "").unwrap().files[0].version, 1);
        let second = with(2, r#", "version": 2, "prefix": """#).unwrap();
        assert_eq!(second.files[0].prefix.as_deref(), Some(""));
        assert!(with(1, r#", "version": 2, "prefix": """#).is_err());
        assert!(with(2, r#", "version": 2"#).is_err());
        assert!(with(3, "").is_err());
    }
}
