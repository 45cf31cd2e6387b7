//! What all objects of an audit are together: in memory that does not grow with their number.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{AuditKey, AuditRow, KeyUse, Kind};
use crate::domain::Fault;
use crate::domain::bond::{Contradiction, Standing, Survey};
use crate::domain::rests_on::RestsOn;

/// KMS keys and causes that are told apart; what comes after is counted together.
const TOLD_APART: usize = 10_000;

/// So many objects, of so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Objects, or versions of them.
    pub objects: u64,
    /// Bytes stored.
    pub bytes: u64,
}

impl Tally {
    /// One more, of so many bytes.
    pub fn add(&mut self, bytes: u64) {
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// How an audit ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Ended {
    /// Everything that was listed was looked at.
    #[default]
    Whole,
    /// Somebody stopped it: what was seen by then is told.
    Stopped,
    /// The list broke off.
    BrokeOff(Box<Fault>),
}

/// The encrypted data keys that were seen, and those that were not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyObjects {
    /// Named by a token that was seen.
    pub referenced: u64,
    /// Named by nothing in the bucket, all of which was seen.
    pub orphaned: u64,
    /// Not known to be either.
    pub unknown: u64,
}

/// Why objects that were moved were not moved together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unjoined {
    /// How many were moved.
    pub moved: u64,
    /// What contradicts, in words.
    pub why: String,
}

/// What all objects of an audit are together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AuditSummary {
    /// `s3://BUCKET/PREFIX`.
    pub place: String,
    /// Whether tokens were read to their end.
    pub is_deep: bool,
    /// Whether older versions were looked at.
    pub has_versions: bool,
    /// How it ended.
    pub ended: Ended,
    /// All of them.
    pub all: Tally,
    /// By kind.
    pub kinds: BTreeMap<Kind, Tally>,
    /// By KMS key.
    pub keys: BTreeMap<String, (Arc<AuditKey>, Tally)>,
    /// Under KMS keys that were too many to be told apart.
    pub other_keys: Tally,
    /// How many have each flaw.
    pub flaws: BTreeMap<&'static str, u64>,
    /// How many have a flaw.
    pub flawed: u64,
    /// What could not be read, by cause.
    pub unread: BTreeMap<String, u64>,
    /// What was read and could not be checked in all, by what and why.
    pub unchecked: BTreeMap<String, u64>,
    /// How many could not be checked in all.
    pub unchecked_objects: u64,
    /// Whether there was nothing to look at, though older versions or delete markers are there.
    pub only_older: bool,
    /// Of a report that other machines' results were made to: what was held against what.
    pub rests_on: Option<RestsOn>,
    /// How many were gone when it was their turn.
    pub vanished: u64,
    /// Tokens that were read to their end and held.
    pub intact: u64,
    /// Encrypted data keys.
    pub key_objects: KeyObjects,
    /// Why moved objects were not moved together.
    pub unjoined: Option<Unjoined>,
    survey: Survey,
    moved_once: Option<Standing>,
}

impl AuditSummary {
    /// Of nothing so far.
    pub fn new(place: String, is_deep: bool, has_versions: bool) -> Self {
        Self {
            place,
            is_deep,
            has_versions,
            ..Self::default()
        }
    }

    /// Takes in one more.
    pub fn note(&mut self, row: &AuditRow, standing: Option<&Standing>) {
        self.all.add(row.size);
        self.kinds.entry(row.kind).or_default().add(row.size);
        if let Some(key) = &row.kms_key {
            let is_room = self.keys.len() < TOLD_APART;
            match self.keys.get_mut(&key.id) {
                Some((_, tally)) => tally.add(row.size),
                None if is_room => {
                    let mut tally = Tally::default();
                    tally.add(row.size);
                    self.keys.insert(key.id.clone(), (Arc::clone(key), tally));
                }
                None => self.other_keys.add(row.size),
            }
        }
        let mut classes: Vec<&'static str> = row.flaws.iter().map(super::Flaw::class).collect();
        classes.sort_unstable();
        classes.dedup();
        for class in &classes {
            *self.flaws.entry(class).or_default() += 1;
        }
        self.flawed += u64::from(!classes.is_empty());
        if let Some(unread) = &row.unread {
            let is_known = self.unread.contains_key(&unread.cause) || self.unread.len() < TOLD_APART;
            let cause = if is_known {
                unread.cause.as_str()
            } else {
                "other causes"
            };
            *self.unread.entry(cause.to_owned()).or_default() += 1;
        }
        for unchecked in &row.unchecked {
            let class = unchecked.class();
            let is_known = self.unchecked.contains_key(&class) || self.unchecked.len() < TOLD_APART;
            let class = if is_known { class } else { "for other causes".to_owned() };
            *self.unchecked.entry(class).or_default() += 1;
        }
        self.unchecked_objects += u64::from(!row.unchecked.is_empty());
        self.intact += u64::from(row.is_intact == Some(true));
        match row.key_use {
            Some(KeyUse::Referenced) => self.key_objects.referenced += 1,
            Some(KeyUse::Orphaned) => self.key_objects.orphaned += 1,
            Some(KeyUse::Unknown) => self.key_objects.unknown += 1,
            None => {}
        }
        if row.is_latest {
            self.survey_one(row, standing);
        }
    }

