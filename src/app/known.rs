//! What is known of keys, grants and objects, said alike beside the list and on their own pages.

use serde_json::Value;

use super::command::Command;
use super::format::{self, Line, Tone};
use super::pane::{Facts, grants as of_grants};
use super::seen::ReadResult;
use super::state::State;
use super::table::{Freshness, Listing as _};
use crate::domain::{Grant, KmsKey, ObjectRow, ProofMethod};

/// Grants of a key on screen.
const GRANTS: usize = 8;
/// Cells of a principal's name.
const WHO: usize = 28;

/// Who may use a key, and what depends on it; what is said where its policy is not known yet.
pub(super) fn users(state: &State, facts: &mut Facts, key: &KmsKey, unasked: &str) {
    facts.heading("Who may use it, by policy");
    policy(state, facts, &key.arn, unasked);
    facts.heading("Who may use it, by grant");
    granted(state, facts, &key.arn);
    facts.heading("What depends on it");
    match state.dependents.get(&key.arn) {
        Some((at, summary)) => facts.plain(&aged(state, Some(*at)), summary),
        None => {
            let actions = state.settings.keymap.key(Command::Actions);
            facts.text(
                Tone::Dim,
                &format!("not looked for in this session ({actions}, dependents)"),
            );
        }
    }
}

/// Whom the key's policy names; what IAM policies allow is not looked at.
fn policy(state: &State, facts: &mut Facts, arn: &str, unasked: &str) {
    let policy = match &state.policy {
        Some((of, Ok(policy))) if of == arn => policy,
        Some((of, Err(fault))) if of == arn => {
            return facts.text(Tone::Warn, &format!("not readable: {}", fault.cause));
        }
        _ => return facts.text(Tone::Dim, unasked),
    };
    let Ok(policy) = serde_json::from_str::<Value>(policy) else {
        return facts.text(Tone::Warn, "not to be understood");
    };
    let mut rows = Vec::new();
    for statement in many(&policy["Statement"]) {
        let is_denied = statement["Effect"] == "Deny";
        let operations: Vec<&str> = many(&statement["Action"]).filter_map(Value::as_str).collect();
        let operations = match operations.as_slice() {
            ["kms:*"] => "all".to_owned(),
            [first] => first.trim_start_matches("kms:").to_owned(),
            [first, rest @ ..] => format!("{} and {} more", first.trim_start_matches("kms:"), rest.len()),
            [] => "all but some".to_owned(),
        };
        let only_if = if statement["Condition"].is_null() {
            ""
        } else {
            ", on conditions"
        };
        let (tone, denied) = if is_denied {
            (Tone::Bad, "denied ")
        } else {
            (Tone::Plain, "")
        };
        for who in principals(&statement["Principal"]) {
            rows.push((who, tone, format!("{denied}{operations}{only_if}")));
        }
    }
    who_may(facts, &rows);
}

/// Who, each with what it may, in columns.
fn who_may(facts: &mut Facts, rows: &[(String, Tone, String)]) {
    let widths = rows.iter().map(|(who, ..)| format::width(&format::clean(who)));
    let cells = widths.max().unwrap_or(0).min(WHO);
    for (who, tone, what) in rows {
        let who = format::fit(&format::cut_middle(who, cells), cells + 2);
        facts
            .lines
            .push(Line::new(*tone, who).and(Tone::Dim, format::clean(what)));
    }
}

/// A JSON value, or each of a list of them.
fn many(value: &Value) -> impl Iterator<Item = &Value> {
    let list = value.as_array().map(Vec::as_slice);
    list.unwrap_or(std::slice::from_ref(value))
        .iter()
        .filter(|value| !value.is_null())
}

fn principals(principal: &Value) -> Vec<String> {
    let name = |text: &str| match text {
        "*" => "anybody".to_owned(),
        root if root.ends_with(":root") => "the account".to_owned(),
        other => called(other),
    };
    match principal {
        Value::String(text) => vec![name(text)],
        Value::Object(kinds) => kinds
            .values()
            .flat_map(many)
            .filter_map(Value::as_str)
            .map(name)
            .collect(),
        _ => vec!["others".to_owned()],
    }
}

/// What it is, and its name: `role trainer`, `user ann`; a service by its name.
fn called(arn: &str) -> String {
    let resource = arn.rsplit(':').next().unwrap_or(arn);
    match resource.split_once('/') {
        Some((kind @ ("role" | "user"), path)) => format!("{kind} {}", format::last_part(path)),
        _ => format::last_part(arn).to_owned(),
    }
}

fn granted(state: &State, facts: &mut Facts, arn: &str) {
    // Those on screen are of the key with the cursor.
    if state.key().is_none_or(|key| key.arn != arn) {
        return facts.text(Tone::Dim, "asked for the key with the cursor");
    }
    let grants = &state.grants;
    match (grants.freshness(), grants.count()) {
        (Freshness::Absent | Freshness::Loading, 0) => facts.text(Tone::Dim, "asking…"),
        (Freshness::Stale { fault, .. }, 0) => facts.text(Tone::Warn, &format!("not listed: {}", fault.cause)),
        (_, 0) => facts.text(Tone::Dim, "nobody"),
        (_, all) => {
            let row = |grant: &Grant| (called(&grant.grantee), Tone::Plain, grant.operations.join(", "));
            who_may(facts, &grants.first(GRANTS).map(row).collect::<Vec<_>>());
            if all > GRANTS {
                facts.text(Tone::Dim, &format!("and {} more (2)", all - GRANTS));
            }
        }
    }
}

pub(super) fn grant(state: &State, grant: &Grant, mut facts: Facts) -> Vec<Line> {
    of_grants::describe(&mut facts, grant);
    facts.plain("Age", &aged(state, grant.created));
    match state.newest_proof(&grant.key_arn, &grant.grantee) {
        None => facts.fact("Proved", Tone::Dim, "not in this session (p)"),
        Some(proof) => {
            let (tone, word) = if proof.allowed {
                (Tone::Good, "allowed")
            } else {
                (Tone::Bad, "denied")
            };
            let how = match proof.method {
                ProofMethod::Assumed => "as the role",
                ProofMethod::Reasoned => "reasoned from policies",
            };
            let before = grant.created.is_some_and(|created| created > proof.at);
            let before = if before { ", before the grant" } else { "" };
            facts.fact(
                "Proved",
                tone,
                &format!("Decrypt {word} {}, {how}{before}", aged(state, Some(proof.at))),
            );
        }
    }
    facts.lines
}

/// When an object was read here, as whom, and what came of it; nothing where it was not.
pub(super) fn read_by(state: &State, row: &ObjectRow, mut facts: Facts) -> Vec<Line> {
    if let Some(seen) = state.seen(row) {
        let who = state.identity.as_ref();
        let who = who.map_or("", |who| format::last_part(&who.arn));
        let word = match seen.result {
            ReadResult::Verified { .. } => "verified",
            ReadResult::Refuted(_) => "refuted",
        };
        facts.plain("Read", &format!("{word} {} as {who}", aged(state, Some(seen.at))));
    }
    facts.lines
}

pub(super) fn aged(state: &State, at: Option<jiff::Timestamp>) -> String {
    let age = |at| match format::age(at, state.now).as_str() {
        "now" => "just now".to_owned(),
        age => format!("{age} ago"),
    };
    at.map(age).unwrap_or_default()
}
