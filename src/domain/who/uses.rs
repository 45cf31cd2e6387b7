//! Who did: events of a key, counted by who, what, with which encryption context, from where, and what KMS answered.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::Fault;
use crate::domain::proof::SESSION;
use crate::domain::worded::worded;

/// Rows that are told apart; further ones are counted together.
const MOST: usize = 2000;

/// One event of the history of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// When.
    pub at: Timestamp,
    /// Its id.
    pub id: String,
    /// Who called.
    pub by: UsedBy,
    /// The session's name, of a role.
    pub session: Option<String>,
    /// What was called: `Decrypt`.
    pub operation: String,
    /// The encryption context, where there was one: names and values.
    pub context: Vec<(String, String)>,
    /// The address that it came from, or the AWS service that called in the caller's name.
    pub from: String,
    /// What called, as it says itself.
    pub agent: String,
    /// What KMS answered.
    pub answer: Answer,
}

/// What KMS answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// It was done.
    Done,
    /// A `DryRun` that would have been done: KMS says yes by this error, and does nothing.
    DryRun,
    /// The name of the error: it was refused, or failed.
    Refused(String),
}

impl Answer {
    const DRY_RUN: &str = "DryRunOperationException";

    /// By the name of the error, if there is one.
    pub fn of(error: Option<&str>) -> Self {
        match error {
            None => Self::Done,
            Some(Self::DRY_RUN) => Self::DryRun,
            Some(error) => Self::Refused(error.to_owned()),
        }
    }

    /// The name of the error, as CloudTrail has it.
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::DryRun => Some(Self::DRY_RUN),
            Self::Refused(error) => Some(error),
        }
    }

    /// Why KMS said no, where it did.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Done | Self::DryRun => None,
        }
    }

    /// The word that `--json` uses.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "allowed",
            Self::DryRun => "allowed (dry run)",
            Self::Refused(_) => "refused",
        }
    }
}

/// Who used a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsedBy {
    /// What it is.
    pub kind: UserKind,
    /// ARN of the user or role (of a session: its role), the account's id, or the service's name.
    pub name: String,
}

worded! {
    /// What a user of a key is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub enum UserKind: "The word that `--json` uses." {
        /// An IAM user.
        User = "user",
        /// A role, through a session.
        Role = "role",
        /// The root of an account.
        Root = "root",
        /// Somebody of another account, of whom CloudTrail tells no more.
        Account = "account",
        /// An AWS service for itself.
        Service = "service",
        /// Something else: a federated user.
        Other = "other",
    }
}

/// Events that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UseRow {
    /// Who called.
    pub by: UsedBy,
    /// The session's name of the newest, of a role.
    pub session: Option<String>,
    /// What was called.
    pub operation: String,
    /// With which encryption context.
    pub context: Vec<(String, String)>,
    /// From where.
    pub from: String,
    /// What KMS answered.
    pub answer: Answer,
    /// What called the newest, as it says itself.
    pub agent: String,
    /// How many there are.
    pub count: u64,
    /// The oldest.
    pub first: Timestamp,
    /// The newest.
    pub last: Timestamp,
    /// The id of the newest event.
    pub event_id: String,
}

impl UseRow {
    /// Whether it is the dry run of an access proof: an answer, and nothing done with the key.
    pub fn is_proof(&self) -> bool {
        self.answer == Answer::DryRun && self.session.as_deref() == Some(SESSION)
    }
}

/// What makes events alike; of dry runs the session too, for a proof's are no use.
type Alike = (UsedBy, String, Vec<(String, String)>, String, Answer, Option<String>);

/// How far the history was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Extent {
    /// It is being read.
    #[default]
    Reading,
    /// To its end: back to this time.
    Whole(Timestamp),
    /// There is more, older than what was read.
    Part,
    /// It could not be read, or not any further.
    Failed(Box<Fault>),
}

/// The uses of a key, counted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Uses {
    rows: BTreeMap<Alike, UseRow>,
    /// How many events were read.
    pub events: u64,
    /// Of them, those that have no row of their own: there were too many rows.
    pub dropped: u64,
    /// The oldest event that was read.
    pub oldest: Option<Timestamp>,
    /// How far it was read.
    pub extent: Extent,
}

impl Uses {
    /// Counts one more event.
    pub fn note(&mut self, event: KeyUse) {
        self.events += 1;
        self.oldest = Some(self.oldest.map_or(event.at, |oldest| oldest.min(event.at)));
        let alike = (
            event.by.clone(),
            event.operation.clone(),
            event.context.clone(),
            event.from.clone(),
            event.answer.clone(),
            event.session.clone().filter(|_| event.answer == Answer::DryRun),
        );
        let is_full = self.rows.len() >= MOST;
        match self.rows.get_mut(&alike) {
            Some(row) => {
                row.count += 1;
                row.first = row.first.min(event.at);
                if event.at > row.last {
                    (row.last, row.session, row.agent, row.event_id) = (event.at, event.session, event.agent, event.id);
                }
            }
            None if is_full => self.dropped += 1,
            None => {
                let row = UseRow {
                    by: event.by,
                    session: event.session,
                    operation: event.operation,
                    context: event.context,
                    from: event.from,
                    answer: event.answer,
                    agent: event.agent,
                    count: 1,
                    first: event.at,
                    last: event.at,
                    event_id: event.id,
                };
                self.rows.insert(alike, row);
            }
        }
    }

    /// The rows, by who and what.
    pub fn rows(&self) -> impl Iterator<Item = &UseRow> {
        self.rows.values()
    }

    /// Every user or role of the rows, each once.
    pub fn principals(&self) -> impl Iterator<Item = &UsedBy> {
        let mut last: Option<&UsedBy> = None;
        self.rows.keys().map(|(by, ..)| by).filter(move |by| {
            let is_new = last != Some(by);
            last = Some(by);
            is_new
        })
    }

    /// What of the history was not read, in sentences.
    pub fn lacking(&self) -> Vec<String> {
        let mut told = Vec::new();
        match &self.extent {
            Extent::Whole(_) => {}
            Extent::Reading => told.push("the event history was not read to its end".to_owned()),
            Extent::Part => {
                let oldest = self.oldest.map(|at| format!(" older than {at}")).unwrap_or_default();
                told.push(format!("events{oldest} were not read"));
            }
            Extent::Failed(fault) => told.push(format!("the event history could not be read: {}", fault.cause)),
        }
        if self.dropped > 0 {
            told.push(format!(
                "{} events have no row: more than {MOST} kinds of use",
                self.dropped
            ));
        }
        told
    }
}
