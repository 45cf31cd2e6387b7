//! What is done with grants.

use crate::actions::{self, Aws, ProgressSink};
use crate::domain::{Fault, GrantRequest, Outcome};

pub(super) async fn perform(aws: &Aws, request: &GrantRequest, progress: &ProgressSink) -> Result<Outcome, Fault> {
    match request {
        GrantRequest::New(spec) => actions::grant(aws, spec).await,
        GrantRequest::Revoke {
            key_arn,
            grant_id,
            grantee,
        } => actions::revoke_grant(aws, key_arn, grant_id, grantee).await,
        GrantRequest::Retire {
            key_arn,
            grant_id,
            grantee,
        } => actions::retire_grant(aws, key_arn, grant_id, grantee).await,
        GrantRequest::Await {
            key_arn,
            grant_id,
            grantee,
        } => actions::await_grant(aws, key_arn, grant_id, grantee, progress).await,
        GrantRequest::List => actions::grants_of(aws, &[], progress).await,
    }
}
