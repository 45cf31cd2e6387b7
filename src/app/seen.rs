//! What was read here to its end, and what came of it: kept for the session, for the object with this ETag. All else that
//! the panes show of an object is what the object says of itself.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use crate::domain::{Bond, ObjectRow};

/// An object that was read here to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// What came of it.
    pub result: ReadResult,
    etag: String,
    /// When the object that is listed was written: a new head does not always make a new ETag.
    written: Option<Timestamp>,
}

/// What reading an object told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadResult {
    /// It is an intact token under this KMS key, as far as it is known, and this is proved of its place.
    Verified {
        /// What is proved of its place.
        bond: Bond,
        /// The KMS key that unwrapped its data key.
        kms_key_arn: Option<String>,
    },
    /// It is none; why.
    Refuted(String),
}

/// By bucket and key; the number is another one whenever something of it may be.
#[derive(Debug, Default)]
pub(super) struct AllSeen(BTreeMap<(String, String), Seen>, u64);

impl AllSeen {
    /// Another number for other readings.
    pub(super) fn revision(&self) -> u64 {
        self.1
    }

    /// What reading the object told that is listed so.
    pub(super) fn of(&self, bucket: &str, row: &ObjectRow) -> Option<&Seen> {
        let seen = self.0.get(&(bucket.to_owned(), row.key().to_owned()))?;
        seen.is_of(row).then_some(seen)
    }

    /// These rows are listed now: what is another object by now was not read.
    pub(super) fn listed(&mut self, bucket: &str, rows: &[ObjectRow]) {
        if self.0.is_empty() {
            return;
        }
        for row in rows {
            let place = (bucket.to_owned(), row.key().to_owned());
            if self.0.get(&place).is_some_and(|seen| !seen.is_of(row)) {
                self.0.remove(&place);
                self.1 += 1;
            }
        }
    }

    /// These rows are all that there is at a place: what is not among them is gone.
    pub(super) fn all_listed(&mut self, place: (&str, &str), rows: &[ObjectRow]) {
        if self.0.is_empty() {
            return;
        }
        self.listed(place.0, rows);
        let is_at = |key: &str| key.strip_prefix(place.1).is_some_and(|name| !name.contains('/'));
        self.1 += 1;
        let listed: HashSet<&str> = rows.iter().map(ObjectRow::key).collect();
        self.0
            .retain(|(bucket, key), _| bucket != place.0 || !is_at(key) || listed.contains(key.as_str()));
    }

    /// An object was read to its end; `listed` are the rows of its bucket.
    pub(super) fn remember(
        &mut self,
        place: (&str, &str),
        etag: &str,
        result: ReadResult,
        at: Timestamp,
        listed: &[ObjectRow],
    ) {
        let written = listed.iter().find_map(|row| match row {
            ObjectRow::Object {
                key,
                etag: Some(same),
                modified,
                ..
            } if key == place.1 && same == etag => *modified,
            ObjectRow::Object { .. } | ObjectRow::Prefix { .. } => None,
        });
        let seen = Seen {
            at,
            result,
            etag: etag.to_owned(),
            written,
        };
        self.1 += 1;
        self.0.insert((place.0.to_owned(), place.1.to_owned()), seen);
    }

    /// These objects are gone.
    pub(super) fn gone(&mut self, bucket: &str, is_gone: impl Fn(&str) -> bool) {
        self.1 += 1;
        self.0.retain(|(of, key), _| of != bucket || !is_gone(key));
    }
}

impl Seen {
    fn is_of(&self, row: &ObjectRow) -> bool {
        match row {
            ObjectRow::Object { etag, modified, .. } => {
                etag.as_ref() == Some(&self.etag) && (self.written.is_none() || is_same_time(self.written, *modified))
            }
            ObjectRow::Prefix { .. } => false,
        }
    }
}

/// A head tells whole seconds, a list may tell more.
pub(super) fn is_same_time(a: Option<Timestamp>, b: Option<Timestamp>) -> bool {
    a.map(Timestamp::as_second) == b.map(Timestamp::as_second)
}
