//! Which change an act has made, so that what is said of it says which.

use std::collections::BTreeMap;

/// A change of a KMS key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// It was switched on.
    Enabled,
    /// It was switched off.
    Disabled,
    /// It will be deleted.
    DeletionScheduled {
        /// In how many days.
        days: i32,
    },
    /// It will not be deleted; it is left disabled.
    DeletionCancelled,
    /// It gets new material every year.
    RotationOn,
    /// It keeps its material.
    RotationOff,
    /// It is described so.
    Described(String),
    /// Its tags.
    Tagged {
        /// Those set.
        set: BTreeMap<String, String>,
        /// Those removed.
        removed: Vec<String>,
    },
}

/// A change of an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AliasChange {
    /// It was made, for the key with this ARN.
    Added(String),
    /// It points to the key with this ARN from now on.
    Moved(String),
    /// It is gone.
    Deleted,
}

/// A change of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleChange {
    /// It was made.
    Created,
    /// This policy was taken off it.
    PolicyDetached(String),
    /// The caller may assume it.
    TrustsCaller,
    /// The caller may not assume it any more.
    DistrustsCaller,
    /// SageMaker may assume it.
    TrustsService,
}
