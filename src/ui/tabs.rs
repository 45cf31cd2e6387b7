//! The panes by name, when only one is on screen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::put::put;
use super::{Hits, Theme};
use crate::app::format::{self, Tone};
use crate::app::{Command, Freshness, Hit, Pane, State};

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, hits: &mut Hits) {
    let mut spans = Vec::new();
    let mut from = 0;
    for pane in Pane::ALL {
        let count = state.table(pane).count();
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
        let cells = format::width(&text);
        hits.add_cells(area, 0, (from, cells), Hit::Command(Command::Focus(pane)));
        from += cells + 1;
        spans.push(Span::styled(text, style));
        spans.push(Span::raw(" "));
    }
    put(frame, area, &[Line::from(spans)]);
}
