//! Who can: every principal that is known, by operation, in KMS's order, each cell with what it rests on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{UsedBy, UserKind};
use crate::domain::policy::{Decision, Question, decide, partition, principals};
use crate::domain::worded::worded;
use crate::domain::{Arn, Grant};

/// The operations that have a column, and what it is called.
pub const SHOWN: [(&str, &str); 9] = [
    ("Encrypt", "Enc"),
    ("Decrypt", "Dec"),
    ("GenerateDataKey", "Gen"),
    ("ReEncryptFrom", "ReF"),
    ("ReEncryptTo", "ReT"),
    ("DescribeKey", "Dsc"),
    ("CreateGrant", "Grt"),
    ("PutKeyPolicy", "Pol"),
    ("ScheduleKeyDeletion", "Del"),
];
/// Those that events tell of, too.
const FURTHER: &str = "GenerateDataKeyWithoutPlaintext GetKeyPolicy GetKeyRotationStatus ListGrants ListKeyPolicies \
    ListKeyRotations ListResourceTags RevokeGrant RetireGrant EnableKey DisableKey CancelKeyDeletion \
    EnableKeyRotation DisableKeyRotation RotateKeyOnDemand UpdateKeyDescription TagResource UntagResource \
    CreateAlias UpdateAlias DeleteAlias ReplicateKey";

/// Every operation that is judged, those with a column first.
pub fn operations() -> impl Iterator<Item = &'static str> {
    SHOWN.iter().map(|(operation, _)| *operation).chain(FURTHER.split(' '))
}

/// What IAM says of a principal's own policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Own {
    /// For each of [`operations`], in their order.
    Asked(Vec<OwnAnswer>),
    /// It could not be asked: why.
    Unread(String),
}

/// What IAM says of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnAnswer {
    /// This policy allows it.
    Allowed(String),
    /// None does.
    NotAllowed,
    /// A policy denies it.
    Denied(String),
}

/// What was read of a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The key.
    pub key_arn: String,
    /// Whether it is enabled, or why that is not known.
    pub usable: Result<bool, String>,
    /// Its policy, or why it could not be read.
    pub policy: Result<Value, String>,
    /// Its grants, or why they could not be read.
    pub grants: Result<Vec<Grant>, String>,
    /// By ARN of a user or role of the key's account.
    pub own: BTreeMap<String, Own>,
    /// What else is to be said: roles that were not looked at.
    pub unread: Vec<String>,
}

/// Who can use a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Access {
    /// The key.
    pub key_arn: String,
    /// Whether it is enabled, as far as that is known.
    pub usable: Option<bool>,
    /// Principals that may do anything, or are denied something, by name.
    pub rows: Vec<Row>,
    /// What could not be read.
    pub unread: Vec<String>,
    /// Principals that were looked at and may do nothing.
    pub idle: BTreeSet<String>,
    /// Whether the key's policy leaves the key to IAM's policies.
    pub delegates: bool,
    /// Whether everybody is known whom the key's policy or a grant names.
    pub knows_named: bool,
}

/// What a principal can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// ARN of a user, a role or an account's root; the name of an AWS service; `*` for anybody.
    pub principal: String,
    /// For each of [`operations`], in their order.
    pub cells: Vec<Cell>,
}

/// What a principal can do with one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// What holds.
    pub says: Says,
    /// What it rests on, in words; empty where nothing says anything.
    pub source: String,
}

worded! {
    /// What holds, by its source.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Says: "The word that `--json` uses." {
        /// The key's policy allows it.
        KeyPolicy = "key-policy",
        /// The same under a condition, or together with another account's policies: not evaluated.
        KeyPolicyIf = "key-policy-conditional",
        /// The key's policy leaves it to IAM, and a policy of the principal allows it.
        Iam = "iam-policy",
        /// A grant allows it.
        Grant = "grant",
        /// A grant allows it for an encryption context.
        GrantIf = "grant-constrained",
        /// A policy denies it.
        Denied = "denied",
        /// Nothing allows it.
        No = "no",
        /// What would say so could not be read.
        Unknown = "unknown",
    }
}

impl Says {
    /// One cell of the screen.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::KeyPolicy => "P",
            Self::KeyPolicyIf => "p",
            Self::Iam => "I",
            Self::Grant => "G",
            Self::GrantIf => "g",
            Self::Denied => "✗",
            Self::No => "·",
            Self::Unknown => "?",
        }
    }

    /// Whether it lets the operation be done, as far as it is known.
    pub const fn allows(self) -> bool {
        matches!(
            self,
            Self::KeyPolicy | Self::KeyPolicyIf | Self::Iam | Self::Grant | Self::GrantIf
        )
    }
}

/// Whether somebody who used a key can do so by what holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// By this.
    Inside(String),
    /// By nothing that is known: outside the chain.
    Outside,
    /// Nobody can say: why.
    Unknown(String),
}

