//! The operations on policies: managed ones, inline ones, and what is attached to whom.

use std::collections::{BTreeMap, BTreeSet};

use super::calls::{encoded, list};
use super::form::{Form, elements, escape};
use super::{
    Entity, EntityKind, Iam, Policy, Versions, boundary, conflict, exists, limits, managed, missing, tags, unknown,
    versions,
};
use crate::api::ApiError;
use crate::policy::{Document, Kind};
use crate::world::random_id;

pub(super) fn perform(iam: &mut Iam, operation: &str, form: &Form) -> Result<String, ApiError> {
    let kind = EntityKind::of_operation(operation);
    match operation {
        "CreatePolicy" => {
            let name = limits::name(form.required("PolicyName")?, "policyName", 128)?;
            let path = limits::path(form)?.to_owned();
            let arn = format!("arn:aws:iam::{}:policy{path}{name}", iam.account);
            // Whatever their paths are.
            let named = |arn: &String| arn.rsplit('/').next().is_some_and(|other| limits::is_same(other, name));
            if iam.policies.keys().any(named) {
                let told = format!("A policy called {name} already exists. Duplicate names are not allowed.");
                return Err(exists(&told));
            }
            let (text, created) = (form.required("PolicyDocument")?, iam.clock.now());
            limits::managed(text)?;
            let policy = Policy {
                id: random_id("ANPA", 21),
                path,
                created,
                description: limits::description(form)?.to_owned(),
                tags: limits::tags(form)?,
                versions: Versions::first(document(text, Kind::Managed)?, created),
            };
            let tags = tags::shown_if_any(&policy.tags);
            iam.policies.insert(arn.clone(), policy);
            Ok(format!("<Policy>{}{tags}</Policy>", row(iam, &arn)))
        }
        "GetPolicy" => shown(iam, form.required("PolicyArn")?),
        "ListPolicies" => {
            let scope = form.text("Scope").unwrap_or("All");
            let of_aws = managed::arns().filter(|_| scope != "Local");
            let own = iam.policies.keys().filter(|_| scope != "AWS").cloned();
            let prefix = form.text("PathPrefix").unwrap_or("/");
            let is_used = |arn: &String| match form.text("PolicyUsageFilter") {
                Some("PermissionsPolicy") => attachments(iam, arn) > 0,
                Some("PermissionsBoundary") => boundary::uses(iam, arn) > 0,
                _ => form.text("OnlyAttached") != Some("true") || attachments(iam, arn) > 0,
            };
            let mut arns: Vec<String> = of_aws
                .chain(own)
                .filter(|arn| path(arn).starts_with(prefix) && is_used(arn))
                .collect();
            arns.sort();
            Ok(list(form, "Policies", arns.into_iter(), |arn| {
                let row = row(iam, &arn);
                (arn, row)
            }))
        }
        "DeletePolicy" => {
            let arn = form.required("PolicyArn")?;
            if attachments(iam, arn) + boundary::uses(iam, arn) > 0 {
                return Err(conflict("Cannot delete a policy attached to entities."));
            }
            if iam.policies.get(arn).is_some_and(|policy| !policy.versions.is_one()) {
                return Err(conflict(
                    "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
                ));
            }
            iam.policies.remove(arn).ok_or_else(|| no_policy(arn))?;
            Ok(String::new())
        }
        "AttachRolePolicy" | "AttachUserPolicy" => attach(iam, kind, form),
        "DetachRolePolicy" | "DetachUserPolicy" => detach(iam, kind, form),
        "ListAttachedRolePolicies" | "ListAttachedUserPolicies" => list_attached(iam, kind, form),
        "PutRolePolicy" | "PutUserPolicy" => put_inline(iam, kind, form),
        "GetRolePolicy" | "GetUserPolicy" => get_inline(iam, kind, form),
        "ListRolePolicies" | "ListUserPolicies" => list_inline(iam, kind, form),
        "DeleteRolePolicy" | "DeleteUserPolicy" => delete_inline(iam, kind, form),
        _ => versions::perform(iam, operation, form).unwrap_or_else(|| Err(unknown(operation))),
    }
}

fn attach(iam: &mut Iam, kind: EntityKind, form: &Form) -> Result<String, ApiError> {
    let name = kind.named(form)?;
    iam.attach(kind, name, form.required("PolicyArn")?)?;
    Ok(String::new())
}

fn detach(iam: &mut Iam, kind: EntityKind, form: &Form) -> Result<String, ApiError> {
    let name = kind.named(form)?;
    iam.find(kind, name)?;
    let arn = form.required("PolicyArn")?;
    iam.change(kind, name, |found| {
        let before = found.attached.len();
        found.attached.retain(|attached| attached != arn);
        if found.attached.len() == before {
            return Err(no_policy(arn));
        }
        Ok(String::new())
    })?
}

