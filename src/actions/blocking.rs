//! What blocks runs on threads of its own.

use crate::domain::Fault;

/// Runs what blocks on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    joined(tokio::task::spawn_blocking(work).await)
}

pub(super) fn joined<T>(result: Result<Result<T, Fault>, tokio::task::JoinError>) -> Result<T, Fault> {
    result.unwrap_or_else(|error| {
        let cause = error.to_string();
        Err(Fault::other("run", "a worker thread", cause, ""))
    })
}