impl Standing {
    /// The word that `--json` uses.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Inside(_) => "inside",
            Self::Outside => "outside",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl Evidence {
    /// The account that the key is in.
    pub fn account(&self) -> &str {
        Arn::account_of(&self.key_arn)
    }

    /// Whether the key's policy leaves anything to IAM; it may, where it could not be read.
    pub fn delegates(&self) -> bool {
        let root = root(&self.key_arn, self.account());
        let Ok(policy) = &self.policy else { return true };
        operations().any(|operation| {
            let said = decide(policy, &self.question(&root, &format!("kms:{operation}")));
            matches!(said.decision, Decision::Allowed | Decision::Delegated) || said.conditional.is_some()
        })
    }

    /// Everybody whom the key's policy or a grant names.
    pub fn named(&self) -> BTreeSet<String> {
        let mut named: BTreeSet<String> = BTreeSet::new();
        if let Ok(policy) = &self.policy {
            named.extend(principals(policy).into_iter().map(|name| match name {
                account if account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit()) => {
                    root(&self.key_arn, account)
                }
                name => name.to_owned(),
            }));
        }
        let grants = self.grants.iter().flatten();
        named.extend(grants.map(|grant| grant.grantee.clone()));
        named
    }

    /// Concludes what each principal can do.
    pub fn conclude(&self) -> Access {
        let principals: BTreeSet<String> = self.named().into_iter().chain(self.own.keys().cloned()).collect();
        let (mut rows, mut idle) = (Vec::new(), BTreeSet::new());
        for principal in principals {
            let row = Row {
                cells: operations()
                    .enumerate()
                    .map(|(at, operation)| self.cell(&principal, at, operation))
                    .collect(),
                principal,
            };
            if row.cells.iter().all(|cell| cell.says == Says::No) {
                idle.insert(row.principal);
            } else {
                rows.push(row);
            }
        }
        // What is everybody's first, then users, roles, and services.
        rows.sort_by_key(|row| (!is_root(&row.principal) && row.principal != "*", row.principal.clone()));
        let mut unread = self.unread.clone();
        for (what, cause) in [
            ("the key's state", self.usable.as_ref().err()),
            ("the key policy", self.policy.as_ref().err()),
            ("the grants", self.grants.as_ref().err()),
        ] {
            unread.extend(cause.map(|cause| format!("{what} could not be read: {cause}")));
        }
        let refused: Vec<&String> = self
            .own
            .values()
            .filter_map(|own| match own {
                Own::Unread(cause) => Some(cause),
                Own::Asked(_) => None,
            })
            .collect();
        if let Some(cause) = refused.first() {
            let count = refused.len();
            unread.push(format!(
                "the own policies of {count} principals could not be read: {cause}"
            ));
        }
        Access {
            key_arn: self.key_arn.clone(),
            usable: self.usable.as_ref().ok().copied(),
            rows,
            unread,
            idle,
            delegates: self.delegates(),
            knows_named: self.policy.is_ok() && self.grants.is_ok(),
        }
    }

