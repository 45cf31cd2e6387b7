//! What a role may do, concluded from the key's policy, the role's policies and the key's grants. Not a proof: conditions,
//! service control policies and permission boundaries are not looked at, and every step says what it rests on.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::actions::roles;
use crate::aws::{Aws, kms};
use crate::domain::explain::GRANTABLE;
use crate::domain::policy::{self, Decision, Question};
use crate::domain::{Arn, Fault, Grant, KeyState, ProofStep, RolePolicies};

/// What could be read.
struct Evidence {
    role_arn: String,
    account: String,
    key_arn: String,
    /// Whether the key is enabled.
    usable: Result<bool, String>,
    key_policy: Result<Value, String>,
    role: Result<RolePolicies, String>,
    grants: Result<Vec<Grant>, String>,
}

pub(super) async fn steps(
    aws: &Aws,
    key_arn: &str,
    role_arn: &str,
    context: &BTreeMap<String, String>,
) -> Result<Vec<ProofStep>, Fault> {
    let evidence = Evidence::gather(aws, key_arn, role_arn).await?;
    Ok(GRANTABLE
        .iter()
        .map(|operation| evidence.conclude(operation, context))
        .collect())
}

impl Evidence {
    async fn gather(aws: &Aws, key_arn: &str, role_arn: &str) -> Result<Self, Fault> {
        let name = policy::role_name(role_arn);
        let (described, key_policy, role, grants) = futures::join!(
            kms::describe_key(aws, key_arn),
            kms::key_policy(aws, key_arn),
            roles::policies(aws, name),
            kms::list_grants(aws, key_arn).every()
        );
        if [described.is_err(), key_policy.is_err(), role.is_err(), grants.is_err()] == [true; 4] {
            // Nothing to reason from.
            return Err(described
                .err()
                .unwrap_or_else(|| Fault::denied("reason about", key_arn, "nothing can be read", "")));
        }
        Ok(Self {
            role_arn: role_arn.to_owned(),
            account: Arn::account_of(role_arn).to_owned(),
            key_arn: key_arn.to_owned(),
            usable: described
                .map(|key| key.detail.is_none_or(|detail| detail.state == KeyState::Enabled))
                .map_err(|fault| fault.cause),
            key_policy: key_policy
                .map_err(|fault| fault.cause)
                .and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string())),
            role: role.map_err(|fault| fault.cause),
            grants: grants.map_err(|fault| fault.cause),
        })
    }

    /// KMS's order: a Deny wins; the key policy by name; the key policy by account with the role's own; a grant.
    fn conclude(&self, operation: &str, context: &BTreeMap<String, String>) -> ProofStep {
        let action = format!("kms:{operation}");
        let question = Question {
            principal: &self.role_arn,
            account: &self.account,
            action: &action,
            resource: &self.key_arn,
        };
        let mut unread = Vec::new();
        if let Err(cause) = &self.usable {
            unread.push(format!("the key's state ({cause})"));
        }
        let by_key = match &self.key_policy {
            Ok(document) => Some(policy::decide(document, &question)),
            Err(cause) => {
                unread.push(format!("the key policy ({cause})"));
                None
            }
        };
        let own = self.own(&question, &mut unread);
        let grant = match &self.grants {
            Ok(grants) => grants.iter().find(|grant| self.is_granted(grant, operation, context)),
            Err(cause) => {
                unread.push(format!("the grants ({cause})"));
                None
            }
        };
        let by_key_decision = by_key.as_ref().map(|verdict| verdict.decision);
        let (allowed, reason) = if self.usable == Ok(false) {
            (false, "the key is not enabled".to_owned())
        } else if own.decision == Decision::Denied {
            (false, format!("the role's {} denies it", own.statement))
        } else if by_key_decision == Some(Decision::Denied) {
            let statement = by_key
                .as_ref()
                .map(|verdict| verdict.statement.as_str())
                .unwrap_or_default();
            (false, format!("the key policy's {statement} denies it"))
        } else if by_key_decision == Some(Decision::Allowed) {
            let statement = by_key
                .as_ref()
                .map(|verdict| verdict.statement.as_str())
                .unwrap_or_default();
            (true, format!("the key policy's {statement} allows it"))
        } else if by_key_decision == Some(Decision::Delegated) && own.decision == Decision::Allowed {
            (
                true,
                format!(
                    "the key policy leaves it to the account, and the role's {} allows it",
                    own.statement
                ),
            )
        } else if let Some(grant) = grant {
            let name = grant.name.as_deref().unwrap_or(&grant.id);
            (true, format!("the grant {name} allows it, once it is known everywhere"))
        } else {
            (
                false,
                "neither the key policy, nor the role's policies, nor a grant allows it".to_owned(),
            )
        };
        let maybe = by_key.and_then(|verdict| verdict.conditional).or(own.conditional);
        let mut parts = vec![format!("reasoned: {reason}")];
        if let (false, Some(statement)) = (allowed, maybe) {
            parts.push(format!("{statement} might, under a condition that was not evaluated"));
        }
        if !unread.is_empty() {
            parts.push(format!("could not be read: {}", unread.join(", ")));
        }
        ProofStep {
            operation: operation.to_owned(),
            allowed,
            reason: Some(parts.join("; ")),
            request_id: None,
        }
    }

    /// The role's own policies together: one Deny wins, else one Allow.
    fn own(&self, question: &Question<'_>, unread: &mut Vec<String>) -> policy::Verdict {
        let mut sum = policy::Verdict {
            decision: Decision::Silent,
            statement: String::new(),
            conditional: None,
        };
        let role = match &self.role {
            Ok(role) => role,
            Err(cause) => {
                unread.push(format!("the role's policies ({cause})"));
                return sum;
            }
        };
        let inline = role.inline.iter().map(|(name, document)| (name, Some(document)));
        let attached = role.attached.iter().map(|(arn, document)| (arn, document.as_ref()));
        for (name, document) in attached.chain(inline) {
            let Some(document) = document.and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
                unread.push(format!("the policy {name}"));
                continue;
            };
            let verdict = policy::of_identity(&document, question);
            sum.conditional = sum.conditional.or(verdict.conditional);
            let decides = verdict.decision == Decision::Denied
                || (verdict.decision == Decision::Allowed && sum.decision == Decision::Silent);
            if decides {
                sum.decision = verdict.decision;
                sum.statement = format!("policy {name}, {},", verdict.statement);
            }
            if sum.decision == Decision::Denied {
                break;
            }
        }
        sum
    }

    fn is_granted(&self, grant: &Grant, operation: &str, context: &BTreeMap<String, String>) -> bool {
        let holds = grant.constraint.as_ref().is_none_or(|of| of.holds_in(context));
        grant.grantee == self.role_arn && holds && grant.operations.iter().any(|allowed| allowed == operation)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::GrantConstraint;

    const ROLE: &str = "arn:aws:iam::111122223333:role/trainer";
    const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1";

    fn evidence() -> Evidence {
        Evidence {
            role_arn: ROLE.to_owned(),
            account: "111122223333".to_owned(),
            key_arn: KEY.to_owned(),
            usable: Ok(true),
            key_policy: Ok(json!({"Statement": [{
                "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"
            }]})),
            role: Ok(RolePolicies::default()),
            grants: Ok(Vec::new()),
        }
    }

    fn grant(constraint: Option<GrantConstraint>) -> Grant {
        Grant {
            id: "g".to_owned(),
            key_arn: KEY.to_owned(),
            name: Some("training".to_owned()),
            grantee: ROLE.to_owned(),
            retiring: None,
            operations: vec!["Decrypt".to_owned()],
            constraint,
            created: None,
        }
    }

    fn allowed(evidence: &Evidence, operation: &str) -> bool {
        evidence.conclude(operation, &BTreeMap::new()).allowed
    }

    #[test]
    fn a_delegating_key_policy_alone_allows_nothing() {
        let step = evidence().conclude("Decrypt", &BTreeMap::new());
        assert!(!step.allowed);
        assert!(
            step.reason
                .is_some_and(|reason| reason.starts_with("reasoned: neither"))
        );
        assert_eq!(step.request_id, None);
    }

    #[test]
    fn a_grant_allows_its_operations_under_its_constraint() {
        let mut evidence = evidence();
        evidence.grants = Ok(vec![grant(None)]);
        assert!(allowed(&evidence, "Decrypt"));
        assert!(!allowed(&evidence, "Encrypt"));
        let team = vec![("team".to_owned(), "blue".to_owned())];
        evidence.grants = Ok(vec![grant(Some(GrantConstraint::ContextSubset(team.clone())))]);
        assert!(!allowed(&evidence, "Decrypt"));
        assert!(evidence.conclude("Decrypt", &team.into_iter().collect()).allowed);
    }

    #[test]
    fn delegation_needs_the_roles_own_policy_and_a_deny_beats_the_grant() {
        let mut evidence = evidence();
        let inline = |effect: &str| {
            let document = json!({"Statement": {"Effect": effect, "Action": "kms:Decrypt", "Resource": "*"}});
            RolePolicies {
                inline: vec![("data".to_owned(), document.to_string())],
                ..RolePolicies::default()
            }
        };
        evidence.role = Ok(inline("Allow"));
        assert!(allowed(&evidence, "Decrypt"));
        evidence.role = Ok(inline("Deny"));
        evidence.grants = Ok(vec![grant(None)]);
        assert!(!allowed(&evidence, "Decrypt"));
    }

    #[test]
    fn what_could_not_be_read_is_said() {
        let mut evidence = evidence();
        evidence.grants = Err("denied".to_owned());
        let reason = evidence
            .conclude("Decrypt", &BTreeMap::new())
            .reason
            .unwrap_or_default();
        assert!(reason.contains("could not be read: the grants (denied)"), "{reason}");
    }

    #[test]
    fn a_key_that_is_off_allows_nothing() {
        let mut evidence = evidence();
        evidence.usable = Ok(false);
        evidence.grants = Ok(vec![grant(None)]);
        assert!(!allowed(&evidence, "Decrypt"));
    }
}
