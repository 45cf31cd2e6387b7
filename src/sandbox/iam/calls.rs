//! The operations of the IAM query API.

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::form::{Form, escape};
use super::{Entity, Iam, Owner, exists, missing};
use crate::sandbox::api::ApiError;
use crate::sandbox::identity::{ACCOUNT, Caller, Principal};
use crate::sandbox::world::{World, now};

/// Performs one operation; the inside of its result element.
pub(crate) fn call(world: &World, caller: &Caller, operation: &str, form: &Form) -> Result<String, ApiError> {
    world
        .authorize(
            caller,
            &format!("iam:{operation}"),
            &resource(operation, form),
            &std::collections::BTreeMap::new(),
        )
        .map_err(|error| ApiError {
            code: "AccessDenied".to_owned(),
            status: 403,
            ..error
        })?;
    let mut iam = world.iam();
    match operation {
        "CreateRole" => {
            let trust = document(form.required("AssumeRolePolicyDocument")?)?;
            let role = iam.create_role(
                form.required("RoleName")?,
                form.text("Path").unwrap_or("/"),
                trust,
                form.text("Description").unwrap_or_default(),
            )?;
            Ok(format!(
                "<Role>{}</Role>",
                entity("Role", form.required("RoleName")?, &role)
            ))
        }
        "GetRole" => {
            let name = form.required("RoleName")?;
            Ok(format!("<Role>{}</Role>", entity("Role", name, role(&mut iam, name)?)))
        }
        "ListRoles" => Ok(list(form, "Roles", iam.roles.iter(), |(name, role)| {
            (name.clone(), entity("Role", name, role))
        })),
        "DeleteRole" => {
            let name = form.required("RoleName")?;
            let found = role(&mut iam, name)?;
            if !found.attached.is_empty() || !found.inline.is_empty() {
                return Err(ApiError::new(
                    "DeleteConflict",
                    "Cannot delete entity, must detach all policies first.",
                )
                .status(409));
            }
            iam.roles.remove(name);
            Ok(String::new())
        }
        "UpdateAssumeRolePolicy" => {
            let trust = document(form.required("PolicyDocument")?)?;
            role(&mut iam, form.required("RoleName")?)?.trust = Some(trust);
            Ok(String::new())
        }
        "CreateUser" => {
            let name = form.required("UserName")?;
            if iam.users.contains_key(name) {
                return Err(exists(&format!("User with name {name} already exists.")));
            }
            let user = Entity::new("user", "AIDA", form.text("Path").unwrap_or("/"), name, now());
            iam.users.insert(name.to_owned(), user.clone());
            Ok(format!("<User>{}</User>", entity("User", name, &user)))
        }
        "GetUser" => {
            let name = match (form.text("UserName"), &caller.principal) {
                (Some(name), _) => name.to_owned(),
                (None, Principal::User(name)) => name.clone(),
                (None, _) => {
                    return Err(ApiError::new(
                        "ValidationError",
                        "Must specify userName when calling with non-User credentials",
                    ));
                }
            };
            Ok(format!(
                "<User>{}</User>",
                entity("User", &name, user(&mut iam, &name)?)
            ))
        }
        "ListUsers" => Ok(list(form, "Users", iam.users.iter(), |(name, user)| {
            (name.clone(), entity("User", name, user))
        })),
        "DeleteUser" => {
            let name = form.required("UserName")?;
            user(&mut iam, name)?;
            iam.users.remove(name);
            iam.credentials
                .retain(|_, credential| !matches!(&credential.owner, Owner::User(owner) if owner == name));
            Ok(String::new())
        }
        "CreateAccessKey" => {
            let name = form.required("UserName")?.to_owned();
            user(&mut iam, &name)?;
            let at = now();
            let (id, secret) = iam.add_access_key(&name, at);
            Ok(format!(
                "<AccessKey><UserName>{}</UserName><AccessKeyId>{id}</AccessKeyId><Status>Active</Status><SecretAccessKey>{secret}</SecretAccessKey><CreateDate>{at}</CreateDate></AccessKey>",
                escape(&name)
            ))
        }
        "DeleteAccessKey" => {
            iam.credentials
                .remove(form.required("AccessKeyId")?)
                .ok_or_else(|| missing("The Access Key cannot be found."))?;
            Ok(String::new())
        }
        "ListAccessKeys" => {
            let name = form.required("UserName")?;
            let members: String = iam
                .credentials
                .iter()
                .filter(|(_, credential)| matches!(&credential.owner, Owner::User(owner) if owner == name))
                .map(|(id, credential)| format!("<member><UserName>{}</UserName><AccessKeyId>{id}</AccessKeyId><Status>Active</Status><CreateDate>{}</CreateDate></member>", escape(name), credential.created))
                .collect();
            Ok(format!(
                "<AccessKeyMetadata>{members}</AccessKeyMetadata><IsTruncated>false</IsTruncated>"
            ))
        }
        "CreatePolicy" => {
            let name = form.required("PolicyName")?;
            let arn = format!("arn:aws:iam::{ACCOUNT}:policy/{name}");
            if iam.policies.contains_key(&arn) {
                return Err(exists(&format!(
                    "A policy called {name} already exists. Duplicate names are not allowed."
                )));
            }
            iam.policies
                .insert(arn.clone(), document(form.required("PolicyDocument")?)?);
            Ok(format!(
                "<Policy><PolicyName>{}</PolicyName><Arn>{arn}</Arn><Path>/</Path><DefaultVersionId>v1</DefaultVersionId><IsAttachable>true</IsAttachable><CreateDate>{}</CreateDate></Policy>",
                escape(name),
                now()
            ))
        }
        "AttachRolePolicy" => iam
            .attach_role_policy(form.required("RoleName")?, form.required("PolicyArn")?)
            .map(|()| String::new()),
        "AttachUserPolicy" => {
            let arn = form.required("PolicyArn")?;
            if iam.document(arn).is_none() {
                return Err(missing(&format!("Policy {arn} does not exist or is not attachable.")));
            }
            let user = user(&mut iam, form.required("UserName")?)?;
            if !user.attached.iter().any(|attached| attached == arn) {
                user.attached.push(arn.to_owned());
            }
            Ok(String::new())
        }
        _ => policies(&mut iam, operation, form),
    }
}

