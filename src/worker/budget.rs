//! How many calls a second are ours, by API: at most half of what AWS allows, since all dashboards of an account share it.
//!
//! A call is waited for before it is spent: whoever stops waiting has spent nothing. Those who wait come one after another.
//! Where AWS throttles, a budget is halved, and grows back minute by minute.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::{Fault, FaultKind};

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    CallerIdentity,
    ListKeys,
    ListAliases,
    DescribeKey,
    GetKeyPolicy,
    ListGrants,
    ListBuckets,
    ListObjects,
    HeadObject,
    ListTrainingJobs,
    DescribeTrainingJob,
    DescribeLogStreams,
    GetLogEvents,
    ListRoles,
}

const APIS: usize = 14;

impl Api {
    /// How many calls a second are ours.
    fn per_second(self) -> f64 {
        match self {
            Self::ListTrainingJobs => 1.0,
            Self::CallerIdentity => 2.0,
            Self::DescribeTrainingJob
            | Self::DescribeLogStreams
            | Self::GetLogEvents
            | Self::ListBuckets
            | Self::ListRoles => 5.0,
            Self::GetKeyPolicy => 10.0,
            Self::ListKeys
            | Self::ListAliases
            | Self::DescribeKey
            | Self::ListObjects
            | Self::HeadObject
            | Self::ListGrants => 50.0,
        }
    }
}

/// Every budget.
#[derive(Debug)]
pub(super) struct Budgets([Budget; APIS]);

#[derive(Debug, Default)]
struct Budget {
    /// Held by whoever is next.
    turnstile: tokio::sync::Mutex<()>,
    bucket: Mutex<Option<Bucket>>,
}

/// A call that may be made now, by whoever holds it. Spends nothing by itself.
pub(super) struct Turn<'a> {
    budget: &'a Budget,
    api: Api,
    _next: tokio::sync::MutexGuard<'a, ()>,
}

impl Turn<'_> {
    /// The call is made.
    pub(super) fn spend(self) {
        self.budget.bucket(self.api, Bucket::spend);
    }
}

impl Default for Budgets {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Budget::default()))
    }
}

