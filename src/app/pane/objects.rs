//! Buckets and objects: rows and details.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Value, json};

use super::Facts;
use crate::app::table::Row;
use crate::app::text::{self, Line, Tone};
use crate::domain::{BucketRow, Fault, ObjectFormat, ObjectInfo, ObjectRow};

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
        match info(self) {
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
                let what = |row| info(row).map_or("", |info| info.format.as_str());
                what(self).cmp(what(other))
            }
            3 => a.1.cmp(b.1),
            _ => Ordering::Equal,
        };
        by_column.then_with(|| self.key().cmp(other.key()))
    }

    fn inherit(&mut self, earlier: Self) {
        if let (
            Self::Object { info, etag, .. },
            Self::Object {
                info: known,
                etag: same,
                ..
            },
        ) = (self, earlier)
            && info.is_none()
            && *etag == same
        {
            *info = known;
        }
    }
}

/// What is known of an object beyond its listing.
pub fn info(row: &ObjectRow) -> Option<&ObjectInfo> {
    match row {
        ObjectRow::Object { info, .. } => info.as_deref(),
        ObjectRow::Prefix { .. } => None,
    }
}

/// What a format means to a person.
fn meaning(format: ObjectFormat) -> &'static str {
    match format {
        ObjectFormat::Strongroom => "a Fernet token with strongroom's metadata: name, length and data key are proved",
        ObjectFormat::Fernet => "a Fernet token written by something else: opens, but its name is not proved",
        ObjectFormat::KeyObject => "an encrypted data key: safe to keep here; only KMS opens it",
        ObjectFormat::Archive => "an archive; its members may be tokens",
        ObjectFormat::S3EncryptionClient => "encrypted by the S3 encryption client",
        ObjectFormat::AwsEncryptionSdk => "an AWS Encryption SDK message",
        ObjectFormat::SseKms => "S3 encrypts it at rest with a KMS key; whoever may read it gets plain bytes",
        ObjectFormat::SseS3 => "S3 encrypts it at rest; whoever may read it gets plain bytes",
        ObjectFormat::Plain => "not encrypted",
    }
}

/// The facts of an object.
pub(crate) fn overview(
    bucket: &str,
    row: &ObjectRow,
    refusal: Option<&Fault>,
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
    let Some(info) = info else {
        match refusal {
            Some(fault) => facts.fact("What", Tone::Warn, &format!("unknown: {fault}")),
            None => facts.fact("What", Tone::Dim, "asking…"),
        }
        return facts.lines;
    };
    facts.fact("What", text::format_tone(info.format), info.format.as_str());
    facts.fact("", Tone::Dim, meaning(info.format));
    if let Some(bytes) = info.plaintext_bytes {
        facts.plain("Plaintext", &format!("{} ({bytes} bytes)", text::size(bytes)));
    }
    facts.plain("Logical name", info.name.as_deref().unwrap_or_default());
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
