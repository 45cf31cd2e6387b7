//! JSON whose numbers keep the digits that they came with: a seed of 21 digits is one, and no double holds it.
//!
//! It is written as Python writes it, since what reads it is Python: with sorted keys, without spaces and in ASCII as the
//! toolkit's variables are, or as `str` shows a value, which is how its command lines are made.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::value::RawValue;

/// A value as it was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Exact {
    Null,
    Bool(bool),
    /// Its digits.
    Number(String),
    Text(String),
    List(Vec<Exact>),
    Map(BTreeMap<String, Exact>),
}

impl Exact {
    /// Reads a document; nothing if it is none.
    pub(crate) fn read(text: &str) -> Option<Self> {
        // What is nested too deeply is refused here.
        let _: serde_json::Value = serde_json::from_str(text).ok()?;
        Self::of(serde_json::from_str(text).ok()?)
    }

    fn of(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        Some(match text.as_bytes().first()? {
            b'n' => Self::Null,
            b't' => Self::Bool(true),
            b'f' => Self::Bool(false),
            b'"' => Self::Text(serde_json::from_str(text).ok()?),
            b'[' => {
                let list: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                Self::List(list.into_iter().map(Self::of).collect::<Option<_>>()?)
            }
            b'{' => {
                let map: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
                let pairs = map.into_iter().map(|(name, value)| Some((name, Self::of(value)?)));
                Self::Map(pairs.collect::<Option<_>>()?)
            }
            _ => Self::Number(text.to_owned()),
        })
    }

    /// A list of texts.
    pub(crate) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(|text| Self::Text(text.into())).collect())
    }

    /// What a map has under this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map.get(name),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::List(_) => None,
        }
    }

    /// The text, if it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// The elements of a list; none of anything else.
    pub(crate) fn elements(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::Map(_) => &[],
        }
    }

    /// Whether Python takes it for true.
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(is_true) => *is_true,
            Self::Number(digits) => digits.parse() != Ok(0.0),
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
        }
    }

    /// As JSON: sorted, without spaces, in ASCII.
    pub(crate) fn json(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(is_true) => is_true.to_string(),
            Self::Number(digits) => digits.clone(),
            Self::Text(text) => quoted(text),
            Self::List(list) => format!("[{}]", joined(list.iter().map(Self::json), ",")),
            Self::Map(map) => {
                let pairs = map
                    .iter()
                    .map(|(name, value)| format!("{}:{}", quoted(name), value.json()));
                format!("{{{}}}", joined(pairs, ","))
            }
        }
    }

    /// As the toolkit puts it into a variable of its own: a text without quotes, nothing for nothing.
    pub(crate) fn variable(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) => text.clone(),
            Self::Bool(_) | Self::Number(_) | Self::List(_) | Self::Map(_) => self.json(),
        }
    }

    /// As the toolkit puts it on a command line.
    pub(crate) fn argument(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) => text.clone(),
            Self::Map(map) => {
                let bare = |value: &Self| value.as_text().map_or_else(|| value.python(), str::to_owned);
                joined(map.iter().map(|(name, value)| format!("{name}={}", bare(value))), ",")
            }
            Self::Bool(_) | Self::Number(_) | Self::List(_) => self.python(),
        }
    }

    /// As Python's `repr` shows it.
    fn python(&self) -> String {
        match self {
            Self::Null => "None".to_owned(),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Number(digits) => digits.clone(),
            Self::Text(text) => python_quoted(text),
            Self::List(list) => format!("[{}]", joined(list.iter().map(Self::python), ", ")),
            Self::Map(map) => {
                let pairs = map
                    .iter()
                    .map(|(name, value)| format!("{}: {}", python_quoted(name), value.python()));
                format!("{{{}}}", joined(pairs, ", "))
            }
        }
    }
}

fn joined(parts: impl Iterator<Item = String>, between: &str) -> String {
    parts.collect::<Vec<_>>().join(between)
}

fn quoted(text: &str) -> String {
    let mut ascii = String::new();
    for unit in serde_json::Value::from(text).to_string().encode_utf16() {
        match char::from_u32(unit.into()) {
            Some(one) if one.is_ascii() => ascii.push(one),
            Some(_) | None => {
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    ascii
}

fn python_quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut shown = String::from(quote);
    for one in text.chars() {
        match one {
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            one if one == quote => shown.extend(['\\', one]),
            one if one.is_control() => {
                let _ = write!(shown, "\\x{:02x}", u32::from(one));
            }
            one => shown.push(one),
        }
    }
    shown.push(quote);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Exact {
        Exact::read(text).unwrap()
    }

    #[test]
    fn numbers_keep_the_digits_that_they_came_with() {
        for digits in ["123456789012345678901", "0.10", "1e-5", "-0", "1E400000000000000000000"] {
            match Exact::read(digits) {
                Some(value) => assert_eq!(value, Exact::Number(digits.to_owned())),
                None => assert!(digits.starts_with("1E4"), "{digits}"),
            }
        }
        let nested = r#"{"seeds":[123456789012345678901,{"a":1.50}]}"#;
        assert_eq!(read(nested).json(), nested);
    }

    #[test]
    fn json_is_sorted_dense_and_ascii() {
        let value = read(" { \"b\" : [ ] , \"a\" : [ [ 1 , 2 ] , { } , null , true , \"\u{e9}\u{1f511}\\n\\\"\" ] } ");
        assert_eq!(
            value.json(),
            r#"{"a":[[1,2],{},null,true,"\u00e9\ud83d\udd11\n\""],"b":[]}"#
        );
        assert_eq!(Exact::read(&value.json()).unwrap(), value);
    }

    #[test]
    fn arguments_are_as_python_shows_them() {
        for (given, argument) in [
            ("\"word\"", "word"),
            ("null", ""),
            ("true", "True"),
            ("[1, \"a\", false, null]", "[1, 'a', False, None]"),
            ("[\"it's\", \"\\n\"]", "[\"it's\", '\\n']"),
            ("{\"b\": [1], \"a\": \"x\"}", "a=x,b=[1]"),
        ] {
            assert_eq!(read(given).argument(), argument);
        }
    }

    #[test]
    fn what_is_no_document_is_nothing() {
        for text in ["", "word", "[1,", "{\"a\"}", "1 2", &"[".repeat(1000)] {
            assert_eq!(Exact::read(text), None, "{text}");
        }
    }
}
