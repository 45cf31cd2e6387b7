//! The calls of an access proof: made for real, with small data, or only asked about (`DryRun`).

use std::collections::BTreeMap;

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, DryRunModifierType};
use aws_types::request_id::RequestId;

use super::{in_context, secret};
use crate::aws::{Aws, fault};
use crate::domain::Fault;

/// A cryptographic call that an access proof tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trial<'a> {
    Encrypt,
    GenerateDataKey,
    /// Of this ciphertext; dry runs take none.
    Decrypt(Option<&'a [u8]>),
}

/// What KMS answered to a [`Trial`] it allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tried {
    /// AWS's request id.
    pub(crate) request_id: Option<String>,
    /// The ciphertext, where there is one.
    pub(crate) ciphertext: Option<Vec<u8>>,
}

/// Tries a call with real, small data; with `dry_run` KMS only decides whether it would be allowed.
///
/// Plaintext that comes back is wiped unseen.
pub(crate) async fn try_call(
    aws: &Aws,
    key: &str,
    trial: Trial<'_>,
    context: &BTreeMap<String, String>,
    dry_run: bool,
) -> Result<Tried, Fault> {
    match trial {
        Trial::Encrypt => try_encrypt(aws, key, context, dry_run).await,
        Trial::GenerateDataKey => try_generate(aws, key, context, dry_run).await,
        Trial::Decrypt(ciphertext) => try_decrypt(aws, key, ciphertext, context, dry_run).await,
    }
}

async fn try_encrypt(aws: &Aws, key: &str, context: &BTreeMap<String, String>, dry_run: bool) -> Result<Tried, Fault> {
    let call = aws
        .kms()
        .encrypt()
        .key_id(key)
        .plaintext(Blob::new(&b"strongroom access proof"[..]))
        .set_encryption_context(in_context(context))
        .set_dry_run(dry_run.then_some(true));
    match call.send().await {
        Ok(answer) => Ok(tried(&answer, answer.ciphertext_blob())),
        Err(error) => allowed_by_dry_run(fault::of("encrypt under", key, &error)),
    }
}

async fn try_generate(aws: &Aws, key: &str, context: &BTreeMap<String, String>, dry_run: bool) -> Result<Tried, Fault> {
    let call = aws
        .kms()
        .generate_data_key()
        .key_id(key)
        .key_spec(DataKeySpec::Aes256)
        .set_encryption_context(in_context(context))
        .set_dry_run(dry_run.then_some(true));
    match call.send().await {
        Ok(mut answer) => {
            drop(answer.plaintext.take().map(secret));
            Ok(tried(&answer, answer.ciphertext_blob()))
        }
        Err(error) => allowed_by_dry_run(fault::of("generate a data key under", key, &error)),
    }
}

async fn try_decrypt(
    aws: &Aws,
    key: &str,
    ciphertext: Option<&[u8]>,
    context: &BTreeMap<String, String>,
    dry_run: bool,
) -> Result<Tried, Fault> {
    let modifiers = ciphertext.is_none().then(|| vec![DryRunModifierType::IgnoreCiphertext]);
    let call = aws
        .kms()
        .decrypt()
        .key_id(key)
        .set_ciphertext_blob(ciphertext.map(Blob::new))
        .set_encryption_context(in_context(context))
        .set_dry_run(dry_run.then_some(true))
        .set_dry_run_modifiers(modifiers.filter(|_| dry_run));
    match call.send().await {
        Ok(mut answer) => {
            drop(answer.plaintext.take().map(secret));
            Ok(tried(&answer, None))
        }
        Err(error) => allowed_by_dry_run(fault::of("decrypt under", key, &error)),
    }
}

fn tried(answer: &impl RequestId, ciphertext: Option<&Blob>) -> Tried {
    Tried {
        request_id: answer.request_id().map(str::to_owned),
        ciphertext: ciphertext.map(|blob| blob.as_ref().to_vec()),
    }
}

/// A dry run succeeds by failing with `DryRunOperationException`.
fn allowed_by_dry_run(fault: Fault) -> Result<Tried, Fault> {
    if fault.code.as_deref() == Some("DryRunOperationException") {
        return Ok(Tried {
            request_id: fault.request_id,
            ciphertext: None,
        });
    }
    Err(fault)
}
