//! Requests about execution roles.

use crate::domain::RoleSpec;

/// A request that is about an execution role.
#[derive(Debug, Clone, PartialEq)]
pub enum RoleRequest {
    /// Create an execution role for this training.
    New(Box<RoleSpec>),
    /// Read a role's trust and permission policies.
    Policies {
        /// The role's name.
        role: String,
    },
    /// Take a policy off a role: an ARN is detached, a name deleted.
    DetachPolicy {
        /// The role's name.
        role: String,
        /// ARN of an attached policy, or name of an inline one.
        policy: String,
    },
    /// Take every policy off a role, then delete it.
    Delete {
        /// The role's name.
        role: String,
    },
    /// Let the caller assume a role, or no longer. Whoever may, can read what the role can.
    TrustCaller {
        /// The role's name.
        role: String,
        /// Whether the caller is trusted afterwards.
        on: bool,
    },
    /// Let SageMaker assume a role.
    TrustService {
        /// The role's name.
        role: String,
    },
}
