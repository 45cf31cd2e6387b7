//! What is read over the panes: help, messages, details, reports, logs, operations.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::put::put;
use super::{Hits, Theme, audit, boxed, filled, inventory, job_log, line, metrics, position, rows, status, who};
use crate::app::format::{self, Tone};
use crate::app::operations::Standing;
use crate::app::overlay::{Details, Matrix};
use crate::app::{Hit, Overlay, State, matrix, reader_text};
use crate::domain::Door;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, overlay: &Overlay, hits: &mut Hits) {
    let (title, scroll) = match overlay {
        Overlay::Help(scroll) => ("Help".to_owned(), scroll.0),
        Overlay::Review(review) => ("Key policy".to_owned(), review.scroll.0),
        Overlay::Preview(shown) => (shown.preview.source.clone(), shown.scroll.0),
        Overlay::Messages(id) => return rows::messages(frame, area, state, theme, *id, hits),
        Overlay::Matrix(shown) => return self::matrix(frame, area, theme, shown, hits),
        Overlay::Results(list) => return rows::results(frame, area, theme, list, hits),
        Overlay::Versions(shown) => return rows::versions(frame, area, state, theme, shown, hits),
        Overlay::Comparing(shown) => (format!("Two versions of {}", shown.comparison.object), shown.scroll.0),
        Overlay::CleanUp(shown) => return rows::clean_up(frame, area, state, theme, shown, hits),
        Overlay::Guide(walk) => return rows::guide(frame, area, state, theme, walk.row, hits),
        Overlay::Report(report) => (report.title.clone(), report.scroll.0),
        Overlay::Details(details) => (String::new(), details.scroll.0),
        Overlay::Log(log) => return job_log::render(frame, area, state, theme, log),
        Overlay::Audit(log) => return audit::render(frame, area, theme, log, hits),
        Overlay::Who(shown) => return who::render(frame, area, state, theme, shown, hits),
        Overlay::Inventory(shown) => return inventory::render(frame, area, theme, shown, hits),
        Overlay::Operations(id) => return operations(frame, area, state, theme, state.operations.row(*id), hits),
        Overlay::Confirm(_)
        | Overlay::Form(_)
        | Overlay::Palette(_)
        | Overlay::Code(_)
        | Overlay::Login(_)
        | Overlay::Menu(_)
        | Overlay::Sort(_)
        | Overlay::CopyAs(_)
        | Overlay::Interrupted(_) => {
            return;
        }
    };
    let inner = boxed(frame, area, &title, theme.focus);
    if let Overlay::Details(details) = overlay {
        let pages = pages(details, theme, title_row(area), hits);
        put(frame, title_row(area), &[pages]);
        if let Some(job) = metrics::of(state, details) {
            return metrics::render(frame, inner, theme, &job);
        }
    }
    let (columns, rows) = (usize::from(inner.width), usize::from(inner.height));
    let all = reader_text::lines(state, columns);
    let top = scroll.min(all.len().saturating_sub(rows));
    let search = &state.search;
    let shown: Vec<Line> = all
        .iter()
        .enumerate()
        .skip(top)
        .take(rows)
        .map(|(at, words)| line(&search.mark(words, search.is_at(at)), theme, columns))
        .collect();
    put(frame, inner, &shown);
    let mut words = String::new();
    if search.typing || search.is_on() {
        let found = match overlay {
            Overlay::Report(report) => report.found(),
            // Made anew for every frame.
            _ => all.iter().filter(|words| search.is_in(&words.text())).count(),
        };
        words = format!(
            "/{} in {}",
            format::clean(&search.shown()),
            format::count(found, "line")
        );
    }
    if all.len() > rows {
        let between = if words.is_empty() { "" } else { " · " };
        words = format!("{words}{between}{}–{} of {}", top + 1, top + rows, all.len());
    }
    if !words.is_empty() {
        position(frame, area, theme, &words);
    }
}

