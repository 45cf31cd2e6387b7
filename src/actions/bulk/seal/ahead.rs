//! The KMS keys of a run, as a look ahead asks about them: each once an encryption context, when the first object would need it, as the
//! run itself would.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::aws::again::again;
use crate::aws::{Aws, kms};
use crate::domain::Fault;
use crate::envelope::Metadata;

type Context = BTreeMap<String, String>;
type Cell = Arc<OnceCell<Result<(), Fault>>>;

/// What was answered of a KMS key under a context.
#[derive(Default)]
struct Answers(Mutex<BTreeMap<(String, Context), Cell>>);

impl Answers {
    async fn of<F: Future<Output = Result<(), Fault>>>(
        &self,
        key: &str,
        context: &Context,
        ask: impl Fn() -> F,
    ) -> Result<(), Fault> {
        let cell = {
            let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry((key.to_owned(), context.clone())).or_default())
        };
        cell.get_or_init(|| again(&ask)).await.clone()
    }
}

/// Whether data keys can be made under the KMS keys of a run, and those of its tokens be opened.
pub(in crate::actions::bulk) struct Ahead<'a> {
    aws: &'a Aws,
    /// None where each object keeps its own.
    key: Option<&'a str>,
    making: Answers,
    opening: Answers,
}

impl<'a> Ahead<'a> {
    pub(in crate::actions::bulk) fn new(aws: &'a Aws, key: Option<&'a str>) -> Self {
        Self {
            aws,
            key,
            making: Answers::default(),
            opening: Answers::default(),
        }
    }

    /// Asks whether one can be made with this context under the key that is named.
    ///
    /// # Errors
    /// When the run could make none: no other object could be sealed either.
    pub(in crate::actions::bulk) async fn ask(&self, context: &Context) -> Result<(), Fault> {
        match self.key {
            Some(key) => self.make(key, context).await,
            None => Ok(()),
        }
    }

    /// Asks whether a token's data key can be opened, and where no key is named, one be made with this context under its own.
    ///
    /// # Errors
    /// When not: tokens under other keys may be sealed all the same.
    pub(in crate::actions::bulk) async fn ask_of(&self, token: &Metadata, context: &Context) -> Result<(), Fault> {
        let (key, own) = (token.kms_key_id.as_str(), &token.context);
        let ciphertext = token.data_key.as_deref();
        let opens = || kms::may_unwrap_data_key(self.aws, ciphertext, key, own);
        self.opening.of(key, own, opens).await?;
        match self.key {
            Some(_) => Ok(()),
            None => self.make(key, context).await,
        }
    }

    async fn make(&self, key: &str, context: &Context) -> Result<(), Fault> {
        let makes = || kms::may_generate_data_key(self.aws, key, context);
        self.making.of(key, context, makes).await
    }

    /// Why none can be made under the key that is named, if that was answered.
    pub(in crate::actions::bulk) fn refused(self) -> Option<Fault> {
        self.key?;
        let cells = self.making.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        cells.into_values().find_map(|cell| cell.get()?.clone().err())
    }
}
