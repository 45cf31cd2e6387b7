//! What a request is to everybody else. Each kind says all of it in one place, so that a new one must.

use crate::domain::ObjectUri;
use crate::domain::words::capitalized;

/// What is said of a request, whichever way it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What is done, as a fault says it: `schedule the deletion of`.
    pub act: &'static str,
    /// To what.
    pub object: String,
    /// The same in a sentence, with the names that people use.
    pub title: String,
    /// What comes of it that a person must know before agreeing; empty if nothing does.
    pub consequence: String,
    /// Whether it changes anything in AWS. (The one place that enforces it is before the SDK; this says it early.)
    pub changes: bool,
    /// What becomes of it when it is cancelled.
    pub on_cancel: OnCancel,
    /// What may be another thing afterwards.
    pub touches: Vec<Touch>,
    /// What is asked at least before it is done.
    pub ask: Ask,
}

impl Facts {
    /// Of what only reads, and writes nothing anywhere: it may be dropped, and is never asked about.
    pub(super) fn reading(act: &'static str, object: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            act,
            object: object.into(),
            title: title.into(),
            consequence: String::new(),
            changes: false,
            on_cancel: OnCancel::Drop,
            touches: Vec::new(),
            ask: Ask::Never,
        }
    }

    /// Of what changes something, by one call.
    pub(super) fn change(act: &'static str, object: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            changes: true,
            on_cancel: OnCancel::Finish(
                "It is asked for already and cannot be taken back from here: it is finished, and how it ended is told.",
            ),
            ..Self::reading(act, object, title)
        }
    }

    /// The question before it.
    pub fn question(&self) -> String {
        format!("{}?", capitalized(&self.title))
    }

    /// With what comes of it.
    pub(super) fn consequence(self, consequence: impl Into<String>) -> Self {
        Self {
            consequence: consequence.into(),
            ..self
        }
    }

    /// With what is finished or taken back when it is cancelled.
    pub(super) fn finishing(self, explained: &'static str) -> Self {
        Self {
            on_cancel: OnCancel::Finish(explained),
            ..self
        }
    }

    /// With what it touches.
    pub(super) fn touching(self, touches: impl IntoIterator<Item = Touch>) -> Self {
        Self {
            touches: touches.into_iter().collect(),
            ..self
        }
    }

    /// With what is asked at least.
    pub(super) fn asking(self, ask: Ask) -> Self {
        Self { ask, ..self }
    }
}

/// What becomes of a request that is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCancel {
    /// It only reads, and writes at most one new file, whole and at its very end: it is dropped where it is.
    Drop,
    /// The step in hand is finished, what is half done is completed or taken back, and what was done is told: the text says
    /// how. The action watches for it between its steps.
    Finish(&'static str),
}

impl OnCancel {
    /// In a sentence.
    pub fn explained(self) -> &'static str {
        match self {
            Self::Drop => "It only reads: it is dropped, and nothing is left of it.",
            Self::Finish(explained) => explained,
        }
    }
}

/// What is asked before a request is made. Whoever offers it may ask more than its facts want, never less.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// Nothing.
    Never,
    /// A question.
    Yes,
    /// A question that is agreed to by typing this.
    Type(String),
}

impl Ask {
    /// The more careful of the two; a word of the facts' own stays.
    #[must_use]
    pub fn raised_to(self, other: Self) -> Self {
        match self {
            Self::Type(word) => Self::Type(word),
            Self::Never | Self::Yes => self.max(other),
        }
    }
}

/// What may be another thing after a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touch {
    /// The list of keys, with their aliases.
    Keys,
    /// The details of this key (ARN).
    KeyDetail(String),
    /// The policy of this key (ARN).
    KeyPolicy(String),
    /// The grants of this key (ARN).
    Grants(String),
    /// The grants of any key.
    AllGrants,
    /// The list of buckets.
    Buckets,
    /// What is in this bucket.
    Bucket(String),
    /// The list of jobs, and this one with its log.
    Job(String),
    /// The list of roles.
    Roles,
    /// Uploads that were interrupted.
    Interrupted,
    /// Local folders.
    Files,
}

impl Touch {
    /// What is written at `s3://…`, or at a path.
    pub(super) fn written(to: &str) -> Self {
        ObjectUri::parse(to).map_or(Self::Files, |uri| Self::Bucket(uri.bucket))
    }
}
