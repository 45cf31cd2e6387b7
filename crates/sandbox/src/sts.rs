//! Who am I, and sessions of roles (query API 2011-06-15).

use std::collections::BTreeMap;

use super::api::{ApiError, broken, out_of_bounds, refuse_if};
use super::iam::{Form, SESSION, SessionCredentials, escape};
use super::identity::{Caller, Place, Principal, account_of};
use super::members;
use super::policy::Guard;
use super::world::{World, denied};

mod opening;

use opening::Asked;

/// Performs one operation; the inside of its result element.
pub(crate) fn call(world: &World, caller: &Caller, operation: &str, form: &Form) -> Result<String, ApiError> {
    let unknown = || {
        let told = format!("Could not find operation {operation} for version 2011-06-15");
        ApiError::new("InvalidAction", told)
    };
    let form = &members::heeded("sts", operation, form)?.ok_or_else(unknown)?;
    match operation {
        // Nobody needs a permission to learn who they are.
        "GetCallerIdentity" => Ok(format!(
            "<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>",
            escape(&caller.arn),
            escape(&caller.user_id),
            caller.place.account
        )),
        "AssumeRole" => assume_role(world, caller, form),
        _ => Err(unknown()),
    }
}

fn assume_role(world: &World, caller: &Caller, form: &Form) -> Result<String, ApiError> {
    let (arn, name) = (form.required("RoleArn")?, form.required("RoleSessionName")?);
    if let Some(wrong) = bad_name(name) {
        return Err(validation(wrong));
    }
    refuse_if(!is_arn(arn), || validation(format!("{arn} is invalid")))?;
    let seconds = form.number("DurationSeconds").unwrap_or(3600);
    out_of_bounds(seconds, "durationSeconds", 900..=43200).map_err(validation)?;
    let (asked, size) = opening::read(world, caller, form)?;
    let (role, session) = assume(world, caller, arn, asked, seconds)?;
    Ok(format!(
        "<AssumedRoleUser><AssumedRoleId>{role_id}:{name}</AssumedRoleId><Arn>arn:aws:sts::{account}:assumed-role/{role}/{name}</Arn></AssumedRoleUser><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>{size}",
        session.access_key_id,
        session.secret_access_key,
        session.session_token,
        session.expires,
        account = account_of(arn),
        role_id = role.id,
        role = escape(&role.name),
        name = escape(name),
    ))
}

/// What is wrong with the name of a session.
fn bad_name(name: &str) -> Option<String> {
    let rule = match name.len() {
        0..2 => "have length greater than or equal to 2",
        65.. => "have length less than or equal to 64",
        _ if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) => {
            "satisfy regular expression pattern: [\\w+=,.@-]*"
        }
        _ => return None,
    };
    Some(broken(Some(name), "roleSessionName", rule))
}

/// Six parts, of which partition, service and resource are there.
fn is_arn(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    matches!(parts[..], ["arn", partition, service, _, _, resource]
        if !partition.is_empty() && !service.is_empty() && !resource.is_empty())
}

struct Role {
    id: String,
    name: String,
}

/// Opens a session of a role for an AWS service, if the role trusts it.
pub(crate) fn assume_role_as_service(
    world: &World,
    role_arn: &str,
    service: &str,
    session: &str,
    place: &Place,
) -> Result<SessionCredentials, ApiError> {
    let mut caller = Caller::service(service, place);
    caller.extra = BTreeMap::from([("aws:SourceAccount".to_owned(), place.account.clone())]);
    assume(world, &caller, role_arn, Asked::named(session), 12 * 3600).map(|(_, session)| session)
}

/// A trust policy that names the caller suffices; one that names the account delegates to the caller's own policies,
/// which always have a say when the role is another account's.
fn assume(
    world: &World,
    caller: &Caller,
    arn: &str,
    asked: Asked,
    seconds: i64,
) -> Result<(Role, SessionCredentials), ApiError> {
    let facts = world.facts();
    let refused = |action: &str, why: &str| ApiError {
        code: "AccessDenied".to_owned(),
        ..denied(caller, action, arn, why).status(403)
    };
    // A role that does not exist is refused in the same words as one that does not trust.
    let untrusting = || {
        refused(
            "sts:AssumeRole",
            "because no resource-based policy allows the sts:AssumeRole action",
        )
    };
    let found = world.iam_of(arn).and_then(|iam| {
        let (role, entity) = iam.role_by_arn(arn)?;
        Some((role.clone(), entity.clone()))
    });
    let (role, entity) = found.ok_or_else(untrusting)?;
    let guard = Guard::new(entity.trust.as_ref(), account_of(arn), true);
    let context = asked.context(facts, &entity);
    for action in asked.actions() {
        let question = asked.question(caller, action, arn, &context);
        let own = world.iam(&caller.place.account).own(caller, &question);
        guard
            .lets(&question, own)
            .map_err(|refusal| refused(action, &refusal.why(action)))?;
    }
    let (longest, why) = match caller.principal {
        Principal::Service(_) => (i64::MAX, ""),
        Principal::Session { .. } => (SESSION, "1 hour session limit for roles assumed by role chaining."),
        Principal::User(_) => (entity.longest, "MaxSessionDuration set for this role."),
    };
    if seconds > longest {
        return Err(validation(format!("The requested DurationSeconds exceeds the {why}")));
    }
    let role = Role {
        id: entity.id.clone(),
        name: role.clone(),
    };
    let session = world
        .iam(account_of(arn))
        .open_session(&role.name, asked.opening, seconds);
    Ok((role, session))
}

fn validation(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationError", message)
}
