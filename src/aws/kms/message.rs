//! Messages and data keys that KMS itself encrypts, decrypts and wraps anew.

use std::collections::BTreeMap;

use aws_sdk_kms::primitives::Blob;
use zeroize::Zeroizing;

use super::{decrypted, in_context};
use crate::aws::Aws;
use crate::aws::fault::{Expected, Heard};
use crate::domain::Fault;

/// Encrypts at most 4096 bytes; the ciphertext and the ARN of the key.
pub(crate) async fn encrypt(
    aws: &Aws,
    key: &str,
    plaintext: &[u8],
    context: &BTreeMap<String, String>,
) -> Result<(Vec<u8>, String), Fault> {
    let act = "encrypt under";
    let call = aws
        .kms()
        .encrypt()
        .key_id(key)
        .plaintext(Blob::new(plaintext))
        .set_encryption_context(in_context(context))
        .set_grant_tokens(aws.tokens_for(key));
    let answer = call.send().await.heard(act, key)?;
    let ciphertext = answer.ciphertext_blob.expected(act, key, "ciphertext")?;
    let key_arn = answer.key_id.expected(act, key, "key ARN")?;
    Ok((ciphertext.into_inner(), key_arn))
}

/// The plaintext and the ARN of the key. With `key`, KMS refuses what another key encrypted.
pub(crate) async fn decrypt(
    aws: &Aws,
    ciphertext: &[u8],
    key: Option<&str>,
    context: &BTreeMap<String, String>,
) -> Result<(Zeroizing<Vec<u8>>, String), Fault> {
    let words = ("decrypt under", "the key that encrypted it");
    let opened = decrypted(aws, words, ciphertext, key, context, &[]).await?;
    Ok((opened.plaintext, opened.key_arn))
}

/// Wraps C under another key without showing D to anybody; the new C and the ARN of its key.
pub(crate) async fn re_encrypt(
    aws: &Aws,
    ciphertext: &[u8],
    key: &str,
    context: &BTreeMap<String, String>,
) -> Result<(Vec<u8>, String), Fault> {
    let act = "wrap a data key anew under";
    let call = aws
        .kms()
        .re_encrypt()
        .ciphertext_blob(Blob::new(ciphertext))
        .destination_key_id(key)
        .set_source_encryption_context(in_context(context))
        .set_destination_encryption_context(in_context(context));
    let answer = call.send().await.heard(act, key)?;
    let ciphertext = answer.ciphertext_blob.expected(act, key, "ciphertext")?;
    let key_arn = answer.key_id.expected(act, key, "key ARN")?;
    Ok((ciphertext.into_inner(), key_arn))
}
