//! Lists come in pages, each with the way to the next.

use std::pin::Pin;

use futures::{Stream, TryStreamExt, stream};

use super::fault::{Expected, not_an_answer};
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
    /// What was got by asking with `asked`.
    ///
    /// # Errors
    /// When there are no rows, since one of them had no name, or the next page is this one.
    pub(super) fn new(
        act: &str,
        object: &str,
        rows: Option<Vec<T>>,
        asked: Option<&str>,
        next: Option<&str>,
    ) -> Result<Self, Fault> {
        Ok(Self {
            rows: rows.expected(act, object, "name in one of its rows")?,
            next: onward(act, object, asked, next)?,
        })
    }
}

/// The pages of a list, one after the other to the last, none before it is wanted.
pub(crate) fn pages<T, F>(ask: impl FnMut(Option<String>) -> F) -> Pin<Box<impl Stream<Item = Result<Vec<T>, Fault>>>>
where
    F: Future<Output = Result<Paged<T>, Fault>>,
{
    Box::pin(stream::try_unfold((Some(None), ask), |(way, mut ask)| async move {
        let Some(marker) = way else { return Ok(None) };
        let page = ask(marker).await?;
        Ok::<_, Fault>(Some((page.rows, (page.next.map(Some), ask))))
    }))
}

/// Every row of a list.
pub(crate) async fn every<T, F>(ask: impl FnMut(Option<String>) -> F) -> Result<Vec<T>, Fault>
where
    F: Future<Output = Result<Paged<T>, Fault>>,
{
    pages(ask).try_concat().await
}

/// The way to the next page. One that leads to the page it came with would be walked for ever.
fn onward(act: &str, object: &str, asked: Option<&str>, next: Option<&str>) -> Result<Option<String>, Fault> {
    match next {
        Some(_) if next == asked => Err(not_an_answer(act, object, "its next page is the same again")),
        next => Ok(next.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;
    use crate::domain::FaultKind;

    fn page(rows: &[u8], asked: Option<&str>, next: Option<&str>) -> Result<Paged<u8>, Fault> {
        Paged::new("list", "numbers", Some(rows.to_vec()), asked, next)
    }

    #[tokio::test]
    async fn every_page_is_asked_for_with_what_the_one_before_said() {
        let rows = every(async |marker: Option<String>| match marker.as_deref() {
            None => page(&[1, 2], None, Some("a")),
            Some("a") => page(&[], Some("a"), Some("b")),
            other => page(&[3], other, None),
        });
        assert_eq!(rows.await, Ok(vec![1, 2, 3]));
    }

    #[tokio::test]
    async fn a_page_that_fails_or_leads_to_itself_ends_the_walk() {
        let asked = |marker: Option<String>| std::future::ready(page(&[1], marker.as_deref(), Some("a")));
        let all: Vec<_> = pages(asked).collect().await;
        assert_eq!(all[0], Ok(vec![1]));
        assert!(
            matches!(&all[1..], [Err(fault)] if fault.kind == FaultKind::Foreign),
            "{all:?}"
        );
    }
}
