//! IAM: the roles that a training job might run as, and their policies.

use std::collections::BTreeMap;

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, Role, Tag};
use percent_encoding::percent_decode_str;

use super::fault::{Expected, Heard};
use super::{Aws, List, Paged};
use crate::domain::{Fault, RoleSettings, RoleSummary};

/// A role as one looks at it alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleDetail {
    /// Its ARN, with its path.
    pub(crate) arn: String,
    /// The trust policy, JSON.
    pub(crate) trust: String,
    /// Its tags.
    pub(crate) tags: BTreeMap<String, String>,
}

pub(crate) fn list_roles(aws: &Aws) -> List<'_, RoleSummary> {
    let call = move |marker| aws.iam().list_roles().max_items(1000).set_marker(marker).send();
    List::of("list", "roles", call, |answer| {
        let rows = answer.roles().iter().map(summary).collect();
        Paged::new(Some(rows), answer.marker().filter(|_| answer.is_truncated()))
    })
}

/// One role by its name, without path.
pub(crate) async fn get_role(aws: &Aws, name: &str) -> Result<RoleSummary, Fault> {
    let role = look_up(aws, name).await?;
    Ok(summary(&role))
}

/// One role with its trust policy and tags.
pub(crate) async fn role_detail(aws: &Aws, name: &str) -> Result<RoleDetail, Fault> {
    let role = look_up(aws, name).await?;
    let trust = role
        .assume_role_policy_document()
        .expected("look up role", name, "trust policy")?;
    Ok(RoleDetail {
        arn: role.arn().to_owned(),
        trust: decoded(trust),
        tags: role
            .tags()
            .iter()
            .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
            .collect(),
    })
}

async fn look_up(aws: &Aws, name: &str) -> Result<Role, Fault> {
    let act = "look up role";
    let call = aws.iam().get_role().role_name(name);
    let answer = call.send().await.heard(act, name)?;
    answer.role.expected(act, name, "role")
}

/// A role with this trust policy, and as the settings have it; answers its ARN.
pub(crate) async fn create_role(aws: &Aws, name: &str, trust: &str, settings: &RoleSettings) -> Result<String, Fault> {
    let act = "create role";
    let tags: Result<Vec<_>, _> = settings
        .tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect();
    let tags = tags.map_err(|error| Fault::invalid(act, name, error.to_string(), ""))?;
    let call = aws
        .iam()
        .create_role()
        .role_name(name)
        .set_path(settings.spelled_path())
        .set_permissions_boundary(settings.boundary.clone())
        .assume_role_policy_document(trust)
        .description("Trains models on encrypted data; made by strongroom")
        .set_tags(Some(tags).filter(|tags| !tags.is_empty()));
    let answer = call.send().await.heard(act, name)?;
    let role = answer.role.expected(act, name, "role")?;
    Ok(role.arn)
}

pub(crate) async fn delete_role(aws: &Aws, name: &str) -> Result<(), Fault> {
    let call = aws.iam().delete_role().role_name(name);
    call.send().await.heard("delete role", name).map(drop)
}

pub(crate) async fn put_trust(aws: &Aws, name: &str, trust: &str) -> Result<(), Fault> {
    let call = aws
        .iam()
        .update_assume_role_policy()
        .role_name(name)
        .policy_document(trust);
    call.send().await.heard("change the trust of role", name).map(drop)
}

pub(crate) async fn put_role_policy(aws: &Aws, role: &str, policy: &str, document: &str) -> Result<(), Fault> {
    let call = aws
        .iam()
        .put_role_policy()
        .role_name(role)
        .policy_name(policy)
        .policy_document(document);
    call.send().await.heard("write a policy of role", role).map(drop)
}

pub(crate) async fn delete_role_policy(aws: &Aws, role: &str, policy: &str) -> Result<(), Fault> {
    let call = aws.iam().delete_role_policy().role_name(role).policy_name(policy);
    let act = format!("delete policy {policy} of role");
    call.send().await.heard(&act, role).map(drop)
}

pub(crate) async fn attach_role_policy(aws: &Aws, role: &str, policy_arn: &str) -> Result<(), Fault> {
    let call = aws.iam().attach_role_policy().role_name(role).policy_arn(policy_arn);
    let act = format!("attach {policy_arn} to role");
    call.send().await.heard(&act, role).map(drop)
}

pub(crate) async fn detach_role_policy(aws: &Aws, role: &str, policy_arn: &str) -> Result<(), Fault> {
    let call = aws.iam().detach_role_policy().role_name(role).policy_arn(policy_arn);
    let act = format!("detach {policy_arn} from role");
    call.send().await.heard(&act, role).map(drop)
}

/// ARNs of the policies attached to a role.
pub(crate) async fn attached_policies(aws: &Aws, role: &str) -> Result<Vec<String>, Fault> {
    let call = move |marker| {
        let call = aws.iam().list_attached_role_policies().role_name(role);
        call.set_marker(marker).send()
    };
    let list = List::of("list the policies of role", role, call, |answer| {
        let rows = answer.attached_policies().iter();
        let arns = rows.map(|policy| policy.policy_arn().map(str::to_owned));
        Paged::new(arns.collect(), answer.marker().filter(|_| answer.is_truncated()))
    });
    list.every().await
}

