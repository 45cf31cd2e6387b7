//! Who a policy or a grant may name: never a session, whose name ends with it.

use crate::aws::{Aws, iam};
use crate::domain::Fault;
use crate::domain::policy::{PrincipalKind, principal_kind};
pub(super) use crate::domain::proof::SESSION;

/// The user or role behind an ARN, with the path that only IAM knows. `None` for the account's root, federated users and
/// roles that may not be looked up.
///
/// # Errors
/// When IAM was not heard: then nobody knows whether there is one.
pub(super) async fn lasting(aws: &Aws, arn: &str) -> Result<Option<String>, Fault> {
    match principal_kind(arn) {
        PrincipalKind::User | PrincipalKind::Role => Ok(Some(arn.to_owned())),
        PrincipalKind::SessionOf(role) => match iam::get_role(aws, role).await {
            Ok(role) => Ok(Some(role.arn)),
            Err(fault) if fault.is_unheard() => Err(fault),
            Err(_) => Ok(None),
        },
        PrincipalKind::Other => Ok(None),
    }
}

/// The same, where a session must not be taken for its role silently.
pub(super) async fn named(aws: &Aws, arn: &str) -> Result<String, Fault> {
    match principal_kind(arn) {
        PrincipalKind::SessionOf(role) => Ok(iam::get_role(aws, role).await?.arn),
        _ => Ok(arn.to_owned()),
    }
}

/// A role's ARN, from its ARN, its session's or its name.
///
/// # Errors
/// When there is no such role, or IAM does not say.
pub async fn role_arn(aws: &Aws, role: &str) -> Result<String, Fault> {
    if role.starts_with("arn:") {
        named(aws, role).await
    } else {
        Ok(iam::get_role(aws, role).await?.arn)
    }
}
