//! A world on disk: rows in one redb file, written by one thread that commits many writes at once.
//!
//! The world itself lives in memory; [`Shelf`](super::shelf::Shelf) hands every change on to here. Nobody is told of a
//! change before [`Disk::settled`] says that it is committed, so a killed process loses nothing that was acknowledged.
//! Without a folder there is no file, and all of this costs nothing.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
    TableError,
};
use tokio::sync::watch;

/// The layout of the rows; another number is another program's world.
const FORMAT: &[u8] = b"3";
/// Everything is in memory already: this is for writing.
const CACHE: usize = 8 << 20;

type Rows<'a> = TableDefinition<'a, &'static str, &'static [u8]>;

/// Why a world's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiskError {
    #[error("another process uses it")]
    Busy,
    #[error("it was written by another version of strongroom")]
    Format,
    #[error("it is empty, so it is no world; nothing was touched")]
    Empty,
    #[error("{0}")]
    Redb(Box<redb::Error>),
    #[error("a row of {0} cannot be read: {1}")]
    Row(String, postcard::Error),
}

impl<E: Into<redb::Error>> From<E> for DiskError {
    fn from(error: E) -> Self {
        Self::Redb(Box::new(error.into()))
    }
}

/// Where a world's rows go; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Disk(Option<Arc<Writer>>);

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Disk").field(&self.is_kept()).finish()
    }
}

struct Writer {
    /// None once the world has ended: another process may open it then.
    database: Mutex<Option<Arc<Database>>>,
    queue: Mutex<Queue>,
    wake: Condvar,
    done: watch::Sender<Done>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

#[derive(Default)]
struct Queue {
    writes: Vec<Write>,
    /// How many there were ever.
    number: u64,
    is_closed: bool,
}

#[derive(Default)]
struct Done {
    /// How many writes are committed.
    number: u64,
    failure: Option<String>,
}

enum Write {
    Put { table: Arc<str>, key: String, row: Vec<u8> },
    Remove { table: Arc<str>, key: String },
    Drop { table: Arc<str> },
    Unlink(PathBuf),
}

impl Disk {
    /// Opens the file, made if it is not there, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, DiskError> {
        if std::fs::metadata(path).is_ok_and(|file| file.len() == 0) {
            return Err(DiskError::Empty);
        }
        let database = match Builder::new().set_cache_size(CACHE).create(path) {
            Err(DatabaseError::DatabaseAlreadyOpen) => return Err(DiskError::Busy),
            opened => opened?,
        };
        let writer = Arc::new(Writer {
            database: Mutex::new(Some(Arc::new(database))),
            queue: Mutex::default(),
            wake: Condvar::new(),
            done: watch::Sender::default(),
            thread: Mutex::default(),
        });
        let disk = Self(Some(Arc::clone(&writer)));
        match disk
            .rows("meta", |row| Ok(row.to_vec()))?
            .iter()
            .find(|(key, _)| key == "format")
        {
            Some((_, format)) if format != FORMAT => return Err(DiskError::Format),
            Some(_) => {}
            None => disk.put(&Arc::from("meta"), "format", FORMAT.to_vec()),
        }
        let work = Arc::clone(&writer);
        *lock(&writer.thread) = Some(std::thread::spawn(move || work.run()));
        Ok(disk)
    }

