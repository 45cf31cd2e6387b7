//! What readers show, as lines: help, messages, details, reports. The core needs their number for scrolling, the
//! drawing their words.

use super::act::is_available;
use super::command::{COMMANDS, Command};
use super::overlay::{Details, Overlay, Subject};
use super::pane::{self, files, grants, jobs, keys, objects};
use super::state::State;
use super::table::Row;
use super::text::{self, Line, Tone};
use crate::domain::{Fault, FaultKind};

/// The lines of the topmost overlay, at most `columns` wide; none if it is no text.
pub fn lines(state: &State, columns: usize) -> Vec<Line> {
    match state.overlays.last() {
        Some(Overlay::Help(_)) => help(state, columns),
        Some(Overlay::Messages(_)) => messages(state, columns),
        Some(Overlay::Details(shown)) => details(state, shown, columns),
        Some(Overlay::Report(report)) => report.lines.iter().flat_map(|line| wrapped(line, columns)).collect(),
        _ => Vec::new(),
    }
}

/// The topmost overlay as plain text.
pub(super) fn text(state: &State) -> String {
    let lines = lines(state, usize::from(u16::MAX));
    lines.iter().map(Line::text).collect::<Vec<_>>().join("\n")
}

fn wrapped(line: &Line, columns: usize) -> Vec<Line> {
    if text::width(&line.text()) <= columns {
        return vec![line.clone()];
    }
    let tone = line.0.first().map_or(Tone::Plain, |(tone, _)| *tone);
    let pieces = text::wrap(&line.text(), columns);
    pieces.into_iter().map(|piece| Line::new(tone, piece)).collect()
}

/// From this width on there is room for the commands' names.
const NAMED: usize = 100;

fn help(state: &State, columns: usize) -> Vec<Line> {
    let keymap = &state.settings.keymap;
    let moves =
        |command: Command| (Command::Zoom..=Command::Bottom).contains(&command) || matches!(command, Command::Focus(_));
    let mut lines = Vec::new();
    let mut section = |title: String, wanted: &dyn Fn(Command) -> bool| {
        if !lines.is_empty() {
            lines.push(Line::blank());
        }
        lines.push(Line::new(Tone::Heading, title));
        for entry in COMMANDS.iter().filter(|entry| wanted(entry.command)) {
            let mut keys = text::fit(&keymap.keys(entry.command).join(" "), 14);
            let mut name = if columns < NAMED {
                String::new()
            } else {
                text::fit(entry.name, 15)
            };
            let room = columns.saturating_sub(text::width(&keys) + text::width(&name));
            for help in text::wrap(entry.help, room) {
                let line = Line::new(Tone::Accent, keys.clone()).and(Tone::Plain, name.clone());
                lines.push(line.and(Tone::Dim, help));
                keys = " ".repeat(keys.len());
                name = " ".repeat(name.len());
            }
        }
    };
    let here = |command: Command| is_available(state, command) && !moves(command);
    section(format!("In {}", state.focus.name()), &here);
    section("Moving".to_owned(), &moves);
    section("Elsewhere".to_owned(), &|command| {
        !is_available(state, command) && !moves(command)
    });
    lines.push(Line::blank());
    lines.push(Line::new(Tone::Heading, "Signs"));
    for (sign, meaning) in [
        (
            "◆",
            "belongs to the selected key: its data key is wrapped by it, the job uses it",
        ),
        ("✓", "marked"),
        ("▸", "the cursor"),
    ] {
        lines.push(Line::new(Tone::Accent, text::fit(sign, 14)).and(Tone::Dim, meaning));
    }
    lines
}

fn messages(state: &State, columns: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for message in state.messages.newest_first() {
        let times = if message.times > 1 {
            format!(" ({} times)", message.times)
        } else {
            String::new()
        };
        let at = message.at.strftime("%H:%M:%S  ").to_string();
        let margin = " ".repeat(at.len());
        let said = text::wrap(&format!("{}{times}", message.text), columns.saturating_sub(10));
        for (index, piece) in said.into_iter().enumerate() {
            let head = if index == 0 { &at } else { &margin };
            lines.push(Line::new(Tone::Dim, head.clone()).and(message.tone, piece));
        }
        if let Some(fault) = &message.fault {
            for piece in explanation(fault) {
                for piece in text::wrap(&piece, columns.saturating_sub(10)) {
                    lines.push(Line::new(Tone::Dim, margin.clone()).and(Tone::Dim, piece));
                }
            }
        }
    }
    if lines.is_empty() {
        lines.push(Line::new(Tone::Dim, "Nothing was said yet."));
    }
    lines
}

