//! Messages and data keys that KMS itself encrypts, decrypts and wraps anew.

use std::collections::BTreeMap;

use aws_sdk_kms::operation::re_encrypt::builders::ReEncryptFluentBuilder;
use aws_sdk_kms::primitives::Blob;
use zeroize::Zeroizing;

use super::{Unshared, decrypted, in_context, replica};
use crate::aws::Aws;
use crate::aws::fault::{Expected, Heard};
use crate::domain::{Arn, Fault};

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

/// Whether KMS would decrypt it, under whichever key it is, as it says without doing it.
///
/// # Errors
/// Why it would not; or that it could not be asked.
pub(crate) async fn would_decrypt(
    aws: &Aws,
    ciphertext: &[u8],
    context: &BTreeMap<String, String>,
) -> Result<(), Fault> {
    let call = aws
        .kms()
        .decrypt()
        .ciphertext_blob(Blob::new(ciphertext))
        .set_encryption_context(in_context(context))
        .dry_run(true)
        .customize()
        .interceptor(Unshared);
    would(call.send().await.heard("decrypt under", "the key that encrypted it"))
}

/// What the answer to a dry run says.
fn would<T>(answer: Result<T, Fault>) -> Result<(), Fault> {
    match answer {
        // So it says that it would.
        Err(fault) if fault.code.as_deref() == Some("DryRunOperationException") => Ok(()),
        answer => answer.map(drop),
    }
}

/// How a data key is wrapped anew.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rewrap<'a> {
    /// The key that it is under, where that is known: KMS refuses a C of another.
    pub(crate) from: Option<&'a str>,
    pub(crate) from_context: &'a BTreeMap<String, String>,
    pub(crate) to: &'a str,
    pub(crate) to_context: &'a BTreeMap<String, String>,
}

const ANEW: &str = "wrap a data key anew under";

/// Wraps C under another key without showing D to anybody; the new C and the ARN of its key.
pub(crate) async fn re_encrypt(aws: &Aws, ciphertext: &[u8], how: Rewrap<'_>) -> Result<(Vec<u8>, String), Fault> {
    let answer = rewrapping(aws, ciphertext, how).send().await.heard(ANEW, how.to)?;
    let ciphertext = answer.ciphertext_blob.expected(ANEW, how.to, "ciphertext")?;
    let key_arn = answer.key_id.expected(ANEW, how.to, "key ARN")?;
    Ok((ciphertext.into_inner(), key_arn))
}

/// Whether KMS would do that, as it says without doing it.
///
/// # Errors
/// Why it would not; or that it could not be asked.
pub(crate) async fn would_re_encrypt(aws: &Aws, ciphertext: &[u8], how: Rewrap<'_>) -> Result<(), Fault> {
    let call = rewrapping(aws, ciphertext, how).dry_run(true);
    would(call.send().await.heard(ANEW, how.to))
}

fn rewrapping(aws: &Aws, ciphertext: &[u8], how: Rewrap<'_>) -> ReEncryptFluentBuilder {
    // KMS does it within one region: a key of several is asked for by the one that is there.
    let region = Arn::parse(how.to).map_or(aws.region(), |arn| arn.region);
    let from = how
        .from
        .map(|key| replica(key, region).unwrap_or_else(|| key.to_owned()));
    let tokens = [how.from.unwrap_or_default(), how.to].map(|key| aws.tokens_for(key).unwrap_or_default());
    let tokens = Some(tokens.concat()).filter(|tokens| !tokens.is_empty());
    aws.kms_of(how.to)
        .re_encrypt()
        .ciphertext_blob(Blob::new(ciphertext))
        .set_source_key_id(from)
        .destination_key_id(how.to)
        .set_source_encryption_context(in_context(how.from_context))
        .set_destination_encryption_context(in_context(how.to_context))
        .set_grant_tokens(tokens)
}
