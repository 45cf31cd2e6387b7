//! How far all the files of a request are together.

use std::sync::{Arc, Mutex, PoisonError};

use super::plan::Source;
use crate::actions::ProgressSink;
use crate::actions::upload_journal::Stamp;
use crate::domain::Progress;

/// Counted by every file, told as one.
#[derive(Clone)]
pub(super) struct Tally {
    sink: ProgressSink,
    state: Arc<Mutex<Progress>>,
}

impl Tally {
    pub(super) fn new(sink: &ProgressSink, sources: &[Source]) -> Self {
        let sizes = sources.iter().filter_map(|source| std::fs::metadata(&source.path).ok());
        let progress = Progress {
            phase: "encrypting".to_owned(),
            total: Some(sizes.map(|meta| meta.len()).sum()),
            items: (sources.len() > 1).then_some((0, sources.len() as u64)),
            ..Progress::default()
        };
        Self {
            sink: sink.clone(),
            state: Arc::new(Mutex::new(progress)),
        }
    }

    /// This many plaintext bytes of the file are through.
    pub(super) fn add(&self, item: &str, bytes: u64) {
        self.change(|progress| {
            item.clone_into(&mut progress.item);
            progress.bytes += bytes;
        });
    }

    /// The file is through, or given up after this many of its bytes.
    pub(super) fn end(&self, source: &Source, stamp: Option<Stamp>, counted: u64) {
        self.change(|progress| {
            source.name.clone_into(&mut progress.item);
            let size = stamp.map_or(counted, |stamp| stamp.size);
            progress.bytes = (progress.bytes + size).saturating_sub(counted);
            if let Some((done, _)) = &mut progress.items {
                *done += 1;
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let now = state.clone();
        drop(state);
        self.sink.report(now);
    }
}
