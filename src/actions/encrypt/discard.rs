//! Throwing an interrupted upload away.

use super::orphans;
use crate::actions::journal::Journal;
use crate::aws::transfer::{self, Multipart};
use crate::aws::{Aws, s3};
use crate::domain::Fault;

/// Throws an interrupted upload away: its parts, its key object if no token needs it, and its journal.
pub(in crate::actions) async fn discard(aws: &Aws, journal: Journal) -> Result<(), Fault> {
    let bucket = &journal.opening.asked.bucket;
    let mut is_needed = false;
    for (key, trace) in journal.all_traces() {
        is_needed |= trace.done.is_some();
        if trace.done.is_none() && !trace.unanswered.is_empty() {
            orphans::sweep(aws, bucket, &key, Some(&journal), &trace.unanswered, None).await;
        }
        if let (None, Some((id, _))) = (trace.done, trace.upload) {
            let bucket = bucket.clone();
            transfer::abort(aws, &Multipart { bucket, key, id }).await?;
        }
    }
    if !is_needed {
        let object = &journal.opening.data_key_object;
        let _ = s3::delete_objects(aws, bucket, std::slice::from_ref(object)).await;
    }
    journal.remove();
    Ok(())
}
