//! Requests about execution roles.

use super::command::{self, CommandLine, Session};
use super::facts::{Ask, Facts, Touch};
use super::names::Names;
use crate::domain::{RoleSpec, policy};

/// A request that is about an execution role.
#[derive(Debug, Clone, PartialEq)]
pub enum RoleRequest {
    /// Create an execution role for this training.
    New(Box<RoleSpec>),
    /// Read a role's trust and permission policies.
    Policies {
        /// The role's name.
        role: String,
    },
    /// Take a policy off a role: an ARN is detached, a name deleted.
    DetachPolicy {
        /// The role's name.
        role: String,
        /// ARN of an attached policy, or name of an inline one.
        policy: String,
    },
    /// Take every policy off a role, then delete it.
    Delete {
        /// The role's name.
        role: String,
    },
    /// Let the caller assume a role, or no longer. Whoever may, can read what the role can.
    TrustCaller {
        /// The role's name.
        role: String,
        /// Whether the caller is trusted afterwards.
        on: bool,
    },
    /// Let SageMaker assume a role.
    TrustService {
        /// The role's name.
        role: String,
    },
}

impl RoleRequest {
    pub(super) fn facts(&self, _names: &Names<'_>) -> Facts {
        match self {
            Self::New(spec) => {
                let (access, consequence) = if spec.full_access {
                    (", with full access", "It has AmazonSageMakerFullAccess.")
                } else {
                    ("", "It has the least policy, and no key.")
                };
                let path = spec.settings.spelled_path().unwrap_or_default();
                let named = format!("{}{}", path.trim_start_matches('/'), spec.name);
                let bounds = match &spec.settings.boundary {
                    Some(policy) => format!(" Its permissions boundary is {policy}."),
                    None => String::new(),
                };
                let title = format!("create the role {named} for the bucket {}{access}", spec.bucket);
                Facts::change("create role", &spec.name, title)
                    .consequence(format!(
                        "SageMaker of this account may assume it. {consequence}{bounds}"
                    ))
                    .finishing(
                        "The call under way is finished. A role that was made and not finished is deleted again.",
                    )
                    .touching([Touch::Roles])
            }
            Self::Policies { role } => Facts::reading(
                "read the policies of role",
                role,
                format!("read the policies of the role {role}"),
            ),
            Self::DetachPolicy { role, policy } => {
                let title = format!("take the policy {policy} off the role {role}");
                Facts::change("take a policy off role", role, title)
                    .consequence("Jobs that run as it lose what the policy allowed.")
                    .asking(Ask::Yes)
            }
            Self::Delete { role } => Facts::change("delete role", role, format!("delete the role {role}"))
                .consequence(
                    "Its policies go first. Jobs that run as it lose their access; grants to it stay on their keys, \
                     useless.",
                )
                .finishing(
                    "The call under way is finished and no other follows. Policies that were taken off stay off; they \
                     are named.",
                )
                .touching([Touch::Roles])
                .asking(Ask::Type(role.clone())),
            Self::TrustCaller { role, on: true } => {
                let title = format!("let yourself assume the role {role}");
                Facts::change("change the trust of role", role, title)
                    .consequence("Whoever may assume it can read the training data. `distrust me` takes it back.")
                    .touching([Touch::Roles])
                    .asking(Ask::Yes)
            }
            Self::TrustCaller { role, on: false } => {
                let title = format!("no longer let yourself assume the role {role}");
                Facts::change("change the trust of role", role, title)
                    .consequence("What others put into its trust policy stays.")
                    .touching([Touch::Roles])
            }
            Self::TrustService { role } => {
                let title = format!("let SageMaker assume the role {role}");
                Facts::change("change the trust of role", role, title)
                    .consequence("Jobs of this account can then run as it.")
                    .touching([Touch::Roles])
            }
        }
    }

    pub(super) fn commands(&self, session: &Session) -> Vec<CommandLine> {
        let of_role = |call: &str, role: &String| CommandLine::aws(call).with("--role-name", role);
        match self {
            Self::New(spec) => new_role(spec, session.account.as_deref().unwrap_or("ACCOUNT")),
            Self::Policies { role } => [
                "iam get-role",
                "iam list-attached-role-policies",
                "iam list-role-policies",
            ]
            .map(|call| of_role(call, role))
            .into(),
            Self::DetachPolicy { role, policy } if policy.starts_with("arn:") => {
                vec![of_role("iam detach-role-policy", role).with("--policy-arn", policy)]
            }
            Self::DetachPolicy { role, policy } => {
                vec![of_role("iam delete-role-policy", role).with("--policy-name", policy)]
            }
            Self::Delete { role } => vec![of_role("iam delete-role", role)],
            Self::TrustCaller { role, .. } | Self::TrustService { role } => vec![
                of_role("iam get-role", role).with("--query", "Role.AssumeRolePolicyDocument"),
                of_role("iam update-assume-role-policy", role).with("--policy-document", "file://TRUST.json"),
            ],
        }
    }
}

fn new_role(spec: &RoleSpec, account: &str) -> Vec<CommandLine> {
    let of_role = |call: &str| CommandLine::aws(call).with("--role-name", &spec.name);
    let allow = if spec.full_access {
        let arn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";
        of_role("iam attach-role-policy").with("--policy-arn", arn)
    } else {
        let document = policy::execution_policy(spec, "aws").to_string();
        of_role("iam put-role-policy")
            .with("--policy-name", "strongroom-training")
            .with("--policy-document", document)
    };
    let create = of_role("iam create-role")
        .with(
            "--assume-role-policy-document",
            policy::service_trust(account).to_string(),
        )
        .optional("--path", spec.settings.spelled_path().as_ref())
        .optional("--permissions-boundary", spec.settings.boundary.as_ref())
        .with("--tags", command::workflow_tag());
    let tags = spec.settings.tags.iter();
    let create = create.words(tags.map(|(name, value)| format!("Key={name},Value={value}")));
    vec![create, allow]
}
