//! Questions, and the command palette.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::form::typed;
use super::put::put;
use super::rows::{below, dimmed, told_below};
use super::{Hits, Theme, boxed, centered, position};
use crate::app::format::{self, Tone};
use crate::app::fuzzy::Fuzzy;
use crate::app::overlay::{CodeField, Confirm, Login, LoginStage, Palette, PaletteRow};
use crate::app::palette::{is_of_themes, nothing};
use crate::app::{Command, Hit, State, ThemeName};
use crate::domain::{Named, Wanted};

const COLUMNS: u16 = 72;
/// Columns of the palette: its sentences are whole.
const PALETTE: u16 = 132;
/// Rows of a box with all themes in it, and below them a line for a sentence that is longer than its row.
const THEMES: u16 = ThemeName::ALL.len() as u16 + 4;
/// With less columns than this only the beginning of a sentence has room.
const SENTENCE: usize = 60;
/// Cells before a sentence.
const TOLD: usize = 29;
/// The least cells for a name.
const NAMED: usize = 40;
/// Cells for what kind of thing a name means.
const KIND: usize = 13;
/// Cells of a name in a question for which there are too few rows.
const LEAST_NAME: usize = 12;

pub(super) fn confirm(frame: &mut Frame, body: Rect, theme: &Theme, confirm: &Confirm, hits: &mut Hits) {
    // One line each: a name with a line break in it writes none of its own into the question.
    let wrapped = |tone: Tone, words: &str| wrapped(body, theme, tone, words);
    let told = confirm.explanation.iter();
    let told: Vec<Line> = told.flat_map(|line| wrapped(Tone::Plain, line)).collect();
    let answer = match &confirm.typed {
        None => Line::from(vec![
            Span::styled("y", theme.key),
            Span::styled(" yes   ", theme.tone(Tone::Dim)),
            Span::styled("n", theme.key),
            Span::styled(" no", theme.tone(Tone::Dim)),
        ]),
        Some((_, input)) => {
            let mut line = Line::from(Span::styled("› ", theme.tone(Tone::Accent)));
            line.spans.extend(typed(input, true, usize::from(COLUMNS) - 4, theme));
            line
        }
    };
    let mut lines = vec![Line::default()];
    lines.extend(wrapped(Tone::Heading, &confirm.question));
    lines.push(Line::default());
    lines.extend(told.iter().cloned());
    lines.extend([Line::default(), answer.clone()]);
    let area = centered(body, COLUMNS, lines.len() as u16 + 2);
    let inner = boxed(frame, area, "Sure?", theme.tone(Tone::Warn));
    let (columns, rows) = (usize::from(inner.width), usize::from(inner.height));
    if lines.len() > rows {
        lines.retain(|line| line.width() > 0);
    }
    if lines.len() > rows {
        // What is agreed to has its rows before what there is to know of it.
        let above = rows.saturating_sub(1);
        let question = short(&confirm.question, columns, above).into_iter();
        let question = question.map(|line| Line::styled(line, theme.tone(Tone::Heading)));
        let told = told.into_iter().filter(|line| line.width() > 0);
        lines = question.chain(told).take(above).chain([answer]).collect();
        position(frame, area, theme, "⋯ a larger window shows all");
    }
    if confirm.typed.is_none() {
        let row = lines.len() - 1;
        hits.add_cells(inner, row, (0, "y yes".len()), Hit::Button('y'));
        hits.add_cells(inner, row, ("y yes   ".len(), "n no".len()), Hit::Button('n'));
    }
    put(frame, inner, &lines);
}

/// A question in so many rows: where it needs more its longest names are cut in the middle, so that each is told.
fn short(question: &str, columns: usize, rows: usize) -> Vec<String> {
    let question = format::clean(question);
    let named = |cells: usize| {
        let words: Vec<String> = question
            .split(' ')
            .map(|word| format::cut_middle(word, cells))
            .collect();
        format::wrap(&words.join(" "), columns)
    };
    let whole = std::iter::once_with(|| format::wrap(&question, columns));
    let by_names = (LEAST_NAME..=columns).rev().map(named);
    let by_middle = (columns..=columns * rows).rev();
    let by_middle = by_middle.map(|cells| format::wrap(&format::cut_middle(&question, cells), columns));
    let mut lines = whole.chain(by_names).chain(by_middle);
    lines.find(|lines| lines.len() <= rows).unwrap_or_default()
}

