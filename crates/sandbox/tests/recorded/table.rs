//! The table: its steps, filling in a request, and holding an answer against what AWS answered.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use regex_lite::{Captures, Regex};
use serde_json::{Map, Value, json};

/// What `$NAME` stands for.
pub(crate) type Known = BTreeMap<String, String>;

/// One call, and AWS's answer to it if that was recorded.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) times: usize,
    pub(crate) caller: Option<String>,
    pub(crate) members: Value,
    pub(crate) expected: Option<Expected>,
    /// The code that the sandbox answers instead, or `ok`.
    pub(crate) differs: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Expected {
    /// Status, code and message, and further members of the error.
    Error(Value, Value),
    /// The answer; with more members or without.
    Answer(Value, bool),
}

/// Every scene: its title and its steps.
pub(crate) fn scenes(table: &str) -> Vec<(String, Vec<Step>)> {
    let mut lines: Vec<String> = Vec::new();
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match (line.strip_prefix("    "), lines.last_mut()) {
            (Some(more), Some(last)) => *last = format!("{last} {}", more.trim()),
            _ => lines.push(line.to_owned()),
        }
    }
    let mut scenes: Vec<(String, Vec<Step>)> = Vec::new();
    for line in &lines {
        if let Some(title) = line.strip_prefix("== ") {
            scenes.push((title.to_owned(), Vec::new()));
            continue;
        }
        let steps = &mut scenes.last_mut().expect("a step has a title above it").1;
        match line.strip_prefix("  ") {
            Some(told) => steps.last_mut().expect("an answer has a call above it").expect(told),
            None => steps.push(Step::parse(line)),
        }
    }
    scenes
}

impl Step {
    fn parse(line: &str) -> Self {
        let call = Regex::new(r"^(\w+)\.(\w+)(?:\*(\d+))?(?: as (\w+))? (\{.*\})$").unwrap();
        let call = call.captures(line).unwrap_or_else(|| panic!("no call: {line}"));
        let text = |group: usize| call.get(group).map(|found| found.as_str().to_owned());
        Self {
            service: text(1).unwrap_or_default(),
            operation: text(2).unwrap_or_default(),
            times: text(3).map_or(1, |times| times.parse().unwrap()),
            caller: text(4),
            members: serde_json::from_str(&call[5]).unwrap_or_else(|wrong| panic!("{line}: {wrong}")),
            expected: None,
            differs: None,
        }
    }

