//! Sealing what is in S3 already: tokens anew under another data key (rotate), plain objects as tokens (encrypt). What is asked
//! for, what a look ahead tells, and what came of each object and of all of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::audit::{Ended, Kind, Tally};
use super::rests_on::RestsOn;
use super::worded::worded;
use super::{Fault, FaultKind, ObjectUri};

mod lines;
mod plan;

pub use lines::{json_row, json_summary, row_line, summary_lines};
pub use plan::{SealPlan, Versions, json_plan, plan_lines};

/// What is to be sealed, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealSpec {
    /// Its bucket.
    pub bucket: String,
    /// Empty, or ends in `/`: names are what follows it.
    pub prefix: String,
    /// Keys under it, and prefixes that end in `/`; everything under it if there are none.
    pub places: Vec<String>,
    /// How.
    pub act: SealAct,
}

/// How objects are sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SealAct {
    /// Tokens of strongroom, each anew in its place under a new data key.
    Rotate {
        /// KMS key of the new data keys: id, ARN or alias; that of the old ones if none is named.
        key: Option<String>,
        /// Encryption context of the new data keys; that of the old ones if none is given.
        context: Option<BTreeMap<String, String>>,
        /// Whether a rotation that was interrupted is gone on with, under its data keys.
        resume: bool,
    },
    /// Plain objects, each into a token.
    Encrypt {
        /// Bucket and prefix of the tokens; the objects' own if they are to be replaced.
        to: ObjectUri,
        /// KMS key: id, ARN or alias.
        key: String,
        /// Encryption context.
        context: BTreeMap<String, String>,
        /// Object key of the encrypted data key; by default a new one where those of the bucket are.
        data_key_name: Option<String>,
        /// Whether objects at the destination may be replaced; encrypted data keys never are.
        overwrite: bool,
        /// Whether a plain object, and the version of it that was read, is deleted once its token was read back and holds.
        delete_plain: bool,
    },
}

impl SealSpec {
    /// `s3://BUCKET/PREFIX`, or the one object.
    pub fn place(&self) -> String {
        match self.places.as_slice() {
            [only] => format!("s3://{}/{only}", self.bucket),
            _ => format!("s3://{}/{}", self.bucket, self.prefix),
        }
    }

    /// What it is called where it fails.
    pub fn verb(&self) -> &'static str {
        match self.act {
            SealAct::Rotate { .. } => "rotate",
            SealAct::Encrypt { .. } => "encrypt",
        }
    }

    /// The KMS key of the new data keys, where one is named: id, ARN or alias.
    pub fn named_key(&self) -> Option<&str> {
        match &self.act {
            SealAct::Rotate { key, .. } => key.as_deref(),
            SealAct::Encrypt { key, .. } => Some(key),
        }
    }

    /// Whether plain objects are to be deleted.
    pub fn deletes_plain(&self) -> bool {
        matches!(self.act, SealAct::Encrypt { delete_plain: true, .. })
    }

    /// Where the token of an object of this key is.
    pub fn token_of(&self, key: &str) -> ObjectUri {
        match &self.act {
            SealAct::Rotate { .. } => ObjectUri::new(self.bucket.as_str(), key),
            SealAct::Encrypt { to, .. } => {
                let name = key.strip_prefix(self.prefix.as_str()).unwrap_or(key);
                ObjectUri::new(to.bucket.as_str(), format!("{}{name}", to.key))
            }
        }
    }

    /// Whether each object is replaced by its token.
    pub fn is_in_place(&self) -> bool {
        match &self.act {
            SealAct::Rotate { .. } => true,
            SealAct::Encrypt { to, .. } => (&to.bucket, &to.key) == (&self.bucket, &self.prefix),
        }
    }
}

/// What became of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealRow {
    /// Its whole key.
    pub key: String,
    /// Bytes stored, before.
    pub size: u64,
    /// What became of it.
    pub fate: Fate,
}

/// What became of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Its token is there.
    Sealed(Box<Sealed>),
    /// It was left as it is.
    PassedOver(Passed),
    /// It was to be sealed, and is as it was.
    Failed(Box<Fault>),
}

impl SealRow {
    /// Whether it is as it was to be: neither failed, nor with a plain object left that was to go, nor left though it may be plain.
    pub fn is_well(&self) -> bool {
        self.fault().is_none() && !self.is_unchecked()
    }

    /// Whether it was left as it is, and may be plain.
    pub fn is_unchecked(&self) -> bool {
        matches!(&self.fate, Fate::PassedOver(why) if why.is_unchecked())
    }

    /// What went wrong.
    pub fn fault(&self) -> Option<&Fault> {
        match &self.fate {
            Fate::Failed(fault) => Some(fault),
            Fate::Sealed(sealed) => match &sealed.before {
                Before::Undeleted(fault) => Some(fault),
                Before::Stays | Before::Gone | Before::Version(_) => None,
            },
            Fate::PassedOver(_) => None,
        }
    }
}

