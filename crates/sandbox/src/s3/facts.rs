//! What conditions may ask of a request to S3, every value as the other end reads it.

use std::time::SystemTime;

use hyper::HeaderMap;
use s3s::path::S3Path;

use super::convert::header_tags;
use super::lifecycle::moment as moment_of;
use super::lock::{Protection, Retention};
use crate::prelude::*;
use crate::sigv4::{header, moment};

/// Condition keys with their values.
pub(super) type Facts = BTreeMap<String, Vec<String>>;

/// Headers that are condition keys under their own names.
const HEADERS: &str = "x-amz-acl x-amz-content-sha256 x-amz-copy-source x-amz-metadata-directive \
    x-amz-server-side-encryption x-amz-server-side-encryption-aws-kms-key-id \
    x-amz-server-side-encryption-customer-algorithm x-amz-storage-class x-amz-website-redirect-location if-match \
    if-none-match";
/// Query names of listings that are condition keys under their own names.
const QUERY: &[&str] = &["prefix", "delimiter", "max-keys"];

/// What a request says of itself, and what there is where it points to.
pub(super) fn of(world: &World, operation: &str, path: &S3Path, query: Option<&str>, headers: &HeaderMap) -> Facts {
    let parameter = |name: &str| parameter(query, name);
    let mut facts = Facts::new();
    let mut say = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            facts.insert(name.to_owned(), vec![value]);
        }
    };
    let is_presigned = !headers.contains_key("authorization");
    say(
        "s3:authType",
        Some(
            if is_presigned {
                "REST-QUERY-STRING"
            } else {
                "REST-HEADER"
            }
            .to_owned(),
        ),
    );
    let is_old = parameter("AWSAccessKeyId").is_some();
    say(
        "s3:signatureversion",
        Some(if is_old { "AWS" } else { "AWS4-HMAC-SHA256" }.to_owned()),
    );
    let signed = header(headers, "x-amz-date").or_else(|| parameter("X-Amz-Date"));
    say("s3:signatureAge", signed.and_then(|stamp| age(&stamp)));
    say("aws:UserAgent", header(headers, "user-agent"));
    say("aws:Referer", header(headers, "referer"));
    for name in HEADERS.split(' ').filter(|name| headers.contains_key(*name)) {
        say(&format!("s3:{name}"), header(headers, name));
    }
    if operation.starts_with("List") {
        for name in QUERY {
            say(&format!("s3:{name}"), parameter(name));
        }
    }
    say("s3:VersionId", parameter("versionId"));
    let writes = matches!(operation, "PutObject" | "CopyObject" | "CreateMultipartUpload");
    if operation == "PutObject" || operation == "CompleteMultipartUpload" {
        say("s3:ObjectCreationOperation", Some("true".to_owned()));
    }
    if writes {
        // What they say that is wrong is refused where they are read.
        let tags = header_tags(header(headers, "x-amz-tagging").as_deref()).unwrap_or_default();
        requested(&mut facts, &tags);
        let protection = Protection::given(headers).unwrap_or_default();
        protecting(&mut facts, &protection, world.s3.home.now());
    }
    if let S3Path::Object { bucket, key } = path {
        if operation.contains("Part") || operation == "CompleteMultipartUpload" {
            upload(world, bucket, key, parameter("uploadId"), &mut facts);
        } else if !writes {
            let version = parameter("versionId");
            let found = world.s3.look(bucket, key, version.as_deref()).ok().flatten();
            for (key, value) in found
                .iter()
                .filter_map(|version| version.object())
                .flat_map(|object| &object.tags)
            {
                facts.insert(format!("s3:ExistingObjectTag/{key}"), vec![value.clone()]);
            }
        }
    }
    facts
}

/// Tags that a request wants an object to have.
pub(super) fn requested(facts: &mut Facts, tags: &BTreeMap<String, String>) {
    for (key, value) in tags {
        facts.insert(format!("s3:RequestObjectTag/{key}"), vec![value.clone()]);
    }
    if !tags.is_empty() {
        facts.insert("s3:RequestObjectTagKeys".to_owned(), tags.keys().cloned().collect());
    }
}

/// How a request wants a version to be locked.
pub(super) fn protecting(facts: &mut Facts, protection: &Protection, now: SystemTime) {
    let mut say = |name: &str, value: String| facts.insert(format!("s3:object-lock-{name}"), vec![value]);
    if let Some(Retention { mode, until }) = &protection.retention {
        let until = moment_of(until).unwrap_or(now);
        let left = until.duration_since(now).unwrap_or_default();
        say("mode", mode.name().to_owned());
        say(
            "remaining-retention-days",
            left.as_secs().div_ceil(24 * 60 * 60).to_string(),
        );
        if let Ok(until) = Timestamp::try_from(until) {
            say("retain-until-date", until.to_string());
        }
    }
    if let Some(on) = protection.hold {
        say("legal-hold", if on { "ON" } else { "OFF" }.to_owned());
    }
}

/// A part is kept as its upload was begun; no request for it says so again.
fn upload(world: &World, bucket: &str, key: &str, id: Option<String>, facts: &mut Facts) {
    let begun = world.s3.with(bucket, |bucket| {
        let upload = bucket.upload(key, &id.unwrap_or_default())?;
        Ok((upload.about.clone(), upload.tags.clone()))
    });
    let Ok((about, tags)) = begun else { return };
    requested(facts, &tags);
    for (name, value) in [
        ("s3:x-amz-server-side-encryption", about.encryption),
        ("s3:x-amz-server-side-encryption-aws-kms-key-id", about.encryption_key),
        ("s3:x-amz-storage-class", about.storage_class),
    ] {
        if let Some(value) = value {
            facts.insert(name.to_owned(), vec![value]);
        }
    }
}

/// Milliseconds since a request was signed.
fn age(stamp: &str) -> Option<String> {
    let signed = moment(stamp)?;
    Some((Timestamp::now().as_millisecond() - signed.as_millisecond()).to_string())
}

/// A query's value.
pub(super) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query?.as_bytes());
    pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}
