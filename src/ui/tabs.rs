//! The panes by name, when only one is on screen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::Theme;
use crate::app::format::Tone;
use crate::app::{Freshness, Pane, State};

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    let mut spans = Vec::new();
    for pane in Pane::ALL {
        let count = match pane {
            Pane::Keys => state.keys.rows().len(),
            Pane::Grants => state.grants.rows().len(),
            Pane::Objects if state.place.is_none() => state.buckets.rows().len(),
            Pane::Objects => state.objects.rows().len(),
            Pane::Jobs => state.jobs.rows().len(),
            Pane::Files => state.files.rows().len(),
        };
        let stale = matches!(state.table(pane).freshness(), Freshness::Stale { .. });
        let mark = if stale { "!" } else { "" };
        let text = format!(" {} {} {count}{mark} ", pane.digit(), pane.name());
        let style = if pane == state.focus {
            theme.cursor.add_modifier(Modifier::BOLD)
        } else if stale {
            theme.tone(Tone::Warn)
        } else {
            theme.tone(Tone::Dim)
        };
        spans.push(Span::styled(text, style));
        spans.push(Span::raw(" "));
    }
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
}
