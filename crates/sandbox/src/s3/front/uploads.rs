//! Multipart uploads, as clients see them.

use std::ops::Bound;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::super::checksum::{Algorithm, Kind, requested, verify};
use super::super::convert::*;
use super::super::encryption;
use super::super::multipart::{Claim, MOST_PARTS, Part as StoredPart, Upload};
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
    let algorithm = named.map_or(Ok(Algorithm::Crc64Nvme), |name| Algorithm::parse(name.as_str()))?;
    let kind = Kind::parse(input.checksum_type.as_ref().map(ChecksumType::as_str), algorithm)?;
    let tags = front.header_tags(&extensions, input.tagging.as_deref(), &resource)?;
    let mut about = about!(input);
    encryption::seal(&front.world, Front::caller(&extensions)?, &resource, &mut about)?;
    let encryption_key = about.encryption_key.clone();
    let id = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    let upload = Upload {
        key: input.key.clone(),
        id: id.clone(),
        begun: front.store().home.now(),
        about,
        tags,
        algorithm,
        kind,
        named: named.is_some(),
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
        server_side_encryption: input.server_side_encryption,
        ssekms_key_id: encryption_key,
        ..CreateMultipartUploadOutput::default()
    }))
}

pub(super) async fn part(front: &Front, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
    let S3Request {
        input,
        headers,
        trailing_headers,
        ..
    } = req;
    part_number(input.part_number)?;
    within_bounds(input.content_length)?;
    let algorithm = algorithm(front, &input.bucket, &input.key, &input.upload_id)?;
    let given = given_checksum!(input);
    let announced = headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
    let mut algorithms = requested(&given, announced, None)?;
    if !algorithms.contains(&algorithm) {
        algorithms.push(algorithm);
    }
    let arrived = take_in(front.store(), &algorithms, input.body, input.content_length).await?;
    check_md5(input.content_md5.as_deref(), &arrived.md5)?;
    verify(
        &given,
        |name| trailer(trailing_headers.as_ref(), name),
        &arrived.checksum,
    )?;
    let part = StoredPart::new(input.part_number, arrived);
    let (etag, checksum) = (part.etag(), part.facts.checksum.clone());
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
        ..UploadPartOutput::default()
    }))
}

pub(super) async fn copy_part(
    front: &Front,
    req: S3Request<UploadPartCopyInput>,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let S3Request { input, extensions, .. } = req;
    part_number(input.part_number)?;
    let algorithm = algorithm(front, &input.bucket, &input.key, &input.upload_id)?;
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
    let range = input
        .copy_source_range
        .as_deref()
        .map(Range::parse)
        .transpose()
        .map_err(|_| {
            ApiError::new(
                "InvalidArgument",
                "The x-amz-copy-source-range value must be of the form bytes=first-last",
            )
        })?;
    let (start, end, _) = extent(source, range, None)?;
    let arrived = rehash(front.store(), source.body.slice(start, end), &[algorithm]).await?;
    let part = StoredPart::new(input.part_number, arrived);
    let result = CopyPartResult {
        e_tag: Some(quoted(&part.etag())),
        last_modified: Some(time(part.facts.modified)),
        ..CopyPartResult::default()
    };
    front
        .store()
        .add_part(&input.bucket, &input.key, &input.upload_id, part)?;
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(result),
        copy_source_version_id: found.version.filter(|version| version != NULL),
        ..UploadPartCopyOutput::default()
    }))
}

