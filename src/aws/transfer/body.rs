//! Bodies that are sent: bytes at hand, or a stream that can be begun again.
//!
//! Both go out in frames, so that it shows whether anything still moves, and both can be sent again after a failure:
//! bytes are still there, a stream is made once more. None is ever copied.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

use crate::aws::patience::Pulse;
use crate::domain::Fault;

const FRAME: usize = 256 << 10;

/// What a body is made of.
#[derive(Clone)]
pub(crate) enum Content {
    Whole(Bytes),
    Stream(Arc<dyn Restart>),
}

/// Bytes that are made while they are sent: the same ones each time.
pub(crate) trait Restart: Send + Sync {
    /// How many there are.
    fn length(&self) -> u64;
    /// Makes them, from the first one.
    fn start(&self) -> mpsc::Receiver<io::Result<Bytes>>;
    /// Why they cannot be made any more; then nobody tries again.
    fn spoiled(&self) -> Option<Fault>;
}

impl Content {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Stream(stream) => stream.length(),
        }
    }

    /// Why it cannot be sent again.
    pub(super) fn spoiled(&self) -> Option<Fault> {
        match self {
            Self::Whole(_) => None,
            Self::Stream(stream) => stream.spoiled(),
        }
    }

    /// For one call, which the SDK may make several times.
    pub(super) fn body(&self, pulse: &Arc<Pulse>) -> ByteStream {
        let (content, pulse) = (self.clone(), Arc::clone(pulse));
        ByteStream::new(SdkBody::retryable(move || {
            SdkBody::from_body_1_x(Sending {
                left: content.length(),
                source: Source::of(&content),
                pulse: Arc::clone(&pulse),
            })
        }))
    }
}

struct Sending {
    source: Source,
    left: u64,
    pulse: Arc<Pulse>,
}

enum Source {
    Whole(Bytes),
    /// The SDK makes bodies that it never sends.
    NotBegun(Arc<dyn Restart>),
    Stream(mpsc::Receiver<io::Result<Bytes>>),
}

impl Source {
    fn of(content: &Content) -> Self {
        match content {
            Content::Whole(bytes) => Self::Whole(bytes.clone()),
            Content::Stream(stream) => Self::NotBegun(Arc::clone(stream)),
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            match self {
                Self::Whole(bytes) if bytes.is_empty() => return Poll::Ready(None),
                Self::Whole(bytes) => return Poll::Ready(Some(Ok(bytes.split_to(FRAME.min(bytes.len()))))),
                Self::NotBegun(stream) => *self = Self::Stream(stream.start()),
                Self::Stream(pieces) => return pieces.poll_recv(cx),
            }
        }
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = ready!(self.source.poll_next(cx));
        if let Some(Ok(piece)) = &next {
            self.left = self.left.saturating_sub(piece.len() as u64);
        }
        self.pulse.beat(self.left == 0);
        Poll::Ready(next.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