fn matrix(frame: &mut Frame, area: Rect, theme: &Theme, shown: &Matrix, hits: &mut Hits) {
    let inner = boxed(frame, area, "The story of the grant", theme.focus);
    let (columns, rows) = (usize::from(inner.width), usize::from(inner.height));
    let (all, row) = matrix::lines(shown, columns);
    // As much of what is open below the cursor as there is room for, and the cursor in any case.
    let cursor = row.start;
    let top = row.end.saturating_sub(rows).min(cursor);
    // The last row has what stands below the matrix in sight.
    let top = if shown.cursor + 1 == matrix::rows(shown) {
        all.len().saturating_sub(rows).min(cursor)
    } else {
        top
    };
    // Reasons stand between the rows of one that is open.
    let others = if shown.is_open { 0..0 } else { 0..matrix::rows(shown) };
    for row in others {
        let by = row.cast_signed() - shown.cursor.cast_signed();
        if let Some(line) = cursor.saturating_add_signed(by).checked_sub(top) {
            hits.add_row(inner, line, Hit::Line(by));
        }
    }
    let lines: Vec<Line> = all
        .iter()
        .skip(top)
        .take(rows)
        .map(|words| line(words, theme, columns))
        .collect();
    put(frame, inner, &lines);
    if all.len() > rows {
        let end = all.len().min(top + rows);
        position(frame, area, theme, &format!("{}–{end} of {}", top + 1, all.len()));
    }
}

fn title_row(area: Rect) -> Rect {
    Rect::new(area.x + 2, area.y, area.width.saturating_sub(4), area.height.min(1))
}

fn pages(details: &Details, theme: &Theme, area: Rect, hits: &mut Hits) -> Line<'static> {
    let mut spans = Vec::new();
    let mut from = 0;
    for (index, page) in details.subject.pages().iter().enumerate() {
        let style = if index == details.page {
            theme.tone(Tone::Heading)
        } else {
            theme.tone(Tone::Dim)
        };
        let words = format!(" {page} ");
        hits.add_cells(area, 0, (from, words.len()), Hit::Page(index));
        from += words.len();
        spans.push(Span::styled(words, style));
    }
    Line::from(spans)
}

fn operations(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, row: usize, hits: &mut Hits) {
    let inner = boxed(frame, area, "Operations", theme.focus);
    let columns = usize::from(inner.width);
    let mut lines = Vec::new();
    let mut cursor_line = 0;
    let mut starts = Vec::new();
    for (index, operation) in state.operations.newest_first().enumerate() {
        let is_cursor = index == row;
        if is_cursor {
            cursor_line = lines.len();
        }
        starts.push(lines.len());
        let sign = if is_cursor { "▸" } else { " " };
        let mut head = status::operation_line(operation, theme, columns.saturating_sub(2));
        head.spans.insert(0, Span::styled(sign, theme.tone(Tone::Accent)));
        let style = if is_cursor {
            theme.cursor
        } else {
            ratatui::style::Style::new()
        };
        lines.push(filled(head, columns).style(style));
        let (tone, words) = match &operation.standing {
            Standing::Running | Standing::Cancelling => {
                (Tone::Dim, format!("since {}", format::time(operation.started)))
            }
            Standing::Done(_, words) => (Tone::Dim, words.clone()),
            Standing::Failed(_, fault) => (Tone::Bad, fault.at(Door::Dashboard)),
        };
        for piece in format::wrap(&words, columns.saturating_sub(2)) {
            lines.push(Line::styled(format!("  {piece}"), theme.tone(tone)));
        }
    }
    if lines.is_empty() {
        lines.push(Line::styled("Nothing was started yet.", theme.tone(Tone::Dim)));
    }
    let rows = usize::from(inner.height);
    let top = (cursor_line + 3).saturating_sub(rows);
    for line in top..lines.len().min(top + rows) {
        let operation = starts.partition_point(|start| *start <= line).checked_sub(1);
        if let Some(operation) = operation {
            hits.add_row(
                inner,
                line - top,
                Hit::Line(operation.cast_signed() - row.cast_signed()),
            );
        }
    }
    let is_all = lines.len() <= rows;
    let shown: Vec<Line> = lines.into_iter().skip(top).take(rows).collect();
    put(frame, inner, &shown);
    if !is_all {
        position(frame, area, theme, &format!("{} of {}", row + 1, starts.len()));
    }
}
