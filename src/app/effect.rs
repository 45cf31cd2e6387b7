//! What the core can ask for: orders, as plain data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::habits::Habit;
use crate::domain::{Answer, AwsContext, Request};

/// Names one operation from its start to its end; minted by the core, echoed by every event about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpId(pub u64);

/// Something remote (or a local folder) that can be looked at. It is its own id: an answer about a topic
/// that nobody looks at any more is dropped.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Topic {
    /// Who we are: `GetCallerIdentity`.
    Identity,
    /// All KMS keys with their aliases.
    Keys,
    /// `DescribeKey` of one key (ARN).
    Key(String),
    /// The policy of one key, as JSON text.
    KeyPolicy(String),
    /// The grants of one key (ARN).
    Grants(String),
    /// Who can use one key (ARN), and who did.
    Who(String),
    /// All buckets.
    Buckets,
    /// One level of a bucket.
    Objects {
        /// Bucket.
        bucket: String,
        /// Empty, or ending in `/`.
        prefix: String,
    },
    /// `HeadObject` (and the first bytes where needed) of one object.
    Object {
        /// Bucket.
        bucket: String,
        /// Key.
        key: String,
    },
    /// The versions that are kept of one object: the first of `ListObjectVersions`.
    Versions {
        /// Bucket.
        bucket: String,
        /// Key.
        key: String,
    },
    /// Training and processing jobs, newest first: the whole list once, then by delta.
    Jobs,
    /// `DescribeTrainingJob` of one job.
    Job(String),
    /// The log of one job: from its start, then followed.
    Log(String),
    /// Roles that might run a job.
    Roles,
    /// Uploads that were interrupted on this machine.
    Interrupted,
    /// A local folder.
    Files(PathBuf),
}

impl Topic {
    /// Whether it is one row of a list. The answer about a row is taken in even if it is not on screen any more.
    pub fn is_row(&self) -> bool {
        match self {
            Self::Key(_) | Self::Object { .. } | Self::Job(_) => true,
            Self::Identity
            | Self::Keys
            | Self::KeyPolicy(_)
            | Self::Grants(_)
            | Self::Who(_)
            | Self::Buckets
            | Self::Objects { .. }
            | Self::Versions { .. }
            | Self::Jobs
            | Self::Log(_)
            | Self::Roles
            | Self::Interrupted
            | Self::Files(_) => false,
        }
    }
}

/// Everything the core can ask of the world.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Effect {
    /// Exactly these topics are wanted now, of rows the first most: ask about them (new ones at once), forget all others.
    Watch(Vec<Topic>),
    /// Ask for these now, whatever their turn.
    Refresh(Vec<Topic>),
    /// Perform an operation.
    Start {
        /// Its id.
        id: OpId,
        /// What to do.
        request: Request,
    },
    /// Cancel an operation; it still answers with its last event.
    Cancel(OpId),
    /// Put a text on the clipboard (OSC 52).
    Copy(String),
    /// Call the person: a bell, and a notice where the terminal can show one (OSC 9).
    Notify(String),
    /// Remember that this was agreed to: no question the next time.
    Remember(Consent),
    /// Remember a habit of the person's.
    Habit(Habit),
    /// Remember where the person wants everything to stand.
    Arrange(Arrangement),
    /// Open a text in the person's editor; answered by `Event::Edited`.
    Edit {
        /// Its id.
        id: OpId,
        /// The text to begin with.
        text: String,
        /// How the file's name ends: `policy.json`.
        name: String,
    },
    /// Stop the process as Ctrl-Z does, terminal restored; redraw afterwards.
    Suspend,
    /// Draw everything anew (Ctrl-L).
    Redraw,
    /// Everything of AWS is asked as this from now on; what was begun goes on as it was.
    Switch(Box<AwsContext>),
    /// What the person says to a question.
    Answer {
        /// The question's id.
        id: u64,
        /// This.
        answer: Answer,
    },
    /// Log in, and ask again what was not answered: the person is here for it. Answered by `Event::Login`.
    ///
    /// To what this question is about, if there is one.
    LogIn(Option<u64>),
    /// Do not wait for the login any longer.
    StopLogin,
    /// Open a page; answered by `Event::NotOpened` where nothing opens it.
    OpenPage(String),
    /// Leave.
    Quit,
}

/// Colours to choose from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThemeName {
    /// For dark terminals, on the terminal's own ground.
    #[default]
    Terminal,
    /// Light on a dark ground.
    Dark,
    /// Dark on a light ground.
    Light,
    /// Strong colours on black.
    HighContrast,
    /// Told apart by whoever does not tell red from green.
    ColourBlind,
}

impl ThemeName {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Terminal,
        Self::Dark,
        Self::Light,
        Self::HighContrast,
        Self::ColourBlind,
    ];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::ColourBlind => "colour-blind",
        }
    }

    /// What it is, in a few words.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Terminal => "for dark terminals, on the terminal's own ground",
            Self::Dark => "light on a dark ground",
            Self::Light => "dark on a light ground",
            Self::HighContrast => "strong colours on black",
            Self::ColourBlind => "blue and orange where others have green and red",
        }
    }
}

/// Where a person wants everything to stand, and in which colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Arrangement {
    /// Hundredths of the columns that keys and grants have.
    pub left: u16,
    /// Hundredths of the rows that the upper panes have.
    pub upper: u16,
    /// Whether the details stand beside the list; by the size of the terminal if the person did not say.
    pub aside: Option<bool>,
    /// The theme that was chosen; the configuration's if none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theme: Option<ThemeName>,
}

impl Default for Arrangement {
    fn default() -> Self {
        Self {
            left: 40,
            upper: 60,
            aside: None,
            theme: None,
        }
    }
}

impl Arrangement {
    /// The border between left and right moves by so many hundredths, and that between above and below.
    #[must_use]
    pub fn moved(self, (columns, rows): (i16, i16)) -> Self {
        Self {
            left: self.left.saturating_add_signed(columns).clamp(20, 70),
            upper: self.upper.saturating_add_signed(rows).clamp(20, 80),
            ..self
        }
    }
}

/// An upload that was agreed to: under this key, to this place. It needs no question any more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Consent {
    /// The account of whoever agreed.
    pub account: String,
    /// The KMS key's ARN.
    pub key: String,
    /// `bucket/prefix`.
    pub destination: String,
}
