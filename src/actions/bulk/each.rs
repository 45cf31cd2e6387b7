//! The same done to many things, so many at once as is worth while.

use tokio_util::sync::CancellationToken;

use crate::actions::flight::{Flight, Pages};
use crate::aws::Aws;
use crate::domain::Fault;
use crate::domain::audit::Ended;

/// Does it to whatever these pages hold; what comes of each is taken as it comes. Once it is stopped nothing more is begun, and
/// what was begun is finished.
///
/// # Errors
/// Those of `take`.
pub(super) async fn each<'a, I, T, F: Future<Output = T>>(
    aws: &'a Aws,
    pages: Pages<'a, I>,
    cancel: &CancellationToken,
    work: impl FnMut(I) -> F,
    mut take: impl FnMut(T) -> Result<(), Fault>,
) -> Result<Ended, Fault> {
    let mut flight = Flight::as_done(aws, pages, work);
    let mut ended = Ended::Whole;
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled(), if ended == Ended::Whole => {
                flight.stop();
                ended = Ended::Stopped;
            }
            done = flight.next() => match done {
                Some(Ok(done)) => take(done)?,
                Some(Err(fault)) => ended = Ended::BrokeOff(Box::new(fault)),
                None => return Ok(ended),
            },
        }
    }
}
