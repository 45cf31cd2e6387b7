//! The map of a re-wrap by many hosts, as it lies beside its plan: a line a data key, as it was wrapped and as it is now. Encrypted
//! data keys, which may be stored; none is ever unwrapped for it.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::data_key::{Anew, Mapped};
use super::scan::Wrapped;

/// Data keys of one file.
pub(in crate::actions::bulk) const MAPPED: usize = 1000;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    kms_key_id: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    context: BTreeMap<String, String>,
    data_key: String,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    key_objects: BTreeSet<String>,
    new_data_key: String,
    new_key_object: String,
}

/// The lines of a file.
pub(in crate::actions::bulk) fn map_text(map: &[Mapped]) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::new();
    for Mapped {
        wrapped,
        key_objects,
        anew,
    } in map
    {
        let line = Line {
            kms_key_id: wrapped.kms_key_id.clone(),
            context: wrapped.context.clone(),
            data_key: BASE64_STANDARD.encode(&wrapped.ciphertext),
            key_objects: key_objects.clone(),
            new_data_key: BASE64_STANDARD.encode(&anew.ciphertext),
            new_key_object: anew.key_object.clone(),
        };
        serde_json::to_writer(&mut text, &line)?;
        text.push(b'\n');
    }
    Ok(text)
}

/// What a file says; `None` if it is no such file.
pub(in crate::actions::bulk) fn map_of(text: &[u8]) -> Option<Vec<Mapped>> {
    let lines = std::str::from_utf8(text).ok()?.lines();
    lines.map(|line| read(serde_json::from_str(line).ok()?)).collect()
}

fn read(line: Line) -> Option<Mapped> {
    let bytes = |text: &str| BASE64_STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty());
    Some(Mapped {
        wrapped: Wrapped {
            ciphertext: bytes(&line.data_key)?,
            kms_key_id: line.kms_key_id,
            context: line.context,
        },
        key_objects: line.key_objects,
        anew: Anew {
            ciphertext: bytes(&line.new_data_key)?,
            key_object: line.new_key_object,
        },
    })
}

impl Mapped {
    /// ARN of the KMS key that the data key was under.
    pub(in crate::actions::bulk) fn from(&self) -> &str {
        &self.wrapped.kms_key_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_read_as_it_was_written_and_nothing_else_is_a_map() {
        let mapped = |number: u8| Mapped {
            wrapped: Wrapped {
                ciphertext: vec![number; 184],
                kms_key_id: "arn:old".to_owned(),
                context: BTreeMap::from([("project".to_owned(), "houses".to_owned())]),
            },
            key_objects: BTreeSet::from([format!(".strongroom/data-keys/{number}")]),
            anew: Anew {
                ciphertext: vec![number + 100; 184],
                key_object: ".strongroom/data-keys/new".to_owned(),
            },
        };
        let map = vec![mapped(1), mapped(2)];
        let text = map_text(&map).unwrap_or_default();
        assert_eq!(map_of(&text), Some(map));
        for other in [&b"{}\n"[..], b"\xff\n", &text[..text.len() - 4]] {
            assert_eq!(map_of(other), None);
        }
    }
}
