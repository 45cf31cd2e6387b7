//! What `?` shows: the keys of the place with the cursor, then all others, on one page. On a small terminal what is everywhere
//! flows in few words; where there is room it stands in columns by what it is for. The sentences are in the palette.

use super::command::{COMMANDS, Command, Keyed};
use super::format::{self, Line, Tone};
use super::pane::Pane;
use super::state::State;
use super::state::chain::Standing;
use super::state::overlay::Overlay;

/// Cells of a key in front of its words.
const KEY: usize = 8;
/// Cells of the word in front of what flows.
const HEADING: usize = 7;
/// From this width on all keys stand in columns.
const ROOMY: usize = 100;
/// From this width on two of the place's stand beside each other.
const PAIRED: usize = 60;
/// Cells of a key and its words in such a column.
const COLUMN: usize = 36;

/// A key and what it does in a few words.
type Entry = (String, String);

/// The page.
pub(super) fn lines(state: &State, columns: usize) -> Vec<Line> {
    let (place, here) = match below(state) {
        Some((place, keys)) => (place.to_owned(), bound(state, keys)),
        None => (format!("In {}", state.focus.name()), here(state)),
    };
    let mut lines = vec![Line::new(Tone::Heading, place)];
    if columns < ROOMY {
        lines.extend(grid(&here, if columns < PAIRED { 1 } else { 2 }, columns));
        let all: Vec<Entry> = GROUPS.iter().flat_map(|(_, keys)| everywhere(state, keys)).collect();
        lines.extend(flow("Else", Tone::Plain, all, columns));
        lines.extend(flow("Move", Tone::Dim, moves(state), columns));
    } else {
        let beside = columns / COLUMN;
        lines.extend(grid(&here, beside, columns));
        for (heading, keys) in GROUPS {
            lines.extend([Line::blank(), Line::new(Tone::Heading, *heading)]);
            lines.extend(grid(&everywhere(state, keys), beside, columns));
        }
        lines.extend([Line::blank(), Line::new(Tone::Heading, "Move")]);
        lines.extend(flow("", Tone::Plain, moves(state), columns));
        lines.push(Line::blank());
    }
    let palette = state.settings.keymap.key(Command::Palette);
    let signs = Line::new(Tone::Heading, "Signs  ")
        .and(Tone::Accent, "◆")
        .and(Tone::Dim, " of the key  ")
        .and(Tone::Good, "verified")
        .and(Tone::Dim, " read whole  ")
        .and(Tone::Accent, palette)
        .and(Tone::Dim, " all by name");
    let signs = if state.settings.has_mouse {
        signs.and(Tone::Accent, "  Shift").and(Tone::Dim, "+mouse selects")
    } else {
        signs
    };
    lines.push(signs);
    if columns < ROOMY {
        return lines;
    }
    let links = [
        (Standing::Holds, "holds"),
        (Standing::Busy, "busy"),
        (Standing::Open, "none"),
        (Standing::Unknown, "not looked at"),
        (Standing::Weak, "may not hold"),
        (Standing::Broken, "broken"),
    ];
    let links = links.map(|(standing, words)| (standing.sign().1.to_owned(), words.to_owned()));
    lines.extend(flow("Chain", Tone::Dim, Vec::from(links), columns));
    lines
}

/// What can be done in the pane with the cursor.
pub(super) fn offered(state: &State, columns: usize) -> Vec<Line> {
    let mut lines = vec![Line::new(Tone::Heading, "What can be done")];
    lines.extend(grid(&here(state), (columns / COLUMN).max(1), columns));
    lines
}

/// Keys and words in so many columns.
fn grid(entries: &[Entry], beside: usize, columns: usize) -> Vec<Line> {
    let (cells, rows) = (columns.saturating_sub(2) / beside, entries.len().div_ceil(beside));
    let line = |row: usize| {
        let of_row = (0..beside).filter_map(|column| entries.get(column * rows + row));
        of_row.fold(Line::blank(), |line, (keys, words)| {
            line.and(Tone::Accent, format::fit(keys, KEY))
                .and(Tone::Plain, format::fit(words, cells.saturating_sub(KEY)))
        })
    };
    (0..rows).map(line).collect()
}

