//! Operations in flight, and the newest message; where nothing was said, what `e` would do.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::Theme;
use super::put::put;
use crate::app::command::Keyed;
use crate::app::format::{self, Tone};
use crate::app::operations::{Operation, Standing};
use crate::app::{Command, Overlay, Pane, State, reader_text};
use crate::domain::explain::explain_text;
use crate::domain::{FaultKind, Job, KeyState};

/// Cells of a bar.
const BAR: usize = 20;
/// Cells of a key's name that are worth a longer sentence.
const NAMED: usize = 12;
/// With less cells a file's size makes room for names.
const ROOMY: usize = 60;

pub(super) fn operations(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    let running = state.operations.running().rev().take(usize::from(area.height));
    let lines: Vec<Line> = running
        .map(|operation| operation_line(operation, theme, usize::from(area.width)))
        .collect();
    put(frame, area, &lines);
}

/// What it does, how far, how fast, how long still.
pub(super) fn operation_line(operation: &Operation, theme: &Theme, columns: usize) -> Line<'static> {
    let mut spans = vec![Span::raw(" ")];
    let (figures, tone) = figures(operation);
    let room = columns.saturating_sub(format::width(&figures) + 4);
    let with_bar = operation.is_running() && room > BAR + 16;
    let room = if with_bar { room - BAR - 2 } else { room };
    let title = if operation.progress.item.is_empty() || operation.progress.items.is_none() {
        operation.title().into_owned()
    } else {
        format!("{} · {}", operation.title(), operation.progress.item)
    };
    spans.push(Span::raw(format::fit(&title, room)));
    spans.push(Span::raw("  "));
    if with_bar {
        let (done, rest) = bar(operation.share());
        spans.push(Span::styled(done, theme.bar));
        spans.push(Span::styled(rest, theme.tone(Tone::Dim)));
        spans.push(Span::raw("  "));
    }
    spans.push(Span::styled(figures, theme.tone(tone)));
    Line::from(spans)
}

fn bar(share: Option<f64>) -> (String, String) {
    let Some(share) = share else {
        return (String::new(), "·".repeat(BAR));
    };
    let cells = share * BAR as f64;
    let done = (cells as usize).min(BAR);
    (("━").repeat(done), "─".repeat(BAR - done))
}

fn figures(operation: &Operation) -> (String, Tone) {
    match &operation.standing {
        Standing::Cancelling => return ("cancelling…".to_owned(), Tone::Warn),
        Standing::Done(..) => return (format!("done{}", took(operation, " in")), Tone::Good),
        Standing::Failed(_, fault) if fault.kind == FaultKind::Cancelled => {
            return (format!("cancelled{}", took(operation, " after")), Tone::Warn);
        }
        Standing::Failed(..) => return (format!("failed{}", took(operation, " after")), Tone::Bad),
        Standing::Running => {}
    }
    let progress = &operation.progress;
    let mut parts = Vec::new();
    if !progress.phase.is_empty() {
        parts.push(progress.phase.clone());
    }
    if let Some((done, all)) = progress.items {
        parts.push(format!("{done}/{all} files"));
    }
    if let Some(share) = operation.share() {
        parts.push(format!("{:.0}%", share * 100.0));
    }
    match progress.total {
        Some(total) => parts.push(format!("{}/{}", format::size(progress.bytes), format::size(total))),
        None if progress.bytes > 0 => parts.push(format::size(progress.bytes)),
        None => {}
    }
    if let Some(rate) = operation.rate {
        parts.push(format!("{}/s", format::size(rate as u64)));
    }
    if let Some(seconds) = operation.seconds_left() {
        parts.push(format!("{} left", format::span(seconds)));
    }
    if parts.is_empty() {
        parts.push("…".to_owned());
    }
    (parts.join("  "), Tone::Plain)
}

/// How long it took, and how fast it was on average.
fn took(operation: &Operation, word: &str) -> String {
    let Some(seconds) = operation.took() else {
        return String::new();
    };
    let took = match seconds {
        0 => "under 1s".to_owned(),
        seconds => format::span(seconds),
    };
    let average = operation.average();
    let average = average.map(|rate| format!(", {}/s", format::size(rate as u64)));
    format!("{word} {took}{}", average.unwrap_or_default())
}

pub(super) fn message(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    let columns = usize::from(area.width);
    let line = match state.messages.unread() {
        Some(message) => {
            let more = state.messages.count_unread();
            let key = state.settings.keymap.key(Command::Messages);
            let tail = if more > 1 {
                format!("  {more} unread, {key} reads")
            } else if format::width(&message.text) > columns.saturating_sub(2) {
                format!("  {key} reads")
            } else {
                String::new()
            };
            let room = columns.saturating_sub(2 + format::width(&tail));
            Line::from(vec![
                Span::styled("● ", theme.tone(message.tone)),
                Span::styled(format::cut(&message.text, room), theme.tone(message.tone)),
                Span::styled(tail, theme.tone(Tone::Dim)),
            ])
        }
        None => plan(state, theme, columns),
    };
    put(frame, area, &[line]);
}

