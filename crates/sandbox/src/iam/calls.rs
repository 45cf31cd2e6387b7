//! The operations of the IAM query API on users, roles and access keys; what hangs on them is in `policies`.

use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::context::Context;
use super::form::{Form, escape};
use super::{Credential, Entity, Iam, SESSION, boundary, conflict, exists, missing, policies, simulate};
use crate::api::ApiError;
use crate::identity::{Caller, Principal};
use crate::policy::{Document, Kind, Statement};
use crate::world::World;

/// Performs one operation; the inside of its result element.
pub(crate) fn call(world: &World, caller: &Caller, operation: &str, form: &Form) -> Result<String, ApiError> {
    let context = Context::of(
        &world.iam(&caller.place.account),
        caller,
        operation,
        form,
        world.facts(),
    );
    for action in context.actions(operation) {
        world
            .permit_by_identity(&context.question(caller, &action))
            .map_err(|error| ApiError {
                code: "AccessDenied".to_owned(),
                status: 403,
                ..error
            })?;
    }
    let gone = {
        let mut iam = world.iam(&caller.place.account);
        match operation {
            "DeleteRole" => iam.delete_role(form.required("RoleName")?)?,
            "DeleteUser" => iam.delete_user(form.required("UserName")?)?,
            _ => return perform(&mut iam, caller, operation, form),
        }
    };
    // Grants and key policies go on naming who is gone, by an id that nobody gets again.
    world.kms().forget(&gone.arn, &gone.id);
    Ok(String::new())
}

fn perform(iam: &mut Iam, caller: &Caller, operation: &str, form: &Form) -> Result<String, ApiError> {
    match operation {
        "CreateRole" => {
            let name = valid_name(form.required("RoleName")?, "roleName", 64)?;
            let trust = trust(iam, form.required("AssumeRolePolicyDocument")?)?;
            let longest = longest(form)?;
            let (path, tags, boundary) = (path(form)?, tags(form)?, boundary::given(iam, form)?);
            iam.create_role(name, path, trust, form.text("Description").unwrap_or_default())?;
            iam.change_role(name, |role| {
                role.longest = longest;
                role.tags = tags;
                role.boundary = boundary;
            })?;
            shown_role(iam, name)
        }
        "GetRole" => shown_role(iam, form.required("RoleName")?),
        "ListRoles" => Ok(list(form, "Roles", below(form, iam.roles.iter()), |(name, role)| {
            (name.clone(), entity("Role", name, role))
        })),
        "UpdateAssumeRolePolicy" => {
            let trust = trust(iam, form.required("PolicyDocument")?)?;
            iam.change_role(form.required("RoleName")?, |role| role.trust = Some(trust))?;
            Ok(String::new())
        }
        "UpdateRole" => {
            let longest = longest(form)?;
            iam.change_role(form.required("RoleName")?, |role| {
                role.longest = longest;
                form.text("Description")
                    .unwrap_or_default()
                    .clone_into(&mut role.description);
            })?;
            Ok(String::new())
        }
        "CreateUser" => {
            let name = valid_name(form.required("UserName")?, "userName", 64)?;
            if iam.users.contains_key(name) {
                return Err(exists(&format!("User with name {name} already exists.")));
            }
            let user = Entity {
                tags: tags(form)?,
                boundary: boundary::given(iam, form)?,
                ..iam.entity("user", "AIDA", path(form)?, name)
            };
            iam.users.insert(name.to_owned(), user);
            shown_user(iam, name)
        }
        "GetUser" => {
            let name = own_name(form, caller)?;
            shown_user(iam, name)
        }
        "ListUsers" => Ok(list(form, "Users", below(form, iam.users.iter()), |(name, user)| {
            (name.clone(), entity("User", name, user))
        })),
        "CreateAccessKey" => {
            let name = own_name(form, caller)?;
            iam.user(name)?;
            if iam.credentials.values().filter(|key| key.belongs_to(name)).count() >= 2 {
                return Err(ApiError::new("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2").status(409));
            }
            let at = iam.clock.now();
            let (id, secret) = iam.add_access_key(name);
            Ok(format!(
                "<AccessKey><UserName>{}</UserName><AccessKeyId>{id}</AccessKeyId><Status>Active</Status><SecretAccessKey>{secret}</SecretAccessKey><CreateDate>{at}</CreateDate></AccessKey>",
                escape(name)
            ))
        }
        "UpdateAccessKey" => {
            let is_active = match form.required("Status")? {
                "Active" => true,
                "Inactive" => false,
                _ => {
                    return Err(ApiError::new(
                        "ValidationError",
                        "Value at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]",
                    ));
                }
            };
            let id = own_key(iam, form, caller)?;
            iam.credentials.change(&id, |key| key.is_active = is_active);
            Ok(String::new())
        }
        "DeleteAccessKey" => {
            let id = own_key(iam, form, caller)?;
            iam.credentials.remove(&id);
            Ok(String::new())
        }
        "ListAccessKeys" => {
            let name = own_name(form, caller)?;
            iam.user(name)?;
            let members: String = iam
                .credentials
                .iter()
                .filter(|(_, credential)| credential.belongs_to(name))
                .map(|(id, credential)| access_key(name, id, credential))
                .collect();
            Ok(format!(
                "<AccessKeyMetadata>{members}</AccessKeyMetadata><IsTruncated>false</IsTruncated>"
            ))
        }
        "SimulatePrincipalPolicy" => simulate::principal(iam, caller, form),
        "SimulateCustomPolicy" => simulate::custom(iam, caller, form),
        "TagRole" | "UntagRole" | "ListRoleTags" | "TagUser" | "UntagUser" | "ListUserTags" => {
            tagging(iam, operation, form)
        }
        _ => match boundary::perform(iam, operation, form)? {
            Some(()) => Ok(String::new()),
            None => policies::perform(iam, operation, form),
        },
    }
}

