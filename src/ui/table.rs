//! A table in a frame: the columns that there is room for, the rows on screen, and what to say when there are none.

mod columns;

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType};

pub(super) use self::columns::{Cell, Column, fixed, flex, named, number};
use self::columns::{needs, widths};
use super::put::put;
use super::{Hits, Theme};
use crate::app::format::{self, Line as Words, Tone};
use crate::app::fuzzy::Fuzzy;
use crate::app::{Freshness, Hit, Listing, Overlay, Pane, Row, State, Table};
use crate::domain::Door;

/// Cells of the signs before each row: cursor, link, mark.
const SIGNS: usize = 4;

/// Cells of its name that a title keeps; how large what is marked is has to leave them.
const NAME: usize = 8;

/// What a table shows.
pub(super) struct View<'a, T> {
    pub(super) pane: Pane,
    pub(super) title: String,
    pub(super) table: &'a Table<T>,
    pub(super) columns: &'a [Column],
    /// What to say when there is nothing.
    pub(super) empty: String,
    /// What to say where there is nothing to ask about.
    pub(super) unasked: &'a str,
    /// The cells of a row.
    pub(super) cells: &'a dyn Fn(&T) -> Vec<Cell>,
    /// Whether a row belongs to the selected key.
    pub(super) is_linked: &'a dyn Fn(&T) -> bool,
}

pub(super) fn render<T: Row>(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    theme: &Theme,
    view: &View<T>,
    hits: &mut Hits,
) {
    hits.add(area, Hit::Pane(view.pane));
    let focused = state.focus == view.pane;
    let border = if focused { theme.focus } else { theme.frame };
    let columns = usize::from(area.width);
    let note = note(state, view, columns);
    let room = columns.saturating_sub(4 + note.as_ref().map_or(0, |(_, note)| format::width(note) + 2));
    let mut block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(border)
        .title(title(state, theme, view, focused, room));
    if let Some((tone, note)) = note {
        let note = Line::styled(format!(" {note} "), theme.tone(tone)).alignment(Alignment::Right);
        block = block.title(note);
    }
    let (shown, room) = (view.table.shown(), usize::from(area.height.saturating_sub(3)));
    if shown > room && room > 0 {
        let position = format!(" {}/{shown} ", view.table.cursor() + 1);
        block = block.title_bottom(Line::styled(position, theme.tone(Tone::Dim)).alignment(Alignment::Right));
    }
    if let Freshness::Stale { fault, .. } = view.table.freshness()
        && shown > 0
    {
        let why = format::cut(&format!("{}: {}", fault.act, fault.cause), columns.saturating_sub(16));
        block = block.title_bottom(Line::styled(format!(" {why} "), theme.tone(Tone::Warn)));
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if view.table.shown() == 0 {
        let lines = nothing(view, usize::from(inner.width.saturating_sub(2)));
        let lines: Vec<Line> = lines
            .into_iter()
            .map(|(tone, line)| Line::styled(format!(" {line}"), theme.tone(tone)))
            .collect();
        put(frame, inner, &lines);
        return;
    }
    let rows: Vec<_> = view.table.visible().collect();
    let cells: Vec<Vec<Cell>> = rows.iter().map(|(row, ..)| (view.cells)(row)).collect();
    let is_all = rows.len() == view.table.shown();
    let needs = needs(view.columns, view.table.sort().map(|(title, _)| title), &cells, is_all);
    let widths = widths(view.columns, &needs, usize::from(inner.width).saturating_sub(SIGNS + 1));
    let mut lines = vec![titles(state, view, &widths, theme)];
    clickable(inner, view, &widths, rows.len(), hits);
    let mut fuzzy = Some(view.table.filter())
        .filter(|filter| !filter.is_empty())
        .map(Fuzzy::new);
    for ((row, is_cursor, is_marked), cells) in rows.into_iter().zip(cells) {
        let mut spans = vec![
            Span::styled(if is_cursor { "▸" } else { " " }, theme.tone(Tone::Accent)),
            Span::styled(if is_marked { "✓" } else { " " }, theme.tone(Tone::Accent)),
            Span::styled(
                if (view.is_linked)(row) { "◆ " } else { "  " },
                theme.tone(Tone::Accent),
            ),
        ];
        let columns = view.columns.iter().zip(&widths).zip(cells);
        let shown = columns.filter_map(|((column, width), (tone, words))| {
            let mut words = aligned(&words, (*width)?, column);
            words.push(' ');
            Some((tone, words))
        });
        let mut line = Words(shown.collect());
        if let Some(fuzzy) = &mut fuzzy {
            line = fuzzy.mark(&line);
        }
        let pieces = line.0.into_iter();
        spans.extend(pieces.map(|(tone, words)| Span::styled(words, theme.tone(tone))));
        let style = if is_cursor && focused {
            theme.cursor
        } else {
            Style::new()
        };
        let used: usize = spans.iter().map(Span::width).sum();
        spans.push(Span::raw(" ".repeat(usize::from(inner.width).saturating_sub(used))));
        lines.push(Line::from(spans).style(style));
    }
    put(frame, inner, &lines);
}

/// The heads of the columns, and the rows.
fn clickable<T: Row>(inner: Rect, view: &View<T>, widths: &[Option<usize>], rows: usize, hits: &mut Hits) {
    let mut from = SIGNS;
    for (column, width) in view.columns.iter().zip(widths) {
        let Some(width) = width else { continue };
        hits.add_cells(inner, 0, (from, *width), Hit::Column(view.pane, column.title));
        from += width + 1;
    }
    for row in 0..rows {
        hits.add_row(inner, row + 1, Hit::Row(view.pane, view.table.offset() + row));
    }
}

fn title<T: Row>(state: &State, theme: &Theme, view: &View<T>, focused: bool, room: usize) -> Line<'static> {
    let filter = view.table.filter();
    let count = count(view.table);
    let digit = view.pane.digit();
    let mut style = theme.tone(if focused { Tone::Heading } else { Tone::Plain });
    if focused {
        style = style.add_modifier(Modifier::BOLD);
    }
    let room = room.saturating_sub(taken(view.table));
    // Of a path both ends tell something, of an object's place the end.
    let cut = if view.pane == Pane::Files {
        format::cut_middle
    } else {
        format::cut_front
    };
    let name = short_title(&view.title, room, cut);
    let mut spans = vec![
        Span::styled(format!(" {digit} "), theme.tone(Tone::Dim)),
        Span::styled(name, style),
        Span::styled(format!(" {count}"), theme.tone(Tone::Dim)),
    ];
    let typing = focused && state.typing;
    if typing || !filter.is_empty() {
        let shown = if typing {
            state.typed_filter()
        } else {
            filter.to_owned()
        };
        spans.push(Span::styled(
            format!("/{} ", format::clean(&shown)),
            theme.tone(Tone::Accent),
        ));
    }
    Line::from(spans)
}

