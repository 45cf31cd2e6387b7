//! The drawing: a function of the state. It changes nothing and knows no clock.
//!
//! Where everything stands is [`crate::app::layout`]'s; each region is drawn by a file of its own, with the same
//! signature: `render(frame, area, state, theme)`. What is drawn is what is on screen: no cost here grows with the data.

mod aside;
mod audit;
mod chain;
mod dialog;
mod footer;
mod form;
mod header;
mod hits;
mod inventory;
mod job_log;
mod metrics;
mod panes;
mod plain;
mod put;
mod reader;
mod rows;
mod status;
mod table;
mod tabs;
pub mod theme;
mod who;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear};

pub use hits::Hits;
pub use theme::{Abilities, Colours, Theme};

use crate::app::format::{self, Line as Words, Tone};
use crate::app::layout::Area;
use crate::app::{Command, Hit, Overlay, State};

/// Draws the whole screen.
pub fn render(state: &State, theme: &Theme, frame: &mut Frame) {
    draw(state, theme, frame);
}

/// The same; what of it a mouse can be pressed on.
pub fn draw(state: &State, theme: &Theme, frame: &mut Frame) -> Hits {
    let regions = state.regions();
    let mut found = Hits::default();
    let hits = &mut found;
    header::render(frame, rect(regions.header), state, theme);
    if let Some(area) = regions.tabs {
        tabs::render(frame, rect(area), state, theme, hits);
    }
    for (pane, area) in &regions.panes {
        panes::render(frame, rect(*area), state, theme, *pane, hits);
    }
    if let Some(area) = regions.aside {
        aside::render(frame, rect(area), state, theme);
    }
    status::operations(frame, rect(regions.operations), state, theme);
    status::message(frame, rect(regions.message), state, theme);
    chain::render(frame, rect(regions.chain), state, theme);
    for (area, command) in [
        (regions.operations, Command::Operations),
        (regions.message, Command::Messages),
        (regions.chain, Command::Chain),
    ] {
        hits.add(rect(area), Hit::Command(command));
    }
    footer::render(frame, rect(regions.footer), state, theme, hits);
    let body = rect(regions.body);
    for (index, overlay) in state.overlays.iter().enumerate() {
        let is_top = index + 1 == state.overlays.len();
        // What lies below is not for the mouse.
        hits.add(body, Hit::Over);
        match overlay {
            // A reader fills the body: only the topmost is seen.
            Overlay::Help(_)
            | Overlay::Messages(_)
            | Overlay::Details(_)
            | Overlay::Report(_)
            | Overlay::Matrix(_)
            | Overlay::Log(_)
            | Overlay::Audit(_)
            | Overlay::Inventory(_)
            | Overlay::Who(_)
            | Overlay::Results(_)
            | Overlay::CleanUp(_)
            | Overlay::Versions(_)
            | Overlay::Comparing(_)
            | Overlay::Preview(_)
            | Overlay::Review(_)
            | Overlay::Guide(_)
            | Overlay::Operations(_) => {
                if is_top || is_covered_by_dialog(state, index) {
                    reader::render(frame, body, state, theme, overlay, hits);
                }
            }
            // The heads of the columns show it.
            Overlay::Sort(_) => {}
            Overlay::Login(login) => dialog::login(frame, body, state, theme, login),
            Overlay::Code(field) => dialog::code(frame, body, theme, field),
            Overlay::Confirm(confirm) => dialog::confirm(frame, body, theme, confirm, hits),
            Overlay::Form(form) => form::render(frame, body, theme, form, hits),
            Overlay::Interrupted(id) => rows::interrupted(frame, body, state, theme, id, hits),
            Overlay::CopyAs(menu) => rows::copies(frame, body, theme, menu, hits),
            Overlay::Menu(menu) => rows::menu(frame, body, state, theme, menu, hits),
            Overlay::Palette(palette) => dialog::palette(frame, body, state, theme, palette, hits),
        }
    }
    theme.finish(frame.buffer_mut());
    found
}

/// Whether a question stands on this reader.
fn is_covered_by_dialog(state: &State, index: usize) -> bool {
    matches!(
        state.overlays.get(index + 1),
        Some(Overlay::Confirm(_) | Overlay::Form(_) | Overlay::Code(_) | Overlay::Login(_))
    )
}

fn rect(area: Area) -> Rect {
    Rect::new(area.x, area.y, area.width, area.height)
}

/// Words in the theme's colours, harmless and cut to the room.
fn line(words: &Words, theme: &Theme, columns: usize) -> Line<'static> {
    let mut room = columns;
    let mut spans = Vec::new();
    for (tone, piece) in &words.0 {
        let piece = format::cut(piece, room);
        room -= format::width(&piece).min(room);
        spans.push(Span::styled(piece, theme.tone(*tone)));
    }
    Line::from(spans)
}

/// A line as long as its place: what marks it reaches the edge.
fn filled(mut line: Line<'static>, columns: usize) -> Line<'static> {
    let rest = columns.saturating_sub(line.width());
    line.spans.push(Span::raw(" ".repeat(rest)));
    line
}

/// A framed box over what is there.
fn boxed(frame: &mut Frame, area: Rect, title: &str, style: Style) -> Rect {
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(style)
        .title(Span::styled(
            format!(" {} ", format::cut(title, usize::from(area.width.saturating_sub(6)))),
            style,
        ));
    let inner = block.inner(area);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    inner.inner(ratatui::layout::Margin::new(1, 0))
}

/// Words on the lower edge of a box, to the right: where one stands in it.
fn position(frame: &mut Frame, area: Rect, theme: &Theme, words: &str) {
    let bottom = Rect::new(
        area.x + 2,
        area.bottom().saturating_sub(1),
        area.width.saturating_sub(4),
        area.height.min(1),
    );
    let words = Line::styled(format!(" {words} "), theme.tone(Tone::Dim));
    let width = u16::try_from(words.width()).unwrap_or(bottom.width).min(bottom.width);
    let area = Rect::new(bottom.right() - width, bottom.y, width, bottom.height);
    put::put(frame, area, &[words]);
}

/// A box of so many columns and rows in the middle, or as large as there is room.
fn centered(body: Rect, columns: u16, rows: u16) -> Rect {
    let (width, height) = (columns.min(body.width), rows.min(body.height));
    Rect::new(
        body.x + (body.width - width) / 2,
        body.y + (body.height - height) / 2,
        width,
        height,
    )
}

#[cfg(test)]
mod tests;