/// Keys and words one after the other, as many a line as there is room for.
fn flow(heading: &str, tone: Tone, entries: Vec<Entry>, columns: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let begun = |heading: &str| Line::new(Tone::Heading, format::fit(heading, HEADING));
    let mut line = begun(heading);
    for (keys, words) in entries {
        let gap = if line.0.len() > 1 { "  " } else { "" };
        let takes = gap.len() + format::width(&keys) + 1 + format::width(&words);
        let is_full = format::width(&line.text()) + takes > columns;
        let gap = if is_full { "" } else { gap };
        if is_full {
            lines.push(std::mem::replace(&mut line, begun("")));
        }
        line = line
            .and(tone, gap)
            .and(Tone::Accent, keys)
            .and(tone, format!(" {words}"));
    }
    lines.push(line);
    lines
}

fn keys_of(state: &State, command: Command) -> String {
    state.settings.keymap.keys(command).join(" ")
}

/// What can be done to what the cursor is on, in this pane's words.
fn here(state: &State) -> Vec<Entry> {
    let is_local = |command: Command| match command {
        Command::Do(Keyed::Audit) => false,
        Command::Do(_) | Command::Enter | Command::Mark | Command::Parent | Command::Actions => true,
        _ => false,
    };
    let local = COMMANDS.iter().map(|entry| entry.command);
    let local = local.filter(|command| is_local(*command) && state.is_available(*command));
    let key = |command: Command| state.settings.keymap.key(command);
    local
        .map(|command| (key(command), words(state, command).to_owned()))
        .collect()
}

fn words(state: &State, command: Command) -> &'static str {
    match (command, state.focus) {
        (Command::Do(Keyed::Encrypt), _) => "encrypt and upload files",
        (Command::Do(Keyed::Decrypt), Pane::Jobs) => "decrypt its model",
        (Command::Do(Keyed::Decrypt), _) => "decrypt to a file",
        (Command::Do(Keyed::Verify), _) => "read whole: is it intact?",
        (Command::Do(Keyed::AuditObjects), Pane::Jobs) => "its report, as an audit",
        (Command::Do(Keyed::AuditObjects), _) => "audit all that is in it",
        (Command::Do(Keyed::Who), _) => "who can use it, who did",
        (Command::Do(Keyed::Prove), _) => "prove who may use the key",
        (Command::Do(Keyed::New), Pane::Keys) => "a new key",
        (Command::Do(Keyed::New), Pane::Grants) => "a new grant",
        (Command::Do(Keyed::New), Pane::Objects) => "a new bucket or prefix",
        (Command::Do(Keyed::New | Keyed::Train), _) => "train on it: a new job",
        (Command::Do(Keyed::Remove), Pane::Keys) => "disable it, or delete it",
        (Command::Do(Keyed::Remove), Pane::Grants) => "revoke it",
        (Command::Do(Keyed::Remove), Pane::Jobs) => "stop it",
        (Command::Do(Keyed::Remove), _) => "delete it",
        (Command::Do(Keyed::Restore), _) => "enable it, or keep it",
        (Command::Do(Keyed::Log), _) => "its log, followed",
        (Command::Do(Keyed::Preview), Pane::Jobs) => "the members of its model",
        (Command::Do(Keyed::Preview), _) => "its beginning, decrypted",
        (Command::Enter, Pane::Objects | Pane::Files) => "open it",
        (Command::Enter, _) => "all of its details",
        (Command::Mark, _) => "mark it, to take several",
        (Command::Parent, _) => "one level up",
        (Command::Actions, _) => "all else it is good for",
        (command, _) => command.entry().name,
    }
}

