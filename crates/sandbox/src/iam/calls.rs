//! The operations of the IAM query API on users, roles and access keys; what hangs on them is in `policies`.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::EntityKind::{Role, User};
use super::context::Context;
use super::form::{Form, elements, escape};
use super::{Credential, Entity, EntityKind, Iam, SESSION, boundary, conflict, exists, limits, missing};
use super::{policies, simulate, tags, unknown};
use crate::api::{ApiError, camel, out_of_bounds};
use crate::identity::{Caller, Principal, account_of};
use crate::members;
use crate::policy::{Document, Kind, Statement};
use crate::world::World;

/// Performs one operation; the inside of its result element.
pub(crate) fn call(world: &World, caller: &Caller, operation: &str, form: &Form) -> Result<String, ApiError> {
    let form = &members::heeded("iam", operation, form)?.ok_or_else(|| unknown(operation))?;
    let limit = form.number("MaxItems").unwrap_or(1);
    out_of_bounds(limit, "maxItems", 1..=1000).map_err(limits::invalid)?;
    let account = &caller.place.account;
    let context = Context::of(&world.iam(account), caller, operation, form, world.facts());
    for action in context.actions(operation) {
        let permitted = world.permit_by_identity(&context.question(caller, &action));
        permitted.map_err(|error| ApiError::new("AccessDenied", error.message).status(403))?;
    }
    if let "CreateRole" | "UpdateAssumeRolePolicy" = operation {
        let trust = form.text("AssumeRolePolicyDocument").or(form.text("PolicyDocument"));
        neighbours(world, caller, trust.unwrap_or_default())?;
    }
    let gone = {
        let mut iam = world.iam(account);
        match operation {
            "DeleteRole" => iam.delete(Role, form.required("RoleName")?)?,
            "DeleteUser" => iam.delete(User, form.required("UserName")?)?,
            _ => return perform(&mut iam, caller, operation, form),
        }
    };
    // Grants and policies go on naming who is gone, by an id that nobody gets again.
    world.kms().forget(&gone.arn, &gone.id);
    world.s3.forget(&gone.arn, &gone.id);
    for account in world.accounts() {
        world.iam(account).forget(&gone.arn, &gone.id);
    }
    Ok(String::new())
}

pub(super) fn perform(iam: &mut Iam, caller: &Caller, operation: &str, form: &Form) -> Result<String, ApiError> {
    match operation {
        "CreateRole" => {
            let name = limits::name(form.required("RoleName")?, "roleName", 64)?;
            let trust = trust(iam, form, "AssumeRolePolicyDocument")?;
            let longest = longest(form)?;
            let (path, tags, boundary) = (limits::path(form)?, limits::tags(form)?, boundary::given(iam, form)?);
            iam.create_role(name, path, trust, limits::description(form)?)?;
            iam.change(Role, name, |role| {
                role.longest = longest;
                role.tags = tags;
                role.boundary = boundary;
            })?;
            let role = iam.find(Role, name)?;
            let (role, more) = (entity("Role", name, role), limits_and_tags(role));
            Ok(format!("<Role>{role}{more}</Role>"))
        }
        "GetRole" => {
            let name = form.required("RoleName")?;
            let role = iam.find(Role, name)?;
            let more = settings(role) + &limits_and_tags(role);
            let role = entity("Role", name, role);
            Ok(format!("<Role>{role}<RoleLastUsed/>{more}</Role>"))
        }
        "ListRoles" => Ok(list(form, "Roles", below(form, iam.roles.iter()), |(name, role)| {
            (name.clone(), entity("Role", name, role) + &settings(role))
        })),
        "UpdateAssumeRolePolicy" => {
            let trust = trust(iam, form, "PolicyDocument")?;
            iam.change(Role, form.required("RoleName")?, |role| role.trust = Some(trust))?;
            Ok(String::new())
        }
        "UpdateRole" => {
            let (longest, description) = (longest(form)?, limits::description(form)?);
            iam.change(Role, form.required("RoleName")?, |role| {
                role.longest = longest;
                description.clone_into(&mut role.description);
            })?;
            Ok(String::new())
        }
        "CreateUser" => {
            let name = limits::name(form.required("UserName")?, "userName", 64)?;
            if iam.users.keys().any(|other| limits::is_same(other, name)) {
                return Err(exists(&format!("User with name {name} already exists.")));
            }
            let user = Entity {
                tags: limits::tags(form)?,
                boundary: boundary::given(iam, form)?,
                ..iam.entity("user", "AIDA", limits::path(form)?, name)
            };
            iam.users.insert(name.to_owned(), user);
            shown_user(iam, name)
        }
        "GetUser" => shown_user(iam, own_name(form, caller)?),
        "ListUsers" => Ok(list(form, "Users", below(form, iam.users.iter()), |(name, user)| {
            (name.clone(), entity("User", name, user))
        })),
        "CreateAccessKey" => {
            let name = own_name(form, caller)?;
            iam.find(User, name)?;
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
            let is_active = form.required("Status")? == "Active";
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
            iam.find(User, name)?;
            let own = iam.credentials.iter().filter(|(_, key)| key.belongs_to(name));
            Ok(list(form, "AccessKeyMetadata", own, |(id, credential)| {
                (id.clone(), access_key(name, id, credential))
            }))
        }
        "SimulatePrincipalPolicy" => simulate::principal(iam, caller, form),
        "SimulateCustomPolicy" => simulate::custom(iam, caller, form),
        _ => match (
            boundary::perform(iam, operation, form)?,
            tags::perform(iam, operation, form),
        ) {
            (Some(()), _) => Ok(String::new()),
            (_, Some(answer)) => answer,
            (None, None) => policies::perform(iam, operation, form),
        },
    }
}