/// What a fault means beyond its own words.
fn explanation(fault: &Fault) -> Vec<String> {
    let mut lines = Vec::new();
    let meaning = match fault.kind {
        FaultKind::Denied => "AWS refused the caller: its identity policy, the resource's policy or a missing grant.",
        FaultKind::NoCredentials => "No credentials were found in environment, profiles, SSO or instance metadata.",
        FaultKind::Expired => "The session is over; log in again and press r.",
        FaultKind::Throttled => "AWS asked to slow down; it is asked again by itself, more slowly.",
        FaultKind::WrongRegion => "It lives in another region than this session's.",
        FaultKind::Unreachable | FaultKind::Timeout => "The endpoint did not answer; it is asked again by itself.",
        FaultKind::KeyState => "The key's state forbids it: see its details (1, Enter).",
        FaultKind::Integrity => {
            "What is stored is not what was written under this name and key. Nothing was published."
        }
        FaultKind::DiskFull => "There was no room; nothing was left under the final name.",
        _ => "",
    };
    if !meaning.is_empty() {
        lines.push(meaning.to_owned());
    }
    if let Some(code) = &fault.code {
        let id = fault
            .request_id
            .as_deref()
            .map(|id| format!(", request {id}"))
            .unwrap_or_default();
        lines.push(format!("{code}{id}"));
    }
    lines
}

fn details(state: &State, details: &Details, columns: usize) -> Vec<Line> {
    let page = details.subject.pages().get(details.page).copied().unwrap_or("Overview");
    let gone = || vec![Line::new(Tone::Warn, "It is not listed any more.")];
    match &details.subject {
        Subject::Key(arn) => {
            let Some(key) = found(state.keys.rows(), arn) else {
                return gone();
            };
            match page {
                "Policy" => policy(state, arn, columns),
                "JSON" => pane::json_lines(&keys::json(key), columns),
                _ => keys::overview(key, state.refusal(arn), state.linked(), state.now, columns),
            }
        }
        Subject::Grant(id) => match found(state.grants.rows(), id) {
            None => gone(),
            Some(grant) if page == "JSON" => pane::json_lines(&grants::json(grant), columns),
            Some(grant) => grants::overview(grant, columns),
        },
        Subject::Bucket(name) => match found(state.buckets.rows(), name) {
            None => gone(),
            Some(bucket) => objects::bucket_overview(bucket, columns),
        },
        Subject::Object(name) => {
            let bucket = state.place.as_ref().map_or("", |(bucket, _)| bucket.as_str());
            let Some(row) = found(state.objects.rows(), name) else {
                return gone();
            };
            if page == "JSON" {
                return pane::json_lines(&objects::json(bucket, row), columns);
            }
            let key = objects::info(row).and_then(|info| info.kms_key_arn.as_deref());
            let key_name = key.and_then(|arn| state.key_name(arn));
            objects::overview(bucket, row, state.refusal(name), key_name, columns)
        }
        Subject::Job(name) => match found(state.jobs.rows(), name) {
            None => gone(),
            Some(job) if page == "JSON" => pane::json_lines(&jobs::json(job), columns),
            Some(job) => jobs::overview(job, state.refusal(name), state.now, columns),
        },
        Subject::File(path) => match state.files.rows().iter().find(|file| file.path == *path) {
            None => gone(),
            Some(file) => files::overview(file, columns),
        },
    }
}

fn found<'a, T: Row>(rows: &'a [T], id: &str) -> Option<&'a T> {
    rows.iter().find(|row| row.id() == id)
}

fn policy(state: &State, arn: &str, columns: usize) -> Vec<Line> {
    match &state.policy {
        Some((of, Ok(text))) if of == arn => match serde_json::from_str(text) {
            Ok(value) => pane::json_lines(&value, columns),
            Err(_) => text::wrap(text, columns)
                .into_iter()
                .map(|line| Line::new(Tone::Plain, line))
                .collect(),
        },
        Some((of, Err(fault))) if of == arn => {
            let lines = text::wrap(&fault.to_string(), columns);
            lines.into_iter().map(|line| Line::new(Tone::Warn, line)).collect()
        }
        _ => vec![Line::new(Tone::Dim, "asking…")],
    }
}
