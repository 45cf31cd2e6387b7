//! Versions: all that a bucket holds, also of what was replaced or deleted.

use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::{Delete, EncodingType, ObjectIdentifier};

use super::listing::{Names, two_markers};
use super::{DELETE_AT_ONCE, is_xml, uri};
use crate::aws::fault::{Expected, Heard};
use crate::aws::{Aws, List, Paged, fault, timestamp};
use crate::domain::{Fault, KeptVersion, KeptVersions};

/// Versions of one key that are asked for.
const KEPT: i32 = 50;

/// One version of a key, or the marker of its deletion.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) key: String,
    /// None where versions cannot be seen: the current object is meant.
    pub(crate) id: Option<String>,
    /// None of a delete marker.
    pub(crate) size: Option<u64>,
    pub(crate) is_latest: bool,
    /// Without quotes; none of a delete marker.
    pub(crate) etag: Option<String>,
    /// When it was written, as far as S3 told it.
    pub(crate) modified: Option<jiff::Timestamp>,
}

impl Version {
    /// Whatever is current under this key.
    pub(crate) fn current(key: String) -> Self {
        Self {
            key,
            id: None,
            size: None,
            is_latest: true,
            etag: None,
            modified: None,
        }
    }
}

/// Every version and delete marker whose key begins with `prefix`; of a page first the versions, then the markers.
pub(crate) fn list_versions<'a>(aws: &'a Aws, bucket: &'a str, prefix: &'a str) -> List<'a, Version> {
    let call = move |way: Option<String>| {
        let (key, id) = two_markers(way);
        aws.s3_control()
            .list_object_versions()
            .bucket(bucket)
            .set_prefix(Some(prefix).filter(|prefix| !prefix.is_empty()).map(str::to_owned))
            .encoding_type(EncodingType::Url)
            .set_key_marker(key)
            .set_version_id_marker(id)
            .send()
    };
    List::of("list the versions of bucket", bucket, call, |answer| {
        let names = Names(answer.encoding_type());
        let next = match answer.is_truncated() {
            Some(true) => Some(names.way(answer.next_key_marker(), answer.next_version_id_marker())?),
            _ => None,
        };
        Paged::new(read(answer), next.as_deref())
    })
}

/// First the versions, then the markers; nothing if one lacks what each has.
fn read(answer: &ListObjectVersionsOutput) -> Option<Vec<Version>> {
    let names = Names(answer.encoding_type());
    let versions = answer.versions().iter().map(|version| {
        Some(Version {
            key: names.read(version.key()?)?,
            id: Some(version.version_id()?.to_owned()),
            size: Some(version.size().and_then(|size| u64::try_from(size).ok())?),
            is_latest: version.is_latest()?,
            etag: version.e_tag().map(|etag| etag.trim_matches('"').to_owned()),
            modified: version.last_modified().and_then(timestamp),
        })
    });
    let markers = answer.delete_markers().iter().map(|marker| {
        Some(Version {
            key: names.read(marker.key()?)?,
            id: Some(marker.version_id()?.to_owned()),
            size: None,
            is_latest: marker.is_latest()?,
            etag: None,
            modified: marker.last_modified().and_then(timestamp),
        })
    });
    versions.chain(markers).collect()
}

/// Whether there is a version or a delete marker whose key begins with `prefix`.
pub(crate) async fn has_versions_under(aws: &Aws, bucket: &str, prefix: &str) -> Result<bool, Fault> {
    let call = aws
        .s3_control()
        .list_object_versions()
        .bucket(bucket)
        .prefix(prefix)
        .encoding_type(EncodingType::Url)
        .max_keys(1);
    let answer = call.send().await.heard("list the versions of", &uri(bucket, prefix))?;
    Ok(!answer.versions().is_empty() || !answer.delete_markers().is_empty())
}

/// The newest versions and delete markers of one key, as many as a page of this length has.
pub(crate) async fn kept_versions(aws: &Aws, bucket: &str, key: &str) -> Result<KeptVersions, Fault> {
    let (act, object) = ("list the versions of", uri(bucket, key));
    let call = aws
        .s3_control()
        .list_object_versions()
        .bucket(bucket)
        .prefix(key)
        .max_keys(KEPT)
        .encoding_type(EncodingType::Url);
    let answer = call.send().await.heard(act, &object)?;
    let all = read(&answer).expected(act, &object, "Key, VersionId, IsLatest and Size of each")?;
    // Keys that go on after this one come after it.
    let is_whole = answer.is_truncated() != Some(true) || all.iter().any(|version| version.key != key);
    let of_key = all.into_iter().filter(|version| version.key == key);
    let mut rows: Vec<KeptVersion> = of_key
        .map(|version| KeptVersion {
            id: version.id.unwrap_or_default(),
            size: version.size,
            at: version.modified,
            is_latest: version.is_latest,
        })
        .collect();
    rows.sort_by_key(|kept| (!kept.is_latest, std::cmp::Reverse(kept.at)));
    Ok(KeptVersions { rows, is_whole })
}

/// Deletes versions for good, a thousand a call; answers how many are gone. One that stays is a fault that names it.
pub(crate) async fn delete_versions(aws: &Aws, bucket: &str, versions: &[Version]) -> Result<u64, Fault> {
    let act = "delete objects of";
    let (spelled, unspelled): (Vec<_>, Vec<_>) = versions.iter().partition(|one| one.key.chars().all(is_xml));
    let mut gone = 0;
    for one in unspelled {
        let call = aws.s3_control().delete_object().bucket(bucket).key(&one.key);
        let object = uri(bucket, &one.key);
        call.set_version_id(one.id.clone())
            .send()
            .await
            .heard("delete", &object)?;
        gone += 1;
    }
    for batch in spelled.chunks(DELETE_AT_ONCE) {
        let objects: Result<Vec<_>, _> = batch
            .iter()
            .map(|one| {
                let named = ObjectIdentifier::builder().key(&one.key);
                named.set_version_id(one.id.clone()).build()
            })
            .collect();
        let delete = objects
            .and_then(|objects| Delete::builder().set_objects(Some(objects)).build())
            .map_err(|error| Fault::invalid(act, bucket, error.to_string(), ""))?;
        let call = aws.s3_control().delete_objects().bucket(bucket).delete(delete);
        let answer = call.send().await.heard(act, bucket)?;
        if let Some(first) = answer.errors().first() {
            let object = uri(bucket, first.key().unwrap_or_default());
            let mut fault = fault::of_error_entry("delete", &object, first.code(), first.message());
            fault.cause = format!("{} ({} of {} stayed)", fault.cause, answer.errors().len(), batch.len());
            return Err(fault);
        }
        if answer.deleted().len() != batch.len() {
            let why = format!(
                "of {} objects it tells what became of {}",
                batch.len(),
                answer.deleted().len()
            );
            return Err(fault::not_an_answer(act, bucket, &why));
        }
        gone += batch.len() as u64;
    }
    Ok(gone)
}
