//! Token buckets, one an API, shared by every task: however much is on screen, we stay far below AWS's quotas, which
//! all dashboards of an account share.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What is counted together, with how many calls a second are ours.
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
    fn per_second(self) -> f64 {
        match self {
            Self::ListTrainingJobs | Self::CallerIdentity => 2.0,
            Self::DescribeTrainingJob | Self::DescribeLogStreams | Self::ListBuckets | Self::ListRoles => 5.0,
            Self::GetKeyPolicy | Self::GetLogEvents => 10.0,
            Self::ListKeys | Self::ListAliases | Self::DescribeKey | Self::ListObjects | Self::HeadObject => 50.0,
            Self::ListGrants => 100.0,
        }
    }
}

/// Every bucket, by [`Api`].
#[derive(Debug, Default)]
pub(super) struct Budgets {
    buckets: Mutex<[Option<Bucket>; APIS]>,
}

impl Budgets {
    /// Waits until one more call is ours.
    pub(super) async fn take(&self, api: Api) {
        let wait = {
            let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let bucket = &mut buckets[api as usize];
            bucket
                .get_or_insert_with(|| Bucket::new(api.per_second(), now))
                .reserve(now)
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }
}

/// Holds a second's worth of calls; may go into debt, which whoever comes waits for.
#[derive(Debug)]
struct Bucket {
    per_second: f64,
    calls: f64,
    at: Instant,
}

impl Bucket {
    fn new(per_second: f64, now: Instant) -> Self {
        Self {
            per_second,
            calls: per_second,
            at: now,
        }
    }

    /// Takes one call and says how long to wait before it may be made.
    fn reserve(&mut self, now: Instant) -> Duration {
        let earned = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        self.calls = (self.calls + earned).min(self.per_second) - 1.0;
        self.at = now;
        Duration::from_secs_f64((-self.calls / self.per_second).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_then_calls_come_at_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(2.0, start);
        let waits: Vec<u128> = (0..5).map(|_| bucket.reserve(start).as_millis()).collect();
        assert_eq!(waits, [0, 0, 500, 1000, 1500]);
    }

    #[test]
    fn rest_earns_one_second_of_calls_and_no_more() {
        let start = Instant::now();
        let mut bucket = Bucket::new(2.0, start);
        for _ in 0..2 {
            bucket.reserve(start);
        }
        let later = start + Duration::from_secs(3600);
        let waits: Vec<u128> = (0..3).map(|_| bucket.reserve(later).as_millis()).collect();
        assert_eq!(waits, [0, 0, 500]);
    }

    #[test]
    fn every_api_has_its_own_bucket() {
        let apis = [Api::CallerIdentity, Api::ListRoles];
        assert_eq!(apis[0] as usize, 0);
        assert_eq!(apis[1] as usize, APIS - 1);
    }

    #[tokio::test]
    async fn one_exhausted_api_does_not_hold_up_another() {
        let budgets = Budgets::default();
        for _ in 0..2 {
            budgets.take(Api::ListTrainingJobs).await;
        }
        let began = Instant::now();
        budgets.take(Api::ListGrants).await;
        assert!(began.elapsed() < Duration::from_millis(250));
        budgets.take(Api::ListTrainingJobs).await;
        assert!(began.elapsed() >= Duration::from_millis(300));
    }
}
