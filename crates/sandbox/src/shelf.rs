//! Named rows: in memory to read, on the world's disk whenever one changes.

use std::ops::Deref;

use serde::de::DeserializeOwned;

use crate::prelude::*;

/// Rows of one kind by their names. Reads as the map that it is.
pub(crate) struct Shelf<T> {
    table: Arc<str>,
    rows: BTreeMap<String, T>,
    disk: Disk,
    encode: fn(&T) -> Vec<u8>,
}

impl<T: Serialize + DeserializeOwned> Shelf<T> {
    /// The rows that are on disk.
    pub(crate) fn open(table: &str, disk: &Disk) -> Result<Self, DiskError> {
        Self::open_as(table, disk, encoded, |row| postcard::from_bytes(row))
    }
}

impl<T> Shelf<T> {
    /// The same for rows that are written in another shape.
    pub(crate) fn open_as(
        table: &str,
        disk: &Disk,
        encode: fn(&T) -> Vec<u8>,
        decode: impl Fn(&[u8]) -> Result<T, postcard::Error>,
    ) -> Result<Self, DiskError> {
        let rows = disk.rows(table, decode)?.into_iter().collect();
        Ok(Self {
            rows,
            ..Self::empty(table, disk, encode)
        })
    }

    /// A shelf whose table is not on disk yet.
    pub(crate) fn empty(table: &str, disk: &Disk, encode: fn(&T) -> Vec<u8>) -> Self {
        Self {
            table: Arc::from(table),
            rows: BTreeMap::new(),
            disk: disk.clone(),
            encode,
        }
    }

    /// Puts a row; the one that it replaces.
    pub(crate) fn insert(&mut self, key: String, row: T) -> Option<T> {
        self.write(&key, &row);
        self.rows.insert(key, row)
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<T> {
        let removed = self.rows.remove(key)?;
        self.disk.remove(&self.table, key);
        Some(removed)
    }

    /// Changes a row, if it is there.
    pub(crate) fn change<R>(&mut self, key: &str, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let row = self.rows.get_mut(key)?;
        let result = change(row);
        if self.disk.is_kept() {
            let bytes = (self.encode)(row);
            self.disk.put(&self.table, key, bytes);
        }
        Some(result)
    }

    /// Changes of a row what is not on disk, if it is there.
    pub(crate) fn note<R>(&mut self, key: &str, note: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.rows.get_mut(key).map(note)
    }

    /// Keeps the rows that `keep` is true for.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str, &T) -> bool) {
        let (table, disk) = (&self.table, &self.disk);
        self.rows.retain(|key, row| {
            let stays = keep(key, row);
            if !stays {
                disk.remove(table, key);
            }
            stays
        });
    }

    /// Removes the rows and their table.
    pub(crate) fn discard(self) -> BTreeMap<String, T> {
        self.disk.drop_table(&self.table);
        self.rows
    }

    fn write(&self, key: &str, row: &T) {
        if self.disk.is_kept() {
            self.disk.put(&self.table, key, (self.encode)(row));
        }
    }
}

impl<T> Deref for Shelf<T> {
    type Target = BTreeMap<String, T>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Shelf<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.rows.fmt(f)
    }
}

/// A row in its usual shape.
pub(crate) fn encoded<T: Serialize>(row: &T) -> Vec<u8> {
    postcard::to_allocvec(row).expect("a row is made of numbers, texts and lists of them")
}
