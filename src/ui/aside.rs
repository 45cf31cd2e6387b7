//! The details beside the list.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::put::put;
use super::{Theme, boxed, line, position};
use crate::app::format::{Line as Words, Tone};
use crate::app::{Command, State, aside};

/// From so many columns on they are set in two.
const TWO: usize = 90;
/// Cells between them.
const GAP: usize = 2;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    let inner = boxed(frame, area, "Details", theme.frame);
    let (columns, rows) = (usize::from(inner.width), usize::from(inner.height));
    let parts = if columns < TWO { 1 } else { 2 };
    let columns = (columns - GAP * (parts - 1)) / parts;
    let Some(words) = aside::lines(state, columns, rows * parts) else {
        let nothing = Line::styled("Nothing is selected.", theme.tone(Tone::Dim));
        return put(frame, inner, &[nothing]);
    };
    let (first, second) = words.split_at(turn(&words, rows, parts));
    let second = second.strip_prefix(&[Words::blank()]).unwrap_or(second);
    let mut part = inner;
    part.width = u16::try_from(columns).unwrap_or(inner.width);
    for words in [first, second].into_iter().take(parts) {
        let shown: Vec<Line> = words
            .iter()
            .take(rows)
            .map(|words| line(words, theme, columns))
            .collect();
        put(frame, part, &shown);
        part.x += part.width + GAP as u16;
    }
    if first.len() > rows || second.len() > rows {
        let key = state.settings.keymap.key(Command::Enter);
        position(frame, area, theme, &format!("{key} shows all"));
    }
}

/// Where the second column begins: at the last gap from which on all has room, else where the first is full.
fn turn(words: &[Words], rows: usize, parts: usize) -> usize {
    if parts == 1 || words.len() <= rows {
        return words.len();
    }
    let gaps = words
        .iter()
        .enumerate()
        .take(rows + 1)
        .filter(|(_, line)| line.0.is_empty());
    let fits = |at: &usize| words.len() - at <= rows + 1;
    gaps.map(|(at, _)| at).rfind(fits).unwrap_or(rows)
}
