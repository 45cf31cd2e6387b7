//! Rows of one remote thing with the cursor on them: filtered, sorted, marked, scrolled.
//!
//! A refresh or a failure never loses rows, cursor or marks. Whether the person put the cursor where it is, is known: what
//! acts without a question acts only on such a row. What is drawn is [`Table::visible`], a window of `view`:
//! its cost does not grow with the rows.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use jiff::Timestamp;

pub use self::listing::Listing;
use self::pages::Pages;
use crate::domain::Fault;
use crate::domain::sheet::Named;

mod index;
mod listing;
mod order;
mod pages;

#[cfg(test)]
thread_local! {
    /// How often all rows of a table were asked for.
    pub(crate) static WALKED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// What a table needs to know of its rows.
pub trait Row: Sized + 'static {
    /// The columns that it can be sorted by, in this order.
    const ORDERS: &'static [Order<Self>];
    /// Those of them that only a closer look fills.
    const DETAILS: &'static [usize] = &[];

    /// What stays the same over refreshes.
    fn id(&self) -> Cow<'_, str>;
    /// What else it is called.
    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }
    /// What a filter looks at: what stands in the row.
    fn text(&self) -> Cow<'_, str>;
    /// What it has besides, to be found by a part of it as it is written; after what stands in a row.
    fn further(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }
    /// Whether a list has this row before that one, as far as that is known; a new row comes first.
    fn is_listed_before(&self, _other: &Self) -> bool {
        true
    }
    /// What is known of it, for a file: every row of a kind has the same columns.
    fn record(&self) -> Vec<Named>;
    /// How many bytes it has; none of what has no size.
    fn bytes(&self) -> u64 {
        0
    }
    /// Whether it stands for others: what is done to one of them is not done to it.
    fn is_group(&self) -> bool {
        false
    }
    /// Whether it was looked at closer.
    fn is_known(&self) -> bool {
        true
    }
    /// Takes over what an earlier row had learnt by looking closer.
    fn inherit(&mut self, _earlier: Self) {}
}

