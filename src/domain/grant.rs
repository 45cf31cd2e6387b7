//! A KMS grant.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// Permission for one principal to use one key, as `ListGrants` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// 64 hexadecimal digits.
    pub id: String,
    /// The key it is on, as ARN.
    pub key_arn: String,
    /// The name its creator gave, which makes `CreateGrant` idempotent.
    pub name: Option<String>,
    /// The principal that may use the key; a bare `AROA…` id when its role was deleted.
    pub grantee: String,
    /// Who may retire it.
    pub retiring: Option<String>,
    /// Allowed operations: `Decrypt`, `Encrypt`, …
    pub operations: Vec<String>,
    /// When the grant holds, if not always.
    pub constraint: Option<GrantConstraint>,
    /// When it was created.
    pub created: Option<Timestamp>,
}

/// A condition on the encryption context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantConstraint {
    /// The context must be exactly this.
    ContextEquals(Vec<(String, String)>),
    /// The context must contain at least this.
    ContextSubset(Vec<(String, String)>),
}

impl GrantConstraint {
    /// Whether the grant holds in this encryption context.
    pub fn holds_in(&self, context: &BTreeMap<String, String>) -> bool {
        let (Self::ContextEquals(pairs) | Self::ContextSubset(pairs)) = self;
        let is_whole = match self {
            Self::ContextEquals(_) => pairs.len() == context.len(),
            Self::ContextSubset(_) => true,
        };
        is_whole && pairs.iter().all(|(name, value)| context.get(name) == Some(value))
    }
}
