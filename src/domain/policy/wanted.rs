//! What a bucket's policy has against a call that was refused: what its Deny statements refuse it without.
//!
//! Only a statement is named that is about the call, its object and its caller. Where one of its conditions cannot be seen from
//! here it is a possibility and said as one.

use std::collections::BTreeSet;

use serde_json::Value;

use super::condition::{Condition, RefusedCall};
use super::{evaluate, statements};
use crate::domain::Arn;

/// Values of a condition, and sentences, that are told; the others are counted.
const TOLD: usize = 4;
const OWNER: &str = "whoever owns the bucket can change that";

/// What a bucket's policy has against a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    /// It refuses it, for this.
    Certain(String),
    /// It may, for this.
    Possible(String),
}

/// What ends a refusal.
#[derive(Debug, PartialEq, Eq)]
struct Way {
    /// `x-amz-acl: private` for what must be given, `aws:SourceIp is within 10.0.0.0/8` for what must be so.
    words: String,
    is_given: bool,
    means: Means,
}

/// Who has it in their hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    /// The caller, by a setting.
    Setting,
    /// The caller, by the endpoint.
    Https,
    /// Who owns the bucket.
    Owner,
}

/// What the policy has against the call; `None` if nothing in it is seen to.
pub fn objection(policy: &str, call: &RefusedCall<'_>) -> Option<Objection> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let (mut certain, mut possible) = (Vec::new(), Vec::new());
    for statement in statements(&policy) {
        if statement["Effect"] != "Deny" || !evaluate::fits(statement, call.action, call.object) {
            continue;
        }
        let is_meant = call.is_meant(statement);
        let conditions = Condition::all(statement);
        let held: Vec<Option<bool>> = conditions.iter().map(|condition| condition.holds(call)).collect();
        if is_meant == Some(false) || held.contains(&Some(false)) {
            continue;
        }
        let mut ways: Vec<Way> = conditions.iter().map(|condition| way(condition, call)).collect();
        if is_meant == Some(true) && !held.contains(&None) && !has_variables(statement) {
            // One condition less is enough: what is in the caller's hands.
            if ways.iter().any(|way| way.means != Means::Owner) {
                ways.retain(|way| way.means != Means::Owner);
            }
            certain.push(ways);
        } else {
            possible.push(ways);
        }
    }
    if !certain.is_empty() {
        return Some(Objection::Certain(told(certain, call)));
    }
    (!possible.is_empty()).then(|| Objection::Possible(format!("it may be that {}", told(possible, call))))
}

/// Whose resource is made of what the request has: `…/${aws:username}/*`.
fn has_variables(statement: &Value) -> bool {
    ["Resource", "NotResource"]
        .iter()
        .any(|key| statement[key].to_string().contains("${"))
}

/// How a condition is no longer met.
fn way(condition: &Condition<'_>, call: &RefusedCall<'_>) -> Way {
    let key = condition.key.to_ascii_lowercase();
    let values = listed(&condition.values);
    let is_null = condition.operator == "null";
    let wants_it = condition.is_negative() || condition.is_of_none();
    if key == "aws:securetransport" && call.is_https != Some(true) {
        return Way {
            words: "a connection by https".to_owned(),
            is_given: true,
            means: Means::Https,
        };
    }
    let setting = call.settings.and_then(|_| setting(condition.key));
    let means = if setting.is_some() {
        Means::Setting
    } else {
        Means::Owner
    };
    if wants_it && let Some(header) = &setting {
        let words = if is_null {
            header.clone()
        } else {
            format!("{header}: {values}")
        };
        return Way {
            words,
            is_given: true,
            means,
        };
    }
    let name = setting.unwrap_or_else(|| condition.key.to_owned());
    let words = match (key.as_str(), condition.operator.as_str()) {
        (_, "null") if wants_it => format!("{name} is given"),
        (_, "null") => format!("{name} is not given"),
        ("aws:sourcevpce", "stringnotequals" | "stringnotlike") => format!("they come from the VPC endpoint {values}"),
        ("aws:sourcevpc", "stringnotequals" | "stringnotlike") => format!("they come from the VPC {values}"),
        (_, "notipaddress") => format!("{name} is within {values}"),
        (_, "ipaddress") => format!("{name} is not within {values}"),
        (_, "numericlessthan" | "datelessthan") => format!("{name} is at least {values}"),
        (_, "numericlessthanequals" | "datelessthanequals") => format!("{name} is more than {values}"),
        (_, "numericgreaterthan" | "dategreaterthan") => format!("{name} is at most {values}"),
        (_, "numericgreaterthanequals" | "dategreaterthanequals") => format!("{name} is less than {values}"),
        (_, "stringnotlike" | "arnnotlike") => format!("{name} is like {values}"),
        (_, "stringlike" | "arnlike") => format!("{name} is not like {values}"),
        _ if condition.is_negative() => format!("{name} is {values}"),
        _ => format!("{name} is not {values}"),
    };
    Way {
        words,
        is_given: false,
        means,
    }
}

