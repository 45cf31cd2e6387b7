//! What an object says of its data key: by its head alone, unless that says nothing of what it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::super::data_keys::DataKeys;
use super::Run;
use crate::actions::encrypted_data_key::MAX_DATA_KEY;
use crate::actions::unlock::metadata_of;
use crate::aws::again::again;
use crate::aws::{s3, transfer};
use crate::domain::audit::Kind;
use crate::domain::rewrap::{KEPT, RewrapRow, Rewrapped};
use crate::domain::{Fault, FaultKind};
use crate::envelope::Metadata;

/// An encrypted data key, and what KMS wants to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Wrapped {
    /// C.
    pub(super) ciphertext: Vec<u8>,
    /// ARN of the KMS key, as the object says.
    pub(super) kms_key_id: String,
    pub(super) context: BTreeMap<String, String>,
}

impl Wrapped {
    /// Whether what an object says of its data key is this; `key_objects` hold it too.
    pub(super) fn is_named_by(&self, metadata: &Metadata, key_objects: &BTreeSet<String>) -> bool {
        let is_same = match &metadata.data_key {
            Some(own) => *own == self.ciphertext,
            None => {
                let object = metadata.data_key_object.as_ref();
                object.is_some_and(|name| key_objects.contains(name))
            }
        };
        is_same && metadata.kms_key_id == self.kms_key_id && metadata.context == self.context
    }
}

/// What one look told.
pub(super) enum Found {
    /// It is gone by now.
    Gone(String),
    /// It is no token.
    Other,
    /// Nothing is done to it, and why is told.
    Row(RewrapRow),
    /// A token to re-wrap.
    Token {
        key: String,
        size: u64,
        wrapped: Wrapped,
        key_object: Option<String>,
    },
}

type Cell = Arc<OnceCell<Vec<u8>>>;

pub(super) struct Scan<'a> {
    run: &'a Run<'a>,
    /// What is in key objects, where tokens carry no data key of their own.
    read: Mutex<HashMap<String, Cell>>,
    /// What is in them beside tokens that do.
    held: DataKeys,
    /// Tokens whose key object holds another data key than their metadata, with its URI.
    differing: Mutex<BTreeMap<String, String>>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(run: &'a Run<'a>) -> Self {
        Self {
            run,
            read: Mutex::default(),
            held: DataKeys::new(run.bucket()),
            differing: Mutex::default(),
        }
    }

    /// Tokens whose key object holds another data key than their metadata, with its URI.
    pub(super) fn differing(self) -> BTreeMap<String, String> {
        self.differing.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a token whose key object holds another data key than its metadata; of one that cannot be read nothing is known.
    async fn hold(&self, key: &str, metadata: &Metadata) {
        let (Some(own), Some(name)) = (&metadata.data_key, &metadata.data_key_object) else {
            return;
        };
        if let Ok(false) = self.held.holds(self.run.aws, name, own).await {
            let uri = s3::uri(self.run.bucket(), name);
            let mut differing = self.differing.lock().unwrap_or_else(PoisonError::into_inner);
            if differing.len() < KEPT {
                differing.insert(key.to_owned(), uri);
            }
        }
    }

    pub(super) async fn look(&self, key: String) -> Found {
        match self.found(&key).await {
            Ok(found) => found,
            Err(fault) if fault.kind == FaultKind::NotFound => Found::Gone(key),
            Err(fault) => {
                let refused = fault.kind == FaultKind::Invalid || fault.kind == FaultKind::Integrity;
                let state = if refused { Rewrapped::Refused } else { Rewrapped::Failed };
                Found::Row(RewrapRow {
                    key,
                    size: 0,
                    state,
                    why: Some(fault.to_string()),
                })
            }
        }
    }

    async fn found(&self, key: &str) -> Result<Found, Fault> {
        let run = self.run;
        let head = transfer::head(run.aws, run.bucket(), key).await?;
        let row = |state, why: Option<String>| {
            Found::Row(RewrapRow {
                key: key.to_owned(),
                size: head.length,
                state,
                why,
            })
        };
        let metadata = match metadata_of(&head.metadata) {
            Ok(Some(metadata)) => metadata,
            Ok(None) => {
                let why = self.why_untold(key, head.length).await?;
                return Ok(why.map_or(Found::Other, |why| row(Rewrapped::Refused, Some(why.to_owned()))));
            }
            Err(error) => {
                return Ok(row(
                    Rewrapped::Refused,
                    Some(format!("its metadata means nothing: {error}")),
                ));
            }
        };
        self.hold(key, &metadata).await;
        if run.is_there(&metadata) {
            return Ok(row(Rewrapped::Already, None));
        }
        if run.mode.is_plan {
            let is_in_parts = head.length > run.mode.largest_copy;
            s3::original(run.aws, run.bucket(), key, run.keeps().await?, is_in_parts).await?;
        }
        let ciphertext = match (&metadata.data_key, &metadata.data_key_object) {
            (Some(ciphertext), _) => ciphertext.clone(),
            (None, Some(name)) => match self.key_object(name).await {
                Err(fault) if fault.kind == FaultKind::NotFound => {
                    let name = s3::uri(run.bucket(), name);
                    let why = format!("its data key is in {name}, and that is not there");
                    return Ok(row(Rewrapped::Refused, Some(why)));
                }
                read => read?,
            },
            (None, None) => return Ok(row(Rewrapped::Refused, Some("it names no data key".to_owned()))),
        };
        Ok(Found::Token {
            key: key.to_owned(),
            size: head.length,
            wrapped: Wrapped {
                ciphertext,
                kms_key_id: metadata.kms_key_id,
                context: metadata.context,
            },
            key_object: metadata.data_key_object,
        })
    }

    /// Why something without our metadata is not re-wrapped, if it needs a data key at all.
    async fn why_untold(&self, key: &str, size: u64) -> Result<Option<&'static str>, Fault> {
        if size == 0 || key.starts_with(".strongroom/") || key.contains("/.strongroom/") {
            return Ok(None);
        }
        let bucket = self.run.bucket();
        let look = || {
            s3::glance(
                self.run.aws,
                s3::At {
                    bucket,
                    key,
                    version: None,
                    size,
                },
            )
        };
        let glance = again(look).await?;
        let told = glance.told(key);
        Ok(match told.kind {
            Kind::Fernet => Some(
                "it has no strongroom metadata: its data key is found by convention only, or in a bundle, where another one would not \
                 be found; encrypt it anew",
            ),
            Kind::ArchiveOfTokens => Some(
                "its tokens' data key is in the bundle inside of it, which nothing changes in place; rotate it instead",
            ),
            Kind::Bound | Kind::Moved | Kind::Unbound => Some("its metadata says too little of its data key"),
            Kind::S3EncryptionClient(_)
            | Kind::InstructionFile
            | Kind::AwsEncryptionSdk
            | Kind::Archive
            | Kind::KeyObject
            | Kind::SseC
            | Kind::SseKmsDsse
            | Kind::SseKms
            | Kind::SseS3
            | Kind::Plain
            | Kind::Record
            | Kind::Program
            | Kind::Empty
            | Kind::DeleteMarker
            | Kind::Unread => None,
        })
    }

    async fn key_object(&self, name: &str) -> Result<Vec<u8>, Fault> {
        let cell = {
            let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(read.entry(name.to_owned()).or_default())
        };
        let ask = || again(|| s3::read_small(self.run.aws, self.run.bucket(), name, MAX_DATA_KEY));
        Ok(cell.get_or_try_init(ask).await?.clone())
    }
}
