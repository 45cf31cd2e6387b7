//! A form: its fields, the one with the cursor open.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use tui_input::Input;

use super::put::put;
use super::{Hits, Theme, boxed, centered, position};
use crate::app::Hit;
use crate::app::form::{Field, Form, Heard, Pick, Value};
use crate::app::format::{self, Tone};
use crate::app::fuzzy::Fuzzy;
use crate::domain::policy::role_label;

const COLUMNS: u16 = 84;
/// Cells of the fields' names.
const LABEL: usize = 16;
/// The fewest cells of a box to be checked and its words.
const CHECK: usize = 24;
/// Options of a pick on screen, at most.
const OPTIONS: usize = 6;
/// Lines of what was refused that are in sight in any case.
const PROBLEM: usize = 2;

pub(super) fn render(frame: &mut Frame, body: Rect, theme: &Theme, form: &Form, hits: &mut Hits) {
    let columns = usize::from(COLUMNS.min(body.width).saturating_sub(4));
    let height = usize::from(body.height.saturating_sub(2));
    // On a few rows the field with the cursor comes first, then what was refused, then what could be chosen.
    let told = if form.problem.is_some() { PROBLEM } else { 0 };
    let options = OPTIONS.min(height.saturating_sub(1 + told)).max(1);
    let mut lines: Vec<Line> = Vec::new();
    if !form.note.is_empty() {
        for piece in format::wrap(&form.note, columns) {
            lines.push(Line::styled(piece, theme.tone(Tone::Dim)));
        }
        lines.push(Line::default());
    }
    let mut focused_line = 0;
    let mut starts = Vec::new();
    for (index, field) in form.fields.iter().enumerate() {
        let is_focused = index == form.focus;
        if is_focused {
            focused_line = lines.len();
        }
        starts.push(lines.len());
        lines.extend(self::field(field, is_focused, theme, (columns, options)));
    }
    let mut problem: Vec<Line> = Vec::new();
    let tone = if form.is_waiting { Tone::Busy } else { Tone::Bad };
    if let Some(words) = &form.problem {
        if height > options + 1 + PROBLEM {
            problem.push(Line::default());
        }
        for piece in format::wrap(words, columns) {
            problem.push(Line::styled(piece, theme.tone(tone)));
        }
    }
    let area = centered(body, COLUMNS, (lines.len() + problem.len()) as u16 + 2);
    let inner = boxed(frame, area, &form.title, theme.focus);
    // What was refused stays in sight while the fields scroll.
    problem.truncate(height.saturating_sub(lines.len().min(options + 1)));
    let rows = usize::from(inner.height).saturating_sub(problem.len());
    let below = (focused_line + options + 1).min(lines.len());
    // The name of the field, or where it is longer than the screen the box with the cursor.
    let cursor_line = match form.fields.get(form.focus).map(|field| &field.value) {
        Some(Value::Checks { cursor, .. }) => focused_line + cursor,
        Some(Value::Text(_) | Value::Pick(_)) | None => focused_line,
    };
    let top = below.saturating_sub(rows).min(focused_line);
    let top = top.max((cursor_line + 1).saturating_sub(rows));
    for row in 0..rows.min(lines.len().saturating_sub(top)) {
        let field = starts.partition_point(|start| *start <= top + row).checked_sub(1);
        if let Some(field) = field {
            hits.add_row(inner, row, Hit::Field(field));
        }
    }
    let fields = lines.len();
    let shown: Vec<Line> = lines.into_iter().skip(top).take(rows).chain(problem).collect();
    put(frame, inner, &shown);
    if fields > rows {
        let words = format!("field {} of {}", form.focus + 1, form.fields.len());
        position(frame, area, theme, &words);
    }
}

