//! What an object says it is, in its head and its first bytes, and what of that the head already refutes. Pure.
//!
//! Whether a token is intact only reading it to its end tells.

use std::collections::BTreeMap;

use aws_sdk_s3::types::ServerSideEncryption;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use percent_encoding::percent_decode_str;

use super::uri;
use crate::domain::bond::{Standing, Written};
use crate::domain::format::{is_data_key, is_text, of_body, token_len};
use crate::domain::own_area::is_called_data_key;
use crate::domain::{ObjectFormat, ObjectInfo, Refuted};

pub(super) const KEY_OBJECTS: &str = ".strongroom/data-keys/";
const PREFIX: &str = "strongroom-";
/// What a key object of ours carries.
const KEY_OBJECT: &str = "key-object";
/// What the S3 encryption client's three formats are known by, in an object's metadata or its instruction file.
const S3_ENCRYPTION_CLIENT: [&str; 3] = ["x-amz-key", "x-amz-key-v2", "x-amz-c"];
/// What marks an instruction file itself.
const INSTRUCTION_FILE: &str = "x-amz-crypto-instr-file";

/// Whether it is where we keep encrypted data keys: at the bucket's root, or below a prefix.
pub(super) fn is_own_place(key: &str) -> bool {
    key.starts_with(KEY_OBJECTS) || key.contains("/.strongroom/data-keys/")
}

#[derive(Debug, Clone)]
pub(in crate::aws) struct Head {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) metadata: Vec<(String, String)>,
    pub(super) content_type: Option<String>,
    pub(super) sse: Sse,
    pub(super) sse_key: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sse {
    None,
    S3,
    Kms,
}

impl Sse {
    pub(super) fn of(said: Option<&ServerSideEncryption>) -> Self {
        match said {
            Some(ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse) => Self::Kms,
            Some(_) => Self::S3,
            None => Self::None,
        }
    }
}

impl Head {
    /// Where the head does not say what it is, and of whatever may bear the mark of a key object, put there so that it is passed
    /// over: its bytes tell.
    pub(super) fn needs_first_bytes(&self) -> bool {
        self.size > 0 && (self.by_head().is_none() || is_called_data_key(&self.key, &self.metadata))
    }

    pub(in crate::aws) fn info(self, first: &[u8]) -> ObjectInfo {
        let format = if self.is_data_key(first) {
            ObjectFormat::KeyObject
        } else {
            self.by_head().unwrap_or_else(|| self.by_body(first))
        };
        let kms_key_arn = match format {
            ObjectFormat::SseKms => self.sse_key.clone(),
            _ => self.ours("kms-key-id").map(str::to_owned),
        };
        let refuted = match format {
            ObjectFormat::Strongroom => self.refuted(),
            _ => Vec::new(),
        };
        ObjectInfo {
            format,
            refuted,
            kms_key_arn,
            data_key_uri: self
                .ours("data-key-object")
                .map(|name| uri(&self.bucket, &decoded(name))),
            name: self.ours("name").map(decoded),
            prefix: self.prefix(),
            plaintext_bytes: self.length(),
            context: self.context(),
            content_type: self.content_type.clone(),
            metadata: self.metadata,
        }
    }

    /// Whether its data key may stand in an instruction file beside it: nothing else says what it is, and it is no text.
    pub(super) fn may_have_instructions(&self, first: &[u8]) -> bool {
        let is_told = self.by_head().is_some() || self.is_data_key(first);
        !is_told && self.by_body(first).is_open() && !first.is_empty() && !is_text(first)
    }

    /// Whether it is an encrypted data key as far as its size and its first bytes tell, whatever it is called.
    fn is_data_key(&self, first: &[u8]) -> bool {
        self.needs_first_bytes() && is_data_key(first, self.size)
    }

    fn by_head(&self) -> Option<ObjectFormat> {
        let has = |name: &str| self.metadata.iter().any(|(key, _)| key == name);
        // What a key object carries makes no token.
        let is_only_marked = self.ours(KEY_OBJECT).is_some() && self.ours("mac").is_none();
        if !is_only_marked && self.metadata.iter().any(|(key, _)| key.starts_with(PREFIX)) {
            return Some(ObjectFormat::Strongroom);
        }
        if S3_ENCRYPTION_CLIENT
            .iter()
            .chain([&INSTRUCTION_FILE])
            .any(|name| has(name))
        {
            return Some(ObjectFormat::S3EncryptionClient);
        }
        None
    }

