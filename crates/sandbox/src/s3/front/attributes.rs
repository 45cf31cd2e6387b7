//! What is known of an object, without its bytes.

use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::super::checksum::{Algorithm, Kind};
use super::super::convert::{limit, quoted, time};
use super::super::customer::CustomerKey;
use super::super::object::Object as Stored;
use super::{Answer, Front, arn, by_version, taken};
use crate::api::ApiError;

const ALL: [&str; 5] = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];

pub(super) fn get(front: &Front, req: S3Request<GetObjectAttributesInput>) -> Answer<GetObjectAttributesOutput> {
    let (input, headers, extensions) = taken(req);
    let customer = CustomerKey::given(&headers)?;
    let resource = arn(&input.bucket, &input.key);
    // `access` has asked for the attributes; the object itself is needed too.
    let read = by_version(input.version_id.is_some(), "s3:GetObjectVersion", "s3:GetObject");
    front.allow(&extensions, read, &resource)?;
    let named: Vec<&str> = input
        .object_attributes
        .iter()
        .flat_map(|names| names.as_str().split(','))
        .map(str::trim)
        .collect();
    if named.iter().any(|name| !ALL.contains(name)) {
        return Err(ApiError::invalid_argument("Invalid attribute name specified.").into());
    }
    let wants = |name| named.contains(&name);
    let asked = (&*input.bucket, &*input.key, input.version_id.as_deref());
    let found = front.read(&extensions, asked, customer.as_ref())?;
    let object = &found.object;
    front.unwrap(&extensions, &object.about, &resource)?;
    let marker = input.part_number_marker.unwrap_or(0);
    Ok(S3Response::new(GetObjectAttributesOutput {
        checksum: wants("Checksum").then(|| checksum(object)),
        delete_marker: None,
        e_tag: wants("ETag").then(|| quoted(&object.etag)),
        last_modified: Some(time(object.modified)),
        object_parts: (wants("ObjectParts") && !object.parts.is_empty())
            .then(|| Ok::<_, ApiError>(parts(object, marker, limit(input.max_parts)?)))
            .transpose()?,
        object_size: wants("ObjectSize").then(|| object.body.length() as i64),
        request_charged: None,
        storage_class: wants("StorageClass").then(|| {
            let class = object.about.storage_class.clone();
            class.map_or_else(|| StorageClass::from_static(StorageClass::STANDARD), StorageClass::from)
        }),
        version_id: found.version,
    }))
}

/// Here a composite checksum does not say of how many parts it is.
fn checksum(object: &Stored) -> Checksum {
    let kind = object.checksums.kind;
    let plain = |value: Option<String>| match kind {
        Kind::Composite => value.map(|value| value.split('-').next().unwrap_or_default().to_owned()),
        Kind::FullObject => value,
    };
    let values = object.checksums.values.clone();
    Checksum {
        checksum_crc32: plain(values.checksum_crc32),
        checksum_crc32c: plain(values.checksum_crc32c),
        checksum_crc64nvme: plain(values.checksum_crc64nvme),
        checksum_sha1: plain(values.checksum_sha1),
        checksum_sha256: plain(values.checksum_sha256),
        checksum_type: Some(ChecksumType::from_static(kind.name())),
    }
}

/// S3 keeps the parts' checksums, and with them the list, where the object's is made of them.
fn parts(object: &Stored, marker: i32, limit: i32) -> GetObjectAttributesParts {
    let total = Some(object.parts.len() as i32);
    let is_listed = object.checksums.kind == Kind::Composite;
    if !is_listed || Algorithm::of(&object.checksums.values).next().is_none() {
        return GetObjectAttributesParts {
            total_parts_count: total,
            ..GetObjectAttributesParts::default()
        };
    }
    let mut left = (1..)
        .zip(&object.parts)
        .skip(usize::try_from(marker).unwrap_or_default())
        .map(|(number, part)| ObjectPart {
            checksum_crc32: part.checksum.checksum_crc32.clone(),
            checksum_crc32c: part.checksum.checksum_crc32c.clone(),
            checksum_crc64nvme: part.checksum.checksum_crc64nvme.clone(),
            checksum_sha1: part.checksum.checksum_sha1.clone(),
            checksum_sha256: part.checksum.checksum_sha256.clone(),
            part_number: Some(number),
            size: Some(part.length as i64),
        });
    let page: Vec<ObjectPart> = left.by_ref().take(limit as usize).collect();
    GetObjectAttributesParts {
        is_truncated: Some(left.next().is_some()),
        max_parts: Some(limit),
        next_part_number_marker: Some(page.last().and_then(|part| part.part_number).unwrap_or(0)),
        part_number_marker: Some(marker),
        parts: Some(page),
        total_parts_count: total,
    }
}
