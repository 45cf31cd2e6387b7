//! A table in a frame: the columns that there is room for, the rows on screen, and what to say when there are none.

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph};

use super::{Hits, Theme};
use crate::app::format::{self, Line as Words, Tone};
use crate::app::fuzzy::Fuzzy;
use crate::app::{Freshness, Hit, Listing, Overlay, Pane, Row, State, Table};
use crate::domain::Door;

/// Cells of the signs before each row: cursor, link, mark.
const SIGNS: usize = 4;

/// Columns of this rank or a higher one go before a name is cut.
const LIGHT: usize = 4;

/// A column.
pub(super) struct Column {
    pub(super) title: &'static str,
    /// Fewest cells.
    pub(super) least: usize,
    /// Its part of the cells left over; 0 keeps it at its least.
    pub(super) share: usize,
    /// The least important go first when there is no room; 0 never goes.
    pub(super) rank: usize,
    pub(super) right: bool,
    /// Whether it is cut in the middle.
    pub(super) middle: bool,
}

/// A text column that takes a share of what is left over.
pub(super) const fn flex(title: &'static str, least: usize, share: usize, rank: usize) -> Column {
    Column {
        title,
        least,
        share,
        rank,
        right: false,
        middle: false,
    }
}

/// The same of names, which differ at either end.
pub(super) const fn named(title: &'static str, least: usize, share: usize, rank: usize) -> Column {
    Column {
        middle: true,
        ..flex(title, least, share, rank)
    }
}

/// A column of fixed width.
pub(super) const fn fixed(title: &'static str, least: usize, rank: usize) -> Column {
    flex(title, least, 0, rank)
}

/// A column of numbers, to the right.
pub(super) const fn number(title: &'static str, least: usize, rank: usize) -> Column {
    Column {
        right: true,
        ..flex(title, least, 0, rank)
    }
}

/// A cell: its meaning and its words.
pub(super) type Cell = (Tone, String);

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
    let note = note(state, view.table);
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
        frame.render_widget(Paragraph::new(lines), inner);
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
            let words = aligned(&words, (*width)?, column);
            Some([(tone, words), (Tone::Plain, " ".to_owned())])
        });
        let mut line = Words(shown.flatten().collect());
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
    frame.render_widget(Paragraph::new(lines), inner);
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
    let (shown, all) = (view.table.shown(), view.table.rows().len());
    let filter = view.table.filter();
    let more = if all > 0 && !view.table.is_whole() { "+" } else { "" };
    let count = if filter.is_empty() {
        format!("{all}{more}")
    } else {
        format!("{shown}/{all}{more}")
    };
    let digit = view.pane.digit();
    let mut style = theme.tone(if focused { Tone::Heading } else { Tone::Plain });
    if focused {
        style = style.add_modifier(Modifier::BOLD);
    }
    let taken = format::width(&count)
        + 6
        + if filter.is_empty() {
            0
        } else {
            format::width(filter) + 4
        };
    let name = short_title(&view.title, room.saturating_sub(taken));
    let mut spans = vec![
        Span::styled(format!(" {digit} "), theme.tone(Tone::Dim)),
        Span::styled(name, style),
        Span::styled(format!(" {count} "), theme.tone(Tone::Dim)),
    ];
    let typing = focused && state.typing;
    if typing || !filter.is_empty() {
        let caret = if typing { "▏" } else { "" };
        spans.push(Span::styled(
            format!("/{}{caret} ", format::clean(filter)),
            theme.tone(Tone::Accent),
        ));
    }
    Line::from(spans)
}

/// Its first word stays, which says what the rows are; of a place the end tells most.
fn short_title(title: &str, room: usize) -> String {
    match title.split_once(' ') {
        Some((what, place)) if format::width(title) > room && room > what.len() + 6 => {
            format!("{what} {}", format::cut_front(place, room - what.len() - 1))
        }
        _ => format::cut_front(title, room),
    }
}

