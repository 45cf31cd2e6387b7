//! Encrypted data keys, for those who hand them on without unwrapping them: that of an object, which is where its metadata says
//! or the boto3 way has it, and where those of uploads are put.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::faults::io_fault;
use crate::aws::again::again;
use crate::aws::{Aws, kms, s3};
use crate::domain::format::{DATA_KEY_SUFFIX, data_key_of_hex, data_key_of_text, is_data_key_in_hex, without_line_end};
use crate::domain::{Fault, FaultKind, Location, ObjectInfo, ObjectUri, WayOut};

/// C is never longer.
pub(super) const MAX_DATA_KEY: u64 = 6144;
/// Where key objects go by default.
pub(super) const DATA_KEYS: &str = ".strongroom/data-keys/";
/// The key object of the boto3 way.
pub(super) const BOTO3_KEY_OBJECT: &str = "dont_look";

/// C of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EncryptedDataKey {
    /// C.
    pub(super) ciphertext: Vec<u8>,
    /// The KMS key, as the object says.
    pub(super) kms_key_arn: Option<String>,
    /// The encryption context.
    pub(super) context: BTreeMap<String, String>,
}

impl EncryptedDataKey {
    /// From the metadata of a strongroom token, or from where the boto3 way puts C.
    pub(super) async fn of(aws: &Aws, bucket: &str, object: &str, info: &ObjectInfo) -> Result<Self, Fault> {
        let from_metadata = metadata(info, "data-key").and_then(|text| BASE64_STANDARD.decode(text).ok());
        let ciphertext = match (from_metadata, key_object(info, bucket)) {
            (Some(ciphertext), _) => ciphertext,
            (None, Some(key)) => of_object(aws, bucket, key).await?,
            (None, None) => of_object(aws, bucket, BOTO3_KEY_OBJECT)
                .await
                .map_err(|fault| missing(fault, &s3::uri(bucket, object)))?,
        };
        Ok(Self {
            ciphertext,
            kms_key_arn: info.kms_key_arn.clone(),
            context: info.context.iter().cloned().collect(),
        })
    }
}

/// C where a person says that it is, in whatever spelling.
pub(super) async fn at(aws: &Aws, place: &Location) -> Result<Vec<u8>, Fault> {
    match place {
        Location::S3(ObjectUri { bucket, key }) => of_object(aws, bucket, key).await,
        Location::Local(path) => {
            let io = |error: std::io::Error| io_fault("read", path.display(), &error);
            // A device tells no length beforehand.
            let mut file = File::open(path).map_err(io)?.take(MAX_DATA_KEY + 1);
            let mut read = Vec::with_capacity(MAX_DATA_KEY as usize + 1);
            file.read_to_end(&mut read).map_err(io)?;
            if read.len() as u64 > MAX_DATA_KEY {
                let cause = format!("more than {MAX_DATA_KEY} bytes are no encrypted data key");
                let remedy = "check that it is the file of an encrypted data key";
                return Err(Fault::invalid("read", place.to_string(), cause, remedy));
            }
            spelled(place, read)
        }
    }
}

/// C in a key object, in whatever spelling.
pub(crate) async fn of_object(aws: &Aws, bucket: &str, key: &str) -> Result<Vec<u8>, Fault> {
    let read = s3::read_small(aws, bucket, key, MAX_DATA_KEY).await?;
    spelled(s3::uri(bucket, key), read)
}

/// C of what spells it: as it is, in base64, or as the AWS CLI's JSON has it. What is nothing of that goes to KMS as it is.
fn spelled(place: impl fmt::Display, read: Vec<u8>) -> Result<Vec<u8>, Fault> {
    if is_data_key_in_hex(&read) {
        let cause = "it is an encrypted data key in hexadecimal, which is not read";
        let remedy = "give its bytes (xxd -r -p writes them), or their base64";
        return Err(Fault::invalid("read", place.to_string(), cause, remedy));
    }
    Ok(data_key_of_text(&read).unwrap_or(read))
}

/// Asks KMS, by a dry run, whether it opens what these bytes spell, in hexadecimal too, without a context or in this one.
///
/// # Errors
/// Why it does not: sooner that it could not tell than that this is no such ciphertext.
pub(super) async fn would_open(aws: &Aws, body: &[u8], context: &BTreeMap<String, String>) -> Result<(), Fault> {
    let spelled = data_key_of_hex(body).or_else(|| data_key_of_text(body));
    let body = spelled.as_deref().unwrap_or(body);
    let none = BTreeMap::new();
    let mut refused = None;
    for ciphertext in [Some(body), without_line_end(body)].into_iter().flatten() {
        for context in BTreeSet::from([&none, context]) {
            match again(|| kms::would_decrypt(aws, ciphertext, context)).await {
                Ok(()) => return Ok(()),
                Err(fault) if fault.kind != FaultKind::Integrity => refused = Some(fault),
                Err(fault) => refused = refused.or(Some(fault)),
            }
        }
    }
    refused.map_or(Ok(()), Err)
}

/// One entry of strongroom's own metadata.
pub(super) fn metadata<'a>(info: &'a ObjectInfo, name: &str) -> Option<&'a str> {
    let is_meant = |key: &str| key.strip_prefix("strongroom-") == Some(name);
    let found = info.metadata.iter().find(|(key, _)| is_meant(key));
    found.map(|(_, value)| value.as_str())
}

/// The key object in the object's own bucket.
pub(super) fn key_object<'a>(info: &'a ObjectInfo, bucket: &str) -> Option<&'a str> {
    info.data_key_uri.as_deref()?.strip_prefix(&s3::uri(bucket, ""))
}

fn missing(fault: Fault, uri: &str) -> Fault {
    if fault.kind != FaultKind::NotFound {
        return fault;
    }
    let cause = format!("it says nothing of its data key, and there is no object {BOTO3_KEY_OBJECT}");
    Fault::not_found("find the data key of", uri, cause, "").by(WayOut::NameDataKey)
}

/// `DEST.datakey`, beside a folder as beside a file.
pub(super) fn data_key_file(token: &Path) -> PathBuf {
    let mut name = token.components().as_path().as_os_str().to_owned();
    name.push(DATA_KEY_SUFFIX);
    PathBuf::from(name)
}