/// A column's title, and the order of two rows by it.
pub type Order<T> = (&'static str, fn(&T, &T) -> Ordering);

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
    /// Index into `Row::ORDERS`.
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
    /// Hashes of the ids and names of the rows, in their order, each with the row's place.
    index: Vec<(u64, usize)>,
    /// How many of the rows shown were not looked at closer, where their order depends on it.
    unknown: usize,
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
    /// The row that was marked last.
    last_mark: Option<String>,
    /// Bytes of the marked rows.
    marked_bytes: u64,
    /// How many of the marked rows stand for no others.
    marked_alone: usize,
    /// Rows that no walk takes off: a person has named them.
    pinned: BTreeSet<String>,
    freshness: Freshness,
    pages: Pages<T>,
    /// Counts the changes of rows and their places.
    revision: u64,
    /// A row to put the cursor on once it is there.
    wanted: Option<String>,
    /// The row that the person put the cursor on.
    touched: Option<String>,
    /// Whether the cursor was put anywhere.
    is_placed: bool,
    /// Whether a person was here while it stood on a row.
    is_seen: bool,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            view: Vec::new(),
            index: Vec::new(),
            unknown: 0,
            cursor: 0,
            offset: 0,
            height: 0,
            filter: String::new(),
            sort: None,
            marks: BTreeSet::new(),
            last_mark: None,
            marked_bytes: 0,
            marked_alone: 0,
            pinned: BTreeSet::new(),
            freshness: Freshness::Absent,
            pages: Pages::default(),
            revision: 0,
            wanted: None,
            touched: None,
            is_placed: false,
            is_seen: false,
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
            revision: self.revision + 1,
            ..Self::default()
        };
    }

    /// The row under the cursor.
    pub fn current(&self) -> Option<&T> {
        self.view.get(self.cursor).map(|index| &self.rows[*index])
    }

    /// All rows, filtered out or not, in the order they came. Nothing that is drawn looks at them.
    pub fn rows(&self) -> &[T] {
        #[cfg(test)]
        WALKED.set(WALKED.get() + 1);
        &self.rows
    }

    /// The first so many of them.
    pub fn first(&self, most: usize) -> impl Iterator<Item = &T> {
        self.rows.iter().take(most)
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
        self.window(self.offset, self.offset + self.height).map(|(index, row)| {
            let marked = !self.marks.is_empty() && self.marks.contains(row.id().as_ref());
            (row, index == self.cursor, marked)
        })
    }

    /// The row under the cursor, those on screen, a page below and a page above.
    pub(super) fn near(&self) -> impl Iterator<Item = &T> {
        let (from, to) = (self.offset, self.offset + self.height);
        let pages = [
            (from, to),
            (to, to + self.height),
            (from.saturating_sub(self.height), from),
        ];
        let rows = pages.into_iter().flat_map(|(from, to)| self.window(from, to));
        self.current().into_iter().chain(rows.map(|(_, row)| row))
    }

    /// Rows that were not looked at closer, if the order is by what that tells, the first first.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &T> {
        let view = if self.unknown > 0 { self.view.as_slice() } else { &[] };
        view.iter()
            .map(|index| &self.rows[*index])
            .filter(|row| !row.is_known())
    }

    /// How many these are.
    pub fn count_unknown(&self) -> usize {
        self.unknown
    }

    /// Rows, or their order, have changed.
    fn weigh_unknown(&mut self) {
        let is_by_detail = self.sort.is_some_and(|sort| T::DETAILS.contains(&sort.column));
        let view = if is_by_detail { self.view.as_slice() } else { &[] };
        let is_unknown = |index: &&usize| !self.rows[**index].is_known();
        self.unknown = view.iter().filter(is_unknown).count();
    }

    /// Ids of rows shown, by their numbers.
    fn shown_ids(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = String> {
        let rows = self.view.get(range).unwrap_or_default().iter();
        rows.map(|index| self.rows[*index].id().into_owned())
    }

    fn window(&self, from: usize, to: usize) -> impl Iterator<Item = (usize, &T)> {
        let end = self.view.len();
        (from.min(end)..to.min(end)).map(|index| (index, &self.rows[self.view[index]]))
    }

    /// The marked rows, filtered out or not; else the row under the cursor.
    pub fn chosen(&self) -> Vec<&T> {
        if self.marks.is_empty() {
            return self.current().into_iter().collect();
        }
        #[cfg(test)]
        WALKED.set(WALKED.get() + 1);
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

    /// How many of them stand for no others.
    pub fn marked_alone(&self) -> usize {
        self.marked_alone
    }

    /// Bytes of all that are marked, as far as they have a size.
    pub fn marked_bytes(&self) -> u64 {
        self.marked_bytes
    }

    /// Other rows are marked, or the marked rows are others.
    fn weigh_marks(&mut self) {
        let is_marked = |row: &&T| self.marks.contains(row.id().as_ref());
        (self.marked_bytes, self.marked_alone) = if self.marks.is_empty() {
            (0, 0)
        } else {
            self.rows.iter().filter(is_marked).fold((0, 0), |(bytes, alone), row| {
                (bytes + row.bytes(), alone + usize::from(!row.is_group()))
            })
        };
    }

    /// The title of the column that they are sorted by, and whether the largest comes first; as they came if there is none.
    pub fn sort(&self) -> Option<(&'static str, bool)> {
        let (title, _) = T::ORDERS.get(self.sort?.column)?;
        Some((title, self.sort?.descending))
    }

    /// Whether the rows are all that there were when they were asked for.
    pub fn is_whole(&self) -> bool {
        self.pages.is_whole
    }

    /// Another number for other rows.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// True if there were any.
    pub(super) fn clear_marks(&mut self) -> bool {
        let were_there = !std::mem::take(&mut self.marks).is_empty();
        self.weigh_marks();
        were_there
    }

    pub(super) fn unmark<'a>(&mut self, ids: impl Iterator<Item = Cow<'a, str>>) {
        for id in ids {
            self.marks.remove(id.as_ref());
        }
        self.weigh_marks();
    }

    /// Puts the cursor on a row, now or as soon as it comes.
    pub(super) fn want(&mut self, id: &str) {
        self.wanted = Some(id.to_owned());
        self.arrange(true);
    }

    /// Whether the cursor stands where somebody knows it to be: else it is on what happens to come first.
    pub(super) fn is_known(&self) -> bool {
        self.is_placed || self.is_seen
    }
}

#[cfg(test)]
mod tests;