impl Iam {
    /// What is trusted by this ARN is from now on trusted by this id.
    fn forget(&mut self, arn: &str, id: &str) {
        let trusts = |role: &Entity| role.trust.as_ref().is_some_and(|trust| trust.names(arn));
        let naming = self.roles.iter().filter(|(_, role)| trusts(role));
        for name in naming.map(|(name, _)| name.to_owned()).collect::<Vec<String>>() {
            self.roles.change(&name, |role| {
                role.trust = role.trust.as_ref().map(|trust| trust.renamed(arn, id));
            });
        }
    }

    fn delete(&mut self, kind: EntityKind, name: &str) -> Result<Entity, ApiError> {
        let entity = self.find(kind, name)?;
        if !entity.attached.is_empty() || !entity.inline.is_empty() {
            return Err(conflict("Cannot delete entity, must detach all policies first."));
        }
        match kind {
            // Another role of this name is another role.
            Role => self.credentials.retain(|_, key| !key.is_session_of(name)),
            User if self.credentials.values().any(|key| key.belongs_to(name)) => {
                return Err(conflict("Cannot delete entity, must delete access keys first."));
            }
            User => {}
        }
        let gone = self.entities_mut(kind).remove(name);
        gone.ok_or_else(|| kind.missing(name))
    }
}

/// What CreateRole does not tell of a role.
fn settings(role: &Entity) -> String {
    let description = match role.description.as_str() {
        "" => String::new(),
        text => format!("<Description>{}</Description>", escape(text)),
    };
    format!("<MaxSessionDuration>{}</MaxSessionDuration>{description}", role.longest)
}

/// What one user or role alone shows; lists leave it out, as IAM does.
fn limits_and_tags(entity: &Entity) -> String {
    boundary::shown(entity) + &tags::shown_if_any(&entity.tags)
}

fn shown_user(iam: &Iam, name: &str) -> Result<String, ApiError> {
    let user = iam.find(User, name)?;
    let (user, more) = (entity("User", name, user), limits_and_tags(user));
    Ok(format!("<User>{user}{more}</User>"))
}

fn access_key(user: &str, id: &str, key: &Credential) -> String {
    format!(
        "<UserName>{}</UserName><AccessKeyId>{id}</AccessKeyId><Status>{}</Status><CreateDate>{}</CreateDate>",
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
        (None, _) => {
            let told = "Must specify userName when calling with non-User credentials";
            Err(ApiError::new("ValidationError", told))
        }
    }
}

fn longest(form: &Form) -> Result<i64, ApiError> {
    let seconds = form.number("MaxSessionDuration").unwrap_or(SESSION);
    out_of_bounds(seconds, "maxSessionDuration", 3600..=43200).map_err(limits::invalid)?;
    Ok(seconds)
}

/// A trust policy: those whom it names must be there.
fn trust(iam: &Iam, form: &Form, member: &str) -> Result<Document, ApiError> {
    let text = form.required(member)?;
    limits::trust(text, &camel(member))?;
    let document = policies::document(text, Kind::Trust)?;
    if let Some(service) = limits::no_service(&document) {
        return Err(nobody("SERVICE", service));
    }
    let mut names = document.statements().iter().flat_map(Statement::principals);
    match names.find(|name| !iam.may_be_named(name)) {
        None => Ok(document),
        Some(name) => Err(nobody("AWS", name)),
    }
}

/// Who is of another account of the world must be there as well. Each account is looked into by itself: two are never
/// locked at a time.
fn neighbours(world: &World, caller: &Caller, trust: &str) -> Result<(), ApiError> {
    let Ok(document) = Document::checked(trust, Kind::Trust) else {
        // What is wrong with it is told when it is stored.
        return Ok(());
    };
    let is_neighbour = |name: &&String| {
        let account = account_of(name);
        account != caller.place.account && world.accounts().any(|known| known == account)
    };
    let names = document.statements().iter().flat_map(Statement::principals);
    match names.filter(is_neighbour).find(|name| !world.knows(name)) {
        None => Ok(()),
        Some(name) => Err(nobody("AWS", name)),
    }
}

fn nobody(kind: &str, name: &str) -> ApiError {
    let told = format!("Invalid principal in policy: \"{kind}\":\"{name}\"");
    ApiError::new("MalformedPolicyDocument", told)
}

pub(super) fn encoded(document: &Document) -> String {
    utf8_percent_encode(document.text(), NON_ALPHANUMERIC).to_string()
}

fn entity(kind: &str, name: &str, entity: &Entity) -> String {
    let trust = entity.trust.as_ref().map(encoded);
    let trust = trust.map_or_else(String::new, |trust| elements(&[("AssumeRolePolicyDocument", &trust)]));
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
    let limit = form.number("MaxItems").map_or(100, |limit| limit as usize);
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
