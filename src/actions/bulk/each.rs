//! The same done to many things, so many at once as is worth while.

use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::pace::Pace;
use crate::domain::Fault;
use crate::domain::audit::Ended;

/// This many pages are ahead.
const AHEAD: usize = 2000;

/// Does it to whatever these pages hold; what comes of each is taken as it comes. Once it is stopped nothing more is begun, and
/// what was begun is finished.
///
/// # Errors
/// Those of `take`.
pub(super) async fn each<I, T, F: Future<Output = T>>(
    pages: impl Stream<Item = Result<Vec<I>, Fault>>,
    cancel: &CancellationToken,
    work: impl Fn(I) -> F,
    mut take: impl FnMut(T) -> Result<(), Fault>,
) -> Result<Ended, Fault> {
    let began = Instant::now();
    let mut pace = Pace::new(Duration::ZERO);
    let mut pages = std::pin::pin!(pages);
    let (mut queue, mut flying) = (std::collections::VecDeque::new(), FuturesUnordered::new());
    let mut ended = None;
    loop {
        if cancel.is_cancelled() {
            queue.clear();
            ended = Some(Ended::Stopped);
        }
        while flying.len() < pace.limit()
            && let Some(one) = queue.pop_front()
        {
            flying.push(work(one));
        }
        if flying.is_empty()
            && queue.is_empty()
            && let Some(ended) = ended
        {
            return Ok(ended);
        }
        tokio::select! {
            biased;
            () = cancel.cancelled(), if ended != Some(Ended::Stopped) => {}
            Some(done) = flying.next(), if !flying.is_empty() => {
                pace.answered(began.elapsed(), 0);
                take(done)?;
            }
            page = pages.next(), if ended.is_none() && queue.len() < AHEAD => match page {
                Some(Ok(page)) => queue.extend(page),
                Some(Err(fault)) => ended = Some(Ended::BrokeOff(Box::new(fault))),
                None => ended = Some(Ended::Whole),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    #[tokio::test]
    async fn everything_is_done_once_and_nothing_more_is_begun_after_a_stop() {
        let page = |from: u32| Ok((from..from + 50).collect::<Vec<_>>());
        let cancel = CancellationToken::new();
        let mut seen = Vec::new();
        let take = |nth| {
            seen.push(nth);
            Ok(())
        };
        let ended = each(
            stream::iter([page(0), page(50)]),
            &cancel,
            |nth| async move { nth },
            take,
        )
        .await;
        assert_eq!(ended, Ok(Ended::Whole));
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<_>>());

        let mut done = 0;
        let take = |_| {
            done += 1;
            cancel.cancel();
            Ok(())
        };
        let ended = each(
            stream::iter([page(0), page(50)]),
            &cancel,
            |nth| async move { nth },
            take,
        )
        .await;
        assert_eq!(ended, Ok(Ended::Stopped));
        assert!((1..=8).contains(&done), "{done}: what was begun");
    }
}