/// A token that was made of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// Where it is.
    pub at: ObjectUri,
    /// ARN of the KMS key.
    pub kms_key_arn: String,
    /// S3 URI of the encrypted data key.
    pub data_key_uri: String,
    /// Plaintext bytes.
    pub bytes: u64,
    /// Token bytes.
    pub token_bytes: u64,
    /// Without quotes, as far as S3 told it.
    pub etag: Option<String>,
    /// Whether an earlier run made it, and this one read it and held it against the object.
    pub resumed: bool,
    /// What became of the object that it was made of.
    pub before: Before,
}

/// What became of the object that a token was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Before {
    /// It is where it was: nobody asked to delete it.
    Stays,
    /// It was replaced or deleted, and no version of it that was read is left.
    Gone,
    /// It is kept as this version.
    Version(String),
    /// It was to be deleted and is left, or a version of it is.
    Undeleted(Box<Fault>),
}

/// Why an object is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Passed {
    /// It is an encrypted data key.
    DataKey,
    /// It is one in hexadecimal, which nothing here opens.
    DataKeyInHex,
    /// It is one, and the data key itself stands beside it.
    PlaintextDataKey,
    /// It begins as an encrypted data key, but nothing calls it one, and KMS did not say that it opens it: it may be plain, and is told
    /// by name.
    UncalledDataKey(Unconfirmed),
    /// Strongroom keeps it for itself: below `.strongroom/`.
    Own,
    /// It lists the tokens beside it.
    Bundle,
    /// The mark of an empty folder.
    Folder,
    /// There is nothing in it.
    Empty,
    /// To be encrypted, it is a token, or encrypted by another client already: which.
    Encrypted(Kind),
    /// To be rotated, it is no token whose metadata names its data key.
    NotOurs(Kind),
    /// To be rotated, it is under a data key of this rotation already.
    Rotated,
    /// A token of its name and length is at the destination already.
    There,
}

worded! {
    /// Why KMS did not confirm that something is an encrypted data key.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Unconfirmed: "In words that go on after a colon." {
        /// The caller may not ask, or it names a KMS key that there is not: KMS answers both alike.
        Denied = "access denied: kms:Decrypt is missing, or it is data that names no KMS key",
        /// Its key is disabled.
        Disabled = "its KMS key is disabled",
        /// Its key is scheduled for deletion.
        PendingDeletion = "its KMS key is pending deletion",
        /// Its key cannot be used for another reason.
        KeyState = "its KMS key cannot be used",
        /// It opens no such ciphertext in the contexts that were asked for.
        Invalid = "invalid ciphertext: it is data, or under another encryption context",
        /// Nothing that KMS said was heard.
        Unheard = "no answer of KMS's was heard",
        /// It failed otherwise.
        Other = "KMS could not be asked",
    }
}

impl Unconfirmed {
    /// Of what came of asking.
    pub fn of(fault: &Fault) -> Self {
        match fault.kind {
            FaultKind::Denied => Self::Denied,
            FaultKind::KeyState if fault.code.as_deref() == Some("DisabledException") => Self::Disabled,
            FaultKind::KeyState if fault.cause.contains("pending deletion") => Self::PendingDeletion,
            FaultKind::KeyState | FaultKind::NotFound => Self::KeyState,
            FaultKind::Integrity | FaultKind::Invalid => Self::Invalid,
            FaultKind::Throttled
            | FaultKind::Unreachable
            | FaultKind::Timeout
            | FaultKind::Service
            | FaultKind::Foreign => Self::Unheard,
            FaultKind::NoCredentials
            | FaultKind::Expired
            | FaultKind::Conflict
            | FaultKind::WrongRegion
            | FaultKind::Cancelled
            | FaultKind::ReadOnly
            | FaultKind::OtherKey
            | FaultKind::Stripped
            | FaultKind::NoToken
            | FaultKind::Io
            | FaultKind::DiskFull
            | FaultKind::Usage
            | FaultKind::Other => Self::Other,
        }
    }
}

impl Passed {
    /// Whether it may be plain, or is in part.
    pub fn is_unchecked(self) -> bool {
        self.unchecked().is_some()
    }

    /// Of what may be plain, or is in part, why that is so.
    pub fn unchecked(self) -> Option<&'static str> {
        match self {
            Self::UncalledDataKey(why) => Some(why.as_str()),
            Self::PlaintextDataKey => Some("the plaintext data key lies in it"),
            Self::DataKey
            | Self::DataKeyInHex
            | Self::Own
            | Self::Bundle
            | Self::Folder
            | Self::Empty
            | Self::Encrypted(_)
            | Self::NotOurs(_)
            | Self::Rotated
            | Self::There => None,
        }
    }

    /// In words that go on after a number or a colon.
    pub fn told(self) -> String {
        match self {
            Self::DataKey => "an encrypted data key".to_owned(),
            Self::DataKeyInHex => "an encrypted data key in hexadecimal".to_owned(),
            Self::PlaintextDataKey => "an encrypted data key, and the plaintext data key lies in it".to_owned(),
            Self::UncalledDataKey(why) => {
                let why = why.as_str();
                format!("it begins as an encrypted data key, and KMS did not confirm it: {why}")
            }
            Self::Own => "strongroom's own, below .strongroom/".to_owned(),
            Self::Bundle => "a bundle, which lists the tokens beside it".to_owned(),
            Self::Folder => "the mark of a folder".to_owned(),
            Self::Empty => "empty: there is nothing to encrypt".to_owned(),
            Self::Encrypted(kind) if kind.is_token() => format!("a token already ({})", kind.as_str()),
            Self::Encrypted(kind) => format!("encrypted already ({})", kind.as_str()),
            Self::NotOurs(Kind::Fernet) => {
                "a token of others (fernet): whoever opens it finds no new data key".to_owned()
            }
            Self::NotOurs(kind) => format!("no token of strongroom ({})", kind.as_str()),
            Self::Rotated => "under the data key of this rotation already".to_owned(),
            Self::There => {
                "at the destination already: a token that says its name and length, not opened now".to_owned()
            }
        }
    }
}

