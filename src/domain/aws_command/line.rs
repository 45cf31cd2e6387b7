//! One command line, word by word, as a POSIX shell reads it.

use std::collections::BTreeMap;
use std::path::Path;

use super::Session;
use crate::printable;

pub(super) fn aws<const N: usize>(words: [&str; N]) -> String {
    let mut line = "aws".to_owned();
    push(&mut line, words);
    line
}

pub(super) fn strongroom<const N: usize>(words: [&str; N]) -> String {
    let mut line = "strongroom".to_owned();
    push(&mut line, words);
    line
}

pub(super) fn push<const N: usize>(line: &mut String, words: [&str; N]) {
    for word in words {
        line.push(' ');
        line.push_str(&quoted(word));
    }
}

pub(super) fn push_all(line: &mut String, words: &[String]) {
    for word in words {
        push(line, [word.as_str()]);
    }
}

pub(super) fn push_context(line: &mut String, option: &str, context: &BTreeMap<String, String>) {
    if !context.is_empty() {
        push(line, [option, &serde_json::json!(context).to_string()]);
    }
}

pub(super) fn with_session(mut line: String, session: &Session) -> String {
    let options = [
        ("--profile", &session.profile),
        ("--region", &session.region),
        ("--endpoint-url", &session.endpoint),
    ];
    for (option, value) in options {
        if let Some(value) = value {
            push(&mut line, [option, value]);
        }
    }
    line
}

pub(super) fn with_prefix(alias: &str) -> String {
    match alias.strip_prefix("alias/") {
        Some(_) => alias.to_owned(),
        None => format!("alias/{alias}"),
    }
}

pub(super) fn path_text(path: &Path) -> String {
    let text = path.to_string_lossy().into_owned();
    // A name must not be taken for an option.
    if text.starts_with('-') {
        format!("./{text}")
    } else {
        text
    }
}

/// One word for a POSIX shell.
pub(super) fn quoted(word: &str) -> String {
    printable::shell_word(word.as_bytes())
}
