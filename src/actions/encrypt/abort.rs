//! Throwing an interrupted upload away.

use futures::{StreamExt, TryStreamExt};

use crate::actions::encrypted_data_key::MAX_DATA_KEY;
use crate::actions::unlock::metadata_of;
use crate::actions::upload_journal::Journal;
use crate::aws::transfer::{self, Multipart};
use crate::aws::{Aws, s3};
use crate::domain::Fault;

/// Objects that are looked at at once.
const LOOKS: usize = 16;

/// Throws an interrupted upload away: its parts, its key object if no token needs it, and its journal.
pub(in crate::actions) async fn discard(aws: &Aws, journal: Journal) -> Result<(), Fault> {
    let bucket = &journal.header.asked.bucket;
    let object = &journal.header.data_key_object;
    let traces = journal.all_traces();
    for (key, trace) in traces.iter().filter(|(_, trace)| trace.done.is_none()) {
        if let Some((id, _)) = trace.upload.clone() {
            let (bucket, key) = (bucket.clone(), key.clone());
            transfer::abort(aws, &Multipart { bucket, key, id }).await?;
        }
    }
    let is_done = traces.values().any(|trace| trace.done.is_some());
    let unheard = traces.iter().filter(|(_, trace)| trace.may_be_whole());
    let unheard = unheard.map(|(key, _)| key.clone()).collect();
    if !is_done && is_own(aws, &journal).await && !is_needed(aws, bucket, unheard, object).await? {
        let _ = s3::delete_objects(aws, bucket, std::slice::from_ref(object)).await;
    }
    journal.remove();
    Ok(())
}

/// Whether the key object is this upload's: a name that was given may have been taken, and the process killed before it
/// heard of that.
async fn is_own(aws: &Aws, journal: &Journal) -> bool {
    let header = &journal.header;
    if header.asked.data_key_name.is_none() {
        return true;
    }
    let there = s3::read_small(aws, &header.asked.bucket, &header.data_key_object, MAX_DATA_KEY).await;
    there.is_ok_and(|there| there == header.ciphertext)
}

/// Whether one of these objects is a token that names this key object, or may be: it may have become whole in the moment
/// of a kill, or without an answer.
///
/// # Errors
/// When it cannot be seen now, and may be seen later.
pub(super) async fn is_needed(aws: &Aws, bucket: &str, keys: Vec<String>, object: &str) -> Result<bool, Fault> {
    let look = |key: String| async move { names(aws, bucket, &key, object).await };
    let looks = futures::stream::iter(keys).map(look).buffer_unordered(LOOKS);
    let mut needs = std::pin::pin!(looks.try_filter(|needs| std::future::ready(*needs)));
    Ok(needs.try_next().await?.is_some())
}

async fn names(aws: &Aws, bucket: &str, key: &str, object: &str) -> Result<bool, Fault> {
    match transfer::find(aws, bucket, key).await {
        Ok(None) => Ok(false),
        Ok(Some(head)) => {
            let metadata = metadata_of(&head.metadata).ok().flatten();
            Ok(metadata.is_some_and(|metadata| metadata.data_key_object.as_deref() == Some(object)))
        }
        Err(fault) if fault.may_go_on() => Err(fault),
        Err(fault) => {
            tracing::warn!(%fault, object, "the key object stays: whether a token needs it could not be seen");
            Ok(true)
        }
    }
}
