//! One policy evaluator for identity policies, trust policies and key policies.
//!
//! A [`Document`] keeps its text as it was given and is read once, when first asked; a [`Question`] is one act of one
//! caller; a [`Guard`] joins what the policies of caller and resource say. What AWS refuses to store (unknown operators,
//! statements without action or effect) is refused by [`Document::checked`], so that no policy here means less than it
//! says.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::identity::{Caller, Principal};

mod condition;
mod document;
mod grammar;
mod pattern;
mod principal;
mod unique;
mod verdict;

pub(crate) use document::{Document, Statement, is_account};
pub(crate) use grammar::Kind;
pub(crate) use pattern::globs;
pub(crate) use verdict::{Guard, Own, Refusal};
#[cfg(test)]
use verdict::{ResourceDecision, resource_decision};

use document::Effect;

/// What there is to tell of a request that is not told yet.
pub(crate) static NOTHING: BTreeMap<String, String> = BTreeMap::new();

/// What is asked of a policy.
pub(crate) struct Question<'a> {
    action: &'a str,
    /// The action in lower case: they are compared without it.
    lower: String,
    pub(crate) resource: &'a str,
    caller: &'a Caller,
    /// Condition keys as they are written, with their values.
    more: &'a BTreeMap<String, String>,
    told: Vec<(String, Vec<String>)>,
    further: Option<&'a dyn Fn() -> BTreeMap<String, Vec<String>>>,
    is_simulated: bool,
    /// Condition keys in lower case, with their values: gathered for the first condition, as most policies have none.
    context: OnceLock<BTreeMap<String, Vec<String>>>,
}

impl<'a> Question<'a> {
    pub(crate) fn new(
        caller: &'a Caller,
        action: &'a str,
        resource: &'a str,
        more: &'a BTreeMap<String, String>,
    ) -> Self {
        Self {
            action,
            lower: action.to_lowercase(),
            resource,
            caller,
            more,
            told: Vec::new(),
            further: None,
            is_simulated: false,
            context: OnceLock::new(),
        }
    }

    /// A question that is not asked in earnest: it knows the principal and what it is told.
    pub(crate) fn simulated(
        caller: &'a Caller,
        action: &'a str,
        resource: &'a str,
        facts: &BTreeMap<String, Vec<String>>,
    ) -> Self {
        let told = facts.iter().map(|(name, values)| (name.clone(), values.clone()));
        Self {
            told: told.filter(|(_, values)| !values.is_empty()).collect(),
            is_simulated: true,
            ..Self::new(caller, action, resource, &NOTHING)
        }
    }

    /// Adds a condition key with several values, such as `kms:EncryptionContextKeys`; none leaves the key out.
    pub(crate) fn with(mut self, name: &str, values: Vec<String>) -> Self {
        if !values.is_empty() {
            self.told.push((name.to_owned(), values));
            self.context.take();
        }
        self
    }

    /// Adds condition keys that are made when one is asked for.
    pub(crate) fn knowing(self, further: &'a dyn Fn() -> BTreeMap<String, Vec<String>>) -> Self {
        Self {
            further: Some(further),
            ..self
        }
    }

