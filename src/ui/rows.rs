//! Rows to act on, over the panes: messages, what was found, the walk, the menu of further actions.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::form::typed;
use super::put::put;
use super::{Hits, Theme, boxed, centered, filled, line, position};
use crate::app::actions::key_of;
use crate::app::format::{self, Line as Words, Tone};
use crate::app::fuzzy::Fuzzy;
use crate::app::guide::{Mark, Standing};
use crate::app::overlay::{CleanUp, Copied, CopyMenu, Menu, ResultList, Versions};
use crate::app::state::action::Action;
use crate::app::{Hit, State, cleanup, interrupted_uploads, reader_text, versions};

/// Cells of an action's name.
const LABEL: usize = 18;
/// Rows that a sentence below a list leaves to the list and what is typed.
const FIRST: u16 = 5;
/// Cells of a step's number and title.
const STEP: usize = 27;
/// Stands before what a step does next.
const ENTER: &str = "Enter: ";

pub(super) fn messages(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, cursor: u64, hits: &mut Hits) {
    let inner = boxed(frame, area, "Messages", theme.focus);
    let rows = Rows {
        count: state.messages.len(),
        cursor: state.messages.row(cursor),
        row: &|row| reader_text::message(state, row, usize::from(inner.width)),
        empty: "Nothing was said yet.",
    };
    rows.render(frame, (area, inner), theme, hits);
}

pub(super) fn results(frame: &mut Frame, area: Rect, theme: &Theme, list: &ResultList, hits: &mut Hits) {
    let inner = boxed(frame, area, &list.title, theme.focus);
    let columns = usize::from(inner.width).saturating_sub(2);
    let of = |row: usize| {
        list.rows[row]
            .lines
            .iter()
            .flat_map(|line| line.wrapped(columns))
            .collect()
    };
    let rows = Rows {
        count: list.rows.len(),
        cursor: list.cursor,
        row: &of,
        empty: "",
    };
    rows.render(frame, (area, inner), theme, hits);
}

pub(super) fn interrupted(frame: &mut Frame, body: Rect, state: &State, theme: &Theme, id: &str, hits: &mut Hits) {
    let rows = interrupted_uploads::lines(state);
    let cursor = interrupted_uploads::row(state.interrupted.as_deref().unwrap_or_default(), id);
    let lines: usize = rows.iter().map(Vec::len).sum();
    let area = centered(body, 96, u16::try_from(lines.max(1) + 2).unwrap_or(u16::MAX));
    let inner = boxed(frame, area, "Interrupted uploads", theme.focus);
    made(
        frame,
        (area, inner),
        theme,
        (&rows, cursor, "No upload is interrupted."),
        hits,
    );
}

pub(super) fn versions(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, shown: &Versions, hits: &mut Hits) {
    let title = format!("Versions of s3://{}/{}", shown.list.bucket, shown.list.object);
    let inner = boxed(frame, area, &title, theme.focus);
    let columns = usize::from(inner.width).saturating_sub(2);
    let rows = Rows {
        count: shown.list.rows.len(),
        cursor: shown.cursor,
        row: &|row| versions::row(state, shown, row, columns).into_iter().collect(),
        empty: "",
    };
    rows.render(frame, (area, inner), theme, hits);
}

pub(super) fn clean_up(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, shown: &CleanUp, hits: &mut Hits) {
    let inner = boxed(frame, area, "What the walk made and is still there", theme.focus);
    let rows = cleanup::rows(state, shown, usize::from(inner.width).saturating_sub(2));
    made(
        frame,
        (area, inner),
        theme,
        (&rows, shown.cursor, cleanup::empty(state)),
        hits,
    );
    position(frame, area, theme, &cleanup::standing(state, shown));
}

