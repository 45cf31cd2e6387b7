//! What an encrypted object says of itself: S3 user metadata `strongroom-…`, ASCII, all known before the upload starts.
//!
//! Version 2 records the prefix of the upload beside the name, and so the place: key = prefix + name. Version 1, which is
//! still read, has no prefix.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::binding::{self, Subject};
use super::{DataKey, EnvelopeError, HEADER_LEN};

/// Prefix of every name, without `x-amz-meta-`.
const PREFIX: &str = "strongroom-";
/// What S3 allows for all names and values together, in bytes.
const LIMIT: usize = 2048;
/// A shorter value is not what makes metadata too long.
const LONG: usize = 100;

/// What is percent-encoded in names: everything that could not stand in a header, and the sign itself.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'%')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'?')
    .add(b'#')
    .add(b'{')
    .add(b'}');

/// The metadata of one encrypted object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// ARN of the KMS key that wraps the data key.
    pub kms_key_id: String,
    /// C, where it stands in the metadata itself.
    pub data_key: Option<Vec<u8>>,
    /// Object key of the key object, same bucket.
    pub data_key_object: Option<String>,
    /// Encryption context.
    pub context: BTreeMap<String, String>,
    /// The logical name: the path relative to the upload's destination.
    pub name: String,
    /// The key prefix of the upload's destination, without the bucket; `None` is version 1.
    pub prefix: Option<String>,
    /// Plaintext bytes.
    pub length: u64,
    /// The binding MAC.
    pub mac: [u8; 32],
}

impl Metadata {
    /// Its version.
    pub fn version(&self) -> u32 {
        if self.prefix.is_some() { 2 } else { 1 }
    }

    /// Names and values as they are uploaded. C is left out when the whole would pass 2 KB; the key object has it.
    ///
    /// # Errors
    /// [`EnvelopeError::MetadataTooLong`] when it passes 2 KB even so.
    pub fn to_map(&self) -> Result<BTreeMap<String, String>, EnvelopeError> {
        let mut map = BTreeMap::new();
        let mut put = |name: &str, value: String| map.insert(format!("{PREFIX}{name}"), value);
        put("version", self.version().to_string());
        put("kms-key-id", self.kms_key_id.clone());
        put("name", utf8_percent_encode(&self.name, ENCODED).to_string());
        if let Some(prefix) = &self.prefix {
            put("prefix", utf8_percent_encode(prefix, ENCODED).to_string());
        }
        put("length", self.length.to_string());
        put("mac", STANDARD.encode(self.mac));
        if let Some(object) = &self.data_key_object {
            put("data-key-object", utf8_percent_encode(object, ENCODED).to_string());
        }
        if !self.context.is_empty() {
            let json = serde_json::to_vec(&self.context).expect("a map of strings is JSON");
            put("context", STANDARD.encode(json));
        }
        if let Some(data_key) = &self.data_key {
            let value = STANDARD.encode(data_key);
            let name = format!("{PREFIX}data-key");
            if bytes_of(&map) + name.len() + value.len() <= LIMIT || self.data_key_object.is_none() {
                map.insert(name, value);
            }
        }
        let bytes = bytes_of(&map);
        if bytes > LIMIT {
            return Err(EnvelopeError::MetadataTooLong {
                bytes,
                limit: LIMIT,
                longest: longest(&map),
            });
        }
        Ok(map)
    }

    /// Reads what an object says; `None` if it has no strongroom metadata at all.
    ///
    /// # Errors
    /// When a value is missing or means nothing: somebody edited it.
    pub fn from_map<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Option<Self>, EnvelopeError> {
        let map: BTreeMap<String, &str> = pairs
            .into_iter()
            .filter_map(|(name, value)| {
                let name = name.to_ascii_lowercase();
                name.strip_prefix(PREFIX).map(|name| (name.to_owned(), value))
            })
            .collect();
        // A key object has a mark of its own and is no token.
        if map.is_empty() || map.contains_key("key-object") {
            return Ok(None);
        }
        let prefix = match required(&map, "version")? {
            "1" => None,
            "2" => Some(text("prefix", required(&map, "prefix")?)?),
            version => {
                return Err(match version.parse() {
                    Ok(version @ 3..) => EnvelopeError::Newer { version },
                    _ => wrong("version", format!("is `{version}`: no strongroom writes that")),
                });
            }
        };
        let metadata = Self {
            kms_key_id: required(&map, "kms-key-id")?.to_owned(),
            data_key: map.get("data-key").map(|value| bytes("data-key", value)).transpose()?,
            data_key_object: map
                .get("data-key-object")
                .map(|value| text("data-key-object", value))
                .transpose()?,
            context: match map.get("context") {
                None => BTreeMap::new(),
                Some(value) => serde_json::from_slice(&bytes("context", value)?)
                    .map_err(|_| wrong("context", "is not a JSON object of strings".to_owned()))?,
            },
            name: text("name", required(&map, "name")?)?,
            prefix,
            length: required(&map, "length")?
                .parse()
                .map_err(|_| wrong("length", "is not a number".to_owned()))?,
            mac: bytes("mac", required(&map, "mac")?)?
                .try_into()
                .map_err(|_| wrong("mac", "does not have 32 bytes".to_owned()))?,
        };
        if metadata.data_key.is_none() && metadata.data_key_object.is_none() {
            return Err(wrong("data-key", "and `data-key-object` are both missing".to_owned()));
        }
        Ok(Some(metadata))
    }