/// What is to be known of the rows as a whole.
fn note<T: Row>(state: &State, table: &Table<T>) -> Option<Cell> {
    if let Freshness::Stale { since, .. } = table.freshness()
        && !table.rows().is_empty()
    {
        let words = match since {
            Some(at) => format!("stale {}", format::age(*at, state.now)),
            None => "not all listed".to_owned(),
        };
        return Some((Tone::Warn, words));
    }
    match (table.marked(), table.so_far(), table.unknown().count()) {
        (1.., _, _) => Some((Tone::Accent, format::marked(table.marked(), table.marked_bytes()))),
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

/// What a column needs to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Need {
    /// Cells of the widest of the rows on screen, and of its title.
    cells: usize,
    /// The same without the rows that say it in another column too: a key without an alias is called by its id.
    own: usize,
    /// Whether it tells nothing: all rows are on screen, and it is empty, or the same in each.
    is_idle: bool,
    /// Whether it is empty in all rows that there are: its title alone is not worth its room.
    is_empty: bool,
}

fn needs(columns: &[Column], sorted: Option<&str>, rows: &[Vec<Cell>], is_all: bool) -> Vec<Need> {
    let need = |(index, column): (usize, &Column)| {
        let words = || {
            rows.iter()
                .filter_map(|row| row.get(index))
                .map(|(_, words)| words.as_str())
        };
        let widest = words()
            .map(|words| format::width(&format::clean(words)))
            .max()
            .unwrap_or(0);
        let is_told = |row: &&Vec<Cell>| {
            let others = row.iter().enumerate().filter(|(at, _)| *at != index);
            let mut others = others.map(|(_, (_, words))| words);
            row.get(index)
                .is_some_and(|(_, words)| others.any(|other| other == words))
        };
        let own = rows.iter().filter(|row| !is_told(row)).filter_map(|row| row.get(index));
        let own = own
            .map(|(_, words)| format::width(&format::clean(words)))
            .max()
            .unwrap_or(0);
        let first = words().next().unwrap_or_default();
        let is_same = words().all(|words| words == first) && (rows.len() > 1 || first.is_empty());
        let may_go = is_all && column.rank > 1 && sorted != Some(column.title);
        Need {
            own,
            cells: widest.max(column.title.len() + usize::from(sorted == Some(column.title))),
            is_idle: may_go && is_same,
            is_empty: may_go && widest == 0,
        }
    };
    columns.iter().enumerate().map(need).collect()
}

/// How wide each column is; none for empty ones and for those that there is no room for. Where not all have what they need those that tell
/// nothing go first, then the least important; what one does not need the others have.
fn widths(columns: &[Column], needs: &[Need], room: usize) -> Vec<Option<usize>> {
    let least: Vec<usize> = columns
        .iter()
        .zip(needs)
        .map(|(column, need)| column.least.min(need.cells))
        .collect();
    let mut kept: Vec<bool> = needs.iter().map(|need| !need.is_empty).collect();
    let taken = |kept: &[bool], of: &dyn Fn(usize) -> usize| {
        (0..kept.len())
            .filter(|index| kept[*index])
            .map(|index| of(index) + 1)
            .sum::<usize>()
    };
    let whole = |index: usize| needs[index].cells;
    let small = |index: usize| least[index];
    while taken(&kept, &whole) > room + 1 {
        let idle = (0..columns.len()).filter(|index| kept[*index] && needs[*index].is_idle);
        match idle.max_by_key(|index| columns[*index].rank) {
            Some(index) => kept[index] = false,
            None => break,
        }
    }
    // A name that is cut says less than the columns of little weight do.
    let named = |index: usize| match columns[index].rank {
        0 => needs[index].own.min(room * 3 / 5).max(least[index]),
        _ => least[index],
    };
    while taken(&kept, &named) > room + 1 {
        let light = (0..columns.len()).filter(|index| kept[*index] && columns[*index].rank >= LIGHT);
        match light.max_by_key(|index| columns[*index].rank) {
            Some(index) => kept[index] = false,
            None => break,
        }
    }
    while taken(&kept, &small) > room + 1 {
        let candidates = (0..columns.len()).filter(|index| kept[*index] && columns[*index].rank > 0);
        match candidates.max_by_key(|index| columns[*index].rank) {
            Some(index) => kept[index] = false,
            None => break,
        }
    }
    let mut widths = least.clone();
    let mut left = (room + 1).saturating_sub(taken(&kept, &small));
    // What a row is called comes before what is said of it, but for a name as long as the line.
    for index in (0..columns.len()).filter(|index| columns[*index].rank == 0) {
        let wanted = needs[index].cells.min(room * 3 / 5).saturating_sub(widths[index]);
        let extra = wanted.min(left);
        widths[index] += extra;
        left -= extra;
    }
    // Then what is needed, then what is left.
    for is_needed in [true, false] {
        let wants = |index: usize, widths: &[usize]| {
            kept[index]
                && if is_needed {
                    widths[index] < needs[index].cells
                } else {
                    columns[index].share > 0
                }
        };
        let mut shares: usize = (0..columns.len())
            .filter(|index| wants(*index, &widths))
            .map(|index| columns[index].share.max(1))
            .sum();
        // Those that need least first: what they leave is the others'.
        let mut order: Vec<usize> = (0..columns.len()).filter(|index| wants(*index, &widths)).collect();
        if is_needed {
            order.sort_by_key(|index| needs[*index].cells - widths[*index]);
        }
        for index in order {
            let share = columns[index].share.max(1);
            let part = left * share / shares;
            let extra = if is_needed {
                part.min(needs[index].cells - widths[index])
            } else {
                part
            };
            widths[index] += extra;
            left -= extra;
            shares -= share;
        }
    }
    let wide = widths.into_iter().zip(kept);
    // Where not even the one column fits, it is cut.
    wide.map(|(width, kept)| kept.then_some(width.min(room))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(cells: usize) -> Need {
        Need {
            cells,
            own: cells,
            is_idle: false,
            is_empty: false,
        }
    }

    fn all_need(cells: usize) -> [Need; 3] {
        [need(cells); 3]
    }

    #[test]
    fn the_least_important_columns_go_first_and_the_rest_share_the_room() {
        let columns = [flex("A", 10, 1, 0), fixed("B", 5, 2), number("C", 6, 1)];
        let widths = |room| widths(&columns, &[30, 5, 6].map(need), room);
        assert_eq!(widths(40), [Some(27), Some(5), Some(6)]);
        assert_eq!(widths(20), [Some(13), None, Some(6)]);
        assert_eq!(widths(12), [Some(12), None, None]);
        assert_eq!(widths(4), [Some(4), None, None]);
        assert_eq!(widths(0), [Some(0), None, None]);
    }

    #[test]
    fn what_a_column_does_not_need_the_others_have() {
        let columns = [flex("A", 10, 1, 0), flex("B", 10, 1, 1)];
        let need = |a, b| [a, b].map(need);
        assert_eq!(widths(&columns, &need(30, 4), 35), [Some(30), Some(4)]);
        assert_eq!(widths(&columns, &need(4, 30), 35), [Some(4), Some(30)]);
        assert_eq!(
            widths(&columns, &need(40, 40), 41),
            [Some(27), Some(13)],
            "the name comes first, and leaves some"
        );
        assert_eq!(widths(&columns, &need(22, 40), 41), [Some(22), Some(18)]);
    }

    #[test]
    fn columns_that_tell_nothing_make_room_where_it_is_needed() {
        let columns = [flex("A", 10, 1, 0), fixed("B", 10, 1), fixed("C", 10, 5)];
        let mut needs = all_need(10);
        needs[1].is_idle = true;
        assert_eq!(widths(&columns, &needs, 32), [Some(10), Some(10), Some(10)]);
        (needs[0].cells, needs[0].own) = (20, 20);
        assert_eq!(widths(&columns, &needs, 32), [Some(21), None, Some(10)]);
        needs = all_need(10);
        needs[1].is_empty = true;
        assert_eq!(
            widths(&columns, &needs, 80)[1],
            None,
            "an empty one has no room however much there is"
        );
    }

    #[test]
    fn a_name_is_whole_before_columns_of_little_weight_have_room() {
        let columns = [
            flex("A", 10, 1, 0),
            fixed("STATE", 10, 1),
            flex("ABOUT", 16, 2, 4),
            fixed("ID", 36, 5),
        ];
        let needs = [23, 10, 20, 36].map(need);
        // Both names are whole, and share what is left.
        assert_eq!(widths(&columns, &needs, 78), [Some(30), Some(10), Some(36), None]);
        assert_eq!(widths(&columns, &needs, 40), [Some(29), Some(10), None, None]);
        assert_eq!(
            widths(&columns, &needs, 120)[3],
            Some(36),
            "where there is room for both"
        );
    }

    #[test]
    fn a_column_tells_nothing_if_it_is_empty_or_the_same_in_all_rows_that_there_are() {
        let columns = [fixed("A", 3, 0), fixed("B", 3, 2), fixed("C", 3, 1)];
        let row = |a: &str, b: &str, c: &str| [a, b, c].map(|words| (Tone::Plain, words.to_owned())).to_vec();
        let idle = |rows: &[Vec<Cell>], is_all| {
            needs(&columns, Some("C"), rows, is_all)
                .iter()
                .map(|need| need.is_idle)
                .collect::<Vec<_>>()
        };
        let rows = [row("same", "same", "same"), row("same", "same", "same")];
        assert_eq!(
            idle(&rows, true),
            [false, true, false],
            "not the name, nor what they are sorted by"
        );
        assert_eq!(idle(&rows, false), [false; 3], "others may differ");
        assert_eq!(idle(&rows[..1], true), [false; 3], "one row is no comparison");
        let blank = [row("a", "", ""), row("b", "", "")];
        let empty = |is_all| needs(&columns, None, &blank, is_all)[1].is_empty;
        assert_eq!((empty(true), empty(false)), (true, false));
    }
}
