//! The order of the rows: sorted, filtered, the cursor on its row.

use std::cmp::Ordering;

use super::{Row, Sort, Table};
use crate::app::fuzzy::Fuzzy;

impl<T: Row> Table<T> {
    pub(super) fn chosen_id(&self) -> Option<String> {
        self.current().map(|row| row.id().into_owned())
    }

    /// Whether the cursor stays on its row: until the first walk has ended the first row is another with every page.
    fn stays(&self) -> bool {
        self.is_placed || self.pages.is_whole
    }

    /// The row that the cursor stays on.
    pub(super) fn kept_id(&self) -> Option<String> {
        self.chosen_id().filter(|_| self.stays())
    }

    /// Filters and sorts anew; the cursor stays with its row, or goes to the best match of a new filter.
    pub(super) fn arrange(&mut self, keep: bool) {
        let chosen = self.kept_id().filter(|_| keep);
        self.arrange_on(chosen);
        if !keep {
            self.cursor = 0;
            self.reveal();
        }
    }

    pub(super) fn arrange_on(&mut self, chosen: Option<String>) {
        self.revision += 1;
        let mut view: Vec<usize> = (0..self.rows.len()).collect();
        if let Some(sort) = self.sort {
            view.sort_by(|a, b| sorted(sort, &self.rows[*a], &self.rows[*b]));
        }
        if !self.filter.is_empty() {
            view = self.matching(view);
        }
        self.view = view;
        let position = |id: &str| self.view.iter().position(|index| self.rows[*index].id() == id);
        self.cursor = chosen
            .and_then(|id| position(&id))
            .unwrap_or(self.cursor)
            .min(self.view.len().saturating_sub(1));
        self.settle_wanted();
        self.reveal();
        self.weigh_marks();
        self.weigh_unknown();
    }

    /// A row has changed: it goes where it belongs, the others stay. A filter keeps its rows and their order until it is
    /// changed, or the next walk has ended.
    pub(super) fn settle_row(&mut self, index: usize) {
        self.revision += 1;
        self.weigh_marks();
        self.weigh_unknown();
        let Some(sort) = self.sort.filter(|_| self.filter.is_empty()) else {
            return;
        };
        let Some(from) = self.view.iter().position(|shown| *shown == index) else {
            return;
        };
        self.view.remove(from);
        let row = &self.rows[index];
        let to = self
            .view
            .partition_point(|shown| sorted(sort, &self.rows[*shown], row) != Ordering::Greater);
        self.view.insert(to, index);
        self.cursor = match self.cursor {
            cursor if !self.stays() => cursor,
            cursor if cursor == from => to,
            cursor if from < cursor && cursor <= to => cursor - 1,
            cursor if to <= cursor && cursor < from => cursor + 1,
            cursor => cursor,
        };
        self.reveal();
    }

    pub(super) fn settle_wanted(&mut self) {
        let Some(id) = &self.wanted else { return };
        let found = self.view.iter().position(|index| self.rows[*index].id() == *id);
        if let Some(position) = found {
            self.cursor = position;
            self.is_placed = true;
            self.wanted = None;
            self.reveal();
        }
    }

    /// The best matches first; equal ones in their order.
    fn matching(&self, view: Vec<usize>) -> Vec<usize> {
        let mut fuzzy = Fuzzy::new(&self.filter);
        let place = |index: usize| {
            let row = &self.rows[index];
            Some((fuzzy.place(&row.text(), &row.further())?, index))
        };
        let mut found: Vec<_> = view.into_iter().filter_map(place).collect();
        found.sort_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, index)| index).collect()
    }

    /// Scrolls until the cursor is on screen, and no further than needed.
    pub(super) fn reveal(&mut self) {
        let height = self.height.max(1);
        self.offset = self
            .offset
            .min(self.cursor)
            .max((self.cursor + 1).saturating_sub(height))
            .min(self.view.len().saturating_sub(height));
    }
}

/// Which of two rows comes first.
fn sorted<T: Row>(sort: Sort, a: &T, b: &T) -> Ordering {
    let (_, by) = T::ORDERS[sort.column];
    let order = by(a, b);
    if sort.descending { order.reverse() } else { order }
}
