//! How far the many objects or files of one operation are together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ProgressSink;
use crate::domain::Progress;

/// Counted by every one of them, told as one.
#[derive(Clone)]
pub(super) struct Tally {
    sink: ProgressSink,
    state: Arc<Mutex<State>>,
}

struct State {
    told: Progress,
    /// Listed until now.
    items: u64,
    bytes: u64,
    done: u64,
    /// Whether all of them are listed.
    is_whole: bool,
}

impl Tally {
    /// Of what is yet to be listed.
    pub(super) fn new(sink: &ProgressSink, phase: &str) -> Self {
        Self {
            sink: sink.clone(),
            state: Arc::new(Mutex::new(State {
                told: Progress {
                    phase: phase.to_owned(),
                    ..Progress::default()
                },
                items: 0,
                bytes: 0,
                done: 0,
                is_whole: false,
            })),
        }
    }

    /// So many more there are, with so many bytes together.
    pub(super) fn listed(&self, items: u64, bytes: u64) {
        let mut state = self.state();
        state.items += items;
        state.bytes += bytes;
    }

    /// That were all of them.
    pub(super) fn is_whole(&self) {
        self.state().is_whole = true;
    }

    /// This many bytes more of one are through.
    pub(super) fn add(&self, item: &str, bytes: u64) {
        self.change(item, |state| state.told.bytes += bytes);
    }

    /// One is through, or given up: of its bytes so many count, and `counted` of them were counted.
    pub(super) fn end(&self, item: &str, bytes: u64, counted: u64) {
        self.change(item, |state| {
            state.told.bytes = (state.told.bytes + bytes).saturating_sub(counted);
            state.done += 1;
        });
    }

    /// What one of them has of it.
    pub(super) fn share(&self, item: &str) -> Share {
        Share {
            tally: self.clone(),
            item: item.to_owned(),
            counted: Arc::default(),
        }
    }

    fn change(&self, item: &str, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        item.clone_into(&mut state.told.item);
        if state.is_whole {
            state.told.total = Some(state.bytes);
            state.told.items = (state.items > 1).then_some((state.done, state.items));
        }
        let told = state.told.clone();
        drop(state);
        self.sink.report(told);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One object or file, counted as it says how many of its bytes are through.
pub(super) struct Share {
    tally: Tally,
    item: String,
    counted: Arc<AtomicU64>,
}

impl Share {
    /// Where it says so.
    pub(super) fn sink(&self) -> ProgressSink {
        let (tally, item, counted) = (self.tally.clone(), self.item.clone(), Arc::clone(&self.counted));
        ProgressSink::new(move |progress| {
            let before = counted.fetch_max(progress.bytes, Ordering::Relaxed);
            if progress.bytes > before {
                tally.add(&item, progress.bytes - before);
            }
        })
    }

    /// It is through, or given up: so many bytes it was to have.
    pub(super) fn end(self, bytes: u64) {
        self.tally.end(&self.item, bytes, self.counted.load(Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_told_as_one_with_a_total_once_all_of_them_are_listed() {
        let told = Arc::new(Mutex::new(Progress::default()));
        let kept = Arc::clone(&told);
        let tally = Tally::new(
            &ProgressSink::new(move |progress| *kept.lock().unwrap() = progress),
            "verifying",
        );
        let last = || {
            let told = told.lock().unwrap();
            (told.bytes, told.total, told.items)
        };
        let bytes = |bytes| Progress {
            bytes,
            ..Progress::default()
        };
        tally.listed(1, 100);
        let (one, other) = (tally.share("one"), tally.share("other"));
        one.sink().report(bytes(40));
        one.sink().report(bytes(70));
        assert_eq!(last(), (70, None, None), "more may be listed");
        tally.listed(1, 50);
        tally.is_whole();
        other.sink().report(bytes(10));
        assert_eq!(last(), (80, Some(150), Some((0, 2))));
        one.end(100);
        assert_eq!(last(), (110, Some(150), Some((1, 2))));
        other.end(50);
        assert_eq!(
            last(),
            (150, Some(150), Some((2, 2))),
            "what was given up does not come any more"
        );
    }
}
