//! What each operation of the JSON and query services takes, by name and type. Everything else is refused by name: a
//! request with a member that nobody here heeds would be answered as if it had asked for less.
//!
//! `members.txt` has an operation a line. A member is a text, or behind its name `#` a whole number, `@` a time, `?` a truth,
//! `{}` texts by name; `[]` makes a list of it, and a dot leads to the members of a structure. `=A|!B` are the texts that
//! AWS knows, with a mark before those that are not served.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::api::{ApiError, broken, camel};
use crate::iam::Form;

/// Refuses what a JSON operation does not take. One that is not served is refused elsewhere.
pub(crate) fn check(service: &str, operation: &str, body: &Value) -> Result<(), ApiError> {
    let (Some(taken), Some(members)) = (taken(service, operation), body.as_object()) else {
        return Ok(());
    };
    structure(members, taken, "").map_err(|wrong| wrong.told(service, operation))
}

/// The same for the query protocol, where all is text and a list's members are numbered. What is left of the form are the
/// members that the operation takes: no other one has a say in what it is about. None for an operation that is not served.
pub(crate) fn heeded(service: &str, operation: &str, form: &Form) -> Result<Option<Form>, ApiError> {
    let Some(taken) = taken(service, operation) else {
        return Ok(None);
    };
    // A presigned request has its signature among them.
    let is_member = |name: &str| !matches!(name, "Action" | "Version") && !name.starts_with("X-Amz-");
    let members = form.iter().filter(|(name, _)| is_member(name));
    let heeded = members.filter_map(|(name, value)| match field(name, value, taken) {
        Ok(true) => Some(Ok((name.to_owned(), value.to_owned()))),
        Ok(false) => None,
        Err(wrong) => Some(Err(wrong.told(service, operation))),
    });
    heeded.collect::<Result<_, _>>().map(Some)
}

fn taken(service: &str, operation: &str) -> Option<&'static [&'static str]> {
    static TABLE: OnceLock<HashMap<&str, Vec<&str>>> = OnceLock::new();
    let read = |line: &'static str| {
        let mut words = line.split(' ');
        Some((words.next()?, words.collect()))
    };
    let table = TABLE.get_or_init(|| include_str!("members.txt").lines().filter_map(read).collect());
    table.get(&*format!("{service}.{operation}")).map(Vec::as_slice)
}

/// What is wrong with a member.
enum Wrong {
    /// Nobody heeds it, or not this value.
    Unheeded(String),
    /// A text that AWS does not know either, by its member and those that it knows.
    Unknown(String, String, String),
    /// It has another type, in AWS's words.
    Type(String),
}

impl Wrong {
    fn told(self, service: &str, operation: &str) -> ApiError {
        let (code, strange) = match service {
            "kms" => ("ValidationException", "UnsupportedOperationException"),
            "sagemaker" => ("ValidationException", "ValidationException"),
            "iam" | "sts" => ("ValidationError", "ValidationError"),
            _ => ("InvalidParameterException", "InvalidParameterException"),
        };
        match self {
            Self::Unheeded(member) => ApiError::new(
                strange,
                format!("The sandbox does not implement {member} of {operation}."),
            ),
            Self::Unknown(member, text, known) => {
                let rule = format!("satisfy enum value set: [{known}]");
                ApiError::new(code, broken(Some(&text), &camel(&member), &rule))
            }
            Self::Type(message) if matches!(service, "iam" | "sts") => ApiError::new("MalformedInput", message),
            Self::Type(message) => ApiError::new("SerializationException", message),
        }
    }
}

/// The members of a structure; `at` is its path, with a dot at its end.
fn structure(members: &Map<String, Value>, taken: &[&'static str], at: &str) -> Result<(), Wrong> {
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        let rest = |path: &&'static str| path.strip_prefix(name.as_str()).filter(|rest| is_whole(rest));
        let below: Vec<&str> = taken.iter().filter_map(rest).collect();
        let at = format!("{at}{name}");
        if !below.is_empty() {
            typed(value, &below, &at)?;
        } else if asks(value) {
            return Err(Wrong::Unheeded(at));
        }
    }
    Ok(())
}