    fn by_body(&self, first: &[u8]) -> ObjectFormat {
        if let Some(format) = of_body(first) {
            return format;
        }
        let name = self.key.rsplit('/').next().unwrap_or_default();
        match first {
            [0x1f, 0x8b, ..] if name.ends_with(".tar.gz") || name.ends_with(".tgz") => ObjectFormat::Archive,
            _ => match self.sse {
                Sse::Kms => ObjectFormat::SseKms,
                Sse::S3 => ObjectFormat::SseS3,
                Sse::None => ObjectFormat::Plain,
            },
        }
    }

    /// What it says of itself and cannot be so, without a look at its body.
    fn refuted(&self) -> Vec<Refuted> {
        let mut refuted = Vec::new();
        for name in ["version", "kms-key-id", "mac"] {
            if self.ours(name).is_none() {
                refuted.push(Refuted::Metadata(name));
            }
        }
        if self.ours("data-key").is_none() && self.ours("data-key-object").is_none() {
            refuted.push(Refuted::Metadata("data-key"));
        }
        if self.ours("version").is_some_and(|version| version != "1") && self.ours("prefix").is_none() {
            refuted.push(Refuted::Metadata("prefix"));
        }
        match self.length() {
            Some(length) if token_len(length) == Some(self.size) => {}
            Some(length) => refuted.push(Refuted::Size {
                stored: self.size,
                length,
            }),
            None => refuted.push(Refuted::Metadata("length")),
        }
        match (self.ours("name").map(decoded), self.prefix()) {
            (Some(name), prefix) => {
                let written = Written {
                    prefix: prefix.as_deref(),
                    name: &name,
                };
                match written.at(&self.key) {
                    Standing::Renamed => refuted.push(Refuted::Name(written.place())),
                    // A move of one alone contradicts nothing.
                    Standing::InPlace | Standing::Moved(_) | Standing::Unrecorded => {}
                }
            }
            (None, _) => refuted.push(Refuted::Metadata("name")),
        }
        refuted
    }

    /// Where its upload put it; version 1 does not say.
    fn prefix(&self) -> Option<String> {
        self.ours("prefix").map(decoded)
    }

    fn length(&self) -> Option<u64> {
        self.ours("length").and_then(|digits| digits.parse().ok())
    }

    fn context(&self) -> Vec<(String, String)> {
        self.ours("context")
            .and_then(|text| BASE64_STANDARD.decode(text).ok())
            .and_then(|json| serde_json::from_slice::<BTreeMap<String, String>>(&json).ok())
            .map(|pairs| pairs.into_iter().collect())
            .unwrap_or_default()
    }