fn field(field: &Field, is_focused: bool, theme: &Theme, (columns, options): (usize, usize)) -> Vec<Line<'static>> {
    let name = theme.tone(if is_focused { Tone::Accent } else { Tone::Dim });
    let sign = if is_focused { "▸ " } else { "  " };
    let head = || Span::styled(format!("{sign}{}", format::fit(field.label, LABEL)), name);
    let room = columns.saturating_sub(LABEL + 2);
    let hint = |used: usize| {
        let words = format::cut(&format!("  {}", field.hint), room.saturating_sub(used));
        Span::styled(if is_focused { words } else { String::new() }, theme.tone(Tone::Dim))
    };
    match &field.value {
        Value::Text(input) => {
            let mut shown = typed(input, is_focused, room.saturating_sub(2), theme);
            if let Some(offered) = shown.first_mut().filter(|_| is_focused && field.is_offered) {
                *offered = std::mem::take(offered).style(theme.cursor);
            }
            let used: usize = shown.iter().map(Span::width).sum();
            vec![Line::from([vec![head()], shown, vec![hint(used)]].concat())]
        }
        Value::Pick(pick) if is_focused => picking(pick, head(), hint, theme, (room, options)),
        Value::Pick(pick) => {
            let value = pick.value().unwrap_or_else(|| "none".to_owned());
            let words = format::cut(role_label(&value), room);
            vec![Line::from(vec![head(), Span::raw(words)])]
        }
        Value::Checks { items, cursor } => {
            let mut lines = Vec::new();
            let checked = |checked: bool| if checked { "[x] " } else { "[ ] " };
            if !is_focused {
                let chosen: Vec<&str> = items
                    .iter()
                    .filter(|(_, checked)| *checked)
                    .map(|(item, _)| *item)
                    .collect();
                if chosen.is_empty() {
                    let open: Vec<String> = items.iter().map(|(item, _)| format!("[ ] {item}")).collect();
                    let words = Span::styled(format::cut(&open.join("  "), room), theme.tone(Tone::Dim));
                    return vec![Line::from(vec![head(), words])];
                }
                return vec![Line::from(vec![
                    head(),
                    Span::raw(format::cut(&chosen.join(", "), room)),
                ])];
            }
            let widest = items.iter().map(|(item, _)| format::width(item) + 4).max().unwrap_or(0);
            let cells = widest.max(CHECK).min(room);
            for (index, (item, is_checked)) in items.iter().enumerate() {
                let lead = if index == 0 {
                    head()
                } else {
                    Span::raw(" ".repeat(LABEL + 2))
                };
                let style = if index == *cursor { theme.cursor } else { Style::new() };
                let words = format::fit(&format!("{}{item}", checked(*is_checked)), cells);
                let mut spans = vec![lead, Span::styled(words, style)];
                if index == 0 {
                    spans.push(hint(cells));
                }
                lines.push(Line::from(spans));
            }
            lines
        }
    }
}

fn picking(
    pick: &Pick,
    head: Span<'static>,
    hint: impl Fn(usize) -> Span<'static>,
    theme: &Theme,
    (room, options): (usize, usize),
) -> Vec<Line<'static>> {
    let shown = typed(&pick.input, true, room.saturating_sub(2), theme);
    let used: usize = shown.iter().map(Span::width).sum();
    let mut lines = vec![Line::from([vec![head], shown, vec![hint(used)]].concat())];
    let matching = pick.matching();
    let mut fuzzy = Fuzzy::new(pick.input.value());
    let top = (pick.cursor + 1).saturating_sub(options);
    for (index, choice) in matching.iter().enumerate().skip(top).take(options) {
        let is_cursor = index == pick.cursor;
        let words = format::Line::new(Tone::Plain, if is_cursor { "▸ " } else { "  " })
            .joined(fuzzy.mark(&format::Line::new(Tone::Plain, format!("{}  ", choice.label))))
            .and(Tone::Warn, choice.note.clone());
        let mut line = super::line(&words, theme, room);
        line.spans.insert(0, Span::raw(" ".repeat(LABEL + 2)));
        lines.push(line.style(if is_cursor { theme.cursor } else { Style::new() }));
    }
    if matching.is_empty() {
        let words = match pick.heard {
            _ if !pick.options.is_empty() => "none matches",
            Heard::Nothing => "asking…",
            Heard::Rows => "there is none; an ARN may be typed",
            Heard::Refusal => "they could not be listed; an ARN may be typed",
        };
        let words = if pick.input.value().starts_with("arn:") {
            ""
        } else {
            words
        };
        lines.push(Line::styled(
            format!("{}{words}", " ".repeat(LABEL + 2)),
            theme.tone(Tone::Dim),
        ));
    }
    lines
}

/// A line being typed, its end in sight, the cursor where it is.
pub(super) fn typed(input: &Input, is_focused: bool, room: usize, theme: &Theme) -> Vec<Span<'static>> {
    if !is_focused {
        return vec![Span::raw(format::cut(input.value(), room))];
    }
    let characters: Vec<char> = input.value().chars().collect();
    let at = input.cursor().min(characters.len());
    let before: String = characters[..at].iter().collect();
    let after: String = characters[at..].iter().collect();
    let before = format::cut_front(&before, room.saturating_sub(1));
    let left = room.saturating_sub(format::width(&before) + 1);
    vec![
        Span::raw(before),
        Span::styled("▏", theme.tone(Tone::Accent)),
        Span::raw(format::cut(&after, left)),
    ]
}
