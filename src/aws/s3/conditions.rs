//! Whether an S3 that is not AWS's heeds conditions: `If-None-Match: *` and `If-Match`. One that does not know them takes every
//! write, and what must never be replaced would be, without a word.
//!
//! It is found out on strongroom's own records, once a bucket for as long as the connection lives: a record that was just written is
//! sent again, the same bytes, under conditions that do not hold. Who heeds them refuses; who does not has replaced the record by
//! itself. What could be found out neither way is not remembered, and holds nothing up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::types::MetadataDirective;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use tokio::sync::OnceCell;

use super::{copy_source, uri};
use crate::aws::Aws;
use crate::aws::fault::Heard;
use crate::domain::Fault;

/// No object has it.
const NOBODYS: &str = "\"00000000000000000000000000000000\"";

/// What is known of the endpoint, by bucket.
#[derive(Default)]
pub(in crate::aws) struct Conditions(Mutex<HashMap<String, Arc<Heeds>>>);

/// Whether a condition of this sort is heeded.
#[derive(Default)]
struct Heeds {
    /// `If-None-Match: *`.
    nothing: OnceCell<bool>,
    /// `If-Match`.
    this: OnceCell<bool>,
    /// `x-amz-copy-source-if-match`.
    source: OnceCell<bool>,
}

impl Conditions {
    fn of(&self, bucket: &str) -> Arc<Heeds> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(bucket.to_owned()).or_default())
    }
}

/// Writes a record of strongroom's that must not exist yet; `make` is the call without a condition.
///
/// # Errors
/// Also when the endpoint would have replaced one.
pub(super) async fn write_record(
    aws: &Aws,
    bucket: &str,
    key: &str,
    make: impl Fn() -> PutObjectFluentBuilder,
) -> Result<(), Fault> {
    let object = uri(bucket, key);
    // On the heap: each of these calls is large, and every act on a bucket has this one within it.
    let again = || Box::pin(make().if_none_match("*").send());
    again().await.heard("write", &object)?;
    let Some(url) = aws.foreign_s3() else {
        return Ok(());
    };
    let heeds = aws.conditions().of(bucket);
    let nothing = heeds
        .nothing
        .get_or_try_init(|| async { is_heeded(again().await).ok_or(()) });
    let this = heeds
        .this
        .get_or_try_init(|| async { is_heeded(Box::pin(make().if_match(NOBODYS).send()).await).ok_or(()) });
    match futures::join!(nothing, this).0 {
        Ok(false) => Err(ignored("write", object, url, "If-None-Match")),
        Ok(true) | Err(()) => Ok(()),
    }
}

/// That an object takes the place of another only if that is still the one that was read.
///
/// # Errors
/// When the endpoint is known not to heed it.
pub(in crate::aws) fn may_replace(aws: &Aws, bucket: &str, key: &str) -> Result<(), Fault> {
    let Some(url) = aws.foreign_s3() else {
        return Ok(());
    };
    let heeds = aws.conditions().of(bucket);
    let is_ignored = |cell: &OnceCell<bool>| cell.get() == Some(&false);
    if is_ignored(&heeds.this) {
        return Err(ignored("replace", uri(bucket, key), url, "If-Match"));
    }
    if is_ignored(&heeds.source) {
        let header = "x-amz-copy-source-if-match";
        return Err(ignored("replace", uri(bucket, key), url, header));
    }
    Ok(())
}

/// Finds out whether copies heed what they are to be copied from, on a record of this metadata, which stays as it is.
pub(crate) async fn try_copies(aws: &Aws, bucket: &str, key: &str) -> Result<(), Fault> {
    if aws.foreign_s3().is_none() {
        return Ok(());
    }
    let heeds = aws.conditions().of(bucket);
    let found = heeds.source.get_or_try_init(|| async {
        let head = Box::pin(super::head(aws, bucket, key)).await.map_err(drop)?;
        let call = aws.s3_control().copy_object().bucket(bucket).key(key);
        let call = call
            .copy_source(copy_source(bucket, key))
            .copy_source_if_match(NOBODYS)
            .metadata_directive(MetadataDirective::Replace)
            .set_content_type(head.content_type.clone())
            .set_metadata(head.metadata.clone());
        is_heeded(Box::pin(call.send()).await).ok_or(())
    });
    // What could not be found out is as before.
    let _ = found.await;
    may_replace(aws, bucket, key)
}

/// Whether a call was refused whose condition does not hold; `None` if it failed otherwise.
fn is_heeded<T, E>(answer: Result<T, SdkError<E, HttpResponse>>) -> Option<bool> {
    match answer {
        Ok(_) => Some(false),
        // Who has no such thing and says so replaces nothing either.
        Err(SdkError::ServiceError(refused)) => {
            matches!(refused.raw().status().as_u16(), 400 | 404 | 409 | 412 | 501).then_some(true)
        }
        Err(_) => None,
    }
}

fn ignored(act: &str, object: String, url: &str, header: &str) -> Fault {
    let cause = format!(
        "the S3 at {url} takes writes whose {header} does not hold: it would replace what is there without a word"
    );
    let remedy = "use an S3 that heeds conditional writes; nothing but strongroom's own record was written";
    Fault::invalid(act, object, cause, remedy)
}
