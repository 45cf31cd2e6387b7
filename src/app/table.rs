//! Rows of one remote thing, with the cursor on them. A refresh or a failure never loses rows or the cursor.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::domain::{BucketRow, Fault, FileRow, Grant, KmsKey, ObjectRow, TrainingJob};

/// What a table needs to know of its rows.
pub trait Row {
    /// What stays the same over refreshes.
    fn id(&self) -> String;
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
    Stale(Fault),
}

/// Rows and the cursor.
#[derive(Debug, Clone)]
pub struct Table<T> {
    /// The rows, as they came.
    pub rows: Vec<T>,
    /// Index of the cursor; 0 when there are no rows.
    pub selected: usize,
    /// How fresh they are.
    pub freshness: Freshness,
    walk: u64,
    incoming: Vec<T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            selected: 0,
            freshness: Freshness::Absent,
            walk: 0,
            incoming: Vec::new(),
        }
    }
}

impl<T: Row> Table<T> {
    /// The row under the cursor.
    pub fn current(&self) -> Option<&T> {
        self.rows.get(self.selected)
    }

    pub(crate) fn step(&mut self, by: isize) {
        let last = self.rows.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
    }

    pub(crate) fn asking(&mut self) {
        if self.freshness == Freshness::Absent {
            self.freshness = Freshness::Loading;
        }
    }

    pub(crate) fn answer(&mut self, walk: u64, first: bool, last: bool, at: Timestamp, rows: Vec<T>) {
        if walk < self.walk {
            return;
        }
        if first {
            self.incoming.clear();
        }
        self.walk = walk;
        self.incoming.extend(rows);
        if last {
            let incoming = std::mem::take(&mut self.incoming);
            self.replace(incoming);
            self.freshness = Freshness::Ready(at);
        }
    }

    pub(crate) fn failed(&mut self, walk: u64, fault: Fault) {
        if walk >= self.walk {
            self.walk = walk;
            self.incoming.clear();
            self.freshness = Freshness::Stale(fault);
        }
    }

    pub(crate) fn merge(&mut self, row: T) {
        let id = row.id();
        match self.rows.iter_mut().find(|known| known.id() == id) {
            Some(known) => {
                let earlier = std::mem::replace(known, row);
                known.inherit(earlier);
            }
            None => {
                if !self.rows.is_empty() {
                    self.selected += 1;
                }
                self.rows.insert(0, row);
            }
        }
    }

    fn replace(&mut self, mut rows: Vec<T>) {
        let chosen = self.current().map(Row::id);
        let mut earlier: HashMap<String, T> = self.rows.drain(..).map(|row| (row.id(), row)).collect();
        let mut selected = None;
        for (index, row) in rows.iter_mut().enumerate() {
            let id = row.id();
            if chosen.as_ref() == Some(&id) {
                selected = Some(index);
            }
            if let Some(known) = earlier.remove(&id) {
                row.inherit(known);
            }
        }
        self.selected = selected.unwrap_or(self.selected).min(rows.len().saturating_sub(1));
        self.rows = rows;
    }
}

impl Row for KmsKey {
    fn id(&self) -> String {
        self.arn.clone()
    }
    fn inherit(&mut self, earlier: Self) {
        self.detail = self.detail.take().or(earlier.detail);
    }
}

impl Row for Grant {
    fn id(&self) -> String {
        self.id.clone()
    }
}

impl Row for BucketRow {
    fn id(&self) -> String {
        self.name.clone()
    }
}

impl Row for ObjectRow {
    fn id(&self) -> String {
        self.key().to_owned()
    }
    fn inherit(&mut self, earlier: Self) {
        if let (
            Self::Object { info, etag, .. },
            Self::Object {
                info: known,
                etag: same,
                ..
            },
        ) = (self, earlier)
            && info.is_none()
            && *etag == same
        {
            *info = known;
        }
    }
}

impl Row for TrainingJob {
    fn id(&self) -> String {
        self.name.clone()
    }
    fn inherit(&mut self, earlier: Self) {
        self.detail = self.detail.take().or(earlier.detail);
        self.secondary = self.secondary.take().or(earlier.secondary);
    }
}

impl Row for FileRow {
    fn id(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }
}