    /// Checks that prefix, name, length and this token's header are the ones that were written together.
    ///
    /// # Errors
    /// [`EnvelopeError::Unbound`] when they are not.
    pub fn check(&self, key: &DataKey, header: &[u8; HEADER_LEN]) -> Result<(), EnvelopeError> {
        binding::check(key, self.subject(header), &self.mac)
    }

    /// What the MAC of a token with this header is about.
    pub fn subject<'a>(&'a self, header: &'a [u8; HEADER_LEN]) -> Subject<'a> {
        Subject {
            prefix: self.prefix.as_deref(),
            name: &self.name,
            header,
            length: self.length,
        }
    }
}

fn bytes_of(map: &BTreeMap<String, String>) -> usize {
    map.iter().map(|(name, value)| name.len() + value.len()).sum()
}

/// The long ones, the longest first, without `strongroom-`.
fn longest(map: &BTreeMap<String, String>) -> Vec<(String, usize)> {
    let mut sizes: Vec<_> = map
        .iter()
        .map(|(name, value)| (name.trim_start_matches(PREFIX).to_owned(), value.len()))
        .filter(|(_, bytes)| *bytes >= LONG)
        .collect();
    sizes.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    sizes
}

fn required<'a>(map: &BTreeMap<String, &'a str>, name: &'static str) -> Result<&'a str, EnvelopeError> {
    map.get(name)
        .copied()
        .ok_or_else(|| wrong(name, "is missing".to_owned()))
}

fn bytes(name: &'static str, value: &str) -> Result<Vec<u8>, EnvelopeError> {
    STANDARD
        .decode(value)
        .map_err(|_| wrong(name, "is not base64".to_owned()))
}

fn text(name: &'static str, value: &str) -> Result<String, EnvelopeError> {
    let decoded = percent_decode_str(value)
        .decode_utf8()
        .map_err(|_| wrong(name, "is not UTF-8".to_owned()))?;
    Ok(decoded.into_owned())
}

fn wrong(name: &'static str, problem: String) -> EnvelopeError {
    EnvelopeError::Metadata { name, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Metadata {
        Metadata {
            kms_key_id: "arn:aws:kms:us-east-1:111122223333:key/1".to_owned(),
            data_key: Some(vec![1; 184]),
            data_key_object: Some(".strongroom/data-keys/1".to_owned()),
            context: BTreeMap::from([("project".to_owned(), "houses".to_owned())]),
            name: "dir with space/größe 100%.csv".to_owned(),
            prefix: Some("wärme/2026/".to_owned()),
            length: 12,
            mac: [3; 32],
        }
    }

    fn read(map: &BTreeMap<String, String>) -> Result<Option<Metadata>, EnvelopeError> {
        Metadata::from_map(map.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    #[test]
    fn metadata_comes_back_as_it_was_written_in_ascii() {
        for prefix in [Some("wärme/2026/".to_owned()), Some(String::new()), None] {
            let written = Metadata { prefix, ..sample() };
            let map = written.to_map().unwrap();
            assert!(map.values().all(|value| value.is_ascii()));
            assert_eq!(read(&map).unwrap().unwrap(), written);
        }
    }

    #[test]
    fn a_large_data_key_is_left_to_the_key_object() {
        let mut metadata = sample();
        metadata.data_key = Some(vec![1; 2000]);
        let map = metadata.to_map().unwrap();
        assert!(!map.contains_key("strongroom-data-key"));
        assert!(bytes_of(&map) <= LIMIT);
    }

    #[test]
    fn metadata_that_s3_would_not_take_is_refused_and_says_what_is_long() {
        let metadata = Metadata {
            prefix: Some("größe/".repeat(90)),
            context: BTreeMap::from([("project".to_owned(), "x".repeat(600))]),
            ..sample()
        };
        let error = metadata.to_map().unwrap_err().to_string();
        assert!(
            error.contains("prefix 1440") && error.contains("context 820"),
            "{error}"
        );
        assert!(!error.contains("name "), "{error}");
    }

    #[test]
    fn every_missing_or_edited_value_is_refused_by_name() {
        for name in ["version", "kms-key-id", "name", "prefix", "length", "mac"] {
            let mut map = sample().to_map().unwrap();
            map.remove(&format!("{PREFIX}{name}"));
            assert!(read(&map).unwrap_err().to_string().contains(name), "{name}");
        }
        for name in ["version", "length", "mac", "context", "data-key"] {
            let mut map = sample().to_map().unwrap();
            map.insert(format!("{PREFIX}{name}"), "?".to_owned());
            assert!(read(&map).unwrap_err().to_string().contains(name), "{name}");
        }
    }

    #[test]
    fn objects_of_version_1_are_read_and_their_macs_hold() {
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../tests/fixtures/version-1.json")).unwrap();
        let data_key = STANDARD
            .decode(fixture["plaintext_data_key"].as_str().unwrap())
            .unwrap();
        let data_key = DataKey::from_plaintext(&data_key.into()).unwrap();
        for object in fixture["objects"].as_object().unwrap().values() {
            let map: BTreeMap<String, String> = serde_json::from_value(object["metadata"].clone()).unwrap();
            let metadata = read(&map).unwrap().unwrap();
            assert_eq!(metadata.to_map().unwrap(), map);
            let mut body = object["body"].as_str().unwrap().as_bytes();
            let opened = super::super::verify(&data_key, &mut body).unwrap();
            metadata.check(&data_key, &opened.header).unwrap();

            // Nothing of it can be passed off as version 2.
            let raised = Metadata {
                prefix: Some("data/".to_owned()),
                ..metadata
            };
            assert!(raised.check(&data_key, &opened.header).is_err());
        }
    }
}