/// How many rows there are, and a gap; nothing where all are marked, which says how many.
fn count<T: Row>(table: &Table<T>) -> String {
    let (shown, all) = (table.shown(), table.count());
    let more = if all > 0 && !table.is_whole() { "+" } else { "" };
    let is_stale = matches!(table.freshness(), Freshness::Stale { .. });
    if !table.filter().is_empty() {
        format!("{shown}/{all}{more} ")
    } else if all > 0 && table.marked() == all && more.is_empty() && !is_stale {
        String::new()
    } else {
        format!("{all}{more} ")
    }
}

/// Cells of a title beside the name.
fn taken<T: Row>(table: &Table<T>) -> usize {
    let filter = match table.filter() {
        "" => 0,
        filter => format::width(filter) + 4,
    };
    format::width(&count(table)) + 5 + filter
}

/// Its first word stays, which says what the rows are; of a place what kind of name it is tells the least.
fn short_title(title: &str, room: usize, cut: fn(&str, usize) -> String) -> String {
    let brief = title.replacen(" s3://", " ", 1);
    let title = if format::width(title) > room { &brief } else { title };
    match title.split_once(' ') {
        Some((what, place)) if format::width(title) > room && room > what.len() + 6 => {
            format!("{what} {}", cut(place, room - what.len() - 1))
        }
        // Where there is no room for both, the place of files says more than what they are.
        Some((_, place)) if format::width(title) > room && place.starts_with('/') => cut(place, room),
        _ => cut(title, room),
    }
}

