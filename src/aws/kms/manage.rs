//! Changing what a key is: policy, aliases, tags, rotation, description, state, and grants.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_kms::error::BuildError;
use aws_sdk_kms::types::{GrantConstraints, GrantOperation, KeySpec as SdkKeySpec, KeyUsageType, OriginType, Tag};
use jiff::Timestamp;

use crate::aws::fault::{Expected, Heard};
use crate::aws::{Aws, List, Paged, timestamp};
use crate::domain::{Fault, GrantConstraint, GrantSpec, KeySpec};

/// A grant just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreatedGrant {
    /// 64 hexadecimal digits.
    pub(crate) id: String,
    /// AWS's request id.
    pub(crate) request_id: Option<String>,
}

/// A key as `spec` says, with `policy` (JSON) and these tags; answers its ARN.
pub(crate) async fn create_key(aws: &Aws, spec: &KeySpec, policy: &str) -> Result<String, Fault> {
    let (act, object) = ("create", "a KMS key");
    let call = aws
        .kms()
        .create_key()
        .description(&spec.description)
        .policy(policy)
        .key_usage(KeyUsageType::from(spec.usage.as_str()))
        .key_spec(SdkKeySpec::from(spec.spec.as_str()))
        .origin(OriginType::AwsKms)
        .set_tags(Some(tags(object, &spec.tags)?).filter(|tags| !tags.is_empty()));
    let answer = call.send().await.heard(act, object)?;
    answer
        .key_metadata
        .and_then(|metadata| metadata.arn)
        .expected(act, object, "key ARN")
}

/// `alias` with `alias/`.
pub(crate) async fn create_alias(aws: &Aws, alias: &str, key_arn: &str) -> Result<(), Fault> {
    let call = aws
        .kms_of(key_arn)
        .create_alias()
        .alias_name(alias)
        .target_key_id(key_arn);
    call.send().await.heard("create", alias).map(drop)
}

/// `alias` with `alias/`.
pub(crate) async fn update_alias(aws: &Aws, alias: &str, key_arn: &str) -> Result<(), Fault> {
    let call = aws
        .kms_of(key_arn)
        .update_alias()
        .alias_name(alias)
        .target_key_id(key_arn);
    call.send().await.heard("move", alias).map(drop)
}

/// `alias` with `alias/`.
pub(crate) async fn delete_alias(aws: &Aws, alias: &str) -> Result<(), Fault> {
    let call = aws.kms().delete_alias().alias_name(alias);
    call.send().await.heard("delete", alias).map(drop)
}

pub(crate) async fn put_key_policy(aws: &Aws, key_arn: &str, policy: &str, accept_lockout: bool) -> Result<(), Fault> {
    let call = aws
        .kms_of(key_arn)
        .put_key_policy()
        .key_id(key_arn)
        .policy_name("default")
        .policy(policy)
        .bypass_policy_lockout_safety_check(accept_lockout);
    call.send().await.heard("replace the policy of", key_arn).map(drop)
}

pub(crate) async fn tag_key(aws: &Aws, key_arn: &str, set: &BTreeMap<String, String>) -> Result<(), Fault> {
    let call = aws
        .kms_of(key_arn)
        .tag_resource()
        .key_id(key_arn)
        .set_tags(Some(tags(key_arn, set)?));
    call.send().await.heard("tag", key_arn).map(drop)
}

pub(crate) async fn untag_key(aws: &Aws, key_arn: &str, names: &[String]) -> Result<(), Fault> {
    let call = aws
        .kms_of(key_arn)
        .untag_resource()
        .key_id(key_arn)
        .set_tag_keys(Some(names.to_vec()));
    call.send().await.heard("remove tags of", key_arn).map(drop)
}

/// Every tag, page by page.
pub(crate) async fn key_tags(aws: &Aws, key_arn: &str) -> Result<BTreeMap<String, String>, Fault> {
    let call = move |marker| {
        let call = aws.kms_of(key_arn).list_resource_tags().key_id(key_arn).limit(50);
        call.set_marker(marker).send()
    };
    let tags = List::of("read the tags of", key_arn, call, |answer| {
        let tags = answer.tags().iter();
        let tags = tags.map(|tag| (tag.tag_key().to_owned(), tag.tag_value().to_owned()));
        Paged::new(
            Some(tags.collect()),
            answer.next_marker().filter(|_| answer.truncated()),
        )
    });
    Ok(tags.every().await?.into_iter().collect())
}

pub(crate) async fn set_rotation(aws: &Aws, key_arn: &str, on: bool) -> Result<(), Fault> {
    if on {
        let call = aws.kms_of(key_arn).enable_key_rotation().key_id(key_arn);
        let act = "switch on the rotation of";
        call.send().await.heard(act, key_arn).map(drop)
    } else {
        let call = aws.kms_of(key_arn).disable_key_rotation().key_id(key_arn);
        let act = "switch off the rotation of";
        call.send().await.heard(act, key_arn).map(drop)
    }
}

