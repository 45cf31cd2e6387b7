//! The losses of jobs whose logs were read, for their rows: whichever log was read tells it, and none is read for it.

use std::collections::BTreeMap;

use super::format::sparkline;
use super::job_log::Log;

/// Jobs whose losses are kept.
const KEPT: usize = 256;
/// Cells of a curve.
const CELLS: usize = 10;

/// How the loss of a job went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// As a sparkline.
    pub curve: String,
    /// The last epoch that was printed, if epochs were.
    pub epoch: Option<u64>,
}

/// The losses of jobs, by their ids.
#[derive(Debug, Default)]
pub(super) struct Losses(BTreeMap<String, Loss>);

impl Losses {
    pub(super) fn of(&self, job: &str) -> Option<&Loss> {
        self.0.get(job)
    }

    /// What a log that was read says of it.
    pub(super) fn read(&mut self, log: &Log) {
        let Some((name, series)) = log.curve() else { return };
        let is_new = !self.0.contains_key(&log.job);
        if !name.to_ascii_lowercase().contains("loss") || is_new && self.0.len() >= KEPT {
            return;
        }
        let values: Vec<f64> = series.points.iter().map(|(_, value)| *value).collect();
        let last = series.points.last().filter(|_| series.step == "epoch");
        let epoch = last.map(|(epoch, _)| *epoch).filter(|epoch| (0.0..1e9).contains(epoch));
        let loss = Loss {
            curve: sparkline(&values, CELLS),
            epoch: epoch.map(|epoch| epoch as u64),
        };
        self.0.insert(log.job.clone(), loss);
    }
}
