//! What is listed is looked at, many at once, and handed on in the order of the list whatever comes back first.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::look::Look;
use super::pace::Pace;
use crate::domain::Fault;
use crate::domain::audit::Ended;
use crate::domain::audit::wire::SeenRow;
use crate::domain::bulk::Listed;

/// What was read and waits for one before it, and what is in flight.
const WAITING: usize = 2048;
/// The list is this far ahead.
const AHEAD: usize = 2000;

/// A list, page by page.
pub(super) type Pages<'a> = Pin<Box<dyn Stream<Item = Result<Vec<Listed>, Fault>> + Send + 'a>>;

/// How it ended, and what was looked at though one before it was not.
pub(super) struct Flowed {
    pub(super) ended: Ended,
    pub(super) behind: Vec<SeenRow>,
}

/// Looks at all that is listed; `take` gets each in its turn, or that it is gone.
pub(super) async fn flow(
    look: &Look<'_>,
    mut pages: Pages<'_>,
    cancel: &CancellationToken,
    take: &mut (dyn FnMut(Option<SeenRow>) -> Result<(), Fault> + Send),
) -> Result<Flowed, Fault> {
    let began = Instant::now();
    let now = || began.elapsed();
    let mut pace = Pace::new(Duration::ZERO);
    let (mut queue, mut flying) = (VecDeque::new(), FuturesUnordered::new());
    let (mut minted, mut next, mut waiting) = (0_u64, 0_u64, BTreeMap::new());
    let mut listed: Option<Ended> = None;
    loop {
        while flying.len() < pace.limit()
            && flying.len() + waiting.len() < WAITING
            && let Some(one) = queue.pop_front()
        {
            let nth = minted;
            flying.push(Box::pin(async move { (nth, look.at(one).await) }));
            minted += 1;
        }
        if flying.is_empty() && queue.is_empty() && listed.is_some() {
            break;
        }
        tokio::select! {
            biased;
            () = cancel.cancelled() => {
                listed = Some(Ended::Stopped);
                break;
            }
            Some((nth, looked)) = flying.next(), if !flying.is_empty() => {
                pace.answered(now(), look.slowed());
                match looked {
                    Ok(looked) => waiting.insert(nth, looked),
                    Err(fault) => {
                        listed = Some(Ended::BrokeOff(Box::new(fault)));
                        break;
                    }
                };
                while let Some(looked) = waiting.remove(&next) {
                    next += 1;
                    take(looked)?;
                }
            }
            page = pages.next(), if listed.is_none() && queue.len() < AHEAD => match page {
                Some(Ok(page)) => queue.extend(page),
                Some(Err(fault)) => listed = Some(Ended::BrokeOff(Box::new(fault))),
                None => listed = Some(Ended::Whole),
            },
        }
    }
    Ok(Flowed {
        ended: listed.unwrap_or_default(),
        behind: waiting.into_values().flatten().collect(),
    })
}
