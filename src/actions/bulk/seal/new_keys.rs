//! The data keys of a run: one for each KMS key and encryption context, made when the first object needs it. C is put where it
//! belongs before any token is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::journal::{KeyLine, Rotation};
use crate::actions::encrypt::data_key::{data_key_place, places, put_at_first, put_data_key};
use crate::actions::encrypt::{Destination, EncryptRequest};
use crate::actions::faults::fault_of;
use crate::aws::again::again;
use crate::aws::{Aws, kms, s3};
use crate::domain::{Fault, FaultKind, Location, ObjectUri};
use crate::envelope::DataKey;

type Context = BTreeMap<String, String>;

/// What came of making one: asked for once, whatever came of it.
type Cell = Arc<OnceCell<Result<Arc<NewKey>, Fault>>>;

/// A new data key.
pub(in crate::actions::bulk) struct NewKey {
    pub(super) data_key: Arc<DataKey>,
    pub(super) ciphertext: Vec<u8>,
    pub(in crate::actions::bulk) kms_key_arn: String,
    pub(super) context: Context,
    /// Its key object, in the bucket of the tokens.
    pub(in crate::actions::bulk) object: String,
    /// Whether an earlier run made it.
    is_old: bool,
    made: AtomicU64,
    unheard: AtomicU64,
}

impl NewKey {
    /// One more token is under it.
    pub(super) fn made(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    /// One more token may be.
    pub(in crate::actions::bulk) fn may_be_made(&self) {
        self.unheard.fetch_add(1, Ordering::Relaxed);
    }
}

/// The data keys of a run.
pub(in crate::actions::bulk) struct NewKeys {
    request: EncryptRequest,
    cells: Mutex<BTreeMap<(String, Context), Cell>>,
    journal: Option<Rotation>,
    /// What the names of key objects begin with, where they are to tell of an act.
    stem: Option<String>,
}

impl NewKeys {
    /// For tokens at this place.
    pub(in crate::actions::bulk) fn new(to: &ObjectUri, name: Option<&str>, journal: Option<Rotation>) -> Self {
        Self {
            request: EncryptRequest {
                paths: Vec::<PathBuf>::new(),
                destination: Destination::Location(Location::S3(to.clone())),
                key: String::new(),
                context: Context::new(),
                data_key_name: name.map(str::to_owned),
                data_key_out: None,
                overwrite: false,
                resume: false,
            },
            cells: Mutex::default(),
            journal,
            stem: None,
        }
    }

    /// The same, of an act of many hosts: its key objects are called after it.
    pub(in crate::actions::bulk) fn of_part(self, stem: Option<String>) -> Self {
        Self { stem, ..self }
    }

    /// Key objects of data keys that an earlier run made.
    pub(in crate::actions::bulk) fn known(&self) -> BTreeSet<String> {
        let lines = self.journal.iter().flat_map(Rotation::keys);
        lines.map(|line| line.object).collect()
    }

    /// When the run that is gone on with was begun.
    pub(in crate::actions::bulk) fn resumed(&self) -> Option<jiff::Timestamp> {
        self.journal.as_ref().and_then(Rotation::resumed)
    }

    /// The data key under this KMS key, with this context.
    pub(in crate::actions::bulk) async fn of(
        &self,
        aws: &Aws,
        key: &str,
        context: &Context,
    ) -> Result<Arc<NewKey>, Fault> {
        let cell = {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry((key.to_owned(), context.clone())).or_default())
        };
        cell.get_or_init(|| self.get(aws, key, context)).await.clone()
    }

    /// Whether one could not be had.
    pub(in crate::actions::bulk) fn has_failed(&self) -> bool {
        let cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.values().any(|cell| cell.get().is_some_and(Result::is_err))
    }

    async fn get(&self, aws: &Aws, key: &str, context: &Context) -> Result<Arc<NewKey>, Fault> {
        let known = self.journal.iter().flat_map(Rotation::keys);
        let known = known
            .into_iter()
            .find(|line| line.asked == key && line.context == *context);
        if let Some(line) = known
            && let Some(kept) = self.kept(aws, line).await?
        {
            return Ok(Arc::new(kept));
        }
        self.make(aws, key, context).await.map(Arc::new)
    }