    fn gathered(&self) -> BTreeMap<String, Vec<String>> {
        let caller = self.caller;
        let mut context = BTreeMap::new();
        let mut say = |name: &str, value: &str| {
            context.insert(name.to_lowercase(), vec![value.to_owned()]);
        };
        for (name, value) in [
            ("aws:principalarn", caller.role_arn.as_deref().unwrap_or(&caller.arn)),
            ("aws:principalaccount", caller.account()),
            ("aws:requestedregion", &caller.place.region),
            ("aws:securetransport", "false"),
            ("aws:sourceip", "127.0.0.1"),
            ("aws:userid", &caller.user_id),
            ("kms:calleraccount", caller.account()),
            ("aws:viaawsservice", "false"),
        ] {
            say(name, value);
        }
        let kind = match &caller.principal {
            Principal::User(name) => {
                say("aws:username", name);
                "User"
            }
            Principal::Session { .. } => "AssumedRole",
            Principal::Service(_) => "Service",
        };
        say("aws:principaltype", kind);
        let is_service = matches!(caller.principal, Principal::Service(_));
        say("aws:principalisawsservice", if is_service { "true" } else { "false" });
        // An ARN that names the account names whose the resource is.
        if let Some(account) = self.resource.split(':').nth(4).filter(|account| !account.is_empty()) {
            say("aws:resourceaccount", account);
        }
        for (name, value) in self.more {
            say(name, value);
        }
        let further = self.further.map_or_else(BTreeMap::new, |further| further());
        let further = further.into_iter().filter(|(_, values)| !values.is_empty());
        context.extend(further.map(|(name, values)| (name.to_lowercase(), values)));
        for (name, value) in &caller.extra {
            context.insert(name.to_lowercase(), vec![value.clone()]);
        }
        if self.is_simulated {
            context.retain(|key, _| {
                key.starts_with("aws:principal") || matches!(key.as_str(), "aws:userid" | "aws:username")
            });
        }
        let told = self.told.iter();
        context.extend(told.map(|(name, values)| (name.to_lowercase(), values.clone())));
        context
    }

    pub(crate) fn action(&self) -> &'a str {
        self.action
    }

    /// A fact's values; none where the request has none.
    fn values(&self, key: &str) -> &[String] {
        let context = self.context.get_or_init(|| self.gathered());
        context.get(key).map_or(&[], Vec::as_slice)
    }

    /// The value of a fact that has one: what a variable stands for.
    fn single(&self, key: &str) -> Option<&str> {
        match self.values(key) {
            [one] => Some(one),
            _ => None,
        }
    }

    pub(crate) fn caller(&self) -> &'a Caller {
        self.caller
    }

    fn service(&self) -> Option<&str> {
        match &self.caller.principal {
            Principal::Service(name) => Some(name),
            _ => None,
        }
    }

    /// The caller's account.
    fn account(&self) -> &str {
        self.caller.account()
    }
}

/// What policies say together: an explicit Deny wins, then any Allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// A statement denies it.
    Denied,
    /// A statement allows it and none denies it.
    Allowed,
    /// No statement speaks of it.
    Silent,
}

impl Decision {
    /// What two say together.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Denied, _) | (_, Self::Denied) => Self::Denied,
            (Self::Allowed, _) | (_, Self::Allowed) => Self::Allowed,
            _ => Self::Silent,
        }
    }
}

/// An identity policy's word; its statements have no principal.
pub(crate) fn identity(policy: &Document, question: &Question) -> Decision {
    policy
        .statements()
        .iter()
        .filter(|statement| statement.speaks(question))
        .fold(Decision::Silent, |so_far, statement| so_far.and(effect(statement)))
}

/// Where the statements of an effect stand that speak of what is asked; none of them for no effect.
pub(crate) fn statements_that(
    policy: &Document,
    question: &Question,
    said: Option<Decision>,
    of_resource: bool,
    is_bounded: bool,
) -> Vec<usize> {
    policy
        .statements()
        .iter()
        .filter(|statement| Some(effect(statement)) == said)
        .filter(|statement| !of_resource || statement.names(question, is_bounded).is_some())
        .filter(|statement| statement.speaks(question))
        .map(|statement| statement.index)
        .collect()
}

/// Condition keys that a policy asks for, about this action and resource, and that the question does not know.
pub(crate) fn missing_keys(policy: &Document, question: &Question) -> Vec<String> {
    policy
        .statements()
        .iter()
        .flat_map(|statement| statement.keys(question))
        .filter(|key| question.values(&key.to_lowercase()).is_empty())
        .map(str::to_owned)
        .collect()
}

fn effect(statement: &Statement) -> Decision {
    match statement.effect {
        Effect::Allow => Decision::Allowed,
        Effect::Deny => Decision::Denied,
    }
}

#[cfg(test)]
mod tests;
