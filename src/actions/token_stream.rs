//! One object's token, read from its first byte to its last, in order, in constant memory.

use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::ProgressSink;
use super::encrypt::blocking;
use super::opening::fault_of;
use super::place::cancelled;
use super::spool::ranges;
use crate::aws::{Aws, s3, transfer};
use crate::domain::{Fault, Progress};
use crate::envelope::{CHUNK, EnvelopeError};

/// An object to read.
pub(super) struct TokenStream<'a> {
    pub(super) aws: &'a Aws,
    pub(super) bucket: &'a str,
    pub(super) object: &'a str,
    pub(super) head: &'a transfer::Head,
    pub(super) progress: &'a ProgressSink,
    pub(super) cancel: &'a CancellationToken,
}

impl TokenStream<'_> {
    /// Gives every piece to `step`, off the async threads; the state comes back when the last one is read.
    pub(super) async fn fold<S: Send + 'static>(
        &self,
        mut state: S,
        step: impl Fn(&mut S, &[u8]) -> Result<(), EnvelopeError> + Copy + Send + 'static,
    ) -> Result<S, Fault> {
        let uri = s3::uri(self.bucket, self.object);
        let mut chunks = std::pin::pin!(ranges(self.aws, self.bucket, self.object, self.head));
        let mut bytes = 0;
        loop {
            let next = tokio::select! {
                next = chunks.next() => next,
                () = self.cancel.cancelled() => return Err(cancelled("read", uri)),
            };
            let Some(chunk) = next else { return Ok(state) };
            let chunk = chunk?;
            bytes += chunk.len() as u64;
            let object = uri.clone();
            state = blocking(move || {
                // Small pieces: what a reader holds back grows with what it is given.
                for piece in chunk.chunks(CHUNK) {
                    step(&mut state, piece).map_err(|error| fault_of("read", &object, &error))?;
                }
                Ok(state)
            })
            .await?;
            self.progress.report(Progress {
                phase: "reading".to_owned(),
                item: self.object.to_owned(),
                bytes,
                total: Some(self.head.length),
                items: None,
            });
        }
    }
}
