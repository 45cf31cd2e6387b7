//! Where a frame has what a mouse can be pressed on.

use ratatui::layout::{Position, Rect};

use crate::app::Hit;

/// What a frame has for the mouse, the topmost last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits(Vec<(Rect, Hit)>);

impl Hits {
    /// What was drawn at this cell, counted from 0.
    pub fn at(&self, column: u16, row: u16) -> Option<Hit> {
        let cell = Position::new(column, row);
        let mut found = self.0.iter().rev();
        found.find(|(area, _)| area.contains(cell)).map(|(_, hit)| *hit)
    }

    pub(super) fn add(&mut self, area: Rect, hit: Hit) {
        self.0.push((area, hit));
    }

    /// One row of an area, counted from its top; nothing if it is not in it.
    pub(super) fn add_row(&mut self, area: Rect, row: usize, hit: Hit) {
        let row = u16::try_from(row).ok().filter(|row| *row < area.height);
        if let Some(row) = row {
            self.add(Rect::new(area.x, area.y + row, area.width, 1), hit);
        }
    }

    /// So many cells of a row of an area, from this one on.
    pub(super) fn add_cells(&mut self, area: Rect, row: usize, (from, cells): (usize, usize), hit: Hit) {
        let room = usize::from(area.width);
        let from = from.min(room);
        let cells = cells.min(room - from);
        if let (Ok(x), Ok(width)) = (u16::try_from(from), u16::try_from(cells))
            && cells > 0
        {
            let part = Rect::new(area.x + x, area.y, width, area.height);
            self.add_row(part, row, hit);
        }
    }
}
