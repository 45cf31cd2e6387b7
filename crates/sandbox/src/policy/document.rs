//! A policy document: its text, and its statements once it is asked.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Question;
use super::condition::Condition;
use super::grammar::{self, Kind};
use super::pattern::Pattern;
pub(super) use super::principal::Named;
use super::principal::{Principals, account_of_root};
use super::unique;

/// A policy as it was given. Stored and compared as text; read on first use, since most documents of a large world never are.
#[derive(Clone)]
pub(crate) struct Document {
    text: Arc<str>,
    statements: OnceLock<Vec<Statement>>,
}

/// Why a text is no policy, in IAM's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) Cow<'static, str>);

impl Malformed {
    pub(super) const SYNTAX: Self = Self(Cow::Borrowed("Syntax errors in policy."));
    pub(super) const LEGACY: Self = Self(Cow::Borrowed("The policy failed legacy parsing"));
}

impl Document {
    /// Whether a principal may be named by exactly this.
    pub(crate) fn names(&self, arn: &str) -> bool {
        self.text.contains(&format!("\"{arn}\""))
    }

    /// The same with another name for a principal.
    pub(crate) fn renamed(&self, arn: &str, id: &str) -> Self {
        Self::trusted(self.text.replace(&format!("\"{arn}\""), &format!("\"{id}\"")))
    }

    /// A policy whose text is not in doubt: one that was checked when it was stored, or our own.
    pub(crate) fn trusted(text: impl Into<Arc<str>>) -> Self {
        Self {
            text: text.into(),
            statements: OnceLock::new(),
        }
    }

    /// Reads the whole document and says what is wrong with it.
    pub(crate) fn checked(text: &str, kind: Kind) -> Result<Self, Malformed> {
        let policy = unique::parse(text).ok_or_else(|| kind.no_json())?;
        grammar::check(&policy, kind)?;
        let document = Self::trusted(text);
        let _ = document.statements.set(read(&policy)?);
        Ok(document)
    }

    /// The text, as it was given.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn statements(&self) -> &[Statement] {
        let read = || read(&serde_json::from_str(&self.text).ok()?).ok();
        self.statements.get_or_init(|| read().unwrap_or_default())
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Document {}

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
    /// Where it stands among the document's statements, from 0.
    pub(super) index: usize,
    actions: Patterns,
    /// Trust policies have none.
    resources: Option<Patterns>,
    principal: Option<Principals>,
    conditions: Vec<Condition>,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Debug, Clone)]
struct Patterns {
    list: Vec<Pattern>,
    is_inverted: bool,
}

impl Statement {
    /// Whether action, resource and conditions fit; the principal is another question.
    pub(super) fn speaks(&self, question: &Question) -> bool {
        self.is_about(question) && self.conditions.iter().all(|condition| condition.holds(question))
    }

    /// The keys of its conditions, if action and resource fit.
    pub(super) fn keys(&self, question: &Question) -> impl Iterator<Item = &str> {
        let conditions = if self.is_about(question) {
            &self.conditions[..]
        } else {
            &[]
        };
        conditions.iter().map(Condition::name)
    }

    fn is_about(&self, question: &Question) -> bool {
        self.actions.fit(question, &question.lower)
            && self
                .resources
                .as_ref()
                .is_none_or(|resources| resources.fit(question, question.resource))
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

    /// The services that it names.
    pub(crate) fn services(&self) -> &[String] {
        self.principal.as_ref().map_or(&[], |principal| &principal.services)
    }
}

impl Patterns {
    fn fit(&self, question: &Question, text: &str) -> bool {
        self.list.iter().any(|pattern| pattern.fits(question, text)) != self.is_inverted
    }
}

/// Whether a principal is an account as a whole.
pub(crate) fn is_account(name: &str, account: &str) -> bool {
    name == account || account_of_root(name) == Some(account)
}

fn read(policy: &Value) -> Result<Vec<Statement>, Malformed> {
    let has_variables = policy["Version"] == "2012-10-17";
    match &policy["Statement"] {
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(index, value)| statement(index, value, has_variables))
            .collect(),
        one @ Value::Object(_) => Ok(vec![statement(0, one, has_variables)?]),
        _ => Err(Malformed::SYNTAX),
    }
}

fn statement(index: usize, value: &Value, has_variables: bool) -> Result<Statement, Malformed> {
    let effect = match value["Effect"].as_str() {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ => return Err(Malformed::SYNTAX),
    };
    let action = |text: &str| Pattern::glob(&text.to_lowercase());
    Ok(Statement {
        effect,
        index,
        actions: patterns(value, "Action", "NotAction", action)?.ok_or(Malformed::SYNTAX)?,
        resources: patterns(value, "Resource", "NotResource", |text| {
            Pattern::resource(text, has_variables)
        })?,
        principal: Principals::parse(value)?,
        conditions: Condition::parse(&value["Condition"], has_variables)?,
    })
}

fn patterns(
    value: &Value,
    name: &str,
    inverse: &str,
    read: impl Fn(&str) -> Pattern,
) -> Result<Option<Patterns>, Malformed> {
    let (list, is_inverted) = match (value.get(name), value.get(inverse)) {
        (Some(_), Some(_)) => return Err(Malformed::SYNTAX),
        (Some(list), None) => (list, false),
        (None, Some(list)) => (list, true),
        (None, None) => return Ok(None),
    };
    Ok(Some(Patterns {
        list: strings(list).iter().map(|text| read(text)).collect(),
        is_inverted,
    }))
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
