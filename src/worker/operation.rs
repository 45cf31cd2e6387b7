//! One operation: request -> action -> outcome, with progress on the way.

use std::any::Any;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::actions::ProgressSink;
use crate::app::{Event, OpEvent, OpId};
use crate::domain::{Fault, Outcome, Request};
use crate::perform::{perform, stopped};

const BETWEEN_PROGRESS: Duration = Duration::from_millis(100);

pub(super) async fn run(
    context: &Context,
    id: OpId,
    request: &Request,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    let aws = tokio::select! {
        biased;
        () = cancel.cancelled() => return Err(stopped(&request.plain_facts())),
        aws = context.aws() => aws?,
    };
    let outcome = perform(&aws, request, &sink(context, id), cancel).await;
    if let Some(fault) = aws.unaudited() {
        context.outlet.send(Event::Unaudited(fault)).await;
    }
    outcome
}

/// What a panic inside an operation becomes: one failed operation, nothing else.
pub(super) fn of_panic(request: &Request, panic: &(dyn Any + Send)) -> Fault {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    let facts = request.plain_facts();
    let cause = format!("strongroom failed inside: {text}");
    Fault::other(facts.act, facts.object, cause, "please report this")
}

/// At most ten events a second; one that finds no room is lost.
fn sink(context: &Context, id: OpId) -> ProgressSink {
    let outlet = context.outlet.clone();
    let last: Mutex<Option<Instant>> = Mutex::new(None);
    ProgressSink::new(move |progress| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if last.is_some_and(|at| now.duration_since(at) < BETWEEN_PROGRESS) {
            return;
        }
        *last = Some(now);
        outlet.offer(Event::Op {
            id,
            event: OpEvent::Progress(progress),
        });
    })
}