/// What became of all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SealSummary {
    /// How it ended.
    pub ended: Ended,
    /// Tokens that were made, by the bytes of their plaintext.
    pub sealed: Tally,
    /// What was left as it is, and why.
    pub passed: BTreeMap<Passed, Tally>,
    /// What was to be sealed and is as it was.
    pub failed: Tally,
    /// Objects that were to be deleted and are left, or a version of them.
    pub undeleted: u64,
    /// Objects that are kept as an older version.
    pub versions: u64,
    /// Objects that are where they were, beside their token.
    pub stay: u64,
    /// Objects that are gone.
    pub gone: u64,
    /// Older versions of what was to be deleted: plaintext may be in them. Nothing where none was to be deleted; why, where they
    /// could not be looked at.
    pub older: Option<Result<u64, String>>,
    /// Of a report that other machines' results were made to: what was held against what.
    pub rests_on: Option<RestsOn>,
    /// How many were gone when it was their turn.
    pub vanished: u64,
    /// When the rotation that was gone on with was begun, if there was one.
    pub resumed: Option<jiff::Timestamp>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

impl SealSummary {
    /// Takes in one more.
    pub fn note(&mut self, row: &SealRow) {
        match &row.fate {
            Fate::Sealed(sealed) => {
                self.sealed.add(sealed.bytes);
                match &sealed.before {
                    Before::Stays => self.stay += 1,
                    Before::Gone => self.gone += 1,
                    Before::Version(_) => self.versions += 1,
                    Before::Undeleted(_) => self.undeleted += 1,
                }
            }
            Fate::PassedOver(why) => self.passed.entry(*why).or_default().add(row.size),
            Fate::Failed(_) => self.failed.add(row.size),
        }
    }

    /// Whether everything that was listed was looked at, nothing failed, and nothing was left that may be plain.
    pub fn is_well(&self) -> bool {
        self.failed.objects + self.undeleted + self.unchecked() == 0 && self.ended == Ended::Whole
    }

    /// How many were left as they are and may be plain.
    pub fn unchecked(&self) -> u64 {
        unchecked(&self.passed)
    }

    /// How many were left as they are.
    pub fn passed_over(&self) -> u64 {
        self.passed.values().map(|tally| tally.objects).sum()
    }
}

/// How many of what was passed over may be plain.
fn unchecked(passed: &BTreeMap<Passed, Tally>) -> u64 {
    let unchecked = passed.iter().filter(|(why, _)| why.is_unchecked());
    unchecked.map(|(_, tally)| tally.objects).sum()
}

/// What became of objects, with as many of them as are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct SealReport {
    /// What was asked for.
    pub spec: SealSpec,
    /// Of all.
    pub summary: SealSummary,
    /// What failed first.
    pub rows: Vec<SealRow>,
    /// How many rows are not kept.
    pub dropped: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_kms_did_not_confirm_a_data_key_tells_a_missing_right_from_a_key_that_cannot_be_used_and_from_data() {
        for (kind, code, cause, why) in [
            (FaultKind::Denied, "AccessDeniedException", "", Unconfirmed::Denied),
            (FaultKind::KeyState, "DisabledException", "", Unconfirmed::Disabled),
            (
                FaultKind::KeyState,
                "KMSInvalidStateException",
                "ARN is pending deletion.",
                Unconfirmed::PendingDeletion,
            ),
            (
                FaultKind::KeyState,
                "KMSInvalidStateException",
                "",
                Unconfirmed::KeyState,
            ),
            (
                FaultKind::Integrity,
                "InvalidCiphertextException",
                "",
                Unconfirmed::Invalid,
            ),
            (FaultKind::Throttled, "ThrottlingException", "", Unconfirmed::Unheard),
            (FaultKind::Expired, "ExpiredTokenException", "", Unconfirmed::Other),
        ] {
            let mut fault = Fault::new(kind, "decrypt under", "k", cause, "");
            fault.code = Some(code.to_owned());
            assert_eq!(Unconfirmed::of(&fault), why, "{code}");
            let passed = Passed::UncalledDataKey(why);
            assert!(passed.is_unchecked() && passed.told().ends_with(why.as_str()), "{code}");
        }
    }
}
