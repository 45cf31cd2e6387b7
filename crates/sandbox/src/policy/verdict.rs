//! How the policies that bear on one request combine: IAM's evaluation logic.
//!
//! An explicit Deny anywhere wins. In the resource's own account either side may allow, unless the service wants the
//! resource's policy to (KMS, roles' trust); from another account both sides must. A permissions boundary and a session
//! policy limit what identity policies allow, and what a resource's policy allows to a role; what it allows to the user
//! or the session itself, or to everybody, they do not limit (only their Deny does).

use super::document::{Effect, Named};
use super::{Decision, Document, Question};

/// What the caller's own policies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Own {
    pub(crate) identity: Decision,
    /// None where there is no boundary.
    pub(crate) boundary: Option<Decision>,
    /// None where the session was opened without policies.
    pub(crate) session: Option<Decision>,
}

/// What a resource's policy says to a caller, from the weakest Allow to Deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ResourceDecision {
    Silent,
    /// It allows the caller's account, which delegates to the caller's own policies.
    Delegated,
    /// It allows the caller's role.
    ToRole,
    /// It allows the user or the session itself, or everybody.
    Direct,
    Denied,
}

/// A resource as far as policies guard it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guard<'a> {
    /// The resource's own policy, if it has one.
    policy: Option<&'a Document>,
    /// The account that the resource belongs to.
    account: &'a str,
    /// Whether the resource's policy must allow, or at least delegate, in its own account too.
    must_allow: bool,
}

/// The kinds of policy, as refusals name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Identity,
    Resource,
    Boundary,
    Session,
}

/// Which policies refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) kind: Kind,
    /// By a Deny, not for want of an Allow.
    pub(crate) is_explicit: bool,
}

impl Own {
    /// The policies of one who has none that limit.
    pub(crate) const fn of(identity: Decision) -> Self {
        Self {
            identity,
            boundary: None,
            session: None,
        }
    }

    /// The kind of policy that denies outright.
    fn denies(self) -> Option<Kind> {
        [
            (Kind::Identity, Some(self.identity)),
            (Kind::Boundary, self.boundary),
            (Kind::Session, self.session),
        ]
        .into_iter()
        .find_map(|(kind, said)| (said == Some(Decision::Denied)).then_some(kind))
    }

    /// Refuses what a boundary or a session's policies do not let through.
    pub(crate) fn limits(self) -> Result<(), Refusal> {
        for (kind, said) in [(Kind::Boundary, self.boundary), (Kind::Session, self.session)] {
            if said.is_some_and(|said| said != Decision::Allowed) {
                return Err(Refusal::silent(kind));
            }
        }
        Ok(())
    }

    fn allows(self) -> Result<(), Refusal> {
        if self.identity != Decision::Allowed {
            return Err(Refusal::silent(Kind::Identity));
        }
        self.limits()
    }
}

impl<'a> Guard<'a> {
    pub(crate) const fn new(policy: Option<&'a Document>, account: &'a str, must_allow: bool) -> Self {
        Self {
            policy,
            account,
            must_allow,
        }
    }

    /// What the resource's policy says for itself.
    pub(crate) fn says(&self, question: &Question, is_bounded: bool) -> Decision {
        match self
            .policy
            .map(|policy| resource_decision(policy, question, is_bounded))
        {
            None | Some(ResourceDecision::Silent) => Decision::Silent,
            Some(ResourceDecision::Denied) => Decision::Denied,
            Some(_) => Decision::Allowed,
        }
    }

    /// Whether the caller may, when its own policies say this.
    pub(crate) fn lets(&self, question: &Question, own: Own) -> Result<(), Refusal> {
        let said = self.policy.map_or(ResourceDecision::Silent, |policy| {
            resource_decision(policy, question, own.boundary.is_some())
        });
        if let Some(kind) = own.denies() {
            return Err(Refusal::explicit(kind));
        }
        if said == ResourceDecision::Denied {
            return Err(Refusal::explicit(Kind::Resource));
        }
        if question.service().is_none() && question.account() != self.account {
            if said == ResourceDecision::Silent {
                return Err(Refusal::silent(Kind::Resource));
            }
            return own.allows();
        }
        match said {
            ResourceDecision::Direct => Ok(()),
            ResourceDecision::ToRole => own.limits(),
            ResourceDecision::Silent if self.must_allow => Err(Refusal::silent(Kind::Resource)),
            _ => own.allows(),
        }
    }
}

impl Refusal {
    const fn silent(kind: Kind) -> Self {
        Self {
            kind,
            is_explicit: false,
        }
    }

    const fn explicit(kind: Kind) -> Self {
        Self {
            kind,
            is_explicit: true,
        }
    }

    /// AWS's words for it.
    pub(crate) fn why(self, action: &str) -> String {
        let (an, kind) = match self.kind {
            Kind::Identity => ("an", "identity-based policy"),
            Kind::Resource => ("a", "resource-based policy"),
            Kind::Boundary => ("a", "permissions boundary"),
            Kind::Session => ("a", "session policy"),
        };
        if self.is_explicit {
            format!("with an explicit deny in {an} {kind}")
        } else {
            format!("because no {kind} allows the {action} action")
        }
    }
}

/// What a resource's policy (of a bucket, a key, a role's trust) says to the caller.
///
/// `is_bounded` tells whether the caller has a permissions boundary: a Deny with `NotPrincipal` excepts nobody who has.
pub(super) fn resource_decision(policy: &Document, question: &Question, is_bounded: bool) -> ResourceDecision {
    let mut found = ResourceDecision::Silent;
    for statement in policy.statements() {
        let Some(named) = statement.names(question, is_bounded) else {
            continue;
        };
        if !statement.speaks(question) {
            continue;
        }
        found = found.max(match (statement.effect, named) {
            (Effect::Deny, _) => ResourceDecision::Denied,
            (Effect::Allow, Named::Account) => ResourceDecision::Delegated,
            (Effect::Allow, Named::Role) => ResourceDecision::ToRole,
            (Effect::Allow, Named::Caller) => ResourceDecision::Direct,
        });
    }
    found
}