/// The field for the code of an MFA device.
pub(super) fn code(frame: &mut Frame, body: Rect, theme: &Theme, field: &CodeField) {
    let Wanted::MfaCode {
        profile,
        serial,
        refused,
    } = &field.question.wanted
    else {
        return;
    };
    let mut lines = vec![Line::default()];
    let asked = format!("The profile {profile} needs the code that this MFA device shows:");
    lines.extend(wrapped(body, theme, Tone::Plain, &asked));
    lines.extend(wrapped(body, theme, Tone::Heading, serial));
    lines.push(Line::default());
    lines.push(Line::from(vec![
        Span::styled("› ", theme.tone(Tone::Accent)),
        Span::raw(field.digits.shown().to_owned()),
        Span::styled("▏", theme.tone(Tone::Accent)),
    ]));
    lines.push(Line::default());
    let problem = field.problem.or(refused.as_deref());
    let problem = problem.map_or_else(Vec::new, |problem| wrapped(body, theme, Tone::Bad, problem));
    let told = problem.len();
    lines.extend(problem);
    let area = centered(body, COLUMNS, lines.len() as u16 + 2);
    let inner = boxed(frame, area, "MFA code", theme.focus);
    let lines = fitted(lines, 1 + told, inner.height, theme);
    put(frame, inner, &lines);
}

/// A login, from the offer to the code.
pub(super) fn login(frame: &mut Frame, body: Rect, state: &State, theme: &Theme, login: &Login) {
    let mut lines = vec![Line::default()];
    match &login.stage {
        LoginStage::Offered => {
            let profile = login.asked.as_ref().map_or("", |(profile, _)| profile);
            let words = format!("The profile {profile} has no valid SSO login. What is under way waits for one.");
            lines.extend(wrapped(body, theme, Tone::Plain, &words));
            lines.push(Line::default());
            lines.extend(wrapped(body, theme, Tone::Plain, "Log in, in a browser?"));
        }
        LoginStage::Elsewhere {
            command,
            is_still_missing,
        } => {
            let profile = login.asked.as_ref().map_or("", |(profile, _)| profile);
            let words = format!("The profile {profile} has no valid login. What is under way waits for one.");
            lines.extend(wrapped(body, theme, Tone::Plain, &words));
            lines.push(Line::default());
            lines.extend(wrapped(body, theme, Tone::Plain, "In another terminal this makes one:"));
            lines.extend(wrapped(body, theme, Tone::Heading, command));
            if *is_still_missing {
                lines.push(Line::default());
                lines.extend(wrapped(body, theme, Tone::Bad, "There is none yet that holds."));
            }
        }
        LoginStage::Begun => lines.extend(wrapped(body, theme, Tone::Plain, "Asking for a code…")),
        LoginStage::Shown(device) => {
            lines.extend(wrapped(
                body,
                theme,
                Tone::Plain,
                "Open this page, here or on another device:",
            ));
            lines.extend(wrapped(body, theme, Tone::Heading, &device.page));
            lines.push(Line::default());
            lines.extend(wrapped(
                body,
                theme,
                Tone::Plain,
                "Agree there only if it shows this code:",
            ));
            lines.extend(wrapped(body, theme, Tone::Heading, &device.code));
            lines.push(Line::default());
            let left = format::span(state.now.duration_until(device.expires).as_secs().max(0));
            lines.extend(wrapped(
                body,
                theme,
                Tone::Dim,
                &format!("Waiting for that; {left} left."),
            ));
        }
    }
    lines.push(Line::default());
    let area = centered(body, COLUMNS, lines.len() as u16 + 2);
    let inner = boxed(frame, area, "Log in", theme.focus);
    // Page and code, or what is asked.
    let lines = fitted(lines, usize::from(inner.height).saturating_sub(1), inner.height, theme);
    put(frame, inner, &lines);
}

/// Lines of a question in so many rows: where not all fit, gaps go first, then what stands before the last `kept`, which are
/// what is to be answered.
fn fitted(mut lines: Vec<Line<'static>>, kept: usize, rows: u16, theme: &Theme) -> Vec<Line<'static>> {
    let rows = usize::from(rows);
    if lines.len() > rows {
        lines.retain(|line| line.width() > 0);
    }
    let over = lines.len().saturating_sub(rows);
    if over > 0 && rows > kept {
        let end = lines.len() - kept;
        let from = end.saturating_sub(over + 1);
        let more = Line::styled("⋯ a larger window shows all", theme.tone(Tone::Warn));
        lines.splice(from..end, [more]);
    }
    lines
}

/// Words for a dialog, harmless, as many lines as they need.
fn wrapped(body: Rect, theme: &Theme, tone: Tone, words: &str) -> Vec<Line<'static>> {
    let columns = usize::from(COLUMNS.min(body.width).saturating_sub(4));
    let lines = format::wrap(&format::clean(words), columns).into_iter();
    lines.map(|line| Line::styled(line, theme.tone(tone))).collect()
}

