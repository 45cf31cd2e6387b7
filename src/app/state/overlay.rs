//! What lies over the panes: questions, forms, readers. At most one of a kind; the topmost has the keyboard.
//!
//! A list with a cursor is either fixed when it opens, or its cursor is on a row by name: what arrives meanwhile never puts
//! another row under it.

mod report;

use std::borrow::Cow;
use std::fmt;

pub use self::report::Report;
pub use super::layout::Scroll;
use tui_input::Input;
use zeroize::{Zeroize as _, Zeroizing};

use super::action::Action;
use super::continuation::Continuation;
use super::review::{Edit, Review};
use super::target::Target;
use crate::app::audit::Audit;
use crate::app::form::Form;
use crate::app::format::Line;
use crate::app::inventory::Inventory;
use crate::app::job_log::Log;
use crate::app::who::Who;
use crate::app::{Command, Consent, Keyed, OpId, ThemeName};
use crate::domain::question::CODE_DIGITS;
use crate::domain::versions::{Comparison, VersionList};
use crate::domain::{AwsContext, CleanUpItem, DeviceCode, Fault, GrantCycle, Named, Preview, Question, Request, View};

/// Something over the panes.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// The keys: those that work here first.
    Help(Scroll),
    /// What was said; the number is the id of the message with the cursor.
    Messages(u64),
    /// What is in flight and what has ended; the id is that of the operation with the cursor.
    Operations(OpId),
    /// Everything known about one thing.
    Details(Details),
    /// The log of a job.
    Log(Log),
    /// The changes that were asked for.
    Audit(Audit),
    /// Who can use a key, and who did.
    Who(Box<Who>),
    /// What everything in a place is.
    Inventory(Inventory),
    /// What an operation found out, to be read.
    Report(Report),
    /// The story of a grant, operation by operation.
    Matrix(Matrix),
    /// Rows that were found, to be acted on.
    Results(ResultList),
    /// Uploads that were interrupted; the text is the id of the upload with the cursor.
    Interrupted(String),
    /// What the walk made and is still there.
    CleanUp(CleanUp),
    /// A plaintext, wiped when closed.
    Preview(Previewing),
    /// A policy before it is put.
    Review(Review),
    /// What else can be done to what the cursor is on.
    Menu(Menu),
    /// The steps of the walk.
    Guide(Walk),
    /// A question to be answered before its order is given.
    Confirm(Confirm),
    /// Fields to fill in.
    Form(Form),
    /// The versions of an object.
    Versions(Versions),
    /// Two of them.
    Comparing(Comparing),
    /// What can be copied of the row with the cursor.
    CopyAs(CopyMenu),
    /// Columns to sort by, each with the letter that chooses it.
    Sort(Vec<(&'static str, char)>),
    /// All commands by name.
    Palette(Palette),
    /// What is asked for in the middle of a call.
    Code(CodeField),
    /// A login, from the offer to its end.
    Login(Login),
}

/// A login.
#[derive(Debug, Clone, PartialEq)]
pub struct Login {
    /// The profile that waits for it, and the question that it answers; none if it was begun by itself.
    pub asked: Option<(String, u64)>,
    /// How far it is.
    pub stage: LoginStage,
}

/// How far a login is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginStage {
    /// It is offered.
    Offered,
    /// It is to be made elsewhere.
    Elsewhere {
        /// What makes it, in a shell.
        command: String,
        /// Whether the person said that it was, and it is not.
        is_still_missing: bool,
    },
    /// The service is asked for a code.
    Begun,
    /// The person is to agree.
    Shown(DeviceCode),
}

/// The field for the code of an MFA device.
#[derive(Debug, Clone)]
pub struct CodeField {
    /// The question that it answers.
    pub question: Question,
    /// What was typed.
    pub digits: Digits,
    /// Why it was not sent.
    pub problem: Option<&'static str>,
}

/// Digits as they are typed: as many as a code has, shown to nobody but the person, wiped when dropped.
#[derive(Clone, Default)]
pub struct Digits(Zeroizing<String>);

impl Digits {
    /// What the person sees.
    pub fn shown(&self) -> &str {
        &self.0
    }

    pub(in crate::app) fn push(&mut self, character: char) {
        if character.is_ascii_digit() && self.0.len() < CODE_DIGITS {
            self.0.push(character);
        }
    }

    pub(in crate::app) fn pop(&mut self) {
        self.0.pop();
    }

    pub(in crate::app) fn clear(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digits({})", self.0.len())
    }
}

/// Everything known about one thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Details {
    /// About what.
    pub subject: Subject,
    /// Index into the subject's pages.
    pub page: usize,
    /// Where it is scrolled to.
    pub scroll: Scroll,
}

