//! Rows of one remote thing with the cursor on them: filtered, sorted, marked, scrolled.
//!
//! A refresh or a failure never loses rows, cursor or marks. Whether the person put the cursor where it is, is known: what
//! acts without a question acts only on such a row. What is drawn is [`Table::visible`], a window of `view`:
//! its cost does not grow with the rows.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::domain::Fault;

/// What a table needs to know of its rows.
pub trait Row {
    /// The columns that it can be sorted by.
    const COLUMNS: &'static [&'static str];

    /// What stays the same over refreshes.
    fn id(&self) -> Cow<'_, str>;
    /// What a filter looks at.
    fn text(&self) -> Cow<'_, str>;
    /// The order by a column of `COLUMNS`.
    fn order(&self, other: &Self, column: usize) -> Ordering;
    /// Takes over what an earlier row had learnt by looking closer.
    fn inherit(&mut self, _earlier: Self)
    where
        Self: Sized,
    {
    }
}

/// How fresh the rows are.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Freshness {
    /// Never asked.
    #[default]
    Absent,
    /// Asked for the first time.
    Loading,
    /// As they were then.
    Ready(Timestamp),
    /// The last question failed; rows are what was known before.
    Stale {
        /// When they were fresh, if ever.
        since: Option<Timestamp>,
        /// Why there is nothing newer.
        fault: Box<Fault>,
    },
}

impl Freshness {
    /// When the rows were fresh.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Absent | Self::Loading => None,
            Self::Ready(at) => Some(*at),
            Self::Stale { since, .. } => *since,
        }
    }
}

/// The order of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// Index into `Row::COLUMNS`.
    pub column: usize,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// Rows and the cursor.
#[derive(Debug, Clone)]
pub struct Table<T> {
    /// The rows, as they came.
    rows: Vec<T>,
    /// Indices into `rows`: those that the filter lets through, in order.
    view: Vec<usize>,
    /// Index into `view` of the cursor; 0 when there are no rows.
    cursor: usize,
    /// Index into `view` of the first row on screen.
    offset: usize,
    /// How many rows there is room for.
    height: usize,
    /// The filter; empty lets everything through.
    filter: String,
    sort: Option<Sort>,
    marks: BTreeSet<String>,
    freshness: Freshness,
    walk: u64,
    /// Whether a walk was ever completed: until then pages are shown as they come.
    complete: bool,
    incoming: Vec<T>,
    /// A row to put the cursor on once it is there.
    wanted: Option<String>,
    /// The row that the person put the cursor on.
    touched: Option<String>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            view: Vec::new(),
            cursor: 0,
            offset: 0,
            height: 0,
            filter: String::new(),
            sort: None,
            marks: BTreeSet::new(),
            freshness: Freshness::Absent,
            walk: 0,
            complete: false,
            incoming: Vec::new(),
            wanted: None,
            touched: None,
        }
    }
}

impl<T: Row> Table<T> {
    /// An empty table in this order.
    pub fn sorted_by(column: usize, descending: bool) -> Self {
        Self {
            sort: Some(Sort { column, descending }),
            ..Self::default()
        }
    }

    /// Forgets the rows, for another subject; order and room stay.
    pub(super) fn reset(&mut self) {
        *self = Self {
            sort: self.sort,
            height: self.height,
            ..Self::default()
        };
    }

    /// The row under the cursor.
    pub fn current(&self) -> Option<&T> {
        self.view.get(self.cursor).map(|index| &self.rows[*index])
    }

    /// All rows, filtered out or not, in the order they came.
    pub fn rows(&self) -> &[T] {
        &self.rows
    }

    /// How many rows the filter lets through.
    pub fn shown(&self) -> usize {
        self.view.len()
    }

    /// Index of the cursor among the rows shown.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Index of the first row on screen among the rows shown.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The rows on screen, each with whether the cursor is on it and whether it is marked.
    pub fn visible(&self) -> impl Iterator<Item = (&T, bool, bool)> {
        self.window(0).map(|(index, row)| {
            let marked = !self.marks.is_empty() && self.marks.contains(row.id().as_ref());
            (row, index == self.cursor, marked)
        })
    }

    /// The rows on screen and `more` above and below it.
    pub(super) fn near(&self, more: usize) -> impl Iterator<Item = &T> {
        self.window(more).map(|(_, row)| row)
    }

