//! What is done with a KMS key and its names.

use tokio_util::sync::CancellationToken;

use crate::actions::{self, Aws, ProgressSink};
use crate::domain::{Fault, KeyRequest, Outcome};

pub(super) async fn perform(
    aws: &Aws,
    request: &KeyRequest,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    match request {
        KeyRequest::New(spec) => actions::new_key(aws, spec, cancel).await,
        KeyRequest::DraftPolicy { administrators, users } => {
            actions::draft_key_policy(aws, administrators, users).await
        }
        KeyRequest::ReadPolicy { key_arn } => actions::read_key_policy(aws, key_arn).await,
        KeyRequest::PutPolicy {
            key_arn,
            policy,
            accept_lockout,
        } => actions::put_key_policy(aws, key_arn, policy, *accept_lockout).await,
        KeyRequest::AddAlias { alias, key_arn } => actions::add_alias(aws, alias, key_arn).await,
        KeyRequest::MoveAlias { alias, key_arn } => actions::move_alias(aws, alias, key_arn).await,
        KeyRequest::DeleteAlias { alias } => actions::delete_alias(aws, alias).await,
        KeyRequest::Tag { key_arn, set, remove } => actions::tag_key(aws, key_arn, set, remove).await,
        KeyRequest::SetRotation { key_arn, on } => actions::set_rotation(aws, key_arn, *on).await,
        KeyRequest::Describe { key_arn, description } => actions::set_description(aws, key_arn, description).await,
        KeyRequest::Enable { key_arn } => actions::enable_key(aws, key_arn).await,
        KeyRequest::Disable { key_arn } => actions::disable_key(aws, key_arn).await,
        KeyRequest::ScheduleDeletion { key_arn, days } => actions::schedule_key_deletion(aws, key_arn, *days).await,
        KeyRequest::CancelDeletion { key_arn } => actions::cancel_key_deletion(aws, key_arn).await,
        KeyRequest::FindDependents {
            key_arn,
            most_buckets,
            most_objects,
        } => {
            let found = actions::dependents(aws, key_arn, *most_buckets, *most_objects, progress).await?;
            Ok(Outcome::Dependents(Box::new(found)))
        }
    }
}