impl Details {
    /// Whether they are a key's.
    pub(in crate::app) fn is_of_key(&self) -> bool {
        matches!(self.subject, Subject::Key(_))
    }
}

/// What details are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A KMS key, by ARN.
    Key(String),
    /// A grant, by id.
    Grant(String),
    /// An object of the place shown, by key.
    Object(String),
    /// A training job, by name.
    Job(String),
    /// A local file, by path.
    File(std::path::PathBuf),
}

impl Overlay {
    /// Whether it is a text, to be searched.
    pub fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Help(_)
                | Self::Details(_)
                | Self::Report(_)
                | Self::Preview(_)
                | Self::Comparing(_)
                | Self::Review(_)
        )
    }
}

impl Subject {
    /// Whether the command does in its details what it does on its row. What begins or takes away something is done on the row.
    pub fn takes(&self, command: Command) -> bool {
        match command {
            Command::Actions => true,
            Command::Do(Keyed::Encrypt) => matches!(self, Self::Key(_) | Self::File(_)),
            Command::Do(Keyed::Decrypt | Keyed::Preview) => matches!(self, Self::Object(_) | Self::Job(_)),
            Command::Do(Keyed::Verify) => matches!(self, Self::Object(_)),
            Command::Do(Keyed::Log) => matches!(self, Self::Job(_)),
            _ => false,
        }
    }

    /// The pages that its details have.
    pub fn pages(&self) -> &'static [&'static str] {
        match self {
            Self::Key(_) => &["Overview", "Policy", "JSON"],
            Self::File(_) => &["Overview"],
            Self::Job(_) => &["Overview", "Metrics", "JSON"],
            _ => &["Overview", "JSON"],
        }
    }
}

/// The story of a grant.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// What was proved.
    pub cycle: Box<GrantCycle>,
    /// The operation with the cursor.
    pub cursor: usize,
    /// Whether its reasons are shown.
    pub is_open: bool,
}

/// Rows that were found, each with what can be done about it.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultList {
    /// What was looked for.
    pub title: String,
    /// The rows.
    pub rows: Vec<ResultRow>,
    /// The row with the cursor.
    pub cursor: usize,
    /// What found them, if it is to look again once something was done about one.
    pub again: Option<Request>,
}

/// One thing found.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultRow {
    /// What it is, the first line as the row itself.
    pub lines: Vec<Line>,
    /// What Enter does.
    pub then: Option<Request>,
    /// What Enter says where it does nothing.
    pub instead: &'static str,
}

/// A plaintext on screen; wiped when closed.
#[derive(Debug, Clone, PartialEq)]
pub struct Previewing {
    /// The beginning of the plaintext.
    pub preview: Preview,
    /// How it is read.
    pub view: View,
    /// Where it is scrolled to.
    pub scroll: Scroll,
}

/// The walk on screen: it stays while its steps are done, and goes on by itself from the one that was begun here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    /// The row of the cursor: the first step that is not done, unless the person has moved it.
    pub row: usize,
    /// Whether the person has moved it.
    pub(in crate::app) is_chosen: bool,
    /// The step that was begun here and is not done yet.
    pub(in crate::app) begun: Option<usize>,
}

/// The versions of an object, to be acted on.
#[derive(Debug, Clone, PartialEq)]
pub struct Versions {
    /// They.
    pub list: Box<VersionList>,
    /// The row with the cursor.
    pub cursor: usize,
    /// The row that another is compared with.
    pub mark: Option<usize>,
}

/// Two versions of an object; what of their plaintext is known is wiped when closed.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparing {
    /// They.
    pub comparison: Box<Comparison>,
    /// Where it is scrolled to.
    pub scroll: Scroll,
}

/// What is left to take down.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CleanUp {
    /// The lines, in the order in which they are taken down.
    pub items: Vec<CleanUpItem>,
    /// What could not be looked at.
    pub refused: Vec<Fault>,
    /// The line with the cursor.
    pub cursor: usize,
}

/// A question that must be answered before its order is given.
#[derive(Debug, Clone)]
pub struct Confirm {
    /// The question.
    pub question: String,
    /// What to know before answering: lines, for a line break in a name makes none.
    pub explanation: Vec<String>,
    /// What must be typed to agree, and what was typed so far; without it `y` agrees.
    pub typed: Option<(String, Input)>,
    /// What happens then.
    pub then: Then,
}

/// What an agreed question does.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// Performs a request, remembering first what was agreed to with it.
    Start(Box<Request>, Option<Consent>),
    /// Cancels an operation.
    Cancel(OpId),
    /// Cancels everything and leaves.
    Leave,
}