    /// One that an earlier run made; `None` if it cannot be had any more.
    async fn kept(&self, aws: &Aws, line: KeyLine) -> Result<Option<NewKey>, Fault> {
        let act = || kms::decrypt_data_key(aws, &line.ciphertext, Some(&line.kms_key_arn), &line.context, &[]);
        let unwrapped = match again(act).await {
            Ok(unwrapped) => unwrapped,
            Err(fault) if fault.may_go_on() || fault.kind == FaultKind::Denied => return Err(fault),
            Err(_) => return Ok(None),
        };
        let Ok(data_key) = DataKey::from_plaintext(&unwrapped.plaintext) else {
            return Ok(None);
        };
        let wrapped = (&*line.ciphertext, &*line.kms_key_arn);
        match put_data_key(aws, self.bucket(), &line.object, wrapped, &[]).await {
            // A name of our own making is nobody else's, and not every caller may read what is there.
            Err(fault) if fault.kind != FaultKind::Conflict => return Err(fault),
            Ok(()) | Err(_) => {}
        }
        Ok(Some(NewKey {
            data_key: Arc::new(data_key),
            ciphertext: line.ciphertext,
            kms_key_arn: line.kms_key_arn,
            context: line.context,
            object: line.object,
            is_old: true,
            made: AtomicU64::new(0),
            unheard: AtomicU64::new(0),
        }))
    }

    async fn make(&self, aws: &Aws, key: &str, context: &Context) -> Result<NewKey, Fault> {
        let made = again(|| kms::generate_data_key(aws, key, context)).await?;
        let data_key = DataKey::from_plaintext(&made.plaintext);
        let data_key = data_key.map_err(|error| fault_of("generate a data key under", key, &error))?;
        let place = data_key_place(aws, &self.request)?;
        let Location::S3(ObjectUri { key: first, .. }) = place else {
            let cause = "the encrypted data key has no place in the bucket";
            return Err(Fault::new(FaultKind::Other, "write", place.to_string(), cause, ""));
        };
        let first = match (&self.stem, first.rfind('/')) {
            (Some(stem), Some(slash)) => format!("{}{stem}-{:08x}", &first[..=slash], fastrand::u32(..)),
            _ => first,
        };
        let places = places(aws, &self.request, &first);
        let note = |object: &str| {
            let journal = self.journal.as_ref()?;
            let line = KeyLine {
                asked: key.to_owned(),
                context: context.clone(),
                kms_key_arn: made.key_arn.clone(),
                ciphertext: made.ciphertext.clone(),
                object: object.to_owned(),
            };
            journal.note(line);
            Some(object.to_owned())
        };
        let undo = |object: String| {
            if let Some(journal) = &self.journal {
                journal.forget(&object);
            }
        };
        let put = (made.ciphertext.as_slice(), made.key_arn.as_str());
        let (object, _) = put_at_first(aws, self.bucket(), &places, put, note, undo).await?;
        Ok(NewKey {
            data_key: Arc::new(data_key),
            ciphertext: made.ciphertext,
            kms_key_arn: made.key_arn,
            context: context.clone(),
            object,
            is_old: false,
            made: AtomicU64::new(0),
            unheard: AtomicU64::new(0),
        })
    }

    /// Key objects that a token was put under now, below this prefix.
    pub(in crate::actions::bulk) fn below(&self, prefix: &str) -> Vec<String> {
        let cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = cells.values().filter_map(|cell| cell.get()?.clone().ok());
        let used = keys.filter(|key| key.made.load(Ordering::Relaxed) > 0 && key.object.starts_with(prefix));
        used.map(|key| key.object.clone()).collect()
    }

    /// The run has ended: key objects that no token needs go again; what is said of those that could not. The journal goes too,
    /// unless `may_go_on`.
    pub(in crate::actions::bulk) async fn end(self, aws: &Aws, may_go_on: bool) -> Option<String> {
        let mut left = None;
        let bucket = self.bucket().to_owned();
        let cells = self.cells.into_inner().unwrap_or_else(PoisonError::into_inner);
        let keys = cells.into_values().filter_map(|cell| cell.get()?.clone().ok());
        let is_unneeded = |key: &Arc<NewKey>| {
            !key.is_old && key.made.load(Ordering::Relaxed) == 0 && key.unheard.load(Ordering::Relaxed) == 0
        };
        let unneeded: Vec<String> = keys.filter(is_unneeded).map(|key| key.object.clone()).collect();
        if !unneeded.is_empty() {
            if let Some(journal) = &self.journal {
                for object in &unneeded {
                    journal.forget(object);
                }
            }
            if let Err(fault) = s3::delete_objects(aws, &bucket, &unneeded).await {
                left = Some(format!("a key object that no token needs is left: {fault}"));
            }
        }
        if let Some(journal) = self.journal
            && (!may_go_on || journal.keys().is_empty())
        {
            journal.remove();
        }
        left
    }

    fn bucket(&self) -> &str {
        match &self.request.destination {
            Destination::Location(Location::S3(to)) => &to.bucket,
            Destination::Location(Location::Local(_)) | Destination::Stream(_) | Destination::Stdout => "",
        }
    }
}