/// Whether a name ends where this begins.
fn is_whole(rest: &str) -> bool {
    !rest.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// Whether a member asks for anything: nothing, a false and an empty list do not.
fn asks(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(entries) => !entries.is_empty(),
        Value::Object(members) => members.is_empty() || members.values().any(asks),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => true,
    }
}

/// A value by what is behind its name: one type, or the members of a structure.
fn typed(value: &Value, below: &[&'static str], at: &str) -> Result<(), Wrong> {
    let inner = |mark: &str| {
        below
            .iter()
            .filter_map(|rest| rest.strip_prefix(mark))
            .collect::<Vec<_>>()
    };
    match (below[0], value) {
        ("", Value::String(_)) | ("?", Value::Bool(_)) | ("@", Value::Number(_)) => Ok(()),
        ("#", number) if number.as_i64().is_some() => Ok(()),
        ("{}", Value::Object(entries)) => entries.values().try_for_each(|text| typed(text, &[""], at)),
        (mark, Value::Array(entries)) if mark.starts_with("[]") => {
            entries.iter().try_for_each(|entry| typed(entry, &inner("[]"), at))
        }
        (mark, Value::Object(members)) if mark.starts_with('.') => structure(members, &inner("."), &format!("{at}.")),
        (mark, Value::String(text)) if mark.starts_with('=') => one_of(text, &mark[1..], at),
        (mark, _) => Err(Wrong::Type(mismatch(value, mark))),
    }
}

fn one_of(text: &str, known: &str, at: &str) -> Result<(), Wrong> {
    let all = || known.split('|');
    if all().any(|one| one == text) {
        return Ok(());
    }
    if all().any(|one| one.strip_prefix('!') == Some(text)) {
        return Err(Wrong::Unheeded(format!("{at} {text}")));
    }
    let known: Vec<&str> = all().map(|one| one.trim_start_matches('!')).collect();
    Err(Wrong::Unknown(at.to_owned(), text.to_owned(), known.join(", ")))
}

/// AWS's words for a value of another type than a member's.
fn mismatch(value: &Value, mark: &str) -> String {
    let wanted = match mark.chars().next() {
        Some('#') => "an Integer",
        Some('@') => "a Timestamp",
        Some('?') => "a Boolean",
        Some('[') => return "Expected list or null".to_owned(),
        Some('{' | '.') => return "Expected map or null".to_owned(),
        _ => "a String",
    };
    let token = match value {
        Value::Object(_) => return "Start of structure or map found where not expected.".to_owned(),
        Value::Array(_) => return "Start of list found where not expected.".to_owned(),
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
    };
    format!("{token} can not be converted to {wanted}")
}

/// Whether a field of a form is one that is taken: `Tags.member.1.Key` is `Tags[].Key`, and a list without members is written
/// as an empty text. One that is not is passed over if it asks for nothing.
fn field(name: &str, value: &str, taken: &[&'static str]) -> Result<bool, Wrong> {
    let mut path = String::new();
    let mut parts = name.split('.').peekable();
    while let Some(part) = parts.next() {
        if part == "member" && parts.next_if(|number| number.parse::<u32>().is_ok()).is_some() {
            path.push_str("[]");
        } else {
            path.push_str(if path.is_empty() { "" } else { "." });
            path.push_str(part);
        }
    }
    let rest = |member: &&'static str| member.strip_prefix(path.as_str()).filter(|rest| is_whole(rest));
    match taken.iter().find_map(rest) {
        Some("") => Ok(true),
        Some("#") if value.parse::<i64>().is_ok() => Ok(true),
        Some("?") if matches!(value, "true" | "false") => Ok(true),
        Some(list) if list.starts_with("[]") && value.is_empty() => Ok(true),
        Some(known) if known.starts_with('=') => one_of(value, &known[1..], name).map(|()| true),
        Some(mark @ ("#" | "?")) => Err(Wrong::Type(mismatch(&Value::from(value), mark))),
        None if matches!(value, "" | "false") => Ok(false),
        Some(_) | None => Err(Wrong::Unheeded(path)),
    }
}

#[cfg(test)]
mod tests;
