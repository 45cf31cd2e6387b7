//! Refusals by what was asked for: whose policy that is, and what mends it.

use super::{Guardrail, OF_AWS, is_of_aws, may_be_granted, of_keeper, refusal};
use crate::domain::{Arn, ObjectUri};

/// What people call the policy of what a call is made on.
pub(super) fn policy_of(call: &str) -> &'static str {
    match call.split_once(':').map_or("", |(service, _)| service) {
        "s3" => "the bucket's policy",
        "kms" => "the key's policy",
        "sts" => "the role's trust policy",
        "ecr" => "the repository's policy",
        _ => "the resource's own policy",
    }
}

/// What a Deny may want of a call that has it to give: guardrails deny roles and jobs that are made without it.
pub(super) fn wanted_by_deny(call: &str) -> Option<String> {
    if call == "sagemaker:CreateTrainingJob" {
        return Some(
            "a policy denies it, perhaps only without what [jobs] of the configuration can give (subnets and security-groups, volume-key, \
             tags, encrypt-between-hosts): set what its condition wants, or whoever keeps that policy must change it"
                .to_owned(),
        );
    }
    ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:TagRole"].contains(&call).then(|| {
        format!(
            "give the role the path, tags or permissions boundary that the Deny of {call} wants (in its form, or in [roles] of \
             the configuration), or ask for the permission in IAM"
        )
    })
}

/// What ends a lock of S3's, which no permission and no grant does.
const LOCKED: &str = "Object Lock protects this version: a legal hold until it is taken off (aws s3api put-object-legal-hold), \
    GOVERNANCE until its date, but for who may s3:BypassGovernanceRetention (aws s3api delete-object \
    --bypass-governance-retention), COMPLIANCE until its date for everybody; aws s3api get-object-retention and get-object-legal-hold \
    say which it is";

/// Whether S3 refuses because of a lock.
pub fn is_locked(message: &str) -> bool {
    message.contains("protected by object lock")
}

/// What to try about a refusal, by who AWS says refused it; `None` where it is about a key, which grants may open.
pub fn remedy_of_denied(message: &str, code: &str, object: &str) -> Option<String> {
    if is_locked(message) {
        return Some(LOCKED.to_owned());
    }
    let Some(said) = refusal(message) else {
        // S3 gives no reason to other accounts, and none for some refusals. A version is named before its object.
        let named = object.rsplit(' ').next().unwrap_or(object);
        let is_in_s3 = code == "AccessDenied" && ObjectUri::parse(named).is_some();
        return is_in_s3.then(|| "ask for the permission in IAM or the bucket's policy".to_owned());
    };
    if let Some(guardrail) = Guardrail::in_words(message) {
        return Some(guardrail.remedy());
    }
    let whose = policy_of(said.call);
    if message.contains("explicit deny in a resource-based policy") {
        return Some(format!(
            "{whose} denies it: ask whoever owns it what it wants, or to change it"
        ));
    }
    if message.contains("explicit deny") {
        return Some(wanted_by_deny(said.call).unwrap_or_else(|| of_keeper("a policy of yours")));
    }
    let is_key = said.call.strip_prefix("kms:");
    if is_key.is_some() && (is_of_aws(object) || is_of_aws(said.on)) {
        return Some(OF_AWS.to_owned());
    }
    if is_key.is_some_and(may_be_granted) {
        return None;
    }
    let on = Arn::parse(said.on).map_or(said.on, |arn| arn.resource);
    if message.contains("no resource-based policy") {
        return Some(format!(
            "have {} allowed on {on} in {whose}: ask whoever owns it",
            said.call
        ));
    }
    Some(format!("ask for the permission in IAM: {} on {on}", said.call))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(call: &str, why: &str) -> Option<String> {
        let message = format!(
            "User: arn:aws:iam::1:user/ann is not authorized to perform: {call} on resource: \"arn:aws:s3:::b/k\" {why}"
        );
        remedy_of_denied(&message, "AccessDenied", "s3://b/k")
    }

    #[test]
    fn a_remedy_is_about_the_policy_that_refused() {
        let table = "\
            s3:PutObject with an explicit deny in a resource-based policy => the bucket's policy denies it
            kms:Decrypt with an explicit deny in a resource-based policy => the key's policy denies it
            s3:GetObject because no resource-based policy allows the s3:GetObject action => in the bucket's policy
            s3:GetObject because no identity-based policy allows the s3:GetObject action => in IAM
            s3:GetObject with an explicit deny in an identity-based policy => whoever keeps that policy must change it
            kms:Decrypt with an explicit deny in an identity-based policy => a policy of yours denies it
            sagemaker:CreateTrainingJob with an explicit deny in an identity-based policy => encrypt-between-hosts
            kms:CreateGrant because no identity-based policy allows the kms:CreateGrant action => ask for the permission in IAM: kms:CreateGrant
            kms:ListKeys because no identity-based policy allows the kms:ListKeys action => ask for the permission in IAM: kms:ListKeys
            s3:GetObject with an explicit deny in a service control policy => the service control policy is
            kms:Decrypt because no permissions boundary allows the kms:Decrypt action => the permissions boundary is";
        for row in table.lines() {
            let (refused, words) = row.trim().split_once(" => ").unwrap();
            let (call, why) = refused.split_once(' ').unwrap();
            let said = remedy(call, why).unwrap_or_default();
            let offers = said.contains("create a grant") || said.contains("grant for");
            assert!(said.contains(words) && !offers, "{row}: {said}");
        }
        for call in ["kms:Encrypt", "kms:GenerateDataKey", "kms:Sign"] {
            assert_eq!(
                remedy(call, "because no identity-based policy allows it"),
                None,
                "{call}"
            );
        }
        assert_eq!(
            remedy("kms:Decrypt", "because no identity-based policy allows it"),
            None
        );
    }

    #[test]
    fn a_key_that_aws_manages_is_opened_by_no_grant() {
        let message = "User: arn:aws:iam::1:user/ann is not authorized to perform: kms:GenerateDataKey on resource: \
                       arn:aws:kms:us-east-1:1:key/a because no resource-based policy allows the kms:GenerateDataKey action";
        for object in ["alias/aws/s3", "arn:aws:kms:us-east-1:1:alias/aws/s3"] {
            let said = remedy_of_denied(message, "AccessDeniedException", object).unwrap_or_default();
            assert!(
                said.contains("AWS managed key") && said.contains("customer managed key"),
                "{said}"
            );
        }
        assert_eq!(remedy_of_denied(message, "AccessDeniedException", "alias/data"), None);
    }

    #[test]
    fn what_a_lock_refuses_is_remedied_by_what_ends_the_lock_and_not_by_a_permission() {
        let message = "Access Denied because object protected by object lock.";
        for object in ["s3://b/k", "version 7 of s3://b/k"] {
            let said = remedy_of_denied(message, "AccessDenied", object).unwrap_or_default();
            let words = ["legal hold", "BypassGovernanceRetention", "COMPLIANCE until its date"];
            assert!(words.iter().all(|word| said.contains(word)), "{said}");
            assert!(!said.contains("grant for") && !said.contains("in IAM"), "{said}");
        }
    }

    #[test]
    fn a_refusal_without_a_reason_is_about_what_it_was_on() {
        let of = |code, object| remedy_of_denied("Access Denied", code, object);
        for object in ["s3://b/k", "version 7 of s3://b/k"] {
            assert!(of("AccessDenied", object).is_some_and(|said| said.contains("the bucket's policy")));
        }
        assert_eq!(of("AccessDeniedException", "alias/data"), None);
    }
}