pub(super) fn palette(frame: &mut Frame, body: Rect, state: &State, theme: &Theme, palette: &Palette, hits: &mut Hits) {
    // Themes are looked at: they are seen below.
    let rows = if is_of_themes(palette.input.value()) {
        THEMES
    } else {
        (body.height / 3 * 2).max(20)
    };
    let mut area = centered(body, PALETTE, rows);
    let columns = usize::from(area.width.saturating_sub(4));
    let nothing = match palette.matches.as_slice() {
        [] => format::wrap(nothing(state, palette.input.value()), columns.saturating_sub(4)),
        _ => Vec::new(),
    };
    // Of the one with the cursor the whole sentence is told, below all: no row moves from under the mouse.
    let told = |(choice, _): &(PaletteRow, bool)| match choice {
        PaletteRow::Command(_) | PaletteRow::Action(_) | PaletteRow::Theme(_) if columns >= SENTENCE => {
            told_below(&choice.help(), columns.saturating_sub(TOLD), columns)
        }
        PaletteRow::Command(_)
        | PaletteRow::Action(_)
        | PaletteRow::Theme(_)
        | PaletteRow::Open(_)
        | PaletteRow::Role(_)
        | PaletteRow::Switch(_) => Vec::new(),
    };
    let most = palette.matches.iter().map(|row| told(row).len()).max().unwrap_or(0);
    // What is typed stays where it is while there are less rows.
    let needed = palette.matches.len() + nothing.len() + most + 3;
    area.height = area.height.min(u16::try_from(needed).unwrap_or(u16::MAX));
    let inner = boxed(frame, area, "Commands", theme.focus);
    let parts = [Constraint::Fill(1), Constraint::Length(below(most, inner.height))];
    let [inner, foot] = Layout::vertical(parts).areas(inner);
    let mut line = Line::from(Span::styled(": ", theme.tone(Tone::Accent)));
    line.spans
        .extend(typed(&palette.input, true, columns.saturating_sub(3), theme));
    let mut lines = vec![line];
    for piece in nothing {
        let words = format::Line::new(Tone::Dim, format!("  {piece}"));
        lines.push(super::line(&words, theme, columns));
    }
    let mut fuzzy = Fuzzy::new(palette.input.value());
    let rows = usize::from(inner.height).saturating_sub(1).max(1);
    let top = (palette.cursor + 1).saturating_sub(rows);
    let on_screen = || palette.matches.iter().enumerate().skip(top).take(rows);
    let named = on_screen().map(|(_, (choice, _))| format::width(&format::clean(&called(state, choice))));
    let named = named
        .max()
        .unwrap_or(0)
        .max(NAMED)
        .min(columns.saturating_sub(KIND + 3));
    for (index, (choice, available)) in on_screen() {
        let is_cursor = index == palette.cursor;
        let by = index.cast_signed() - palette.cursor.cast_signed();
        hits.add_row(inner, lines.len(), Hit::Line(by));
        let key = match choice {
            PaletteRow::Command(command) => state.settings.keymap.key(*command),
            // It has none of its own: the menu has it.
            PaletteRow::Action(_) => state.settings.keymap.key(Command::Actions),
            PaletteRow::Open(_) | PaletteRow::Role(_) | PaletteRow::Switch(_) | PaletteRow::Theme(_) => String::new(),
        };
        let tone = if *available { Tone::Plain } else { Tone::Dim };
        let words = format::Line::new(Tone::Accent, if is_cursor { "▸ " } else { "  " });
        let words = match choice {
            PaletteRow::Open(_) | PaletteRow::Role(_) => words.and(
                tone,
                format::fit(&format::cut_middle(&called(state, choice), named), named + 2),
            ),
            PaletteRow::Switch(context) if context.name.is_none() => words.and(tone, format!("{}  ", choice.name())),
            PaletteRow::Command(_) | PaletteRow::Action(_) | PaletteRow::Switch(_) | PaletteRow::Theme(_) => words
                .joined(fuzzy.mark(&format::Line::new(tone, format::fit(&choice.name(), 17))))
                .and(Tone::Accent, format::fit(&key, 10)),
        };
        let words = words.and(Tone::Dim, choice.help());
        let style = if is_cursor {
            theme.cursor
        } else {
            ratatui::style::Style::new()
        };
        let line = super::line(&words, theme, columns);
        lines.push(super::filled(line, columns).style(style));
    }
    put(frame, inner, &lines);
    let pieces = palette.matches.get(palette.cursor).map_or_else(Vec::new, told);
    put(frame, foot, &dimmed(pieces, theme));
    let all = palette.matches.len();
    if all > rows {
        position(
            frame,
            area,
            theme,
            &format!("{}–{} of {all}", top + 1, (top + rows).min(all)),
        );
    }
}

/// What a choice is called; a key by its alias, if it is listed and has one.
fn called(state: &State, choice: &PaletteRow) -> String {
    match choice {
        PaletteRow::Open(Named::Key(reference)) => {
            let alias = state.listed_key(reference).and_then(|key| key.aliases.first());
            alias.unwrap_or(reference).clone()
        }
        other => other.name().into_owned(),
    }
}
