//! Tags of roles, users and customer managed policies.

use std::collections::BTreeMap;

use super::form::{Form, escape};
use super::policies::no_policy;
use super::{Iam, no_role, no_user};
use crate::api::ApiError;

type Tags = BTreeMap<String, String>;

/// Performs an operation of tags; nothing for one of another kind.
pub(super) fn perform(iam: &mut Iam, operation: &str, form: &Form) -> Option<Result<String, ApiError>> {
    let (verb, kind) = ["Tag", "Untag", "List"]
        .into_iter()
        .find_map(|verb| Some((verb, operation.strip_prefix(verb)?)))?;
    let change: Box<dyn FnOnce(&mut Tags)> = match (verb, kind) {
        ("Tag", "Role" | "User" | "Policy") => match given(form) {
            Ok(tags) => Box::new(|all| all.extend(tags)),
            Err(error) => return Some(Err(error)),
        },
        ("Untag", "Role" | "User" | "Policy") => {
            let names = form.list("TagKeys");
            Box::new(move |all| all.retain(|name, _| !names.contains(&name.as_str())))
        }
        ("List", "RoleTags" | "UserTags" | "PolicyTags") => return Some(list(iam, kind, form)),
        _ => return None,
    };
    let changed = match kind {
        "Role" => form
            .required("RoleName")
            .and_then(|name| iam.change_role(name, |role| change(&mut role.tags))),
        "User" => form
            .required("UserName")
            .and_then(|name| iam.change_user(name, |user| change(&mut user.tags))),
        _ => form.required("PolicyArn").and_then(|arn| {
            let changed = iam.policies.change(arn, |policy| change(&mut policy.tags));
            changed.ok_or_else(|| no_policy(arn))
        }),
    };
    Some(changed.map(|()| String::new()))
}

fn list(iam: &Iam, kind: &str, form: &Form) -> Result<String, ApiError> {
    let tags = match kind {
        "RoleTags" => {
            let name = form.required("RoleName")?;
            &iam.roles.get(name).ok_or_else(|| no_role(name))?.tags
        }
        "UserTags" => {
            let name = form.required("UserName")?;
            &iam.users.get(name).ok_or_else(|| no_user(name))?.tags
        }
        _ => {
            let arn = form.required("PolicyArn")?;
            &iam.policies.get(arn).ok_or_else(|| no_policy(arn))?.tags
        }
    };
    Ok(format!("{}<IsTruncated>false</IsTruncated>", shown(tags)))
}

/// The tags of a request.
pub(super) fn given(form: &Form) -> Result<Tags, ApiError> {
    let pair = |tag: &Form| {
        let value = tag.text("Value").unwrap_or_default();
        Ok((tag.required("Key")?.to_owned(), value.to_owned()))
    };
    form.structures("Tags").iter().map(pair).collect()
}

pub(super) fn shown(tags: &Tags) -> String {
    let member = |(name, value): (&String, &String)| {
        let (name, value) = (escape(name), escape(value));
        format!("<member><Key>{name}</Key><Value>{value}</Value></member>")
    };
    format!("<Tags>{}</Tags>", tags.iter().map(member).collect::<String>())
}

/// The same where IAM says nothing of no tags.
pub(super) fn shown_if_any(tags: &Tags) -> String {
    if tags.is_empty() { String::new() } else { shown(tags) }
}
