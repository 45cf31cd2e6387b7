//! Objects, and parts of uploads, made of objects that are there.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::super::body::{Arrived, Body, LARGEST_PUT, disk};
use super::super::checksum::{Algorithm, hasher};
use super::super::convert::*;
use super::super::customer::{self, CustomerKey};
use super::super::encryption;
use super::super::multipart::Part;
use super::super::object::{About, Object as Stored};
use super::super::store::Store;
use super::super::versions::NULL;
use super::uploads::{Uploading, part_number};
use super::{Answer, Front, arn, taken};
use crate::api::ApiError;

pub(super) async fn object(front: &Front, req: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
    let (input, headers, extensions) = taken(req);
    let condition = write_condition(
        etag_header(&headers, "if-match")?,
        etag_header(&headers, "if-none-match")?,
    )?;
    let keys = (CustomerKey::of_source(&headers)?, CustomerKey::given(&headers)?);
    let found = front.source(&extensions, &input.copy_source, keys.0.as_ref())?;
    let source = &found.object;
    ReadConditions {
        matches: input.copy_source_if_match.clone(),
        none_matches: input.copy_source_if_none_match.clone(),
        modified_since: input.copy_source_if_modified_since.clone(),
        unmodified_since: input.copy_source_if_unmodified_since.clone(),
    }
    .check(source)
    .map_err(of_source)?;
    if source.body.length() > LARGEST_PUT {
        return Err(ApiError::invalid_request(
            "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120",
        )
        .into());
    }
    let replaces = |directive: Option<&str>| directive == Some(MetadataDirective::REPLACE);
    let replace = replaces(input.metadata_directive.as_ref().map(MetadataDirective::as_str));
    // An older version copied over the current one is how it is restored.
    let onto_itself = matches!(&input.copy_source, CopySource::Bucket { bucket, key, version_id: None }
        if **bucket == *input.bucket && **key == *input.key);
    let is_encrypted_anew = input.server_side_encryption.is_some() || keys.1.is_some();
    if onto_itself && !replace && !is_encrypted_anew && input.storage_class.is_none() {
        return Err(ApiError::invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the \
             object's metadata, storage class, website redirect location or encryption attributes.",
        )
        .into());
    }
    let mut object = (**source).clone();
    let facts = &mut object.facts;
    facts.modified = front.store().home.now();
    if replace {
        facts.about = about!(input);
    }
    facts.about.encryption = input.server_side_encryption.as_ref().map(|sse| sse.as_str().to_owned());
    facts.about.encryption_key.clone_from(&input.ssekms_key_id);
    facts
        .about
        .encryption_context
        .clone_from(&input.ssekms_encryption_context);
    facts.about.bucket_key = input.bucket_key_enabled;
    facts.about.storage_class = storage_class(input.storage_class.as_ref())?;
    facts
        .about
        .website_redirect
        .clone_from(&input.website_redirect_location);
    let resource = arn(&input.bucket, &input.key);
    facts.protection = front.header_protection(&extensions, &headers, &input.bucket, &resource)?;
    if replaces(input.tagging_directive.as_ref().map(TaggingDirective::as_str)) {
        facts.tags = front.header_tags(&extensions, input.tagging.as_deref(), &resource)?;
    } else if !facts.tags.is_empty() {
        front.may_copy_tags(&extensions, &input.copy_source, &resource)?;
    }
    let caller = Front::caller(&extensions)?;
    encryption::seal(&front.world, caller, &resource, &mut facts.about, keys.1.as_ref())?;
    let customer = keys.1.clone();
    // A copy is one object again, whatever the source's parts were: its ETag is the MD5 of its bytes.
    let was_parts = !object.parts.is_empty();
    if was_parts || keys.0 != keys.1 {
        let arrived = copied(front.store(), object.body.clone(), keys, Algorithm::Crc64Nvme).await?;
        let fresh = Stored::new(arrived, About::default());
        object.body = fresh.body;
        object.facts.etag = fresh.facts.etag;
        if was_parts {
            object.facts.checksums = fresh.facts.checksums;
            object.facts.parts.clear();
            object.facts.upload = None;
        }
    }
    let facts = object.facts.clone();
    let version_id = front.store().put(&input.bucket, &input.key, object, &condition)?;
    let names_versions = front.store().names_versions(&input.bucket)?;
    let checksum = facts.checksums.values;
    let (sse_customer_algorithm, sse_customer_key_md5) = customer::told(customer.as_ref());
    Ok(S3Response::new(CopyObjectOutput {
        copy_source_version_id: found.version.filter(|version| version != NULL),
        version_id: names_versions.then(|| version_id.unwrap_or_else(|| NULL.to_owned())),
        copy_object_result: Some(summed!(CopyObjectResult, checksum, {
            e_tag: Some(quoted(&facts.etag)),
            last_modified: Some(time(facts.modified)),
            checksum_type: Some(ChecksumType::from_static(facts.checksums.kind.name())),
        })),
        server_side_encryption: facts.about.sse(),
        sse_customer_algorithm,
        sse_customer_key_md5,
        ssekms_key_id: facts.about.encryption_key,
        ssekms_encryption_context: facts.about.encryption_context,
        bucket_key_enabled: facts.about.bucket_key.filter(|on| *on),
        ..CopyObjectOutput::default()
    }))
}

