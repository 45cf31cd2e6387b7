//! What S3 lists: buckets, objects, unfinished uploads.
//!
//! Names are asked for percent-encoded: XML has no way to write most control characters, and one such key would make the
//! whole of its prefix unreadable.

use std::borrow::Cow;

use aws_sdk_s3::types::EncodingType;
use percent_encoding::percent_decode_str;

use super::uri;
use crate::aws::fault::Heard;
use crate::aws::{Aws, List, Paged, fault, timestamp};
use crate::domain::{BucketRow, Fault, ObjectRow};

/// What is done with objects here.
const LIST: &str = "list";

pub(crate) fn list_buckets(aws: &Aws) -> List<'_, BucketRow> {
    let call = move |token| {
        let call = aws.s3_control().list_buckets().max_buckets(1000);
        call.set_continuation_token(token).send()
    };
    List::of("list", "buckets", call, |answer| {
        let rows = answer.buckets().iter().map(|bucket| {
            Some(BucketRow {
                name: bucket.name()?.to_owned(),
                created: bucket.creation_date().and_then(timestamp),
            })
        });
        Paged::new(rows.collect(), answer.continuation_token())
    })
}

/// One level under `prefix`, which is empty or ends in `/`: common prefixes, then objects.
pub(crate) fn list_level<'a>(aws: &'a Aws, bucket: &'a str, prefix: &'a str) -> List<'a, ObjectRow> {
    List::new(LIST, uri(bucket, prefix), move |token| async move {
        let mut page = page(aws, bucket, prefix, Some("/"), token).await?;
        // The marker object some consoles create for a folder is that folder.
        page.rows.retain(|row| row.key() != prefix);
        Ok(page)
    })
}

/// Every object whose key begins with `prefix`, at whatever depth.
pub(crate) fn list_under<'a>(aws: &'a Aws, bucket: &'a str, prefix: &'a str) -> List<'a, ObjectRow> {
    List::new(LIST, uri(bucket, prefix), move |token| {
        page(aws, bucket, prefix, None, token)
    })
}

async fn page(
    aws: &Aws,
    bucket: &str,
    prefix: &str,
    delimiter: Option<&str>,
    token: Option<String>,
) -> Result<Paged<ObjectRow>, Fault> {
    let object = uri(bucket, prefix);
    let call = aws
        .s3_control()
        .list_objects_v2()
        .bucket(bucket)
        .prefix(prefix)
        .encoding_type(EncodingType::Url)
        .set_delimiter(delimiter.map(str::to_owned))
        .set_continuation_token(token);
    let answer = call.send().await.heard(LIST, &object);
    let answer = answer.map_err(|fault| super::terms::owned(aws, bucket, fault))?;
    let names = Names(answer.encoding_type());
    let prefixes = answer.common_prefixes().iter().map(|common| {
        let prefix = names.read(common.prefix()?)?;
        Some(ObjectRow::Prefix { prefix })
    });
    let objects = answer.contents().iter().map(|object| {
        Some(ObjectRow::Object {
            key: names.read(object.key()?)?,
            size: object.size().and_then(|size| u64::try_from(size).ok())?,
            modified: object.last_modified().and_then(timestamp),
            etag: Some(object.e_tag()?.trim_matches('"').to_owned()),
            info: None,
        })
    });
    let rows: Option<Vec<_>> = prefixes.chain(objects).collect();
    if let Some(stray) = rows.iter().flatten().find(|row| !row.key().starts_with(prefix)) {
        let why = format!("{} is not what was asked for", stray.key());
        return Err(fault::not_an_answer(LIST, &object, &why));
    }
    let next = answer
        .next_continuation_token()
        .filter(|_| answer.is_truncated() == Some(true));
    Paged::new(rows, next).map_err(|what| fault::incomplete(LIST, &object, what))
}

/// Uploads that are neither complete nor aborted: key and id.
pub(crate) fn unfinished_uploads<'a>(aws: &'a Aws, bucket: &'a str) -> List<'a, (String, String)> {
    let call = move |way: Option<String>| {
        let (key, id) = two_markers(way);
        aws.s3_control()
            .list_multipart_uploads()
            .bucket(bucket)
            .encoding_type(EncodingType::Url)
            .set_key_marker(key)
            .set_upload_id_marker(id)
            .send()
    };
    List::of("list the unfinished uploads of bucket", bucket, call, |answer| {
        let names = Names(answer.encoding_type());
        let rows = answer
            .uploads()
            .iter()
            .map(|upload| Some((names.read(upload.key()?)?, upload.upload_id()?.to_owned())));
        let next = match answer.is_truncated() {
            Some(true) => Some(names.way(answer.next_key_marker(), answer.next_upload_id_marker())?),
            _ => None,
        };
        Paged::new(rows.collect(), next.as_deref())
    })
}

/// The key and the id that the next page begins after. No id holds a NUL, whatever keys do.
pub(super) fn two_markers(way: Option<String>) -> (Option<String>, Option<String>) {
    let (key, id) = way.as_deref().and_then(|way| way.rsplit_once('\0')).unzip();
    let id = id.filter(|id| !id.is_empty());
    (key.map(str::to_owned), id.map(str::to_owned))
}

/// How names are spelled in one answer.
pub(super) struct Names<'a>(pub(super) Option<&'a EncodingType>);

impl Names<'_> {
    /// `None` if it is not UTF-8, as every key is. A server that does not know how to encode does not say that it did.
    pub(super) fn read(&self, name: &str) -> Option<String> {
        if self.0 != Some(&EncodingType::Url) {
            return Some(name.to_owned());
        }
        // As forms do it: a space may be a plus.
        let spaced = name.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
    }

    /// The way to the next page, for [`two_markers`].
    pub(super) fn way(&self, key: Option<&str>, id: Option<&str>) -> Result<String, &'static str> {
        let key = key.and_then(|key| self.read(key)).ok_or("NextKeyMarker")?;
        Ok(format!("{key}\0{}", id.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_were_spelled() {
        let encoded = Names(Some(&EncodingType::Url));
        let table = [
            ("a/b.csv", Some("a/b.csv")),
            ("a+b%2Bc%20d", Some("a b+c d")),
            ("back%08space", Some("back\u{8}space")),
            ("caf%C3%A9", Some("café")),
            ("100%25", Some("100%")),
            ("%FF", None),
        ];
        for (spelled, name) in table {
            assert_eq!(encoded.read(spelled).as_deref(), name, "{spelled}");
        }
        assert_eq!(Names(None).read("a+b%20c").as_deref(), Some("a+b%20c"));
    }
}