    fn survey_one(&mut self, row: &AuditRow, standing: Option<&Standing>) {
        match standing {
            Some(standing) => {
                if matches!(standing, Standing::Moved(_)) {
                    self.moved_once.get_or_insert_with(|| standing.clone());
                }
                self.survey.note(&row.key, standing);
            }
            None if row.kind == Kind::Unread => self.survey.note_unread(&row.key),
            None => {}
        }
    }

    /// Nothing more comes: whether what was moved was moved together is known now.
    pub fn close(&mut self, ended: Ended) {
        self.ended = ended;
        let Some(Standing::Moved(first)) = &self.moved_once else {
            return;
        };
        let contradicted = self.survey.explained_by(first).err();
        // What could not be read is told by itself.
        let contradicted = contradicted.filter(|why| !matches!(why, Contradiction::Unread(_)));
        self.unjoined = contradicted.map(|why| Unjoined {
            moved: self.kinds.get(&Kind::Moved).map_or(0, |tally| tally.objects),
            why: why.to_string(),
        });
    }

    /// How many could not be read.
    pub fn unread(&self) -> u64 {
        self.unread.values().sum()
    }

    /// Whether everything was looked at and could be checked, and nothing is wrong.
    pub fn is_well(&self) -> bool {
        self.flawed == 0
            && self.unread.is_empty()
            && self.unchecked.is_empty()
            && self.unjoined.is_none()
            && self.ended == Ended::Whole
    }

    /// KMS keys by the number of their objects, the most first.
    pub fn keys_by_use(&self) -> Vec<(&AuditKey, Tally)> {
        let mut keys: Vec<_> = self.keys.values().map(|(key, tally)| (key.as_ref(), *tally)).collect();
        keys.sort_by(|one, other| {
            other
                .1
                .objects
                .cmp(&one.1.objects)
                .then_with(|| one.0.id.cmp(&other.0.id))
        });
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::Flaw;
    use crate::domain::bond::Move;

    fn moved(from: &str) -> Standing {
        Standing::Moved(Move {
            from: from.to_owned(),
            to: "p/".to_owned(),
        })
    }

    fn audited(rows: &[(Kind, Option<Standing>)]) -> AuditSummary {
        let mut summary = AuditSummary::new("s3://b/p/".to_owned(), false, false);
        for (at, (kind, standing)) in rows.iter().enumerate() {
            summary.note(&AuditRow::new(format!("p/{at}"), 10, *kind), standing.as_ref());
        }
        summary.close(Ended::Whole);
        summary
    }

    #[test]
    fn moved_objects_are_wrong_only_if_they_were_not_moved_together() {
        let bound = (Kind::Bound, Some(Standing::InPlace));
        let one = (Kind::Moved, Some(moved("a/")));
        assert!(audited(&[one.clone(), one.clone()]).is_well());
        let beside = audited(&[one.clone(), bound]);
        assert_eq!(beside.unjoined.as_ref().map(|unjoined| unjoined.moved), Some(1));
        assert!(!beside.is_well());
        assert!(
            audited(&[one.clone(), (Kind::Moved, Some(moved("b/")))])
                .unjoined
                .is_some()
        );
        assert!(
            audited(&[one, (Kind::Unread, None)]).unjoined.is_none(),
            "it is told as unread"
        );
    }

    #[test]
    fn an_object_with_two_flaws_of_one_class_counts_once() {
        let mut summary = AuditSummary::new(String::new(), false, false);
        let mut row = AuditRow::new("k".to_owned(), 1, Kind::S3EncryptionClient(2));
        row.flaws = vec![Flaw::Lacks("x-amz-iv"), Flaw::Lacks("x-amz-cek-alg"), Flaw::NoToken];
        summary.note(&row, None);
        assert_eq!(summary.flawed, 1);
        assert_eq!(summary.flaws.values().copied().collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn a_part_is_never_well() {
        let mut part = audited(&[(Kind::Bound, Some(Standing::InPlace))]);
        assert!(part.is_well());
        part.close(Ended::Stopped);
        assert!(!part.is_well());
    }
}
