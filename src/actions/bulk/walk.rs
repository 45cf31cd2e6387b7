//! Objects one after the other through what is done to each: as many at once as the endpoint bears, told in the order of the
//! list whatever is done first. What is begun is finished also when no further one is: half a step helps nobody.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt, TryStreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::pace::Pace;
use crate::aws::again::again;
use crate::aws::{Aws, pages, s3};
use crate::domain::audit::Ended;
use crate::domain::{Fault, FaultKind, ObjectRow};

/// What was done and waits for one before it, and what is under way.
const WAITING: usize = 2048;
/// The list is this far ahead.
const AHEAD: usize = 2000;

/// One object that was listed.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) key: String,
    pub(super) size: u64,
}

type Pages<'a> = Pin<Box<dyn Stream<Item = Result<Vec<Listed>, Fault>> + Send + 'a>>;

/// What is to be walked through.
pub(super) struct Walk<'a> {
    pub(super) aws: &'a Aws,
    pub(super) bucket: &'a str,
    /// Every key that begins so, unless places are named.
    pub(super) prefix: &'a str,
    /// Keys, and prefixes that are empty or end in `/`.
    pub(super) places: &'a [String],
    pub(super) cancel: &'a CancellationToken,
    pub(super) slowed: &'a s3::Slowed,
}

impl Walk<'_> {
    /// Does it to each, and tells what came of each; `listed` hears of each page, and of the end of the list. Where one fails so
    /// that no other could be done, none is begun any more.
    pub(super) async fn through<T, F: Future<Output = Result<T, Fault>> + Send>(
        &self,
        one: impl Fn(Listed) -> F + Sync,
        listed: impl Fn(&[Listed], bool) + Sync,
        tell: &mut (dyn FnMut(T) -> Result<(), Fault> + Send),
    ) -> Result<Ended, Fault> {
        let began = Instant::now();
        let mut pace = Pace::new(Duration::ZERO);
        let mut pages = self.pages();
        let (mut queue, mut flying) = (VecDeque::new(), FuturesUnordered::new());
        let (mut minted, mut next, mut waiting) = (0_u64, 0_u64, BTreeMap::new());
        let (mut ended, mut untold): (Option<Ended>, Option<Fault>) = (None, None);
        loop {
            let stops = untold.is_some() || matches!(ended, Some(Ended::Stopped | Ended::BrokeOff(_)));
            while !stops
                && flying.len() < pace.limit()
                && flying.len() + waiting.len() < WAITING
                && let Some(listed) = queue.pop_front()
            {
                let (nth, doing) = (minted, one(listed));
                flying.push(Box::pin(async move { (nth, doing.await) }));
                minted += 1;
            }
            if flying.is_empty() && (stops || queue.is_empty() && ended.is_some()) {
                break;
            }
            tokio::select! {
                biased;
                () = self.cancel.cancelled(), if !stops => ended = Some(Ended::Stopped),
                Some((nth, done)) = flying.next(), if !flying.is_empty() => {
                    pace.answered(began.elapsed(), self.slowed.count());
                    match done {
                        Ok(done) => {
                            waiting.insert(nth, Some(done));
                        }
                        Err(fault) => {
                            waiting.insert(nth, None);
                            if !matches!(ended, Some(Ended::Stopped | Ended::BrokeOff(_))) {
                                ended = Some(Ended::BrokeOff(Box::new(fault)));
                            }
                        }
                    }
                    while let Some(done) = waiting.remove(&next) {
                        next += 1;
                        if let (Some(done), None) = (done, &untold) {
                            untold = tell(done).err();
                        }
                    }
                }
                page = pages.next(), if ended.is_none() && queue.len() < AHEAD => match page {
                    Some(Ok(page)) => {
                        listed(&page, false);
                        queue.extend(page);
                    }
                    Some(Err(fault)) => ended = Some(Ended::BrokeOff(Box::new(fault))),
                    None => {
                        listed(&[], true);
                        ended = Some(Ended::Whole);
                    }
                },
            }
        }
        untold.map_or(Ok(ended.unwrap_or_default()), Err)
    }

    fn pages(&self) -> Pages<'_> {
        if self.places.is_empty() {
            return self.under(self.prefix);
        }
        let places = self.places.iter().map(|place| match place.as_str() {
            place if place.is_empty() || place.ends_with('/') => self.under(place),
            key => self.alone(key),
        });
        Box::pin(futures::stream::iter(places).flatten())
    }

    fn under<'a>(&'a self, prefix: &'a str) -> Pages<'a> {
        let (aws, bucket) = (self.aws, self.bucket);
        let ask = move |token: Option<String>| again(move || s3::list_under(aws, bucket, prefix, token.clone()));
        Box::pin(pages(ask).map_ok(|page| page.into_iter().filter_map(of_row).collect()))
    }

    /// One object: what begins with its key, as far as that is its key.
    fn alone<'a>(&'a self, key: &'a str) -> Pages<'a> {
        let (aws, bucket) = (self.aws, self.bucket);
        Box::pin(futures::stream::once(async move {
            let page = again(|| s3::list_under(aws, bucket, key, None)).await?;
            let first = page.rows.into_iter().filter_map(of_row).find(|row| row.key == key);
            let remedy = "check its name; end a prefix with /";
            let gone = || {
                Fault::new(
                    FaultKind::NotFound,
                    "look at",
                    s3::uri(bucket, key),
                    "there is no such object",
                    remedy,
                )
            };
            Ok(vec![first.ok_or_else(gone)?])
        }))
    }
}

fn of_row(row: ObjectRow) -> Option<Listed> {
    match row {
        ObjectRow::Object { key, size, .. } => Some(Listed { key, size }),
        ObjectRow::Prefix { .. } => None,
    }
}
