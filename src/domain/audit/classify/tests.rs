use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::*;
use crate::domain::bond::Move;

const ARN: &str = "arn:aws:kms:us-east-1:111122223333:key/1234";
const TOKEN: &[u8] = b"gAAAAABo0000AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const NOISE: &[u8] = b"\x8a\x00\xff\x31\x10";

struct Object<'a> {
    key: &'a str,
    size: u64,
    format: ObjectFormat,
    metadata: &'a [(&'a str, &'a str)],
    at_rest: AtRest,
    first: &'a [u8],
}

impl Default for Object<'_> {
    fn default() -> Self {
        Self {
            key: "p/x.csv",
            size: 184,
            format: ObjectFormat::SseS3,
            metadata: &[],
            at_rest: AtRest::S3,
            first: b"id,name",
        }
    }
}

impl Object<'_> {
    fn told(&self) -> Told {
        self.told_with(|_| {})
    }

    fn told_with(&self, change: impl FnOnce(&mut ObjectInfo)) -> Told {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut info = ObjectInfo {
            format: self.format,
            refuted: Vec::new(),
            kms_key_arn: None,
            data_key_uri: None,
            name: None,
            prefix: None,
            plaintext_bytes: None,
            context: Vec::new(),
            metadata: self.metadata.iter().map(owned).collect(),
            content_type: None,
        };
        change(&mut info);
        classify(&Seen {
            key: self.key,
            size: self.size,
            info: &info,
            at_rest: self.at_rest,
            at_rest_key: Some("arn:at-rest"),
            first: self.first,
        })
    }
}

/// An object of nothing unusual but these.
fn told(format: ObjectFormat, metadata: &[(&str, &str)], first: &[u8]) -> Told {
    Object {
        format,
        metadata,
        first,
        ..Object::default()
    }
    .told()
}

fn ours(prefix: &str, name: &str, refuted: Vec<Refuted>) -> Told {
    let token = Object {
        format: ObjectFormat::Strongroom,
        first: TOKEN,
        metadata: &[("strongroom-data-key", "AAAA")],
        ..Object::default()
    };
    token.told_with(|info| {
        info.refuted = refuted;
        info.kms_key_arn = Some(ARN.to_owned());
        info.data_key_uri = Some("s3://b/k".to_owned());
        (info.prefix, info.name) = (Some(prefix.to_owned()), Some(name.to_owned()));
        info.plaintext_bytes = Some(64);
    })
}

#[test]
fn a_token_of_strongroom_is_bound_moved_or_unbound_by_the_place_that_it_says() {
    let bound = ours("p/", "x.csv", Vec::new());
    assert_eq!((bound.kind, bound.kms_key.as_deref()), (Kind::Bound, Some(ARN)));
    assert_eq!(bound.data_key_object, Some(("s3://b/k".to_owned(), true)));
    assert!(bound.flaws.is_empty());
    let moved = ours("q/", "x.csv", Vec::new());
    let (from, to) = ("q/".to_owned(), "p/".to_owned());
    assert_eq!(
        (moved.kind, moved.standing),
        (Kind::Moved, Some(Standing::Moved(Move { from, to })))
    );
    let renamed = ours("p/", "y.csv", vec![Refuted::Name("p/y.csv".to_owned())]);
    assert_eq!((renamed.kind, renamed.flaws.len()), (Kind::Unbound, 1));
    let stripped = ours("p/", "x.csv", vec![Refuted::Metadata("mac")]);
    assert_eq!(stripped.kind, Kind::Unbound);
    let short = ours("p/", "x.csv", vec![Refuted::Size { stored: 184, length: 1 }]);
    assert_eq!((short.kind, short.flaws.len()), (Kind::Bound, 1));
}

#[test]
fn what_is_called_a_key_object_and_is_none_is_told_beside_what_it_is() {
    let all: [(&str, &[(&str, &str)]); 5] = [
        ("p/x.datakey", &[]),
        ("p/x.bin", &[("strongroom-key-object", "1")]),
        (".strongroom/data-keys/x", &[]),
        ("p/.strongroom/data-keys/x", &[]),
        ("p/dont_look", &[]),
    ];
    for (key, metadata) in all {
        let called = Object {
            key,
            metadata,
            first: NOISE,
            ..Object::default()
        };
        let told = called.told();
        assert_eq!(told.kind, Kind::SseS3, "{key}");
        assert_eq!(told.flaws, [Flaw::Open, Flaw::NoDataKey], "{key}");
        let token = Object {
            format: ObjectFormat::Fernet,
            first: TOKEN,
            ..called
        };
        let told = token.told();
        assert_eq!((told.kind, told.flaws), (Kind::Fernet, vec![Flaw::NoDataKey]), "{key}");
        let is_one = Object {
            format: ObjectFormat::KeyObject,
            ..token
        };
        let told = is_one.told();
        assert_eq!((told.kind, told.flaws), (Kind::KeyObject, vec![]), "{key}");
    }
}

#[test]
fn a_data_key_in_plaintext_beside_the_encrypted_one_is_told_as_that() {
    let both = br#"{"CiphertextBlob": "AQIDAHg=", "Plaintext": "AAAA", "KeyId": "k"}"#;
    let told = told(ObjectFormat::KeyObject, &[], both);
    assert_eq!((told.kind, told.flaws), (Kind::KeyObject, vec![Flaw::PlaintextDataKey]));
    assert!(
        Flaw::PlaintextDataKey
            .told()
            .contains("the plaintext data key lies in it")
    );
}