/// The inline policies of a role, by name.
pub(crate) async fn inline_policies(aws: &Aws, role: &str) -> Result<Vec<(String, String)>, Fault> {
    let call = move |marker| aws.iam().list_role_policies().role_name(role).set_marker(marker).send();
    let names = List::of("list the inline policies of role", role, call, |answer| {
        let names = answer.policy_names().to_vec();
        Paged::new(Some(names), answer.marker().filter(|_| answer.is_truncated()))
    });
    let mut found = Vec::new();
    for name in names.every().await? {
        let call = aws.iam().get_role_policy().role_name(role).policy_name(&name);
        let answer = call.send().await.heard("read an inline policy of role", role)?;
        found.push((name, decoded(answer.policy_document())));
    }
    Ok(found)
}

/// The document of a managed policy in its default version.
pub(crate) async fn managed_policy(aws: &Aws, policy_arn: &str) -> Result<String, Fault> {
    let act = "read policy";
    let call = aws.iam().get_policy().policy_arn(policy_arn);
    let answer = call.send().await.heard(act, policy_arn)?;
    let version = answer
        .policy()
        .and_then(|policy| policy.default_version_id())
        .expected(act, policy_arn, "default version")?
        .to_owned();
    let call = aws
        .iam()
        .get_policy_version()
        .policy_arn(policy_arn)
        .version_id(version);
    let answer = call.send().await.heard(act, policy_arn)?;
    answer
        .policy_version()
        .and_then(|version| version.document())
        .map(decoded)
        .expected(act, policy_arn, "document")
}

/// What IAM's simulator says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Simulated {
    Allowed,
    /// Nothing allows it.
    NotAllowed,
    /// A Deny fits it: no Allow helps.
    Denied,
}

/// Whether `principal` (a user's or role's ARN) may do `action` on `resource`, as IAM simulates it.
pub(crate) async fn simulate(
    aws: &Aws,
    principal: &str,
    action: &str,
    resource: &str,
    conditions: &[(&str, &str)],
) -> Result<Simulated, Fault> {
    let act = format!("simulate {action} of");
    let entry = |(name, value): &(&str, &str)| {
        ContextEntry::builder()
            .context_key_name(*name)
            .context_key_type(ContextKeyTypeEnum::String)
            .context_key_values(*value)
            .build()
    };
    let call = aws
        .iam()
        .simulate_principal_policy()
        .policy_source_arn(principal)
        .action_names(action)
        .resource_arns(resource)
        .set_context_entries(Some(conditions.iter().map(entry).collect()));
    let answer = call.send().await.heard(&act, principal)?;
    let result = answer
        .evaluation_results()
        .first()
        .expected(&act, principal, "result")?;
    Ok(decision(result.eval_decision().as_str()))
}

/// What IAM's simulator says of several actions on one resource, by a principal's own policies alone: for each action its
/// answer, and the policy that decided.
pub(crate) async fn simulate_all(
    aws: &Aws,
    principal: &str,
    actions: &[String],
    resource: &str,
) -> Result<Vec<(Simulated, String)>, Fault> {
    let act = "simulate what its policies allow";
    let call = move |marker| {
        let call = aws.iam().simulate_principal_policy().policy_source_arn(principal);
        let call = call.set_action_names(Some(actions.to_vec())).resource_arns(resource);
        call.max_items(1000).set_marker(marker).send()
    };
    let list = List::of(act, principal, call, |answer| {
        let rows = answer.evaluation_results().iter().map(|result| {
            let mut policies = result.matched_statements().iter();
            let policy = policies.find_map(|statement| statement.source_policy_id());
            let name = result.eval_action_name().to_owned();
            let decision = decision(result.eval_decision().as_str());
            (name, decision, policy.unwrap_or("a policy").to_owned())
        });
        Paged::new(Some(rows.collect()), answer.marker().filter(|_| answer.is_truncated()))
    });
    let answers = list.every().await?;
    let of = |action: &String| {
        let mut found = answers.iter();
        let found = found.find(|(name, ..)| name.eq_ignore_ascii_case(action));
        found.map(|(_, decision, policy)| (*decision, policy.clone()))
    };
    let all: Option<Vec<_>> = actions.iter().map(of).collect();
    all.expected(act, principal, "answer to one of the actions")
}

fn decision(word: &str) -> Simulated {
    match word {
        "allowed" => Simulated::Allowed,
        "explicitDeny" => Simulated::Denied,
        _ => Simulated::NotAllowed,
    }
}

fn summary(role: &Role) -> RoleSummary {
    RoleSummary {
        name: role.role_name().to_owned(),
        arn: role.arn().to_owned(),
        trusts_sagemaker: role.assume_role_policy_document().is_some_and(trusts_sagemaker),
    }
}

fn trusts_sagemaker(document: &str) -> bool {
    decoded(document).contains("\"sagemaker.amazonaws.com\"")
}

/// Documents arrive percent-encoded.
fn decoded(document: &str) -> String {
    percent_decode_str(document).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::trusts_sagemaker;

    #[test]
    fn trust_is_read_from_encoded_and_plain_documents() {
        assert!(trusts_sagemaker("%7B%22Service%22%3A%22sagemaker.amazonaws.com%22%7D"));
        assert!(trusts_sagemaker(r#"{"Service":["sagemaker.amazonaws.com"]}"#));
        assert!(!trusts_sagemaker(r#"{"Service":"ec2.amazonaws.com"}"#));
    }
}
