//! Multipart uploads, as clients see them.

use hyper::http::Extensions;
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::super::checksum::{Algorithm, Kind, requested, verify};
use super::super::convert::*;
use super::super::encryption;
use super::super::multipart::{Claim, Completion, MOST_PARTS, Part as StoredPart, Upload, fresh_id};
use super::super::object::About;
use super::super::versions::NULL;
use super::objects::{of_source, rehash, take_in, within_bounds};
use super::{Front, arn};
use crate::api::ApiError;

pub(super) fn create(
    front: &Front,
    req: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let S3Request { input, extensions, .. } = req;
    let resource = arn(&input.bucket, &input.key);
    let named = input.checksum_algorithm.as_ref();
    if named.is_none() && input.checksum_type.is_some() {
        return Err(ApiError::new(
            "InvalidRequest",
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
        )
        .into());
    }
    let algorithm = named.map_or(Ok(Algorithm::Crc64Nvme), |name| Algorithm::parse(name.as_str()))?;
    let kind = Kind::parse(input.checksum_type.as_ref().map(ChecksumType::as_str), algorithm)?;
    let tags = front.header_tags(&extensions, input.tagging.as_deref(), &resource)?;
    let mut about = about!(input);
    encryption::seal(&front.world, Front::caller(&extensions)?, &resource, &mut about)?;
    let sealed = about.clone();
    let id = fresh_id(front.store().home.now());
    let upload = Upload {
        key: input.key.clone(),
        id: id.clone(),
        begun: front.store().home.now(),
        about,
        tags,
        algorithm,
        kind,
        named: named.is_some(),
        overtaken: false,
    };
    front.store().begin(&input.bucket, upload)?;
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        checksum_algorithm: named
            .is_some()
            .then(|| ChecksumAlgorithm::from_static(algorithm.name())),
        checksum_type: named.is_some().then(|| ChecksumType::from_static(kind.name())),
        server_side_encryption: Some(sealed.sse()),
        ssekms_key_id: sealed.encryption_key,
        ssekms_encryption_context: sealed.encryption_context,
        bucket_key_enabled: sealed.bucket_key.filter(|on| *on),
        ..CreateMultipartUploadOutput::default()
    }))
}

pub(super) async fn part(front: &Front, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
    let S3Request {
        input,
        headers,
        extensions,
        trailing_headers,
        ..
    } = req;
    part_number(input.part_number)?;
    within_bounds(input.content_length)?;
    let (algorithm, is_named, about) = upload(front, &extensions, &input.bucket, &input.key, &input.upload_id)?;
    let given = given_checksum!(input);
    let announced = headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
    let mut algorithms = requested(&given, announced, None)?;
    if let Some(other) = algorithms.iter().find(|given| is_named && **given != algorithm) {
        return Err(ApiError::new(
            "InvalidRequest",
            format!(
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                algorithm.lower(),
                other.lower()
            ),
        )
        .into());
    }
    // What the client sent is what it hears back; what it will be asked for is kept beside it.
    let told = algorithms.first().copied().unwrap_or(algorithm);
    if !algorithms.contains(&algorithm) {
        algorithms.push(algorithm);
    }
    let arrived = take_in(front.store(), &algorithms, input.body, input.content_length).await?;
    check_md5(input.content_md5.as_deref(), &arrived.md5)?;
    verify(
        &given,
        announced,
        |name| trailer(trailing_headers.as_ref(), name),
        &arrived.checksum,
    )?;
    let part = StoredPart::new(input.part_number, arrived);
    let (etag, checksum) = (part.etag(), told.only(&part.facts.checksum));
    front
        .store()
        .add_part(&input.bucket, &input.key, &input.upload_id, part)?;
    Ok(S3Response::new(UploadPartOutput {
        e_tag: Some(quoted(&etag)),
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        server_side_encryption: Some(about.sse()),
        ssekms_key_id: about.encryption_key,
        bucket_key_enabled: about.bucket_key.filter(|on| *on),
        ..UploadPartOutput::default()
    }))
}

