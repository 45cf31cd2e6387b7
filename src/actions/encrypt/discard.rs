//! Throwing an interrupted upload away.

use futures::{StreamExt, TryStreamExt};

use super::{orphans, passes};
use crate::actions::journal::Journal;
use crate::aws::transfer::{self, Multipart};
use crate::aws::{Aws, s3};
use crate::domain::Fault;
use crate::envelope::Metadata;

/// Objects that are looked at at once.
const LOOKS: usize = 16;

/// Throws an interrupted upload away: its parts, its key object if no token needs it, and its journal.
pub(in crate::actions) async fn discard(aws: &Aws, journal: Journal) -> Result<(), Fault> {
    let bucket = &journal.opening.asked.bucket;
    let object = &journal.opening.data_key_object;
    let traces = journal.all_traces();
    for (key, trace) in traces.iter().filter(|(_, trace)| trace.done.is_none()) {
        if !trace.unanswered.is_empty() {
            orphans::sweep(aws, bucket, key, Some(&journal), &trace.unanswered, None).await;
        }
        if let Some((id, _)) = trace.upload.clone() {
            let (bucket, key) = (bucket.clone(), key.clone());
            transfer::abort(aws, &Multipart { bucket, key, id }).await?;
        }
    }
    let is_done = traces.values().any(|trace| trace.done.is_some());
    if !is_done && !is_needed(aws, bucket, traces.keys(), object).await? {
        let _ = s3::delete_objects(aws, bucket, std::slice::from_ref(object)).await;
    }
    journal.remove();
    Ok(())
}

/// Whether one of these objects is a token that names this key object, or may be: it may have become whole in the moment
/// of a kill, or without an answer.
///
/// # Errors
/// When it cannot be seen now, and may be seen later.
pub(super) async fn is_needed(
    aws: &Aws,
    bucket: &str,
    keys: impl IntoIterator<Item = &String>,
    object: &str,
) -> Result<bool, Fault> {
    let look = async |key: &String| match transfer::find(aws, bucket, key).await {
        Ok(None) => Ok(false),
        Ok(Some(head)) => {
            let pairs = head
                .metadata
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            let metadata = Metadata::from_map(pairs).ok().flatten();
            Ok(metadata.is_some_and(|metadata| metadata.data_key_object.as_deref() == Some(object)))
        }
        Err(fault) if passes(&fault) => Err(fault),
        Err(fault) => {
            tracing::warn!(%fault, object, "the key object stays: whether a token needs it could not be seen");
            Ok(true)
        }
    };
    let looks = futures::stream::iter(keys).map(look).buffer_unordered(LOOKS);
    let mut needs = std::pin::pin!(looks.try_filter(|needs| std::future::ready(*needs)));
    Ok(needs.try_next().await?.is_some())
}
