//! Listings of objects, in both versions.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::super::convert::{Names, limit, parse_token, quoted, time, token};
use super::super::list::{After, Query};
use super::super::object::Object as Stored;
use super::{Answer, Front};

pub(super) fn v1(front: &Front, req: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
    let input = req.input;
    let names = Names::new(input.encoding_type.as_ref())?;
    let limit = limit(input.max_keys)?;
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let after = behind(input.marker.as_deref(), delimiter.as_deref());
    let query = Query {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: delimiter.clone(),
        after,
        limit: limit as usize,
    };
    let page = front.store().list(&input.bucket, &query)?;
    let next = shown(page.next.as_ref(), &names);
    let owner = front.owner(&input.bucket);
    Ok(S3Response::new(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(names.show(&query.prefix)),
        marker: Some(names.show(input.marker.as_deref().unwrap_or_default())),
        max_keys: Some(limit),
        is_truncated: Some(page.next.is_some()),
        common_prefixes: names.prefixes(&page.prefixes),
        contents: Some(contents(&page.contents, &names, owner.as_ref())),
        next_marker: next.filter(|_| delimiter.is_some()),
        delimiter: names.maybe(delimiter.as_deref()),
        encoding_type: input.encoding_type,
        request_charged: None,
    }))
}

pub(super) fn v2(front: &Front, req: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
    let input = req.input;
    let names = Names::new(input.encoding_type.as_ref())?;
    let limit = limit(input.max_keys)?;
    let after = match (input.continuation_token.as_deref(), input.start_after.as_deref()) {
        (Some(token), _) => parse_token(token)?,
        (None, Some(key)) if !key.is_empty() => After::Key(key.to_owned()),
        (None, _) => After::Nothing,
    };
    let query = Query {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().filter(|delimiter| !delimiter.is_empty()),
        after,
        limit: limit as usize,
    };
    let page = front.store().list(&input.bucket, &query)?;
    let owner = front.owner(&input.bucket).filter(|_| input.fetch_owner == Some(true));
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(names.show(&query.prefix)),
        max_keys: Some(limit),
        key_count: Some((page.contents.len() + page.prefixes.len()) as i32),
        continuation_token: input.continuation_token,
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.as_ref().and_then(token),
        common_prefixes: names.prefixes(&page.prefixes),
        contents: Some(contents(&page.contents, &names, owner.as_ref())),
        delimiter: names.maybe(query.delimiter.as_deref()),
        encoding_type: input.encoding_type,
        start_after: names.maybe(input.start_after.as_deref()),
        request_charged: None,
    }))
}

/// A marker that ends with the delimiter is a common prefix of the page before.
pub(super) fn behind(marker: Option<&str>, delimiter: Option<&str>) -> After {
    match (marker, delimiter) {
        (None | Some(""), _) => After::Nothing,
        (Some(marker), Some(delimiter)) if marker.ends_with(delimiter) => After::Prefix(marker.to_owned()),
        (Some(marker), _) => After::Key(marker.to_owned()),
    }
}

fn shown(next: Option<&After>, names: &Names) -> Option<String> {
    match next? {
        After::Nothing => None,
        After::Key(name) | After::Prefix(name) => Some(names.show(name)),
    }
}

fn contents(objects: &[(String, Arc<Stored>)], names: &Names, owner: Option<&Owner>) -> Vec<Object> {
    objects
        .iter()
        .map(|(key, object)| Object {
            checksum_algorithm: Some(object.checksums.algorithms()),
            checksum_type: Some(ChecksumType::from_static(object.checksums.kind.name())),
            e_tag: Some(quoted(&object.etag)),
            key: Some(names.show(key)),
            last_modified: Some(time(object.modified)),
            owner: owner.cloned(),
            restore_status: None,
            size: Some(object.body.length() as i64),
            storage_class: Some(object.about.storage_class.clone().map_or_else(
                || ObjectStorageClass::from_static(ObjectStorageClass::STANDARD),
                ObjectStorageClass::from,
            )),
        })
        .collect()
}
