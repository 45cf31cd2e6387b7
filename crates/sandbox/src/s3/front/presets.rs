//! How a bucket encrypts what nobody says how to encrypt.

use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::super::anew::Blocks;
use super::super::convert::malformed;
use super::super::encryption::{KMS, Preset};
use super::{Answer, Front, gone};
use crate::api::ApiError;

pub(super) fn get(front: &Front, req: S3Request<GetBucketEncryptionInput>) -> Answer<GetBucketEncryptionOutput> {
    let settings = front.store().settings(&req.input.bucket)?;
    let preset = settings.encryption;
    let algorithm = if preset.is_kms {
        KMS
    } else {
        ServerSideEncryption::AES256
    };
    let rule = ServerSideEncryptionRule {
        apply_server_side_encryption_by_default: Some(ServerSideEncryptionByDefault {
            kms_master_key_id: preset.key,
            sse_algorithm: ServerSideEncryption::from_static(algorithm),
        }),
        bucket_key_enabled: Some(preset.bucket_key),
    };
    let mut response = S3Response::new(GetBucketEncryptionOutput {
        server_side_encryption_configuration: Some(ServerSideEncryptionConfiguration { rules: vec![rule] }),
    });
    // The answer's document has no place for it: it goes beside.
    response.extensions.insert(Blocks(settings.blocks_customer_keys));
    Ok(response)
}

pub(super) fn put(front: &Front, req: S3Request<PutBucketEncryptionInput>) -> Answer<PutBucketEncryptionOutput> {
    let blocks = req.extensions.get().map(|Blocks(blocks)| *blocks);
    let preset = read(req.input.server_side_encryption_configuration.rules, blocks.is_some())?;
    front.store().change_settings(&req.input.bucket, |settings| {
        settings.encryption = preset;
        settings.blocks_customer_keys = blocks.unwrap_or(settings.blocks_customer_keys);
    })?;
    Ok(S3Response::new(PutBucketEncryptionOutput::default()))
}

/// There is no bucket without: what is deleted is what differs from S3's own keys.
pub(super) fn delete(
    front: &Front,
    req: S3Request<DeleteBucketEncryptionInput>,
) -> Answer<DeleteBucketEncryptionOutput> {
    front
        .set(&req.input.bucket, |settings| settings.encryption = Preset::default())
        .map(gone)
}

/// A rule may be about what the bucket blocks alone.
fn read(rules: Vec<ServerSideEncryptionRule>, blocks: bool) -> Result<Preset, ApiError> {
    let [rule] = <[_; 1]>::try_from(rules).map_err(|_| malformed())?;
    let Some(asked) = rule.apply_server_side_encryption_by_default else {
        return if blocks {
            Ok(Preset::default())
        } else {
            Err(malformed())
        };
    };
    let is_kms = match asked.sse_algorithm.as_str() {
        KMS => true,
        ServerSideEncryption::AES256 => false,
        ServerSideEncryption::AWS_KMS_DSSE => {
            return Err(ApiError::not_implemented("The sandbox does not serve aws:kms:dsse"));
        }
        _ => return Err(malformed()),
    };
    if !is_kms && asked.kms_master_key_id.is_some() {
        let message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse";
        return Err(ApiError::invalid_argument(message));
    }
    Ok(Preset {
        is_kms,
        key: asked.kms_master_key_id,
        bucket_key: rule.bucket_key_enabled.unwrap_or_default(),
    })
}
