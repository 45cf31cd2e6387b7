//! What a filled form holds, read by the keys of its fields: who asks for a field has been given its key when the field was
//! made, so a field that is not there cannot be asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Field, LISTED_STILL, Pick, Value};
use crate::app::format;
use crate::domain::{KeySpec, Request};

/// The key of a line of text.
#[derive(Debug, Clone, Copy)]
pub(in crate::app) struct TextKey(pub(super) usize);

/// The key of a role.
#[derive(Debug, Clone, Copy)]
pub(in crate::app) struct RoleKey(pub(super) usize);

/// The key of `N` things to check.
#[derive(Debug, Clone, Copy)]
pub(in crate::app) struct ChecksKey<const N: usize>(pub(super) usize);

/// What a sent form asks for.
#[derive(Debug)]
pub(in crate::app) enum Sent {
    /// These; should the first fail, the form comes back.
    Requests(Vec<Request>),
    /// A training job, which is looked at meanwhile.
    Job(Request),
    /// A policy to be looked at, for this new key.
    Draft(Request, Box<KeySpec>),
    /// A policy to be changed so.
    Change(Request, PolicyChange),
    /// A bucket and prefix to be shown.
    Go(String, String),
}

/// How a key's policy is to be changed, once it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyChange {
    /// By the person, in the editor.
    ByHand,
    /// This role (ARN) is named in it.
    Allow(String),
    /// Back to what it was before.
    Back(String),
}

/// Reads a filled form: what it asks for, or why it cannot be sent yet.
type Read = dyn Fn(&Filled<'_>) -> Result<Sent, String> + Send + Sync;

/// What reads a filled form.
#[derive(Clone)]
pub(super) struct Reader(pub(super) Arc<Read>);

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

/// The fields of a form as they are filled in.
#[derive(Debug, Clone, Copy)]
pub(in crate::app) struct Filled<'a>(pub(super) &'a [Field]);

impl Filled<'_> {
    /// What the field is called.
    pub(in crate::app) fn label(&self, key: TextKey) -> &'static str {
        self.0[key.0].label
    }

    /// The trimmed text.
    pub(in crate::app) fn text(&self, key: TextKey) -> String {
        match &self.0[key.0].value {
            Value::Text(input) => input.value().trim().to_owned(),
            Value::Pick(_) | Value::Checks { .. } => String::new(),
        }
    }

    /// The text, if there is any.
    pub(in crate::app) fn optional(&self, key: TextKey) -> Option<String> {
        Some(self.text(key)).filter(|text| !text.is_empty())
    }

    /// The text, which must be there.
    pub(in crate::app) fn required(&self, key: TextKey) -> Result<String, String> {
        self.optional(key)
            .ok_or_else(|| format!("{} is missing", self.label(key)))
    }

    pub(in crate::app) fn number(&self, key: TextKey) -> Result<i32, String> {
        let text = self.text(key);
        text.parse()
            .map_err(|_| format!("{}: {text} is not a number", self.label(key)))
    }

    /// `K=V, K=V`.
    pub(in crate::app) fn pairs(&self, key: TextKey) -> Result<BTreeMap<String, String>, String> {
        pairs(&self.text(key))
    }

    /// The same, as they were where nobody has touched the field: a value may hold what is written between two of them.
    pub(in crate::app) fn unless_changed(
        &self,
        key: TextKey,
        before: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, String> {
        if self.text(key) == joined(before).trim() {
            return Ok(before.clone());
        }
        self.pairs(key)
    }

    /// `A, B`.
    pub(in crate::app) fn list(&self, key: TextKey) -> Vec<String> {
        listed(&self.text(key))
    }

    /// Words as a shell reads them, quoted where they hold blanks.
    pub(in crate::app) fn words(&self, key: TextKey) -> Result<Vec<String>, String> {
        words(&self.text(key)).ok_or_else(|| format!("{}: a quote is not closed", self.label(key)))
    }

    /// The role's ARN, if one is chosen.
    pub(in crate::app) fn optional_role(&self, key: RoleKey) -> Option<String> {
        match &self.0[key.0].value {
            Value::Pick(pick) => Pick::value(pick).filter(|arn| !arn.is_empty()),
            Value::Text(_) | Value::Checks { .. } => None,
        }
    }

    /// The role's ARN, which must be there.
    pub(in crate::app) fn role(&self, key: RoleKey) -> Result<String, String> {
        let Field { label, value, .. } = &self.0[key.0];
        self.optional_role(key).ok_or_else(|| match value {
            Value::Pick(pick) if pick.is_awaited() => LISTED_STILL.to_owned(),
            _ => format!("{label} is missing"),
        })
    }

    /// The role's name.
    pub(in crate::app) fn role_name(&self, key: RoleKey) -> Result<String, String> {
        self.role(key).map(|arn| format::last_part(&arn).to_owned())
    }

    /// Whether each is checked.
    pub(in crate::app) fn checked<const N: usize>(&self, key: ChecksKey<N>) -> [bool; N] {
        let items = self.items(key);
        std::array::from_fn(|index| items.get(index).is_some_and(|(_, is_checked)| *is_checked))
    }

    /// The names of those that are checked.
    pub(in crate::app) fn names<const N: usize>(&self, key: ChecksKey<N>) -> Vec<String> {
        let checked = self.items(key).iter().filter(|(_, is_checked)| *is_checked);
        checked.map(|(name, _)| (*name).to_owned()).collect()
    }

    fn items<const N: usize>(&self, key: ChecksKey<N>) -> &[(&'static str, bool)] {
        match &self.0[key.0].value {
            Value::Checks { items, .. } => items,
            Value::Text(_) | Value::Pick(_) => &[],
        }
    }
}

fn pairs(text: &str) -> Result<BTreeMap<String, String>, String> {
    let pair = |item: String| match item.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err(format!("{item} is not NAME=VALUE")),
    };
    listed(text).into_iter().map(pair).collect()
}

/// As [`Filled::pairs`] reads them.
pub(in crate::app) fn joined(pairs: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(", ")
}

fn listed(text: &str) -> Vec<String> {
    let items = text.split(',').map(|item| item.trim().to_owned());
    items.filter(|item| !item.is_empty()).collect()
}

/// The words of a command line; `None` if a quote or a backslash has no end. Nothing in them is expanded.
fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '"' => break,
                        '\\' => word.push(rest.next()?),
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(rest.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_a_shell_reads_them_without_expanding_anything() {
        let read = |text: &str| words(text).map(|words| words.join("|"));
        let of = |text: &str| Some(text.to_owned());
        assert_eq!(read("python3  train.py --lr 0.1"), of("python3|train.py|--lr|0.1"));
        assert_eq!(
            read(r#"sh -c 'echo "$1"' x\ y "a \"b\"" ''"#),
            of(r#"sh|-c|echo "$1"|x y|a "b"|"#)
        );
        assert_eq!(read("a'b c'd"), of("ab cd"));
        assert_eq!(read(""), of(""));
        for open in ["'", "\"a", "a\\"] {
            assert_eq!(read(open), None, "{open}");
        }
    }

    #[test]
    fn pairs_are_read_with_or_without_spaces_and_nothing_else() {
        let read = |text: &str| pairs(text).map(|pairs| format!("{pairs:?}"));
        assert_eq!(read("a=1, b = x=y ,"), Ok(r#"{"a": "1", "b": "x=y"}"#.to_owned()));
        assert_eq!(read(""), Ok("{}".to_owned()));
        assert_eq!(read("a"), Err("a is not NAME=VALUE".to_owned()));
        assert!(read("=1").is_err());
    }
}
