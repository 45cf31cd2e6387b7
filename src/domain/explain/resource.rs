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

/// What to try about a refusal, by who AWS says refused it; `None` where it is about a key, which grants may open.
pub fn remedy_of_denied(message: &str, code: &str, object: &str) -> Option<String> {
    let Some(said) = refusal(message) else {
        // S3 gives no reason to other accounts, and none for some refusals.
        let is_in_s3 = code == "AccessDenied" && ObjectUri::parse(object).is_some();
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
        for (call, why, words) in [
            (
                "s3:PutObject",
                "with an explicit deny in a resource-based policy",
                "the bucket's policy denies it",
            ),
            (
                "kms:Decrypt",
                "with an explicit deny in a resource-based policy",
                "the key's policy denies it",
            ),
            (
                "s3:GetObject",
                "because no resource-based policy allows the s3:GetObject action",
                "in the bucket's policy",
            ),
            (
                "s3:GetObject",
                "because no identity-based policy allows the s3:GetObject action",
                "in IAM",
            ),
            (
                "s3:GetObject",
                "with an explicit deny in an identity-based policy",
                "whoever keeps that policy must change it",
            ),
            (
                "kms:Decrypt",
                "with an explicit deny in an identity-based policy",
                "a policy of yours denies it",
            ),
            (
                "sagemaker:CreateTrainingJob",
                "with an explicit deny in an identity-based policy",
                "encrypt-between-hosts",
            ),
            (
                "kms:CreateGrant",
                "because no identity-based policy allows the kms:CreateGrant action",
                "ask for the permission in IAM: kms:CreateGrant",
            ),
            (
                "kms:ListKeys",
                "because no identity-based policy allows the kms:ListKeys action",
                "ask for the permission in IAM: kms:ListKeys",
            ),
            (
                "s3:GetObject",
                "with an explicit deny in a service control policy",
                "the service control policy is",
            ),
            (
                "kms:Decrypt",
                "because no permissions boundary allows the kms:Decrypt action",
                "the permissions boundary is",
            ),
        ] {
            let said = remedy(call, why).unwrap_or_default();
            let offers = said.contains("create a grant") || said.contains("grant for");
            assert!(said.contains(words) && !offers, "{call} {why}: {said}");
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
    fn a_refusal_without_a_reason_is_about_what_it_was_on() {
        let of = |code, object| remedy_of_denied("Access Denied", code, object);
        assert!(of("AccessDenied", "s3://b/k").is_some_and(|said| said.contains("the bucket's policy")));
        assert_eq!(of("AccessDeniedException", "alias/data"), None);
    }
}