/// What else can be done to what the cursor is on.
#[derive(Debug, Clone)]
pub struct Menu {
    /// To what, as people call it.
    pub title: String,
    /// To what.
    pub(in crate::app) target: Target,
    /// The actions that were possible when the menu was opened.
    pub(in crate::app) offered: Vec<&'static Action>,
    /// What was typed to narrow it.
    pub input: Input,
    /// Those of the actions that it finds: the most used first, what takes something away last.
    pub actions: Vec<&'static Action>,
    /// The row of the cursor.
    pub cursor: usize,
}

/// What can be copied of a row, as it was when the menu was opened.
#[derive(Debug, Clone)]
pub struct CopyMenu {
    /// Of what.
    pub title: String,
    /// The ways.
    pub rows: Vec<CopyRow>,
    /// The row of the cursor.
    pub cursor: usize,
}

/// One way to copy it.
#[derive(Debug, Clone)]
pub struct CopyRow {
    /// The key that takes it.
    pub letter: char,
    /// What it is.
    pub label: &'static str,
    /// What is put on the clipboard.
    pub copied: Copied,
}

/// What is put on the clipboard.
#[derive(Debug, Clone)]
pub enum Copied {
    /// This.
    Text(String),
    /// These lines, which are ours.
    Lines(Vec<String>),
    /// What this answers.
    Asked(Box<Request>),
}

/// Everything that can be asked for, by name.
#[derive(Debug, Clone)]
pub struct Palette {
    /// What was typed.
    pub input: Input,
    /// What matched when it was typed, each with whether it did something here then.
    pub matches: Vec<(PaletteRow, bool)>,
    /// The row of the cursor.
    pub cursor: usize,
}

/// What is chosen from the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaletteRow {
    /// What has a key.
    Command(Command),
    /// What has none.
    Action(&'static Action),
    /// Something to go to.
    Open(Named),
    /// A role, by its name: what it may do.
    Role(String),
    /// Who and where to be.
    Switch(Box<AwsContext>),
    /// Other colours.
    Theme(ThemeName),
}

impl Menu {
    /// How many actions there are, whatever was typed.
    pub fn most(&self) -> usize {
        self.offered.len()
    }

    /// What each of them does, in a sentence.
    pub fn sentences(&self) -> impl Iterator<Item = &'static str> {
        self.offered.iter().map(|action| action.help)
    }

    /// Characters of the longest of these sentences.
    pub fn longest(&self) -> usize {
        let lengths = self.sentences().map(|sentence| sentence.chars().count());
        lengths.max().unwrap_or(0)
    }
}

impl PaletteRow {
    /// What it is called.
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Command(command) => command.entry().name.into(),
            Self::Action(action) => action.label.into(),
            Self::Open(named) => named.to_string().into(),
            Self::Role(name) => format!("role/{name}").into(),
            Self::Switch(context) => context.label().into(),
            Self::Theme(theme) => theme.as_str().into(),
        }
    }

    /// What it does.
    pub fn help(&self) -> Cow<'static, str> {
        let help = match self {
            Self::Command(command) => command.entry().help,
            Self::Action(action) => action.help,
            Self::Theme(theme) => theme.help(),
            Self::Open(Named::Key(_)) => "KMS key",
            Self::Role(_) => "role: its policies",
            Self::Open(Named::Place(uri)) if uri.key.is_empty() => "bucket",
            Self::Open(Named::Place(uri)) if uri.is_prefix() => "prefix",
            Self::Open(Named::Place(_)) => "object",
            Self::Open(Named::Job(_)) => "training job",
            Self::Switch(context) => {
                let read_only = if context.read_only { "read-only" } else { "" };
                let made_of = context.name.as_ref().map(|_| context.made_of()).unwrap_or_default();
                let parts = [made_of.as_str(), read_only]
                    .into_iter()
                    .filter(|part| !part.is_empty());
                return parts.collect::<Vec<_>>().join(", ").into();
            }
        };
        help.into()
    }
}

/// What an answer leads to, as soon as the person wants it.
#[derive(Debug, Clone)]
pub enum Next {
    /// Something to be read, answered or filled in.
    Show(Box<Overlay>),
    /// A policy to be edited.
    Edit(Box<Edit>),
    /// What was found is not kept: it is asked for again, and what followed follows.
    Ask(Box<Request>, Continuation),
}

impl Next {
    pub(in crate::app) fn show(overlay: Overlay) -> Self {
        Self::Show(Box::new(overlay))
    }
}
