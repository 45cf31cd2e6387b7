//! Requests about access proofs.

use std::collections::BTreeMap;

use super::command::CommandLine;
use super::facts::{Ask, Facts, Touch};
use super::names::{Names, principal};

/// A request that proves who may do what.
#[derive(Debug, Clone, PartialEq)]
pub enum ProofRequest {
    /// Assume the role and try the key: the access proof.
    Access {
        /// The key's ARN; at the command line also its id or alias.
        key_arn: String,
        /// The role's ARN; there also its name.
        role_arn: String,
        /// Encryption context of what is tried.
        context: BTreeMap<String, String>,
        /// Whether the role is made to trust the caller for the proof, and no longer.
        trust: bool,
    },
    /// Prove what stands between an object and its readers.
    Object {
        /// Bucket.
        bucket: String,
        /// Object key.
        object: String,
        /// The role that is tried.
        role_arn: String,
        /// Whether the role is granted the key for the last step, and the grant revoked afterwards.
        grant: bool,
    },
    /// The whole story of an access proof: denied, granted, allowed, revoked, denied.
    GrantCycle {
        /// The key's ARN; at the command line also its id or alias.
        key_arn: String,
        /// The role's ARN; there also its name.
        role_arn: String,
        /// Encryption context of what is tried.
        context: BTreeMap<String, String>,
    },
}

/// What was lent for a proof does not stay.
const LENT: &str = "What was lent for the proof, a grant or trust, is taken back first.";

impl ProofRequest {
    pub(super) fn facts(&self, names: &Names<'_>) -> Facts {
        match self {
            Self::Access {
                key_arn,
                role_arn,
                trust: false,
                ..
            } => {
                let title = format!("prove what {} may do with {}", principal(role_arn), names.key(key_arn));
                Facts::reading("prove access to", key_arn, title)
            }
            Self::Access {
                key_arn,
                role_arn,
                trust: true,
                ..
            } => {
                let (role, key) = (principal(role_arn), names.key(key_arn));
                let title = format!("let yourself assume {role} to prove what it may do with {key}");
                Facts::change("prove access to", key_arn, title)
                    .consequence(
                        "Whoever may assume it can read the training data. That is taken back as soon as the proof is \
                         done.",
                    )
                    .finishing(LENT)
                    .asking(Ask::Yes)
            }
            Self::GrantCycle { key_arn, role_arn, .. } => {
                let title = format!(
                    "prove that {} needs a grant for {}",
                    principal(role_arn),
                    names.key(key_arn)
                );
                Facts::change("prove access to", key_arn, title)
                    .consequence(
                        "Expect denied, grant, expect allowed, revoke, expect denied: everything is left as it was.",
                    )
                    .finishing(LENT)
                    .touching([Touch::Grants(key_arn.clone())])
            }
            Self::Object {
                bucket,
                object,
                role_arn,
                grant,
            } => {
                let place = format!("s3://{bucket}/{object}");
                let granting = if *grant { ", granting it the key meanwhile" } else { "" };
                let title = format!("prove {place} with {}{granting}", principal(role_arn));
                if !grant {
                    return Facts::reading("prove", place, title).finishing(LENT);
                }
                Facts::change("prove", place, title)
                    .consequence("The grant is revoked when the proof is done.")
                    .finishing(LENT)
                    .touching([Touch::AllGrants])
            }
        }
    }

    pub(super) fn commands(&self) -> Vec<CommandLine> {
        let prove = |key_arn: &String, role_arn: &String, context| {
            let line = CommandLine::strongroom("prove").with("--key", key_arn);
            line.with("--role", role_arn).context(context)
        };
        match self {
            Self::Access {
                key_arn,
                role_arn,
                context,
                ..
            } => vec![prove(key_arn, role_arn, context)],
            Self::GrantCycle {
                key_arn,
                role_arn,
                context,
            } => vec![prove(key_arn, role_arn, context).words(["--story"])],
            Self::Object { .. } => Vec::new(),
        }
    }
}
