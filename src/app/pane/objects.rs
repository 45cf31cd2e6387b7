//! Buckets and objects: rows and details.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Facts;
use crate::app::seen::{Found, Seen};
use crate::app::table::Row;
use crate::app::text::{self, Line, Tone};
use crate::domain::{BucketRow, Door, Fault, ObjectFormat, ObjectRow};

impl Row for BucketRow {
    const COLUMNS: &'static [&'static str] = &["name", "created"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name)
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name)
    }

    fn order(&self, other: &Self, column: usize) -> Ordering {
        match column {
            1 => self.created.cmp(&other.created),
            _ => self.name.cmp(&other.name),
        }
    }
}

impl Row for ObjectRow {
    const COLUMNS: &'static [&'static str] = &["name", "size", "what", "written"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.key())
    }

    fn text(&self) -> Cow<'_, str> {
        match self.info() {
            Some(info) => Cow::Owned(format!("{} {}", self.key(), info.format.as_str())),
            None => Cow::Borrowed(self.key()),
        }
    }

    /// Prefixes come first.
    fn order(&self, other: &Self, column: usize) -> Ordering {
        let (a, b) = match (self, other) {
            (Self::Object { .. }, Self::Prefix { .. }) => return Ordering::Greater,
            (Self::Prefix { .. }, Self::Object { .. }) => return Ordering::Less,
            (Self::Prefix { prefix: a }, Self::Prefix { prefix: b }) => return a.cmp(b),
            (
                Self::Object {
                    size: a, modified: at, ..
                },
                Self::Object {
                    size: b,
                    modified: then,
                    ..
                },
            ) => ((a, at), (b, then)),
        };
        let by_column = match column {
            1 => a.0.cmp(b.0),
            2 => {
                let what = |row: &Self| row.info().map_or("", |info| info.format.as_str());
                what(self).cmp(what(other))
            }
            3 => a.1.cmp(b.1),
            _ => Ordering::Equal,
        };
        by_column.then_with(|| self.key().cmp(other.key()))
    }

    fn is_listed_before(&self, other: &Self) -> bool {
        self.order(other, 0) == Ordering::Less
    }

    fn inherit(&mut self, earlier: Self) {
        let (
            Self::Object {
                info, etag, modified, ..
            },
            Self::Object {
                info: known,
                etag: same,
                modified: then,
                ..
            },
        ) = (self, earlier)
        else {
            return;
        };
        // A new head does not always make a new ETag.
        if *etag != same || !is_same_time(*modified, then) {
            return;
        }
        if info.is_none() {
            *info = known;
        }
        // A list says it more precisely than a head.
        *modified = (*modified).max(then);
    }
}

/// A head tells whole seconds, a list may tell more.
pub(crate) fn is_same_time(a: Option<Timestamp>, b: Option<Timestamp>) -> bool {
    a.map(Timestamp::as_second) == b.map(Timestamp::as_second)
}

/// What it is that an object says it is.
fn meaning(format: ObjectFormat) -> &'static str {
    match format {
        ObjectFormat::Strongroom => "a Fernet token with strongroom's metadata",
        ObjectFormat::Fernet => "a Fernet token that says nothing of its name or its data key",
        ObjectFormat::KeyObject => "an encrypted data key: safe to keep here; only KMS opens it",
        ObjectFormat::Archive => "an archive, whose members may be tokens",
        ObjectFormat::S3EncryptionClient => "encrypted by the Amazon S3 Encryption Client, which alone opens it",
        ObjectFormat::AwsEncryptionSdk => "an AWS Encryption SDK message, which that or aws-encryption-cli opens",
        ObjectFormat::SseKms => "S3 encrypts it at rest with a KMS key; whoever may read it gets plain bytes",
        ObjectFormat::SseS3 => "S3 encrypts it at rest; whoever may read it gets plain bytes",
        ObjectFormat::Plain => "not encrypted",
    }
}