    fn ours(&self, name: &str) -> Option<&str> {
        self.metadata
            .iter()
            .find(|(key, _)| key.strip_prefix(PREFIX) == Some(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Whether this is the text of an instruction file of the S3 encryption client.
pub(super) fn is_instructions(text: &[u8]) -> bool {
    serde_json::from_slice::<BTreeMap<String, serde_json::Value>>(text).is_ok_and(|entries| {
        S3_ENCRYPTION_CLIENT
            .iter()
            .chain(["x-amz-3"].iter())
            .any(|name| entries.contains_key(*name))
    })
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::format::DATA_KEY_BYTES;

    fn head(key: &str, metadata: &[(&str, &str)]) -> Head {
        Head {
            bucket: "b".to_owned(),
            key: key.to_owned(),
            size: 184,
            metadata: metadata
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            content_type: None,
            sse: Sse::S3,
            sse_key: None,
        }
    }

    const WRAPPED: &[u8] = b"\x01\x02\x03\x00\x78";

    #[test]
    fn what_only_bears_the_mark_or_the_name_of_a_key_object_is_what_its_bytes_are() {
        let called: [(&str, &[(&str, &str)]); 4] = [
            ("a", &[("strongroom-key-object", "1")]),
            (".strongroom/data-keys/x", &[]),
            ("p/.strongroom/data-keys/x", &[]),
            ("dont_look", &[]),
        ];
        for (key, metadata) in called {
            for first in [&b"\x89PNG\r\n\x1a\n"[..], b"\x80\x04\x95", b"id,name", b""] {
                assert_eq!(
                    head(key, metadata).info(first).format,
                    ObjectFormat::SseS3,
                    "{key} {first:?}"
                );
            }
            for size in [5, *DATA_KEY_BYTES.end() + 1] {
                let other = Head {
                    size,
                    ..head(key, metadata)
                };
                assert_eq!(other.info(WRAPPED).format, ObjectFormat::SseS3, "{key} {size}");
            }
            let message = head(key, metadata).info(b"\x02\x05\x78\x00").format;
            assert_eq!(message, ObjectFormat::AwsEncryptionSdk, "{key}");
        }
    }

    #[test]
    #[expect(clippy::type_complexity, reason = "a table")]
    fn every_format_is_recognised_by_its_own_mark() {
        let table: [(&str, &[(&str, &str)], &[u8], ObjectFormat); 23] = [
            ("p/c.bin", &[], WRAPPED, ObjectFormat::KeyObject),
            ("p/c.datakey", &[], WRAPPED, ObjectFormat::KeyObject),
            ("p/c.bin", &[], b"\x01\x02\x02\x00xid,name\n1,Ada", ObjectFormat::SseS3),
            ("a", &[("strongroom-version", "1")], WRAPPED, ObjectFormat::Strongroom),
            ("a", &[("x-amz-key-v2", "…")], WRAPPED, ObjectFormat::S3EncryptionClient),
            ("a", &[("strongroom-version", "1")], b"", ObjectFormat::Strongroom),
            (".strongroom/data-keys/x", &[], WRAPPED, ObjectFormat::KeyObject),
            ("p/.strongroom/data-keys/x", &[], WRAPPED, ObjectFormat::KeyObject),
            ("dont_look", &[], WRAPPED, ObjectFormat::KeyObject),
            ("a", &[("strongroom-name", "a")], b"", ObjectFormat::Strongroom),
            ("a", &[("strongroom-key-object", "1")], WRAPPED, ObjectFormat::KeyObject),
            ("a", &[], b"gAAAAABl", ObjectFormat::Fernet),
            ("a", &[], b" \r\n gAAAAABl", ObjectFormat::Fernet),
            ("a", &[("x-amz-key", "…")], b"", ObjectFormat::S3EncryptionClient),
            ("a", &[("x-amz-key-v2", "…")], b"", ObjectFormat::S3EncryptionClient),
            ("a", &[("x-amz-c", "115")], b"", ObjectFormat::S3EncryptionClient),
            (
                "a.instruction",
                &[("x-amz-crypto-instr-file", "")],
                b"{}",
                ObjectFormat::S3EncryptionClient,
            ),
            ("out/model.tgz", &[], b"\x1f\x8b\x08", ObjectFormat::Archive),
            ("a", &[], b"\x01\x80\x03\x78", ObjectFormat::AwsEncryptionSdk),
            ("a", &[], b"\x02\x05\x78\x00", ObjectFormat::AwsEncryptionSdk),
            ("out/model.tar.gz", &[], b"\x1f\x8b\x08", ObjectFormat::Archive),
            ("a.gz", &[], b"\x1f\x8b\x08", ObjectFormat::SseS3),
            ("a", &[], b"id,name", ObjectFormat::SseS3),
        ];
        for (key, metadata, first, expected) in table {
            assert_eq!(head(key, metadata).info(first).format, expected, "{key} {metadata:?}");
        }
    }

    #[test]
    fn a_token_that_bears_the_mark_of_a_key_object_is_a_token_and_a_folders_marker_is_neither() {
        let marked: [(&str, &[(&str, &str)]); 2] = [
            ("a", &[("strongroom-key-object", "1")]),
            (".strongroom/data-keys/x", &[]),
        ];
        for (key, metadata) in marked {
            assert!(head(key, metadata).needs_first_bytes());
            let format = head(key, metadata).info(b"gAAAAABl").format;
            assert_eq!(format, ObjectFormat::Fernet, "{key}");
            let bound = [metadata, &[("strongroom-mac", "m")]].concat();
            assert_eq!(
                head(key, &bound).info(b"gAAAAABl").format,
                ObjectFormat::Strongroom,
                "{key}"
            );
        }
        let marker = Head {
            size: 0,
            ..head(".strongroom/data-keys/", &[])
        };
        assert_eq!(marker.info(b"").format, ObjectFormat::SseS3);
    }

    #[test]
    fn encryption_by_s3_is_told_apart_from_none() {
        let with = |sse| {
            let mut head = head("a", &[]);
            (head.sse, head.sse_key) = (sse, Some("arn:k".to_owned()));
            head.info(b"plain")
        };
        assert_eq!(with(Sse::Kms).format, ObjectFormat::SseKms);
        assert_eq!(with(Sse::Kms).kms_key_arn.as_deref(), Some("arn:k"));
        assert_eq!(with(Sse::None).format, ObjectFormat::Plain);
        assert_eq!(with(Sse::None).kms_key_arn, None);
    }

    #[test]
    fn metadata_is_decoded_for_people() {
        let info = head(
            "a",
            &[
                ("strongroom-version", "1"),
                ("strongroom-kms-key-id", "arn:k"),
                ("strongroom-data-key-object", ".strongroom/data-keys/%C3%A4"),
                ("strongroom-name", "r%C3%A9sum%C3%A9.csv"),
                ("strongroom-length", "42"),
                ("strongroom-context", "eyJhIjoiYiJ9"),
            ],
        )
        .info(b"");
        assert_eq!(info.kms_key_arn.as_deref(), Some("arn:k"));
        assert_eq!(info.data_key_uri.as_deref(), Some("s3://b/.strongroom/data-keys/ä"));
        assert_eq!(info.name.as_deref(), Some("résumé.csv"));
        assert_eq!(info.plaintext_bytes, Some(42));
        assert_eq!(info.context, [("a".to_owned(), "b".to_owned())]);
    }

    #[test]
    fn hostile_metadata_is_shown_but_never_believed() {
        let metadata = [
            ("strongroom-version", "1"),
            ("strongroom-length", "-1"),
            ("strongroom-context", "%%"),
        ];
        let info = head("a", &metadata).info(b"");
        assert_eq!(info.plaintext_bytes, None);
        assert!(info.context.is_empty());
        assert_eq!(info.metadata.len(), 3);
    }

    #[test]
    fn a_head_refutes_another_size_another_name_and_missing_metadata() {
        let said = |length: &str, name: &str| {
            let metadata = [
                ("strongroom-version", "1"),
                ("strongroom-kms-key-id", "arn:k"),
                ("strongroom-data-key", "AAAA"),
                ("strongroom-mac", "AAAA"),
                ("strongroom-length", length),
                ("strongroom-name", name),
            ];
            head("p/x.csv", &metadata).info(b"").refuted
        };
        // 184 characters are the token of 64 to 79 bytes.
        for name in ["x.csv", "p/x.csv"] {
            assert_eq!(said("64", name), []);
        }
        let (stored, length) = (184, 63);
        assert_eq!(said("63", "x.csv"), [Refuted::Size { stored, length }]);
        assert_eq!(said("64", ".csv"), [Refuted::Name(".csv".to_owned())]);
        assert_eq!(said("64", ""), [Refuted::Name(String::new())]);
        assert_eq!(said("", "x.csv"), [Refuted::Metadata("length")]);
        let bare = head("a", &[("strongroom-version", "1")]).info(b"").refuted;
        let missing = ["kms-key-id", "mac", "data-key", "length", "name"];
        assert_eq!(bare, missing.map(Refuted::Metadata));
        assert_eq!(head("a", &[]).info(b"gAAAAABl").refuted, []);
    }

    #[test]
    fn from_version_2_on_the_place_of_the_upload_must_be_told() {
        let said = |metadata: &[(&str, &str)]| {
            let info = head("a", metadata).info(b"");
            (info.prefix, info.refuted.contains(&Refuted::Metadata("prefix")))
        };
        assert_eq!(said(&[("strongroom-version", "1")]), (None, false));
        assert_eq!(said(&[("strongroom-version", "2")]), (None, true));
        for (value, prefix) in [("", ""), ("d%C3%A4/", "dä/")] {
            let both = [("strongroom-version", "2"), ("strongroom-prefix", value)];
            assert_eq!(said(&both), (Some(prefix.to_owned()), false));
        }
    }

    #[test]
    fn what_is_too_long_for_a_data_key_does_not_pass_as_one() {
        let long = Head {
            size: *DATA_KEY_BYTES.end() + 1,
            ..head(".strongroom/data-keys/x", &[])
        };
        assert_eq!(long.info(b"id,name").format, ObjectFormat::SseS3);
    }

    #[test]
    fn only_what_may_be_ciphertext_is_asked_for_its_instruction_file() {
        let asked = |metadata: &[(&str, &str)], first: &[u8]| head("a", metadata).may_have_instructions(first);
        assert!(asked(&[], b"\x8a\x00\xff\x31 random"));
        assert!(!asked(&[], b"id,name\xc3"));
        assert!(!asked(&[], b"gAAAAABl"));
        assert!(!asked(&[("x-amz-key-v2", "\u{2026}")], b"\x8a\x00\xff\x31"));
        assert!(is_instructions(br#"{"x-amz-key-v2":"AAAA","x-amz-iv":"AAAA"}"#));
        assert!(!is_instructions(br#"{"a":1}"#) && !is_instructions(b"x-amz-key"));
    }

    #[test]
    fn an_empty_object_is_not_read() {
        let mut empty = head("a", &[]);
        empty.size = 0;
        assert!(!empty.needs_first_bytes());
        assert!(head("a", &[]).needs_first_bytes());
        assert!(!head("a", &[("strongroom-version", "1")]).needs_first_bytes());
    }
}
