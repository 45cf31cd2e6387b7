//! An object copied onto itself: its bytes stay where they are, in S3, and what is said of them is another.

use std::collections::BTreeMap;

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::types::{MetadataDirective, TaggingDirective};
use futures::{StreamExt, TryStreamExt, stream};

use super::multipart::read_checksum;
use super::{Multipart, Part, Replaces, abort, begin, complete, find, unquoted};
use crate::aws::again::again;
use crate::aws::fault::{Expected, Heard};
use crate::aws::patience;
use crate::aws::s3::{Original, carried, copy_source, may_replace, uri};
use crate::aws::{Aws, fault};
use crate::domain::{Fault, FaultKind};

const COPY: &str = "copy onto itself";
/// What one `CopyObject` takes.
pub(crate) const LARGEST_COPY: u64 = 5 << 30;
/// More parts are in no upload.
const MOST_PARTS: u64 = 10_000;
const PART: u64 = 512 << 20;
/// Parts in flight: S3 copies them, nothing comes through here.
const AT_ONCE: usize = 8;
/// Copies an object onto itself with other metadata and everything else as it was, if it is still the one that was read; its
/// ETag without quotes. What is longer than `largest` goes in parts.
///
/// # Errors
/// A conflict if it is another by now.
pub(crate) async fn copy_in_place(
    aws: &Aws,
    (bucket, key): (&str, &str),
    original: &Original,
    metadata: &BTreeMap<String, String>,
    largest: u64,
) -> Result<String, Fault> {
    may_replace(aws, bucket, key)?;
    let copied = if original.length <= largest {
        whole(aws, (bucket, key), original, metadata).await
    } else {
        in_parts(aws, (bucket, key), original, metadata, largest).await
    };
    match copied {
        // Of an answer that was lost the next try finds what it did.
        Err(fault) if fault.kind == FaultKind::Conflict => match find(aws, bucket, key).await {
            Ok(Some(there)) if there.metadata == *metadata && there.length == original.length => {
                unquoted(&uri(bucket, key), there.etag)
            }
            _ => Err(Fault {
                cause: format!("it is another than it was when it was read ({})", fault.cause),
                remedy: "run the same again: it is looked at anew".to_owned(),
                ..fault
            }),
        },
        copied => copied,
    }
}

async fn whole(
    aws: &Aws,
    (bucket, key): (&str, &str),
    original: &Original,
    metadata: &BTreeMap<String, String>,
) -> Result<String, Fault> {
    let object = uri(bucket, key);
    let directive = match original.carried.tags {
        Some(_) => TaggingDirective::Replace,
        None => TaggingDirective::Copy,
    };
    let call = || {
        let call = aws
            .s3()
            .copy_object()
            .bucket(bucket)
            .key(key)
            .copy_source(copy_source(bucket, key))
            .copy_source_if_match(&original.etag)
            .if_match(&original.etag)
            .metadata_directive(MetadataDirective::Replace)
            .tagging_directive(directive.clone())
            .set_metadata(Some(metadata.clone().into_iter().collect()));
        let call = carried!(call, &original.carried)
            .customize()
            .config_override(Builder::new().timeout_config(patience::of_copy(original.length)));
        let object = &object;
        async move {
            let answer = call.send().await.heard(COPY, object)?;
            unquoted(object, answer.copy_object_result.and_then(|result| result.e_tag))
        }
    };
    again(call).await
}

async fn in_parts(
    aws: &Aws,
    (bucket, key): (&str, &str),
    original: &Original,
    metadata: &BTreeMap<String, String>,
    largest: u64,
) -> Result<String, Fault> {
    let upload = Multipart {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        id: begin(aws, bucket, key, metadata, Some(&original.carried)).await?,
    };
    let size = PART.min(largest).max(original.length.div_ceil(MOST_PARTS));
    let parts = (0..original.length.div_ceil(size)).map(|nth| {
        let (start, end) = (nth * size, ((nth + 1) * size).min(original.length));
        let upload = &upload;
        async move {
            let number = i32::try_from(nth + 1).map_err(|_| fault::incomplete(COPY, &uri(bucket, key), "number"))?;
            part(aws, upload, number, (start, end), &original.etag).await
        }
    });
    let done: Result<Vec<Part>, Fault> = stream::iter(parts).buffered(AT_ONCE).try_collect().await;
    let done = match done {
        Ok(parts) => complete(aws, &upload, &parts, &Replaces::This(original.etag.clone())).await,
        Err(fault) => Err(fault),
    };
    if done.is_err() {
        // Parts cost as much as objects do. Where even that fails the first fault says more.
        let _ = abort(aws, &upload).await;
    }
    done
}

async fn part(aws: &Aws, upload: &Multipart, number: i32, (start, end): (u64, u64), etag: &str) -> Result<Part, Fault> {
    let object = uri(&upload.bucket, &upload.key);
    let call = || {
        let call = aws
            .s3()
            .upload_part_copy()
            .bucket(&upload.bucket)
            .key(&upload.key)
            .upload_id(&upload.id)
            .part_number(number)
            .copy_source(copy_source(&upload.bucket, &upload.key))
            .copy_source_if_match(etag)
            .copy_source_range(format!("bytes={start}-{}", end.saturating_sub(1)))
            .customize()
            .config_override(Builder::new().timeout_config(patience::of_copy(end - start)));
        let object = &object;
        async move {
            let answer = call.send().await.heard(COPY, object)?;
            let result = answer.copy_part_result.expected(COPY, object, "result")?;
            let crc = result.checksum_crc64_nvme().and_then(read_checksum);
            Ok(Part {
                number,
                crc: crc.expected(COPY, object, "checksum of a part")?,
                etag: result.e_tag.expected(COPY, object, "ETag of a part")?,
            })
        }
    };
    again(call).await
}
