//! Uploads and their parts in pages.

use std::ops::Bound;

use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::{Answer, Front};
use crate::api::ApiError;
use crate::s3::convert::*;
use crate::s3::customer::{self, CustomerKey};
use crate::s3::multipart::{Part as StoredPart, Upload};
use crate::s3::versions::rows_end;

pub(crate) fn list(front: &Front, req: S3Request<ListMultipartUploadsInput>) -> Answer<ListMultipartUploadsOutput> {
    let input = req.input;
    let names = Names::new(input.encoding_type.as_ref())?;
    let limit = limit(input.max_uploads)?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let full = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let marker = full(&input.key_marker).map(|key| (key, full(&input.upload_id_marker)));
    // A marker that ends with the delimiter is a common prefix of the page before.
    let passed = marker.as_ref().filter(|(key, id)| {
        id.is_none()
            && delimiter
                .as_ref()
                .is_some_and(|delimiter| key.ends_with(delimiter.as_str()))
    });
    let passed = passed.map(|(key, _)| key.clone());
    let after = match &marker {
        None => Bound::Unbounded,
        Some((key, Some(id))) => Bound::Excluded(Upload::row(key, id)),
        Some((key, None)) => Bound::Excluded(rows_end(key)),
    };
    let owner = front.owner(&input.bucket);
    let (uploads, prefixes, last, is_truncated) = front.store().with(&input.bucket, |bucket| {
        if let Some((key, Some(id))) = &marker
            && bucket
                .uploads
                .values()
                .any(|upload| upload.id == *id && upload.key != *key)
        {
            return Err(ApiError::invalid_argument("Invalid uploadId marker"));
        }
        let (mut uploads, mut prefixes) = (Vec::<MultipartUpload>::new(), Vec::<String>::new());
        let (mut is_truncated, mut last) = (false, None);
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
            if common.is_some() && (common.as_ref() == prefixes.last() || common == passed) {
                continue;
            }
            if uploads.len() + prefixes.len() == limit as usize {
                is_truncated = true;
                break;
            }
            last = Some(match &common {
                Some(common) => (common.clone(), String::new()),
                None => (key.clone(), id.clone()),
            });
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
        Ok((uploads, prefixes, last, is_truncated))
    })?;
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        common_prefixes: names.prefixes(&prefixes),
        delimiter: names.maybe(delimiter.as_deref()),
        encoding_type: input.encoding_type,
        is_truncated: Some(is_truncated),
        key_marker: Some(names.show(input.key_marker.as_deref().unwrap_or_default())),
        max_uploads: Some(limit),
        next_key_marker: Some(last.as_ref().map_or_else(String::new, |(key, _)| names.show(key))),
        next_upload_id_marker: Some(last.map_or_else(String::new, |(_, id)| id)),
        prefix: Some(names.show(&prefix)),
        request_charged: None,
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        uploads: Some(uploads),
    }))
}

pub(crate) fn parts(front: &Front, req: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
    let customer = CustomerKey::given(&req.headers)?;
    let input = req.input;
    let limit = limit(input.max_parts)?;
    let after = input.part_number_marker.unwrap_or(0);
    let output = front.store().with(&input.bucket, |bucket| {
        let upload = bucket.upload(&input.key, &input.upload_id)?;
        customer::check_upload(&upload.about, upload.named, customer.as_ref())?;
        let mut left = bucket.parts_of(&input.upload_id, after);
        let parts: Vec<Part> = left
            .by_ref()
            .take(limit as usize)
            .map(|part| listed(part, upload))
            .collect();
        Ok(ListPartsOutput {
            checksum_algorithm: upload
                .named
                .then(|| ChecksumAlgorithm::from_static(upload.algorithm.name())),
            checksum_type: upload.named.then(|| ChecksumType::from_static(upload.kind.name())),
            is_truncated: Some(left.next().is_some()),
            next_part_number_marker: Some(parts.last().and_then(|part| part.part_number).unwrap_or(0)),
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

fn listed(part: &StoredPart, upload: &Upload) -> Part {
    let checksum = shown(&upload.algorithm.only(&part.facts.checksum), upload.named);
    summed!(Part, checksum, {
        e_tag: Some(quoted(&part.etag())),
        last_modified: Some(time(part.facts.modified)),
        part_number: Some(part.number),
        size: Some(part.body.length() as i64),
    })
}

/// The sandbox does not keep who began an upload: the owner it is.
fn initiator(owner: Owner) -> Initiator {
    Initiator {
        display_name: owner.display_name,
        id: owner.id,
    }
}
