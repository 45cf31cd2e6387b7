//! Tags of roles, users and customer managed policies.

use std::collections::BTreeMap;

use super::form::{Form, escape};
use super::policies::no_policy;
use super::{EntityKind, Iam, limits};
use crate::api::ApiError;

type Tags = BTreeMap<String, String>;

/// Performs an operation of tags; nothing for one of another kind.
pub(super) fn perform(iam: &mut Iam, operation: &str, form: &Form) -> Option<Result<String, ApiError>> {
    let kind = (!operation.contains("Policy")).then(|| EntityKind::of_operation(operation));
    Some(match operation {
        "TagRole" | "TagUser" | "TagPolicy" => tag(iam, kind, form),
        "UntagRole" | "UntagUser" | "UntagPolicy" => untag(iam, kind, form),
        "ListRoleTags" | "ListUserTags" | "ListPolicyTags" => list(iam, kind, form),
        _ => return None,
    })
}

fn tag(iam: &mut Iam, kind: Option<EntityKind>, form: &Form) -> Result<String, ApiError> {
    let tags = limits::tags(form)?;
    change(iam, kind, form, |all| add(all, tags))?.map(|()| String::new())
}

fn untag(iam: &mut Iam, kind: Option<EntityKind>, form: &Form) -> Result<String, ApiError> {
    let names = form.list("TagKeys");
    let is_gone = |name: &String| names.iter().any(|gone| limits::is_same(gone, name));
    change(iam, kind, form, |all| all.retain(|name, _| !is_gone(name)))?;
    Ok(String::new())
}

/// Changes the tags of what the call names: a user or a role, else a policy.
fn change<T>(
    iam: &mut Iam,
    kind: Option<EntityKind>,
    form: &Form,
    change: impl FnOnce(&mut Tags) -> T,
) -> Result<T, ApiError> {
    if let Some(kind) = kind {
        return iam.change(kind, kind.named(form)?, |entity| change(&mut entity.tags));
    }
    let arn = form.required("PolicyArn")?;
    let changed = iam.policies.change(arn, |policy| change(&mut policy.tags));
    changed.ok_or_else(|| no_policy(arn))
}

fn list(iam: &Iam, kind: Option<EntityKind>, form: &Form) -> Result<String, ApiError> {
    let tags = match kind {
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