pub(super) fn guide(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, cursor: usize, hits: &mut Hits) {
    let inner = boxed(frame, area, "The walk", theme.focus);
    let steps = state.walk();
    let columns = usize::from(inner.width).saturating_sub(2);
    // Where there is room each says what it will be done to.
    let is_roomy = usize::from(inner.height) >= 2 * steps.len();
    let indent = if columns < 100 { 6 } else { STEP + 2 };
    let told = |step: &Standing, lead: &str, indent: usize| {
        format::wrap_names(&format!("{lead}{}", step.next), columns.saturating_sub(indent))
    };
    // Else that of the one with the cursor stands below all: no row moves from under the mouse.
    let most = if is_roomy {
        0
    } else {
        let lines = steps.iter().filter(|step| step.may_go);
        lines.map(|step| told(step, ENTER, 0).len()).max().unwrap_or(0)
    };
    let parts = [Constraint::Fill(1), Constraint::Length(below(most, inner.height))];
    let [list, next] = Layout::vertical(parts).areas(inner);
    let rows: Vec<Vec<Words>> = steps
        .iter()
        .enumerate()
        .map(|(index, step)| {
            let (tone, sign) = step.mark.sign();
            let mut lines = vec![
                Words::new(tone, format!("{sign} "))
                    .and(
                        Tone::Plain,
                        format::fit(&format!("{:>2}  {}", index + 1, step.title), STEP),
                    )
                    .and(tone, format::cut_middle(&step.words, columns.saturating_sub(STEP + 2))),
            ];
            let is_here = is_roomy && index == cursor && step.may_go;
            let is_ahead = is_roomy && matches!(step.mark, Mark::Open | Mark::Wrong);
            if is_here || is_ahead {
                let (tone, lead) = if is_here {
                    (Tone::Accent, ENTER)
                } else {
                    (Tone::Dim, "")
                };
                let line = |piece| Words::new(tone, format!("{:indent$}{piece}", ""));
                lines.extend(told(step, lead, indent).into_iter().map(line));
            }
            lines
        })
        .collect();
    made(frame, (area, list), theme, (&rows, cursor, ""), hits);
    let chosen = steps.get(cursor).filter(|step| step.may_go);
    let pieces = chosen.map_or_else(Vec::new, |step| told(step, ENTER, 0)).into_iter();
    let style = theme.tone(Tone::Accent);
    let lines: Vec<Line> = pieces.map(|piece| Line::styled(piece, style)).collect();
    put(frame, next, &lines);
}

/// As large as all that is offered: it does not move while it is narrowed. The sentence under the cursor, where it is longer
/// than its row, is told below all rows: none moves from under the mouse when another has the cursor.
pub(super) fn menu(frame: &mut Frame, body: Rect, state: &State, theme: &Theme, menu: &Menu, hits: &mut Hits) {
    let columns = u16::try_from(menu.longest() + LABEL + 10).unwrap_or(u16::MAX).max(60);
    let columns = columns.min(body.width);
    let width = usize::from(columns.saturating_sub(4));
    let room = width.saturating_sub(LABEL + 6);
    let most = menu.sentences().map(|sentence| told_below(sentence, room, width).len());
    let most = most.max().unwrap_or(0);
    let rows = menu.most().max(1) + most + 3;
    let area = centered(body, columns, u16::try_from(rows).unwrap_or(u16::MAX));
    let inner = boxed(frame, area, &menu.title, theme.focus);
    let parts = [
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(below(most, inner.height)),
    ];
    let [top, list, told] = Layout::vertical(parts).areas(inner);
    let mut words = Line::from(Span::styled("› ", theme.tone(Tone::Accent)));
    words
        .spans
        .extend(typed(&menu.input, true, width.saturating_sub(2), theme));
    put(frame, top, &[words]);
    let mut fuzzy = Fuzzy::new(menu.input.value());
    let mut row = |action: &&'static Action| {
        let (tone, sign) = if action.is_dangerous() {
            (Tone::Bad, "! ")
        } else {
            (Tone::Plain, "  ")
        };
        let key = key_of(state, action).unwrap_or_default();
        let label = Words::new(tone, format::fit(action.label, LABEL));
        let head = fuzzy
            .mark(&label)
            .and(Tone::Accent, format::fit(&key, 2))
            .and(Tone::Bad, sign);
        vec![head.and(Tone::Dim, action.help)]
    };
    let rows: Vec<Vec<Words>> = menu.actions.iter().map(&mut row).collect();
    let nothing = if menu.input.value().is_empty() {
        "Nothing more can be done here."
    } else {
        "Nothing here has this in its name or in what it does."
    };
    made(frame, (area, list), theme, (&rows, menu.cursor, nothing), hits);
    let chosen = menu.actions.get(menu.cursor);
    let pieces = chosen.map_or_else(Vec::new, |action| told_below(action.help, room, width));
    put(frame, told, &dimmed(pieces, theme));
}

/// The lines of a sentence that is longer than its row has room for; none of another.
pub(super) fn told_below(sentence: &str, room: usize, width: usize) -> Vec<String> {
    if format::width(sentence) > room {
        format::wrap(sentence, width)
    } else {
        Vec::new()
    }
}

