//! What is done with execution roles.

use tokio_util::sync::CancellationToken;

use crate::actions::{self, Aws};
use crate::domain::{Fault, Outcome, RoleRequest};

pub(super) async fn perform(aws: &Aws, request: &RoleRequest, cancel: &CancellationToken) -> Result<Outcome, Fault> {
    match request {
        RoleRequest::New(spec) => actions::new_role(aws, spec, cancel).await,
        RoleRequest::Policies { role } => actions::role_policies(aws, role).await,
        RoleRequest::DetachPolicy { role, policy } => actions::detach_role_policy(aws, role, policy).await,
        RoleRequest::Delete { role } => actions::delete_role(aws, role, cancel).await,
        RoleRequest::TrustCaller { role, on } => actions::trust_caller(aws, role, *on).await,
        RoleRequest::TrustService { role } => actions::trust_service(aws, role).await,
    }
}