fn tagging(iam: &mut Iam, operation: &str, form: &Form) -> Result<String, ApiError> {
    let is_role = operation.contains("Role");
    let name = form.required(if is_role { "RoleName" } else { "UserName" })?;
    if operation.starts_with("List") {
        let entity = if is_role { iam.role(name)? } else { iam.user(name)? };
        return Ok(format!("{}<IsTruncated>false</IsTruncated>", shown_tags(entity)));
    }
    let added = tags(form)?;
    let removed = form.list("TagKeys");
    let change = |entity: &mut Entity| {
        entity.tags.retain(|name, _| !removed.contains(&name.as_str()));
        entity.tags.extend(added);
    };
    if is_role {
        iam.change_role(name, change)?;
    } else {
        iam.change_user(name, change)?;
    }
    Ok(String::new())
}

impl Iam {
    fn delete_role(&mut self, name: &str) -> Result<Entity, ApiError> {
        let role = self.role(name)?;
        if !role.attached.is_empty() || !role.inline.is_empty() {
            return Err(conflict("Cannot delete entity, must detach all policies first."));
        }
        self.roles
            .remove(name)
            .ok_or_else(|| missing("The role cannot be found."))
    }

    fn delete_user(&mut self, name: &str) -> Result<Entity, ApiError> {
        let user = self.user(name)?;
        if !user.attached.is_empty() || !user.inline.is_empty() {
            return Err(conflict("Cannot delete entity, must detach all policies first."));
        }
        if self.credentials.values().any(|key| key.belongs_to(name)) {
            return Err(conflict("Cannot delete entity, must delete access keys first."));
        }
        self.users
            .remove(name)
            .ok_or_else(|| missing("The user cannot be found."))
    }
}

/// One role alone; lists leave tags and boundary out, as IAM does.
fn shown_role(iam: &Iam, name: &str) -> Result<String, ApiError> {
    let role = iam.role(name)?;
    Ok(format!(
        "<Role>{}{}{}</Role>",
        entity("Role", name, role),
        boundary::shown(role),
        shown_tags(role)
    ))
}

fn shown_user(iam: &Iam, name: &str) -> Result<String, ApiError> {
    let user = iam.user(name)?;
    let tags = if user.tags.is_empty() {
        String::new()
    } else {
        shown_tags(user)
    };
    Ok(format!(
        "<User>{}{}{tags}</User>",
        entity("User", name, user),
        boundary::shown(user)
    ))
}

fn shown_tags(role: &Entity) -> String {
    let member = |(name, value): (&String, &String)| {
        format!(
            "<member><Key>{}</Key><Value>{}</Value></member>",
            escape(name),
            escape(value)
        )
    };
    format!("<Tags>{}</Tags>", role.tags.iter().map(member).collect::<String>())
}

fn tags(form: &Form) -> Result<BTreeMap<String, String>, ApiError> {
    let members = form.structures("Tags");
    let pair = |tag: &Form| {
        let value = tag.text("Value").unwrap_or_default();
        Ok((tag.required("Key")?.to_owned(), value.to_owned()))
    };
    members.iter().map(pair).collect()
}

