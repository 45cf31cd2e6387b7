//! Lists come in pages, each with the way to the next.
//!
//! The SDK's own paginators end at the first failure, and where a page leads to itself; of some lists it has none. Here a
//! page that fails for a reason that passes by itself is asked for again, the walk goes on where it was, and a list that
//! leads to itself is no answer. A stream asks for nothing before it is wanted.

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};

use super::again::{ROUNDS, again_for};
use super::fault::{Heard, incomplete, not_an_answer};
use crate::domain::Fault;

/// One page of a list, and the way to the next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Paged<T> {
    /// The rows; a page may be empty and not the last.
    pub(crate) rows: Vec<T>,
    /// What to ask with for the next page; `None` ends the walk.
    pub(crate) next: Option<String>,
}

impl<T> Paged<T> {
    /// # Errors
    /// What the answer lacks: the name of a row.
    pub(super) fn new(rows: Option<Vec<T>>, next: Option<&str>) -> Result<Self, &'static str> {
        Ok(Self {
            rows: rows.ok_or("name in one of its rows")?,
            next: next.map(str::to_owned),
        })
    }
}

type Ask<'a, T> = dyn Fn(Option<String>) -> BoxFuture<'a, Result<Paged<T>, Fault>> + Send + Sync + 'a;

/// A list of which nothing was asked for yet.
pub(crate) struct List<'a, T> {
    act: &'static str,
    object: String,
    ask: Box<Ask<'a, T>>,
    /// Where it begins; `None` at its start.
    from: Option<String>,
    /// How often the first page is asked for.
    rounds: u32,
}

impl<'a, T: Send + 'a> List<'a, T> {
    /// The list of which `ask` gets the page that a token leads to.
    pub(super) fn new<F>(
        act: &'static str,
        object: impl Into<String>,
        ask: impl Fn(Option<String>) -> F + Send + Sync + 'a,
    ) -> Self
    where
        F: Future<Output = Result<Paged<T>, Fault>> + Send + 'a,
    {
        Self {
            act,
            object: object.into(),
            ask: Box::new(move |token| ask(token).boxed()),
            from: None,
            rounds: ROUNDS,
        }
    }

    /// The list of a call of the SDK; `read` says what of a page its answer lacks.
    pub(super) fn of<A, E, F>(
        act: &'static str,
        object: &'a str,
        call: impl Fn(Option<String>) -> F + Send + Sync + 'a,
        read: impl Fn(&A) -> Result<Paged<T>, &'static str> + Copy + Send + Sync + 'a,
    ) -> Self
    where
        A: Send,
        E: ProvideErrorMetadata + Error + Send + 'static,
        F: Future<Output = Result<A, SdkError<E, HttpResponse>>> + Send + 'a,
    {
        Self::new(act, object, move |token| {
            let answer = call(token);
            async move {
                let answer = answer.await.heard(act, object)?;
                read(&answer).map_err(|what| incomplete(act, object, what))
            }
        })
    }

    /// Begins where `token` leads to.
    pub(crate) fn after(mut self, token: Option<String>) -> Self {
        self.from = token;
        self
    }

    /// Waits for its `turn` before each call. Whoever watches a list is told at once that it cannot be begun, and asks
    /// anew by itself.
    pub(crate) fn in_turn<F>(self, turn: impl Fn() -> F + Send + Sync + 'a) -> Self
    where
        F: Future<Output = Result<(), Fault>> + Send + 'a,
    {
        let ask = self.ask;
        Self {
            ask: Box::new(move |token| {
                let (turn, page) = (turn(), ask(token));
                async move {
                    turn.await?;
                    page.await
                }
                .boxed()
            }),
            rounds: 1,
            ..self
        }
    }

    /// The first page alone, asked for once.
    pub(crate) async fn first(self) -> Result<Paged<T>, Fault> {
        (self.ask)(self.from).await
    }

    /// The pages one after the other to the last, each with the way to the next. After one that failed nothing comes.
    pub(crate) fn walk(mut self) -> BoxStream<'a, Result<Paged<T>, Fault>> {
        let start = self.from.take();
        stream::try_unfold((Some(start), self), |(way, mut list)| async move {
            let Some(token) = way else { return Ok(None) };
            let rounds = std::mem::replace(&mut list.rounds, ROUNDS);
            let page = again_for(rounds, || (list.ask)(token.clone())).await?;
            if page.next.is_some() && page.next == token {
                return Err(not_an_answer(list.act, &list.object, "its next page is the same again"));
            }
            let way = page.next.clone().map(Some);
            Ok(Some((page, (way, list))))
        })
        .boxed()
    }

    /// The rows, page by page.
    pub(crate) fn pages(self) -> BoxStream<'a, Result<Vec<T>, Fault>> {
        self.walk().map_ok(|page| page.rows).boxed()
    }

    /// Every row.
    pub(crate) async fn every(self) -> Result<Vec<T>, Fault> {
        self.pages().try_concat().await
    }
}

#[cfg(test)]
mod tests;
