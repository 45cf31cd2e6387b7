//! The world's clock: the machine's, moved forward as far as somebody asked.
//!
//! Whatever a world dates or lets expire goes by it: sessions, deletions, rotations, grants, jobs, logs. Signatures do
//! not: their time is compared with the machine's, which is the clock of the clients too. A world on disk is as far
//! ahead again when it is opened again: its time never goes back.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};

use super::disk::{Disk, DiskError, lock};
use super::shelf::{Shelf, encoded};

/// In milliseconds: a thousand years.
const FURTHEST: i64 = 1000 * 365 * 24 * 3600 * 1000;
const TABLE: &str = "clock";
/// The only row.
const AHEAD: &str = "ahead";

/// One clock, shared by its clones.
#[derive(Debug, Clone)]
pub(crate) struct Clock(Arc<Hands>);

#[derive(Debug)]
struct Hands {
    /// Milliseconds.
    ahead: AtomicI64,
    row: Mutex<Shelf<i64>>,
}

impl Default for Clock {
    /// The clock of a world that is nowhere.
    fn default() -> Self {
        Self::of(Shelf::empty(TABLE, &Disk::default(), encoded))
    }
}

impl Clock {
    /// The clock of the world on this disk.
    pub(crate) fn open(disk: &Disk) -> Result<Self, DiskError> {
        Shelf::open(TABLE, disk).map(Self::of)
    }

    fn of(row: Shelf<i64>) -> Self {
        Self(Arc::new(Hands {
            ahead: AtomicI64::new(row.get(AHEAD).copied().unwrap_or_default()),
            row: Mutex::new(row),
        }))
    }

    /// As far ahead as it is on disk.
    pub(crate) fn restore(&self, disk: &Disk) -> Result<(), DiskError> {
        let fresh = Shelf::open(TABLE, disk)?;
        let mut row = lock(&self.0.row);
        *row = fresh;
        let ahead = row.get(AHEAD).copied().unwrap_or_default();
        self.0.ahead.store(ahead, Ordering::Relaxed);
        Ok(())
    }

    /// The time, in whole milliseconds: what AWS shows, and what a world on disk keeps.
    pub(crate) fn now(&self) -> Timestamp {
        let millis = Timestamp::now()
            .as_millisecond()
            .saturating_add(self.0.ahead.load(Ordering::Relaxed));
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
    }

    /// The same as the standard library has it.
    pub(crate) fn system(&self) -> SystemTime {
        SystemTime::try_from(self.now()).unwrap_or_else(|_| SystemTime::now())
    }

    /// Moves the clock forward, as far as [`FURTHEST`].
    pub(crate) fn advance(&self, by: SignedDuration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(0).max(0);
        let mut row = lock(&self.0.row);
        let ahead = self
            .0
            .ahead
            .load(Ordering::Relaxed)
            .saturating_add(millis)
            .min(FURTHEST);
        self.0.ahead.store(ahead, Ordering::Relaxed);
        row.insert(AHEAD.to_owned(), ahead);
    }

    /// How far ahead of the machine's it is.
    pub(crate) fn ahead(&self) -> SignedDuration {
        SignedDuration::from_millis(self.0.ahead.load(Ordering::Relaxed))
    }
}
