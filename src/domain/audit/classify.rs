//! What an object is, by its metadata, its size and its first bytes. Nothing is guessed: what none of the known marks is on is
//! as S3 keeps it.

use serde_json::Value;

use super::beginning::{Beginning, beginning};
use super::message;
use super::{AtRest, Flaw, Kind, Unread};
use crate::domain::bond::{Standing, Written};
use crate::domain::format::{begins_token, has_plaintext_beside, is_text};
use crate::domain::own_area::{Own, is_called_data_key, own};
use crate::domain::{ObjectFormat, ObjectInfo, Refuted};

/// How much of a model archive is read: its first members' headers, and where they begin.
pub const FIRST_BYTES_OF_ARCHIVES: usize = 16 << 10;
/// How much of what may be an instruction file is read: all of it.
pub const FIRST_BYTES_OF_INSTRUCTIONS: usize = 16 << 10;

/// What was seen of an object.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Its whole key.
    pub key: &'a str,
    /// Bytes stored.
    pub size: u64,
    /// What its metadata and its first bytes say.
    pub info: &'a ObjectInfo,
    /// How S3 keeps it.
    pub at_rest: AtRest,
    /// The KMS key that S3 keeps it with.
    pub at_rest_key: Option<&'a str>,
    /// Its first bytes.
    pub first: &'a [u8],
}

/// What that tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What it is.
    pub kind: Kind,
    /// The KMS key that it names.
    pub kms_key: Option<String>,
    /// S3 URI of the key object that it names, and whether its own metadata carries the data key too.
    pub data_key_object: Option<(String, bool)>,
    /// What is wrong with it.
    pub flaws: Vec<Flaw>,
    /// Why not all that was to be looked at could be.
    pub unread: Option<Unread>,
    /// Where a token of strongroom stands, seen from where it was put.
    pub standing: Option<Standing>,
    /// Of an instruction file, the version of the client whose data key it holds.
    pub instructs: Option<u8>,
    /// Whether it may be ciphertext whose instruction file lies beside it.
    pub may_be_instructed: bool,
}

impl Told {
    /// That it is this, and nothing more.
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            kms_key: None,
            data_key_object: None,
            flaws: Vec::new(),
            unread: None,
            standing: None,
            instructs: None,
            may_be_instructed: false,
        }
    }
}

/// What an object is.
pub fn classify(seen: &Seen<'_>) -> Told {
    let format = seen.info.format;
    if format.is_open() || format == ObjectFormat::KeyObject {
        match own(seen.key, seen.first) {
            Some(Own::Record) => return Told::new(Kind::Record),
            Some(Own::Program) => return Told::new(Kind::Program),
            None => {}
        }
    }
    let mut told = by_format(seen, format);
    if told.kind != Kind::KeyObject && seen.size > 0 && is_called_data_key(seen.key, &seen.info.metadata) {
        told.flaws.push(Flaw::NoDataKey);
    }
    told
}

fn by_format(seen: &Seen<'_>, format: ObjectFormat) -> Told {
    match format {
        ObjectFormat::Strongroom => ours(seen),
        ObjectFormat::Fernet => Told::new(Kind::Fernet),
        ObjectFormat::KeyObject => {
            let mut told = Told::new(Kind::KeyObject);
            told.kms_key.clone_from(&seen.info.kms_key_arn);
            // What is encrypted stands beside what it encrypts.
            told.flaws
                .extend(has_plaintext_beside(seen.first).then_some(Flaw::PlaintextDataKey));
            told
        }
        ObjectFormat::S3EncryptionClient => s3_encryption_client(seen),
        ObjectFormat::Archive => archive(seen),
        ObjectFormat::AwsEncryptionSdk | ObjectFormat::SseKms | ObjectFormat::SseS3 | ObjectFormat::Plain => {
            by_body(seen)
        }
    }
}

/// A token with strongroom's metadata, or what has taken its place under it.
fn ours(seen: &Seen<'_>) -> Told {
    let info = seen.info;
    if !begins_token(seen.first) {
        let mut told = as_it_is_kept(seen);
        told.kind = if seen.size == 0 { Kind::Unbound } else { told.kind };
        told.flaws.insert(0, Flaw::NoToken);
        return told;
    }
    let written = info.name.as_deref().map(|name| Written {
        prefix: info.prefix.as_deref(),
        name,
    });
    let standing = written.map(|written| written.at(seen.key));
    let lacks = |flaw: &Refuted| matches!(flaw, Refuted::Metadata(_));
    let kind = match &standing {
        _ if info.refuted.iter().any(lacks) => Kind::Unbound,
        Some(Standing::InPlace) => Kind::Bound,
        Some(Standing::Moved(_) | Standing::Unrecorded) => Kind::Moved,
        Some(Standing::Renamed) | None => Kind::Unbound,
    };
    let carried = info.metadata.iter().any(|(name, _)| name == "strongroom-data-key");
    Told {
        kms_key: info.kms_key_arn.clone(),
        data_key_object: info.data_key_uri.clone().map(|uri| (uri, carried)),
        flaws: info.refuted.iter().cloned().map(Flaw::Refuted).collect(),
        standing,
        ..Told::new(kind)
    }
}