    fn expect(&mut self, told: &str) {
        let (kind, text) = told.split_at(2);
        let value = || serde_json::from_str(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
        match (kind, &mut self.expected) {
            ("! ", expected) => {
                let (head, message) = text.split_once(':').expect("a code ends with a colon");
                let (status, code) = head.split_once(' ').expect("an error has status and code");
                let error = json!([status, code, message.trim_start()]);
                *expected = Some(Expected::Error(error, json!({})));
            }
            ("& ", Some(Expected::Error(_, fields))) => *fields = value(),
            ("= ", expected) => *expected = Some(Expected::Answer(value(), false)),
            ("> ", expected) => *expected = Some(Expected::Answer(value(), true)),
            ("~ ", _) => self.differs = text.split(' ').next().map(str::to_owned),
            _ => panic!("what is {told}?"),
        }
    }
}

fn repeated(text: &str) -> String {
    let pattern = Regex::new(r"<(.)\*(\d+)>").unwrap();
    let repeat = |found: &Captures| found[1].repeat(found[2].parse().unwrap());
    pattern.replace_all(text, repeat).into_owned()
}

fn holes() -> Regex {
    Regex::new(r"\$[A-Za-z]\w*(?:\.\w+)?|<\w+>").unwrap()
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_millis() as i64
}

/// A request with what earlier answers told.
pub(crate) fn filled(value: &Value, known: &Known) -> Value {
    match value {
        Value::Object(members) => {
            let mut full = Map::new();
            for (name, inner) in members {
                match name.split_once(':') {
                    Some((name, "json")) => {
                        let text = filled(inner, known).to_string();
                        full.insert(name.to_owned(), text.into());
                    }
                    Some((name, count)) if count.parse::<usize>().is_ok() => {
                        let one = |n: usize| serde_json::from_str(&inner.to_string().replace("<n>", &n.to_string()));
                        let all: Vec<Value> = (0..count.parse().unwrap()).map(|n| one(n).unwrap()).collect();
                        full.insert(name.to_owned(), filled(&all.into(), known));
                    }
                    _ => {
                        full.insert(name.clone(), filled(inner, known));
                    }
                }
            }
            full.into()
        }
        Value::Array(all) => all.iter().map(|inner| filled(inner, known)).collect(),
        Value::String(text) => match text.strip_prefix("<now").and_then(|rest| rest.strip_suffix('>')) {
            Some(offset) => json!(now() + offset.trim_start_matches('+').parse::<i64>().unwrap_or(0)),
            None => {
                let fill = |hole: &Captures| match known.get(&hole[0]) {
                    Some(value) => value.clone(),
                    None => hole[0].to_owned(),
                };
                holes().replace_all(&repeated(text), fill).into_owned().into()
            }
        },
        other => other.clone(),
    }
}

/// What is not as expected, by its place; learns what `$NAME` stands for where it is met first.
///
/// Numbers and truths are compared as text, which is all that XML and headers have.
pub(crate) fn mismatches(expected: &Value, got: &Value, known: &mut Known, partial: bool, at: &str) -> Vec<String> {
    let differs = || vec![format!("{at}: {got} instead of {expected}")];
    match (expected, got) {
        (Value::Object(members), Value::String(text)) => match read(text) {
            Some(read) => mismatches(expected, &read, known, partial, at),
            None if members.is_empty() && text.is_empty() => Vec::new(),
            None => differs(),
        },
        (Value::Object(members), Value::Object(found)) => {
            let mut wrong = Vec::new();
            for (name, inner) in members {
                match (found.get(name), inner) {
                    (Some(value), _) => {
                        wrong.extend(mismatches(inner, value, known, partial, &format!("{at}.{name}")));
                    }
                    // XML has no empty lists.
                    (None, Value::Array(none)) if none.is_empty() => {}
                    (None, _) => wrong.push(format!("{at}: lacks {name}")),
                }
            }
            let more: Vec<&String> = found.keys().filter(|name| !members.contains_key(*name)).collect();
            if !partial && !more.is_empty() {
                wrong.push(format!("{at}: has {more:?} besides"));
            }
            wrong
        }
        (Value::Array(all), _) => {
            let found = listed(got);
            if found.len() != all.len() {
                return differs();
            }
            let pairs = all.iter().zip(&found).enumerate();
            pairs
                .flat_map(|(n, (inner, value))| mismatches(inner, value, known, partial, &format!("{at}[{n}]")))
                .collect()
        }
        (Value::String(text), _) if matches_text(text, &plain(got), known) => Vec::new(),
        (Value::Bool(_) | Value::Number(_), _) if plain(expected) == plain(got) => Vec::new(),
        _ => differs(),
    }
}

/// A document as text, percent-encoded where it is IAM's.
fn read(text: &str) -> Option<Value> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    let read = |text: &str| serde_json::from_str(text).ok().filter(Value::is_object);
    read(text).or_else(|| read(&decoded))
}

/// XML does not tell a list of one from one, and some lists have an element around them.
fn listed(got: &Value) -> Vec<Value> {
    match got {
        Value::Array(all) => all.clone(),
        Value::String(none) if none.is_empty() => Vec::new(),
        Value::Object(members) if members.len() == 1 && members.values().all(|inner| !inner.is_string()) => {
            listed(members.values().next().unwrap_or(got))
        }
        one => vec![one.clone()],
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn matches_text(expected: &str, got: &str, known: &mut Known) -> bool {
    let expected = repeated(expected);
    let (mut pattern, mut new, mut behind) = (String::from("(?s)^"), Vec::new(), 0);
    for hole in holes().find_iter(&expected) {
        pattern += &regex_lite::escape(&expected[behind..hole.start()]);
        behind = hole.end();
        let name = hole.as_str();
        pattern += &match (name, known.get(name)) {
            ("<time>", _) => r"\d.*".to_owned(),
            ("<any>", _) => ".*".to_owned(),
            ("<hex64>", _) => "[0-9a-f]{64}".to_owned(),
            (_, Some(value)) => regex_lite::escape(value),
            (_, None) if name.starts_with('$') => {
                new.push(name.to_owned());
                "(.+)".to_owned()
            }
            _ => regex_lite::escape(name),
        };
    }
    pattern += &regex_lite::escape(&expected[behind..]);
    pattern.push('$');
    let Some(found) = Regex::new(&pattern).unwrap().captures(got) else {
        return false;
    };
    for (group, name) in new.into_iter().enumerate() {
        known.insert(name, found[group + 1].to_owned());
    }
    true
}
