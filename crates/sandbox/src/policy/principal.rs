//! `Principal` and `NotPrincipal`: whom a statement of a resource's policy is about.

use serde_json::Value;

use super::Question;
use super::document::{Malformed, strings};
use crate::identity::{Caller, Principal};

/// The element, read.
#[derive(Debug, Clone)]
pub(super) struct Principals {
    is_everybody: bool,
    pub(super) aws: Vec<String>,
    pub(super) services: Vec<String>,
    pub(super) is_inverted: bool,
}

/// What a statement names the caller as; later ones are more exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named {
    Account,
    Role,
    /// By its own ARN or id, or with everybody.
    Caller,
}

impl Principals {
    pub(super) fn parse(statement: &Value) -> Result<Option<Self>, Malformed> {
        let (element, is_inverted) = match (statement.get("Principal"), statement.get("NotPrincipal")) {
            (Some(_), Some(_)) => return Err(Malformed::SYNTAX),
            (Some(element), None) => (element, false),
            (None, Some(element)) => (element, true),
            (None, None) => return Ok(None),
        };
        if element != "*" && !element.is_object() {
            return Err(Malformed::SYNTAX);
        }
        let aws = strings(&element["AWS"]);
        Ok(Some(Self {
            is_everybody: element == "*" || aws.iter().any(|name| name == "*"),
            aws,
            services: strings(&element["Service"]),
            is_inverted,
        }))
    }

    /// As what an Allow with this element names the caller.
    pub(super) fn allow(&self, question: &Question) -> Option<Named> {
        match (self.nearest(question.caller), self.is_inverted) {
            (None, true) => Some(Named::Caller),
            (_, true) => None,
            (found, false) => found,
        }
    }

    /// Whether a Deny with this element is about the caller.
    ///
    /// With `NotPrincipal` it is, unless everything that the caller is called is excepted: the account, the role and
    /// the session, or the account and the user.
    pub(super) fn denies(&self, question: &Question, is_bounded: bool) -> bool {
        if !self.is_inverted {
            return self.nearest(question.caller).is_some();
        }
        let is_excepted = self.is_everybody
            || if question.service().is_some() {
                self.nearest(question.caller).is_some()
            } else {
                names(question.caller).all(|(named, _)| self.names_as(question.caller, named))
            };
        is_bounded || !is_excepted
    }

    fn nearest(&self, caller: &Caller) -> Option<Named> {
        if self.is_everybody {
            return Some(Named::Caller);
        }
        if let Principal::Service(service) = &caller.principal {
            return self.services.contains(service).then_some(Named::Caller);
        }
        [Named::Caller, Named::Role, Named::Account]
            .into_iter()
            .find(|named| self.names_as(caller, *named))
    }

    fn names_as(&self, caller: &Caller, named: Named) -> bool {
        names(caller)
            .filter(|(as_what, _)| *as_what == named)
            .any(|(_, called)| self.aws.iter().any(|name| is_called(name, called)))
    }
}

/// What a caller is called: pairs of ARN and id.
fn names(caller: &Caller) -> impl Iterator<Item = (Named, (&str, &str))> {
    let role = caller.role_arn.as_deref().map(|arn| {
        let id = caller.user_id.split(':').next().unwrap_or_default();
        (Named::Role, (arn, id))
    });
    [
        (Named::Account, ("", caller.account())),
        (Named::Caller, (caller.arn.as_str(), caller.user_id.as_str())),
    ]
    .into_iter()
    .chain(role)
}

fn is_called(name: &str, (arn, id): (&str, &str)) -> bool {
    name == arn || name == id || (arn.is_empty() && account_of_root(name) == Some(id))
}

/// The account whose root this ARN is.
pub(super) fn account_of_root(name: &str) -> Option<&str> {
    name.strip_prefix("arn:aws:iam::")?.strip_suffix(":root")
}