fn s3_encryption_client(seen: &Seen<'_>) -> Told {
    let value = |name: &str| {
        let found = seen.info.metadata.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    };
    if value("x-amz-crypto-instr-file").is_some() {
        return instructions(seen).unwrap_or_else(|| {
            let mut told = Told::new(Kind::InstructionFile);
            told.flaws.push(Flaw::Lacks("x-amz-key-v2"));
            told
        });
    }
    let (version, needed): (u8, &[&'static str]) = if value("x-amz-c").is_some() {
        (3, &["x-amz-d", "x-amz-i"])
    } else if value("x-amz-key-v2").is_some() {
        (2, &["x-amz-iv", "x-amz-cek-alg", "x-amz-wrap-alg"])
    } else {
        (1, &["x-amz-iv"])
    };
    let mut told = Told::new(Kind::S3EncryptionClient(version));
    let missing = needed.iter().filter(|name| value(name).is_none());
    told.flaws.extend(missing.map(|name| Flaw::Lacks(name)));
    let mut described = ["x-amz-matdesc", "x-amz-m", "x-amz-t"].into_iter().filter_map(value);
    told.kms_key = described.find_map(described_key);
    told
}

/// The KMS key that a material description names; of the newer clients' it does not.
fn described_key(description: &str) -> Option<String> {
    let described: Value = serde_json::from_str(description).ok()?;
    described.get("kms_cmk_id")?.as_str().map(str::to_owned)
}

/// An instruction file, if its text is one.
fn instructions(seen: &Seen<'_>) -> Option<Told> {
    let text: Value = serde_json::from_slice(seen.first).ok()?;
    let has = |name: &str| text.get(name).is_some();
    let version = if has("x-amz-3") || has("x-amz-c") {
        3
    } else if has("x-amz-key-v2") {
        2
    } else if has("x-amz-key") {
        1
    } else {
        return None;
    };
    let mut told = Told::new(Kind::InstructionFile);
    told.instructs = Some(version);
    let described = text.get("x-amz-matdesc").and_then(Value::as_str);
    told.kms_key = described.and_then(described_key);
    Some(told)
}

fn by_body(seen: &Seen<'_>) -> Told {
    if let Some(header) = message::header(seen.first) {
        let mut told = Told::new(Kind::AwsEncryptionSdk);
        told.kms_key = header.kms_key;
        return told;
    }
    if seen.key.ends_with(".instruction")
        && let Some(told) = instructions(seen)
    {
        return told;
    }
    as_it_is_kept(seen)
}

/// What no client has encrypted.
fn as_it_is_kept(seen: &Seen<'_>) -> Told {
    let kind = match seen.at_rest {
        _ if seen.size == 0 => return Told::new(Kind::Empty),
        AtRest::KmsDsse => Kind::SseKmsDsse,
        AtRest::Kms => Kind::SseKms,
        AtRest::S3 => Kind::SseS3,
        AtRest::Unsaid => Kind::Plain,
    };
    let mut told = Told::new(kind);
    told.kms_key = seen.at_rest_key.map(str::to_owned);
    told.flaws.push(Flaw::Open);
    told.may_be_instructed = !is_text(seen.first);
    told
}

/// A model archive, as far as its beginning tells of its members.
fn archive(seen: &Seen<'_>) -> Told {
    match beginning(seen.first) {
        Beginning::Tokens => Told::new(Kind::ArchiveOfTokens),
        Beginning::Other(name) => {
            let mut told = Told::new(Kind::Archive);
            told.flaws.push(Flaw::OpenMember(name));
            told
        }
        Beginning::Nothing => {
            let mut told = Told::new(Kind::Archive);
            told.unread = Some(Unread {
                cause: "archive not looked into".to_owned(),
                why: "its beginning tells nothing of its members: only reading all of it does".to_owned(),
            });
            told
        }
    }
}

#[cfg(test)]
mod tests;
