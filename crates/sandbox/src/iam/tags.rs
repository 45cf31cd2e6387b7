//! Tags of roles, users and customer managed policies.

use std::collections::BTreeMap;

use super::form::{Form, escape};
use super::policies::no_policy;
use super::{EntityKind, Iam, limits};
use crate::api::ApiError;

type Tags = BTreeMap<String, String>;
type Change<'a> = Box<dyn FnOnce(&mut Tags) -> Result<(), ApiError> + 'a>;

/// Performs an operation of tags; nothing for one of another kind.
pub(super) fn perform(iam: &mut Iam, operation: &str, form: &Form) -> Option<Result<String, ApiError>> {
    let (verb, kind) = ["Tag", "Untag", "List"]
        .into_iter()
        .find_map(|verb| Some((verb, operation.strip_prefix(verb)?)))?;
    let change: Change = match (verb, kind) {
        ("Tag", "Role" | "User" | "Policy") => match limits::tags(form) {
            Ok(tags) => Box::new(|all| add(all, tags)),
            Err(error) => return Some(Err(error)),
        },
        ("Untag", "Role" | "User" | "Policy") => {
            let names = form.list("TagKeys");
            Box::new(move |all| {
                all.retain(|name, _| !names.iter().any(|gone| limits::is_same(gone, name)));
                Ok(())
            })
        }
        ("List", "RoleTags" | "UserTags" | "PolicyTags") => return Some(list(iam, kind, form)),
        _ => return None,
    };
    let changed = changed(iam, kind, form, change);
    Some(changed.and_then(|done| done.map(|()| String::new())))
}

fn changed(iam: &mut Iam, kind: &str, form: &Form, change: Change<'_>) -> Result<Result<(), ApiError>, ApiError> {
    if let Some(kind) = EntityKind::of(kind) {
        return iam.change(kind, kind.named(form)?, |entity| change(&mut entity.tags));
    }
    let arn = form.required("PolicyArn")?;
    let changed = iam.policies.change(arn, |policy| change(&mut policy.tags));
    changed.ok_or_else(|| no_policy(arn))
}

fn list(iam: &Iam, kind: &str, form: &Form) -> Result<String, ApiError> {
    let tags = match EntityKind::of(kind) {
        Some(kind) => &iam.find(kind, kind.named(form)?)?.tags,
        None => {
            let arn = form.required("PolicyArn")?;
            &iam.policies.get(arn).ok_or_else(|| no_policy(arn))?.tags
        }
    };
    Ok(super::calls::list(form, "Tags", tags.iter(), |(name, value)| {
        (name.clone(), pair(name, value))
    }))
}

/// One more of a key that differs in the case of its letters takes the other's place.
fn add(all: &mut Tags, tags: Tags) -> Result<(), ApiError> {
    let mut sum = all.clone();
    sum.retain(|name, _| !tags.keys().any(|new| limits::is_same(new, name)));
    sum.extend(tags);
    limits::most_tags(&sum)?;
    *all = sum;
    Ok(())
}

fn pair(name: &str, value: &str) -> String {
    format!("<Key>{}</Key><Value>{}</Value>", escape(name), escape(value))
}

pub(super) fn shown(tags: &Tags) -> String {
    let member = |(name, value): (&String, &String)| format!("<member>{}</member>", pair(name, value));
    format!("<Tags>{}</Tags>", tags.iter().map(member).collect::<String>())
}

/// The same where IAM says nothing of no tags.
pub(super) fn shown_if_any(tags: &Tags) -> String {
    if tags.is_empty() { String::new() } else { shown(tags) }
}
