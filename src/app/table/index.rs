//! Where a row is, by its id or another name of it: found without looking at every row.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use super::{Row, Table};

fn hash(name: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(name)
}

impl<T: Row> Table<T> {
    /// The row of this id, or that is called so.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.find(name).map(|index| &self.rows[index])
    }

    /// Its place among the rows.
    pub(in crate::app) fn find(&self, name: &str) -> Option<usize> {
        let hash = hash(name);
        let from = self.index.partition_point(|(of, _)| *of < hash);
        let like = self.index[from..].iter().take_while(|(of, _)| *of == hash);
        let is_called = |row: &T| row.id() == name || row.names().any(|of| of == name);
        like.map(|(_, index)| *index)
            .find(|index| is_called(&self.rows[*index]))
    }

    /// The rows from this place on are others, those before are what they were.
    pub(super) fn reindex(&mut self, from: usize) {
        self.index.retain(|(_, index)| *index < from);
        for (index, row) in self.rows.iter().enumerate().skip(from) {
            self.index.push((hash(&row.id()), index));
            self.index.extend(row.names().map(|name| (hash(name), index)));
        }
        self.index.sort_unstable();
    }
}
