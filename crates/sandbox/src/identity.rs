//! Who calls, as the signature proved it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::iam::Opening;

/// The account of every sandbox.
pub(crate) const ACCOUNT: &str = "111122223333";
/// Its region.
pub(crate) const REGION: &str = "us-east-1";

/// A verified caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Who, as the policies see it.
    pub(crate) principal: Principal,
    /// The ARN that `GetCallerIdentity` and error messages show: of a user or of a session.
    pub(crate) arn: String,
    /// The role of a session.
    pub(crate) role_arn: Option<String>,
    /// `GetCallerIdentity`'s UserId (`AIDA…`, `AROA…:session`).
    pub(crate) user_id: String,
    /// Facts that conditions may name and that nothing else tells, such as `kms:ViaService`.
    pub(crate) extra: BTreeMap<String, String>,
    /// What a session was opened with.
    pub(crate) opening: Option<Arc<Opening>>,
}

impl Caller {
    /// ARNs that a policy or a grant may name the caller by; the most general last.
    pub(crate) fn names(&self) -> Vec<&str> {
        std::iter::once(self.arn.as_str())
            .chain(self.role_arn.as_deref())
            .collect()
    }

    /// The account, as the ARN names it; a service has none.
    pub(crate) fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }

    /// The same caller through an AWS service.
    pub(crate) fn via(&self, service: &str) -> Self {
        let mut caller = self.clone();
        caller.extra.extend([
            ("kms:ViaService".to_owned(), format!("{service}.{REGION}.amazonaws.com")),
            ("aws:ViaAWSService".to_owned(), "true".to_owned()),
        ]);
        caller
    }
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
