//! What a change is made to, for the audit log: read off the input of every operation that changes something.
//!
//! Names only: no body, no policy, no plaintext and no data key is ever part of it.

use aws_sdk_ecr::operation as ecr;
use aws_sdk_iam::operation as iam;
use aws_sdk_kms::operation as kms;
use aws_sdk_s3::operation as s3;
use aws_sdk_sagemaker::operation as sagemaker;
use aws_smithy_runtime_api::client::interceptors::context::{Input, Output};

/// One arm an operation: where its input is, and what it is called on.
macro_rules! resources {
    ($($name:literal: $input:ty => |$it:ident| $resource:expr),+ $(,)?) => {
        /// Operations whose resource is known.
        #[cfg(test)]
        pub(super) const KNOWN: &[&str] = &[$($name),+];

        /// What the input names.
        pub(super) fn of(input: &Input) -> Option<String> {
            $(if let Some($it) = input.downcast_ref::<$input>() {
                return Some($resource);
            })+
            None
        }
    };
}

resources! {
    "CancelKeyDeletion": kms::cancel_key_deletion::CancelKeyDeletionInput => |it| said(it.key_id()),
    "CreateAlias": kms::create_alias::CreateAliasInput => |it| two(it.alias_name(), "to", it.target_key_id()),
    "CreateGrant": kms::create_grant::CreateGrantInput => |it| two(it.key_id(), "to", it.grantee_principal()),
    "CreateKey": kms::create_key::CreateKeyInput => |it| match it.description() {
        Some(description) if !description.is_empty() => format!("a new key: {description}"),
        _ => "a new key".to_owned(),
    },
    "DeleteAlias": kms::delete_alias::DeleteAliasInput => |it| said(it.alias_name()),
    "DisableKey": kms::disable_key::DisableKeyInput => |it| said(it.key_id()),
    "DisableKeyRotation": kms::disable_key_rotation::DisableKeyRotationInput => |it| said(it.key_id()),
    "EnableKey": kms::enable_key::EnableKeyInput => |it| said(it.key_id()),
    "EnableKeyRotation": kms::enable_key_rotation::EnableKeyRotationInput => |it| said(it.key_id()),
    "Encrypt": kms::encrypt::EncryptInput => |it| said(it.key_id()),
    "GenerateDataKey": kms::generate_data_key::GenerateDataKeyInput => |it| said(it.key_id()),
    "PutKeyPolicy": kms::put_key_policy::PutKeyPolicyInput => |it| said(it.key_id()),
    "ReEncrypt": kms::re_encrypt::ReEncryptInput => |it| said(it.destination_key_id()),
    "RetireGrant": kms::retire_grant::RetireGrantInput => |it| two(it.key_id(), "grant", it.grant_id()),
    "RevokeGrant": kms::revoke_grant::RevokeGrantInput => |it| two(it.key_id(), "grant", it.grant_id()),
    "ScheduleKeyDeletion": kms::schedule_key_deletion::ScheduleKeyDeletionInput => |it| {
        let days = it.pending_window_in_days().map(|days| format!("{days} days"));
        two(it.key_id(), "in", days.as_deref())
    },
    "TagResource": kms::tag_resource::TagResourceInput => |it| said(it.key_id()),
    "UntagResource": kms::untag_resource::UntagResourceInput => |it| said(it.key_id()),
    "UpdateAlias": kms::update_alias::UpdateAliasInput => |it| two(it.alias_name(), "to", it.target_key_id()),
    "UpdateKeyDescription": kms::update_key_description::UpdateKeyDescriptionInput => |it| said(it.key_id()),
    "AbortMultipartUpload": s3::abort_multipart_upload::AbortMultipartUploadInput => |it| object(it.bucket(), it.key()),
    "CompleteMultipartUpload": s3::complete_multipart_upload::CompleteMultipartUploadInput => |it| {
        object(it.bucket(), it.key())
    },
    "CopyObject": s3::copy_object::CopyObjectInput => |it| object(it.bucket(), it.key()),
    "CreateBucket": s3::create_bucket::CreateBucketInput => |it| bucket(it.bucket()),
    "CreateMultipartUpload": s3::create_multipart_upload::CreateMultipartUploadInput => |it| {
        object(it.bucket(), it.key())
    },
    "DeleteBucket": s3::delete_bucket::DeleteBucketInput => |it| bucket(it.bucket()),
    "DeleteObject": s3::delete_object::DeleteObjectInput => |it| object(it.bucket(), it.key()),
    "DeleteObjects": s3::delete_objects::DeleteObjectsInput => |it| {
        let keys = it.delete().map(aws_sdk_s3::types::Delete::objects).unwrap_or_default();
        let objects: Vec<String> = keys.iter().map(|key| object(it.bucket(), Some(key.key()))).collect();
        objects.join(", ")
    },
    "PutBucketLifecycleConfiguration":
        s3::put_bucket_lifecycle_configuration::PutBucketLifecycleConfigurationInput => |it| bucket(it.bucket()),
    "PutBucketTagging": s3::put_bucket_tagging::PutBucketTaggingInput => |it| bucket(it.bucket()),
    "PutObject": s3::put_object::PutObjectInput => |it| object(it.bucket(), it.key()),
    "PutPublicAccessBlock": s3::put_public_access_block::PutPublicAccessBlockInput => |it| bucket(it.bucket()),
    "CreateProcessingJob": sagemaker::create_processing_job::CreateProcessingJobInput => |it| {
        two(it.processing_job_name(), "as", it.role_arn())
    },
    "CreateTrainingJob": sagemaker::create_training_job::CreateTrainingJobInput => |it| {
        two(it.training_job_name(), "as", it.role_arn())
    },
    "StopProcessingJob": sagemaker::stop_processing_job::StopProcessingJobInput => |it| {
        said(it.processing_job_name())
    },
    "StopTrainingJob": sagemaker::stop_training_job::StopTrainingJobInput => |it| said(it.training_job_name()),
    "AttachRolePolicy": iam::attach_role_policy::AttachRolePolicyInput => |it| {
        two(it.role_name(), "policy", it.policy_arn())
    },
    "CreateRole": iam::create_role::CreateRoleInput => |it| said(it.role_name()),
    "DeleteRole": iam::delete_role::DeleteRoleInput => |it| said(it.role_name()),
    "DeleteRolePolicy": iam::delete_role_policy::DeleteRolePolicyInput => |it| {
        two(it.role_name(), "policy", it.policy_name())
    },
    "DetachRolePolicy": iam::detach_role_policy::DetachRolePolicyInput => |it| {
        two(it.role_name(), "policy", it.policy_arn())
    },
    "PutRolePolicy": iam::put_role_policy::PutRolePolicyInput => |it| two(it.role_name(), "policy", it.policy_name()),
    "UpdateAssumeRolePolicy": iam::update_assume_role_policy::UpdateAssumeRolePolicyInput => |it| said(it.role_name()),
    "CreateRepository": ecr::create_repository::CreateRepositoryInput => |it| said(it.repository_name()),
    "DeleteRepository": ecr::delete_repository::DeleteRepositoryInput => |it| said(it.repository_name()),
    "GetAuthorizationToken": ecr::get_authorization_token::GetAuthorizationTokenInput => |_it| {
        "the account's registry".to_owned()
    },
}

/// A new key has its name only in the answer.
pub(super) fn of_answer(output: &Output) -> Option<String> {
    let made = output.downcast_ref::<kms::create_key::CreateKeyOutput>()?;
    made.key_metadata()?.arn().map(str::to_owned)
}

/// An answer to many that is not as good for all of them: the first error.
pub(super) fn error_inside(output: &Output) -> Option<String> {
    let deleted = output.downcast_ref::<s3::delete_objects::DeleteObjectsOutput>()?;
    let first = deleted.errors().first()?;
    Some(first.code().unwrap_or("unknown").to_owned())
}

fn said(name: Option<&str>) -> String {
    name.unwrap_or("unnamed").to_owned()
}

fn two(one: Option<&str>, between: &str, other: Option<&str>) -> String {
    match other {
        Some(other) => format!("{} {between} {other}", said(one)),
        None => said(one),
    }
}

fn bucket(bucket: Option<&str>) -> String {
    format!("s3://{}", said(bucket))
}

fn object(bucket: Option<&str>, key: Option<&str>) -> String {
    format!("s3://{}/{}", said(bucket), said(key))
}