/// Why the selected job did not end well.
fn failure(state: &State, theme: &Theme, columns: usize) -> Line<'static> {
    let Some(why) = state.jobs.current().and_then(Job::cause) else {
        return Line::default();
    };
    let refused = explain_text(&why).and_then(|refused| {
        let (who, call) = (refused.who?, refused.call?);
        let name = who.split('/').nth(1).unwrap_or(&who);
        Some(format!("{name} may not call {call}: {}", refused.remedy))
    });
    let again = state
        .jobs
        .current()
        .and_then(|job| reader_text::again(state, &job.id()));
    let refused = again.map(|words| format!("{words} Start it again.")).or(refused);
    let why = refused.as_deref().unwrap_or(&why);
    let key = state.settings.keymap.key(Command::Enter);
    let tail = match state.overlays.last() {
        None => format!("  {key} explains"),
        Some(_) => String::new(),
    };
    let room = columns.saturating_sub(format::width(&tail) + 2);
    let words = format::Line::new(Tone::Bad, "✗ ")
        .and(Tone::Bad, format::cut(why, room))
        .and(Tone::Dim, tail);
    super::line(&words, theme, columns)
}

/// The chain as it stands: which file would go where, under which key.
fn plan(state: &State, theme: &Theme, columns: usize) -> Line<'static> {
    if state.focus == Pane::Jobs {
        return failure(state, theme, columns);
    }
    let encrypts = Command::Do(Keyed::Encrypt);
    let is_here = match state.overlays.last() {
        None => !state.typing,
        Some(Overlay::Details(shown)) => shown.subject.takes(encrypts) && !state.search.typing,
        Some(_) => false,
    };
    if state.settings.is_read_only() || !is_here {
        return Line::default();
    }
    let (file, bytes) = match (state.files.marked(), state.files.current()) {
        (0, None) => (None, String::new()),
        (0, Some(file)) if file.is_dir => (Some(format!("{}/", file.name)), String::new()),
        (0, Some(file)) => (Some(file.name.clone()), format!(" ({})", format::size(file.size))),
        (marked, _) => (Some(format::count(marked, "marked file")), String::new()),
    };
    let encrypt = (Tone::Accent, state.settings.keymap.key(encrypts));
    if let Some(key) = state.key()
        && let Some(detail) = key.detail.as_ref().filter(|detail| detail.state != KeyState::Enabled)
    {
        let mut words = [" encrypts nothing under ", ": it is ", detail.state.as_str()];
        let used = |words: &[&str]| encrypt.1.len() + words.iter().map(|words| format::width(words)).sum::<usize>();
        if used(&words) + NAMED > columns {
            words[..2].copy_from_slice(&[": ", " is "]);
        }
        let used = used(&words);
        let words = format::Line(vec![
            encrypt,
            (Tone::Dim, words[0].to_owned()),
            (
                Tone::Plain,
                format::cut_middle(key.name(), columns.saturating_sub(used)),
            ),
            (Tone::Warn, words[1..].concat()),
        ]);
        return super::line(&words, theme, columns);
    }
    let (Some(file), Some(key), Some((bucket, prefix))) = (&file, state.key(), &state.place) else {
        let wanted = [
            (state.key().is_none(), "a key is selected (1)"),
            (state.place.is_none(), "a bucket is open (3)"),
            (file.is_none(), "a file is selected (5)"),
        ];
        let wanted: Vec<&str> = wanted
            .iter()
            .filter(|(is_wanted, _)| *is_wanted)
            .map(|(_, words)| *words)
            .collect();
        let words = format::Line(vec![
            encrypt,
            (Tone::Dim, " encrypts once ".to_owned()),
            (Tone::Warn, listed(&wanted)),
        ]);
        return super::line(&words, theme, columns);
    };
    let place = format!("s3://{bucket}/{prefix}");
    let bytes = if columns < ROOMY { String::new() } else { bytes };
    let words = [" encrypts ", bytes.as_str(), " under ", " to "];
    let used = encrypt.1.len() + words.iter().map(|words| format::width(words)).sum::<usize>();
    let names = [file, key.name(), place.as_str()].map(|name| format::width(&format::clean(name)));
    let [of_file, of_key, of_place] = shares(names, columns.saturating_sub(used));
    let words = format::Line(vec![
        encrypt,
        (Tone::Dim, words[0].to_owned()),
        (Tone::Plain, format::cut_middle(file, of_file)),
        (Tone::Dim, bytes.clone()),
        (Tone::Dim, words[2].to_owned()),
        (Tone::Plain, format::cut_middle(key.name(), of_key)),
        (Tone::Dim, words[3].to_owned()),
        (Tone::Plain, format::cut_front(&place, of_place)),
    ]);
    super::line(&words, theme, columns)
}

/// `a, b and c`.
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// So many cells for names of these widths: the widest have less where not all have what they need.
fn shares<const N: usize>(mut widths: [usize; N], room: usize) -> [usize; N] {
    while widths.iter().sum::<usize>() > room {
        match widths.iter_mut().max() {
            Some(widest) if *widest > 0 => *widest -= 1,
            _ => break,
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_names_are_cut_and_the_short_ones_stay_whole() {
        assert_eq!(shares([10, 8, 20], 40), [10, 8, 20]);
        assert_eq!(shares([10, 200, 20], 40), [10, 15, 15]);
        assert_eq!(shares([9, 9, 9], 0), [0, 0, 0]);
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
    }
}