    fn window(&self, more: usize) -> impl Iterator<Item = (usize, &T)> {
        let from = self.offset.saturating_sub(more).min(self.view.len());
        let to = (self.offset + self.height + more).min(self.view.len());
        (from..to).map(|index| (index, &self.rows[self.view[index]]))
    }

    /// The marked rows, filtered out or not; else the row under the cursor.
    pub fn chosen(&self) -> Vec<&T> {
        if self.marks.is_empty() {
            return self.current().into_iter().collect();
        }
        let marked = |row: &&T| self.marks.contains(row.id().as_ref());
        let shown = self.view.iter().map(|index| &self.rows[*index]).filter(marked);
        let seen: BTreeSet<usize> = self.view.iter().copied().collect();
        let hidden = self.rows.iter().enumerate().filter(|(index, _)| !seen.contains(index));
        shown.chain(hidden.map(|(_, row)| row).filter(marked)).collect()
    }

    /// Whether the person marked these rows, or put the cursor on this one: it did not come to be there by itself.
    pub fn is_chosen(&self) -> bool {
        let touched = |row: &T| self.touched.as_deref() == Some(row.id().as_ref());
        !self.marks.is_empty() || self.current().is_some_and(touched)
    }

    /// How many rows are marked.
    pub fn marked(&self) -> usize {
        self.marks.len()
    }

    /// The filter; empty if there is none.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// The order; as the rows came if there is none.
    pub fn sort(&self) -> Option<Sort> {
        self.sort
    }

    /// How fresh the rows are.
    pub fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    pub(super) fn step(&mut self, by: isize) {
        self.wanted = None;
        let last = self.view.len().saturating_sub(1);
        self.cursor = self.cursor.saturating_add_signed(by).min(last);
        self.touch();
        self.reveal();
    }

    /// The person has chosen the row under the cursor.
    pub(super) fn touch(&mut self) {
        self.touched = self.chosen_id();
    }

    /// The cursor stays: what it was to go to is not waited for any more.
    pub(super) fn stay(&mut self) {
        self.wanted = None;
    }

    /// A page, less one row to keep the place by.
    pub(super) fn page(&self) -> isize {
        self.height.saturating_sub(1).max(1).cast_signed()
    }

    pub(super) fn resize(&mut self, height: usize) {
        if self.height != height {
            self.height = height;
            self.reveal();
        }
    }

    pub(super) fn toggle_mark(&mut self) {
        let Some(id) = self.current().map(|row| row.id().into_owned()) else {
            return;
        };
        if !self.marks.remove(&id) {
            self.marks.insert(id);
        }
        self.step(1);
    }

    /// True if there were any.
    pub(super) fn clear_marks(&mut self) -> bool {
        !std::mem::take(&mut self.marks).is_empty()
    }