    fn question<'a>(&'a self, principal: &'a str, action: &'a str) -> Question<'a> {
        Question {
            principal,
            account: Arn::account_of(principal),
            action,
            resource: &self.key_arn,
        }
    }

    /// KMS's order: a Deny wins; the key policy by name; the key policy by account with the principal's own; a grant.
    fn cell(&self, principal: &str, at: usize, operation: &str) -> Cell {
        let cell = |says, source: String| Cell { says, source };
        let action = format!("kms:{operation}");
        let by_key = self
            .policy
            .as_ref()
            .map(|policy| decide(policy, &self.question(principal, &action)));
        let own = match self.own.get(principal) {
            Some(Own::Asked(answers)) => answers.get(at).map(Ok),
            Some(Own::Unread(cause)) => Some(Err(cause)),
            None => None,
        };
        let is_account = is_root(principal);
        let is_of_other = principal.starts_with("arn:") && Arn::account_of(principal) != self.account();
        if let Ok(said) = &by_key
            && said.decision == Decision::Denied
        {
            return cell(Says::Denied, format!("the key policy's {} denies it", said.statement));
        }
        if let Some(Ok(OwnAnswer::Denied(policy))) = own {
            return cell(Says::Denied, format!("the principal's {policy} denies it"));
        }
        let unread = match own {
            Some(Err(cause)) => {
                format!("; the principal's own policies, which might deny it, could not be read: {cause}")
            }
            _ => String::new(),
        };
        if let Ok(said) = &by_key {
            let statement = &said.statement;
            match said.decision {
                Decision::Allowed | Decision::Delegated if is_of_other => {
                    let words = format!("the key policy's {statement} allows it, if policies of the other account do");
                    return cell(Says::KeyPolicyIf, words);
                }
                Decision::Allowed | Decision::Delegated if is_account => {
                    let words =
                        format!("the key policy's {statement} allows it to root, and leaves it to IAM policies");
                    return cell(Says::KeyPolicy, words);
                }
                Decision::Allowed => {
                    return cell(
                        Says::KeyPolicy,
                        format!("the key policy's {statement} allows it{unread}"),
                    );
                }
                Decision::Delegated => {
                    if let Some(Ok(OwnAnswer::Allowed(policy))) = own {
                        let words = format!("the key policy's {statement} leaves it to IAM, and {policy} allows it");
                        return cell(Says::Iam, words);
                    }
                }
                Decision::Silent | Decision::Denied => {}
            }
        }
        if let Some((says, words)) = self.granted(principal, operation) {
            return cell(says, words + &unread);
        }
        match (&by_key, own) {
            (Ok(said), _) if said.conditional.is_some() => {
                let statement = said.conditional.as_deref().unwrap_or_default();
                cell(
                    Says::KeyPolicyIf,
                    format!("the key policy's {statement} allows it under its condition"),
                )
            }
            (Err(cause), _) => cell(Says::Unknown, format!("the key policy could not be read: {cause}")),
            (Ok(said), Some(Err(cause))) if said.decision == Decision::Delegated => {
                let words = format!("it is left to IAM, and the principal's own policies could not be read: {cause}");
                cell(Says::Unknown, words)
            }
            _ => match &self.grants {
                Err(cause) => cell(Says::Unknown, format!("the grants could not be read: {cause}")),
                Ok(_) => cell(Says::No, String::new()),
            },
        }
    }

    fn granted(&self, principal: &str, operation: &str) -> Option<(Says, String)> {
        let mut of =
            self.grants.iter().flatten().filter(|grant| {
                grant.grantee == principal && grant.operations.iter().any(|allowed| allowed == operation)
            });
        let first = of.next()?;
        let best = std::iter::once(first)
            .chain(of)
            .find(|grant| grant.constraint.is_none())
            .unwrap_or(first);
        let name = best.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        let id = &best.id;
        Some(match best.constraint {
            None => (Says::Grant, format!("the grant {id}{name} allows it")),
            Some(_) => (
                Says::GrantIf,
                format!("the grant {id}{name} allows it for its encryption context"),
            ),
        })
    }
}

impl Access {
    /// The row of a principal.
    pub fn row(&self, principal: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.principal == principal)
    }

    /// Whether somebody can do this by what holds now.
    pub fn standing(&self, by: &UsedBy, operation: &str) -> Standing {
        if operation == "CreateKey" {
            return Standing::Inside("whoever makes a key needs no permission on it".to_owned());
        }
        // One call is two operations; the event does not say which of them this key had.
        let names: &[&str] = match operation {
            "ReEncrypt" => &["ReEncryptFrom", "ReEncryptTo"],
            ref one => std::slice::from_ref(one),
        };
        let Some(places) = places(names) else {
            return Standing::Unknown(format!("{operation} is no operation that is judged"));
        };
        let cells = |row: &Row| {
            places
                .iter()
                .filter_map(|at| row.cells.get(*at).cloned())
                .collect::<Vec<_>>()
        };
        let of: Vec<&Row> = match by.kind {
            UserKind::Account => {
                let is_of = |row: &&Row| Arn::account_of(&row.principal) == by.name;
                self.rows.iter().filter(is_of).collect()
            }
            _ => self.row(&by.name).into_iter().collect(),
        };
        let everybody = self.row("*");
        let found: Vec<Cell> = of.iter().copied().chain(everybody).flat_map(cells).collect();
        if let Some(cell) = found.iter().find(|cell| cell.says.allows()) {
            return Standing::Inside(cell.source.clone());
        }
        if let Some(cell) = found.iter().find(|cell| cell.says == Says::Unknown) {
            return Standing::Unknown(cell.source.clone());
        }
        let is_known = !of.is_empty() || self.idle.contains(&by.name);
        let must_be_named =
            !self.delegates || matches!(by.kind, UserKind::Account | UserKind::Service | UserKind::Root);
        if is_known || must_be_named && self.knows_named {
            return Standing::Outside;
        }
        Standing::Unknown("what it may do was not looked at".to_owned())
    }
}

/// Where these operations stand among all; none where one of them is not judged.
fn places(names: &[&str]) -> Option<Vec<usize>> {
    names
        .iter()
        .map(|name| operations().position(|known| known == *name))
        .collect()
}

/// The ARN that stands for an account.
fn root(key_arn: &str, account: &str) -> String {
    format!("arn:{}:iam::{account}:root", partition(key_arn))
}

fn is_root(principal: &str) -> bool {
    principal.starts_with("arn:") && principal.ends_with(":root")
}
