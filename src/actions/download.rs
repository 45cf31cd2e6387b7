//! One object's token, read from its first byte to its last, in order, in constant memory.

use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::ProgressSink;
use super::faults::{cancelled, fault_of};
use crate::aws::{Aws, s3, transfer};
use crate::domain::{Fault, FaultKind, Progress};
use crate::envelope::{CHUNK, EnvelopeError};

const RANGE: u64 = 8 << 20;
const IN_FLIGHT: usize = 4;

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
        let Self {
            aws,
            bucket,
            object,
            head,
            ..
        } = *self;
        let uri = s3::uri(bucket, object);
        let length = head.length;
        let ranges = (0..length).step_by(RANGE as usize).map(|from| {
            let to = (from + RANGE).min(length);
            transfer::range(aws, bucket, object, head.etag.as_deref(), from, to)
        });
        let mut ranges = futures::stream::iter(ranges).buffered(IN_FLIGHT);
        let mut bytes = 0;
        loop {
            let next = tokio::select! {
                next = ranges.next() => next,
                () = self.cancel.cancelled() => return Err(cancelled("read", uri)),
            };
            let Some(pieces) = next else { return Ok(state) };
            let pieces = pieces?;
            bytes += pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
            let object = uri.clone();
            let stepped = tokio::task::spawn_blocking(move || {
                // Small pieces: what a reader holds back grows with what it is given.
                for piece in pieces.iter().flat_map(|piece| piece.chunks(CHUNK)) {
                    step(&mut state, piece).map_err(|error| fault_of("read", &object, &error))?;
                }
                Ok(state)
            });
            state = stepped
                .await
                .unwrap_or_else(|error| Err(Fault::new(FaultKind::Other, "read", &uri, error.to_string(), "")))?;
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