/// The operations that users and roles share.
fn policies(iam: &mut Iam, operation: &str, form: &Form) -> Result<String, ApiError> {
    let (found, name) = if operation.contains("Role") {
        let name = form.required("RoleName")?;
        (role(iam, name)?, format!("<RoleName>{}</RoleName>", escape(name)))
    } else if operation.contains("User") {
        let name = form.required("UserName")?;
        (user(iam, name)?, format!("<UserName>{}</UserName>", escape(name)))
    } else {
        return Err(ApiError::new(
            "InvalidAction",
            format!("Could not find operation {operation}"),
        ));
    };
    match operation {
        "DetachRolePolicy" | "DetachUserPolicy" => {
            let arn = form.required("PolicyArn")?;
            if !found.attached.iter().any(|attached| attached == arn) {
                return Err(missing(&format!("Policy {arn} was not found.")));
            }
            found.attached.retain(|attached| attached != arn);
            Ok(String::new())
        }
        "ListAttachedRolePolicies" | "ListAttachedUserPolicies" => {
            let members: String = found
                .attached
                .iter()
                .map(|arn| {
                    format!(
                        "<member><PolicyName>{}</PolicyName><PolicyArn>{}</PolicyArn></member>",
                        escape(arn.rsplit('/').next().unwrap_or(arn)),
                        escape(arn)
                    )
                })
                .collect();
            Ok(format!(
                "<AttachedPolicies>{members}</AttachedPolicies><IsTruncated>false</IsTruncated>"
            ))
        }
        "PutRolePolicy" | "PutUserPolicy" => {
            let document = document(form.required("PolicyDocument")?)?;
            found.inline.insert(form.required("PolicyName")?.to_owned(), document);
            Ok(String::new())
        }
        "GetRolePolicy" | "GetUserPolicy" => {
            let policy = form.required("PolicyName")?;
            let document = found
                .inline
                .get(policy)
                .ok_or_else(|| missing(&format!("The policy with name {policy} cannot be found.")))?;
            Ok(format!(
                "{name}<PolicyName>{}</PolicyName><PolicyDocument>{}</PolicyDocument>",
                escape(policy),
                encoded(document)
            ))
        }
        "ListRolePolicies" | "ListUserPolicies" => {
            let members: String = found
                .inline
                .keys()
                .map(|name| format!("<member>{}</member>", escape(name)))
                .collect();
            Ok(format!(
                "<PolicyNames>{members}</PolicyNames><IsTruncated>false</IsTruncated>"
            ))
        }
        "DeleteRolePolicy" | "DeleteUserPolicy" => {
            let policy = form.required("PolicyName")?;
            found
                .inline
                .remove(policy)
                .ok_or_else(|| missing(&format!("The policy with name {policy} cannot be found.")))?;
            Ok(String::new())
        }
        _ => Err(ApiError::new(
            "InvalidAction",
            format!("Could not find operation {operation}"),
        )),
    }
}

