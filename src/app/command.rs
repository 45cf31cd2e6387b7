//! Everything that a key can ask for, with the words of the help and the palette.

use super::pane::Pane;

macro_rules! keyed {
    ($($action:ident => ($name:literal, $help:literal);)+) => {
        /// What a key does to a thing; the action itself is among [`super::actions`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each has a name and a sentence")]
        pub enum Keyed {
            $($action),+
        }

        impl Keyed {
            const fn words(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$action => ($name, $help)),+
                }
            }
        }
    };
}

keyed! {
    Encrypt => ("encrypt", "Encrypt and upload the selected or marked files to the place shown, under the selected key");
    Decrypt => ("decrypt", "Decrypt to a file that appears once all of it is verified");
    Verify => ("verify", "Read the whole token and say whether it is intact; writes nothing");
    Prove => ("prove", "Access proof: assume the role and try the key, operation by operation");
    New => ("new", "New, of what the pane holds: key, grant, bucket or prefix, training job");
    Remove => ("remove", "Disable or delete, revoke, stop, cancel: asked first");
    Restore => ("restore", "Enable the key again, or cancel its deletion");
    Train => ("train", "Start a training job on the selected or marked objects and prefixes");
    Log => ("log", "The job's log, followed while it runs");
    Preview => ("preview", "Decrypt the beginning in memory and show it; wiped when closed");
    AuditObjects => ("audit-objects", "Audit a bucket or prefix: what everything in it is, under which key, and what is wrong");
    Who => ("who", "Who can use the key, by policy, IAM and grant, and who did, from CloudTrail");
    Audit => ("audit", "Every change that this program asked AWS for");
}

impl Keyed {
    pub(super) const fn name(self) -> &'static str {
        self.words().0
    }

    pub(super) const fn help(self) -> &'static str {
        self.words().1
    }
}

/// A command with the words that people see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The command.
    pub command: Command,
    /// Its name in `keys.toml` and in the palette.
    pub name: &'static str,
    /// What it does, in a sentence without a full stop.
    pub help: &'static str,
}

/// A command a line, in the order of the help: its name and what it does.
macro_rules! commands {
    ($($($plain:ident)? $(($command:expr))? => $words:expr;)*) => {
        /// Everything that a key can ask for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each has a name and a sentence")]
        pub enum Command {
            Focus(Pane),
            $($($plain,)?)*
            Do(Keyed),
        }

        /// Every command.
        pub const COMMANDS: &[Entry] = &[$(Entry {
            command: $(Command::$plain)? $($command)?,
            name: $words.0,
            help: $words.1,
        }),*];
    };
}

