//! Owns every task: takes [`Effect`]s, polls what is visible, performs operations, answers with [`Event`]s.
//!
//! [`Worker::perform`] only hands an order over, so the keyboard never waits. One task, the hub, keeps the books: a
//! poller for each watched topic, a cancellation token for each operation. A slow or failing topic is alone with its
//! poller and ages alone. With nothing due every task sleeps; nothing ticks.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, Sender, UnboundedReceiver, UnboundedSender};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::actions::Aws;
use crate::app::{Effect, Event, OpEvent, OpId, Topic};
use crate::domain::{Fault, FaultKind, Request};

mod ask;
mod budget;
mod files;
mod operation;
mod poll;
mod schedule;
mod watch;

/// How long a stopped operation may go on after [`Worker::shutdown`]'s grace is over: not at all.
const LEFT_OVER: Duration = Duration::from_millis(200);

/// The connection as every task sees it: made once, waited for by whoever needs it.
type Link = Shared<BoxFuture<'static, Result<Aws, Fault>>>;

/// The hub's outside.
pub struct Worker {
    orders: UnboundedSender<Effect>,
    in_flight: Arc<AtomicUsize>,
    hub: JoinHandle<()>,
    closing: CancellationToken,
}

impl Worker {
    /// Starts the hub; must be called inside a tokio runtime. `connect` runs once, in the background.
    ///
    /// If it fails, every topic and operation that needs AWS answers with its fault.
    pub fn spawn(connect: impl Future<Output = Result<Aws, Fault>> + Send + 'static, events: Sender<Event>) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        let in_flight = Arc::new(AtomicUsize::new(0));
        let closing = CancellationToken::new();
        let context = Context {
            link: connect.boxed().shared(),
            outlet: Outlet {
                events,
                closing: closing.clone(),
            },
            budgets: Arc::new(budget::Budgets::default()),
            walks: Arc::new(AtomicU64::new(0)),
        };
        let hub = Hub {
            context,
            pollers: HashMap::new(),
            operations: HashMap::new(),
            tasks: JoinSet::new(),
            in_flight: Arc::clone(&in_flight),
        };
        let hub = tokio::spawn(hub.serve(inbox));
        Self {
            orders,
            in_flight,
            hub,
            closing,
        }
    }

    /// Hands an effect over. Never blocks; effects of the terminal and of the configuration are not the worker's.
    pub fn perform(&self, effect: Effect) {
        if matches!(effect, Effect::Start { .. }) {
            self.in_flight.fetch_add(1, Ordering::Relaxed);
        }
        // The hub goes only with the worker itself, or by a panic; then there is nobody to answer.
        let _ = self.orders.send(effect);
    }

    /// How many operations have been started and not yet ended.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Cancels every operation and waits for their clean-up, for no longer than `grace`.
    pub async fn shutdown(self, grace: Duration) {
        let Self {
            orders,
            mut hub,
            closing,
            ..
        } = self;
        // Nobody reads events any more: a full channel must not hold up the clean-up.
        closing.cancel();
        drop(orders);
        if tokio::time::timeout(grace, &mut hub).await.is_err() {
            hub.abort();
            let _ = tokio::time::timeout(LEFT_OVER, hub).await;
        }
    }
}

/// What every task of the worker may use.
#[derive(Clone)]
struct Context {
    link: Link,
    outlet: Outlet,
    budgets: Arc<budget::Budgets>,
    walks: Arc<AtomicU64>,
}

impl Context {
    async fn aws(&self) -> Result<Aws, Fault> {
        self.link.clone().await
    }

    fn next_walk(&self) -> u64 {
        self.walks.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// The way to the core.
#[derive(Clone)]
struct Outlet {
    events: Sender<Event>,
    closing: CancellationToken,
}

impl Outlet {
    /// Waits for room; gives up when nobody will ever read it.
    async fn send(&self, event: Event) {
        tokio::select! {
            biased;
            _ = self.events.send(event) => {}
            () = self.closing.cancelled() => {}
        }
    }

    /// For what may be lost.
    fn offer(&self, event: Event) {
        let _ = self.events.try_send(event);
    }
}

struct Poller {
    refresh: Arc<Notify>,
    task: AbortHandle,
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Hub {
    context: Context,
    pollers: HashMap<Topic, Poller>,
    operations: HashMap<OpId, CancellationToken>,
    tasks: JoinSet<(OpId, Request)>,
    in_flight: Arc<AtomicUsize>,
}

impl Hub {
    async fn serve(mut self, mut inbox: UnboundedReceiver<Effect>) {
        loop {
            tokio::select! {
                effect = inbox.recv() => match effect {
                    Some(effect) => self.perform(effect),
                    None => break,
                },
                Some(ended) = self.tasks.join_next() => {
                    // Panics are caught inside the task, so only an abort could fail here, and nobody aborts.
                    if let Ok((id, request)) = ended {
                        self.operations.remove(&id);
                        self.refresh(|topic| watch::is_affected(topic, &request));
                    }
                }
            }
        }
        self.pollers.clear();
        for token in self.operations.values() {
            token.cancel();
        }
        while self.tasks.join_next().await.is_some() {}
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Watch(topics) => self.watch(topics),
            Effect::Refresh(topics) => self.refresh(|topic| topics.contains(topic)),
            Effect::Start { id, request } => self.start(id, request),
            Effect::Cancel(id) => {
                if let Some(token) = self.operations.get(&id) {
                    token.cancel();
                }
            }
            _ => {}
        }
    }

    fn watch(&mut self, wanted: Vec<Topic>) {
        let change = watch::change(self.pollers.keys(), wanted);
        for topic in &change.stop {
            self.pollers.remove(topic);
        }
        for topic in change.start {
            let refresh = Arc::new(Notify::new());
            let poller = poll::run(self.context.clone(), topic.clone(), Arc::clone(&refresh));
            let task = tokio::spawn(poll::supervised(self.context.clone(), topic.clone(), poller)).abort_handle();
            self.pollers.insert(topic, Poller { refresh, task });
        }
    }

    fn refresh(&self, is_meant: impl Fn(&Topic) -> bool) {
        for (topic, poller) in &self.pollers {
            if is_meant(topic) {
                poller.refresh.notify_one();
            }
        }
    }

    fn start(&mut self, id: OpId, request: Request) {
        let token = CancellationToken::new();
        let ended = Ended(Arc::clone(&self.in_flight));
        let context = self.context.clone();
        self.operations.insert(id, token.clone());
        self.tasks.spawn(async move {
            let run = operation::run(&context, id, &request, &token);
            let event = match std::panic::AssertUnwindSafe(run).catch_unwind().await {
                Ok(Ok(outcome)) => OpEvent::Done(Box::new(outcome)),
                Ok(Err(fault)) => OpEvent::Failed(fault),
                Err(panic) => OpEvent::Failed(operation::of_panic(&request, panic.as_ref())),
            };
            drop(ended);
            context.outlet.send(Event::Op { id, event }).await;
            (id, request)
        });
    }
}

/// One operation less, however it ends.
struct Ended(Arc<AtomicUsize>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The fault of an operation that was told to stop.
fn cancelled(act: &str, object: &str) -> Fault {
    Fault::new(FaultKind::Cancelled, act, object, "cancelled", "")
}

#[cfg(test)]
mod tests;
