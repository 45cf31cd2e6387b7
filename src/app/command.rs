//! Everything that a key can ask for, with the words of the help and the palette.

use super::Pane;
use super::actions::{self, Action};

/// Everything that a key can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each has a name and a sentence in `COMMANDS`")]
pub enum Command {
    Focus(Pane),
    NextPane,
    PreviousPane,
    Zoom,
    Down,
    Up,
    PageDown,
    PageUp,
    Top,
    Bottom,
    Enter,
    Back,
    Parent,
    Encrypt,
    Decrypt,
    Verify,
    Prove,
    New,
    Remove,
    Restore,
    Train,
    Log,
    Preview,
    Actions,
    Guide,
    Audit,
    Filter,
    Sort,
    Reverse,
    Mark,
    Copy,
    CopyCommand,
    Refresh,
    Follow,
    Wrap,
    Save,
    Operations,
    Messages,
    Palette,
    Help,
    Redraw,
    Suspend,
    Quit,
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
    /// The action that it does, if it is one.
    action: Option<&'static Action>,
}

const fn entry(command: Command, name: &'static str, help: &'static str) -> Entry {
    Entry {
        command,
        name,
        help,
        action: None,
    }
}

/// An action that has a key.
const fn keyed(command: Command, name: &'static str, action: &'static Action) -> Entry {
    Entry {
        command,
        name,
        help: action.help,
        action: Some(action),
    }
}

/// Every command, in the order of the help.
pub const COMMANDS: &[Entry] = &[
    keyed(Command::Encrypt, "encrypt", &actions::ENCRYPT),
    keyed(Command::Decrypt, "decrypt", &actions::DECRYPT),
    keyed(Command::Verify, "verify", &actions::VERIFY),
    keyed(Command::Prove, "prove", &actions::ACCESS),
    keyed(Command::New, "new", &actions::NEW),
    keyed(Command::Train, "train", &actions::TRAIN),
    keyed(Command::Log, "log", &actions::LOG),
    keyed(Command::Preview, "preview", &actions::PREVIEW),
    entry(
        Command::Actions,
        "actions",
        "Everything else that can be done to what the cursor is on",
    ),
    entry(
        Command::Guide,
        "walk",
        "The walk: every step from key to clean-up, as it stands, and the next one",
    ),
    keyed(Command::Remove, "remove", &actions::REMOVE),
    keyed(Command::Restore, "restore", &actions::RESTORE),
    entry(
        Command::Enter,
        "enter",
        "Open: a bucket, prefix or folder, or the details of the row",
    ),
    entry(Command::Back, "back", "Back, or close; takes a message as read"),
    entry(
        Command::Parent,
        "parent",
        "The folder or prefix above, also out of the folder of the start",
    ),
    entry(Command::Mark, "mark", "Mark the row, for what works on several"),
    entry(
        Command::Filter,
        "filter",
        "Filter the pane as you type; Enter keeps it, Esc clears it",
    ),
    entry(Command::Sort, "sort", "Sort by the next column"),
    entry(Command::Reverse, "reverse", "Reverse the order"),
    entry(Command::Copy, "copy", "Copy the ARN, URI or path to the clipboard"),
    entry(
        Command::CopyCommand,
        "copy-command",
        "Copy the aws command line of what is asked or shown; Ctrl-Y where text is typed",
    ),
    entry(Command::Refresh, "refresh", "Ask AWS again, now"),
    entry(Command::Focus(Pane::Keys), "keys", "KMS keys"),
    entry(Command::Focus(Pane::Grants), "grants", "Grants of the selected key"),
    entry(Command::Focus(Pane::Objects), "objects", "Buckets and objects"),
    entry(Command::Focus(Pane::Jobs), "jobs", "Training jobs"),
    entry(Command::Focus(Pane::Files), "files", "Local files"),
    entry(Command::NextPane, "next-pane", "Next pane, or next page of the details"),
    entry(
        Command::PreviousPane,
        "previous-pane",
        "Previous pane, or previous page of the details",
    ),
    entry(Command::Zoom, "zoom", "The pane alone, or all of them"),
    entry(Command::Down, "down", "Down"),
    entry(Command::Up, "up", "Up"),
    entry(Command::PageDown, "page-down", "A page down"),
    entry(Command::PageUp, "page-up", "A page up"),
    entry(Command::Top, "top", "To the first row"),
    entry(Command::Bottom, "bottom", "To the last row"),
    entry(
        Command::Follow,
        "follow",
        "Follow the end of the log, or stop following",
    ),
    entry(Command::Wrap, "wrap", "Wrap long lines of the log, or cut them"),
    entry(
        Command::Save,
        "save",
        "Save the whole log, of a job or of all changes, to a new file",
    ),
    entry(
        Command::Operations,
        "operations",
        "Operations in flight and ended; remove cancels one",
    ),
    entry(
        Command::Messages,
        "messages",
        "Messages and errors, each with its explanation",
    ),
    keyed(Command::Audit, "audit", &actions::AUDIT),
    entry(Command::Palette, "palette", "All commands, by name"),
    entry(Command::Help, "help", "This help"),
    entry(Command::Redraw, "redraw", "Draw the screen anew"),
    entry(
        Command::Suspend,
        "suspend",
        "Stop the process; fg in the shell brings it back",
    ),
    entry(Command::Quit, "quit", "Quit; asks if work is in flight"),
];

impl Entry {
    /// Whether it does this action.
    pub(super) fn does(&self, action: &Action) -> bool {
        self.action == Some(action)
    }
}

impl Command {
    /// Its words.
    pub fn entry(self) -> &'static Entry {
        COMMANDS
            .iter()
            .find(|entry| entry.command == self)
            .expect("`COMMANDS` holds every command: a test walks the default keys")
    }

    /// The action that it does in this pane. A model is an archive: its members are listed, and each can be previewed.
    pub(super) fn action(self, pane: Pane) -> Option<&'static Action> {
        match (self, pane) {
            (Self::Preview, Pane::Jobs) => Some(&actions::MEMBERS),
            _ => self.entry().action,
        }
    }

    /// By its name in `keys.toml`.
    pub fn parse(name: &str) -> Option<Self> {
        COMMANDS
            .iter()
            .find(|entry| entry.name == name)
            .map(|entry| entry.command)
    }
}