fn access_key(user: &str, id: &str, key: &Credential) -> String {
    format!(
        "<member><UserName>{}</UserName><AccessKeyId>{id}</AccessKeyId><Status>{}</Status><CreateDate>{}</CreateDate></member>",
        escape(user),
        if key.is_active { "Active" } else { "Inactive" },
        key.created
    )
}

/// The access key that a call names, if it is the user's whom it is about.
fn own_key(iam: &Iam, form: &Form, caller: &Caller) -> Result<String, ApiError> {
    let id = form.required("AccessKeyId")?;
    let is_own = |key: &&Credential| own_name(form, caller).is_ok_and(|name| key.belongs_to(name));
    match iam.credentials.get(id).filter(is_own) {
        Some(_) => Ok(id.to_owned()),
        None => Err(missing(&format!("The Access Key with id {id} cannot be found."))),
    }
}

/// The user that a call names, or the one who calls.
fn own_name<'a>(form: &'a Form, caller: &'a Caller) -> Result<&'a str, ApiError> {
    match (form.text("UserName"), &caller.principal) {
        (Some(name), _) => Ok(name),
        (None, Principal::User(name)) => Ok(name),
        (None, _) => Err(ApiError::new(
            "ValidationError",
            "Must specify userName when calling with non-User credentials",
        )),
    }
}

fn valid_name<'a>(name: &'a str, member: &str, most: usize) -> Result<&'a str, ApiError> {
    if name.len() <= most && name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
        return Ok(name);
    }
    Err(ApiError::new(
        "ValidationError",
        format!(
            "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_- and at most {most} of them"
        ),
    ))
}

fn path(form: &Form) -> Result<&str, ApiError> {
    let path = form.text("Path").unwrap_or("/");
    if path.starts_with('/') && path.ends_with('/') && path.chars().all(|c| ('!'..='~').contains(&c)) {
        return Ok(path);
    }
    Err(ApiError::new(
        "ValidationError",
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
    ))
}

fn longest(form: &Form) -> Result<i64, ApiError> {
    match form.text("MaxSessionDuration").map(str::parse::<i64>) {
        None => Ok(SESSION),
        Some(Ok(seconds @ 3600..=43200)) => Ok(seconds),
        Some(_) => Err(ApiError::new(
            "ValidationError",
            "Value at 'maxSessionDuration' failed to satisfy constraint: Member must have value between 3600 and 43200",
        )),
    }
}

/// A trust policy: those whom it names must be there.
fn trust(iam: &Iam, text: &str) -> Result<Document, ApiError> {
    let document = policies::document(text, Kind::Trust)?;
    let mut names = document.statements().iter().flat_map(Statement::principals);
    match names.find(|name| !iam.may_be_named(name)) {
        None => Ok(document),
        Some(nobody) => Err(ApiError::new(
            "MalformedPolicyDocument",
            format!("Invalid principal in policy: \"AWS\":\"{nobody}\""),
        )),
    }
}

pub(super) fn encoded(document: &Document) -> String {
    utf8_percent_encode(document.text(), NON_ALPHANUMERIC).to_string()
}

fn entity(kind: &str, name: &str, entity: &Entity) -> String {
    let trust = entity.trust.as_ref().map_or_else(String::new, |trust| format!("<AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument><MaxSessionDuration>{}</MaxSessionDuration><Description>{}</Description>", encoded(trust), entity.longest, escape(&entity.description)));
    format!(
        "<Path>{}</Path><{kind}Name>{}</{kind}Name><{kind}Id>{}</{kind}Id><Arn>{}</Arn><CreateDate>{}</CreateDate>{trust}",
        escape(&entity.path),
        escape(name),
        entity.id,
        escape(&entity.arn),
        entity.created
    )
}

/// What lies below `PathPrefix`.
fn below<'a>(
    form: &'a Form,
    all: impl Iterator<Item = (&'a String, &'a Entity)>,
) -> impl Iterator<Item = (&'a String, &'a Entity)> {
    let prefix = form.text("PathPrefix").unwrap_or("/");
    all.filter(move |(_, entity)| entity.path.starts_with(prefix))
}

/// One page: `Marker` is the last name of the page before.
pub(super) fn list<T>(
    form: &Form,
    element: &str,
    all: impl Iterator<Item = T>,
    member: impl Fn(T) -> (String, String),
) -> String {
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
