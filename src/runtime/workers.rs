//! The worker of the context that is shown, and those that still finish what was begun in contexts shown before.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::mpsc::{self, Receiver};

use crate::actions::{self, Aws, Person};
use crate::app::{Effect, Event, OpEvent};
use crate::config::Connection;
use crate::domain::Fault;
use crate::worker::Worker;

/// How long what has not answered may still take once the core has waited for it.
const GRACE: Duration = Duration::from_secs(1);

/// Every worker.
pub struct Workers {
    current: Post,
    earlier: Vec<Post>,
}

/// A worker, and the way from it.
struct Post {
    worker: Worker,
    person: Person,
    events: Receiver<Event>,
    /// Operations that were begun here and have not ended.
    unfinished: usize,
}

impl Post {
    fn start(connection: Connection) -> Self {
        let (sender, events) = mpsc::channel(1024);
        let person = person(sender.clone());
        Self {
            worker: Worker::spawn(connect(connection, person.clone(), sender.clone()), sender),
            person,
            events,
            unfinished: 0,
        }
    }

    fn take(&mut self, event: Event) -> Event {
        if let Event::Op {
            event: OpEvent::Done(_) | OpEvent::Failed(_),
            ..
        } = event
        {
            self.unfinished = self.unfinished.saturating_sub(1);
        }
        event
    }
}

/// The person at the dashboard.
fn person(events: mpsc::Sender<Event>) -> Person {
    Person::reached_by(move |_, question| {
        let events = events.clone();
        tokio::spawn(async move {
            // Without anybody to read it the dashboard has ended.
            let _ = events.send(Event::Asked(question)).await;
        });
        true
    })
}

/// Makes the connection, and tells the core where it leads.
async fn connect(connection: Connection, person: Person, events: mpsc::Sender<Event>) -> Result<Aws, Fault> {
    // Without anybody to read it the dashboard has ended.
    let _ = events.send(Event::Profiles(actions::profiles(&connection).await)).await;
    let aws = actions::connect_for(&connection, person).await?;
    let connected = Event::Connected {
        region: aws.region().to_owned(),
        endpoint: aws.endpoint().map(str::to_owned),
        elsewhere: aws.endpoints_apart(),
    };
    let _ = events.send(connected).await;
    Ok(aws)
}

impl Workers {
    /// Begins with the first; must be called inside a tokio runtime.
    pub fn start(connection: Connection) -> Self {
        Self {
            current: Post::start(connection),
            earlier: Vec::new(),
        }
    }

    /// Another worker from now on. What the one before still tells is heard only where it is about operations, or asked
    /// for them.
    pub fn switch(&mut self, connection: Connection) {
        let left = std::mem::replace(&mut self.current, Post::start(connection));
        left.worker.perform(Effect::Watch(Vec::new()));
        self.earlier.push(left);
        self.release();
    }

    /// Hands an effect over.
    pub fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Cancel(_) | Effect::StopLogin => {
                let all = self.earlier.iter().chain([&self.current]);
                all.for_each(|post| post.worker.perform(effect.clone()));
            }
            Effect::Answer { id, answer } => {
                let all = self.earlier.iter().chain([&self.current]);
                all.for_each(|post| post.person.answer(id, answer.clone()));
            }
            Effect::LogIn(question) => {
                let all = self.earlier.iter().chain([&self.current]);
                all.for_each(|post| post.person.is_willing());
                // What goes on elsewhere may wait for a login of its own.
                let mut asking = self.earlier.iter();
                let asking = asking.find(|post| question.is_some_and(|id| post.person.is_asked_for(id)));
                asking.unwrap_or(&self.current).worker.perform(effect);
            }
            _ => {
                self.current.unfinished += usize::from(matches!(effect, Effect::Start { .. }));
                self.current.worker.perform(effect);
            }
        }
    }

    /// What happens next.
    pub async fn next(&mut self) -> Event {
        let event = poll_fn(|cx| self.poll(cx)).await;
        self.release();
        event
    }

    /// What has happened already.
    pub fn try_next(&mut self) -> Option<Event> {
        self.next().now_or_never()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if let Poll::Ready(Some(event)) = self.current.events.poll_recv(cx) {
            return Poll::Ready(self.current.take(event));
        }
        for post in &mut self.earlier {
            while let Poll::Ready(Some(event)) = post.events.poll_recv(cx) {
                if matches!(event, Event::Op { .. } | Event::Asked(_) | Event::Login(_)) {
                    return Poll::Ready(post.take(event));
                }
            }
        }
        Poll::Pending
    }

    /// Lets go those that have nothing left to do.
    fn release(&mut self) {
        for done in self.earlier.extract_if(.., |post| post.unfinished == 0) {
            tokio::spawn(done.worker.shutdown(GRACE));
        }
    }

    /// Cancels every operation and waits for their clean-up, for no longer than the grace.
    pub async fn shutdown(self) {
        let all = self.earlier.into_iter().chain([self.current]);
        futures::future::join_all(all.map(|post| post.worker.shutdown(GRACE))).await;
    }
}