fn list_attached(iam: &Iam, kind: EntityKind, form: &Form) -> Result<String, ApiError> {
    let found = iam.find(kind, kind.named(form)?)?;
    let prefix = form.text("PathPrefix").unwrap_or("/");
    let below = found.attached.iter().filter(|arn| path(arn).starts_with(prefix));
    let below: BTreeSet<&String> = below.collect();
    Ok(list(form, "AttachedPolicies", below.into_iter(), |arn| {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        let row = elements(&[("PolicyName", name), ("PolicyArn", arn)]);
        (arn.clone(), row)
    }))
}

fn put_inline(iam: &mut Iam, kind: EntityKind, form: &Form) -> Result<String, ApiError> {
    let name = kind.named(form)?;
    let found = iam.find(kind, name)?;
    let policy = limits::name(form.required("PolicyName")?, "policyName", 128)?.to_owned();
    let text = form.required("PolicyDocument")?;
    limits::inline(found, kind, &policy, name, text)?;
    let document = document(text, Kind::Inline)?;
    iam.change(kind, name, |found| {
        found.inline.insert(policy, document);
        String::new()
    })
}

fn get_inline(iam: &Iam, kind: EntityKind, form: &Form) -> Result<String, ApiError> {
    let name = kind.named(form)?;
    let found = iam.find(kind, name)?;
    let policy = form.required("PolicyName")?;
    let document = found.inline.get(policy).ok_or_else(|| no_inline(policy))?;
    let (owner, document) = (format!("{kind:?}Name"), encoded(document));
    Ok(elements(&[
        (&owner, name),
        ("PolicyName", policy),
        ("PolicyDocument", &document),
    ]))
}

fn list_inline(iam: &Iam, kind: EntityKind, form: &Form) -> Result<String, ApiError> {
    let found = iam.find(kind, kind.named(form)?)?;
    Ok(list(form, "PolicyNames", found.inline.keys(), |name| {
        (name.clone(), escape(name))
    }))
}

fn delete_inline(iam: &mut Iam, kind: EntityKind, form: &Form) -> Result<String, ApiError> {
    let name = kind.named(form)?;
    iam.find(kind, name)?;
    let policy = form.required("PolicyName")?;
    iam.change(kind, name, |found| {
        let gone = found.inline.remove(policy);
        gone.map(|_| String::new()).ok_or_else(|| no_inline(policy))
    })?
}

/// A policy for users, roles or sessions, read whole.
pub(crate) fn document(text: &str, kind: Kind) -> Result<Document, ApiError> {
    Document::checked(text, kind).map_err(|wrong| ApiError::new("MalformedPolicyDocument", wrong.to_string()))
}

fn shown(iam: &Iam, arn: &str) -> Result<String, ApiError> {
    iam.document(arn).ok_or_else(|| no_policy(arn))?;
    let own = iam.policies.get(arn);
    let description = match own.map_or("", |policy| &policy.description) {
        "" => String::new(),
        text => elements(&[("Description", text)]),
    };
    let tags = own.map_or_else(|| tags::shown(&BTreeMap::new()), |policy| tags::shown(&policy.tags));
    Ok(format!("<Policy>{}{description}{tags}</Policy>", row(iam, arn)))
}

fn row(iam: &Iam, arn: &str) -> String {
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let own = iam.policies.get(arn).map(|policy| policy.versions.default());
    let of_aws = managed::find(arn).map(|managed| managed.version.to_owned());
    let version = own.or(of_aws).unwrap_or_default();
    let dates = match (iam.policies.get(arn), managed::find(arn)) {
        (Some(policy), _) => format!(
            "<PolicyId>{}</PolicyId><CreateDate>{}</CreateDate><UpdateDate>{}</UpdateDate>",
            policy.id, policy.created, policy.versions.updated
        ),
        (None, Some(of_aws)) => format!(
            "<CreateDate>{}</CreateDate><UpdateDate>{}</UpdateDate>",
            of_aws.created, of_aws.updated
        ),
        (None, None) => String::new(),
    };
    format!(
        "<PolicyName>{}</PolicyName><Arn>{}</Arn><Path>{}</Path><DefaultVersionId>{version}</DefaultVersionId><AttachmentCount>{}</AttachmentCount><PermissionsBoundaryUsageCount>{}</PermissionsBoundaryUsageCount><IsAttachable>true</IsAttachable>{dates}",
        escape(name),
        escape(arn),
        escape(path(arn)),
        attachments(iam, arn),
        boundary::uses(iam, arn)
    )
}

/// A policy's path, with the slash at its end.
fn path(arn: &str) -> &str {
    let rest = arn.split_once(":policy").map_or("/", |(_, rest)| rest);
    &rest[..=rest.rfind('/').unwrap_or(0)]
}

fn attachments(iam: &Iam, arn: &str) -> usize {
    let has = |entity: &&Entity| entity.attached.iter().any(|attached| attached == arn);
    iam.all().filter(has).count()
}

pub(super) fn no_policy(arn: &str) -> ApiError {
    missing(&format!("Policy {arn} was not found."))
}

fn no_inline(name: &str) -> ApiError {
    missing(&format!("The policy with name {name} cannot be found."))
}
