//! Objects one after the other through what is done to each: as many at once as the endpoint bears, told in the order of the
//! list whatever is done first. What is begun is finished also when no further one is: half a step helps nobody.

use std::task::Poll;

use futures::{StreamExt, TryStreamExt, stream};
use tokio_util::sync::CancellationToken;

use crate::actions::flight::{Flight, Pages};
use crate::aws::again::again;
use crate::aws::{Aws, s3};
use crate::domain::audit::Ended;
use crate::domain::bulk::Listed;
use crate::domain::{Fault, FaultKind, ObjectRow};

/// What is to be walked through.
pub(super) struct Walk<'a> {
    pub(super) aws: &'a Aws,
    pub(super) pages: Pages<'a, Listed>,
    pub(super) cancel: &'a CancellationToken,
}

impl Walk<'_> {
    /// Does it to each, and tells what came of each; `listed` hears of each page, and of the end of the list. Where one fails so
    /// that no other could be done, none is begun any more.
    pub(super) async fn through<T, F: Future<Output = Result<T, Fault>> + Send>(
        self,
        one: impl Fn(Listed) -> F + Sync,
        listed: impl Fn(&[Listed], bool) + Sync,
        tell: &mut (dyn FnMut(T) -> Result<(), Fault> + Send),
    ) -> Result<Ended, Fault> {
        let end = stream::poll_fn(|_| {
            listed(&[], true);
            Poll::Ready(None)
        });
        let pages = self.pages.inspect_ok(|page| listed(page, false)).chain(end);
        let mut flight = Flight::in_order(self.aws, Box::pin(pages), &one);
        let (mut ended, mut untold): (Ended, Option<Fault>) = (Ended::Whole, None);
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled(), if ended == Ended::Whole => {
                    flight.stop();
                    ended = Ended::Stopped;
                }
                done = flight.next() => match done {
                    None => break,
                    Some(Ok(Ok(done))) if untold.is_none() => {
                        untold = tell(done).err();
                        if untold.is_some() {
                            flight.stop();
                        }
                    }
                    Some(Ok(Ok(_))) => {}
                    Some(Err(fault) | Ok(Err(fault))) => {
                        flight.stop();
                        if ended == Ended::Whole {
                            ended = Ended::BrokeOff(Box::new(fault));
                        }
                    }
                },
            }
        }
        untold.map_or(Ok(ended), Err)
    }
}

/// Everything whose key begins so, unless places are named: keys, and prefixes that are empty or end in `/`.
pub(super) fn listing<'a>(aws: &'a Aws, bucket: &'a str, prefix: &'a str, places: &'a [String]) -> Pages<'a, Listed> {
    if places.is_empty() {
        return under(aws, bucket, prefix);
    }
    let places = places.iter().map(move |place| match place.as_str() {
        place if place.is_empty() || place.ends_with('/') => under(aws, bucket, place),
        key => alone(aws, bucket, key),
    });
    Box::pin(stream::iter(places).flatten())
}

/// Every object whose key begins so.
pub(super) fn under<'a>(aws: &'a Aws, bucket: &'a str, prefix: &'a str) -> Pages<'a, Listed> {
    let pages = s3::list_under(aws, bucket, prefix).pages();
    Box::pin(pages.map_ok(|page| page.into_iter().filter_map(of_row).collect()))
}

/// One object: what begins with its key, as far as that is its key.
fn alone<'a>(aws: &'a Aws, bucket: &'a str, key: &'a str) -> Pages<'a, Listed> {
    Box::pin(stream::once(async move {
        let page = again(|| s3::list_under(aws, bucket, key).first()).await?;
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

/// An object of a list; nothing of a prefix.
pub(super) fn of_row(row: ObjectRow) -> Option<Listed> {
    match row {
        ObjectRow::Object { key, size, etag, .. } => Some(Listed {
            etag: etag.map(String::into_boxed_str),
            ..Listed::object(key, size)
        }),
        ObjectRow::Prefix { .. } => None,
    }
}
