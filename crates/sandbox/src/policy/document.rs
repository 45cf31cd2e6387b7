//! A policy document: its text, and its statements once it is asked.

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::condition::Condition;
pub(super) use super::principal::Named;
use super::principal::{Principals, account_of_root};
use super::{Question, like};
use crate::identity::ACCOUNT;

/// A policy as it was given. Stored and compared as text; read on first use, since most documents of a large world never are.
#[derive(Clone)]
pub(crate) struct Document {
    text: Arc<str>,
    statements: OnceLock<Vec<Statement>>,
}

/// Why a text is no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

impl Document {
    /// A policy whose text is not in doubt: one that was checked when it was stored, or our own.
    pub(crate) fn trusted(text: impl Into<Arc<str>>) -> Self {
        Self {
            text: text.into(),
            statements: OnceLock::new(),
        }
    }

    /// Reads the whole document and says what is wrong with it.
    pub(crate) fn checked(text: &str) -> Result<Self, Malformed> {
        let statements = read(text)?;
        let document = Self::trusted(text);
        let _ = document.statements.set(statements);
        Ok(document)
    }

    /// The text, as it was given.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn statements(&self) -> &[Statement] {
        self.statements.get_or_init(|| read(&self.text).unwrap_or_default())
    }
}

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Self::trusted(value.to_string())
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Document {
    /// Rows that follow each other share a text: most keys of a large world have the same policy.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        thread_local! {
            static LAST: RefCell<Arc<str>> = RefCell::new(Arc::from(""));
        }
        let text = <&str>::deserialize(deserializer)?;
        Ok(Self::trusted(LAST.with_borrow_mut(|last| {
            if **last != *text {
                *last = Arc::from(text);
            }
            Arc::clone(last)
        })))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// One statement, read.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(super) effect: Effect,
    actions: Patterns,
    /// Trust policies have none.
    resources: Option<Patterns>,
    principal: Option<Principals>,
    conditions: Vec<Condition>,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Debug, Clone)]
struct Patterns {
    list: Vec<String>,
    is_inverted: bool,
}

impl Statement {
    /// Whether action, resource and conditions fit; the principal is another question.
    pub(super) fn speaks(&self, question: &Question) -> bool {
        self.actions.fit(&question.lower)
            && self
                .resources
                .as_ref()
                .is_none_or(|resources| resources.fit(question.resource))
            && self.conditions.iter().all(|condition| condition.holds(question))
    }

    /// As what the statement names the caller; one without a principal names nobody.
    pub(super) fn names(&self, question: &Question, is_bounded: bool) -> Option<Named> {
        let principal = self.principal.as_ref()?;
        match self.effect {
            Effect::Allow => principal.allow(question),
            Effect::Deny => principal.denies(question, is_bounded).then_some(Named::Caller),
        }
    }

    /// Whether the statement says whom it is for.
    pub(crate) fn has_principal(&self) -> bool {
        self.principal.is_some()
    }

    /// Whether the statement says what it is about.
    pub(crate) fn has_resource(&self) -> bool {
        self.resources.is_some()
    }

    /// The AWS principals it names: ARNs, account ids, ids, `*`.
    pub(crate) fn principals(&self) -> &[String] {
        self.principal.as_ref().map_or(&[], |principal| &principal.aws)
    }
}

impl Patterns {
    fn fit(&self, text: &str) -> bool {
        self.list.iter().any(|pattern| like(pattern, text)) != self.is_inverted
    }
}

/// Whether a principal is this account as a whole.
pub(crate) fn is_account(name: &str) -> bool {
    name == ACCOUNT || account_of_root(name) == Some(ACCOUNT)
}

fn read(text: &str) -> Result<Vec<Statement>, Malformed> {
    let policy: Value = serde_json::from_str(text).map_err(|_| Malformed("it is not JSON"))?;
    if let Some(version) = policy.get("Version")
        && version != "2012-10-17"
        && version != "2008-10-17"
    {
        return Err(Malformed("its Version is not known"));
    }
    match &policy["Statement"] {
        Value::Array(list) => list.iter().map(statement).collect(),
        one @ Value::Object(_) => Ok(vec![statement(one)?]),
        _ => Err(Malformed("it has no Statement")),
    }
}

fn statement(value: &Value) -> Result<Statement, Malformed> {
    let effect = match value["Effect"].as_str() {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ => return Err(Malformed("a statement's Effect is neither Allow nor Deny")),
    };
    let actions =
        patterns(value, "Action", "NotAction")?.ok_or(Malformed("a statement has neither Action nor NotAction"))?;
    Ok(Statement {
        effect,
        actions: Patterns {
            list: actions.list.iter().map(|action| action.to_lowercase()).collect(),
            ..actions
        },
        resources: patterns(value, "Resource", "NotResource")?,
        principal: Principals::parse(value)?,
        conditions: Condition::parse(&value["Condition"])?,
    })
}

fn patterns(value: &Value, name: &str, inverse: &str) -> Result<Option<Patterns>, Malformed> {
    match (value.get(name), value.get(inverse)) {
        (Some(_), Some(_)) => Err(Malformed("a statement has an element and its inverse")),
        (Some(list), None) => Ok(Some(Patterns {
            list: strings(list),
            is_inverted: false,
        })),
        (None, Some(list)) => Ok(Some(Patterns {
            list: strings(list),
            is_inverted: true,
        })),
        (None, None) => Ok(None),
    }
}

/// A string, or a list of strings.
pub(super) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Bool(truth) => vec![truth.to_string()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(list) => list.iter().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}
