//! Objects: put, read, copied.

use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::super::body::{Arrived, Body, Intake, LARGEST_PUT, disk, receive, too_large};
use super::super::checksum::{Algorithm, Kind, hasher, requested, verify};
use super::super::convert::*;
use super::super::encryption;
use super::super::object::{About, Object as Stored};
use super::super::store::{Store, check_condition};
use super::super::versions::NULL;
use super::versions::{Asked, expiry};
use super::{Front, arn};
use crate::api::ApiError;

pub(super) async fn put(front: &Front, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
    let S3Request {
        input,
        headers,
        extensions,
        trailing_headers,
        ..
    } = req;
    let condition = write_condition(input.if_match.clone(), input.if_none_match.clone())?;
    let resource = arn(&input.bucket, &input.key);
    let tags = front.header_tags(&extensions, input.tagging.as_deref(), &resource)?;
    let mut about = about!(input);
    within_bounds(input.content_length)?;
    front
        .store()
        .with(&input.bucket, |bucket| check_condition(bucket, &input.key, &condition))?;
    encryption::seal(&front.world, Front::caller(&extensions)?, &resource, &mut about)?;
    let given = given_checksum!(input);
    let announced = headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
    let named = input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str);
    let mut algorithms = requested(&given, announced, named)?;
    if algorithms.is_empty() {
        algorithms.push(Algorithm::Crc64Nvme);
    }
    let arrived = take_in(front.store(), &algorithms, input.body, input.content_length).await?;
    check_md5(input.content_md5.as_deref(), &arrived.md5)?;
    verify(
        &given,
        announced,
        |name| trailer(trailing_headers.as_ref(), name),
        &arrived.checksum,
    )?;
    let mut object = Stored::new(arrived, about);
    object.facts.tags = tags;
    let facts = object.facts.clone();
    let version_id = front.store().put(&input.bucket, &input.key, object, &condition)?;
    let expires = front
        .store()
        .expires(&input.bucket, &input.key, version_id.as_deref())?;
    let checksum = facts.checksums.values;
    Ok(S3Response::new(PutObjectOutput {
        expiration: expires.and_then(|(at, rule)| expiry(at, &rule)),
        version_id,
        e_tag: Some(quoted(&facts.etag)),
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        server_side_encryption: Some(facts.about.sse()),
        ssekms_key_id: facts.about.encryption_key,
        ssekms_encryption_context: facts.about.encryption_context,
        bucket_key_enabled: facts.about.bucket_key.filter(|on| *on),
        ..PutObjectOutput::default()
    }))
}

/// What a read of an object found, once its conditions hold.
struct Found {
    object: std::sync::Arc<Stored>,
    version: Option<String>,
    expiration: Option<String>,
    start: u64,
    end: u64,
    is_partial: bool,
}

/// Finds what GetObject and HeadObject are asked for; their inputs share these members.
macro_rules! find {
    ($front:expr, $req:expr) => {{
        let input = $req.input;
        let asked = Asked {
            bucket: &input.bucket,
            key: &input.key,
            version: input.version_id.as_deref(),
        };
        let super::versions::Found {
            object,
            version,
            expiration,
        } = $front.read(&$req.extensions, &asked)?;
        let conditions = ReadConditions {
            matches: input.if_match,
            none_matches: input.if_none_match,
            modified_since: input.if_modified_since,
            unmodified_since: input.if_unmodified_since,
        };
        check_read(&conditions, &object)?;
        let (start, end, is_partial) = extent(&object, input.range, input.part_number)?;
        let show = input.checksum_mode.is_some();
        let checksum = part_checksum(&object, input.part_number, start..end, is_partial).filter(|_| show);
        let found = Found {
            object,
            version,
            expiration,
            start,
            end,
            is_partial,
        };
        (found, checksum, input.part_number)
    }};
}

/// Says of an object what GetObject and HeadObject both say; their outputs share these members.
macro_rules! describe {
    ($output:ident, $found:expr, $checksum:expr, $part:expr, { $($more:tt)* }) => {{
        let object = &$found.object;
        let checksum_type = $checksum.is_some().then(|| ChecksumType::from_static(object.checksums.kind.name()));
        let checksum = $checksum.unwrap_or_default();
        let about = object.about.clone();
        $output {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: about.cache_control,
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type,
            content_disposition: about.content_disposition,
            content_encoding: about.content_encoding,
            content_language: about.content_language,
            content_length: Some(($found.end - $found.start) as i64),
            content_range: $found.content_range(),
            content_type: about.content_type,
            e_tag: Some(quoted(&object.etag)),
            expiration: $found.expiration.clone(),
            expires: about.expires,
            last_modified: Some(time(object.modified)),
            metadata: Some(about.metadata.into_iter().collect()),
            parts_count: $part.and((!object.parts.is_empty()).then_some(object.parts.len() as i32)),
            server_side_encryption: Some(object.about.sse()),
            ssekms_key_id: about.encryption_key,
            bucket_key_enabled: about.bucket_key.filter(|on| *on),
            storage_class: about.storage_class.map(StorageClass::from),
            version_id: $found.version.clone(),
            website_redirect_location: about.website_redirect,
            $($more)*
            ..$output::default()
        }
    }};
}