    /// Whether there is a file at all.
    pub(crate) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// Every row of a table, decoded, in the order of keys.
    pub(crate) fn rows<T>(
        &self,
        table: &str,
        mut decode: impl FnMut(&[u8]) -> Result<T, postcard::Error>,
    ) -> Result<Vec<(String, T)>, DiskError> {
        let database = self.0.as_ref().and_then(|writer| lock(&writer.database).clone());
        let Some(database) = database else {
            return Ok(Vec::new());
        };
        let read = database.begin_read()?;
        let open = match read.open_table(Rows::new(table)) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            open => open?,
        };
        let mut rows = Vec::with_capacity(open.len()? as usize);
        for row in open.iter()? {
            let (key, value) = row?;
            let row = decode(value.value()).map_err(|error| DiskError::Row(table.to_owned(), error))?;
            rows.push((key.value().to_owned(), row));
        }
        Ok(rows)
    }

    pub(crate) fn put(&self, table: &Arc<str>, key: &str, row: Vec<u8>) {
        self.push(|| Write::Put {
            table: Arc::clone(table),
            key: key.to_owned(),
            row,
        });
    }

    pub(crate) fn remove(&self, table: &Arc<str>, key: &str) {
        self.push(|| Write::Remove {
            table: Arc::clone(table),
            key: key.to_owned(),
        });
    }

    /// Removes a whole table.
    pub(crate) fn drop_table(&self, table: &Arc<str>) {
        self.push(|| Write::Drop {
            table: Arc::clone(table),
        });
    }

    /// Removes a file that no row names any more, once that is committed.
    pub(crate) fn unlink(&self, path: PathBuf) {
        if self.is_kept() {
            self.push(|| Write::Unlink(path));
        } else {
            // Nothing to do about a file that is gone already: its folder was removed under it.
            let _ = std::fs::remove_file(path);
        }
    }

    fn push(&self, write: impl FnOnce() -> Write) {
        let Some(writer) = &self.0 else { return };
        let mut queue = lock(&writer.queue);
        // What a world that has ended lets go of stays on disk.
        if !queue.is_closed {
            queue.writes.push(write());
            queue.number += 1;
            writer.wake.notify_one();
        }
    }

    /// Waits until every change so far is committed; where nothing waits, at once.
    pub(crate) async fn settled(&self) -> Result<(), String> {
        let Some(writer) = &self.0 else { return Ok(()) };
        let wanted = lock(&writer.queue).number;
        let mut done = writer.done.subscribe();
        let done = done
            .wait_for(|done| done.failure.is_some() || done.number >= wanted)
            .await
            .map_err(|_| "the world has ended".to_owned())?;
        match &done.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(()),
        }
    }

    /// Commits what there is and takes nothing more.
    pub(crate) fn close(&self) {
        let Some(writer) = &self.0 else { return };
        lock(&writer.queue).is_closed = true;
        writer.wake.notify_one();
        if let Some(thread) = lock(&writer.thread).take() {
            let _ = thread.join();
        }
        drop(lock(&writer.database).take());
    }
}

impl Writer {
    fn run(&self) {
        loop {
            let (writes, number) = {
                let mut queue = lock(&self.queue);
                while queue.writes.is_empty() && !queue.is_closed {
                    queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
                (std::mem::take(&mut queue.writes), queue.number)
            };
            if writes.is_empty() {
                return;
            }
            let committed = self.commit(writes);
            self.done.send_modify(|done| match committed {
                Ok(()) => done.number = number,
                Err(error) => done.failure = Some(error.to_string()),
            });
        }
    }

    fn commit(&self, writes: Vec<Write>) -> Result<(), DiskError> {
        let mut unlinked = Vec::new();
        let database = lock(&self.database).clone();
        let Some(database) = database else { return Ok(()) };
        let transaction = database.begin_write()?;
        {
            let mut tables = HashMap::new();
            for write in writes {
                let (table, key, row) = match write {
                    Write::Put { table, key, row } => (table, key, Some(row)),
                    Write::Remove { table, key } => (table, key, None),
                    Write::Drop { table } => {
                        tables.remove(&table);
                        transaction.delete_table(Rows::new(&table))?;
                        continue;
                    }
                    Write::Unlink(path) => {
                        unlinked.push(path);
                        continue;
                    }
                };
                let open = match tables.entry(Arc::clone(&table)) {
                    std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                    std::collections::hash_map::Entry::Vacant(entry) => {
                        entry.insert(transaction.open_table(Rows::new(&table))?)
                    }
                };
                match row {
                    Some(row) => drop(open.insert(key.as_str(), row.as_slice())?),
                    None => drop(open.remove(key.as_str())?),
                }
            }
        }
        transaction.commit()?;
        for path in unlinked {
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn what_has_settled_is_there_again_and_a_table_that_was_dropped_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (path, kept, dropped) = (folder.path().join("w"), Arc::from("kept"), Arc::from("dropped"));
        let disk = Disk::open(&path).unwrap();
        disk.put(&kept, "a", vec![1]);
        disk.put(&kept, "b", vec![2]);
        disk.put(&dropped, "a", vec![3]);
        disk.settled().await.unwrap();
        disk.remove(&kept, "a");
        disk.drop_table(&dropped);
        disk.close();
        disk.put(&kept, "late", vec![4]);
        let disk = Disk::open(&path).unwrap();
        assert!(matches!(Disk::open(&path), Err(DiskError::Busy)));
        let rows = |table| disk.rows(table, |row| Ok(row.to_vec())).unwrap();
        assert_eq!(rows("kept"), [("b".to_owned(), vec![2])]);
        assert!(rows("dropped").is_empty());
        disk.close();
    }

    #[test]
    fn a_file_goes_when_that_nobody_names_it_is_committed_and_stays_when_the_world_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, "x").unwrap();
            path
        };
        let (gone, stays) = (file("gone"), file("stays"));
        let disk = Disk::open(&folder.path().join("w")).unwrap();
        disk.unlink(gone.clone());
        disk.close();
        disk.unlink(stays.clone());
        assert!(!gone.exists() && stays.exists());
    }
}