impl Budgets {
    /// Waits until one more call is ours.
    pub(super) async fn turn(&self, api: Api) -> Turn<'_> {
        let budget = &self.0[api as usize];
        let next = budget.turnstile.lock().await;
        loop {
            let wait = budget.bucket(api, |bucket| bucket.wait(Instant::now()));
            if wait.is_zero() {
                return Turn {
                    budget,
                    api,
                    _next: next,
                };
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes note of an answer: who throttles is asked more slowly.
    pub(super) fn heard<T>(&self, api: Api, answer: &Result<T, Fault>) {
        if matches!(answer, Err(fault) if fault.kind == FaultKind::Throttled) {
            self.0[api as usize].bucket(api, |bucket| bucket.slow_down(Instant::now()));
        }
    }
}

impl Budget {
    fn bucket<T>(&self, api: Api, look: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut bucket: MutexGuard<'_, _> = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        look(bucket.get_or_insert_with(|| Bucket::new(api.per_second(), Instant::now())))
    }
}

/// Slower than this part of its budget nothing becomes.
const SLOWEST: f64 = 1.0 / 16.0;
/// Those who are throttled together are throttled once.
const TOGETHER: Duration = Duration::from_secs(1);
/// How long nobody may be throttled before it goes twice as fast again.
const CALM: Duration = Duration::from_secs(60);

/// Holds a second's worth of calls.
#[derive(Debug)]
struct Bucket {
    most: f64,
    per_second: f64,
    calls: f64,
    at: Instant,
    /// When the pace changed last.
    paced: Option<Instant>,
}

impl Bucket {
    fn new(most: f64, now: Instant) -> Self {
        Self {
            most,
            per_second: most,
            calls: most,
            at: now,
            paced: None,
        }
    }

    /// How long until a call may be made.
    fn wait(&mut self, now: Instant) -> Duration {
        if self.paced.is_some_and(|at| now.saturating_duration_since(at) >= CALM) {
            self.per_second = (self.per_second * 2.0).min(self.most);
            self.paced = (self.per_second < self.most).then_some(now);
        }
        let earned = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        self.calls = (self.calls + earned).min(self.per_second.max(1.0));
        self.at = now;
        // Rounded up, or a wait would end a nanosecond before its call is there.
        let missing = (1.0 - self.calls) / self.per_second;
        Duration::from_micros((missing.max(0.0) * 1e6).ceil() as u64)
    }

    fn spend(&mut self) {
        self.calls -= 1.0;
    }

    fn slow_down(&mut self, now: Instant) {
        self.wait(now);
        if self
            .paced
            .is_none_or(|at| now.saturating_duration_since(at) >= TOGETHER)
        {
            self.per_second = (self.per_second / 2.0).max(self.most * SLOWEST);
            self.calls = self.calls.min(0.0);
            self.paced = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    /// Makes calls as fast as they are allowed; when each was made, in milliseconds from `start`.
    fn calls(bucket: &mut Bucket, start: Instant, count: usize) -> Vec<u128> {
        let mut now = start;
        let call = |_| {
            now += bucket.wait(now);
            assert!(bucket.wait(now).is_zero());
            bucket.spend();
            (now - start).as_millis()
        };
        (0..count).map(call).collect()
    }

    #[test]
    fn a_burst_is_free_and_then_calls_come_at_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(2.0, start);
        assert_eq!(calls(&mut bucket, start, 5), [0, 0, 500, 1000, 1500]);
    }

    #[test]
    fn rest_earns_one_second_of_calls_and_no_more() {
        let start = Instant::now();
        let mut bucket = Bucket::new(2.0, start);
        calls(&mut bucket, start, 2);
        assert_eq!(calls(&mut bucket, start + Duration::from_secs(3600), 3), [0, 0, 500]);
    }

    #[test]
    fn who_is_throttled_asks_half_as_often_and_as_before_after_quiet_minutes() {
        let start = Instant::now();
        let mut bucket = Bucket::new(4.0, start);
        // Eight calls under way at once are throttled together.
        for _ in 0..8 {
            bucket.slow_down(start);
        }
        assert_eq!(calls(&mut bucket, start, 3), [500, 1000, 1500]);
        let mut later = start;
        for _ in 0..100 {
            later += TOGETHER;
            bucket.slow_down(later);
        }
        assert_eq!(calls(&mut bucket, later, 2), [4000, 8000]);
        for _ in 0..4 {
            later += CALM;
            bucket.wait(later);
        }
        assert_eq!(calls(&mut bucket, later, 5), [0, 0, 0, 0, 250]);
    }

    #[test]
    fn every_api_has_its_own_budget() {
        let apis = [Api::CallerIdentity, Api::ListRoles];
        assert_eq!(apis[0] as usize, 0);
        assert_eq!(apis[1] as usize, APIS - 1);
    }

    #[tokio::test]
    async fn who_stops_waiting_has_spent_nothing() {
        let budgets = Budgets::default();
        let jobs = || budgets.turn(Api::ListTrainingJobs);
        jobs().await.spend();
        for _ in 0..100 {
            assert!(jobs().now_or_never().is_none());
        }
        let owed = budgets.0[Api::ListTrainingJobs as usize].bucket(Api::ListTrainingJobs, |bucket| bucket.calls);
        assert!(owed >= 0.0, "{owed}");
    }

    #[tokio::test]
    async fn a_turn_that_is_not_used_is_the_next_ones() {
        let budgets = Budgets::default();
        for _ in 0..100 {
            assert!(budgets.turn(Api::ListTrainingJobs).now_or_never().is_some());
        }
    }

    #[tokio::test]
    async fn one_exhausted_api_does_not_hold_up_another() {
        let budgets = Budgets::default();
        let jobs = || budgets.turn(Api::ListTrainingJobs).now_or_never().map(Turn::spend);
        // Once more for whatever was earned meanwhile.
        assert!((0..1000).any(|_| jobs().is_none()));
        assert!(budgets.turn(Api::ListGrants).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_throttled_call_slows_its_own_api_down() {
        let budgets = Budgets::default();
        let fault = Fault::new(FaultKind::Throttled, "list", "jobs", "rate exceeded", "");
        let answer = Err::<(), _>(fault);
        budgets.turn(Api::ListGrants).await.spend();
        // A machine that is held up between the two has waited long enough.
        let slows_down = |_| {
            budgets.heard(Api::ListGrants, &answer);
            budgets.turn(Api::ListGrants).now_or_never().is_none()
        };
        assert!((0..1000).any(slows_down));
        assert!(budgets.turn(Api::ListKeys).now_or_never().is_some());
    }
}