pub(crate) async fn set_description(aws: &Aws, key_arn: &str, description: &str) -> Result<(), Fault> {
    let call = aws
        .kms_of(key_arn)
        .update_key_description()
        .key_id(key_arn)
        .description(description);
    call.send().await.heard("change the description of", key_arn).map(drop)
}

/// When the key was used last; `None` if never since KMS began to keep count.
pub(crate) async fn last_usage(aws: &Aws, key_arn: &str) -> Result<Option<Timestamp>, Fault> {
    let call = aws.kms_of(key_arn).get_key_last_usage().key_id(key_arn);
    let answer = call.send().await.heard("ask for the last use of", key_arn)?;
    Ok(answer
        .key_last_usage()
        .and_then(|usage| usage.timestamp())
        .and_then(timestamp))
}

pub(crate) async fn enable_key(aws: &Aws, key_arn: &str) -> Result<(), Fault> {
    let call = aws.kms_of(key_arn).enable_key().key_id(key_arn);
    call.send().await.heard("enable", key_arn).map(drop)
}

pub(crate) async fn disable_key(aws: &Aws, key_arn: &str) -> Result<(), Fault> {
    let call = aws.kms_of(key_arn).disable_key().key_id(key_arn);
    call.send().await.heard("disable", key_arn).map(drop)
}

pub(crate) async fn schedule_key_deletion(aws: &Aws, key_arn: &str, days: i32) -> Result<(), Fault> {
    let call = aws
        .kms_of(key_arn)
        .schedule_key_deletion()
        .key_id(key_arn)
        .pending_window_in_days(days);
    call.send().await.heard("schedule the deletion of", key_arn).map(drop)
}

pub(crate) async fn cancel_key_deletion(aws: &Aws, key_arn: &str) -> Result<(), Fault> {
    let call = aws.kms_of(key_arn).cancel_key_deletion().key_id(key_arn);
    call.send().await.heard("cancel the deletion of", key_arn).map(drop)
}

/// The token is kept with the session, which passes it on until the grant is known everywhere.
pub(crate) async fn create_grant(aws: &Aws, spec: &GrantSpec) -> Result<CreatedGrant, Fault> {
    use aws_types::request_id::RequestId;

    let (act, key_arn) = ("create a grant on", spec.key_arn.as_str());
    let operations = spec.operations.iter().map(|word| GrantOperation::from(word.as_str()));
    let call = aws
        .kms_of(key_arn)
        .create_grant()
        .key_id(key_arn)
        .grantee_principal(&spec.grantee)
        .set_operations(Some(operations.collect()))
        .set_constraints(spec.constraint.as_ref().map(constraints))
        .set_retiring_principal(spec.retiring.clone())
        .set_name(spec.name.clone());
    let answer = call.send().await.heard(act, key_arn)?;
    let request_id = answer.request_id().map(str::to_owned);
    let id = answer.grant_id.expected(act, key_arn, "grant id")?;
    if let Some(token) = answer.grant_token {
        aws.tokens().keep(key_arn, &id, &spec.grantee, token);
    }
    Ok(CreatedGrant { id, request_id })
}

/// Answers the request id.
pub(crate) async fn revoke_grant(aws: &Aws, key_arn: &str, grant_id: &str) -> Result<Option<String>, Fault> {
    use aws_types::request_id::RequestId;

    let call = aws.kms_of(key_arn).revoke_grant().key_id(key_arn).grant_id(grant_id);
    let act = format!("revoke grant {grant_id} on");
    aws.tokens().forget(grant_id);
    let answer = call.send().await.heard(&act, key_arn)?;
    Ok(answer.request_id().map(str::to_owned))
}

pub(crate) async fn retire_grant(aws: &Aws, key_arn: &str, grant_id: &str) -> Result<(), Fault> {
    let call = aws.kms_of(key_arn).retire_grant().key_id(key_arn).grant_id(grant_id);
    let act = format!("retire grant {grant_id} on");
    aws.tokens().forget(grant_id);
    call.send().await.heard(&act, key_arn).map(drop)
}

fn constraints(constraint: &GrantConstraint) -> GrantConstraints {
    let map = |pairs: &[(String, String)]| pairs.iter().cloned().collect::<HashMap<_, _>>();
    let builder = GrantConstraints::builder();
    match constraint {
        GrantConstraint::ContextEquals(pairs) => builder.set_encryption_context_equals(Some(map(pairs))),
        GrantConstraint::ContextSubset(pairs) => builder.set_encryption_context_subset(Some(map(pairs))),
    }
    .build()
}

fn tags(object: &str, tags: &BTreeMap<String, String>) -> Result<Vec<Tag>, Fault> {
    let built: Result<_, BuildError> = tags
        .iter()
        .map(|(name, value)| Tag::builder().tag_key(name).tag_value(value).build())
        .collect();
    built.map_err(|error| Fault::invalid("tag", object, error.to_string(), ""))
}