/// What is everywhere, by what it is for, in few words.
const GROUPS: &[(&str, &[(Command, &str)])] = &[
    (
        "Rows",
        &[
            (Command::Back, "back, close"),
            (Command::MarkAll, "mark all"),
            (Command::MarkInvert, "invert marks"),
            (Command::MarkRange, "mark up to here"),
            (Command::Filter, "filter"),
            (Command::Sort, "sort"),
            (Command::Reverse, "reverse"),
            (Command::Copy, "copy"),
            (Command::CopyCommand, "copy as aws"),
            (Command::CopyAs, "copy as …"),
            (Command::Export, "save rows"),
            (Command::Refresh, "ask AWS again"),
        ],
    ),
    (
        "Look",
        &[
            (Command::Guide, "walk"),
            (Command::Chain, "chain"),
            (Command::Zoom, "pane alone"),
            (Command::Aside, "details beside"),
            (Command::Operations, "operations"),
            (Command::Messages, "messages"),
            (Command::Do(Keyed::Audit), "changes made"),
            (Command::Theme, "colours"),
        ],
    ),
    (
        "Go",
        &[
            (Command::Open, "open by name"),
            (Command::Bookmark, "bookmark"),
            (Command::Bookmarks, "bookmarks"),
            (Command::Context, "account, role"),
            (Command::LogIn, "log in"),
            (Command::Palette, "commands"),
            (Command::Help, "help"),
            (Command::Redraw, "redraw"),
            (Command::Suspend, "suspend"),
            (Command::Quit, "quit"),
        ],
    ),
];

/// What the keys of a log are for.
const OF_LOG: &[(Command, &str)] = &[
    (Command::Filter, "search"),
    (Command::NextMatch, "next match"),
    (Command::PreviousMatch, "match before"),
    (Command::Only, "only matching lines, or all"),
    (Command::Follow, "follow its end, or stop"),
    (Command::Times, "times, or none"),
    (Command::Wrap, "wrap long lines, or cut them"),
    (Command::Host, "one host alone, then the next"),
    (Command::Save, "save all of it"),
];

/// And those of who can and who did.
const OF_WHO: &[(Command, &str)] = &[
    (Command::NextPane, "who can, who did"),
    (Command::Enter, "what it rests on"),
    (Command::Save, "keep as evidence"),
    (Command::Refresh, "read it again"),
];

/// What lies under the help, if that has keys of its own.
fn below(state: &State) -> Option<(&'static str, &'static [(Command, &'static str)])> {
    match state
        .overlays
        .iter()
        .rev()
        .find(|overlay| !matches!(overlay, Overlay::Help(_)))?
    {
        Overlay::Log(_) => Some(("In a log", OF_LOG)),
        Overlay::Who(_) => Some(("In who can, who did", OF_WHO)),
        _ => None,
    }
}

fn bound(state: &State, keys: &[(Command, &str)]) -> Vec<Entry> {
    let keymap = &state.settings.keymap;
    let keys = keys
        .iter()
        .map(|(command, words)| (keymap.key(*command), (*words).to_owned()));
    keys.filter(|(key, _)| !key.is_empty()).collect()
}

/// What has nothing to do with the row.
fn everywhere(state: &State, keys: &[(Command, &str)]) -> Vec<Entry> {
    let is_of_marks = |command: Command| matches!(command, Command::MarkAll | Command::MarkInvert | Command::MarkRange);
    let works = |(command, _): &&(Command, &str)| !is_of_marks(*command) || state.is_available(*command);
    let keys: Vec<(Command, &str)> = keys.iter().filter(works).copied().collect();
    bound(state, &keys)
}

/// Every key that only moves.
fn moves(state: &State) -> Vec<Entry> {
    let panes: Vec<String> = Pane::ALL
        .iter()
        .map(|pane| keys_of(state, Command::Focus(*pane)))
        .collect();
    let both = |one: Command, other: Command| format!("{} {}", keys_of(state, one), keys_of(state, other));
    let groups = [
        (panes.join(" "), "panes"),
        (both(Command::NextPane, Command::PreviousPane), "next, previous"),
        (both(Command::Down, Command::Up), "rows"),
        (both(Command::PageDown, Command::PageUp), "pages"),
        (both(Command::Top, Command::Bottom), "ends"),
        (both(Command::Left, Command::Right), "sideways"),
        (both(Command::HalfDown, Command::HalfUp), "half pages"),
        (
            format!(
                "{} {}",
                state.settings.keymap.key(Command::Before),
                state.settings.keymap.key(Command::After)
            ),
            "back, forward",
        ),
        (
            format!(
                "{} {}",
                both(Command::BorderLeft, Command::BorderRight),
                both(Command::BorderUp, Command::BorderDown)
            ),
            "borders",
        ),
    ];
    let groups = groups.into_iter();
    groups.map(|(keys, words)| (keys, words.to_owned())).collect()
}
