//! Request -> action: one file an area, as requests are.

use tokio_util::sync::CancellationToken;

use crate::actions::{Aws, ProgressSink};
use crate::domain::{Fault, Outcome, Request};

mod account;
mod grants;
mod images;
mod jobs;
mod keys;
mod messages;
mod objects;
mod proofs;
mod roles;

/// The action of the same name.
pub(super) async fn perform(
    aws: &Aws,
    request: &Request,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    match request {
        Request::Object(request) => objects::perform(aws, request, progress, cancel).await,
        Request::Key(request) => keys::perform(aws, request, progress, cancel).await,
        Request::Message(request) => messages::perform(aws, request).await,
        Request::Grant(request) => grants::perform(aws, request, progress).await,
        Request::Role(request) => roles::perform(aws, request, cancel).await,
        Request::Job(request) => jobs::perform(aws, request, cancel).await,
        Request::Image(request) => images::perform(aws, request, progress, cancel).await,
        Request::Proof(request) => proofs::perform(aws, request, progress, cancel).await,
        Request::Account(request) => account::perform(aws, request, progress).await,
    }
}
