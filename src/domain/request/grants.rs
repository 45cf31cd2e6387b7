//! Requests about grants.

use std::collections::BTreeMap;

use super::command::{CommandLine, Session};
use super::facts::{Ask, Facts, Touch};
use super::names::{Names, principal};
use crate::domain::{GrantConstraint, GrantSpec};

/// A request that is about grants.
#[derive(Debug, Clone, PartialEq)]
pub enum GrantRequest {
    /// Revoke a grant.
    Revoke {
        /// The key's ARN.
        key_arn: String,
        /// The grant's id.
        grant_id: String,
        /// Whose grant it is, as ARN: for those who are asked.
        grantee: String,
    },
    /// Let a principal use a key, with everything chosen. Its token is used by this session at once.
    New(Box<GrantSpec>),
    /// Wait until a new grant works without its token.
    Await {
        /// The key's ARN.
        key_arn: String,
        /// The grant's id.
        grant_id: String,
        /// The grantee, a role that the caller may assume.
        grantee: String,
    },
    /// Give a grant up, as its grantee or retiring principal.
    Retire {
        /// The key's ARN.
        key_arn: String,
        /// The grant's id.
        grant_id: String,
        /// Whose grant it is, as ARN: for those who are asked.
        grantee: String,
    },
    /// List the grants of every key of the account.
    List,
}

impl GrantRequest {
    /// Whose grant it is about.
    pub(crate) fn grantee(&self) -> Option<&str> {
        match self {
            Self::New(spec) => Some(&spec.grantee),
            Self::Revoke { grantee, .. } | Self::Await { grantee, .. } | Self::Retire { grantee, .. } => Some(grantee),
            Self::List => None,
        }
    }

    pub(super) fn facts(&self, names: &Names<'_>) -> Facts {
        match self {
            Self::New(spec) => {
                let (to, key) = (principal(&spec.grantee), names.key(&spec.key_arn));
                let title = format!("grant {to} {} with {key}", spec.operations.join(", "));
                let when = match &spec.constraint {
                    None => String::new(),
                    Some(GrantConstraint::ContextEquals(pairs)) => {
                        format!(" whose context is exactly {}", listed(pairs))
                    }
                    Some(GrantConstraint::ContextSubset(pairs)) => format!(" whose context holds {}", listed(pairs)),
                };
                Facts::change("create a grant on", &spec.key_arn, title)
                    .consequence(format!(
                        "Until it is revoked: whoever is {to} can do that with everything under the key{when}."
                    ))
                    .touching([Touch::Grants(spec.key_arn.clone())])
            }
            Self::Revoke { key_arn, grantee, .. } => {
                let still = " It takes some minutes to reach everywhere; a job that has unwrapped its data key keeps \
                             it.";
                ends("revoke a grant on", key_arn, grantee, names, ("", still))
            }
            Self::Retire { key_arn, grantee, .. } => {
                let who = "Only its grantee, its retiring principal or the account may. ";
                ends("retire a grant on", key_arn, grantee, names, (who, ""))
            }
            Self::Await { key_arn, grantee, .. } => {
                let (to, key) = (principal(grantee), names.key(key_arn));
                let title = format!("wait until the grant of {to} on {key} is known everywhere");
                Facts::reading("wait for the grant on", key_arn, title)
            }
            Self::List => Facts::reading("list", "grants", "list the grants of every key"),
        }
    }

    pub(super) fn commands(&self, _session: &Session) -> Vec<CommandLine> {
        let by_id = |call: &str, key_arn: &String, grant_id: &String| {
            let line = CommandLine::aws(call).with("--key-id", key_arn);
            vec![line.with("--grant-id", grant_id)]
        };
        match self {
            Self::New(spec) => vec![new_grant(spec)],
            Self::Revoke { key_arn, grant_id, .. } => by_id("kms revoke-grant", key_arn, grant_id),
            Self::Retire { key_arn, grant_id, .. } => by_id("kms retire-grant", key_arn, grant_id),
            Self::Await { .. } | Self::List => Vec::new(),
        }
    }
}

/// What ends a grant, and what is said before and after what that means.
fn ends(act: &'static str, key_arn: &str, grantee: &str, names: &Names<'_>, (before, after): (&str, &str)) -> Facts {
    let (to, key) = (principal(grantee), names.key(key_arn));
    let verb = act.trim_end_matches(" a grant on");
    let title = format!("{verb} the grant of {to} on {key}");
    Facts::change(act, key_arn, title)
        .consequence(format!(
            "{before}Then {to} is denied, unless a policy or another grant allows it.{after}"
        ))
        .touching([Touch::Grants(key_arn.to_owned())])
        .asking(Ask::Yes)
}

fn new_grant(spec: &GrantSpec) -> CommandLine {
    let constraint = spec.constraint.as_ref().map(|constraint| {
        let (kind, pairs) = match constraint {
            GrantConstraint::ContextEquals(pairs) => ("EncryptionContextEquals", pairs),
            GrantConstraint::ContextSubset(pairs) => ("EncryptionContextSubset", pairs),
        };
        let pairs: BTreeMap<_, _> = pairs.iter().cloned().collect();
        serde_json::json!({ kind: pairs }).to_string()
    });
    CommandLine::aws("kms create-grant")
        .with("--key-id", &spec.key_arn)
        .with("--grantee-principal", &spec.grantee)
        .words(["--operations"])
        .words(&spec.operations)
        .optional("--constraints", constraint.as_ref())
        .optional("--name", spec.name.as_ref())
        .optional("--retiring-principal", spec.retiring.as_ref())
}

fn listed(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(", ")
}
