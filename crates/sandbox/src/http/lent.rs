//! A request's body, lent to who answers it. What is left of it would be read as the next request on the connection.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::EXPECT;

use super::PATIENCE;
use crate::disk::lock;

/// The body as its reader sees it.
pub(super) struct Lent(Arc<Mutex<State>>);

/// Who gets it back.
pub(super) struct Lender {
    state: Arc<Mutex<State>>,
    /// The client sends it only once it is told to, which hyper does when somebody reads it.
    is_held_back: bool,
    /// No `100 Continue` is sent for an empty body, and some clients then take the answer for that to their next request.
    is_empty: bool,
}

struct State {
    body: Incoming,
    is_begun: bool,
    is_over: bool,
}

pub(super) fn lend(headers: &HeaderMap, body: Incoming) -> (Lent, Lender) {
    let is_empty = body.is_end_stream();
    let state = Arc::new(Mutex::new(State {
        is_begun: false,
        is_over: is_empty,
        body,
    }));
    let lender = Lender {
        state: Arc::clone(&state),
        is_held_back: headers.contains_key(EXPECT),
        is_empty,
    };
    (Lent(state), lender)
}

impl Lender {
    /// Reads what is left, so that the client hears why it is refused; whether the connection is fit for another request.
    pub(super) async fn finish(self) -> bool {
        {
            let mut state = lock(&self.state);
            state.is_over |= state.body.is_end_stream();
            if self.is_held_back && (self.is_empty || !state.is_begun) {
                return false;
            }
            if state.is_over {
                return true;
            }
        }
        let mut rest = Lent(self.state);
        let mut length = 0;
        while length <= PATIENCE {
            match rest.frame().await {
                Some(Ok(frame)) => length += frame.data_ref().map_or(0, Bytes::len),
                Some(Err(_)) => return false,
                None => return true,
            }
        }
        false
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let mut state = lock(&self.0);
        state.is_begun = true;
        let frame = Pin::new(&mut state.body).poll_frame(cx);
        if let Poll::Ready(None) = frame {
            state.is_over = true;
        }
        frame.map_err(io::Error::other)
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.0).body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.0).body.size_hint()
    }
}
