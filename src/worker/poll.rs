//! One poller a topic: asks at once, then whenever its turn comes or a refresh is wanted, until it is dropped.
//!
//! The newest question wins: a refresh drops the one under way and asks anew.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::ask::{Memory, Question};
use super::{Context, schedule};
use crate::app::{Event, Topic};

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

fn with_jitter(pause: Duration) -> Duration {
    schedule::jittered(pause, schedule::chance())
}

fn after(at: Timestamp, pause: Duration) -> Option<Timestamp> {
    at.checked_add(SignedDuration::try_from(pause).ok()?).ok()
}
