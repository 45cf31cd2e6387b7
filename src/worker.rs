//! Owns every task: takes [`Effect`]s, polls what is visible, performs operations, answers with [`Event`]s.
//!
//! [`Worker::perform`] only hands an order over, so the keyboard never waits. One task, the hub, keeps the books: a
//! poller for each watched list, a queue for rows of each kind, a cancellation token for each operation. Every question
//! has one of these for its owner: what was sent is finished and answered, what was not sent is dropped when nobody wants
//! it any more. A slow or failing topic ages alone. With nothing due every task sleeps; nothing ticks.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, Shared};
use futures::{FutureExt as _, TryFutureExt as _};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::{self, Sender, UnboundedReceiver, UnboundedSender};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::actions::Aws;
use crate::app::{Effect, Event, OpEvent, OpId, Page, Topic};
use crate::domain::{Fault, Request};

use self::poll::{Again, Orders};

mod ask;
mod budget;
mod files;
mod login;
mod operation;
mod poll;
mod rows;
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
        let budgets = Arc::new(budget::Budgets::default());
        let heeding = Arc::clone(&budgets);
        let connect = connect.inspect_ok(move |aws| heeding.heed(aws));
        let context = Context {
            link: connect.boxed().shared(),
            outlet: Outlet {
                events,
                closing: closing.clone(),
            },
            budgets,
            walks: Arc::new(AtomicU64::new(0)),
        };
        let rows = rows::Rows::default();
        let mut services = JoinSet::new();
        rows.serve(&context, &mut services);
        let hub = Hub {
            context,
            rows,
            services,
            watched: HashSet::new(),
            pollers: HashMap::new(),
            polling: JoinSet::new(),
            operations: HashMap::new(),
            tasks: JoinSet::new(),
            login: CancellationToken::new(),
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

    /// Sends a page of the answer about a topic.
    async fn answer(&self, topic: &Topic, walk: u64, (first, last): (bool, bool), page: Page) {
        let event = Event::Answer {
            topic: topic.clone(),
            walk,
            first,
            last,
            at: Timestamp::now(),
            page,
        };
        self.outlet.send(event).await;
    }

    /// Says that a question failed, and when it is asked again by itself.
    async fn fail(&self, topic: &Topic, walk: u64, fault: Fault, pause: Option<Duration>) {
        let at = Timestamp::now();
        let event = Event::Failed {
            topic: topic.clone(),
            walk,
            at,
            fault,
            retry_at: pause.and_then(|pause| at.checked_add(SignedDuration::try_from(pause).ok()?).ok()),
        };
        self.outlet.send(event).await;
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

struct Hub {
    context: Context,
    /// Rows, which are asked about one by one.
    rows: rows::Rows,
    services: JoinSet<()>,
    /// Lists, and all else that is polled.
    watched: HashSet<Topic>,
    /// Also those that still finish a call about what was not watched any more; if it is again, the next one begins then.
    pollers: HashMap<Topic, Arc<Orders>>,
    polling: JoinSet<Topic>,
    operations: HashMap<OpId, CancellationToken>,
    tasks: JoinSet<(OpId, Request)>,
    /// Ends the login that is under way.
    login: CancellationToken,
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
                        self.refresh(Again::Touched, |topic| watch::is_affected(topic, &request));
                    }
                }
                Some(ended) = self.polling.join_next() => {
                    if let Ok(topic) = ended {
                        self.pollers.remove(&topic);
                        if self.watched.contains(&topic) {
                            self.poll(topic);
                        }
                    }
                }
            }
        }
        self.polling.abort_all();
        self.services.abort_all();
        for token in self.operations.values() {
            token.cancel();
        }
        while self.tasks.join_next().await.is_some() {}
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Watch(topics) => self.watch(topics),
            Effect::Refresh(topics) => self.refresh(Again::Now, |topic| topics.contains(topic)),
            Effect::Start { id, request } => self.start(id, request),
            Effect::LogIn(_) => self.log_in(),
            Effect::StopLogin => self.login.cancel(),
            Effect::Cancel(id) => {
                if let Some(token) = self.operations.get(&id) {
                    token.cancel();
                }
            }
            _ => {}
        }
    }

    fn watch(&mut self, topics: Vec<Topic>) {
        self.watched = self.rows.want(topics).into_iter().collect();
        for (topic, orders) in &self.pollers {
            if !self.watched.contains(topic) {
                orders.is_over.cancel();
            }
        }
        let new: Vec<Topic> = self
            .watched
            .iter()
            .filter(|topic| !self.pollers.contains_key(topic))
            .cloned()
            .collect();
        for topic in new {
            self.poll(topic);
        }
    }

    fn poll(&mut self, topic: Topic) {
        let orders = Arc::new(Orders::default());
        self.pollers.insert(topic.clone(), Arc::clone(&orders));
        let context = self.context.clone();
        self.polling.spawn(async move {
            poll::run(&context, &topic, &orders).await;
            topic
        });
    }

    fn refresh(&self, why: Again, is_meant: impl Fn(&Topic) -> bool) {
        for (_, orders) in self.pollers.iter().filter(|(topic, _)| is_meant(topic)) {
            orders.again(why);
        }
        self.rows.refresh(is_meant);
    }

    fn log_in(&mut self) {
        self.login.cancel();
        self.login = CancellationToken::new();
        let (context, ended) = (self.context.clone(), self.login.clone());
        self.services.spawn(async move {
            tokio::select! {
                biased;
                () = ended.cancelled() => {}
                () = login::run(&context) => {}
            }
        });
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

/// The fault of a bug in here.
fn broken() -> Fault {
    let cause = "strongroom failed inside";
    Fault::other("poll", "", cause, "please report this")
}

#[cfg(test)]
mod tests;
