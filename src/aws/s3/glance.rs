//! One look at an object by one request: its first bytes, and what came with them.

use aws_sdk_s3::types::ServerSideEncryption;

use super::{length_of, said, terms, uri};
use crate::aws::fault::{Expected, Heard};
use crate::aws::{Aws, fault, patience};
use crate::domain::audit::{
    AtRest, FIRST_BYTES_OF_ARCHIVES as OF_ARCHIVES, FIRST_BYTES_OF_INSTRUCTIONS as OF_INSTRUCTIONS, Seen, Told,
    classify,
};
use crate::domain::format::FIRST_BYTES;
use crate::domain::{Fault, ObjectInfo};

/// What one look told.
pub(crate) struct Glance {
    pub(crate) info: ObjectInfo,
    /// Bytes stored, as the answer says.
    pub(crate) size: u64,
    pub(crate) at_rest: AtRest,
    /// The KMS key that S3 keeps it with.
    pub(crate) at_rest_key: Option<String>,
    pub(crate) first: Vec<u8>,
    /// As S3 spells it.
    pub(crate) etag: Option<String>,
}

impl Glance {
    /// What it is, under this key.
    pub(crate) fn told(&self, key: &str) -> Told {
        classify(&Seen {
            key,
            size: self.size,
            info: &self.info,
            at_rest: self.at_rest,
            at_rest_key: self.at_rest_key.as_deref(),
            first: &self.first,
        })
    }
}

/// What is looked at.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
    pub(crate) version: Option<&'a str>,
    /// Bytes stored, as the list said: of none at all no range can be asked for.
    pub(crate) size: u64,
}

/// Looks at an object, or at one version of it.
pub(crate) async fn glance(aws: &Aws, at: At<'_>) -> Result<Glance, Fault> {
    let (act, object) = ("read", uri(at.bucket, at.key));
    let most = wanted(at.key);
    // Its body is small: it is an answer, and due as one.
    patience::within(act, &object, async {
        let call = aws
            .s3_control()
            .get_object()
            .bucket(at.bucket)
            .key(at.key)
            .set_version_id(at.version.map(str::to_owned))
            .set_range((at.size > 0).then(|| format!("bytes=0-{}", most - 1)));
        let answer = call.send().await.heard(act, &object);
        let mut answer = answer.map_err(|fault| terms::owned(aws, at.bucket, fault))?;
        let size = match answer.content_range() {
            Some(range) => {
                let is_first = range.starts_with("bytes 0-");
                let whole = range.rsplit_once('/').filter(|_| is_first);
                let whole = whole.and_then(|(_, whole)| whole.parse().ok());
                whole.expected(act, &object, "length")?
            }
            // The range was ignored, or there was none.
            None => length_of(act, &object, answer.content_length())?,
        };
        let mut body = std::mem::take(&mut answer.body);
        let mut first = Vec::new();
        while first.len() < most
            && let Some(piece) = body
                .try_next()
                .await
                .map_err(|error| fault::of_stream(act, &object, &error))?
        {
            first.extend_from_slice(&piece);
        }
        first.truncate(most);
        if (first.len() as u64) < size.min(most as u64) {
            return Err(fault::not_an_answer(act, &object, "it is not as long as it says"));
        }
        let head = said(at.bucket, at.key, size, &answer);
        Ok(Glance {
            info: head.info(first.get(..FIRST_BYTES).unwrap_or(&first)),
            size,
            at_rest: at_rest(answer.server_side_encryption()),
            at_rest_key: answer.ssekms_key_id().map(str::to_owned),
            first,
            etag: answer.e_tag().map(str::to_owned),
        })
    })
    .await
}

/// How many first bytes tell what an object of this name is.
fn wanted(key: &str) -> usize {
    let ends = |end: &str| key.ends_with(end);
    if ends(".tar.gz") || ends(".tgz") {
        OF_ARCHIVES
    } else if ends(".instruction") {
        OF_INSTRUCTIONS
    } else {
        FIRST_BYTES
    }
}

fn at_rest(said: Option<&ServerSideEncryption>) -> AtRest {
    match said {
        None => AtRest::Unsaid,
        Some(ServerSideEncryption::AwsKms) => AtRest::Kms,
        Some(ServerSideEncryption::AwsKmsDsse) => AtRest::KmsDsse,
        Some(_) => AtRest::S3,
    }
}
