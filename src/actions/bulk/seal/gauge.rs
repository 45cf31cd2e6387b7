//! How far all objects of a run are together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::actions::ProgressSink;
use crate::domain::Progress;
use crate::domain::bulk::Listed;

/// Counted by every object, told as one.
#[derive(Clone)]
pub(in crate::actions::bulk) struct Gauge {
    sink: ProgressSink,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    progress: Progress,
    listed: (u64, u64),
    is_listed: bool,
    /// Of those under way, what was counted by now.
    counted: HashMap<String, u64>,
}

impl Gauge {
    pub(in crate::actions::bulk) fn new(sink: &ProgressSink, phase: &str) -> Self {
        let progress = Progress {
            phase: phase.to_owned(),
            ..Progress::default()
        };
        let state = State {
            progress,
            ..State::default()
        };
        Self {
            sink: sink.clone(),
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// So much more is to be done; or the list has ended.
    pub(in crate::actions::bulk) fn list(&self, page: &[Listed], is_end: bool) {
        self.change(|state| {
            state.listed.0 += page.len() as u64;
            state.listed.1 += page.iter().map(|row| row.size).sum::<u64>();
            state.is_listed |= is_end;
        });
    }

    /// So many bytes of this one were read.
    pub(in crate::actions::bulk) fn add(&self, key: &str, bytes: u64) {
        self.change(|state| {
            key.clone_into(&mut state.progress.item);
            state.progress.bytes += bytes;
            *state.counted.entry(key.to_owned()).or_default() += bytes;
        });
    }

    /// It is through: all of its bytes count now.
    pub(in crate::actions::bulk) fn end(&self, key: &str, size: u64) {
        self.change(|state| {
            key.clone_into(&mut state.progress.item);
            let counted = state.counted.remove(key).unwrap_or_default();
            state.progress.bytes = (state.progress.bytes + size).saturating_sub(counted);
            let done = state.progress.items.map_or(0, |(done, _)| done);
            state.progress.items = Some((done + 1, state.listed.0));
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let (objects, bytes) = state.listed;
        state.progress.total = state.is_listed.then_some(bytes);
        let done = state.progress.items.map_or(0, |(done, _)| done);
        state.progress.items = Some((done, objects));
        let now = state.progress.clone();
        drop(state);
        self.sink.report(now);
    }
}
