//! What is listed is looked at, many at once, and handed on in the order of the list whatever comes back first.

use tokio_util::sync::CancellationToken;

use super::look::Look;
use crate::actions::flight::{self, Flight};
use crate::domain::Fault;
use crate::domain::audit::Ended;
use crate::domain::audit::wire::SeenRow;
use crate::domain::bulk::Listed;

/// A list, page by page.
pub(super) type Pages<'a> = flight::Pages<'a, Listed>;

/// How it ended, and what was looked at though one before it was not.
pub(super) struct Flowed {
    pub(super) ended: Ended,
    pub(super) behind: Vec<SeenRow>,
}

/// Looks at all that is listed; `take` gets each in its turn, or that it is gone.
pub(super) async fn flow(
    look: &Look<'_>,
    pages: Pages<'_>,
    cancel: &CancellationToken,
    take: &mut (dyn FnMut(Option<SeenRow>) -> Result<(), Fault> + Send),
) -> Result<Flowed, Fault> {
    let mut flight = Flight::in_order(look.aws(), pages, |one| look.at(one));
    let ended = loop {
        let looked = tokio::select! {
            biased;
            () = cancel.cancelled() => break Ended::Stopped,
            looked = flight.next() => looked,
        };
        match looked {
            None => break Ended::Whole,
            Some(Err(fault) | Ok(Err(fault))) => break Ended::BrokeOff(Box::new(fault)),
            Some(Ok(Ok(seen))) => take(seen)?,
        }
    };
    Ok(Flowed {
        ended,
        behind: flight.into_done().flatten().flatten().collect(),
    })
}
