//! IAM's quotas, and what names, paths and texts may hold.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::form::Form;
use super::{Entity, EntityKind};
use crate::api::{ApiError, broken};
use crate::policy::{Document, Statement};

/// Managed policies that a user or a role may have.
pub(super) const ATTACHED: usize = 10;
const MANAGED: usize = 6144;
const TRUST: usize = 2048;
/// Inline policies of a user together, and of a role.
const OF_USER: usize = 2048;
const OF_ROLE: usize = 10_240;
/// Bytes of any document, white space included.
const LONGEST: usize = 131_072;

pub(super) fn exceeded(message: impl Into<String>) -> ApiError {
    ApiError::new("LimitExceeded", message).status(409)
}

/// A managed policy's document.
pub(super) fn managed(text: &str) -> Result<(), ApiError> {
    document(text, "policyDocument")?;
    within(size(text), "PolicySize", MANAGED)
}

/// A trust policy's.
pub(super) fn trust(text: &str, member: &str) -> Result<(), ApiError> {
    document(text, member)?;
    within(size(text), "ACLSizePerRole", TRUST)
}

/// An inline policy that is to stand beside the other ones of a user or a role.
pub(super) fn inline(entity: &Entity, kind: EntityKind, name: &str, owner: &str, text: &str) -> Result<(), ApiError> {
    document(text, "policyDocument")?;
    let others = entity.inline.iter().filter(|(other, _)| *other != name);
    let others: usize = others.map(|(_, document)| size(document.text())).sum();
    let (most, kind) = match kind {
        EntityKind::User => (OF_USER, kind.word()),
        EntityKind::Role => (OF_ROLE, kind.word()),
    };
    let told = format!("Maximum policy size of {most} bytes exceeded for {kind} {owner}");
    if others + size(text) > most {
        Err(exceeded(told))
    } else {
        Ok(())
    }
}

/// One more managed policy.
pub(super) fn attached(entity: &Entity, kind: EntityKind, arn: &str) -> Result<(), ApiError> {
    let others = entity.attached.iter().filter(|attached| *attached != arn).count();
    within(others + 1, &format!("PoliciesPer{kind:?}"), ATTACHED)
}

fn within(count: usize, quota: &str, most: usize) -> Result<(), ApiError> {
    if count > most {
        return Err(exceeded(format!("Cannot exceed quota for {quota}: {most}")));
    }
    Ok(())
}

/// Characters without white space, which IAM does not count.
fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

fn document(text: &str, member: &str) -> Result<(), ApiError> {
    at_most(text, member, LONGEST)?;
    if text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}')) {
        return Ok(());
    }
    let told = format!("The specified value for {member} is invalid. It must contain only printable ASCII characters.");
    Err(invalid(told))
}

fn at_most(text: &str, member: &str, most: usize) -> Result<(), ApiError> {
    if text.chars().count() <= most {
        return Ok(());
    }
    let shown = Some(text).filter(|_| most < LONGEST);
    let rule = format!("have length less than or equal to {most}");
    Err(invalid(broken(shown, member, &rule)))
}

/// The name of a user, a role or a policy.
pub(super) fn name<'a>(name: &'a str, member: &str, most: usize) -> Result<&'a str, ApiError> {
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
        return Err(invalid(format!(
            "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
        )));
    }
    at_most(name, member, most).map(|()| name)
}

pub(super) fn path(form: &Form) -> Result<&str, ApiError> {
    let path = form.text("Path").unwrap_or("/");
    if !path.starts_with('/') || !path.ends_with('/') || !path.chars().all(|c| ('!'..='\u{7f}').contains(&c)) {
        return Err(invalid(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
        ));
    }
    at_most(path, "path", 512).map(|()| path)
}

pub(super) fn description(form: &Form) -> Result<&str, ApiError> {
    let text = form.text("Description").unwrap_or_default();
    let is_text = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}');
    if !text.chars().all(is_text) {
        let rule = "satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*";
        return Err(invalid(broken(None, "description", rule)));
    }
    at_most(text, "description", 1000).map(|()| text)
}

/// The tags of a request. No two keys of a user, a role or a policy differ by the case of their letters alone.
pub(super) fn tags(form: &Form) -> Result<BTreeMap<String, String>, ApiError> {
    let mut tags = BTreeMap::new();
    for (number, tag) in form.structures("Tags").iter().enumerate() {
        let (key, value) = (tag.required("Key")?, tag.text("Value").unwrap_or_default());
        // Tabs and the ends of lines are controls.
        let is_space = |c: char| c.is_whitespace() && !c.is_control();
        for (part, text, most) in [("key", key, 128), ("value", value, 256)] {
            let member = format!("tags.{}.member.{part}", number + 1);
            at_most(text, &member, most)?;
            let is_allowed = |c: char| c.is_alphanumeric() || is_space(c) || "_.:/=+-@".contains(c);
            if !text.chars().all(is_allowed) {
                let rule = "satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+";
                return Err(invalid(broken(Some(text), &member, rule)));
            }
        }
        if key.to_lowercase().starts_with("aws:") {
            let told = "Tags beginning with aws: are reserved for system use.";
            return Err(ApiError::new("InvalidInput", told));
        }
        if tags.keys().any(|other: &String| is_same(other, key)) {
            let told = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(ApiError::new("InvalidInput", told));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    most_tags(&tags).map(|()| tags)
}

/// How many tags something may have.
pub(super) fn most_tags(tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
    match tags.len() {
        0..=50 => Ok(()),
        _ => Err(invalid(broken(None, "tags", "have length less than or equal to 50"))),
    }
}

/// IAM's names and tag keys are not told apart by the case of their letters.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// The service that a trust policy names and AWS does not know: `NAME.amazonaws.com`, with more before the name or a region
/// behind it.
pub(super) fn no_service(trust: &Document) -> Option<&str> {
    static KNOWN: OnceLock<Vec<&str>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| include_str!("services.txt").split_whitespace().collect());
    let is_service = |name: &str| {
        let labels = name.trim_end_matches(".cn").strip_suffix(".amazonaws.com");
        let is_known = |label: &str| known.iter().any(|known| known.eq_ignore_ascii_case(label));
        labels.is_some_and(|labels| labels.rsplit('.').take(2).any(is_known))
    };
    let names = trust.statements().iter().flat_map(Statement::services);
    names.map(String::as_str).find(|name| *name != "*" && !is_service(name))
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationError", message)
}
