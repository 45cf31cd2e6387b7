//! The KMS key that a run is told to use, as a look ahead asks about it: once an encryption context, when the first object would need
//! it, as the run itself would.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::aws::again::again;
use crate::aws::{Aws, kms};
use crate::domain::Fault;

type Context = BTreeMap<String, String>;
type Cell = Arc<OnceCell<Result<(), Fault>>>;

/// Whether data keys can be made under the KMS key of a run.
pub(in crate::actions::bulk) struct Ahead<'a> {
    aws: &'a Aws,
    /// None where each object keeps its own.
    key: Option<&'a str>,
    cells: Mutex<BTreeMap<Context, Cell>>,
}

impl<'a> Ahead<'a> {
    pub(in crate::actions::bulk) fn new(aws: &'a Aws, key: Option<&'a str>) -> Self {
        Self {
            aws,
            key,
            cells: Mutex::default(),
        }
    }

    /// Asks whether one can be made with this context.
    ///
    /// # Errors
    /// When the run could make none: no other object could be sealed either.
    pub(in crate::actions::bulk) async fn ask(&self, context: &Context) -> Result<(), Fault> {
        let Some(key) = self.key else { return Ok(()) };
        let cell = {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(context.clone()).or_default())
        };
        let ask = || again(|| kms::may_generate_data_key(self.aws, key, context));
        cell.get_or_init(ask).await.clone()
    }

    /// Why one can not, if that was answered.
    pub(in crate::actions::bulk) fn refused(self) -> Option<Fault> {
        let cells = self.cells.into_inner().unwrap_or_else(PoisonError::into_inner);
        cells.into_values().find_map(|cell| cell.get()?.clone().err())
    }
}
