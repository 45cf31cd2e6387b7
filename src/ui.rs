//! The drawing: a function of the state. It changes nothing and knows no clock.
//!
//! ```text
//! header   identity, account, profile, region, badge
//! keys   | objects
//! grants | files
//!        | jobs          (below 100 columns: the focused pane alone)
//! status   operation or newest message
//! footer   keys
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use crate::app::{Freshness, Pane, State, Table};
use crate::domain::ObjectRow;

/// Styles by role.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    accent: Style,
    dim: Style,
    warn: Style,
    selection: Style,
}

impl Theme {
    /// For dark terminals.
    pub fn dark() -> Self {
        Self {
            accent: Style::new().fg(Color::Cyan),
            dim: Style::new().fg(Color::DarkGray),
            warn: Style::new().fg(Color::Yellow),
            selection: Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    /// Without any colour (`NO_COLOR`).
    pub fn colorless() -> Self {
        Self {
            accent: Style::new().add_modifier(Modifier::BOLD),
            dim: Style::new(),
            warn: Style::new().add_modifier(Modifier::BOLD),
            selection: Style::new().add_modifier(Modifier::REVERSED),
        }
    }
}

/// Draws the whole screen.
pub fn render(state: &State, theme: &Theme, frame: &mut Frame) {
    let [header, body, status, footer] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(heading(state)).style(theme.accent), header);
    if frame.area().width >= 100 {
        let [left, right] = Layout::horizontal([Constraint::Percentage(45), Constraint::Percentage(55)]).areas(body);
        let [keys, grants] = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(left);
        let [objects, files, jobs] =
            Layout::vertical([Constraint::Fill(1), Constraint::Fill(1), Constraint::Fill(1)]).areas(right);
        for (pane, area) in Pane::ALL.into_iter().zip([keys, grants, objects, jobs, files]) {
            draw(frame, area, state, theme, pane);
        }
    } else {
        draw(frame, body, state, theme, state.focus);
    }
    frame.render_widget(Paragraph::new(standing(state)).style(theme.warn), status);
    let hint = "1-5 pane  Enter in  Esc back  e encrypt  v verify  x remove  r refresh  ? help  q quit";
    frame.render_widget(Paragraph::new(hint).style(theme.dim), footer);
    let question = state
        .confirm
        .as_ref()
        .map(|confirm| format!("{}\n\ny yes   n no", confirm.question));
    let help = state.help.then(|| hint.replace("  ", "\n"));
    if let Some(text) = question.or(help) {
        let area = frame
            .area()
            .centered(Constraint::Percentage(70), Constraint::Percentage(60));
        let lines: Vec<Line> = text.lines().map(|line| Line::from(clean(line))).collect();
        frame.render_widget(Clear, area);
        frame.render_widget(
            Paragraph::new(lines)
                .wrap(Wrap { trim: false })
                .block(Block::bordered()),
            area,
        );
    }
}

/// Makes an untrusted text harmless: control characters and direction overrides become visible.
pub fn clean(text: &str) -> String {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().map(|c| if odd(c) { '\u{fffd}' } else { c }).collect()
}

fn heading(state: &State) -> String {
    let (arn, account) = state
        .identity
        .as_ref()
        .map_or(("…", "…"), |who| (who.arn.as_str(), who.account.as_str()));
    let settings = &state.settings;
    let mut text = String::new();
    text.push_str(if settings.sandbox { "SANDBOX  " } else { "" });
    text.push_str(if settings.read_only { "READ-ONLY  " } else { "" });
    text.push_str(&format!(
        "{}  {account}  {arn}",
        settings.region.as_deref().unwrap_or("no region")
    ));
    if let Some(profile) = &settings.profile {
        text.push_str(&format!("  profile {profile}"));
    }
    clean(&text)
}

fn standing(state: &State) -> String {
    if let Some(operation) = state.operations.last() {
        let progress = &operation.progress;
        let total = progress
            .total
            .map(|total| format!(" of {}", size(total)))
            .unwrap_or_default();
        return clean(&format!(
            "{} {}: {}{total}",
            progress.phase,
            operation.title,
            size(progress.bytes)
        ));
    }
    state
        .messages
        .last()
        .filter(|_| state.unread)
        .map(|text| clean(text))
        .unwrap_or_default()
}

fn draw(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, pane: Pane) {
    match (pane, &state.place) {
        (Pane::Keys, _) => list(frame, area, state, theme, (pane, "1 Keys"), &state.keys, |key| {
            let word = key.detail.as_ref().map_or("…", |detail| detail.state.as_str());
            format!("{word:<16} {}", key.name())
        }),
        (Pane::Grants, _) => list(frame, area, state, theme, (pane, "2 Grants"), &state.grants, |grant| {
            let who = grant.grantee.rsplit('/').next().unwrap_or(&grant.grantee);
            format!("{who}  {}", grant.operations.join(", "))
        }),
        (Pane::Objects, None) => {
            list(
                frame,
                area,
                state,
                theme,
                (pane, "3 Buckets"),
                &state.buckets,
                |bucket| bucket.name.clone(),
            );
        }
        (Pane::Objects, Some((bucket, prefix))) => {
            let title = clean(&format!("3 Objects s3://{bucket}/{prefix}"));
            list(
                frame,
                area,
                state,
                theme,
                (pane, &title),
                &state.objects,
                |row| match row {
                    ObjectRow::Prefix { prefix: below } => below.strip_prefix(prefix).unwrap_or(below).to_owned(),
                    ObjectRow::Object {
                        key, size: bytes, info, ..
                    } => {
                        let word = info.as_ref().map_or("…", |info| info.format.as_str());
                        format!("{}  {}  {word}", key.strip_prefix(prefix).unwrap_or(key), size(*bytes))
                    }
                },
            );
        }
        (Pane::Jobs, _) => list(frame, area, state, theme, (pane, "4 Jobs"), &state.jobs, |job| {
            let finer = job.secondary.as_deref().unwrap_or_default();
            format!("{:<10} {}  {finer}", job.status.as_str(), job.name)
        }),
        (Pane::Files, _) => {
            let title = clean(&format!("5 Files {}", state.dir.display()));
            list(frame, area, state, theme, (pane, &title), &state.files, |file| {
                if file.is_dir {
                    format!("{}/", file.name)
                } else {
                    format!("{}  {}", file.name, size(file.size))
                }
            });
        }
    }
}

fn list<T>(
    frame: &mut Frame,
    area: Rect,
    state: &State,
    theme: &Theme,
    (pane, title): (Pane, &str),
    table: &Table<T>,
    words: impl Fn(&T) -> String,
) {
    let focused = state.focus == pane;
    let note = match &table.freshness {
        Freshness::Absent | Freshness::Loading => "loading".to_owned(),
        Freshness::Ready(at) => format!("{}s", state.now.as_second().saturating_sub(at.as_second()).max(0)),
        Freshness::Stale(fault) => clean(&format!("stale: {}", fault.cause)),
    };
    let block = Block::bordered()
        .title(format!(" {title} ({}) {note} ", table.rows.len()))
        .border_style(if focused { theme.accent } else { theme.dim });
    let height = usize::from(block.inner(area).height);
    let top = table
        .selected
        .saturating_sub(height / 2)
        .min(table.rows.len().saturating_sub(height));
    let lines: Vec<Line> = table
        .rows
        .iter()
        .enumerate()
        .skip(top)
        .take(height)
        .map(|(index, row)| {
            let style = if index == table.selected && focused {
                theme.selection
            } else {
                Style::new()
            };
            let mark = if index == table.selected { "> " } else { "  " };
            Line::styled(clean(&format!("{mark}{}", words(row))), style)
        })
        .collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}
