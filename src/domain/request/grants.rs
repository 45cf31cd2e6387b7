//! Requests about grants.

use crate::domain::GrantSpec;

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
    /// List the grants of several keys.
    List {
        /// The keys' ARNs; every key of the account if empty.
        key_arns: Vec<String>,
    },
}