/// How many rows such lines have in a box of this height: what is typed and a few rows of the list come first.
pub(super) fn below(most: usize, height: u16) -> u16 {
    u16::try_from(most)
        .unwrap_or(u16::MAX)
        .min(height.saturating_sub(FIRST))
}

/// Sentences that are beside the point.
pub(super) fn dimmed(pieces: Vec<String>, theme: &Theme) -> Vec<Line<'static>> {
    let style = theme.tone(Tone::Dim);
    pieces.into_iter().map(|piece| Line::styled(piece, style)).collect()
}

/// Each way with its letter, and what it would copy.
pub(super) fn copies(frame: &mut Frame, body: Rect, theme: &Theme, menu: &CopyMenu, hits: &mut Hits) {
    let area = centered(body, 132, menu.rows.len() as u16 + 2);
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
    made(frame, (area, inner), theme, (&rows, menu.cursor, ""), hits);
}

/// Rows that are few and made at once, with the cursor's and what is said where there are none.
fn made(
    frame: &mut Frame,
    places: (Rect, Rect),
    theme: &Theme,
    (rows, cursor, empty): (&[Vec<Words>], usize, &str),
    hits: &mut Hits,
) {
    let rows = Rows {
        count: rows.len(),
        cursor,
        row: &|row| rows[row].clone(),
        empty,
    };
    rows.render(frame, places, theme, hits);
}

/// Rows of one or more lines each, of which only those on screen are made.
struct Rows<'a> {
    count: usize,
    cursor: usize,
    /// The lines of a row.
    row: &'a dyn Fn(usize) -> Vec<Words>,
    /// What is said where there are none.
    empty: &'a str,
}

/// The rows on screen, the first perhaps without its first lines.
struct Window {
    first: usize,
    hidden: usize,
    rows: Vec<Vec<Words>>,
    /// Whether all rows are there, whole.
    is_all: bool,
}

impl Rows<'_> {
    /// With the one that has the cursor, as much of it as there is room for.
    fn window(&self, room: usize) -> Window {
        let cursor = self.cursor.min(self.count.saturating_sub(1));
        let mut rows: VecDeque<Vec<Words>> = (cursor..self.count).take(1).map(self.row).collect();
        let mut lines: usize = rows.iter().map(Vec::len).sum();
        let mut first = cursor;
        while lines < room && first > 0 {
            first -= 1;
            let row = (self.row)(first);
            lines += row.len();
            rows.push_front(row);
        }
        // Of one that is longer than the screen the beginning is seen.
        let hidden = if first < cursor { lines.saturating_sub(room) } else { 0 };
        while lines - hidden < room && first + rows.len() < self.count {
            let row = (self.row)(first + rows.len());
            lines += row.len();
            rows.push_back(row);
        }
        Window {
            is_all: first == 0 && hidden == 0 && rows.len() == self.count && lines <= room,
            first,
            hidden,
            rows: rows.into(),
        }
    }

    /// In a place of this box, on whose frame stands which of the rows are in sight, where not all are.
    fn render(&self, frame: &mut Frame, (area, list): (Rect, Rect), theme: &Theme, hits: &mut Hits) {
        let (columns, room) = (usize::from(list.width), usize::from(list.height));
        let window = self.window(room);
        let mut lines: Vec<Line> = Vec::new();
        let mut last = window.first;
        for (index, row) in (window.first..).zip(&window.rows) {
            let hidden = if index == window.first { window.hidden } else { 0 };
            for (nth, words) in row.iter().enumerate().skip(hidden) {
                if lines.len() == room {
                    break;
                }
                let is_cursor = index == self.cursor && nth == 0;
                let mut shown = line(words, theme, columns.saturating_sub(2));
                let sign = if is_cursor { "▸ " } else { "  " };
                shown.spans.insert(0, Span::styled(sign, theme.tone(Tone::Accent)));
                let style = if is_cursor { theme.cursor } else { Style::new() };
                let by = index.cast_signed() - self.cursor.cast_signed();
                hits.add_row(list, lines.len(), Hit::Line(by));
                lines.push(filled(shown, columns).style(style));
                last = index;
            }
        }
        if lines.is_empty() {
            lines.extend(dimmed(format::wrap(self.empty, columns), theme));
        }
        put(frame, list, &lines);
        if !window.is_all && self.count > 0 {
            let words = format!("{}–{} of {}", window.first + 1, last + 1, self.count);
            position(frame, area, theme, &words);
        }
    }
}
