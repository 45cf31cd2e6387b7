//! The read-only gate: one interceptor before every request, over a list of the operations that only read.
//!
//! An operation that is not on the list is refused, so a call that is added later is refused until somebody thinks
//! about it. `Decrypt` changes nothing in AWS and is what `decrypt` and `verify` are made of.

use std::fmt;

use aws_sdk_kms::operation::create_grant::CreateGrantInput;
use aws_sdk_kms::operation::decrypt::DecryptInput;
use aws_sdk_kms::operation::encrypt::EncryptInput;
use aws_sdk_kms::operation::generate_data_key::GenerateDataKeyInput;
use aws_sdk_kms::operation::generate_data_key_pair::GenerateDataKeyPairInput;
use aws_sdk_kms::operation::generate_data_key_pair_without_plaintext::GenerateDataKeyPairWithoutPlaintextInput;
use aws_sdk_kms::operation::generate_data_key_without_plaintext::GenerateDataKeyWithoutPlaintextInput;
use aws_sdk_kms::operation::re_encrypt::ReEncryptInput;
use aws_sdk_kms::operation::retire_grant::RetireGrantInput;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{BeforeSerializationInterceptorContextRef, Input};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

const READING: &[&str] = &[
    // KMS
    "Decrypt",
    "DescribeKey",
    "GetKeyLastUsage",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "ListAliases",
    "ListGrants",
    "ListKeys",
    "ListResourceTags",
    // S3
    "GetBucketEncryption",
    "GetBucketLocation",
    "GetBucketTagging",
    "GetObject",
    "HeadBucket",
    "HeadObject",
    "ListBuckets",
    "ListMultipartUploads",
    "ListObjectsV2",
    "ListParts",
    // SageMaker
    "DescribeTrainingJob",
    "ListTags",
    "ListTrainingJobs",
    // IAM
    "GetPolicy",
    "GetPolicyVersion",
    "GetRole",
    "GetRolePolicy",
    "ListAttachedRolePolicies",
    "ListRolePolicies",
    "ListRoles",
    "SimulatePrincipalPolicy",
    // ECR
    "DescribeImages",
    "DescribeRepositories",
    "ListTagsForResource",
    // STS: a session changes nothing by itself, and its clients pass this gate too.
    "AssumeRole",
    "GetCallerIdentity",
    // Logs
    "DescribeLogStreams",
    "GetLogEvents",
];

/// Lets everything through, or only what reads.
#[derive(Debug)]
pub(super) struct Gate {
    read_only: bool,
}

/// Why the gate is shut; [`super::fault`] finds it in the error's sources.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) operation: String,
}

impl Gate {
    pub(super) fn new(read_only: bool) -> Self {
        Self { read_only }
    }

    fn lets_through(&self, operation: &str, dry_run: bool) -> bool {
        !self.read_only || dry_run || READING.contains(&operation)
    }
}

#[dyn_dispatch_hint]
impl Intercept for Gate {
    fn name(&self) -> &'static str {
        "ReadOnlyGate"
    }

    // Not `read_before_execution`: there the operation has no name yet.
    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map_or("", Metadata::name);
        if self.lets_through(operation, is_dry_run(context.input())) {
            return Ok(());
        }
        Err(Box::new(Refused {
            operation: operation.to_owned(),
        }))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the session is read-only and {} is not a reading operation",
            self.operation
        )
    }
}

impl std::error::Error for Refused {}

/// Whether a call changes nothing.
pub(super) fn only_reads(operation: &str, input: &Input) -> bool {
    READING.contains(&operation) || is_dry_run(input)
}

fn is_dry_run(input: &Input) -> bool {
    macro_rules! asks {
        ($($kind:ty),+ $(,)?) => {
            $(input.downcast_ref::<$kind>().is_some_and(|input| input.dry_run == Some(true)))||+
        };
    }
    asks!(
        CreateGrantInput,
        DecryptInput,
        EncryptInput,
        GenerateDataKeyInput,
        GenerateDataKeyPairInput,
        GenerateDataKeyPairWithoutPlaintextInput,
        GenerateDataKeyWithoutPlaintextInput,
        ReEncryptInput,
        RetireGrantInput,
    )
}

#[cfg(test)]
mod tests {
    use super::{Gate, READING};

    const WRITING: &[&str] = &[
        "AttachRolePolicy",
        "CancelKeyDeletion",
        "CompleteMultipartUpload",
        "CreateAlias",
        "CreateBucket",
        "CreateRepository",
        "CreateRole",
        "CreateGrant",
        "CreateKey",
        "CreateMultipartUpload",
        "CreateTrainingJob",
        "DeleteAlias",
        "DeleteBucket",
        "DeleteObjects",
        "DeleteRepository",
        "DeleteRole",
        "DeleteRolePolicy",
        "DetachRolePolicy",
        "DisableKey",
        "DisableKeyRotation",
        "EnableKey",
        "EnableKeyRotation",
        "Encrypt",
        "GenerateDataKey",
        "GetAuthorizationToken",
        "PutBucketTagging",
        "PutKeyPolicy",
        "PutObject",
        "PutRolePolicy",
        "ReEncrypt",
        "RetireGrant",
        "RevokeGrant",
        "ScheduleKeyDeletion",
        "StopTrainingJob",
        "TagResource",
        "UntagResource",
        "UpdateAlias",
        "UpdateAssumeRolePolicy",
        "UpdateKeyDescription",
        "UploadPart",
        "",
    ];

    #[test]
    fn a_read_only_session_refuses_whatever_is_not_listed_as_reading() {
        let gate = Gate::new(true);
        for operation in WRITING {
            assert!(!gate.lets_through(operation, false), "{operation}");
        }
        for operation in READING {
            assert!(gate.lets_through(operation, false), "{operation}");
        }
    }

    #[test]
    fn a_dry_run_passes_the_gate() {
        assert!(Gate::new(true).lets_through("Encrypt", true));
    }

    #[test]
    fn nothing_is_refused_when_the_session_may_write() {
        let gate = Gate::new(false);
        assert!(WRITING.iter().all(|operation| gate.lets_through(operation, false)));
    }

    #[test]
    fn no_listed_operation_begins_with_a_writing_verb() {
        for verb in [
            "Create", "Put", "Delete", "Update", "Enable", "Disable", "Schedule", "Cancel", "Stop", "Revoke",
        ] {
            assert!(!READING.iter().any(|operation| operation.starts_with(verb)), "{verb}");
        }
    }
}
