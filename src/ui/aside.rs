//! The details beside the list.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::{Theme, boxed, line, position};
use crate::app::format::Tone;
use crate::app::{Command, State, aside};

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    let inner = boxed(frame, area, "Details", theme.frame);
    let (columns, rows) = (usize::from(inner.width), usize::from(inner.height));
    let Some(words) = aside::lines(state, columns, rows) else {
        let nothing = Line::styled("Nothing is selected.", theme.tone(Tone::Dim));
        return frame.render_widget(Paragraph::new(nothing), inner);
    };
    let shown: Vec<Line> = words
        .iter()
        .take(rows)
        .map(|words| line(words, theme, columns))
        .collect();
    frame.render_widget(Paragraph::new(shown), inner);
    if words.len() > rows {
        let key = state.settings.keymap.key(Command::Enter);
        position(frame, area, theme, &format!("{key} shows all"));
    }
}
