//! What AWS always sends, for every operation that this program asks for: the least that makes an answer one.
//!
//! Only what the service's own reference promises and every implementation of it keeps is here, so that another server
//! that speaks the protocol is not turned away.

use std::collections::HashMap;
use std::sync::OnceLock;

/// The answer to one operation.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) body: Body,
    /// Headers that are there and not empty.
    pub(super) headers: Vec<&'static str>,
    pub(super) must: Vec<Must>,
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// Not at all: its headers tell that AWS did it, the request id among them.
    Nothing,
    /// As XML with this root.
    Xml(&'static str),
    /// As a JSON object.
    Json,
    /// As XML whose root is named after the operation, its result inside.
    Query,
    /// As bytes that nobody can judge from here, or, to a HEAD, as headers alone; with a request id.
    Bytes,
}

/// Paths are names with points between them; the last one is looked for in each of its parents.
#[derive(Debug)]
pub(super) enum Must {
    /// It is there and not empty.
    Have(&'static str),
    /// It is there; a list or a text may be empty.
    Hold(&'static str),
    /// It says yes or no.
    Flag(&'static str),
    /// The first says yes or no; where it is yes, the second is there.
    Follow(&'static str, &'static str),
    /// Where the first is, it counts the others.
    Count(&'static str, Vec<&'static str>),
}

/// What the answer to `operation` is like, by `rules.txt`; `None` for an operation that nobody has thought about.
pub(super) fn rule(operation: &str) -> Option<&'static Rule> {
    static RULES: OnceLock<HashMap<&str, Rule>> = OnceLock::new();
    let rules = RULES.get_or_init(|| {
        let lines = include_str!("rules.txt").lines();
        lines.filter(|line| !line.starts_with('#')).map(read).collect()
    });
    rules.get(operation)
}

fn read(line: &'static str) -> (&'static str, Rule) {
    let mut words = line.split(' ');
    let operation = words.next().unwrap_or_default();
    let body = match words.next().unwrap_or_default() {
        "nothing" => Body::Nothing,
        "json" => Body::Json,
        "query" => Body::Query,
        "bytes" => Body::Bytes,
        root => Body::Xml(root),
    };
    let (headers, members): (Vec<&str>, Vec<&str>) = words.partition(|word| word.starts_with('@'));
    let rule = Rule {
        body,
        headers: headers.into_iter().filter_map(|word| word.strip_prefix('@')).collect(),
        must: members.into_iter().map(must).collect(),
    };
    (operation, rule)
}

fn must(word: &'static str) -> Must {
    if let Some((number, of)) = word.split_once('=') {
        return Must::Count(number, of.split('+').collect());
    }
    match word.split_once('?') {
        Some((flag, "")) => Must::Flag(flag),
        Some((flag, next)) => Must::Follow(flag, next),
        None => word.strip_suffix('*').map_or(Must::Have(word), Must::Hold),
    }
}
