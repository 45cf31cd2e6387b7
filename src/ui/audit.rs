//! The audit log: its columns, as many rows as there is room for.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::put::put;
use super::{Hits, Theme, boxed, filled, line, position};
use crate::app::Hit;
use crate::app::audit::{self, Audit};
use crate::app::format::{self, Tone};
use crate::app::fuzzy::Fuzzy;
use crate::app::line::with_caret;

/// Cells before each row, for the cursor.
const SIGN: usize = 2;

pub(super) fn render(frame: &mut Frame, area: Rect, theme: &Theme, log: &Audit, hits: &mut Hits) {
    let inner = boxed(
        frame,
        area,
        "Every change that was asked for, newest first",
        theme.focus,
    );
    let columns = usize::from(inner.width).saturating_sub(SIGN);
    let rows = usize::from(inner.height).saturating_sub(1);
    let mut head = line(&audit::heading(columns), theme, columns);
    head.spans.insert(0, Span::raw(" ".repeat(SIGN)));
    let mut lines = vec![head];
    let rows = log.screen(columns, rows);
    let cursor = rows.iter().position(|(is_cursor, _)| *is_cursor).unwrap_or(0);
    let mut fuzzy = Fuzzy::new(log.filter.value());
    for (row, (is_cursor, words)) in rows.into_iter().enumerate() {
        hits.add_row(inner, lines.len(), Hit::Line(row.cast_signed() - cursor.cast_signed()));
        let mut shown = line(&fuzzy.mark(&words), theme, columns);
        let sign = if is_cursor { "▸ " } else { "  " };
        shown.spans.insert(0, Span::styled(sign, theme.tone(Tone::Accent)));
        let style = if is_cursor { theme.cursor } else { Style::new() };
        lines.push(filled(shown, columns + SIGN).style(style));
    }
    let (all, shown) = log.count();
    if shown == 0 {
        let words = if all == 0 {
            "No change was asked for yet."
        } else {
            "No change fits the filter."
        };
        lines.push(Line::styled(words, theme.tone(Tone::Dim)));
    }
    put(frame, inner, &lines);
    let mut words = if shown == all {
        format::count(all, "change")
    } else {
        format!("{shown} of {}", format::count(all, "change"))
    };
    if log.typing || !log.filter.value().is_empty() {
        let filter = if log.typing {
            with_caret(&log.filter)
        } else {
            log.filter.value().to_owned()
        };
        words = format!("/{} · {words}", format::clean(&filter));
    }
    position(frame, area, theme, &words);
}