/// What is to be known of the rows as a whole.
fn note<T: Row>(state: &State, view: &View<T>, columns: usize) -> Option<Cell> {
    let table = view.table;
    if let Freshness::Stale { since, .. } = table.freshness()
        && table.count() > 0
    {
        let words = match since {
            Some(at) => format!("stale {}", format::age(*at, state.now)),
            None => "not all listed".to_owned(),
        };
        return Some((Tone::Warn, words));
    }
    match (table.marked(), table.so_far(), table.count_unknown()) {
        (marked @ 1.., _, _) => {
            let words = format::marked(marked, table.marked_bytes());
            let room = columns.saturating_sub(6 + format::width(&words) + taken(table));
            let leaves_name = room >= NAME.min(format::width(&view.title));
            let words = if leaves_name { words } else { format::marked(marked, 0) };
            Some((Tone::Accent, words))
        }
        (0, _, unknown @ 1..) => Some((Tone::Dim, format!("{unknown} still unknown"))),
        (0, Some(so_far), 0) if table.is_whole() => Some((Tone::Dim, format!("loading again: {so_far}"))),
        (0, Some(_), 0) => Some((Tone::Dim, "loading".to_owned())),
        (0, None, 0) => (*table.freshness() == Freshness::Loading).then(|| (Tone::Dim, "loading".to_owned())),
    }
}

fn nothing<T: Row>(view: &View<T>, columns: usize) -> Vec<Cell> {
    let (tone, words) = match view.table.freshness() {
        Freshness::Absent => (Tone::Dim, view.unasked.to_owned()),
        Freshness::Loading => (Tone::Dim, "asking…".to_owned()),
        Freshness::Stale { fault, .. } => {
            let mut lines: Vec<Cell> = Vec::new();
            let gap = if fault.object.is_empty() { "" } else { " " };
            let head = format!("{}{gap}{}: {}", fault.act, fault.object, fault.cause);
            lines.extend(format::wrap(&head, columns).into_iter().map(|line| (Tone::Warn, line)));
            let remedy = format::wrap(&fault.remedy_at(Door::Dashboard), columns).into_iter();
            lines.extend(remedy.filter(|line| !line.is_empty()).map(|line| (Tone::Plain, line)));
            return lines;
        }
        Freshness::Ready(_) if !view.table.filter().is_empty() => {
            (Tone::Dim, "Nothing passes the filter; Esc clears it.".to_owned())
        }
        Freshness::Ready(_) => (Tone::Dim, view.empty.clone()),
    };
    format::wrap(&words, columns)
        .into_iter()
        .map(|line| (tone, line))
        .collect()
}

/// The heads of the columns; while one is chosen to sort by, each with its letter marked.
fn titles<T: Row>(state: &State, view: &View<T>, widths: &[Option<usize>], theme: &Theme) -> Line<'static> {
    let choices = match state.overlays.last() {
        Some(Overlay::Sort(choices)) if state.focus == view.pane => choices.as_slice(),
        _ => &[],
    };
    let dim = theme.tone(Tone::Dim);
    let mut spans = vec![Span::styled(" ".repeat(SIGNS), dim)];
    let sort = view.table.sort();
    for (column, width) in view.columns.iter().zip(widths) {
        let Some(width) = width else { continue };
        let arrow = match sort {
            Some((title, true)) if title == column.title => "↓",
            Some((title, false)) if title == column.title => "↑",
            Some(_) | None => "",
        };
        let words = aligned(&format!("{}{arrow}", column.title), *width, column);
        let letter = choices.iter().find(|(title, _)| *title == column.title);
        let at = letter.and_then(|(_, letter)| words.find(letter.to_ascii_uppercase()));
        match at {
            Some(at) => spans.extend([
                Span::styled(words[..at].to_owned(), theme.tone(Tone::Plain)),
                Span::styled(words[at..=at].to_owned(), theme.tone(Tone::Letter)),
                Span::styled(words[at + 1..].to_owned(), theme.tone(Tone::Plain)),
            ]),
            None => spans.push(Span::styled(words, dim)),
        }
        spans.push(Span::styled(" ", dim));
    }
    Line::from(spans)
}

fn aligned(words: &str, width: usize, column: &Column) -> String {
    if column.middle {
        return format::fit(&format::cut_middle(words, width), width);
    }
    if !column.right {
        return format::fit(words, width);
    }
    let words = format::cut(words, width);
    let missing = width.saturating_sub(format::width(&words));
    format!("{}{words}", " ".repeat(missing))
}