/// The facts of an object: what it says of itself, apart from what reading it here told.
pub(crate) fn overview(
    (bucket, row): (&str, &ObjectRow),
    refusal: Option<&Fault>,
    seen: Option<&Seen>,
    key_name: Option<&str>,
    columns: usize,
) -> Vec<Line> {
    let mut facts = Facts::new(columns);
    facts.heading(text::last_part(row.key()));
    facts.plain("URI", &format!("s3://{bucket}/{}", row.key()));
    let ObjectRow::Object {
        size,
        modified,
        etag,
        info,
        ..
    } = row
    else {
        return facts.lines;
    };
    facts.plain("Stored", &format!("{} ({size} bytes)", text::size(*size)));
    if let Some(at) = modified {
        facts.plain("Written", &text::time(*at));
    }
    facts.plain("ETag", etag.as_deref().unwrap_or_default());
    read(&mut facts, seen);
    let Some(info) = info else {
        match refusal {
            Some(fault) => facts.fact("What", Tone::Warn, &format!("unknown: {}", fault.at(Door::Dashboard))),
            None => facts.fact("What", Tone::Dim, "asking…"),
        }
        return facts.lines;
    };
    let says = match info.format {
        ObjectFormat::SseKms | ObjectFormat::SseS3 | ObjectFormat::Plain => "",
        ObjectFormat::Strongroom
        | ObjectFormat::Fernet
        | ObjectFormat::KeyObject
        | ObjectFormat::Archive
        | ObjectFormat::S3EncryptionClient
        | ObjectFormat::AwsEncryptionSdk => "says it is ",
    };
    let what = format!("{says}{}", info.format.as_str());
    facts.fact("What", text::format_tone(info.format), &what);
    facts.fact("", Tone::Dim, meaning(info.format));
    for refuted in &info.refuted {
        facts.fact("Refuted", Tone::Bad, &refuted.to_string());
    }
    if seen.is_none() && info.format.is_token() {
        facts.fact("", Tone::Dim, "not verified: nothing of it was read to its end here");
    }
    if info.format == ObjectFormat::Strongroom {
        facts.heading("What it says of itself");
    }
    if let Some(bytes) = info.plaintext_bytes {
        facts.plain("Plaintext", &format!("{} ({bytes} bytes)", text::size(bytes)));
    }
    facts.plain("Logical name", info.name.as_deref().unwrap_or_default());
    if let (Some(prefix), Some(name)) = (&info.prefix, &info.name)
        && format!("{prefix}{name}") != row.key()
    {
        facts.fact(
            "Uploaded as",
            Tone::Warn,
            &format!("{prefix}{name}, which is not where it stands"),
        );
    }
    if let Some(arn) = &info.kms_key_arn {
        facts.fact(
            "KMS key",
            Tone::Accent,
            key_name.unwrap_or_else(|| text::last_part(arn)),
        );
        facts.plain("", arn);
    }
    facts.plain("Key object", info.data_key_uri.as_deref().unwrap_or_default());
    for (name, value) in &info.context {
        facts.plain("Context", &format!("{name}={value}"));
    }
    facts.plain("Content type", info.content_type.as_deref().unwrap_or_default());
    if !info.metadata.is_empty() {
        facts.heading("User metadata");
        for (name, value) in &info.metadata {
            facts.plain(name, value);
        }
    }
    facts.lines
}

/// What reading it to its end told.
fn read(facts: &mut Facts, seen: Option<&Seen>) {
    let Some(seen) = seen else { return };
    let at = text::time(seen.at);
    match &seen.found {
        Found::Verified { bond, kms_key_arn } => {
            let tone = if bond.is_bound() { Tone::Good } else { Tone::Warn };
            facts.fact("Verified", tone, &format!("{at}, for this ETag: intact, {bond}"));
            if let Some(arn) = kms_key_arn {
                facts.plain("", &format!("KMS unwrapped its data key under {arn}"));
            }
        }
        Found::Refuted(why) => facts.fact("Not intact", Tone::Bad, &format!("{at}, for this ETag: {why}")),
    }
}

/// The object in the shape of `HeadObject`.
pub(crate) fn json(bucket: &str, row: &ObjectRow) -> Value {
    match row {
        ObjectRow::Prefix { prefix } => json!({ "Bucket": bucket, "Prefix": prefix }),
        ObjectRow::Object {
            key,
            size,
            modified,
            etag,
            info,
        } => json!({
            "Bucket": bucket,
            "Key": key,
            "ContentLength": size,
            "LastModified": modified,
            "ETag": etag,
            "ContentType": info.as_ref().and_then(|info| info.content_type.clone()),
            "Metadata": info.as_ref().map(|info| {
                let pairs = info.metadata.iter().map(|(name, value)| (name.clone(), json!(value)));
                Value::Object(pairs.collect())
            }),
        }),
    }
}

/// The facts of a bucket.
pub(crate) fn bucket_overview(bucket: &BucketRow, columns: usize) -> Vec<Line> {
    let mut facts = Facts::new(columns);
    facts.heading(&bucket.name);
    facts.plain("URI", &format!("s3://{}/", bucket.name));
    if let Some(created) = bucket.created {
        facts.plain("Created", &text::time(created));
    }
    facts.lines
}
