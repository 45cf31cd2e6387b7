//! Who can use a key, and who did: side by side where there is room, else one above the other.
//!
//! ```text
//! heading: state, outsiders, how far the history is read
//! who can: principals x operations
//! who did: a row a kind of use
//! right below the one with the cursor, or below both: what its row rests on
//! what the signs stand for
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::put::put;
use super::{Hits, Theme, boxed, filled, line, position};
use crate::app::format::{self, Line as Words, Tone};
use crate::app::who::{Side, Who};
use crate::app::{Hit, State};
use crate::domain::who::Extent;

/// Cells before each row, for the cursor.
const SIGN: usize = 2;
const HEAD: u16 = 2;
/// Rows that what a row rests on has in any case, and where there are more of them.
const FOOTNOTE: u16 = 2;
const ROOMY: u16 = 6;
/// With less rows only one of the two is shown.
const BOTH: u16 = 7;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, shown: &Who, hits: &mut Hits) {
    let title = format!("Who can use {}, and who did", format::clean(&shown.name));
    let inner = boxed(frame, area, &title, theme.focus);
    let foot = (FOOTNOTE + 1).min(inner.height / 5);
    let parts = [
        Constraint::Length(HEAD.min(inner.height / 6)),
        Constraint::Min(0),
        Constraint::Length(foot.min(1)),
    ];
    let [head, body, legend] = Layout::vertical(parts).areas(inner);
    let columns = usize::from(inner.width);
    let lines = shown.heading(columns);
    paragraph(frame, head, theme, &lines);
    let tables = Rect {
        height: body.height.saturating_sub(foot.saturating_sub(1)),
        ..body
    };
    let (can, did) = halves(tables, shown);
    let cells = |area: Rect| {
        (
            usize::from(area.width).saturating_sub(SIGN),
            usize::from(area.height).saturating_sub(1),
        )
    };
    let (width, rows) = cells(can);
    let can_rows = shown.can_screen(width, rows);
    let is_whole = matches!(shown.found.uses.extent, Extent::Whole(_));
    let empty = if is_whole { "  nobody" } else { "  nothing yet" };
    table(
        frame,
        can,
        theme,
        (&shown.can_heading(width), can_rows, Side::Can == shown.side, empty),
        hits,
    );
    let (width, rows) = cells(did);
    let (did_heading, did_rows) = shown.did_screen(width, rows, state.now);
    table(
        frame,
        did,
        theme,
        (&did_heading, did_rows, Side::Did == shown.side, empty),
        hits,
    );
    let (principals, uses) = shown.count();
    let (above, rows) = match shown.side {
        Side::Can if can.y == did.y || did.is_empty() => (can, principals),
        Side::Can | Side::Did => (did, uses),
    };
    // A gap where there is room for one.
    let used = u16::try_from(rows.max(1) + 2).unwrap_or(u16::MAX).min(above.height);
    let place = Rect {
        y: above.y + used,
        height: (body.bottom() - above.y - used).min(ROOMY),
        ..above
    };
    let lines = shown.rests_on(usize::from(place.width), usize::from(place.height));
    paragraph(frame, place, theme, &lines);
    paragraph(frame, legend, theme, &[Who::legend(columns)]);
    let words = format!(
        "{}, {}",
        format::count(principals, "principal"),
        format::count(uses, "kind of use")
    );
    position(frame, area, theme, &words.replace("kind of uses", "kinds of use"));
}

/// The places of who can and who did: each has the rows that it needs where both fit, else half; on a few rows the one with
/// the cursor has all.
fn halves(body: Rect, shown: &Who) -> (Rect, Rect) {
    if let Some(left) = Who::beside(usize::from(body.width)) {
        let parts = [
            Constraint::Length(u16::try_from(left).unwrap_or(body.width)),
            Constraint::Min(0),
        ];
        let [can, did] = Layout::horizontal(parts).spacing(2).areas(body);
        return (can, did);
    }
    if body.height < BOTH {
        let none = Rect { height: 0, ..body };
        return match shown.side {
            Side::Can => (body, none),
            Side::Did => (none, body),
        };
    }
    let (principals, uses) = shown.count();
    let half = body.height / 2;
    let needed = |rows: usize| u16::try_from(rows + 2).unwrap_or(u16::MAX);
    let upper = needed(principals).min(half.max(body.height.saturating_sub(needed(uses))));
    let [can, did] = Layout::vertical([Constraint::Length(upper), Constraint::Min(0)]).areas(body);
    (can, did)
}

fn paragraph(frame: &mut Frame, area: Rect, theme: &Theme, lines: &[Words]) {
    let columns = usize::from(area.width);
    let lines: Vec<Line> = lines.iter().map(|words| line(words, theme, columns)).collect();
    put(frame, area, &lines);
}

fn table(
    frame: &mut Frame,
    area: Rect,
    theme: &Theme,
    (heading, rows, is_here, empty): (&Words, Vec<(bool, Words)>, bool, &'static str),
    hits: &mut Hits,
) {
    let columns = usize::from(area.width).saturating_sub(SIGN);
    let mut head = line(heading, theme, columns);
    head.spans.insert(0, Span::raw(" ".repeat(SIGN)));
    let mut lines = vec![head];
    if rows.is_empty() {
        lines.push(Line::styled(empty, theme.tone(Tone::Dim)));
    }
    let cursor = rows.iter().position(|(is_cursor, _)| *is_cursor).unwrap_or(0);
    for (row, (is_cursor, words)) in rows.into_iter().enumerate() {
        if is_here {
            hits.add_row(area, lines.len(), Hit::Line(row.cast_signed() - cursor.cast_signed()));
        }
        let mut drawn = line(&words, theme, columns);
        let sign = if is_cursor { "▸ " } else { "  " };
        drawn.spans.insert(0, Span::styled(sign, theme.tone(Tone::Accent)));
        let style = if is_cursor { theme.cursor } else { Style::new() };
        lines.push(filled(drawn, columns + SIGN).style(style));
    }
    put(frame, area, &lines);
}
