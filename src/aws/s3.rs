//! S3 as far as answers are small: buckets, listings, heads, tiny objects. Bodies that stream are `transfer`'s.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

pub(in crate::aws) use self::carried::carried;
pub(crate) use self::carried::{Carried, Keeps, Original, keeps, original};
pub(crate) use self::conditions::try_copies;
pub(in crate::aws) use self::conditions::{Conditions, may_replace};
pub(in crate::aws) use self::demanded::{Demanded, demanded};
pub(in crate::aws) use self::openings::Openings;
pub(in crate::aws) use self::regions::{ByBucket, Listens, Redirects, Regions};
pub(in crate::aws) use self::slowed::Slowed;
pub(in crate::aws) use self::terms::{Terms, owned};
use super::fault::{Expected, Heard};
use super::{Aws, fault, patience, timestamp};
use crate::domain::{Fault, ObjectFormat, ObjectInfo, ObjectRow};

mod bucket;
mod carried;
mod conditions;
mod demanded;
mod glance;
mod info;
mod listing;
mod openings;
mod presigned;
mod regions;
mod removal;
mod slowed;
mod terms;
mod versions;

pub(crate) use bucket::*;
pub(crate) use glance::{At, Glance, glance};
pub(crate) use listing::{list_buckets, list_level, list_under, unfinished_uploads};
pub(crate) use openings::{Stamp, opening_of_listed};
pub(crate) use presigned::presigned;
pub(crate) use removal::{delete_this, delete_version, versioning, words_of_version};
pub(crate) use versions::{Version, delete_versions, has_versions_under, kept_versions, list_versions};

/// Enough to recognise every format, and the 25 bytes that begin a token.
const FIRST_BYTES: u64 = crate::domain::format::FIRST_BYTES as u64;
/// As a range of bytes: the first and the last.
const OPENING: &str = "bytes=0-511";
const _: () = assert!(FIRST_BYTES == 512);
/// No instruction file of the S3 encryption client is longer.
const LONGEST_INSTRUCTIONS: u64 = 16 << 10;
const DELETE_AT_ONCE: usize = 1000;
/// Metadata that every key object of ours carries.
pub(crate) const KEY_OBJECT_MARK: &str = "strongroom-key-object";
/// Metadata of one whose name a person gave: that name, percent-encoded, so that a copy under another is told from it.
const KEY_OBJECT_NAME: &str = "strongroom-key-object-name";
/// Metadata of one whose data key is another one's, wrapped anew: nothing was ever put under it first.
pub(crate) const REWRAPPED_MARK: &str = "strongroom-rewrapped";
/// A longer one would leave no room for the rest of the metadata.
const LONGEST_NAME: usize = 1500;

/// What an object is: its head, and its first bytes where the head does not say.
pub(crate) async fn object_info(aws: &Aws, bucket: &str, key: &str) -> Result<ObjectInfo, Fault> {
    look_at(aws, bucket, key).await.map(|(info, _)| info)
}

/// The same, as it is listed.
pub(crate) async fn object_row(aws: &Aws, bucket: &str, key: &str) -> Result<ObjectRow, Fault> {
    let (info, head) = look_at(aws, bucket, key).await?;
    let (act, object) = ("look at", uri(bucket, key));
    let lacks = |what| fault::incomplete(act, &object, what);
    let modified = head.last_modified().and_then(timestamp);
    let etag = head.e_tag().ok_or_else(|| lacks("ETag"))?;
    Ok(ObjectRow::Object {
        key: key.to_owned(),
        size: length_of(act, &object, head.content_length())?,
        modified: Some(modified.ok_or_else(|| lacks("time"))?),
        etag: Some(etag.trim_matches('"').to_owned()),
        info: Some(Box::new(info)),
    })
}