fn resource(operation: &str, form: &Form) -> String {
    match (form.text("RoleName"), form.text("UserName")) {
        (Some(name), _) => format!("arn:aws:iam::{ACCOUNT}:role/{name}"),
        (_, Some(name)) => format!("arn:aws:iam::{ACCOUNT}:user/{name}"),
        _ if operation.starts_with("List") => format!("arn:aws:iam::{ACCOUNT}:*"),
        _ => "*".to_owned(),
    }
}

fn role<'a>(iam: &'a mut Iam, name: &str) -> Result<&'a mut Entity, ApiError> {
    iam.roles
        .get_mut(name)
        .ok_or_else(|| missing(&format!("The role with name {name} cannot be found.")))
}

fn user<'a>(iam: &'a mut Iam, name: &str) -> Result<&'a mut Entity, ApiError> {
    iam.users
        .get_mut(name)
        .ok_or_else(|| missing(&format!("The user with name {name} cannot be found.")))
}

fn document(text: &str) -> Result<Value, ApiError> {
    serde_json::from_str::<Value>(text)
        .ok()
        .filter(|document| document.get("Statement").is_some())
        .ok_or_else(|| ApiError::new("MalformedPolicyDocument", "This policy contains invalid Json"))
}

fn encoded(document: &Value) -> String {
    utf8_percent_encode(&document.to_string(), NON_ALPHANUMERIC).to_string()
}

fn entity(kind: &str, name: &str, entity: &Entity) -> String {
    let created: Timestamp = entity.created;
    let trust = entity.trust.as_ref().map_or_else(String::new, |trust| format!("<AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument><MaxSessionDuration>3600</MaxSessionDuration><Description>{}</Description>", encoded(trust), escape(&entity.description)));
    format!(
        "<Path>{}</Path><{kind}Name>{}</{kind}Name><{kind}Id>{}</{kind}Id><Arn>{}</Arn><CreateDate>{created}</CreateDate>{trust}",
        escape(&entity.path),
        escape(name),
        entity.id,
        escape(&entity.arn)
    )
}

/// One page: `Marker` is the last name of the page before.
fn list<T>(form: &Form, element: &str, all: impl Iterator<Item = T>, member: impl Fn(T) -> (String, String)) -> String {
    let limit = form.number("MaxItems").unwrap_or(100).clamp(1, 1000);
    let mut rest = all
        .map(member)
        .skip_while(|(name, _)| form.text("Marker").is_some_and(|marker| name.as_str() <= marker));
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let members: String = page.iter().map(|(_, xml)| format!("<member>{xml}</member>")).collect();
    let end = match (rest.next(), page.last()) {
        (Some(_), Some((name, _))) => format!("<IsTruncated>true</IsTruncated><Marker>{}</Marker>", escape(name)),
        _ => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    format!("<{element}>{members}</{element}>{end}")
}