commands! {
    (Command::Do(Keyed::Encrypt)) => Keyed::Encrypt.words();
    (Command::Do(Keyed::Decrypt)) => Keyed::Decrypt.words();
    (Command::Do(Keyed::Verify)) => Keyed::Verify.words();
    (Command::Do(Keyed::AuditObjects)) => Keyed::AuditObjects.words();
    (Command::Do(Keyed::Prove)) => Keyed::Prove.words();
    (Command::Do(Keyed::Who)) => Keyed::Who.words();
    (Command::Do(Keyed::New)) => Keyed::New.words();
    (Command::Do(Keyed::Train)) => Keyed::Train.words();
    (Command::Do(Keyed::Log)) => Keyed::Log.words();
    (Command::Do(Keyed::Preview)) => Keyed::Preview.words();
    Actions => ("actions", "Everything else that can be done to what the cursor is on");
    Guide => ("walk", "The walk: every step from key to clean-up, as it stands, and the next one");
    Chain => ("chain", "Go to where the chain of key, role, object and job breaks, and to what mends it");
    (Command::Do(Keyed::Remove)) => Keyed::Remove.words();
    (Command::Do(Keyed::Restore)) => Keyed::Restore.words();
    Enter => ("enter", "Open: a bucket, prefix or folder, or the details of the row");
    Back => ("back", "Back, or close; messages go with it");
    Parent => ("parent", "The folder or prefix above, also out of the folder of the start");
    Mark => ("mark", "Mark the row, for what works on several");
    MarkAll => ("mark-all", "Mark all rows that the filter lets through");
    MarkInvert => ("mark-invert", "Mark what is not marked, and no longer what is");
    MarkRange => ("mark-range", "Mark the rows from the one that was marked last to the cursor");
    Filter => ("filter", "Filter the pane as you type, or look for words in a text or log; Enter keeps it, Esc clears it");
    NextMatch => ("next-match", "In a text or log: the next line that holds what is looked for");
    PreviousMatch => ("previous-match", "In a text or log: the line before that holds it");
    Only => ("only", "In a log: only lines that hold what is looked for, or all");
    Sort => ("sort", "Sort by a column: its letter follows; the same again reverses the order");
    Reverse => ("reverse", "Reverse the order");
    Copy => ("copy", "Copy the ARN, URI or path to the clipboard");
    CopyCommand => ("copy-command", "Copy the aws command line of what is asked or shown; Ctrl-Y where text is typed");
    CopyAs => ("copy-as", "Copy the name, ARN, URI, console page, command line, Python that opens it, a presigned URL");
    Export => ("export", "Save the rows of the pane, filtered and sorted as shown, as CSV or JSON");
    Refresh => ("refresh", "Ask AWS again, now");
    (Command::Focus(Pane::Keys)) => ("keys", "KMS keys");
    (Command::Focus(Pane::Grants)) => ("grants", "Grants of the selected key");
    (Command::Focus(Pane::Objects)) => ("objects", "Buckets and objects");
    (Command::Focus(Pane::Jobs)) => ("jobs", "Training and processing jobs");
    (Command::Focus(Pane::Files)) => ("files", "Local files");
    NextPane => ("next-pane", "Next pane, or next page of the details");
    PreviousPane => ("previous-pane", "Previous pane, or previous page of the details");
    Zoom => ("zoom", "The pane alone, or all of them");
    Aside => ("aside", "Details beside the list, or no longer");
    BorderLeft => ("border-left", "Less columns for keys and grants, more for the rest; kept for the next session");
    BorderRight => ("border-right", "More columns for keys and grants");
    BorderUp => ("border-up", "Less rows for the upper panes, more for the lower");
    BorderDown => ("border-down", "More rows for the upper panes");
    Down => ("down", "Down");
    Up => ("up", "Up");
    Left => ("left", "The folder or prefix above, or the pane to the left; the page before in details");
    Right => ("right", "Into a bucket, prefix or folder, or the pane to the right; the next page in details");
    HalfDown => ("half-down", "Half a page down");
    HalfUp => ("half-up", "Half a page up");
    PageDown => ("page-down", "A page down");
    PageUp => ("page-up", "A page up");
    Top => ("top", "To the first row");
    Bottom => ("bottom", "To the last row");
    Follow => ("follow", "Follow the end of the log, or stop following");
    Wrap => ("wrap", "Wrap long lines of the log, or cut them");
    Times => ("times", "Times before the lines of the log, or none");
    Host => ("host", "Of a log of several hosts the next one's lines alone, after the last all");
    Save => ("save", "Save the whole log, of a job or of all changes, or an audit, to a new file");
    Operations => ("operations", "Operations in flight and ended; remove cancels one");
    Messages => ("messages", "Messages and errors, each with its explanation");
    (Command::Do(Keyed::Audit)) => Keyed::Audit.words();
    Context => ("context", "Go to another context, profile, region or role; what is begun goes on where it is");
    Theme => ("theme", "Other colours: dark, light, high contrast, for the colour-blind; kept for the next session");
    LogIn => ("login", "Log in where a login has ended, or give the code of an MFA device that is waited for");
    Open => ("open", "Open by name: s3://BUCKET/PREFIX/, a key's id, ARN or alias, a job, role/NAME; Tab completes");
    Before => ("before", "Back to where one was before");
    After => ("after", "Forward again");
    Bookmark => ("bookmark", "Bookmark the key, bucket, prefix or job, or no longer; kept for later sessions");
    Bookmarks => ("bookmarks", "Go to a bookmark");
    Palette => ("palette", "All commands, by name");
    Help => ("help", "This help");
    Redraw => ("redraw", "Draw the screen anew");
    Suspend => ("suspend", "Stop the process; fg in the shell brings it back");
    Quit => ("quit", "Quit; asks if work is in flight");
}

/// Where a key is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where there are rows.
    Rows,
    /// In a text that is searched.
    Text,
}

impl Command {
    /// Where alone it is asked for; everywhere if nowhere in particular.
    pub const fn place(self) -> Option<Place> {
        match self {
            Self::Do(Keyed::New) => Some(Place::Rows),
            Self::NextMatch | Self::PreviousMatch => Some(Place::Text),
            _ => None,
        }
    }

    /// Whether it is asked for there.
    pub(super) fn is_heard(self, place: Place) -> bool {
        self.place().is_none_or(|of| of == place)
    }

    /// Whether it only moves: what was said stays.
    pub(super) const fn is_move(self) -> bool {
        matches!(
            self,
            Self::Down
                | Self::Up
                | Self::HalfDown
                | Self::HalfUp
                | Self::PageDown
                | Self::PageUp
                | Self::Top
                | Self::Bottom
                | Self::NextPane
                | Self::PreviousPane
                | Self::Focus(_)
                | Self::Redraw
                | Self::Suspend
        )
    }

    /// Its words.
    pub fn entry(self) -> &'static Entry {
        COMMANDS
            .iter()
            .find(|entry| entry.command == self)
            .expect("`COMMANDS` holds every command: a test walks the default keys")
    }

    /// By its name in `keys.toml`.
    pub fn parse(name: &str) -> Option<Self> {
        let mut entries = COMMANDS.iter();
        entries.find(|entry| entry.name == name).map(|entry| entry.command)
    }
}