async fn look_at(aws: &Aws, bucket: &str, key: &str) -> Result<(ObjectInfo, HeadObjectOutput), Fault> {
    let answer = head(aws, bucket, key).await?;
    let head = info::Head {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        size: length_of("look at", &uri(bucket, key), answer.content_length())?,
        metadata: sorted(answer.metadata()),
        content_type: answer.content_type().map(str::to_owned),
        sse: info::Sse::of(answer.server_side_encryption()),
        sse_key: answer.ssekms_key_id().map(str::to_owned),
    };
    let first = if head.needs_first_bytes() {
        first_bytes(aws, bucket, key).await?
    } else {
        Vec::new()
    };
    Ok((told(aws, head, &first).await?, answer))
}

/// What an object says it is, and its first bytes, by one request.
pub(crate) async fn opening(aws: &Aws, bucket: &str, key: &str) -> Result<(ObjectInfo, Vec<u8>), Fault> {
    let (act, object) = ("read", uri(bucket, key));
    let (answer, first) = match get(aws, bucket, key, Some(OPENING), FIRST_BYTES).await {
        // An empty object has no first byte.
        Err(fault) if fault.code.as_deref() == Some("InvalidRange") => {
            return Ok((object_info(aws, bucket, key).await?, Vec::new()));
        }
        answer => answer?,
    };
    let whole = answer.content_range().and_then(|range| range.rsplit_once('/'));
    let size = match whole {
        Some((_, size)) => size.parse().ok().expected(act, &object, "length")?,
        // The range was ignored.
        None => length_of(act, &object, answer.content_length())?,
    };
    Ok((told(aws, said(bucket, key, size, &answer), &first).await?, first))
}

/// What the answer to a read says of an object of this size.
pub(in crate::aws) fn said(bucket: &str, key: &str, size: u64, answer: &GetObjectOutput) -> info::Head {
    info::Head {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        size,
        metadata: sorted(answer.metadata()),
        content_type: answer.content_type().map(str::to_owned),
        sse: info::Sse::of(answer.server_side_encryption()),
        sse_key: answer.ssekms_key_id().map(str::to_owned),
    }
}

fn sorted(metadata: Option<&HashMap<String, String>>) -> Vec<(String, String)> {
    let pairs = metadata.into_iter().flatten();
    let mut pairs: Vec<_> = pairs.map(|(name, value)| (name.clone(), value.clone())).collect();
    pairs.sort();
    pairs
}

/// What an object is that says this and begins so.
pub(in crate::aws) async fn told(aws: &Aws, head: info::Head, first: &[u8]) -> Result<ObjectInfo, Fault> {
    if head.needs_first_bytes() && (first.len() as u64) < head.size.min(FIRST_BYTES) {
        let object = uri(&head.bucket, &head.key);
        return Err(fault::not_an_answer("read", &object, "it is not as long as it says"));
    }
    let has_instructions = head.may_have_instructions(first) && has_instructions(aws, &head.bucket, &head.key).await?;
    let mut info = head.info(first);
    if has_instructions {
        info.format = ObjectFormat::S3EncryptionClient;
    }
    Ok(info)
}

/// Whether an instruction file of the S3 encryption client lies beside the object. One that may not be read, or is none, is
/// no news.
pub(crate) async fn has_instructions(aws: &Aws, bucket: &str, key: &str) -> Result<bool, Fault> {
    let beside = format!("{key}.instruction");
    match read_small(aws, bucket, &beside, LONGEST_INSTRUCTIONS).await {
        Ok(text) => Ok(info::is_instructions(&text)),
        Err(fault) if fault.is_unheard() => Err(fault),
        Err(_) => Ok(false),
    }
}

/// What S3 says of an object without its body. A refusal of that has none either: where it refuses without a word the first
/// byte is asked for, for S3's own reason. If that is given, the credentials had ended, and there are others by now.
pub(in crate::aws) async fn head(aws: &Aws, bucket: &str, key: &str) -> Result<HeadObjectOutput, Fault> {
    let answer = headed(aws, bucket, key).await;
    answer.map_err(|fault| terms::owned(aws, bucket, fault))
}

