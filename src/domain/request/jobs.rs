//! Requests about training jobs.

use std::path::PathBuf;

use crate::domain::JobSpec;

/// A request that is about a training job.
#[derive(Debug, Clone, PartialEq)]
pub enum JobRequest {
    /// Start a training job on an encrypted object.
    Start(Box<JobSpec>),
    /// Stop a training job.
    Stop {
        /// Its name.
        name: String,
    },
    /// Write a training job's whole log into a new file.
    SaveLog {
        /// The job's name.
        job: String,
        /// The file.
        to: PathBuf,
    },
    /// Say what would fail before a training job is started.
    Preflight(Box<JobSpec>),
}
