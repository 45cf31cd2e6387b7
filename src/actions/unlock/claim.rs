//! What an object says of itself, and what its place is worth, before its data key is unwrapped.

use std::collections::BTreeMap;

use super::OpenOptions;
use crate::actions::faults::fault_of;
use crate::aws::s3;
use crate::domain::bond::{Contradiction, Declared, Standing, Survey, Written};
use crate::domain::{Bond, Fault, WayOut};
use crate::envelope::{EnvelopeError, Metadata};

/// An object and the metadata that it bears: nothing of it is proved yet.
pub(in crate::actions) struct Claim {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) metadata: Option<Box<Metadata>>,
}

/// What an object is opened among.
#[derive(Clone, Copy)]
pub(in crate::actions) enum Among<'a> {
    /// Nothing: it was named by its key.
    Nothing,
    /// All of a prefix.
    Prefix {
        prefix: &'a str,
        /// What all of them said.
        survey: &'a Survey,
    },
}

/// What user metadata say of a token; nothing if they are of none.
pub(in crate::actions) fn metadata_of<'a>(
    metadata: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<Option<Metadata>, EnvelopeError> {
    let pairs = metadata.into_iter();
    Metadata::from_map(pairs.map(|(name, value)| (name.as_str(), value.as_str())))
}

impl Claim {
    /// Reads what an object says.
    ///
    /// # Errors
    /// When it means nothing.
    pub(in crate::actions) fn read<'a>(
        bucket: &str,
        key: &str,
        metadata: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Result<Self, Fault> {
        let metadata =
            metadata_of(metadata).map_err(|error| fault_of("read the metadata of", s3::uri(bucket, key), &error))?;
        Ok(Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            metadata: metadata.map(Box::new),
        })
    }

    /// What [`Claim::bond`] takes of it.
    pub(in crate::actions) fn of_place(&self) -> Self {
        let metadata = self.metadata.as_deref().map(|metadata| Metadata {
            kms_key_id: String::new(),
            data_key: None,
            data_key_object: None,
            context: BTreeMap::new(),
            name: metadata.name.clone(),
            prefix: metadata.prefix.clone(),
            ..*metadata
        });
        Self {
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            metadata: metadata.map(Box::new),
        }
    }

    /// What it says, if it says anything.
    pub(in crate::actions) fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_deref()
    }

    /// How it stands, if it says where it was put.
    pub(in crate::actions) fn standing(&self) -> Option<Standing> {
        Some(written(self.metadata.as_deref()?).at(&self.key))
    }

    /// Whether only all others of its prefix tell what it is worth.
    pub(in crate::actions) fn waits(&self, options: &OpenOptions) -> bool {
        let is_open = options.moved_from.is_none() && !options.require_bound;
        is_open && matches!(self.standing(), Some(Standing::Moved(_)))
    }

    /// What will be proved of its place if it opens.
    ///
    /// # Errors
    /// When it may not be opened where it stands.
    pub(in crate::actions) fn bond(&self, options: &OpenOptions, among: Among<'_>) -> Result<Bond, Fault> {
        let judged = match self.metadata.as_deref() {
            Some(metadata) => self.judged(&written(metadata), options, among),
            None if options.require_bound => Err(self.refused(
                "its name and metadata are not proved".to_owned(),
                "without --require-bound it opens, its name unproved",
            )),
            None => Ok(Bond::Unbound),
        };
        match judged {
            Err(_) if options.accept_name && !options.require_bound => Ok(Bond::Unbound),
            judged => judged,
        }
    }

    fn judged(&self, written: &Written<'_>, options: &OpenOptions, among: Among<'_>) -> Result<Bond, Fault> {
        let moved = Bond::Moved { from: written.told() };
        match (written.at(&self.key), &options.moved_from) {
            (Standing::InPlace, _) => Ok(Bond::Bound),
            (Standing::Moved(_) | Standing::Unrecorded | Standing::Renamed, Some(given)) => {
                let to = match among {
                    Among::Nothing => None,
                    Among::Prefix { prefix, .. } => Some(prefix),
                };
                let declared = Declared::new(given, to);
                if declared.explains(written, &self.key) {
                    return Ok(moved);
                }
                let cause = format!(
                    "it was put at {}, which a move from `{}` does not explain",
                    written.told(),
                    declared.from()
                );
                Err(self.refused(
                    cause,
                    "check the prefix that you named, and that you open the one that it became",
                ))
            }
            (Standing::Renamed, None) => {
                let cause = format!("it was put at {}: it was renamed or swapped", written.told());
                let refused = self.refused(cause, "");
                // What was moved out of a folder of its upload has kept the last part of its name.
                let refused = if written.is_alike(&self.key) {
                    refused.by(WayOut::DeclareMove)
                } else {
                    refused
                };
                Err(refused.by(WayOut::AcceptName))
            }
            (Standing::Moved(_) | Standing::Unrecorded, None) if options.require_bound => {
                let cause = format!("it was put at {}, so it is not bound to this place", written.told());
                Err(self.refused(cause, "").by(WayOut::DeclareMove))
            }
            (Standing::Unrecorded, None) => Ok(moved),
            (Standing::Moved(found), None) => match among {
                Among::Nothing => Ok(moved),
                Among::Prefix { survey, .. } => match survey.explained_by(&found) {
                    Ok(()) => Ok(moved),
                    Err(contradiction) => Err(self.contradicted(written, &contradiction)),
                },
            },
        }
    }

    fn contradicted(&self, written: &Written<'_>, contradiction: &Contradiction) -> Fault {
        let cause = format!(
            "it was put at {}, and {contradiction}: they were not moved together, so it may have been copied or swapped",
            written.told()
        );
        let refused = self.refused(cause, "");
        refused.by(WayOut::DeclareMove).by(WayOut::AcceptName)
    }

    fn refused(&self, cause: String, remedy: &str) -> Fault {
        let uri = s3::uri(&self.bucket, &self.key);
        Fault::integrity("open", uri, cause, remedy)
    }
}

/// Where metadata says that its object was put.
fn written(metadata: &Metadata) -> Written<'_> {
    Written {
        prefix: metadata.prefix.as_deref(),
        name: &metadata.name,
    }
}
