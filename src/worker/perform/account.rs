//! What is asked of the account as a whole.

use crate::actions::{self, Aws, ProgressSink};
use crate::domain::{AccountRequest, Fault, Outcome};

pub(super) async fn perform(aws: &Aws, request: &AccountRequest, progress: &ProgressSink) -> Result<Outcome, Fault> {
    match request {
        AccountRequest::PlanCleanUp => actions::plan_clean_up(aws, progress).await,
        AccountRequest::SaveAudit { to } => actions::save_audit(aws, to),
        AccountRequest::AuditLog { most } => actions::audit_log(aws, *most),
    }
}
