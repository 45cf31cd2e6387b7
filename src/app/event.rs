//! What can happen: past facts, as plain data.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;

use super::effect::{OpId, Topic};
use super::hit::Hit;
use crate::domain::who::{Access, Extent, KeyUse};
use crate::domain::{
    BucketRow, DeviceCode, Fault, FileRow, Grant, Identity, InterruptedUpload, Job, KeptVersions, KmsKey, LogLine,
    ObjectRow, Outcome, Progress, Question, RoleSummary,
};

/// Everything that can happen to the core.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A key was pressed.
    Key(KeyPress),
    /// The mouse was pressed on this.
    Click(Hit),
    /// The mouse's wheel was turned over this, by so many steps; up if they are less than none.
    Wheel(Hit, isize),
    /// Text was pasted (untrusted: may hold control characters).
    Paste(String),
    /// The terminal has this size now, in cells.
    Resize {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// It is now this time. Sent once a second while something on screen depends on it.
    Tick(Timestamp),
    /// It is decided how AWS is reached, of options, environment and profile.
    Connected {
        /// The region that every client asks.
        region: String,
        /// Where everything is, if not where AWS has it.
        endpoint: Option<String>,
        /// Where single services are, as the AWS CLI calls them, if they have endpoints of their own.
        elsewhere: BTreeMap<String, String>,
    },
    /// The profiles of the AWS configuration files.
    Profiles(Vec<String>),
    /// A question about a topic is under way.
    Asking(Topic),
    /// A part of the answer.
    ///
    /// While a walk is under way the rows of the last complete one stay until `last` (so a refresh never flickers);
    /// the very first walk is shown from its first page, and rows of one that broke off stay until the next has passed them.
    Answer {
        /// What it is about.
        topic: Topic,
        /// Numbers the walk: pages of an older walk than the newest seen are dropped.
        walk: u64,
        /// Whether it begins the walk.
        first: bool,
        /// Whether it ends the walk.
        last: bool,
        /// When it arrived.
        at: Timestamp,
        /// The rows.
        page: Page,
    },
    /// A question failed; what was known stays and ages.
    Failed {
        /// What it was about.
        topic: Topic,
        /// Which walk.
        walk: u64,
        /// When it failed.
        at: Timestamp,
        /// Why.
        fault: Fault,
        /// When it will be asked again, if ever by itself.
        retry_at: Option<Timestamp>,
    },
    /// Something about an operation.
    Op {
        /// Which.
        id: OpId,
        /// What.
        event: OpEvent,
    },
    /// Something is wanted that only the person knows, and a call waits for it.
    Asked(Question),
    /// What came of `Effect::LogIn`.
    Login(LoginEvent),
    /// A page could not be opened.
    NotOpened(Fault),
    /// Changes were made that are not in the audit log.
    Unaudited(Fault),
    /// The person's editor has ended.
    Edited {
        /// The id that it was opened with.
        id: OpId,
        /// The text as it was saved, or why there is none.
        result: Result<String, Fault>,
    },
    /// The process was told to end (SIGTERM, SIGHUP): leave, aborting what is in flight.
    Terminate,
}

/// The life of an operation after `Effect::Start`.
#[derive(Debug, Clone, PartialEq)]
pub enum OpEvent {
    /// It got this far; at most ten a second.
    Progress(Progress),
    /// It is done.
    Done(Box<Outcome>),
    /// It failed, or was cancelled (`FaultKind::Cancelled`).
    Failed(Fault),
}

/// The steps of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginEvent {
    /// Agree there.
    Code(DeviceCode),
    /// The person has agreed.
    Done {
        /// It holds until then, or longer.
        until: Timestamp,
        /// What tells it from other logins.
        session: String,
    },
    /// It came to nothing.
    Failed(Fault),
    /// The credentials in use need none.
    NotNeeded,
}

/// The rows of an answer, by topic.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Page {
    /// For `Topic::Identity`.
    Identity(Identity),
    /// For `Topic::Keys`: aliases are merged into the rows before they are sent.
    Keys(Vec<KmsKey>),
    /// For `Topic::Key`.
    Key(KmsKey),
    /// For `Topic::KeyPolicy`.
    KeyPolicy(String),
    /// For `Topic::Grants`.
    Grants(Vec<Grant>),
    /// For `Topic::Who`.
    Who(WhoPage),
    /// For `Topic::Buckets`.
    Buckets(Vec<BucketRow>),
    /// For `Topic::Objects`.
    Objects(Vec<ObjectRow>),
    /// For `Topic::Object`: the row with what the object is.
    Object(ObjectRow),
    /// For `Topic::Versions`.
    Versions(KeptVersions),
    /// For `Topic::Jobs`, a whole list: rows replace.
    Jobs(Vec<Job>),
    /// For `Topic::Jobs`, a delta: rows update or add, nothing is removed.
    JobsChanged(Vec<Job>),
    /// For `Topic::Job`: one row with its detail.
    Job(Box<Job>),
    /// For `Topic::Log`: further lines, appended even when `first` is false.
    Log(Vec<LogLine>),
    /// For `Topic::Roles`.
    Roles(Vec<RoleSummary>),
    /// For `Topic::Interrupted`, the oldest first.
    Interrupted(Vec<InterruptedUpload>),
    /// For `Topic::Files`.
    Files {
        /// The folder.
        dir: PathBuf,
        /// Folders first, then files, by name.
        rows: Vec<FileRow>,
    },
}

/// A part of who can use a key, and who did.
#[derive(Debug, Clone, PartialEq)]
pub enum WhoPage {
    /// Who can, as far as it is known now: in place of what was known.
    Can(Box<Access>),
    /// Who did: further events, and how far the history is read with them.
    Did(Vec<KeyUse>, Extent),
}

/// A key press, free of any terminal library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyPress {
    /// Which key.
    pub code: KeyCode,
    /// With Control.
    pub ctrl: bool,
    /// With Alt.
    pub alt: bool,
    /// With Shift, where the terminal tells (letters come as capitals instead).
    pub shift: bool,
}

/// The keys that can be bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names of keys")]
pub enum KeyCode {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Insert,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    F(u8),
}