pub(super) async fn part(front: &Front, req: S3Request<UploadPartCopyInput>) -> Answer<UploadPartCopyOutput> {
    let (input, headers, extensions) = taken(req);
    let keys = (CustomerKey::of_source(&headers)?, CustomerKey::given(&headers)?);
    part_number(input.part_number)?;
    let upload = Uploading {
        bucket: &input.bucket,
        key: &input.key,
        id: &input.upload_id,
    };
    let (algorithm, is_named, about) = upload.goes_on(front, &extensions, keys.1.as_ref())?;
    let found = front.source(&extensions, &input.copy_source, keys.0.as_ref())?;
    let source = &found.object;
    ReadConditions {
        matches: input.copy_source_if_match,
        none_matches: input.copy_source_if_none_match,
        modified_since: input.copy_source_if_modified_since,
        unmodified_since: input.copy_source_if_unmodified_since,
    }
    .check(source)
    .map_err(of_source)?;
    let length = source.body.length();
    let (start, end) = match input.copy_source_range.as_deref() {
        Some(range) => meant(range, length)?,
        None => (0, length),
    };
    let (sse_customer_algorithm, sse_customer_key_md5) = customer::told(keys.1.as_ref());
    let arrived = copied(front.store(), source.body.slice(start, end), keys, algorithm).await?;
    let part = Part::new(input.part_number, arrived);
    let checksum = shown(&part.facts.checksum, is_named);
    let result = summed!(CopyPartResult, checksum, {
        e_tag: Some(quoted(&part.etag())),
        last_modified: Some(time(part.facts.modified)),
    });
    front
        .store()
        .add_part(&input.bucket, &input.key, &input.upload_id, part)?;
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(result),
        copy_source_version_id: found.version.filter(|version| version != NULL),
        server_side_encryption: about.sse(),
        sse_customer_algorithm,
        sse_customer_key_md5,
        ssekms_key_id: about.encryption_key,
        bucket_key_enabled: about.bucket_key.filter(|on| *on),
        ..UploadPartCopyOutput::default()
    }))
}

/// Which bytes `x-amz-copy-source-range` means: unlike a range to read, both ends are said, and are there.
fn meant(range: &str, length: u64) -> Result<(u64, u64), ApiError> {
    let both = range.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let number = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok())
            .flatten()
    };
    let parsed: Option<(u64, u64)> = both.and_then(|(first, last)| Some((number(first)?, number(last)?)));
    match parsed.filter(|(first, last)| first <= last) {
        None => Err(ApiError::invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
             zero-based offsets of the first and last bytes to copy",
        )),
        Some((first, _)) if first >= length => Err(ApiError::invalid_request(
            "The specified copy range is invalid for the source object size",
        )),
        Some((_, last)) if last >= length => Err(ApiError::invalid_argument(format!(
            "Range specified is not valid for source object of size: {length}"
        ))),
        Some((first, last)) => Ok((first, last + 1)),
    }
}

/// A condition on a copy's destination, which s3s does not read.
fn etag_header(headers: &hyper::HeaderMap, name: &str) -> Result<Option<ETagCondition>, ApiError> {
    headers
        .get(name)
        .map(|value| ETagCondition::parse_http_header(value.as_bytes()))
        .transpose()
        .map_err(|_| ApiError::invalid_argument(format!("{name} is no entity tag")))
}

/// The bytes of a source as a body of its own, read with one key and encrypted with another.
pub(super) async fn copied(
    store: &Store,
    body: Body,
    (from, to): (Option<CustomerKey>, Option<CustomerKey>),
    algorithm: Algorithm,
) -> Result<Arrived, ApiError> {
    let (home, hasher) = (Arc::clone(&store.home), hasher(&[algorithm]));
    tokio::task::spawn_blocking(move || body.with_key(from).copied(&home, to.as_ref(), hasher))
        .await
        .map_err(|error| ApiError::new("InternalError", error.to_string()).status(500))?
        .map_err(|error| disk(&error))
}

/// A copy answers 412 where a read would answer 304.
pub(super) fn of_source(error: ApiError) -> ApiError {
    if error.status == 304 { precondition() } else { error }
}
