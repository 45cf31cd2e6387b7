//! The world's clock: the machine's, moved forward as far as somebody asked.
//!
//! Whatever a world dates or lets expire goes by it: sessions, deletions, rotations, grants, jobs, logs. Signatures do
//! not: their time is compared with the machine's, which is the clock of the clients too.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};

/// One clock, shared by its clones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock(Arc<AtomicI64>);

impl Clock {
    /// The time, in whole milliseconds: what AWS shows, and what a world on disk keeps.
    pub(crate) fn now(&self) -> Timestamp {
        let millis = Timestamp::now().as_millisecond() + self.0.load(Ordering::Relaxed);
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
    }

    /// The same as the standard library has it.
    pub(crate) fn system(&self) -> SystemTime {
        SystemTime::try_from(self.now()).unwrap_or_else(|_| SystemTime::now())
    }

    /// Moves the clock forward.
    pub(crate) fn advance(&self, by: SignedDuration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(0).max(0);
        self.0.fetch_add(millis, Ordering::Relaxed);
    }

    /// How far ahead of the machine's it is.
    pub(crate) fn ahead(&self) -> SignedDuration {
        SignedDuration::from_millis(self.0.load(Ordering::Relaxed))
    }
}
