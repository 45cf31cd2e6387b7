//! Rows to act on, over the panes: messages, what was found, the walk, the menu of further actions.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{Hits, Theme, boxed, centered, line, position};
use crate::app::actions::key_of;
use crate::app::format::{self, Line as Words, Tone};
use crate::app::fuzzy::Fuzzy;
use crate::app::guide::Mark;
use crate::app::overlay::{CleanUp, Copied, CopyMenu, Menu, ResultList, Versions};
use crate::app::state::action::Action;
use crate::app::{Hit, State, cleanup, guide, interrupted_uploads, reader_text, versions};

pub(super) fn messages(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, cursor: u64, hits: &mut Hits) {
    let inner = boxed(frame, area, "Messages", theme.focus);
    let rows = reader_text::messages(state, usize::from(inner.width));
    let cursor = state.messages.row(cursor);
    render(frame, inner, theme, &rows, (cursor, "Nothing was said yet."), hits);
    more(frame, area, theme, &rows, cursor, inner);
}

pub(super) fn results(frame: &mut Frame, area: Rect, theme: &Theme, list: &ResultList, hits: &mut Hits) {
    let inner = boxed(frame, area, &list.title, theme.focus);
    let rows: Vec<Vec<Words>> = list.rows.iter().map(|row| row.lines.clone()).collect();
    render(frame, inner, theme, &rows, (list.cursor, ""), hits);
    more(frame, area, theme, &rows, list.cursor, inner);
}

pub(super) fn interrupted(frame: &mut Frame, body: Rect, state: &State, theme: &Theme, id: &str, hits: &mut Hits) {
    let rows = interrupted_uploads::lines(state);
    let cursor = interrupted_uploads::row(state.interrupted.as_deref().unwrap_or_default(), id);
    let lines: usize = rows.iter().map(Vec::len).sum();
    let area = centered(body, 96, u16::try_from(lines.max(1) + 2).unwrap_or(u16::MAX));
    let inner = boxed(frame, area, "Interrupted uploads", theme.focus);
    render(frame, inner, theme, &rows, (cursor, "No upload is interrupted."), hits);
    more(frame, area, theme, &rows, cursor, inner);
}

pub(super) fn versions(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, shown: &Versions, hits: &mut Hits) {
    let title = format!("Versions of s3://{}/{}", shown.list.bucket, shown.list.object);
    let inner = boxed(frame, area, &title, theme.focus);
    let rows = versions::rows(state, shown);
    render(frame, inner, theme, &rows, (shown.cursor, ""), hits);
    more(frame, area, theme, &rows, shown.cursor, inner);
}

pub(super) fn clean_up(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, shown: &CleanUp, hits: &mut Hits) {
    let inner = boxed(frame, area, "What the walk made and is still there", theme.focus);
    let rows = cleanup::rows(state, shown, usize::from(inner.width).saturating_sub(2));
    render(frame, inner, theme, &rows, (shown.cursor, ""), hits);
    position(frame, area, theme, &cleanup::standing(state, shown));
}

pub(super) fn guide(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, cursor: usize, hits: &mut Hits) {
    let inner = boxed(frame, area, "The walk", theme.focus);
    let steps = guide::steps(state);
    // Where there is room each says what it will be done to.
    let is_roomy = usize::from(inner.height) >= 2 * steps.len();
    let rows: Vec<Vec<Words>> = steps
        .into_iter()
        .enumerate()
        .map(|(index, step)| {
            let (tone, sign) = step.mark.sign();
            let mut lines = vec![
                Words::new(tone, format!("{sign} "))
                    .and(
                        Tone::Plain,
                        format::fit(&format!("{:>2}  {}", index + 1, step.title), 27),
                    )
                    .and(tone, step.words),
            ];
            let is_here = index == cursor && guide::may_go(state, index);
            let is_ahead = is_roomy && matches!(step.mark, Mark::Open | Mark::Wrong);
            if is_here || is_ahead {
                let columns = usize::from(inner.width).saturating_sub(2);
                let indent = if columns < 100 { 6 } else { 29 };
                let (tone, lead) = if is_here {
                    (Tone::Accent, "Enter: ")
                } else {
                    (Tone::Dim, "")
                };
                let pieces = format::wrap(&format!("{lead}{}", step.next), columns.saturating_sub(indent));
                let line = |piece| Words::new(tone, format!("{:indent$}{piece}", ""));
                lines.extend(pieces.into_iter().map(line));
            }
            lines
        })
        .collect();
    render(frame, inner, theme, &rows, (cursor, ""), hits);
    more(frame, area, theme, &rows, cursor, inner);
}