pub(super) async fn copy_part(
    front: &Front,
    req: S3Request<UploadPartCopyInput>,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let S3Request { input, extensions, .. } = req;
    part_number(input.part_number)?;
    let (algorithm, is_named, about) = upload(front, &extensions, &input.bucket, &input.key, &input.upload_id)?;
    let found = front.source(&extensions, &input.copy_source)?;
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
        Some(range) => copied(range, length)?,
        None => (0, length),
    };
    let arrived = rehash(front.store(), source.body.slice(start, end), &[algorithm]).await?;
    let part = StoredPart::new(input.part_number, arrived);
    let checksum = shown(&part.facts.checksum, is_named);
    let result = CopyPartResult {
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        e_tag: Some(quoted(&part.etag())),
        last_modified: Some(time(part.facts.modified)),
    };
    front
        .store()
        .add_part(&input.bucket, &input.key, &input.upload_id, part)?;
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(result),
        copy_source_version_id: found.version.filter(|version| version != NULL),
        server_side_encryption: Some(about.sse()),
        ssekms_key_id: about.encryption_key,
        bucket_key_enabled: about.bucket_key.filter(|on| *on),
        ..UploadPartCopyOutput::default()
    }))
}

mod listing;

pub(super) use self::listing::{list, parts};

/// Which bytes `x-amz-copy-source-range` means: unlike a range to read, both ends are said, and are there.
fn copied(range: &str, length: u64) -> Result<(u64, u64), ApiError> {
    let both = range.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let number = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok())
            .flatten()
    };
    let parsed: Option<(u64, u64)> = both.and_then(|(first, last)| Some((number(first)?, number(last)?)));
    match parsed.filter(|(first, last)| first <= last) {
        None => Err(ApiError::new(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
             zero-based offsets of the first and last bytes to copy",
        )),
        Some((first, _)) if first >= length => Err(ApiError::new(
            "InvalidRequest",
            "The specified copy range is invalid for the source object size",
        )),
        Some((_, last)) if last >= length => Err(ApiError::new(
            "InvalidArgument",
            format!("Range specified is not valid for source object of size: {length}"),
        )),
        Some((first, last)) => Ok((first, last + 1)),
    }
}

pub(super) fn complete(
    front: &Front,
    req: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let S3Request { input, extensions, .. } = req;
    let condition = write_condition(input.if_match.clone(), input.if_none_match.clone())?;
    let claims: Vec<Claim> = input
        .multipart_upload
        .as_ref()
        .and_then(|upload| upload.parts.as_ref())
        .into_iter()
        .flatten()
        .map(|part| Claim {
            number: part.part_number.unwrap_or_default(),
            etag: part
                .e_tag
                .as_ref()
                .map(|etag| etag.value().to_owned())
                .unwrap_or_default(),
            checksum: given_checksum!(part),
        })
        .collect();
    let completion = Completion {
        claims,
        condition,
        checksum: given_checksum!(input),
        kind: input.checksum_type.as_ref().map(|kind| kind.as_str().to_owned()),
        length: input
            .mpu_object_size
            .map(|length| u64::try_from(length).unwrap_or_default()),
    };
    match upload(front, &extensions, &input.bucket, &input.key, &input.upload_id) {
        // Completed already, perhaps: the store knows.
        Err(error) if error.code == "NoSuchUpload" => {}
        other => drop(other?),
    }
    let object = front
        .store()
        .complete(&input.bucket, &input.key, &input.upload_id, &completion)?;
    let checksum = object.checksums.values.clone();
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(quoted(&object.etag)),
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        checksum_type: Some(ChecksumType::from_static(object.checksums.kind.name())),
        server_side_encryption: Some(object.about.sse()),
        ssekms_key_id: object.about.encryption_key.clone(),
        bucket_key_enabled: object.about.bucket_key.filter(|on| *on),
        version_id: object.facts.version.clone(),
        ..CompleteMultipartUploadOutput::default()
    }))
}

pub(super) fn abort(
    front: &Front,
    req: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let input = req.input;
    front.store().abort(&input.bucket, &input.key, &input.upload_id)?;
    Ok(S3Response::with_status(
        AbortMultipartUploadOutput::default(),
        hyper::StatusCode::NO_CONTENT,
    ))
}

/// The algorithm of an upload's checksums, whether its client named it, and what the object will be, if its data key opens
/// to the caller.
fn upload(
    front: &Front,
    extensions: &Extensions,
    bucket: &str,
    key: &str,
    id: &str,
) -> Result<(Algorithm, bool, About), ApiError> {
    let (algorithm, is_named, about) = front.store().with(bucket, |bucket| {
        let upload = bucket.upload(key, id)?;
        Ok((upload.algorithm, upload.named, upload.about.clone()))
    })?;
    encryption::open(&front.world, Front::caller(extensions)?, &about, &arn(bucket, key))?;
    Ok((algorithm, is_named, about))
}

fn part_number(number: i32) -> Result<(), ApiError> {
    if (1..=MOST_PARTS).contains(&number) {
        return Ok(());
    }
    Err(ApiError::new(
        "InvalidArgument",
        "Part number must be an integer between 1 and 10000, inclusive",
    ))
}
