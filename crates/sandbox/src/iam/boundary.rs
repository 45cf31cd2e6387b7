//! Permissions boundaries: the policy that limits what a user's or role's other policies allow.

use super::form::{Form, escape};
use super::{Entity, EntityKind, Iam, missing};
use crate::api::ApiError;

/// The boundary that a call gives, if it does.
pub(super) fn given(iam: &Iam, form: &Form) -> Result<Option<String>, ApiError> {
    let Some(arn) = form.text("PermissionsBoundary") else {
        return Ok(None);
    };
    if !arn.starts_with("arn:") || arn.split(':').count() < 6 {
        return Err(ApiError::new("InvalidInput", format!("ARN {arn} is not valid.")));
    }
    let told = format!("Scope ARN: {arn} does not exist or is not attachable.");
    let found = iam.document(arn).map(|_| Some(arn.to_owned()));
    found.ok_or_else(|| missing(&told))
}

/// `PutRolePermissionsBoundary` and its three companions; None for other operations.
pub(super) fn perform(iam: &mut Iam, operation: &str, form: &Form) -> Result<Option<()>, ApiError> {
    let puts = match operation {
        "PutRolePermissionsBoundary" | "PutUserPermissionsBoundary" => true,
        "DeleteRolePermissionsBoundary" | "DeleteUserPermissionsBoundary" => false,
        _ => return Ok(None),
    };
    let boundary = if puts {
        form.required("PermissionsBoundary")?;
        given(iam, form)?
    } else {
        None
    };
    let kind = EntityKind::of_operation(operation);
    let name = kind.named(form)?;
    iam.change(kind, name, |entity| entity.boundary = boundary).map(Some)
}

/// As one user or role alone shows it.
pub(super) fn shown(entity: &Entity) -> String {
    entity.boundary.as_ref().map_or_else(String::new, |arn| {
        let arn = escape(arn);
        format!(
            "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType><PermissionsBoundaryArn>{arn}</PermissionsBoundaryArn></PermissionsBoundary>"
        )
    })
}

/// How many users and roles a policy limits.
pub(super) fn uses(iam: &Iam, arn: &str) -> usize {
    let is_limited = |entity: &&Entity| entity.boundary.as_deref() == Some(arn);
    iam.all().filter(is_limited).count()
}