/// What a setting of uploads is for, as the policy's key says it.
fn setting(key: &str) -> Option<String> {
    let (service, name) = key.split_once(':')?;
    if !service.eq_ignore_ascii_case("s3") {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("requestobjecttag/") {
        return Some(format!("the tag {}", &name["requestobjecttag/".len()..]));
    }
    [
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-storage-class",
        "x-amz-acl",
    ]
    .contains(&lower.as_str())
    .then_some(lower)
}

fn listed(values: &[String]) -> String {
    let told = values
        .iter()
        .take(TOLD)
        .map(|value| spoken(value))
        .collect::<Vec<_>>()
        .join(" or ");
    match values.len().saturating_sub(TOLD) {
        0 => told,
        more => format!("{told} or {more} more"),
    }
}

/// A value that is one policy variable in words: it stands for something of the caller's own.
fn spoken(value: &str) -> String {
    let inner = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    // `${aws:PrincipalTag/team, 'none'}` has what holds where there is none.
    let Some((name, default)) = inner.map(|inner| inner.split_once(',').unwrap_or((inner, ""))) else {
        return value.to_owned();
    };
    let (name, default) = (name.trim(), default.trim().trim_matches('\''));
    let lower = name.to_ascii_lowercase();
    let words = if lower.starts_with("aws:principaltag/") {
        format!("the value of your own tag {}", &name["aws:principaltag/".len()..])
    } else if lower == "aws:username" {
        "your own user name".to_owned()
    } else if lower == "aws:userid" {
        "your own user id".to_owned()
    } else if lower == "aws:principalaccount" {
        "the number of your own account".to_owned()
    } else {
        return value.to_owned();
    };
    if default.is_empty() {
        words
    } else {
        format!("{words} ({default} if there is none)")
    }
}

/// All that was found, in sentences: first what nothing that the caller gives helps against.
fn told(found: Vec<Vec<Way>>, call: &RefusedCall<'_>) -> String {
    let calls = if call.settings.is_some() { "writes" } else { "reads" };
    let mut sentences = Vec::new();
    let mut given: Vec<String> = Vec::new();
    for ways in found {
        if ways.is_empty() {
            sentences.push(format!(
                "the bucket's policy denies it, whatever the call carries: {OWNER}"
            ));
        } else if ways.iter().all(|way| way.is_given && way.means == Means::Setting) {
            given.push(ways.into_iter().map(|way| way.words).collect::<Vec<_>>().join(" or "));
        } else {
            sentences.push(format!(
                "the bucket's policy refuses {calls} {}: {}",
                unless(&ways),
                remedies(&ways, call)
            ));
        }
    }
    given.sort();
    // With a value it says more.
    let valued: Vec<String> = given
        .iter()
        .filter_map(|one| one.split_once(": "))
        .map(|(name, _)| name.to_owned())
        .collect();
    given.retain(|one| !valued.contains(one));
    if !given.is_empty() {
        let given_by = by_setting(call);
        given.dedup();
        sentences.push(format!(
            "the bucket's policy refuses {calls} without {}: {given_by}",
            given.join(", ")
        ));
    }
    let mut seen = BTreeSet::new();
    sentences.retain(|sentence| seen.insert(sentence.clone()));
    let more = sentences.len().saturating_sub(TOLD);
    sentences.truncate(TOLD);
    if more > 0 {
        sentences.push(format!("{more} more of its statements are like that"));
    }
    sentences.join("; ")
}

/// `without A or B, or unless C`.
fn unless(ways: &[Way]) -> String {
    let of = |is_given| {
        let words = ways
            .iter()
            .filter(|way| way.is_given == is_given)
            .map(|way| way.words.as_str());
        words.collect::<Vec<_>>().join(" or ")
    };
    match (of(true), of(false)) {
        (given, so) if so.is_empty() => format!("without {given}"),
        (given, so) if given.is_empty() => format!("unless {so}"),
        (given, so) => format!("without {given}, or unless {so}"),
    }
}

fn remedies(ways: &[Way], call: &RefusedCall<'_>) -> String {
    let mut remedies = Vec::new();
    for way in ways {
        let remedy = match way.means {
            Means::Setting => by_setting(call),
            Means::Https => "use an https endpoint".to_owned(),
            Means::Owner => OWNER.to_owned(),
        };
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    }
    remedies.join(", or ")
}

fn by_setting(call: &RefusedCall<'_>) -> String {
    let resource = Arn::parse(call.object).map_or(call.object, |arn| arn.resource);
    let bucket = resource.split('/').next().unwrap_or(resource);
    let options = if call.has_options {
        ", or by the options of encrypt"
    } else {
        ""
    };
    format!("say so in [uploads.\"{bucket}\"] of the configuration{options}")
}

#[cfg(test)]
mod tests;
