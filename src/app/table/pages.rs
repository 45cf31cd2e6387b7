//! What comes: pages of walks, single rows, failures. No list gets shorter while it is walked again.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::{Freshness, Row, Table};

/// The walk that rows come from.
#[derive(Debug, Clone)]
pub(super) struct Pages<T> {
    /// The newest that was heard of.
    number: u64,
    /// The one whose rows are on screen.
    shown: u64,
    /// Rows of the newest, while those on screen are another's.
    incoming: Vec<T>,
    /// Whether the rows on screen are all that there were once: until then pages are shown as they come.
    pub(super) is_whole: bool,
    /// How many rows the walk under way has brought, if it has more to bring.
    pub(super) so_far: Option<usize>,
    /// Rows that were listed by hand since it began, and those taken off: what it says of them may be old.
    since: HashMap<String, bool>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self {
            number: 0,
            shown: 0,
            incoming: Vec::new(),
            is_whole: false,
            so_far: None,
            since: HashMap::new(),
        }
    }
}

impl<T> Pages<T> {
    /// A walk has failed; false if a newer one is on its way.
    pub(super) fn fail(&mut self, number: u64) -> bool {
        if number < self.number {
            return false;
        }
        self.number = number;
        self.incoming.clear();
        self.so_far = None;
        true
    }
}

impl<T: Row> Table<T> {
    pub(in crate::app) fn answer(&mut self, walk: u64, first: bool, last: bool, at: Timestamp, mut rows: Vec<T>) {
        // An older walk, or one whose beginning was another subject's.
        if walk < self.pages.number || (!first && walk != self.pages.number) {
            return;
        }
        if first {
            self.pages.number = walk;
            self.pages.incoming.clear();
            self.pages.since.clear();
        }
        if !self.pages.since.is_empty() {
            rows.retain(|row| !self.pages.since.contains_key(row.id().as_ref()));
        }
        if self.pages.shown == walk {
            self.append(rows, last);
        } else {
            self.pages.incoming.extend(rows);
            // Until the walk has passed them the rows on screen stay.
            if last || (!self.pages.is_whole && self.pages.incoming.len() > self.rows.len()) {
                let incoming = std::mem::take(&mut self.pages.incoming);
                self.replace(incoming);
                self.pages.shown = walk;
            }
        }
        self.pages.so_far = match (last, self.pages.shown == walk) {
            (true, _) => None,
            (false, true) => Some(self.rows.len()),
            (false, false) => Some(self.pages.incoming.len()),
        };
        if last {
            self.pages.is_whole = true;
            self.freshness = Freshness::Ready(at);
        }
    }

    /// What changed since has been merged: the rows are as they were then.
    pub(in crate::app) fn answered(&mut self, at: Timestamp) {
        self.freshness = Freshness::Ready(at);
    }

    /// Updates one row, or lists it: the walk under way may have passed its place.
    pub(in crate::app) fn merge(&mut self, row: T) {
        let id = row.id().into_owned();
        match self.find(&id).filter(|index| self.rows[*index].id() == id) {
            Some(index) => {
                self.put_row(index, row);
                self.settle_row(index);
            }
            None => {
                let chosen = self.kept_id();
                let place = self.rows.iter().position(|known| row.is_listed_before(known));
                let place = place.unwrap_or(self.rows.len());
                self.rows.insert(place, row);
                self.reindex(place);
                self.pages.since.insert(id, true);
                self.arrange_on(chosen);
            }
        }
    }

    /// Lists a row that no walk takes off, unless it is listed.
    pub(in crate::app) fn pin(&mut self, row: T) {
        let id = row.id().into_owned();
        if self.get(&id).is_none_or(|known| known.id() != id) {
            let chosen = self.kept_id();
            self.rows.push(row);
            self.reindex(self.rows.len() - 1);
            self.arrange_on(chosen);
        }
        self.pinned.insert(id);
    }

    /// Takes rows off that are gone.
    pub(in crate::app) fn remove(&mut self, gone: &BTreeSet<String>) {
        let chosen = self.kept_id();
        for rows in [&mut self.rows, &mut self.pages.incoming] {
            rows.retain(|row| !gone.contains(row.id().as_ref()));
        }
        self.marks.retain(|mark| !gone.contains(mark));
        self.pinned.retain(|id| !gone.contains(id));
        self.pages.since.extend(gone.iter().map(|id| (id.clone(), false)));
        self.reindex(0);
        self.arrange_on(chosen);
    }

    /// Changes a row in place, in what no filter looks at.
    pub(in crate::app) fn amend(&mut self, id: &str, change: impl FnOnce(&mut T)) {
        if let Some(index) = self.find(id) {
            let called = |row: &T| {
                let names = row.names().map(str::to_owned);
                names.chain([row.id().into_owned()]).collect::<Vec<String>>()
            };
            let before = called(&self.rows[index]);
            change(&mut self.rows[index]);
            if called(&self.rows[index]) != before {
                self.reindex(0);
            }
            self.settle_row(index);
        }
    }

    /// A row in place of an earlier one of its id.
    fn put_row(&mut self, index: usize, row: T) {
        let earlier = std::mem::replace(&mut self.rows[index], row);
        let is_renamed = !earlier.names().eq(self.rows[index].names());
        self.rows[index].inherit(earlier);
        if is_renamed {
            self.reindex(0);
        }
    }

    /// The rows of this walk so far, before its end: what is new goes below, the whole is put in order at the end.
    fn append(&mut self, rows: Vec<T>, last: bool) {
        self.revision += 1;
        let known = self.rows.len();
        for row in rows {
            let pinned = self.pinned.get(row.id().as_ref());
            match pinned.and_then(|id| self.rows.iter().position(|known| known.id() == *id)) {
                Some(index) => {
                    self.put_row(index, row);
                }
                None => self.rows.push(row),
            }
        }
        self.reindex(known);
        if last || !self.filter.is_empty() {
            self.arrange(true);
        } else {
            self.view.extend(known..self.rows.len());
            self.weigh_unknown();
            self.settle_wanted();
        }
    }

    fn replace(&mut self, mut rows: Vec<T>) {
        let chosen = self.kept_id();
        let mut earlier: HashMap<String, T> = self.rows.drain(..).map(|row| (row.id().into_owned(), row)).collect();
        for row in &mut rows {
            let known = earlier.remove(row.id().as_ref());
            if let Some(known) = known {
                row.inherit(known);
            }
        }
        let listed = self.pages.since.iter().filter(|(_, is_listed)| **is_listed);
        let kept = self.pinned.iter().chain(listed.map(|(id, _)| id));
        rows.extend(kept.filter_map(|id| earlier.remove(id)));
        self.rows = rows;
        self.reindex(0);
        if !self.marks.is_empty() {
            let present: BTreeSet<String> = self.rows.iter().map(|row| row.id().into_owned()).collect();
            self.marks.retain(|mark| present.contains(mark));
        }
        self.arrange_on(chosen);
    }
}
