//! Requests about access proofs.

use std::collections::BTreeMap;

/// A request that proves who may do what.
#[derive(Debug, Clone, PartialEq)]
pub enum ProofRequest {
    /// Assume the role and try the key: the access proof.
    Access {
        /// The key's ARN.
        key_arn: String,
        /// The role's ARN.
        role_arn: String,
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
    Story {
        /// The key's ARN.
        key_arn: String,
        /// The role's ARN.
        role_arn: String,
        /// Encryption context.
        context: BTreeMap<String, String>,
        /// Operations to grant meanwhile; `Decrypt` and `Encrypt` if empty.
        operations: Vec<String>,
    },
}
