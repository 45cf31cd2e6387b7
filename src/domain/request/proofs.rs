//! Requests about access proofs.

use std::collections::BTreeMap;

use super::command::{CommandLine, Session};
use super::facts::{Ask, Facts, Touch};
use super::names::{Names, principal};

/// A request that proves who may do what.
#[derive(Debug, Clone, PartialEq)]
pub enum ProofRequest {
    /// Assume the role and try the key: the access proof.
    Access {
        /// The key's ARN, id or alias.
        key: String,
        /// The role's ARN or name.
        role: String,
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
        role: String,
        /// Whether the role is granted the key for the last step, and the grant revoked afterwards.
        grant: bool,
    },
    /// The whole story of an access proof: denied, granted, allowed, revoked, denied.
    GrantCycle {
        /// The key's ARN, id or alias.
        key: String,
        /// The role's ARN or name.
        role: String,
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
                key,
                role,
                trust: false,
                ..
            } => {
                let title = format!("prove what {} may do with {}", principal(role), names.key(key));
                Facts::reading("prove access to", key, title)
            }
            Self::Access {
                key, role, trust: true, ..
            } => {
                let (name, key_name) = (principal(role), names.key(key));
                let title = format!("let yourself assume {name} to prove what it may do with {key_name}");
                Facts::change("prove access to", key, title)
                    .consequence(
                        "Whoever may assume it can read the training data. That is taken back as soon as the proof is \
                         done.",
                    )
                    .finishing(LENT)
                    .asking(Ask::Yes)
            }
            Self::GrantCycle { key, role, .. } => {
                let title = format!("prove that {} needs a grant for {}", principal(role), names.key(key));
                Facts::change("prove access to", key, title)
                    .consequence(
                        "Expect denied, grant, expect allowed, revoke, expect denied: everything is left as it was.",
                    )
                    .finishing(LENT)
                    .touching([Touch::Grants(key.clone())])
            }
            Self::Object {
                bucket,
                object,
                role,
                grant,
            } => {
                let place = format!("s3://{bucket}/{object}");
                let granting = if *grant { ", granting it the key meanwhile" } else { "" };
                let title = format!("prove {place} with {}{granting}", principal(role));
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

    pub(super) fn commands(&self, _session: &Session) -> Vec<CommandLine> {
        let prove = |key: &String, role: &String, context| {
            let line = CommandLine::strongroom("prove").with("--key", key);
            line.with("--role", role).context(context)
        };
        match self {
            Self::Access { key, role, context, .. } => vec![prove(key, role, context)],
            Self::GrantCycle { key, role, context } => vec![prove(key, role, context).words(["--story"])],
            Self::Object { .. } => Vec::new(),
        }
    }
}
