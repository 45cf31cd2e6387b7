//! Who calls, as the signature proved it, and where: in which account and region.

use super::iam::Opening;
use super::trail::Signed;
use crate::prelude::*;

/// The account of a sandbox that is told none.
pub(crate) const ACCOUNT: &str = "111122223333";
/// Its region.
pub(crate) const REGION: &str = "us-east-1";

/// An account in a region: where a request is sent to, and where what it makes lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) account: String,
    pub(crate) region: String,
}

impl Place {
    pub(crate) fn new(account: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            region: region.into(),
        }
    }

    /// The ARN of something here.
    pub(crate) fn arn(&self, service: &str, rest: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{rest}", self.region, self.account)
    }

    /// The table on disk that keeps something of here.
    pub(crate) fn table(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.account, self.region)
    }
}

/// The region in an ARN.
pub(crate) fn region_of(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}

/// The account in an ARN.
pub(crate) fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// A verified caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Who, as the policies see it.
    pub(crate) principal: Principal,
    /// The caller's account, and the region that the request was signed for.
    pub(crate) place: Place,
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
    /// The request that was signed, if one was.
    pub(crate) signed: Option<Arc<Signed>>,
}

impl Caller {
    /// Somebody who is no session, and of whom nothing else is known.
    pub(crate) fn new(principal: Principal, place: &Place, arn: &str, user_id: &str) -> Self {
        Self {
            principal,
            place: place.clone(),
            arn: arn.to_owned(),
            role_arn: None,
            user_id: user_id.to_owned(),
            extra: BTreeMap::new(),
            opening: None,
            signed: None,
        }
    }

    /// An AWS service, acting for itself.
    pub(crate) fn service(name: &str, place: &Place) -> Self {
        Self::new(Principal::Service(name.to_owned()), place, name, name)
    }

    /// ARNs that a policy or a grant may name the caller by; the most general last.
    pub(crate) fn names(&self) -> Vec<&str> {
        std::iter::once(self.arn.as_str())
            .chain(self.role_arn.as_deref())
            .collect()
    }

    /// The account, as the ARN names it; a service has none.
    pub(crate) fn account(&self) -> &str {
        account_of(&self.arn)
    }

    /// Whether an AWS service asks in its name.
    pub(crate) fn is_via_service(&self) -> bool {
        self.extra.contains_key("kms:ViaService")
    }

    /// The same caller through an AWS service.
    pub(crate) fn via(&self, service: &str) -> Self {
        let mut caller = self.clone();
        let service = format!("{service}.{}.amazonaws.com", self.place.region);
        caller.extra.insert("kms:ViaService".to_owned(), service);
        caller.extra.insert("aws:ViaAWSService".to_owned(), "true".to_owned());
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
