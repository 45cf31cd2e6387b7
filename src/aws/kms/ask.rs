//! The questions of an access proof: may this caller use this key so? Asked with `DryRun`, so nothing is done, nothing
//! comes back but the decision.
//!
//! A dry run succeeds by failing with `DryRunOperationException`. KMS authorizes `ReEncrypt` twice, from and to; its
//! refusal says for which.

use std::collections::BTreeMap;

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeyPairSpec, DataKeySpec, DryRunModifierType, GrantOperation};
use aws_types::request_id::RequestId;

use super::in_context;
use crate::aws::{Aws, fault};
use crate::domain::{Fault, FaultKind};

/// One question.
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
        let result = match operation {
            "Decrypt" => self.decrypt(aws, &act).await,
            "Encrypt" => self.encrypt(aws, &act).await,
            "GenerateDataKey" => self.generate(aws, &act).await,
            "GenerateDataKeyWithoutPlaintext" => self.generate_without_plaintext(aws, &act).await,
            "GenerateDataKeyPair" => self.generate_pair(aws, &act).await,
            "GenerateDataKeyPairWithoutPlaintext" => self.generate_pair_without_plaintext(aws, &act).await,
            "ReEncryptFrom" | "ReEncryptTo" => self.re_encrypt(aws, &act).await,
            "DescribeKey" => self.describe(aws, &act).await,
            "CreateGrant" => self.create_grant(aws, &act).await,
            "RetireGrant" => self.retire_grant(aws, &act).await?,
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

    async fn decrypt(&self, aws: &Aws, act: &str) -> Result<Option<String>, Fault> {
        let call = aws
            .kms()
            .decrypt()
            .key_id(self.key_arn)
            .set_ciphertext_blob(self.ciphertext.map(Blob::new))
            .set_encryption_context(in_context(self.context))
            .set_grant_tokens(self.tokens())
            .dry_run(true)
            .set_dry_run_modifiers(self.ignoring());
        answered(call.send().await.map_err(|error| fault::of(act, self.key_arn, &error)))
    }

    async fn encrypt(&self, aws: &Aws, act: &str) -> Result<Option<String>, Fault> {
        let call = aws
            .kms()
            .encrypt()
            .key_id(self.key_arn)
            .plaintext(Blob::new(&b"strongroom access proof"[..]))
            .set_encryption_context(in_context(self.context))
            .set_grant_tokens(self.tokens())
            .dry_run(true);
        answered(call.send().await.map_err(|error| fault::of(act, self.key_arn, &error)))
    }

    async fn generate(&self, aws: &Aws, act: &str) -> Result<Option<String>, Fault> {
        let call = aws
            .kms()
            .generate_data_key()
            .key_id(self.key_arn)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(in_context(self.context))
            .set_grant_tokens(self.tokens())
            .dry_run(true);
        answered(call.send().await.map_err(|error| fault::of(act, self.key_arn, &error)))
    }

    async fn generate_without_plaintext(&self, aws: &Aws, act: &str) -> Result<Option<String>, Fault> {
        let call = aws
            .kms()
            .generate_data_key_without_plaintext()
            .key_id(self.key_arn)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(in_context(self.context))
            .set_grant_tokens(self.tokens())
            .dry_run(true);
        answered(call.send().await.map_err(|error| fault::of(act, self.key_arn, &error)))
    }

    async fn generate_pair(&self, aws: &Aws, act: &str) -> Result<Option<String>, Fault> {
        let call = aws
            .kms()
            .generate_data_key_pair()
            .key_id(self.key_arn)
            .key_pair_spec(DataKeyPairSpec::EccNistP256)
            .set_encryption_context(in_context(self.context))
            .set_grant_tokens(self.tokens())
            .dry_run(true);
        answered(call.send().await.map_err(|error| fault::of(act, self.key_arn, &error)))
    }

    async fn generate_pair_without_plaintext(&self, aws: &Aws, act: &str) -> Result<Option<String>, Fault> {
        let call = aws
            .kms()
            .generate_data_key_pair_without_plaintext()
            .key_id(self.key_arn)
            .key_pair_spec(DataKeyPairSpec::EccNistP256)
            .set_encryption_context(in_context(self.context))
            .set_grant_tokens(self.tokens())
            .dry_run(true);
        answered(call.send().await.map_err(|error| fault::of(act, self.key_arn, &error)))
    }

    async fn re_encrypt(&self, aws: &Aws, act: &str) -> Result<Option<String>, Fault> {
        let call = aws
            .kms()
            .re_encrypt()
            .source_key_id(self.key_arn)
            .destination_key_id(self.key_arn)
            .set_ciphertext_blob(self.ciphertext.map(Blob::new))
            .set_source_encryption_context(in_context(self.context))
            .set_destination_encryption_context(in_context(self.context))
            .set_grant_tokens(self.tokens())
            .dry_run(true)
            .set_dry_run_modifiers(self.ignoring());
        answered(call.send().await.map_err(|error| fault::of(act, self.key_arn, &error)))
    }

    /// The one operation that has no dry run; it only reads.
    async fn describe(&self, aws: &Aws, act: &str) -> Result<Option<String>, Fault> {
        let call = aws
            .kms()
            .describe_key()
            .key_id(self.key_arn)
            .set_grant_tokens(self.tokens());
        answered(call.send().await.map_err(|error| fault::of(act, self.key_arn, &error)))
    }

    async fn create_grant(&self, aws: &Aws, act: &str) -> Result<Option<String>, Fault> {
        let call = aws
            .kms()
            .create_grant()
            .key_id(self.key_arn)
            .grantee_principal(self.grantee)
            .operations(GrantOperation::Decrypt)
            .set_grant_tokens(self.tokens())
            .dry_run(true);
        answered(call.send().await.map_err(|error| fault::of(act, self.key_arn, &error)))
    }

    /// Without a grant there is nothing to ask about.
    async fn retire_grant(&self, aws: &Aws, act: &str) -> Option<Result<Option<String>, Fault>> {
        let call = aws
            .kms()
            .retire_grant()
            .key_id(self.key_arn)
            .grant_id(self.grant_id?)
            .dry_run(true);
        Some(answered(
            call.send().await.map_err(|error| fault::of(act, self.key_arn, &error)),
        ))
    }
}

fn answered(result: Result<impl RequestId, Fault>) -> Result<Option<String>, Fault> {
    result.map(|answer| answer.request_id().map(str::to_owned))
}

fn is_of_other_half(operation: &str, cause: &str) -> bool {
    match operation {
        "ReEncryptTo" => cause.contains("kms:ReEncryptFrom"),
        "ReEncryptFrom" => cause.contains("kms:ReEncryptTo"),
        _ => false,
    }
}
