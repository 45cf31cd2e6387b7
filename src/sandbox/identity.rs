//! Who calls, as the signature proved it.

use std::collections::BTreeMap;

/// The account of every sandbox.
pub(crate) const ACCOUNT: &str = "111122223333";
/// Its region.
pub(crate) const REGION: &str = "us-east-1";

/// A verified caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Who, as the policies see it.
    pub(crate) principal: Principal,
    /// The ARN that `GetCallerIdentity` and error messages show: user, session or root ARN.
    pub(crate) arn: String,
    /// `GetCallerIdentity`'s UserId (`AIDA…`, `AROA…:session`).
    pub(crate) user_id: String,
    /// Session tags and other request facts that conditions may name (`aws:PrincipalArn`, …) are derived, not stored;
    /// these are extra ones, such as `kms:ViaService`.
    pub(crate) extra: BTreeMap<String, String>,
}

/// The kinds of principal a sandbox has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Principal {
    /// An IAM user, by name.
    User(String),
    /// A session of a role, by the role's name and the session's.
    Session {
        /// Role name.
        role: String,
        /// Session name.
        session: String,
    },
    /// An AWS service acting for itself (`sagemaker.amazonaws.com`).
    Service(String),
}
