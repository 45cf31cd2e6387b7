//! A KMS key as the keys pane shows it.

use jiff::Timestamp;

use super::worded::worded_by_aws;

/// A customer or AWS managed key. `ListKeys` gives id and ARN, `ListAliases` the aliases, `DescribeKey` the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsKey {
    /// The bare key id.
    pub id: String,
    /// The key ARN: what every other object refers to.
    pub arn: String,
    /// Aliases with their `alias/` prefix, sorted.
    pub aliases: Vec<String>,
    /// What `DescribeKey` said; `None` until somebody looks at the row.
    pub detail: Option<KeyDetail>,
}

/// The answer of `DescribeKey`, with the rotation status where the caller may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDetail {
    /// Free text of the key's owner.
    pub description: String,
    /// Whether the key can be used now.
    pub state: KeyState,
    /// Who manages it.
    pub manager: KeyManager,
    /// `SYMMETRIC_DEFAULT`, `RSA_2048`, …
    pub spec: String,
    /// `ENCRYPT_DECRYPT`, `SIGN_VERIFY`, …
    pub usage: String,
    /// `AWS_KMS`, `EXTERNAL`, …
    pub origin: String,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When it will be deleted, if that is scheduled.
    pub deletion: Option<Timestamp>,
    /// Whether automatic rotation is on; `None` if unknown or not allowed to know.
    pub rotation: Option<bool>,
    /// Whether it is a multi-Region key.
    pub multi_region: bool,
}

worded_by_aws! {
    /// `KeyState` of KMS; unknown ones are shown as they come.
    #[derive(Debug, Clone, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum KeyState {
        /// Usable.
        Enabled,
        /// Switched off by its owner.
        Disabled,
        /// Waiting for its deletion date.
        PendingDeletion,
        /// Waiting for imported key material.
        PendingImport,
    }
}

/// Who manages a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyManager {
    /// The account's own.
    Customer,
    /// AWS's, such as `aws/s3`.
    Aws,
}

impl KmsKey {
    /// What a person calls it: the first alias without its prefix, else the id.
    pub fn name(&self) -> &str {
        self.aliases
            .first()
            .map_or(self.id.as_str(), |alias| alias.strip_prefix("alias/").unwrap_or(alias))
    }

    /// Whether an id, ARN or alias, as others write it, means this key.
    pub fn is_meant(&self, named: &str) -> bool {
        named == self.arn
            || named == self.id
            || self.aliases.iter().any(|alias| {
                named == alias
                    || named
                        .rsplit_once(":alias/")
                        .is_some_and(|(_, name)| alias.strip_prefix("alias/") == Some(name))
            })
    }
}
