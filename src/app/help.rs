//! What `?` shows: the keys of the place with the cursor, then all others, on one page of a small terminal. Their sentences are
//! in the palette.

use super::command::{COMMANDS, Command, Keyed};
use super::format::{self, Line, Tone};
use super::pane::Pane;
use super::state::State;

/// Cells of a key in front of its words.
const KEY: usize = 8;
/// Cells of the word in front of what flows.
const HEADING: usize = 7;

/// The page.
pub(super) fn lines(state: &State, columns: usize) -> Vec<Line> {
    let mut lines = vec![Line::new(Tone::Heading, format!("In {}", state.focus.name()))];
    let here = here(state);
    lines.extend(in_two(&here, columns));
    lines.extend(flow("Else", Tone::Plain, everywhere(state), columns));
    lines.extend(flow("Move", Tone::Dim, moves(state), columns));
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
    lines
}

/// Keys and words in two columns.
fn in_two(entries: &[(String, String)], columns: usize) -> Vec<Line> {
    let (cells, rows) = (columns.saturating_sub(2) / 2, entries.len().div_ceil(2));
    let line = |row: usize| {
        let of_row = (0..2).filter_map(|column| entries.get(column * rows + row));
        of_row.fold(Line::blank(), |line, (keys, words)| {
            line.and(Tone::Accent, format::fit(keys, KEY))
                .and(Tone::Plain, format::fit(words, cells.saturating_sub(KEY)))
        })
    };
    (0..rows).map(line).collect()
}

/// Keys and words one after the other, as many a line as there is room for.
fn flow(heading: &str, tone: Tone, entries: Vec<(String, String)>, columns: usize) -> Vec<Line> {
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
fn here(state: &State) -> Vec<(String, String)> {
    let is_local = |command: Command| match command {
        Command::Do(Keyed::Audit) => false,
        Command::Do(_) | Command::Enter | Command::Mark | Command::Parent | Command::Actions => true,
        Command::Follow | Command::Wrap | Command::Times | Command::Host | Command::Save => true,
        Command::NextMatch | Command::PreviousMatch | Command::Only => true,
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

/// What has nothing to do with the row.
fn everywhere(state: &State) -> Vec<(String, String)> {
    let is_here = |command: Command| matches!(command, Command::Do(Keyed::Audit)) || !matches!(command, Command::Do(_));
    let is_elsewhere = |command: Command| {
        is_here(command)
            && !is_move(command)
            && !matches!(
                command,
                Command::Enter
                    | Command::Mark
                    | Command::Parent
                    | Command::Actions
                    | Command::Follow
                    | Command::Wrap
                    | Command::Times
                    | Command::Host
                    | Command::NextMatch
                    | Command::PreviousMatch
                    | Command::Only
                    | Command::Save
            )
    };
    let is_of_marks = |command: Command| matches!(command, Command::MarkAll | Command::MarkInvert | Command::MarkRange);
    let works = |command: Command| !is_of_marks(command) || state.is_available(command);
    let all = COMMANDS
        .iter()
        .filter(|entry| is_elsewhere(entry.command) && works(entry.command));
    let name = |command: Command| match command {
        Command::CopyCommand => "copy as aws",
        command => command.entry().name,
    };
    all.map(|entry| (state.settings.keymap.key(entry.command), name(entry.command).to_owned()))
        .collect()
}

fn is_move(command: Command) -> bool {
    matches!(
        command,
        Command::Focus(_)
            | Command::NextPane
            | Command::PreviousPane
            | Command::Down
            | Command::Up
            | Command::PageDown
            | Command::PageUp
            | Command::Top
            | Command::Bottom
            | Command::Before
            | Command::After
            | Command::BorderLeft
            | Command::BorderRight
            | Command::BorderUp
            | Command::BorderDown
    )
}

/// Every key that only moves.
fn moves(state: &State) -> Vec<(String, String)> {
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
