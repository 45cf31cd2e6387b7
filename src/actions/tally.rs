//! How far the many objects or files of one operation are together.

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

    /// A sink for one of them, which says how many of its own bytes are through.
    pub(super) fn sink_of(&self, item: &str) -> ProgressSink {
        let (tally, item, before) = (self.clone(), item.to_owned(), Mutex::new(0));
        ProgressSink::new(move |progress| {
            let mut before = before.lock().unwrap_or_else(PoisonError::into_inner);
            let more = progress.bytes.saturating_sub(*before);
            *before += more;
            drop(before);
            if more > 0 {
                tally.add(&item, more);
            }
        })
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
