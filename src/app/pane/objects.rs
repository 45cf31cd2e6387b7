//! Buckets and objects: rows and details.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Value, json};

use super::Facts;
use crate::app::format::{self, Line, Tone};
use crate::app::seen::{ReadResult, Seen, is_same_time};
use crate::app::table::{Order, Row};
use crate::domain::sheet::Named;
use crate::domain::{BucketRow, Door, Fault, KeptVersions, ObjectFormat, ObjectRow};

impl Row for BucketRow {
    const ORDERS: &'static [Order<Self>] = &[
        ("BUCKET", |a, b| a.name.cmp(&b.name)),
        ("AGE", |a, b| a.created.cmp(&b.created)),
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name)
    }

    fn record(&self) -> Vec<Named> {
        vec![("bucket", json!(self.name)), ("created", json!(self.created))]
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name)
    }
}

impl Row for ObjectRow {
    const ORDERS: &'static [Order<Self>] = &[
        ("NAME", |a, b| prefixes_first(a, b, |_| 0)),
        ("SIZE", |a, b| prefixes_first(a, b, ObjectRow::size)),
        ("WHAT", |a, b| {
            // What nobody looked at yet comes last.
            prefixes_first(a, b, |row| {
                row.info().map_or((true, ""), |info| (false, info.format.as_str()))
            })
        }),
        ("AGE", |a, b| prefixes_first(a, b, ObjectRow::modified)),
        ("KEY", |a, b| {
            prefixes_first(a, b, |row| {
                let arn = row.info().and_then(|info| info.kms_key_arn.as_deref());
                (arn.is_none(), arn)
            })
        }),
    ];
    const DETAILS: &'static [usize] = &[2, 4];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.key())
    }

    fn record(&self) -> Vec<Named> {
        let etag = match self {
            Self::Object { etag, .. } => etag.as_deref(),
            Self::Prefix { .. } => None,
        };
        vec![
            ("key", json!(self.key())),
            ("size", json!(self.size())),
            ("modified", json!(self.modified())),
            ("etag", json!(etag)),
            ("what", json!(self.info().map(|info| info.format.as_str()))),
            (
                "kms_key_id",
                json!(self.info().and_then(|info| info.kms_key_arn.as_deref())),
            ),
            (
                "plaintext_bytes",
                json!(self.info().and_then(|info| info.plaintext_bytes)),
            ),
        ]
    }

    fn text(&self) -> Cow<'_, str> {
        match self.info() {
            Some(info) => Cow::Owned(format!("{} {}", own_name(self.key()), info.format.as_str())),
            None => Cow::Borrowed(own_name(self.key())),
        }
    }

    fn bytes(&self) -> u64 {
        self.size().unwrap_or_default()
    }

    fn is_group(&self) -> bool {
        matches!(self, Self::Prefix { .. })
    }

    fn is_known(&self) -> bool {
        match self {
            Self::Prefix { .. } => true,
            Self::Object { info, .. } => info.is_some(),
        }
    }

    fn is_listed_before(&self, other: &Self) -> bool {
        prefixes_first(self, other, |_| 0) == Ordering::Less
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

/// What a row is called at its place: all of its place have the prefix.
fn own_name(key: &str) -> &str {
    let start = key.trim_end_matches('/').rfind('/').map_or(0, |slash| slash + 1);
    &key[start..]
}

/// Prefixes first, by name; objects by what is wanted of them, then by name.
fn prefixes_first<'a, T: Ord>(a: &'a ObjectRow, b: &'a ObjectRow, of: fn(&'a ObjectRow) -> T) -> Ordering {
    let is_object = |row: &ObjectRow| matches!(row, ObjectRow::Object { .. });
    let order = is_object(a).cmp(&is_object(b)).then_with(|| of(a).cmp(&of(b)));
    order.then_with(|| a.key().cmp(b.key()))
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
pub(in crate::app) fn overview(
    mut facts: Facts,
    (bucket, row): (&str, &ObjectRow),
    refusal: Option<&Fault>,
    seen: Option<&Seen>,
    key_name: Option<&str>,
) -> Vec<Line> {
    facts.heading(format::last_part(row.key()));
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
    facts.size("Stored", *size);
    if let Some(at) = modified {
        facts.plain("Written", &format::time(*at));
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
    facts.fact("What", format::format_tone(info.format), &what);
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
        facts.size("Plaintext", bytes);
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
            key_name.unwrap_or_else(|| format::last_part(arn)),
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
        facts.named(info.metadata.iter().map(|(name, _)| name.as_str()));
        for (name, value) in &info.metadata {
            facts.plain(name, value);
        }
    }
    facts.lines
}

/// What the bucket keeps under the key: the newest so many, or what is said while it is not known. Where nothing but the
/// object is kept that is said.
pub(crate) fn versions(
    kept: Option<&Result<KeptVersions, Fault>>,
    (most, unknown): (usize, &str),
    columns: usize,
) -> Vec<Line> {
    let mut facts = Facts::new(columns);
    let kept = match kept {
        None => {
            facts.fact("Versions", Tone::Dim, unknown);
            return facts.lines;
        }
        Some(Err(fault)) => {
            facts.fact("Versions", Tone::Warn, &format!("not listed: {}", fault.cause));
            return facts.lines;
        }
        Some(Ok(kept)) => kept,
    };
    if let ([only], true) = (kept.rows.as_slice(), kept.is_whole) {
        let words = if only.id == "null" {
            "this one; no others are kept"
        } else {
            "this one"
        };
        facts.plain("Versions", words);
        return facts.lines;
    }
    let mut name = "Versions";
    for version in kept.rows.iter().take(most) {
        let at = version
            .at
            .map(|at| at.strftime("%Y-%m-%d %H:%M").to_string())
            .unwrap_or_default();
        let (tone, what) = match version.size {
            None => (Tone::Warn, "deleted".to_owned()),
            Some(size) if version.is_latest => (Tone::Good, format!("{}, this one", format::size(size))),
            Some(size) => (Tone::Plain, format::size(size)),
        };
        facts.fact(name, tone, &format!("{at}  {what}"));
        name = "";
    }
    let more = kept.rows.len().saturating_sub(most);
    if more > 0 || !kept.is_whole {
        let least = if kept.is_whole { "" } else { "at least " };
        facts.fact(name, Tone::Dim, &format!("and {least}{more} older"));
    }
    facts.lines
}

/// What reading it to its end told.
fn read(facts: &mut Facts, seen: Option<&Seen>) {
    let Some(seen) = seen else { return };
    let at = format::time(seen.at);
    match &seen.result {
        ReadResult::Verified { bond, kms_key_arn } => {
            let tone = if bond.is_bound() { Tone::Good } else { Tone::Warn };
            facts.fact("Verified", tone, &format!("{at}, for this ETag: intact, {bond}"));
            if let Some(arn) = kms_key_arn {
                facts.plain("", &format!("KMS unwrapped its data key under {arn}"));
            }
        }
        ReadResult::Refuted(why) => facts.fact("Not intact", Tone::Bad, &format!("{at}, for this ETag: {why}")),
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
