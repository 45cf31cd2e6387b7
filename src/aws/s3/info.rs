//! What an object is, from its head and its first bytes. Pure.
//!
//! Only a guess about the body: whether a token is intact, `verify` tells.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use percent_encoding::percent_decode_str;

use super::uri;
use crate::domain::{ObjectFormat, ObjectInfo};

const KEY_OBJECTS: &str = ".strongroom/data-keys/";
/// The name that the boto3 way gives its encrypted data key.
const BOTO3_KEY_OBJECT: &str = "dont_look";
/// No encrypted data key of KMS is longer.
const LONGEST_DATA_KEY: u64 = 6144;

pub(super) struct Head {
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

impl Head {
    pub(super) fn needs_first_bytes(&self) -> bool {
        self.by_head().is_none() && self.size > 0
    }

    pub(super) fn info(self, first: &[u8]) -> ObjectInfo {
        let format = self.by_head().unwrap_or_else(|| self.by_body(first));
        let kms_key_arn = match format {
            ObjectFormat::SseKms => self.sse_key.clone(),
            _ => self.ours("kms-key-id").map(str::to_owned),
        };
        ObjectInfo {
            format,
            kms_key_arn,
            data_key_uri: self
                .ours("data-key-object")
                .map(|name| uri(&self.bucket, &decoded(name))),
            name: self.ours("name").map(decoded),
            plaintext_bytes: self.ours("length").and_then(|digits| digits.parse().ok()),
            context: self.context(),
            content_type: self.content_type.clone(),
            metadata: self.metadata,
        }
    }

    fn by_head(&self) -> Option<ObjectFormat> {
        let has = |name: &str| self.metadata.iter().any(|(key, _)| key == name);
        if self.key.starts_with(KEY_OBJECTS) {
            return Some(ObjectFormat::KeyObject);
        }
        if has("strongroom-version") {
            return Some(ObjectFormat::Strongroom);
        }
        if has("x-amz-key-v2") || has("x-amz-key") || has("x-amz-3") {
            return Some(ObjectFormat::S3EncryptionClient);
        }
        None
    }

    fn by_body(&self, first: &[u8]) -> ObjectFormat {
        let name = self.key.rsplit('/').next().unwrap_or_default();
        match first {
            _ if first.starts_with(b"gAAAAA") => ObjectFormat::Fernet,
            _ if name == BOTO3_KEY_OBJECT && (1..=LONGEST_DATA_KEY).contains(&self.size) => ObjectFormat::KeyObject,
            // Version 1, customer authenticated encrypted data; version 2, its two committing suites.
            [0x01, 0x80, ..] | [0x02, 0x04 | 0x05, 0x78, ..] => ObjectFormat::AwsEncryptionSdk,
            [0x1f, 0x8b, ..] if name.ends_with(".tar.gz") => ObjectFormat::Archive,
            _ => match self.sse {
                Sse::Kms => ObjectFormat::SseKms,
                Sse::S3 => ObjectFormat::SseS3,
                Sse::None => ObjectFormat::Plain,
            },
        }
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
            .find(|(key, _)| key.strip_prefix("strongroom-") == Some(name))
            .map(|(_, value)| value.as_str())
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    #[expect(clippy::type_complexity, reason = "a table")]
    fn every_format_is_recognised_by_its_own_mark() {
        let table: [(&str, &[(&str, &str)], &[u8], ObjectFormat); 10] = [
            ("a", &[("strongroom-version", "1")], b"", ObjectFormat::Strongroom),
            (".strongroom/data-keys/x", &[], b"", ObjectFormat::KeyObject),
            ("dont_look", &[], b"\x01\x02\x03\x00\x78", ObjectFormat::KeyObject),
            ("a", &[], b"gAAAAABl", ObjectFormat::Fernet),
            ("a", &[("x-amz-key-v2", "…")], b"", ObjectFormat::S3EncryptionClient),
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
    fn encryption_by_s3_is_told_apart_from_none() {
        let with = |sse| {
            Head {
                sse,
                sse_key: Some("arn:k".to_owned()),
                ..head("a", &[])
            }
            .info(b"plain")
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
        let info = head(
            "a",
            &[
                ("strongroom-version", "1"),
                ("strongroom-length", "-1"),
                ("strongroom-context", "%%"),
            ],
        );
        let info = info.info(b"");
        assert_eq!(info.plaintext_bytes, None);
        assert!(info.context.is_empty());
        assert_eq!(info.metadata.len(), 3);
    }

    #[test]
    fn an_empty_object_is_not_read() {
        assert!(
            !Head {
                size: 0,
                ..head("a", &[])
            }
            .needs_first_bytes()
        );
        assert!(head("a", &[]).needs_first_bytes());
        assert!(!head("a", &[("strongroom-version", "1")]).needs_first_bytes());
    }
}
