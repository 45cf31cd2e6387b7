//! An audit: bars by kind and by KMS key, then rows.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::put::put;
use super::{Hits, Theme, boxed, filled, line, position};
use crate::app::Hit;
use crate::app::format::{self, Tone};
use crate::app::fuzzy::Fuzzy;
use crate::app::inventory::{self, Bars, Inventory};
use crate::app::line::with_caret;

/// Cells before each row, for the cursor.
const SIGN: usize = 2;
/// Lines below the rows, about the one with the cursor.
const FOOTNOTE: u16 = 2;

pub(super) fn render(frame: &mut Frame, area: Rect, theme: &Theme, shown: &Inventory, hits: &mut Hits) {
    let title = format!("Audit of {}", shown.report.summary.place);
    let inner = boxed(frame, area, &title, theme.focus);
    let [kinds, keys] = &shown.bars;
    let most = kinds.all.len().max(keys.all.len());
    let wanted = u16::try_from(most + usize::from(most > 0)).unwrap_or(u16::MAX);
    let bars = wanted.min(inner.height / 3);
    let columns = usize::from(inner.width);
    let qualified = shown.qualified(columns);
    let parts = [
        Constraint::Length(1),
        Constraint::Length(u16::try_from(qualified.len()).unwrap_or(u16::MAX).min(inner.height / 3)),
        Constraint::Length(bars),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(FOOTNOTE.min(inner.height / 5)),
    ];
    let [head, rest, chart, _, table, foot] = Layout::vertical(parts).areas(inner);
    put(frame, head, &[line(&shown.heading(), theme, columns)]);
    let qualified: Vec<Line> = qualified.iter().map(|words| line(words, theme, columns)).collect();
    put(frame, rest, &qualified);
    let [left, right] = Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)])
        .spacing(2)
        .areas(chart);
    chart_of(frame, left, theme, ("KIND", kinds));
    chart_of(frame, right, theme, ("KMS KEY", keys));
    rows(frame, table, theme, shown, hits);
    let foot_lines = shown.footnote(columns, usize::from(foot.height));
    let foot_lines: Vec<Line> = foot_lines.iter().map(|words| line(words, theme, columns)).collect();
    put(frame, foot, &foot_lines);
    position(frame, area, theme, &counted(shown));
}

/// What they are of, and as many bars as there is room for; the last line says how many are not shown.
fn chart_of(frame: &mut Frame, area: Rect, theme: &Theme, (name, bars): (&str, &Bars)) {
    let (columns, rows) = (usize::from(area.width), usize::from(area.height).saturating_sub(1));
    let room = if bars.all.len() > rows {
        rows.saturating_sub(1)
    } else {
        rows
    };
    let shown = bars.all.iter().take(room);
    let mut lines = Vec::new();
    if !bars.all.is_empty() {
        lines.push(Line::styled(format::cut(name, columns), theme.tone(Tone::Dim)));
    }
    let drawn = |bar| line(&inventory::bar_line(bar, bars.most, columns), theme, columns);
    lines.extend(shown.clone().map(drawn));
    if bars.all.len() > room && rows > 0 {
        let rest = bars.objects - shown.map(|bar| bar.tally.objects).sum::<u64>();
        let words = format!("and {} more, of {rest}", bars.all.len() - room);
        lines.push(Line::styled(format::cut(&words, columns), theme.tone(Tone::Dim)));
    }
    put(frame, area, &lines);
}

fn rows(frame: &mut Frame, area: Rect, theme: &Theme, shown: &Inventory, hits: &mut Hits) {
    let columns = usize::from(area.width).saturating_sub(SIGN);
    let mut head = line(&inventory::heading(columns), theme, columns);
    head.spans.insert(0, Span::raw(" ".repeat(SIGN)));
    let mut lines = vec![head];
    let rows = shown.screen(columns, usize::from(area.height).saturating_sub(1));
    let cursor = rows.iter().position(|(is_cursor, _)| *is_cursor).unwrap_or(0);
    let mut fuzzy = Fuzzy::new(shown.filter.value());
    for (row, (is_cursor, words)) in rows.into_iter().enumerate() {
        hits.add_row(area, lines.len(), Hit::Line(row.cast_signed() - cursor.cast_signed()));
        let mut drawn = line(&fuzzy.mark(&words), theme, columns);
        let sign = if is_cursor { "▸ " } else { "  " };
        drawn.spans.insert(0, Span::styled(sign, theme.tone(Tone::Accent)));
        let style = if is_cursor { theme.cursor } else { Style::new() };
        lines.push(filled(drawn, columns + SIGN).style(style));
    }
    let (all, passing) = shown.count();
    if passing == 0 {
        let words = if all == 0 {
            "There is nothing in it."
        } else {
            "No row fits the filter."
        };
        lines.push(Line::styled(words, theme.tone(Tone::Dim)));
    }
    put(frame, area, &lines);
}

fn counted(shown: &Inventory) -> String {
    let (all, passing) = shown.count();
    let mut words = if passing == all {
        format::count(all, "row")
    } else {
        format!("{passing} of {}", format::count(all, "row"))
    };
    if shown.report.dropped > 0 {
        words = format!("{words}, {} not kept", shown.report.dropped);
    }
    if shown.typing || !shown.filter.value().is_empty() {
        let filter = if shown.typing {
            with_caret(&shown.filter)
        } else {
            shown.filter.value().to_owned()
        };
        words = format!("/{} · {words}", format::clean(&filter));
    }
    words
}
