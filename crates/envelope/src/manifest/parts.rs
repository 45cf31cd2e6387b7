//! A manifest of very many files in several documents: taken apart, and joined again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Manifest, ManifestChannel, WrappedDataKey};
use crate::EnvelopeError;

/// Another document of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestPart {
    /// Its object's key, in the bucket of the first document.
    pub key: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Its files in manifests of at most `most` each, and itself without them; what it was, joined again. The parts are
    /// still to be named.
    pub fn split(mut self, most: usize) -> (Self, Vec<Self>) {
        let mut parts: Vec<Self> = Vec::new();
        let (mut room, mut known) = (0, BTreeMap::new());
        for (name, channel) in &mut self.channels {
            for (path, mut file) in std::mem::take(&mut channel.files) {
                if room == 0 {
                    parts.push(Self::empty(self.version));
                    (room, known) = (most.max(1), BTreeMap::new());
                }
                let Some(part) = parts.last_mut() else { continue };
                room -= 1;
                let index = *known.entry(file.data_key).or_insert_with(|| {
                    part.data_keys.extend(self.data_keys.get(file.data_key).cloned());
                    part.data_keys.len().saturating_sub(1)
                });
                file.data_key = index;
                let of_part = part.channels.entry(name.clone()).or_insert_with(|| ManifestChannel {
                    prefix: channel.prefix.clone(),
                    moved_from: channel.moved_from.clone(),
                    is_plain: channel.is_plain,
                    files: BTreeMap::new(),
                });
                of_part.files.insert(path, file);
            }
        }
        self.data_keys.clear();
        (self, parts)
    }

    /// Takes in what one of its parts says.
    ///
    /// # Errors
    /// When both do not go together.
    pub fn join(&mut self, part: Self) -> Result<(), EnvelopeError> {
        let wrong = |problem| EnvelopeError::document("a part of the manifest", problem);
        if !part.parts.is_empty() || part.version != self.version {
            return Err(wrong("it is no part of this one".to_owned()));
        }
        let first = self.data_keys.len();
        let keys = part.data_keys.len();
        self.data_keys.extend(part.data_keys);
        for (name, of_part) in part.channels {
            let Some(channel) = self.channels.get_mut(&name) else {
                return Err(wrong(format!("there is no channel {name}")));
            };
            let is_same = channel.prefix == of_part.prefix && channel.moved_from == of_part.moved_from;
            if !is_same || channel.is_plain != of_part.is_plain {
                return Err(wrong(format!("it has another channel {name}")));
            }
            for (path, mut file) in of_part.files {
                if file.data_key >= keys {
                    return Err(wrong(format!("the data key of {name}/{path} is not there")));
                }
                file.data_key += first;
                if let Some(twice) = channel.files.insert(path.clone(), file) {
                    drop(twice);
                    return Err(wrong(format!("{name}/{path} is there twice")));
                }
            }
        }
        Ok(())
    }

    /// Makes each data key stand there once, whoever's part it came with.
    pub fn gather_keys(&mut self) {
        let mut places: BTreeMap<(String, String, BTreeMap<String, String>), usize> = BTreeMap::new();
        let mut moved = Vec::with_capacity(self.data_keys.len());
        let mut kept: Vec<WrappedDataKey> = Vec::new();
        for key in self.data_keys.drain(..) {
            let id = (key.data_key.clone(), key.kms_key_id.clone(), key.context.clone());
            moved.push(*places.entry(id).or_insert_with(|| {
                kept.push(key);
                kept.len() - 1
            }));
        }
        self.data_keys = kept;
        for file in self
            .channels
            .values_mut()
            .flat_map(|channel| channel.files.values_mut())
        {
            if let Some(place) = moved.get(file.data_key) {
                file.data_key = *place;
            }
        }
    }

    fn empty(version: u32) -> Self {
        Self {
            version,
            data_keys: Vec::new(),
            channels: BTreeMap::new(),
            parts: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ManifestFile, VERSION};
    use super::*;

    fn of_files(count: usize) -> Manifest {
        let data_keys = (0..3).map(|number: usize| WrappedDataKey {
            data_key: number.to_string(),
            kms_key_id: "arn:k".to_owned(),
            context: BTreeMap::new(),
        });
        let file = |number: usize| ManifestFile {
            data_key: number % 3,
            header: String::new(),
            length: Some(1),
            version: 2,
            name: Some(format!("{number}.csv")),
            prefix: Some("p/".to_owned()),
            mac: Some(String::new()),
        };
        let channel = |numbers: std::ops::Range<usize>| ManifestChannel {
            prefix: Some("p/".to_owned()),
            moved_from: None,
            is_plain: false,
            files: numbers.map(|number| (format!("{number}.csv"), file(number))).collect(),
        };
        let plain = ManifestChannel {
            is_plain: true,
            ..channel(0..0)
        };
        Manifest {
            version: VERSION,
            data_keys: data_keys.collect(),
            channels: [
                ("a".to_owned(), channel(0..count / 2)),
                ("b".to_owned(), channel(count / 2..count)),
                ("code".to_owned(), plain),
            ]
            .into(),
            parts: Vec::new(),
        }
    }

    #[test]
    fn a_manifest_in_parts_is_the_same_when_they_are_joined() {
        let whole = of_files(25);
        for most in [1, 4, 12, 25, 100] {
            let (mut index, parts) = whole.clone().split(most);
            assert_eq!(parts.len(), 25usize.div_ceil(most));
            assert!(index.channels.values().all(|channel| channel.files.is_empty()));
            for part in parts {
                let written = serde_json::to_vec(&part).unwrap();
                index.join(Manifest::read(&written).unwrap()).unwrap();
            }
            index.gather_keys();
            let opens = |manifest: &Manifest| -> Vec<(String, String)> {
                let files = manifest.channels.values().flat_map(|channel| &channel.files);
                files
                    .map(|(path, file)| (path.clone(), manifest.data_keys[file.data_key].data_key.clone()))
                    .collect()
            };
            assert_eq!(opens(&index), opens(&whole), "{most}");
            assert_eq!(index.data_keys.len(), 3);
            assert_eq!(index.channels.keys().collect::<Vec<_>>(), ["a", "b", "code"]);
        }
    }

    #[test]
    fn a_part_that_does_not_belong_there_is_refused() {
        let (index, parts) = of_files(10).split(5);
        let part = |change: fn(&mut Manifest)| {
            let mut part = parts[0].clone();
            change(&mut part);
            let mut index = index.clone();
            index.join(part)
        };
        part(|_| {}).unwrap();
        for change in [
            (|part| part.version = 1) as fn(&mut Manifest),
            |part| part.data_keys.clear(),
            |part| {
                part.channels.values_mut().for_each(|channel| channel.is_plain = true);
            },
            |part| {
                let channel = part.channels.remove("a").unwrap();
                part.channels.insert("other".to_owned(), channel);
            },
            |part| {
                part.parts.push(ManifestPart {
                    key: String::new(),
                    sha256: String::new(),
                });
            },
        ] {
            part(change).unwrap_err();
        }
        let mut twice = index.clone();
        twice.join(parts[0].clone()).unwrap();
        twice.join(parts[0].clone()).unwrap_err();
    }
}
