//! Work on many objects at once: as many of them in flight as the endpoint bears, from the first page of their list on.
//!
//! The number follows what comes of it, by [`Pace`]. What the objects hold in memory meanwhile is bounded by the connection's
//! [`Room`](crate::aws::Room), of which each takes what it needs, whoever else works beside it.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt};
use tokio::time::Instant;

use crate::aws::Aws;
use crate::domain::Fault;

mod pace;

use pace::Pace;

/// What is in flight, and what is done and waits for one before it.
const WAITING: usize = 2048;
/// The list is this far ahead.
const AHEAD: usize = 20_000;

/// Pages of a list, as they come.
pub(super) type Pages<'a, T> = Pin<Box<dyn Stream<Item = Result<Vec<T>, Fault>> + Send + 'a>>;

/// What is done to the nth of them. That it may go from thread to thread is for the caller's caller to see.
struct Numbered<F> {
    nth: u64,
    work: Pin<Box<F>>,
}

impl<F: Future> Future for Numbered<F> {
    type Output = (u64, F::Output);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(self.work.as_mut().poll(cx));
        Poll::Ready((self.nth, result))
    }
}

/// What is to be done, in flight, and done.
pub(super) struct Flight<'a, T, R, F, W> {
    aws: &'a Aws,
    work: W,
    /// `None` once they have ended.
    pages: Option<Pages<'a, T>>,
    /// Why they ended, if it was not their end.
    broke: Option<Fault>,
    queue: VecDeque<T>,
    flying: FuturesUnordered<Numbered<F>>,
    done: BTreeMap<u64, R>,
    is_ordered: bool,
    /// Of those begun, and of those given out in order.
    begun: u64,
    given: u64,
    pace: Pace,
    since: Instant,
    /// How often S3 had asked for less before.
    slowed: u64,
}

impl<'a, T, R, F: Future<Output = R>, W: FnMut(T) -> F> Flight<'a, T, R, F, W> {
    /// Results come in the order of the list.
    pub(super) fn in_order(aws: &'a Aws, pages: Pages<'a, T>, work: W) -> Self {
        Self {
            aws,
            work,
            pages: Some(pages),
            broke: None,
            queue: VecDeque::new(),
            flying: FuturesUnordered::new(),
            done: BTreeMap::new(),
            is_ordered: true,
            begun: 0,
            given: 0,
            pace: Pace::new(Duration::ZERO),
            since: Instant::now(),
            slowed: aws.slowed(),
        }
    }

    /// Results come as they are done: one that takes long holds nobody up.
    pub(super) fn as_done(aws: &'a Aws, pages: Pages<'a, T>, work: W) -> Self {
        Self {
            is_ordered: false,
            ..Self::in_order(aws, pages, work)
        }
    }

    /// The next result; the fault of the list after all that it had named; `None` after all of it. Work goes on only while
    /// somebody waits here.
    pub(super) async fn next(&mut self) -> Option<Result<R, Fault>> {
        loop {
            if let Some(result) = self.settled() {
                return Some(Ok(result));
            }
            self.launch();
            let is_listing = self.pages.is_some() && self.queue.len() < AHEAD;
            if self.flying.is_empty() && !is_listing {
                return self.broke.take().map(Err);
            }
            let Self { flying, pages, .. } = &mut *self;
            let page = async {
                match pages {
                    Some(pages) => pages.next().await,
                    None => None,
                }
            };
            tokio::select! {
                biased;
                Some((nth, result)) = flying.next(), if !flying.is_empty() => {
                    self.pace.answered(self.since.elapsed(), self.aws.slowed() - self.slowed);
                    self.done.insert(nth, result);
                }
                page = page, if is_listing => match page {
                    Some(Ok(page)) => self.queue.extend(page),
                    Some(Err(fault)) => (self.broke, self.pages) = (Some(fault), None),
                    None => self.pages = None,
                },
            }
        }
    }

    /// Nothing more is begun; what was begun is still given out.
    pub(super) fn stop(&mut self) {
        self.queue.clear();
        (self.pages, self.broke) = (None, None);
    }

    /// What is done and was not given out yet, in order.
    pub(super) fn into_done(self) -> impl Iterator<Item = R> {
        self.done.into_values()
    }

    fn settled(&mut self) -> Option<R> {
        if !self.is_ordered {
            return self.done.pop_first().map(|(_, result)| result);
        }
        let result = self.done.remove(&self.given)?;
        self.given += 1;
        Some(result)
    }

    fn launch(&mut self) {
        while self.flying.len() < self.pace.limit()
            && self.flying.len() + self.done.len() < WAITING
            && let Some(one) = self.queue.pop_front()
        {
            let (nth, work) = (self.begun, Box::pin((self.work)(one)));
            self.begun += 1;
            self.flying.push(Numbered { nth, work });
        }
    }
}
