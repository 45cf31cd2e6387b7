//! SSE-KMS as far as it can be seen: writing needs GenerateDataKey on the object's KMS key, reading needs Decrypt, by the
//! caller and through S3. The bytes stay as they came: the folder is private, and everything in it is of one trust.
//!
//! `aws:kms` without a key means AWS's own key for S3, which every caller of the account may use through S3.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::object::About;
use crate::api::ApiError;
use crate::identity::Caller;
use crate::kms;
use crate::world::World;

/// Wraps a data key for an object that is about to be written.
pub(crate) fn seal(world: &World, caller: &Caller, resource: &str, about: &mut About) -> Result<(), ApiError> {
    about.wrapped = None;
    let (Some("aws:kms"), Some(key)) = (about.encryption.as_deref(), &about.encryption_key) else {
        return Ok(());
    };
    let request = json!({ "KeyId": key, "KeySpec": "AES_256", "EncryptionContext": { "aws:s3:arn": resource } });
    let answer = ask(world, caller, "GenerateDataKeyWithoutPlaintext", &request)?;
    about.encryption_key = answer["KeyId"].as_str().map(str::to_owned);
    about.wrapped = answer["CiphertextBlob"]
        .as_str()
        .and_then(|blob| STANDARD.decode(blob).ok());
    Ok(())
}

/// Unwraps the data key of an object that is about to be read.
pub(crate) fn open(world: &World, caller: &Caller, about: &About, resource: &str) -> Result<(), ApiError> {
    let Some(wrapped) = &about.wrapped else {
        return Ok(());
    };
    let request =
        json!({ "CiphertextBlob": STANDARD.encode(wrapped), "EncryptionContext": { "aws:s3:arn": resource } });
    ask(world, caller, "Decrypt", &request).map(drop)
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