    pub(super) fn unmark<'a>(&mut self, ids: impl Iterator<Item = Cow<'a, str>>) {
        for id in ids {
            self.marks.remove(id.as_ref());
        }
    }

    pub(super) fn set_filter(&mut self, filter: &str) {
        if filter != self.filter {
            filter.clone_into(&mut self.filter);
            let keep = self.filter.is_empty();
            self.arrange(keep);
            if !keep {
                self.touch();
            }
        }
    }

    pub(super) fn sort_next(&mut self) {
        let column = self.sort.map_or(0, |sort| (sort.column + 1) % T::COLUMNS.len());
        self.sort = Some(Sort {
            column,
            descending: false,
        });
        self.arrange(true);
    }

    pub(super) fn reverse(&mut self) {
        let sort = self.sort.get_or_insert(Sort {
            column: 0,
            descending: false,
        });
        sort.descending = !sort.descending;
        self.arrange(true);
    }

    /// Puts the cursor on a row, now or as soon as it comes.
    pub(super) fn want(&mut self, id: &str) {
        self.wanted = Some(id.to_owned());
        self.arrange(true);
    }

    pub(super) fn asking(&mut self) {
        if self.freshness == Freshness::Absent {
            self.freshness = Freshness::Loading;
        }
    }

    pub(super) fn answer(&mut self, walk: u64, first: bool, last: bool, at: Timestamp, rows: Vec<T>) {
        if walk < self.walk {
            return;
        }
        if first {
            self.incoming.clear();
        }
        self.walk = walk;
        if self.complete {
            self.incoming.extend(rows);
            if last {
                let incoming = std::mem::take(&mut self.incoming);
                self.replace(incoming);
            }
        } else if first {
            self.replace(rows);
        } else {
            self.append(rows, last);
        }
        if last {
            self.complete = true;
            self.freshness = Freshness::Ready(at);
        }
    }

    /// What changed since has been merged: the rows are as they were then.
    pub(super) fn answered(&mut self, at: Timestamp) {
        self.freshness = Freshness::Ready(at);
    }

    pub(super) fn failed(&mut self, walk: u64, fault: Fault) {
        if walk >= self.walk {
            self.walk = walk;
            self.incoming.clear();
            self.freshness = Freshness::Stale {
                since: self.freshness.at(),
                fault: Box::new(fault),
            };
        }
    }

    /// Updates one row, or adds it at the front.
    pub(super) fn merge(&mut self, row: T) {
        let id = row.id().into_owned();
        match self.rows.iter_mut().find(|known| known.id() == id) {
            Some(known) => {
                let earlier = std::mem::replace(known, row);
                known.inherit(earlier);
                if self.sort.is_some() {
                    self.arrange(true);
                }
            }
            None => {
                let chosen = self.chosen_id();
                self.rows.insert(0, row);
                self.arrange_on(chosen);
            }
        }
    }

    /// Changes rows in place, in what neither filter nor order look at.
    pub(super) fn amend(&mut self, id: &str, change: impl FnOnce(&mut T)) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.id() == id) {
            change(row);
        }
    }

    /// The rows of this walk so far, before its end: what is new goes below, the whole is put in order at the end.
    fn append(&mut self, rows: Vec<T>, last: bool) {
        let known = self.rows.len();
        self.rows.extend(rows);
        if last || !self.filter.is_empty() {
            self.arrange(true);
        } else {
            self.view.extend(known..self.rows.len());
            self.settle_wanted();
        }
    }

    fn replace(&mut self, mut rows: Vec<T>) {
        let chosen = self.chosen_id();
        let mut earlier: HashMap<String, T> = self.rows.drain(..).map(|row| (row.id().into_owned(), row)).collect();
        for row in &mut rows {
            let known = earlier.remove(row.id().as_ref());
            if let Some(known) = known {
                row.inherit(known);
            }
        }
        self.rows = rows;
        if !self.marks.is_empty() {
            let present: BTreeSet<String> = self.rows.iter().map(|row| row.id().into_owned()).collect();
            self.marks.retain(|mark| present.contains(mark));
        }
        self.arrange_on(chosen);
    }

    fn chosen_id(&self) -> Option<String> {
        self.current().map(|row| row.id().into_owned())
    }

    /// Filters and sorts anew; the cursor stays with its row, or goes to the best match of a new filter.
    fn arrange(&mut self, keep: bool) {
        let chosen = self.chosen_id().filter(|_| keep);
        self.arrange_on(chosen);
        if !keep {
            self.cursor = 0;
            self.reveal();
        }
    }

    fn arrange_on(&mut self, chosen: Option<String>) {
        let mut view: Vec<usize> = (0..self.rows.len()).collect();
        if let Some(Sort { column, descending }) = self.sort {
            view.sort_by(|a, b| {
                let order = self.rows[*a].order(&self.rows[*b], column);
                if descending { order.reverse() } else { order }
            });
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
    }

    fn settle_wanted(&mut self) {
        let Some(id) = &self.wanted else { return };
        let found = self.view.iter().position(|index| self.rows[*index].id() == *id);
        if let Some(position) = found {
            self.cursor = position;
            self.wanted = None;
            self.reveal();
        }
    }

    /// The best matches first; equal ones in their order.
    fn matching(&self, view: Vec<usize>) -> Vec<usize> {
        let pattern = Pattern::parse(&self.filter, CaseMatching::Smart, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, usize)> = view
            .into_iter()
            .filter_map(|index| {
                let text = self.rows[index].text();
                let score = pattern.score(Utf32Str::new(&text, &mut buffer), &mut matcher)?;
                Some((score, index))
            })
            .collect();
        scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        scored.into_iter().map(|(_, index)| index).collect()
    }

    /// Scrolls until the cursor is on screen, and no further than needed.
    fn reveal(&mut self) {
        let height = self.height.max(1);
        self.offset = self
            .offset
            .min(self.cursor)
            .max((self.cursor + 1).saturating_sub(height))
            .min(self.view.len().saturating_sub(height));
    }
}

#[cfg(test)]
mod tests;
