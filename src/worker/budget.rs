//! How many calls a second are ours, by API: at most half of what AWS allows, since all dashboards of an account share it.
//!
//! A call is waited for before it is spent: whoever stops waiting has spent nothing. Those who wait come one after another.
//! Where AWS throttles, a budget is halved, and grows back minute by minute.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::actions::Aws;

macro_rules! apis {
    ($($api:ident: $most:literal of $operations:expr;)+) => {
        /// What is counted together.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Api {
            $($api),+
        }

        /// In the order of the variants.
        const APIS: &[(Api, f64, &[&str])] = &[$((Api::$api, $most, &$operations)),+];
    };
}

// How many calls a second are ours of each, and what AWS calls those that are counted: what it throttles by.
apis! {
    CallerIdentity: 2.0 of ["GetCallerIdentity"];
    ListKeys: 50.0 of ["ListKeys"];
    ListAliases: 50.0 of ["ListAliases"];
    DescribeKey: 50.0 of ["DescribeKey", "GetKeyRotationStatus"];
    GetKeyPolicy: 10.0 of ["GetKeyPolicy"];
    ListGrants: 50.0 of ["ListGrants"];
    ListBuckets: 5.0 of ["ListBuckets"];
    ListObjects: 50.0 of ["ListObjectsV2"];
    ListObjectVersions: 10.0 of ["ListObjectVersions"];
    HeadObject: 50.0 of ["HeadObject", "GetObject"];
    ListTrainingJobs: 1.0 of ["ListTrainingJobs"];
    DescribeTrainingJob: 5.0 of ["DescribeTrainingJob"];
    ListProcessingJobs: 1.0 of ["ListProcessingJobs"];
    DescribeProcessingJob: 5.0 of ["DescribeProcessingJob"];
    DescribeLogStreams: 5.0 of ["DescribeLogStreams"];
    LookupEvents: 1.0 of ["LookupEvents"];
    GetLogEvents: 5.0 of ["GetLogEvents"];
    ListRoles: 5.0 of ["ListRoles"];
}

/// Every budget.
#[derive(Debug)]
pub(super) struct Budgets([Budget; APIS.len()]);

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

    /// Heeds what AWS throttles from now on, whoever asked.
    pub(super) fn heed(self: &Arc<Self>, aws: &Aws) {
        let budgets = Arc::clone(self);
        aws.on_throttled(move |operation| budgets.throttled(operation));
    }

    /// AWS throttled an attempt at this operation: it is asked more slowly.
    fn throttled(&self, operation: &str) {
        let api = APIS.iter().find(|(_, _, operations)| operations.contains(&operation));
        if let Some((api, ..)) = api {
            self.0[*api as usize].bucket(*api, |bucket| bucket.slow_down(Instant::now()));
        }
    }
}

impl Budget {
    fn bucket<T>(&self, api: Api, look: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut bucket: MutexGuard<'_, _> = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        look(bucket.get_or_insert_with(|| Bucket::new(APIS[api as usize].1, Instant::now())))
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
    use strongroom_sandbox::{Options, Sandbox};

    use super::*;
    use crate::aws::kms;
    use crate::config::{Connection, SandboxEndpoint};

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
        budgets.turn(Api::ListGrants).await.spend();
        // A machine that is held up between the two has waited long enough.
        let slows_down = |_| {
            budgets.throttled("ListGrants");
            budgets.turn(Api::ListGrants).now_or_never().is_none()
        };
        assert!((0..1000).any(slows_down));
        assert!(budgets.turn(Api::ListKeys).now_or_never().is_some());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_attempt_that_is_throttled_slows_its_api_down_although_the_call_is_answered() {
        let options = Options {
            empty: true,
            faults: vec!["kms:throttle@0.5".parse().unwrap()],
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let connection = Connection {
            sandbox: Some(SandboxEndpoint {
                url: sandbox.endpoint_url().to_owned(),
                region: sandbox.region().to_owned(),
                access_key_id: sandbox.access_key_id().to_owned(),
                secret_access_key: sandbox.secret_access_key().to_owned(),
            }),
            ..Connection::default()
        };
        // Every other attempt: some call is throttled first and answered then.
        for _ in 0..100 {
            let (aws, budgets) = (Aws::connect(&connection).await.unwrap(), Arc::<Budgets>::default());
            budgets.heed(&aws);
            let answer = kms::list_keys(&aws).first().await;
            let is_slower = |api: Api| budgets.0[api as usize].bucket(api, |bucket| bucket.per_second < bucket.most);
            assert!(!is_slower(Api::ListGrants));
            if answer.is_ok() && is_slower(Api::ListKeys) {
                return sandbox.stop().await;
            }
        }
        unreachable!("no attempt that was throttled was noticed");
    }
}
