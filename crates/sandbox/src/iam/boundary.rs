//! Permissions boundaries: the policy that limits what a user's or role's other policies allow.

use super::form::{Form, escape};
use super::{Entity, Iam, missing};
use crate::api::ApiError;

/// The boundary that a call gives, if it does.
pub(super) fn given(iam: &Iam, form: &Form) -> Result<Option<String>, ApiError> {
    let Some(arn) = form.text("PermissionsBoundary") else {
        return Ok(None);
    };
    if !arn.starts_with("arn:") || arn.split(':').count() < 6 {
        return Err(ApiError::new("InvalidInput", format!("ARN {arn} is not valid.")));
    }
    match iam.document(arn) {
        Some(_) => Ok(Some(arn.to_owned())),
        None => Err(missing(&format!(
            "Scope ARN: {arn} does not exist or is not attachable."
        ))),
    }
}

/// `PutRolePermissionsBoundary` and its three companions; None for other operations.
pub(super) fn perform(iam: &mut Iam, operation: &str, form: &Form) -> Result<Option<()>, ApiError> {
    let boundary = match operation {
        "PutRolePermissionsBoundary" | "PutUserPermissionsBoundary" => {
            form.required("PermissionsBoundary")?;
            given(iam, form)?
        }
        "DeleteRolePermissionsBoundary" | "DeleteUserPermissionsBoundary" => None,
        _ => return Ok(None),
    };
    let set = |entity: &mut Entity| entity.boundary = boundary;
    if operation.contains("Role") {
        iam.change_role(form.required("RoleName")?, set)?;
    } else {
        iam.change_user(form.required("UserName")?, set)?;
    }
    Ok(Some(()))
}

/// As one user or role alone shows it.
pub(super) fn shown(entity: &Entity) -> String {
    entity.boundary.as_ref().map_or_else(String::new, |arn| {
        format!(
            "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType><PermissionsBoundaryArn>{}</PermissionsBoundaryArn></PermissionsBoundary>",
            escape(arn)
        )
    })
}

/// How many users and roles a policy limits.
pub(super) fn uses(iam: &Iam, arn: &str) -> usize {
    iam.users
        .values()
        .chain(iam.roles.values())
        .filter(|entity| entity.boundary.as_deref() == Some(arn))
        .count()
}