async fn headed(aws: &Aws, bucket: &str, key: &str) -> Result<HeadObjectOutput, Fault> {
    let (act, object) = ("look at", uri(bucket, key));
    let version = aws.version_of(bucket, key);
    let ask = || {
        let call = aws.s3_control().head_object().bucket(bucket).key(key);
        call.set_version_id(version.clone()).send()
    };
    let error = match ask().await {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    let refused = fault::of(act, &object, &error);
    if !fault::is_wordless(&error) {
        return Err(refused);
    }
    let may_have_ended = error.raw_response().is_some_and(|raw| raw.status().as_u16() == 400);
    let call = aws.s3_control().get_object().bucket(bucket).key(key).range("bytes=0-0");
    let call = call.set_version_id(version.clone());
    match call.send().await.heard(act, &object) {
        // An empty object has no first byte, and may be read.
        Err(told) if told.code.as_deref().is_some_and(|code| code != "InvalidRange") => Err(told),
        Err(told) if told.code.is_none() => Err(refused),
        _ if may_have_ended => ask().await.heard(act, &object),
        _ => Err(refused),
    }
}

/// The first bytes of an object that is not empty.
pub(crate) async fn first_bytes(aws: &Aws, bucket: &str, key: &str) -> Result<Vec<u8>, Fault> {
    Ok(get(aws, bucket, key, Some(OPENING), FIRST_BYTES).await?.1)
}

/// A whole object that must not be longer than `limit`.
pub(crate) async fn read_small(aws: &Aws, bucket: &str, key: &str, limit: u64) -> Result<Vec<u8>, Fault> {
    Ok(get(aws, bucket, key, None, limit).await?.1)
}

/// The answer, and of its body no more than `limit`.
async fn get(
    aws: &Aws,
    bucket: &str,
    key: &str,
    range: Option<&str>,
    limit: u64,
) -> Result<(GetObjectOutput, Vec<u8>), Fault> {
    let (act, object) = ("read", uri(bucket, key));
    // Its body is small: it is an answer, and due as one.
    patience::within(act, &object, async {
        let call = aws.s3_control().get_object().bucket(bucket).key(key);
        let call = call.set_version_id(aws.version_of(bucket, key));
        let call = call.set_range(range.map(str::to_owned));
        let answer = call.send().await.heard(act, &object);
        let mut answer = answer.map_err(|fault| terms::owned(aws, bucket, fault))?;
        let length = length_of(act, &object, answer.content_length())?;
        // A server may ignore the range and send everything: no more is taken than was asked for.
        let is_part = range.is_some();
        if let Some(answered) = answer.content_range()
            && !(is_part && answered.starts_with("bytes 0-"))
        {
            return Err(fault::not_an_answer(
                act,
                &object,
                "it is another part than was asked for",
            ));
        }
        if length > limit && !is_part {
            let cause = format!("it is longer than {limit} bytes");
            let remedy = "check that it is the right object";
            return Err(Fault::invalid(act, &object, cause, remedy));
        }
        let mut body = std::mem::take(&mut answer.body);
        let mut bytes = Vec::new();
        while let Some(chunk) = body
            .try_next()
            .await
            .map_err(|error| fault::of_stream(act, &object, &error))?
        {
            bytes.extend_from_slice(&chunk);
            if is_part && bytes.len() as u64 >= limit {
                bytes.truncate(limit as usize);
                return Ok((answer, bytes));
            }
        }
        if bytes.len() as u64 == length {
            Ok((answer, bytes))
        } else {
            Err(fault::not_an_answer(act, &object, "it is not as long as it says"))
        }
    })
    .await
}

/// How long S3 says that an object is.
pub(in crate::aws) fn length_of(act: &str, object: &str, said: Option<i64>) -> Result<u64, Fault> {
    said.and_then(|length| u64::try_from(length).ok())
        .expected(act, object, "length")
}

/// Writes an object that must not exist yet.
pub(crate) async fn write_new(
    aws: &Aws,
    bucket: &str,
    key: &str,
    bytes: Vec<u8>,
    content_type: &str,
) -> Result<(), Fault> {
    let bytes = Bytes::from(bytes);
    let make = || {
        let call = aws.s3_control().put_object().bucket(bucket).key(key);
        let call = call
            .content_type(content_type)
            .body(ByteStream::from(SdkBody::from(bytes.clone())));
        demanded!(call, aws.demanded(bucket))
    };
    conditions::write_record(aws, bucket, key, make).await
}

/// Whether strongroom made the key object of this metadata and key under a name of its own making: nobody else was told to use
/// it.
pub(crate) fn is_kept_by_us(metadata: &BTreeMap<String, String>, key: &str) -> bool {
    let named = metadata.get(KEY_OBJECT_NAME).map(|name| percent_decode_str(name));
    let is_named_so = named.is_some_and(|name| name.eq(key.bytes()));
    metadata.contains_key(KEY_OBJECT_MARK) && !is_named_so
}

/// Writes an encrypted data key, which must not exist yet, with what tells it from everything else.
pub(crate) async fn write_key_object(
    aws: &Aws,
    bucket: &str,
    key: &str,
    ciphertext: Vec<u8>,
    kms_key_arn: &str,
) -> Result<(), Fault> {
    write_key_object_with(aws, bucket, key, ciphertext, kms_key_arn, &[]).await
}

/// The same, with more metadata.
pub(crate) async fn write_key_object_with(
    aws: &Aws,
    bucket: &str,
    key: &str,
    ciphertext: Vec<u8>,
    kms_key_arn: &str,
    more: &[(&str, String)],
) -> Result<(), Fault> {
    let ciphertext = Bytes::from(ciphertext);
    let name = utf8_percent_encode(key, NON_ALPHANUMERIC).to_string();
    let make = || {
        let mut call = aws
            .s3_control()
            .put_object()
            .bucket(bucket)
            .key(key)
            .content_type("application/octet-stream")
            .metadata(KEY_OBJECT_MARK, "1")
            .metadata("strongroom-kms-key-id", kms_key_arn)
            .body(ByteStream::from(SdkBody::from(ciphertext.clone())));
        if !info::is_own_place(key) && name.len() <= LONGEST_NAME {
            call = call.metadata(KEY_OBJECT_NAME, &name);
        }
        for (name, value) in more {
            call = call.metadata(*name, value);
        }
        demanded!(call, aws.demanded(bucket))
    };
    conditions::write_record(aws, bucket, key, make).await
}

/// Deletes objects, a thousand a call; answers how many are gone. One that stays is a fault that names it. Where versions
/// are kept a marker hides what was there.
pub(crate) async fn delete_objects(aws: &Aws, bucket: &str, keys: &[String]) -> Result<u64, Fault> {
    delete_versions(
        aws,
        bucket,
        &keys.iter().cloned().map(Version::current).collect::<Vec<_>>(),
    )
    .await
}

/// What stands in a copy source as it is.
const IN_SOURCE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What a copy is made of, as its header spells it.
pub(in crate::aws) fn copy_source(bucket: &str, key: &str) -> String {
    format!("{bucket}/{}", utf8_percent_encode(key, IN_SOURCE))
}

/// Whether XML can carry it; a key with anything else in it cannot be named in a list.
fn is_xml(c: char) -> bool {
    !matches!(c, '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// `s3://BUCKET/KEY`.
pub(crate) fn uri(bucket: &str, key: &str) -> String {
    format!("s3://{bucket}/{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_source_is_written_as_a_path_whatever_its_key_holds() {
        assert_eq!(copy_source("b", "a b/ü+%?#.csv"), "b/a%20b/%C3%BC%2B%25%3F%23.csv");
    }
}