pub(super) fn complete(
    front: &Front,
    req: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let input = req.input;
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
    let object = front
        .store()
        .complete(&input.bucket, &input.key, &input.upload_id, &claims, &condition)?;
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
        server_side_encryption: object.about.encryption.clone().map(ServerSideEncryption::from),
        ssekms_key_id: object.about.encryption_key.clone(),
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

pub(super) fn list(
    front: &Front,
    req: S3Request<ListMultipartUploadsInput>,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    let input = req.input;
    let names = Names::new(input.encoding_type.as_ref());
    let limit = limit(input.max_uploads)?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let after = match (input.key_marker.clone(), input.upload_id_marker.clone()) {
        (None, _) => Bound::Unbounded,
        (Some(key), Some(id)) if !id.is_empty() => Bound::Excluded(Upload::row(&key, &id)),
        (Some(key), _) => Bound::Excluded(Upload::row(&key, "\u{10ffff}")),
    };
    let owner = front.owner(&input.bucket);
    let (uploads, prefixes, next) = front.store().with(&input.bucket, |bucket| {
        let (mut uploads, mut prefixes) = (Vec::<MultipartUpload>::new(), Vec::<String>::new());
        let (mut next, mut last) = (None, None);
        for upload in bucket
            .uploads
            .range((after, Bound::Unbounded))
            .map(|(_, upload)| upload)
        {
            let (key, id) = (&upload.key, &upload.id);
            let Some(rest) = key.strip_prefix(&prefix) else {
                continue;
            };
            let common = delimiter
                .as_ref()
                .and_then(|delimiter| rest.find(delimiter.as_str()).map(|at| at + delimiter.len()))
                .map(|at| key[..prefix.len() + at].to_owned());
            if common.is_some() && common.as_ref() == prefixes.last() {
                last = Some((key.clone(), id.clone()));
                continue;
            }
            if uploads.len() + prefixes.len() == limit as usize {
                next = last;
                break;
            }
            last = Some((key.clone(), id.clone()));
            match common {
                Some(common) => prefixes.push(common),
                None => uploads.push(MultipartUpload {
                    checksum_algorithm: upload
                        .named
                        .then(|| ChecksumAlgorithm::from_static(upload.algorithm.name())),
                    checksum_type: upload.named.then(|| ChecksumType::from_static(upload.kind.name())),
                    initiated: Some(time(upload.begun)),
                    initiator: owner.clone().map(initiator),
                    key: Some(names.show(key)),
                    owner: owner.clone(),
                    storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
                    upload_id: Some(id.clone()),
                }),
            }
        }
        Ok((uploads, prefixes, next))
    })?;
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        common_prefixes: names.prefixes(&prefixes),
        delimiter: names.maybe(delimiter.as_deref()),
        encoding_type: input.encoding_type,
        is_truncated: Some(next.is_some()),
        key_marker: Some(names.show(input.key_marker.as_deref().unwrap_or_default())),
        max_uploads: Some(limit),
        next_key_marker: next.as_ref().map(|(key, _)| names.show(key)),
        next_upload_id_marker: next.map(|(_, id)| id),
        prefix: Some(names.show(&prefix)),
        request_charged: None,
        upload_id_marker: input.upload_id_marker,
        uploads: Some(uploads),
    }))
}

pub(super) fn parts(front: &Front, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
    let input = req.input;
    let limit = limit(input.max_parts)?;
    let after = input.part_number_marker.unwrap_or(0);
    let output = front.store().with(&input.bucket, |bucket| {
        let upload = bucket.upload(&input.key, &input.upload_id)?;
        let mut left = bucket.parts_of(&input.upload_id, after);
        let parts: Vec<Part> = left.by_ref().take(limit as usize).map(listed).collect();
        Ok(ListPartsOutput {
            checksum_algorithm: upload
                .named
                .then(|| ChecksumAlgorithm::from_static(upload.algorithm.name())),
            checksum_type: upload.named.then(|| ChecksumType::from_static(upload.kind.name())),
            is_truncated: Some(left.next().is_some()),
            next_part_number_marker: parts.last().and_then(|part| part.part_number),
            parts: Some(parts),
            storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
            ..ListPartsOutput::default()
        })
    })?;
    let owner = front.owner(&input.bucket);
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(input.bucket),
        initiator: owner.clone().map(initiator),
        key: Some(input.key),
        max_parts: Some(limit),
        owner,
        part_number_marker: Some(after),
        upload_id: Some(input.upload_id),
        ..output
    }))
}

fn listed(part: &StoredPart) -> Part {
    let checksum = part.facts.checksum.clone();
    Part {
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        e_tag: Some(quoted(&part.etag())),
        last_modified: Some(time(part.facts.modified)),
        part_number: Some(part.number),
        size: Some(part.body.length() as i64),
    }
}

fn algorithm(front: &Front, bucket: &str, key: &str, id: &str) -> Result<Algorithm, ApiError> {
    front
        .store()
        .with(bucket, |bucket| Ok(bucket.upload(key, id)?.algorithm))
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

/// The sandbox does not keep who began an upload: the owner it is.
fn initiator(owner: Owner) -> Initiator {
    Initiator {
        display_name: owner.display_name,
        id: owner.id,
    }
}
