//! One token on its way to S3, and what is asked about it there.
//!
//! The metadata's MAC covers the random IV: an object that bears it is the token made here, whoever sent it. That is how
//! a lost answer is told from a name that was taken.

use std::collections::BTreeMap;
use std::io;

use super::taken;
use crate::actions::upload_journal::Journal;
use crate::aws::again::Pause;
use crate::aws::transfer::{Multipart, Part, Replaces, Stored};
use crate::aws::{Aws, transfer};
use crate::domain::{Fault, FaultKind, Location};

/// One token on its way.
pub(in crate::actions) struct Going<'a> {
    pub(in crate::actions) bucket: &'a str,
    pub(in crate::actions) key: &'a str,
    pub(in crate::actions) name: &'a str,
    pub(in crate::actions) metadata: BTreeMap<String, String>,
    pub(in crate::actions) token_bytes: u64,
    pub(in crate::actions) replaces: Replaces,
    pub(in crate::actions) journal: Option<&'a Journal>,
}

/// Whether the object is this very token; an answer to it may have been lost.
pub(in crate::actions) enum Seen {
    /// It is, as it was stored.
    There(Stored),
    /// It is another one, or there is none.
    NotThere,
    /// The caller may not look.
    Hidden,
}

impl Going<'_> {
    pub(in crate::actions) async fn look(&self, aws: &Aws) -> Result<Seen, Fault> {
        let head = match transfer::find(aws, self.bucket, self.key).await {
            Err(fault) if fault.kind == FaultKind::Denied => return Ok(Seen::Hidden),
            head => head?,
        };
        let mac = |map: &BTreeMap<String, String>| map.get("strongroom-mac").cloned();
        Ok(match head {
            Some(head) if head.length == self.token_bytes && mac(&head.metadata) == mac(&self.metadata) => {
                Seen::There(Stored {
                    etag: head.unquoted_etag(),
                    version: head.version,
                })
            }
            _ => Seen::NotThere,
        })
    }

    /// An error inside a 200, an answer lost after the object was made, a moment of congestion: after every failure it is
    /// looked whether the object is there.
    pub(in crate::actions) async fn complete(
        &self,
        aws: &Aws,
        upload: &Multipart,
        parts: &[Part],
    ) -> Result<Stored, Fault> {
        let mut pause = Pause::default();
        self.note(|journal| journal.completing(self.key));
        loop {
            let fault = match transfer::complete_stored(aws, upload, parts, &self.replaces).await {
                Ok(stored) => return Ok(stored),
                Err(fault) => fault,
            };
            let seen = self.look(aws).await?;
            if let Seen::There(stored) = seen {
                return Ok(stored);
            }
            let passes = fault.is_transient() || fault.code.as_deref() == Some("ConditionalRequestConflict");
            if !passes || !pause.wait().await {
                return Err(self.unless_replaced(fault, matches!(seen, Seen::Hidden)));
            }
        }
    }

    /// Says of a refused condition what it means; `is_hidden` to a caller who may not look.
    pub(in crate::actions) fn unless_replaced(&self, mut fault: Fault, is_hidden: bool) -> Fault {
        let is_refused = fault.kind == FaultKind::Conflict || fault.code.as_deref() == Some("NoSuchKey");
        if is_refused && matches!(self.replaces, Replaces::This(_)) {
            "it is another object since it was looked at, or gone".clone_into(&mut fault.cause);
            "nothing was replaced; look at it, and try again".clone_into(&mut fault.remedy);
        }
        if matches!(self.replaces, Replaces::Nothing) && fault.code.as_deref() == Some("PreconditionFailed") {
            if is_hidden {
                "it exists already, and you may not look at it, without which nothing is replaced"
                    .clone_into(&mut fault.cause);
                "choose another name, or have s3:GetObject on it allowed and give --overwrite"
                    .clone_into(&mut fault.remedy);
            } else {
                return taken(&Location::s3(self.bucket.to_owned(), self.key.to_owned()));
            }
        }
        fault
    }

    pub(in crate::actions) fn upload(&self, id: String) -> Multipart {
        Multipart {
            bucket: self.bucket.to_owned(),
            key: self.key.to_owned(),
            id,
        }
    }

    /// A journal that cannot be written costs the resumption, not the upload.
    pub(in crate::actions) fn note(&self, write: impl FnOnce(&Journal) -> io::Result<()>) {
        if let Some(Err(error)) = self.journal.map(write) {
            tracing::warn!(%error, "could not write the journal of an upload");
        }
    }
}
