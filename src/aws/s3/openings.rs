//! Objects that were opened, so that a look before a job and its start ask for each of them once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::opening;
use crate::aws::Aws;
use crate::domain::{Fault, ObjectInfo};

/// So many are kept; each is some 2 KiB.
const MOST: usize = 20_000;
/// What was written later than so long before it was looked at may have been written again within the same second, which is all
/// that a list tells of time.
const SETTLED: SignedDuration = SignedDuration::from_secs(2);

/// What an object is, and its first bytes.
pub(crate) type Opening = (ObjectInfo, Vec<u8>);

/// An object as a list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) etag: String,
    pub(crate) size: u64,
    /// Metadata that is written anew leaves the ETag as it is, and not this.
    pub(crate) modified: Timestamp,
}

/// By bucket and key.
type Known = HashMap<(String, String), (Stamp, Arc<Opening>)>;

/// Of one connection, and so of one caller.
#[derive(Default)]
pub(in crate::aws) struct Openings(Mutex<Known>);

impl Openings {
    fn known(&self, place: &(String, String), stamp: &Stamp) -> Option<Arc<Opening>> {
        let all = self.all();
        let (of, opening) = all.get(place)?;
        (of == stamp).then(|| Arc::clone(opening))
    }

    fn keep(&self, place: (String, String), stamp: Stamp, opening: &Arc<Opening>) {
        let mut all = self.all();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(place, (stamp, Arc::clone(opening)));
    }

    fn all(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// [`opening`] of an object that a list has just told of: one that was opened as it stands there is not asked for again.
pub(crate) async fn opening_of_listed(
    aws: &Aws,
    bucket: &str,
    key: &str,
    stamp: Option<Stamp>,
) -> Result<Arc<Opening>, Fault> {
    let settled = Timestamp::now() - SETTLED;
    let Some(stamp) = stamp.filter(|stamp| stamp.modified < settled) else {
        return opening(aws, bucket, key).await.map(Arc::new);
    };
    let place = (bucket.to_owned(), key.to_owned());
    if let Some(known) = aws.openings().known(&place, &stamp) {
        return Ok(known);
    }
    let opening = Arc::new(opening(aws, bucket, key).await?);
    aws.openings().keep(place, stamp, &opening);
    Ok(opening)
}
