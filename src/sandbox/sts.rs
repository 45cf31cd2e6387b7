//! Who am I, and sessions of roles (query API 2011-06-15).

use std::collections::BTreeMap;

use super::api::ApiError;
use super::iam::{Form, SessionCredentials, escape};
use super::identity::{ACCOUNT, Caller, Principal};
use super::policy::{self, Decision, Question};
use super::world::{World, denied};

/// Performs one operation; the inside of its result element.
pub(crate) fn call(world: &World, caller: &Caller, operation: &str, form: &Form) -> Result<String, ApiError> {
    match operation {
        "GetCallerIdentity" => Ok(format!(
            "<Arn>{}</Arn><UserId>{}</UserId><Account>{ACCOUNT}</Account>",
            escape(&caller.arn),
            escape(&caller.user_id)
        )),
        "AssumeRole" => {
            let (arn, name) = (form.required("RoleArn")?, form.required("RoleSessionName")?);
            let seconds = form.number("DurationSeconds").unwrap_or(3600);
            if !(900..=43200).contains(&seconds) {
                return Err(ApiError::new(
                    "ValidationError",
                    format!(
                        "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: Member must be between 900 and 43200"
                    ),
                ));
            }
            let (role, session) = assume(world, caller, arn, name, seconds as i64).map_err(|error| ApiError {
                code: "AccessDenied".to_owned(),
                status: 403,
                ..error
            })?;
            Ok(format!(
                "<AssumedRoleUser><AssumedRoleId>{}:{name}</AssumedRoleId><Arn>arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}</Arn></AssumedRoleUser><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>",
                escape(
                    &world
                        .iam()
                        .role_by_arn(arn)
                        .map(|(_, role)| role.id.clone())
                        .unwrap_or_default()
                ),
                session.access_key_id,
                session.secret_access_key,
                session.session_token,
                session.expires,
                name = escape(name),
            ))
        }
        _ => Err(ApiError::new(
            "InvalidAction",
            format!("Could not find operation {operation}"),
        )),
    }
}

/// Opens a session of a role for an AWS service, if the role trusts it.
pub(crate) fn assume_role_as_service(
    world: &World,
    role_arn: &str,
    service: &str,
    session: &str,
) -> Result<SessionCredentials, ApiError> {
    let caller = Caller {
        principal: Principal::Service(service.to_owned()),
        arn: service.to_owned(),
        user_id: service.to_owned(),
        extra: BTreeMap::from([("aws:SourceAccount".to_owned(), ACCOUNT.to_owned())]),
    };
    assume(world, &caller, role_arn, session, 12 * 3600).map(|(_, session)| session)
}

/// A trust policy that names the caller suffices; one that names the account delegates to the caller's own policies.
fn assume(
    world: &World,
    caller: &Caller,
    arn: &str,
    name: &str,
    seconds: i64,
) -> Result<(String, SessionCredentials), ApiError> {
    const ACTION: &str = "sts:AssumeRole";
    let none = BTreeMap::new();
    let question = Question::new(caller, ACTION, arn, &none);
    let mut iam = world.iam();
    let refused = |why: &str| denied(caller, ACTION, arn, why);
    let Some((role, trust)) = iam
        .role_by_arn(arn)
        .map(|(name, role)| (name.clone(), role.trust.clone().unwrap_or_default()))
    else {
        return Err(refused(
            "because no resource-based policy allows the sts:AssumeRole action",
        ));
    };
    let trusts = policy::resource(&trust, &question);
    let own = iam.decide(&caller.principal, &question);
    let is_allowed = match (trusts.caller, trusts.account, own) {
        (Decision::Denied, ..) => return Err(refused("with an explicit deny in a resource-based policy")),
        (.., Decision::Denied) => return Err(refused("with an explicit deny in an identity-based policy")),
        (Decision::Allowed, ..) | (_, Decision::Allowed, Decision::Allowed) => true,
        _ => false,
    };
    if !is_allowed {
        return Err(refused(
            "because no resource-based policy allows the sts:AssumeRole action",
        ));
    }
    let session = iam.open_session(&role, name, seconds);
    Ok((role, session))
}
