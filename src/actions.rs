//! One async function per thing a person can do, for the dashboard and the command line alike:
//! `(Aws, request, Progress, CancellationToken) -> Result`. Decides nothing about when or how it is shown.

mod archive;
pub mod decrypt;
pub mod encrypt;
mod opening;
mod place;
mod spool;
pub mod verify;

use std::fmt;
use std::sync::Arc;

use crate::aws::Aws;
use crate::config::Connection;
use crate::domain::{Fault, Progress};

pub use opening::OpenOptions;
pub use place::Place;

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
