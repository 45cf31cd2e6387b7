//! One async function per thing a person can do, for the dashboard and the command line alike:
//! `(Aws, request, Progress, CancellationToken) -> Result`. Decides nothing about when or how it is shown.

use std::fmt;
use std::sync::Arc;

use crate::config::Connection;
use crate::domain::{Fault, Progress};

mod archive;
mod doctor;
mod grants;
mod jobs;
mod journal;
mod keys;
mod names;
mod objects;
mod opening;
mod place;
mod proof;
mod spool;

pub mod decrypt;
pub mod encrypt;
pub mod resume;
pub mod verify;

pub use crate::aws::Aws;
pub use doctor::{Check, check_up};
pub use grants::{create_grant, revoke_grant};
pub use jobs::{start_job, stop_job};
pub use keys::{cancel_key_deletion, create_key, disable_key, enable_key, schedule_key_deletion};
pub use objects::{create_bucket, delete_objects};
pub use opening::OpenOptions;
pub use place::Place;
pub use proof::{Proof, ProofMethod, prove};

/// Where an action says how far it is; it may be told as often as is convenient.
#[derive(Clone)]
pub struct ProgressSink(Arc<dyn Fn(Progress) + Send + Sync>);

impl ProgressSink {
    /// A sink that hands everything to `report`, which must not block.
    pub fn new(report: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(report))
    }

    /// Nobody is listening.
    pub fn none() -> Self {
        Self::new(|_| {})
    }

    /// It got this far.
    pub fn report(&self, progress: Progress) {
        (self.0)(progress);
    }
}

impl fmt::Debug for ProgressSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProgressSink")
    }
}

/// Decides how to reach AWS; asks nothing over the network.
pub async fn connect(connection: &Connection) -> Result<Aws, Fault> {
    Aws::connect(connection).await
}