/// As large as all that is offered: it does not move while it is narrowed.
pub(super) fn menu(frame: &mut Frame, body: Rect, state: &State, theme: &Theme, menu: &Menu, hits: &mut Hits) {
    let area = centered(body, 96, (menu.most().max(1) as u16).saturating_add(3));
    let inner = boxed(frame, area, &menu.title, theme.focus);
    let (typed, list) = (
        Rect::new(inner.x, inner.y, inner.width, inner.height.min(1)),
        Rect::new(
            inner.x,
            inner.y.saturating_add(1),
            inner.width,
            inner.height.saturating_sub(1),
        ),
    );
    let columns = usize::from(inner.width);
    let words = Words::new(Tone::Accent, "› ")
        .and(
            Tone::Plain,
            format::cut_front(menu.input.value(), columns.saturating_sub(3)),
        )
        .and(Tone::Accent, "▏");
    frame.render_widget(Paragraph::new(line(&words, theme, columns)), typed);
    let mut fuzzy = Fuzzy::new(menu.input.value());
    let mut row = |action: &&'static Action| {
        let (tone, sign) = if action.is_dangerous() {
            (Tone::Bad, "! ")
        } else {
            (Tone::Plain, "  ")
        };
        let key = key_of(state, action).unwrap_or_default();
        let label = Words::new(tone, format::fit(action.label, 17));
        vec![
            fuzzy
                .mark(&label)
                .and(Tone::Accent, format::fit(&key, 2))
                .and(Tone::Bad, sign)
                .and(Tone::Dim, action.help),
        ]
    };
    let rows: Vec<Vec<Words>> = menu.actions.iter().map(&mut row).collect();
    let nothing = if menu.input.value().is_empty() {
        "Nothing more can be done here."
    } else {
        "Nothing here has this in its name or in what it does."
    };
    render(frame, list, theme, &rows, (menu.cursor, nothing), hits);
    more(frame, area, theme, &rows, menu.cursor, list);
}

/// Each way with its letter, and what it would copy.
pub(super) fn copies(frame: &mut Frame, body: Rect, theme: &Theme, menu: &CopyMenu, hits: &mut Hits) {
    let area = centered(body, 96, menu.rows.len() as u16 + 2);
    let inner = boxed(frame, area, &menu.title, theme.focus);
    let rows = menu.rows.iter().map(|row| {
        let shown = match &row.copied {
            Copied::Text(text) => text.clone(),
            Copied::Lines(lines) => format!("{} of boto3 and Fernet", format::count(lines.len(), "line")),
            Copied::Asked(_) => "of what is stored, good for an hour; signed when it is chosen".to_owned(),
        };
        let words = Words::new(Tone::Accent, format!("{} ", row.letter)).and(Tone::Plain, format::fit(row.label, 22));
        vec![words.and(Tone::Dim, shown)]
    });
    let rows: Vec<Vec<Words>> = rows.collect();
    render(frame, inner, theme, &rows, (menu.cursor, ""), hits);
    more(frame, area, theme, &rows, menu.cursor, inner);
}

/// The first line on screen of so many.
fn top(rows: &[Vec<Words>], cursor: usize, room: usize) -> usize {
    let before: usize = rows.iter().take(cursor).map(Vec::len).sum();
    let takes = rows.get(cursor).map_or(0, Vec::len);
    (before + takes).saturating_sub(room).min(before)
}

/// On the frame, which of the rows are in sight, where not all are.
fn more(frame: &mut Frame, area: Rect, theme: &Theme, rows: &[Vec<Words>], cursor: usize, list: Rect) {
    let room = usize::from(list.height);
    if rows.iter().map(Vec::len).sum::<usize>() <= room {
        return;
    }
    let top = top(rows, cursor.min(rows.len().saturating_sub(1)), room);
    // Where each row ends.
    let ends = rows.iter().scan(0, |end, row| {
        *end += row.len();
        Some(*end)
    });
    let first = ends.clone().take_while(|end| *end <= top).count();
    let last = ends.take_while(|end| *end < top + room).count() + 1;
    let words = format!("{}–{} of {}", first + 1, last.min(rows.len()), rows.len());
    position(frame, area, theme, &words);
}

/// Rows of one or more lines, or what is said where there are none; the one with the cursor is on screen, as much of it as
/// there is room for.
fn render(
    frame: &mut Frame,
    area: Rect,
    theme: &Theme,
    rows: &[Vec<Words>],
    (cursor, empty): (usize, &str),
    hits: &mut Hits,
) {
    let (columns, room) = (usize::from(area.width), usize::from(area.height));
    let cursor = cursor.min(rows.len().saturating_sub(1));
    let top = top(rows, cursor, room);
    let mut lines: Vec<Line> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        for (nth, words) in row.iter().enumerate() {
            let is_cursor = index == cursor && nth == 0;
            let mut shown = line(words, theme, columns.saturating_sub(2));
            let sign = if is_cursor { "▸ " } else { "  " };
            shown.spans.insert(0, Span::styled(sign, theme.tone(Tone::Accent)));
            let style = if is_cursor { theme.cursor } else { Style::new() };
            if let Some(row) = lines.len().checked_sub(top) {
                hits.add_row(area, row, Hit::Line(index.cast_signed() - cursor.cast_signed()));
            }
            lines.push(shown.style(style));
        }
    }
    if lines.is_empty() {
        lines.push(Line::styled(empty.to_owned(), theme.tone(Tone::Dim)));
    }
    let shown: Vec<Line> = lines.into_iter().skip(top).take(room).collect();
    frame.render_widget(Paragraph::new(shown), area);
}