#[test]
fn metadata_of_a_token_over_a_plain_body_makes_no_token_of_it() {
    let object = Object {
        format: ObjectFormat::Strongroom,
        ..Object::default()
    };
    let told = object.told();
    assert_eq!(told.kind, Kind::SseS3);
    assert_eq!(told.flaws, [Flaw::NoToken, Flaw::Open]);
    let empty = Object {
        size: 0,
        first: b"",
        ..object
    }
    .told();
    assert_eq!((empty.kind, empty.flaws), (Kind::Unbound, vec![Flaw::NoToken]));
}

#[test]
fn what_no_client_encrypted_is_as_s3_keeps_it() {
    for (at_rest, kind) in [
        (AtRest::Unsaid, Kind::Plain),
        (AtRest::S3, Kind::SseS3),
        (AtRest::Kms, Kind::SseKms),
        (AtRest::KmsDsse, Kind::SseKmsDsse),
    ] {
        let told = Object {
            at_rest,
            ..Object::default()
        }
        .told();
        assert_eq!((told.kind, told.flaws), (kind, vec![Flaw::Open]));
        assert_eq!(told.kms_key.as_deref(), Some("arn:at-rest"));
    }
    let empty = Object {
        size: 0,
        first: b"",
        ..Object::default()
    }
    .told();
    assert_eq!((empty.kind, empty.flaws), (Kind::Empty, vec![]));
}

#[test]
fn the_versions_of_the_s3_encryption_client_are_told_by_their_metadata() {
    let told = |metadata: &[(&str, &str)]| told(ObjectFormat::S3EncryptionClient, metadata, NOISE);
    let described = format!(r#"{{"kms_cmk_id":"{ARN}"}}"#);
    let first = told(&[("x-amz-iv", "i"), ("x-amz-key", "k"), ("x-amz-matdesc", &described)]);
    assert_eq!(
        (first.kind, first.kms_key.as_deref()),
        (Kind::S3EncryptionClient(1), Some(ARN))
    );
    let second = [
        ("x-amz-cek-alg", "AES/GCM/NoPadding"),
        ("x-amz-iv", "i"),
        ("x-amz-key-v2", "k"),
        ("x-amz-wrap-alg", "kms+context"),
    ];
    assert_eq!(told(&second).kind, Kind::S3EncryptionClient(2));
    assert_eq!(told(&second).flaws, []);
    assert_eq!(told(&second[1..]).flaws, [Flaw::Lacks("x-amz-cek-alg")]);
    let third = [
        ("x-amz-3", "k"),
        ("x-amz-c", "115"),
        ("x-amz-d", "d"),
        ("x-amz-i", "i"),
        ("x-amz-w", "12"),
    ];
    assert_eq!(
        (told(&third).kind, told(&third).flaws),
        (Kind::S3EncryptionClient(3), vec![])
    );
}

#[test]
fn an_instruction_file_says_which_client_wrote_its_neighbour() {
    let texts = [
        (r#"{"x-amz-key":"k","x-amz-iv":"i"}"#, 1),
        (r#"{"x-amz-key-v2":"k","x-amz-iv":"i"}"#, 2),
        (r#"{"x-amz-3":"k","x-amz-w":"12"}"#, 3),
    ];
    for (text, version) in texts {
        let unmarked = Object {
            key: "p/x.csv.instruction",
            first: text.as_bytes(),
            ..Object::default()
        };
        let marked = Object {
            key: "p/x.csv.other",
            format: ObjectFormat::S3EncryptionClient,
            metadata: &[("x-amz-crypto-instr-file", "")],
            first: text.as_bytes(),
            ..Object::default()
        };
        for object in [unmarked, marked] {
            let told = object.told();
            assert_eq!(
                (told.kind, told.instructs, told.flaws),
                (Kind::InstructionFile, Some(version), vec![])
            );
        }
    }
    let text = Object {
        key: "p/x.csv.instruction",
        first: br#"{"a":1}"#,
        ..Object::default()
    };
    assert_eq!(text.told().kind, Kind::SseS3);
    let beside = told(ObjectFormat::SseS3, &[], NOISE);
    assert!(beside.may_be_instructed && !Object::default().told().may_be_instructed);
}

#[test]
fn a_message_is_told_by_its_whole_header_and_not_by_two_bytes() {
    let mut message = vec![0x02, 0x05, 0x78];
    message.extend([7; 32]);
    message.extend([0, 0, 0, 1, 0, 7]);
    message.extend(b"aws-kms");
    message.extend([0, 43]);
    message.extend(ARN.as_bytes());
    message.extend([0, 4, 1, 2, 3, 4]);
    let encoded = BASE64_STANDARD.encode(&message);
    for first in [message.as_slice(), encoded.as_bytes()] {
        let told = told(ObjectFormat::SseS3, &[], first);
        assert_eq!(
            (told.kind, told.kms_key.as_deref()),
            (Kind::AwsEncryptionSdk, Some(ARN))
        );
    }
    let only_begins = told(ObjectFormat::AwsEncryptionSdk, &[], b"\x02\x05\x78\x00\x00");
    assert_eq!(only_begins.kind, Kind::SseS3);
}

#[test]
fn an_archive_that_tells_nothing_is_neither_plain_nor_encrypted() {
    let told = told(ObjectFormat::Archive, &[], b"\x1f\x8b\x08");
    assert_eq!((told.kind, told.flaws.len()), (Kind::Archive, 0));
    assert!(told.unread.is_some());
}