/// The checksum of what is asked for: of a part where S3 keeps one for each, of the whole object where it is all of it.
fn part_checksum(
    object: &Stored,
    part: Option<i32>,
    extent: std::ops::Range<u64>,
    is_partial: bool,
) -> Option<Checksum> {
    let piece = part.and_then(|number| object.parts.get(usize::try_from(number.saturating_sub(1)).ok()?));
    match piece {
        Some(piece) if object.checksums.kind == Kind::Composite => Some(piece.checksum.clone()),
        _ if !is_partial || (part.is_some() && extent == (0..object.body.length())) => {
            Some(object.checksums.values.clone())
        }
        _ => None,
    }
}

impl Found {
    fn content_range(&self) -> Option<String> {
        let length = self.object.body.length();
        self.is_partial
            .then(|| format!("bytes {}-{}/{length}", self.start, self.end - 1))
    }

    fn body(&self) -> Result<StreamingBlob, ApiError> {
        let body = if self.is_partial {
            self.object.body.slice(self.start, self.end)
        } else {
            self.object.body.clone()
        };
        body.check().map_err(|error| disk(&error))?;
        Ok(StreamingBlob::new(body.stream()))
    }
}

pub(super) fn get(front: &Front, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
    let resource = arn(&req.input.bucket, &req.input.key);
    let caller = Front::caller(&req.extensions)?.clone();
    let (found, checksum, part) = find!(front, req);
    not_archived(&found.object.about)?;
    encryption::open(&front.world, &caller, &found.object.about, &resource)?;
    let tags = found.object.tags.len() as i32;
    let body = found.body()?;
    Ok(S3Response::new(describe!(GetObjectOutput, found, checksum, part, {
        body: Some(body),
        tag_count: (tags > 0).then_some(tags),
    })))
}

pub(super) fn head(front: &Front, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
    let resource = arn(&req.input.bucket, &req.input.key);
    let caller = Front::caller(&req.extensions)?.clone();
    let (found, checksum, part) = find!(front, req);
    encryption::open(&front.world, &caller, &found.object.about, &resource)?;
    let tags = found.object.tags.len() as i32;
    let mut response = S3Response::new(describe!(HeadObjectOutput, found, checksum, part, {}));
    if tags > 0 {
        response.headers.insert("x-amz-tagging-count", tags.into());
    }
    if found.is_partial {
        response.status = Some(hyper::StatusCode::PARTIAL_CONTENT);
    }
    Ok(response)
}

