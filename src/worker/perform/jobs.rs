//! What is done with training jobs.

use tokio_util::sync::CancellationToken;

use crate::actions::{self, Aws};
use crate::domain::{Fault, JobRequest, Outcome};

pub(super) async fn perform(aws: &Aws, request: &JobRequest, cancel: &CancellationToken) -> Result<Outcome, Fault> {
    match request {
        JobRequest::Start(spec) => actions::start_job(aws, spec, cancel).await,
        JobRequest::Stop { name } => actions::stop_job(aws, name).await,
        JobRequest::SaveLog { job, to } => actions::save_log(aws, job, to).await,
        JobRequest::Preflight(spec) => actions::preflight(aws, spec).await,
    }
}
