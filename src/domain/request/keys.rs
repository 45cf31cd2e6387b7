//! Requests about KMS keys.

use std::collections::BTreeMap;

use crate::domain::KeySpec;

/// A request that is about a KMS key, its policy, its names.
#[derive(Debug, Clone, PartialEq)]
pub enum KeyRequest {
    /// Switch a key on.
    Enable {
        /// The key's ARN.
        key_arn: String,
    },
    /// Switch a key off.
    Disable {
        /// The key's ARN.
        key_arn: String,
    },
    /// Schedule a key's deletion.
    ScheduleDeletion {
        /// The key's ARN.
        key_arn: String,
        /// 7 to 30.
        days: i32,
    },
    /// Cancel a key's scheduled deletion; the key is left disabled.
    CancelDeletion {
        /// The key's ARN.
        key_arn: String,
    },
    /// Create a KMS key, with everything chosen.
    New(Box<KeySpec>),
    /// Write the console's key policy for these principals, for the person to look at. Sessions become their roles; the
    /// caller is an administrator if nobody is named.
    DraftPolicy {
        /// ARNs of users, roles or sessions.
        administrators: Vec<String>,
        /// ARNs of users, roles or sessions.
        users: Vec<String>,
    },
    /// Read a key's policy, to be changed as it is now.
    ReadPolicy {
        /// The key's ARN.
        key_arn: String,
    },
    /// Replace a key's policy; the previous one comes back with the outcome.
    PutPolicy {
        /// The key's ARN.
        key_arn: String,
        /// The new policy, JSON.
        policy: String,
        /// Whether the person has agreed to lock themselves out.
        accept_lockout: bool,
    },
    /// Give a key one more alias.
    AddAlias {
        /// With or without `alias/`.
        alias: String,
        /// The key's ARN.
        key_arn: String,
    },
    /// Let an alias point to another key.
    MoveAlias {
        /// With or without `alias/`.
        alias: String,
        /// The ARN of the key it is to point to.
        key_arn: String,
    },
    /// Delete an alias; the key stays.
    DeleteAlias {
        /// With or without `alias/`.
        alias: String,
    },
    /// Set and remove tags of a key.
    Tag {
        /// The key's ARN.
        key_arn: String,
        /// Tags to set.
        set: BTreeMap<String, String>,
        /// Names of tags to remove.
        remove: Vec<String>,
    },
    /// Read the tags of a key.
    Tags {
        /// The key's ARN.
        key_arn: String,
    },
    /// Switch a key's yearly rotation.
    SetRotation {
        /// The key's ARN.
        key_arn: String,
        /// On or off.
        on: bool,
    },
    /// Change a key's description.
    Describe {
        /// The key's ARN.
        key_arn: String,
        /// May be empty.
        description: String,
    },
    /// Look for what depends on a key, before it is deleted.
    FindDependents {
        /// The key's ARN.
        key_arn: String,
        /// Look into no more buckets than this.
        most_buckets: usize,
        /// Look at no more objects than this, in all.
        most_objects: usize,
    },
}
