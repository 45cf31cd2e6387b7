//! One poller a topic: asks at once, then whenever its turn comes or a refresh is wanted, until it is dropped.
//!
//! The newest question wins: a refresh drops the one under way and asks anew.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::ask::{Memory, Question};
use super::{Context, schedule};
use crate::app::{Event, Topic};
use crate::domain::{Fault, FaultKind};

pub(super) async fn run(context: Context, topic: Topic, refresh: Arc<Notify>) {
    let mut memory = Memory::new(&topic);
    let mut failures = 0;
    loop {
        let walk = context.next_walk();
        let question = Question {
            context: &context,
            topic: &topic,
            walk,
        };
        let asked = tokio::select! {
            biased;
            () = refresh.notified() => {
                memory.refresh();
                continue;
            }
            asked = question.ask(&mut memory) => asked,
        };
        let pause = match asked {
            Ok(active) => {
                failures = 0;
                schedule::interval(&topic, active).map(with_jitter)
            }
            Err(fault) => {
                failures += 1;
                let pause = with_jitter(schedule::backoff(failures));
                let at = Timestamp::now();
                let event = Event::Failed {
                    topic: topic.clone(),
                    walk,
                    at,
                    fault,
                    retry_at: after(at, pause),
                };
                context.outlet.send(event).await;
                Some(pause)
            }
        };
        match pause {
            Some(pause) => {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = refresh.notified() => memory.refresh(),
                }
            }
            None => {
                refresh.notified().await;
                memory.refresh();
            }
        }
    }
}

/// A bug in one topic fails that topic, visibly, and nothing else.
pub(super) async fn supervised(context: Context, topic: Topic, poller: impl Future<Output = ()>) {
    if AssertUnwindSafe(poller).catch_unwind().await.is_ok() {
        return;
    }
    let event = Event::Failed {
        topic,
        walk: context.next_walk(),
        at: Timestamp::now(),
        fault: Fault::new(
            FaultKind::Other,
            "poll",
            "",
            "strongroom failed inside",
            "please report this",
        ),
        retry_at: None,
    };
    context.outlet.send(event).await;
}

fn with_jitter(pause: Duration) -> Duration {
    schedule::jittered(pause, schedule::chance())
}

fn after(at: Timestamp, pause: Duration) -> Option<Timestamp> {
    at.checked_add(SignedDuration::try_from(pause).ok()?).ok()
}
