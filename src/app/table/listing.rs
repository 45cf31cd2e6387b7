//! What is done with a table whatever its rows are, so that a pane is asked for its table once.

use super::{Freshness, Row, Sort, Table};
use crate::app::cursor::stepped;
use crate::domain::Fault;
use crate::domain::sheet::Named;

/// A table of any rows.
pub trait Listing {
    /// The filter; empty if there is none.
    fn filter(&self) -> &str;
    /// How fresh the rows are.
    fn freshness(&self) -> &Freshness;
    /// How many rows the walk under way has brought, if it has more to bring.
    fn so_far(&self) -> Option<usize>;
    /// Moves the cursor by so many rows.
    fn step(&mut self, by: isize);
    /// The number of the row under the cursor, among those shown.
    fn place(&self) -> usize;
    /// Puts the cursor on the row of this number, among those shown: the person has chosen it.
    fn put(&mut self, row: usize);
    /// Moves the cursor by so many rows, of which the person has chosen none.
    fn roll(&mut self, by: isize);
    /// The person has chosen the row under the cursor.
    fn touch(&mut self);
    /// A key is pressed here: the cursor stays on the row that is seen under it, and what it was to go to is not waited for
    /// any more.
    fn stay(&mut self);
    /// The person has come to it: the cursor stays where it is, unless it is to go to what was made meanwhile.
    fn come(&mut self);
    /// A page, less one row to keep the place by.
    fn page(&self) -> isize;
    /// There is room for so many rows.
    fn resize(&mut self, height: usize);
    /// Marks the row under the cursor, or no longer.
    fn toggle_mark(&mut self);
    /// Marks all rows that are shown.
    fn mark_all(&mut self);
    /// Of the rows shown, marks those that are not, and no longer those that are.
    fn invert_marks(&mut self);
    /// Marks the rows shown from the one that was marked last to the cursor.
    fn mark_range(&mut self);
    /// What is known of the rows shown, in their order.
    fn records(&self) -> Vec<Vec<Named>>;
    /// How many rows there are, filtered out or not.
    fn count(&self) -> usize;
    /// How many rows are marked, and their bytes.
    fn marks(&self) -> (usize, u64);
    /// Filters anew; an empty filter lets everything through.
    fn set_filter(&mut self, filter: &str);
    /// The columns that it can be sorted by, each with the letter that chooses it.
    fn columns(&self) -> Vec<(&'static str, char)>;
    /// Sorts by the column of this title, or by it in the other order.
    fn sort_by(&mut self, title: &str);
    /// Reverses the order.
    fn reverse(&mut self);
    /// It is being asked for.
    fn asking(&mut self);
    /// The walk of this number has failed.
    fn failed(&mut self, walk: u64, fault: Fault);
}

/// Each title with its first letter that no title before it has.
pub(super) fn lettered(titles: impl Iterator<Item = &'static str>) -> Vec<(&'static str, char)> {
    let mut found: Vec<(&'static str, char)> = Vec::new();
    for title in titles {
        let letters = title.chars().filter(char::is_ascii_alphabetic);
        let mut letters = letters.map(|letter| letter.to_ascii_lowercase());
        let free = letters.find(|letter| found.iter().all(|(_, taken)| taken != letter));
        found.extend(free.map(|letter| (title, letter)));
    }
    found
}

impl<T: Row> Listing for Table<T> {
    fn filter(&self) -> &str {
        &self.filter
    }

    fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    fn so_far(&self) -> Option<usize> {
        self.pages.so_far
    }

    fn step(&mut self, by: isize) {
        self.wanted = None;
        self.cursor = stepped(self.cursor, by, self.view.len());
        self.touch();
        self.reveal();
    }

    fn place(&self) -> usize {
        self.cursor
    }

    fn put(&mut self, row: usize) {
        self.wanted = None;
        self.cursor = row.min(self.view.len().saturating_sub(1));
        self.touch();
        self.reveal();
    }

    fn roll(&mut self, by: isize) {
        self.wanted = None;
        self.is_placed = true;
        self.cursor = stepped(self.cursor, by, self.view.len());
        self.reveal();
    }

    fn touch(&mut self) {
        self.touched = self.chosen_id();
        self.is_placed |= self.touched.is_some();
    }

    fn stay(&mut self) {
        self.wanted = None;
        // Before the end of the first walk every page has another first row.
        self.is_seen |= self.pages.is_whole && !self.view.is_empty();
    }

    fn come(&mut self) {
        if self.is_placed || self.wanted.is_none() {
            self.stay();
        }
    }

    fn page(&self) -> isize {
        self.height.saturating_sub(1).max(1).cast_signed()
    }

    fn resize(&mut self, height: usize) {
        if self.height != height {
            self.height = height;
            self.reveal();
        }
    }

    fn toggle_mark(&mut self) {
        let Some(id) = self.current().map(|row| row.id().into_owned()) else {
            return;
        };
        if !self.marks.remove(&id) {
            self.last_mark = Some(id.clone());
            self.marks.insert(id);
        }
        self.weigh_marks();
        self.step(1);
    }

    fn mark_all(&mut self) {
        let shown: Vec<String> = self.shown_ids(0..self.view.len()).collect();
        self.marks.extend(shown);
        self.weigh_marks();
    }

    fn invert_marks(&mut self) {
        let shown: Vec<String> = self.shown_ids(0..self.view.len()).collect();
        for id in shown {
            if !self.marks.remove(&id) {
                self.marks.insert(id);
            }
        }
        self.weigh_marks();
    }

    fn mark_range(&mut self) {
        let last = self.last_mark.as_ref().filter(|id| self.marks.contains(*id));
        let from = last.and_then(|id| self.view.iter().position(|index| self.rows[*index].id() == *id));
        let from = from.unwrap_or(self.cursor);
        let (first, last) = (from.min(self.cursor), from.max(self.cursor));
        let range: Vec<String> = self.shown_ids(first..last + 1).collect();
        self.marks.extend(range);
        self.last_mark = self.chosen_id();
        self.touch();
        self.weigh_marks();
    }

    fn records(&self) -> Vec<Vec<Named>> {
        self.view.iter().map(|index| self.rows[*index].record()).collect()
    }

    fn count(&self) -> usize {
        self.rows.len()
    }

    fn marks(&self) -> (usize, u64) {
        (self.marks.len(), self.marked_bytes)
    }

    fn set_filter(&mut self, filter: &str) {
        if filter != self.filter {
            filter.clone_into(&mut self.filter);
            let keep = self.filter.is_empty();
            self.arrange(keep);
            if !keep {
                self.touch();
            }
        }
    }

    fn columns(&self) -> Vec<(&'static str, char)> {
        lettered(T::ORDERS.iter().map(|(title, _)| *title))
    }

    fn sort_by(&mut self, title: &str) {
        let Some(column) = T::ORDERS.iter().position(|(of, _)| *of == title) else {
            return;
        };
        if self.sort.is_some_and(|sort| sort.column == column) {
            return self.reverse();
        }
        self.sort = Some(Sort {
            column,
            descending: false,
        });
        self.arrange(true);
    }

    fn reverse(&mut self) {
        let sort = self.sort.get_or_insert(Sort {
            column: 0,
            descending: false,
        });
        sort.descending = !sort.descending;
        self.arrange(true);
    }

    fn asking(&mut self) {
        if self.freshness == Freshness::Absent {
            self.freshness = Freshness::Loading;
        }
    }

    fn failed(&mut self, walk: u64, fault: Fault) {
        if self.pages.fail(walk) {
            self.freshness = Freshness::Stale {
                since: self.freshness.at(),
                fault: Box::new(fault),
            };
        }
    }
}