pub(super) async fn copy(front: &Front, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
    let S3Request {
        input,
        extensions,
        headers,
        ..
    } = req;
    let condition = write_condition(
        etag_header(&headers, "if-match")?,
        etag_header(&headers, "if-none-match")?,
    )?;
    let found = front.source(&extensions, &input.copy_source)?;
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
        return Err(ApiError::new(
            "InvalidRequest",
            "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120",
        )
        .into());
    }
    let replaces = |directive: Option<&str>| directive == Some(MetadataDirective::REPLACE);
    let replace = replaces(input.metadata_directive.as_ref().map(MetadataDirective::as_str));
    // An older version copied over the current one is how it is restored.
    let onto_itself = matches!(&input.copy_source, CopySource::Bucket { bucket, key, version_id: None }
        if **bucket == *input.bucket && **key == *input.key);
    if onto_itself && !replace && input.server_side_encryption.is_none() && input.storage_class.is_none() {
        return Err(ApiError::new(
            "InvalidRequest",
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
    if let Some(redirect) = &input.website_redirect_location {
        facts.about.website_redirect = Some(redirect.clone());
    }
    let resource = arn(&input.bucket, &input.key);
    if replaces(input.tagging_directive.as_ref().map(TaggingDirective::as_str)) {
        facts.tags = front.header_tags(&extensions, input.tagging.as_deref(), &resource)?;
    } else if !facts.tags.is_empty() {
        front.may_copy_tags(&extensions, &input.copy_source, &resource)?;
    }
    encryption::seal(&front.world, Front::caller(&extensions)?, &resource, &mut facts.about)?;
    // A copy is one object again: its ETag is the bytes' MD5 whatever the source's parts were.
    if !object.parts.is_empty() {
        let arrived = rehash(front.store(), object.body.clone(), &[Algorithm::Crc64Nvme]).await?;
        let fresh = Stored::new(arrived, About::default());
        object.facts.etag = fresh.facts.etag;
        object.facts.checksums = fresh.facts.checksums;
        object.facts.parts.clear();
        object.facts.upload = None;
    }
    let facts = object.facts.clone();
    let version_id = front.store().put(&input.bucket, &input.key, object, &condition)?;
    let names_versions = front.store().names_versions(&input.bucket)?;
    let checksum = facts.checksums.values;
    Ok(S3Response::new(CopyObjectOutput {
        copy_source_version_id: found.version.filter(|version| version != NULL),
        version_id: names_versions.then(|| version_id.unwrap_or_else(|| NULL.to_owned())),
        copy_object_result: Some(CopyObjectResult {
            e_tag: Some(quoted(&facts.etag)),
            last_modified: Some(time(facts.modified)),
            checksum_type: Some(ChecksumType::from_static(facts.checksums.kind.name())),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
        }),
        server_side_encryption: Some(facts.about.sse()),
        ssekms_key_id: facts.about.encryption_key,
        ssekms_encryption_context: facts.about.encryption_context,
        bucket_key_enabled: facts.about.bucket_key.filter(|on| *on),
        ..CopyObjectOutput::default()
    }))
}

/// A condition on a copy's destination, which s3s does not read.
fn etag_header(headers: &hyper::HeaderMap, name: &str) -> Result<Option<ETagCondition>, ApiError> {
    headers
        .get(name)
        .map(|value| ETagCondition::parse_http_header(value.as_bytes()))
        .transpose()
        .map_err(|_| ApiError::new("InvalidArgument", format!("{name} is no entity tag")))
}

/// Archived bytes are restored first, which the sandbox does not do.
pub(super) fn not_archived(about: &About) -> Result<(), ApiError> {
    if about.is_archived() {
        let message = "The operation is not valid for the object's storage class";
        return Err(ApiError::new("InvalidObjectState", message).status(403));
    }
    Ok(())
}

pub(super) async fn take_in(
    store: &Store,
    algorithms: &[Algorithm],
    body: Option<StreamingBlob>,
    announced: Option<i64>,
) -> Result<Arrived, ApiError> {
    let arrived = match body {
        Some(body) => receive(&store.home, hasher(algorithms), body).await?,
        None => Intake::new(&store.home, hasher(algorithms))
            .and_then(Intake::finish)
            .map_err(|error| disk(&error))?,
    };
    if announced.is_some_and(|announced| announced != arrived.body.length() as i64) {
        return Err(ApiError::new(
            "IncompleteBody",
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        ));
    }
    Ok(arrived)
}

/// Hashes bytes that are there already; the result shares them.
pub(super) async fn rehash(store: &Store, body: Body, algorithms: &[Algorithm]) -> Result<Arrived, ApiError> {
    let (home, hasher) = (std::sync::Arc::clone(&store.home), hasher(algorithms));
    tokio::task::spawn_blocking(move || body.hashed(&home, hasher))
        .await
        .map_err(|error| ApiError::new("InternalError", error.to_string()).status(500))?
        .map_err(|error| disk(&error))
}

/// A copy answers 412 where a read would answer 304.
pub(super) fn of_source(error: ApiError) -> ApiError {
    if error.status == 304 { precondition() } else { error }
}

pub(super) fn within_bounds(length: Option<i64>) -> Result<(), ApiError> {
    if length.is_some_and(|length| length > LARGEST_PUT as i64) {
        return Err(too_large());
    }
    Ok(())
}

fn check_read(conditions: &ReadConditions, object: &Stored) -> S3Result<()> {
    conditions.check(object).map_err(|error| {
        let unchanged = error.status == 304;
        let mut error = S3Error::from(error);
        if unchanged {
            error.set_code(S3ErrorCode::NotModified);
            let mut headers = hyper::HeaderMap::new();
            if let Ok(etag) = quoted(&object.etag).to_http_header() {
                headers.insert(hyper::header::ETAG, etag);
            }
            error.set_headers(headers);
        }
        error
    })
}
