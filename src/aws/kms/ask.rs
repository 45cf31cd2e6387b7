//! The questions of an access proof: may this caller use this key so? Asked with `DryRun`, so nothing is done, and nothing
//! comes back but the decision; `DescribeKey`, which has none, only reads.
//!
//! A dry run succeeds by failing with `DryRunOperationException`. KMS authorizes `ReEncrypt` twice, from and to; its
//! refusal says for which.

use std::collections::BTreeMap;
use std::error::Error;

use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeyPairSpec, DataKeySpec, DryRunModifierType, GrantOperation};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_types::request_id::RequestId;

use super::in_context;
use crate::aws::Aws;
use crate::aws::fault::Heard;
use crate::domain::{Fault, FaultKind};

const AES: DataKeySpec = DataKeySpec::Aes256;
const PAIR: DataKeyPairSpec = DataKeyPairSpec::EccNistP256;

/// What one proof asks about, operation by operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// The key's ARN.
    pub(crate) key_arn: &'a str,
    /// A ciphertext of this key under `context`; without one KMS is told to ignore it.
    pub(crate) ciphertext: Option<&'a [u8]>,
    /// For whom a grant would be created.
    pub(crate) grantee: &'a str,
    /// A grant of the grantee, for `RetireGrant`.
    pub(crate) grant_id: Option<&'a str>,
    /// Encryption context.
    pub(crate) context: &'a BTreeMap<String, String>,
    /// Tokens of grants that may not be known everywhere yet.
    pub(crate) tokens: &'a [String],
}

impl Ask<'_> {
    /// Asks for one operation by KMS's name for it; answers the request id if it is allowed. `None` if KMS (or whoever
    /// answers for it) does not know the operation.
    pub(crate) async fn about(&self, aws: &Aws, operation: &str) -> Option<Result<Option<String>, Fault>> {
        let act = format!("ask for {operation} under");
        let (key, context, message) = (self.key_arn, in_context(self.context), b"strongroom access proof");
        let (ciphertext, modifiers) = (self.ciphertext.map(Blob::new), self.ignoring());
        // Of the calls, each of a type of its own, those that one makes alike.
        macro_rules! asked {
            (with tokens $call:expr) => {
                asked!($call.set_grant_tokens(self.tokens()).dry_run(true))
            };
            (in context $call:expr) => {
                asked!(with tokens $call.key_id(key).set_encryption_context(context))
            };
            ($call:expr) => {
                answered(&act, key, $call.send().await)
            };
        }
        let result = match operation {
            "Decrypt" => {
                let call = aws.kms_of(key).decrypt().set_ciphertext_blob(ciphertext);
                asked!(in context call.set_dry_run_modifiers(modifiers))
            }
            "Encrypt" => asked!(in context aws.kms_of(key).encrypt().plaintext(Blob::new(&message[..]))),
            "GenerateDataKey" => asked!(in context aws.kms_of(key).generate_data_key().key_spec(AES)),
            "GenerateDataKeyWithoutPlaintext" => {
                asked!(in context aws.kms_of(key).generate_data_key_without_plaintext().key_spec(AES))
            }
            "GenerateDataKeyPair" => asked!(in context aws.kms_of(key).generate_data_key_pair().key_pair_spec(PAIR)),
            "GenerateDataKeyPairWithoutPlaintext" => {
                asked!(in context aws.kms_of(key).generate_data_key_pair_without_plaintext().key_pair_spec(PAIR))
            }
            "ReEncryptFrom" | "ReEncryptTo" => {
                let call = aws.kms_of(key).re_encrypt().set_ciphertext_blob(ciphertext);
                let call = call.source_key_id(key).destination_key_id(key);
                let call = call.set_source_encryption_context(context.clone());
                let call = call.set_destination_encryption_context(context);
                asked!(with tokens call.set_dry_run_modifiers(modifiers))
            }
            "DescribeKey" => asked!(
                aws.kms_of(key)
                    .describe_key()
                    .key_id(key)
                    .set_grant_tokens(self.tokens())
            ),
            "CreateGrant" => {
                let call = aws
                    .kms_of(key)
                    .create_grant()
                    .key_id(key)
                    .grantee_principal(self.grantee);
                asked!(with tokens call.operations(GrantOperation::Decrypt))
            }
            // Without a grant there is nothing to ask about.
            "RetireGrant" => {
                let call = aws.kms_of(key).retire_grant().key_id(key).grant_id(self.grant_id?);
                asked!(call.dry_run(true))
            }
            _ => return None,
        };
        let is_unknown = |fault: &Fault| {
            let code = fault.code.as_deref().unwrap_or_default();
            code.starts_with("UnknownOperation")
                || code.starts_with("UnsupportedOperation")
                || code.contains("NotImplemented")
        };
        match result {
            Err(fault) if fault.code.as_deref() == Some("DryRunOperationException") => Some(Ok(fault.request_id)),
            Err(fault) if is_unknown(&fault) => None,
            // Not everybody who speaks KMS knows how to ignore a ciphertext here.
            Err(fault)
                if fault.kind == FaultKind::Invalid
                    && self.ciphertext.is_none()
                    && operation.starts_with("ReEncrypt") =>
            {
                None
            }
            // Asked for both: a refusal of one says nothing of the other.
            Err(fault) if fault.kind == FaultKind::Denied && is_of_other_half(operation, &fault.cause) => {
                let cause = format!("not known by itself: ReEncrypt is refused as a whole: {}", fault.cause);
                Some(Err(Fault { cause, ..fault }))
            }
            other => Some(other),
        }
    }

    fn tokens(&self) -> Option<Vec<String>> {
        Some(self.tokens.to_vec()).filter(|tokens| !tokens.is_empty())
    }

    fn ignoring(&self) -> Option<Vec<DryRunModifierType>> {
        self.ciphertext
            .is_none()
            .then(|| vec![DryRunModifierType::IgnoreCiphertext])
    }
}

fn answered<T, E>(act: &str, key: &str, answer: Result<T, SdkError<E, HttpResponse>>) -> Result<Option<String>, Fault>
where
    T: RequestId,
    E: ProvideErrorMetadata + Error + 'static,
{
    let answer = answer.heard(act, key)?;
    Ok(answer.request_id().map(str::to_owned))
}

fn is_of_other_half(operation: &str, cause: &str) -> bool {
    match operation {
        "ReEncryptTo" => cause.contains("kms:ReEncryptFrom"),
        "ReEncryptFrom" => cause.contains("kms:ReEncryptTo"),
        _ => false,
    }
}
