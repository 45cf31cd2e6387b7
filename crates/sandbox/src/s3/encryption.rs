//! SSE-KMS as far as it can be seen: writing needs GenerateDataKey on the object's KMS key, reading needs Decrypt, by the
//! caller and through S3. The bytes stay as they came: the folder is private, and everything in it is of one trust. Only what
//! comes with a key of the customer's own is encrypted, by [`super::customer`].
//!
//! What a request does not say, the bucket's default says; without one S3 encrypts with its own keys. `aws:kms` without a
//! key means the key that AWS manages for S3 in the caller's account, which all of the account may use through S3.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::customer::{self, CustomerKey};
use super::object::About;
use crate::kms;
use crate::prelude::*;

pub(super) const KMS: &str = "aws:kms";

/// What a bucket encrypts with where a request says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Preset {
    pub(crate) is_kms: bool,
    pub(crate) key: Option<String>,
    pub(crate) bucket_key: bool,
}

/// Wraps a data key for an object that is about to be written, where it is to be encrypted under a KMS key, or seals it with
/// the customer's.
pub(crate) fn seal(
    world: &World,
    caller: &Caller,
    resource: &str,
    about: &mut About,
    key: Option<&CustomerKey>,
) -> Result<(), ApiError> {
    about.wrapped = None;
    check(about)?;
    admit(world, caller, resource, key)?;
    about.seal = key.map(CustomerKey::seal);
    if key.is_some() {
        about.bucket_key = None;
        return Ok(());
    }
    if about.encryption.is_none() {
        let preset = world
            .s3
            .setting(bucket_of(resource), |settings| settings.encryption.clone())?;
        if preset.is_kms {
            about.encryption = Some(KMS.to_owned());
            about.encryption_key = preset.key;
            about.bucket_key = about.bucket_key.or(Some(preset.bucket_key));
        }
    }
    if about.encryption.as_deref() != Some(KMS) {
        about.bucket_key = None;
        return Ok(());
    }
    let key = match &about.encryption_key {
        Some(key) => key.clone(),
        None => world.kms().managed_by_s3(&caller.place),
    };
    let request = json!({ "KeyId": key, "KeySpec": "AES_256", "EncryptionContext": context(about, resource)? });
    let answer = ask(world, caller, "GenerateDataKey", &request)?;
    about.encryption_key = answer["KeyId"].as_str().map(str::to_owned);
    about.wrapped = answer["CiphertextBlob"]
        .as_str()
        .and_then(|blob| STANDARD.decode(blob).ok());
    Ok(())
}

/// Refuses bytes that come with a key of the customer's own for a bucket that takes none, as no new one does.
pub(super) fn admit(world: &World, caller: &Caller, resource: &str, key: Option<&CustomerKey>) -> Result<(), ApiError> {
    let blocks = || {
        world
            .s3
            .setting(bucket_of(resource), |settings| settings.blocks_customer_keys)
    };
    if key.is_none() || !blocks()? {
        return Ok(());
    }
    let message = format!(
        "User: {} is not authorized to perform: s3:PutObject on resource: \"{resource}\" because this bucket has \
         blocked upload requests that specify Server Side Encryption with Customer provided keys (SSE-C). Please \
         specify a different server-side encryption type",
        caller.arn
    );
    Err(ApiError::new("AccessDenied", message).status(403))
}

/// Opens an object to who comes without a customer's key: one that such a key encrypts stays closed.
pub(crate) fn open(world: &World, caller: &Caller, about: &About, resource: &str) -> Result<(), ApiError> {
    customer::check(about, None)?;
    unwrap(world, caller, about, resource)
}

/// Unwraps the data key of an object that is about to be read, or of an upload that goes on.
pub(super) fn unwrap(world: &World, caller: &Caller, about: &About, resource: &str) -> Result<(), ApiError> {
    let Some(wrapped) = &about.wrapped else {
        return Ok(());
    };
    let request = json!({ "CiphertextBlob": STANDARD.encode(wrapped), "EncryptionContext": context(about, resource)? });
    ask(world, caller, "Decrypt", &request).map(drop)
}

/// What a request says must go together.
fn check(about: &About) -> Result<(), ApiError> {
    let invalid = |message: &str| Err(ApiError::invalid_argument(message));
    match about.encryption.as_deref() {
        Some(KMS) => Ok(()),
        Some("aws:kms:dsse") => Err(ApiError::not_implemented("The sandbox does not serve aws:kms:dsse")),
        None | Some("AES256") if about.encryption_key.is_some() || about.encryption_context.is_some() => invalid(
            "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
        ),
        None | Some("AES256") => Ok(()),
        Some(_) => invalid("The encryption method specified is not supported"),
    }
}

/// The encryption context: what the request gave, and which object it is, or which bucket.
fn context(about: &About, resource: &str) -> Result<BTreeMap<String, String>, ApiError> {
    let refused = || {
        ApiError::invalid_argument(
            "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which \
             represents a string-string map",
        )
    };
    let given = about.encryption_context.as_ref().map(|text| STANDARD.decode(text));
    let mut context: BTreeMap<String, String> = match given {
        Some(given) => serde_json::from_slice(&given.map_err(|_| refused())?).map_err(|_| refused())?,
        None => BTreeMap::new(),
    };
    let bucket = format!("arn:aws:s3:::{}", bucket_of(resource));
    let arn = if about.bucket_key == Some(true) {
        &bucket
    } else {
        resource
    };
    context.insert("aws:s3:arn".to_owned(), arn.to_owned());
    Ok(context)
}

/// The bucket of an object's ARN.
pub(super) fn bucket_of(resource: &str) -> &str {
    let path = resource.rsplit_once(":::").map_or(resource, |(_, path)| path);
    path.split_once('/').map_or(path, |(bucket, _)| bucket)
}

fn ask(world: &World, caller: &Caller, operation: &str, request: &Value) -> Result<Value, ApiError> {
    kms::call(world, &caller.via("s3"), operation, request).map_err(|error| {
        if error.code == "AccessDeniedException" {
            ApiError::new("AccessDenied", error.message).status(403)
        } else {
            ApiError::new(format!("KMS.{}", error.code), error.message)
        }
    })
}
