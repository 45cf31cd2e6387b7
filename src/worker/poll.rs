//! One poller a list: it walks the list, rests, and walks it again, as long as the list is wanted.
//!
//! A call that was sent is finished and answered. A walk goes to its end before the next one begins: whoever asks for it
//! meanwhile gets the next one, and however many ask, it is one.

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ask::{Memory, Question};
use super::{Context, broken, schedule};
use crate::app::Topic;

/// What is wanted of a poller.
#[derive(Debug, Default)]
pub(super) struct Orders {
    again: Mutex<Again>,
    changed: Notify,
    /// Nobody looks at the list any more: it is not asked about any further. Whoever comes back begins anew.
    pub(super) is_over: CancellationToken,
}

/// Why a list is walked again, the most urgent last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Again {
    /// It is its turn.
    #[default]
    InTurn,
    /// An operation may have changed it.
    Touched,
    /// A person wants to know.
    Now,
}

/// How long a list rests after a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rest {
    in_turn: Option<Duration>,
    touched: Duration,
}

impl Rest {
    fn until(self, again: Again) -> Option<Duration> {
        match again {
            Again::InTurn => self.in_turn,
            Again::Touched => Some(self.in_turn.map_or(self.touched, |in_turn| in_turn.min(self.touched))),
            Again::Now => Some(Duration::ZERO),
        }
    }
}

impl Orders {
    /// Walk once more.
    pub(super) fn again(&self, why: Again) {
        let mut again = self.asked();
        *again = why.max(*again);
        drop(again);
        self.changed.notify_one();
    }

    fn asked(&self) -> MutexGuard<'_, Again> {
        self.again.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is time for the next walk.
    async fn rest(&self, rest: Rest) {
        let ended = Instant::now();
        loop {
            let until = rest.until(*self.asked());
            if until.is_some_and(|pause| ended.elapsed() >= pause) {
                return;
            }
            match until {
                Some(pause) => tokio::select! {
                    () = tokio::time::sleep_until(ended + pause) => {}
                    () = self.changed.notified() => {}
                },
                None => self.changed.notified().await,
            }
        }
    }
}

/// Polls a list until nobody looks at it any more. A bug in one list fails that list, visibly, and nothing else.
pub(super) async fn run(context: &Context, topic: &Topic, orders: &Orders) {
    if AssertUnwindSafe(walk_on(context, topic, orders))
        .catch_unwind()
        .await
        .is_err()
    {
        context.fail(topic, context.next_walk(), broken(), None).await;
        orders.is_over.cancelled().await;
    }
}

async fn walk_on(context: &Context, topic: &Topic, orders: &Orders) {
    let mut memory = Memory::default();
    let mut failures = 0;
    loop {
        if std::mem::take(&mut *orders.asked()) != Again::InTurn {
            memory.refresh();
        }
        let question = Question::new(context, topic, &orders.is_over);
        let asked = question.ask(&mut memory).await;
        if orders.is_over.is_cancelled() {
            return;
        }
        let rest = match asked {
            Ok(active) => {
                failures = 0;
                let cost = question.cost();
                Rest {
                    in_turn: schedule::after(topic, active, cost).map(schedule::with_jitter),
                    touched: schedule::after_touch(topic, cost),
                }
            }
            Err(fault) => {
                failures += 1;
                let pause = schedule::with_jitter(schedule::backoff(failures));
                context.fail(topic, question.walk, fault, Some(pause)).await;
                Rest {
                    in_turn: Some(pause),
                    touched: pause,
                }
            }
        };
        tokio::select! {
            biased;
            () = orders.is_over.cancelled() => return,
            () = orders.rest(rest) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_person_does_not_wait_and_a_touched_list_rests_as_long_as_it_costs() {
        let orders = Orders::default();
        let rest = Rest {
            in_turn: Some(LONG),
            touched: LONG / 2,
        };
        orders.again(Again::Touched);
        assert!(orders.rest(rest).now_or_never().is_none());
        orders.again(Again::Now);
        orders.again(Again::Touched);
        assert!(orders.rest(rest).now_or_never().is_some());
        let cheap = Rest {
            touched: Duration::ZERO,
            ..rest
        };
        let orders = Orders::default();
        assert!(orders.rest(cheap).now_or_never().is_none());
        orders.again(Again::Touched);
        assert!(orders.rest(cheap).now_or_never().is_some());
    }

    #[test]
    fn what_is_asked_once_is_asked_again_when_it_was_touched() {
        let rest = Rest {
            in_turn: None,
            touched: Duration::ZERO,
        };
        assert_eq!(rest.until(Again::InTurn), None);
        assert_eq!(rest.until(Again::Touched), Some(Duration::ZERO));
    }
}
