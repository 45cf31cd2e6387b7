//! What is done with training images and their repositories.

use tokio_util::sync::CancellationToken;

use crate::actions::{self, Aws, ProgressSink};
use crate::domain::{Fault, ImageRequest, Outcome};

pub(super) async fn perform(
    aws: &Aws,
    request: &ImageRequest,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    match request {
        ImageRequest::NewRepository { repository } => actions::new_repository(aws, repository).await,
        ImageRequest::DeleteRepository { repository } => actions::delete_repository(aws, repository).await,
        ImageRequest::Build(spec) => actions::build_image(aws, spec, progress, cancel).await,
        ImageRequest::Try { image } => actions::try_image(image, progress, cancel).await,
    }
}
