//! Who and where.

/// The answer of `GetCallerIdentity` and what the clients were made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The caller's ARN; a session ARN for SSO and assumed roles.
    pub arn: String,
    /// Twelve digits.
    pub account: String,
}

/// A role that a training job might run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSummary {
    /// The role's name.
    pub name: String,
    /// Its ARN, with its path.
    pub arn: String,
    /// Whether its trust policy names `sagemaker.amazonaws.com`.
    pub trusts_sagemaker: bool,
}
