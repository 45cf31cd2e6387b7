//! A world on disk: rows in one redb file, written by one thread that commits many writes at once.
//!
//! The world itself lives in memory; [`Shelf`](super::shelf::Shelf) hands every change on to here. Nobody is told of a
//! change before [`Disk::settled`] says that it is committed, so a killed process loses nothing that was acknowledged.
//! Without a folder there is no file, and all of this costs nothing.
//!
//! What cannot be committed is taken back: everything in memory is read from disk again, and whoever may have seen what
//! was there before is told that the disk failed. A handle belongs to one such reading, its *generation*: what an earlier
//! one still writes goes nowhere.
//!
//! What is written under one [`Whole`](whole::Whole) is committed together or not at all.
//!
//! A file is looked at before it is used: opened over a [`backend::Overlay`], so that not one byte of it changes, checked
//! from its root to its last page, and read. Only then is it opened for real.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
    TableError,
};
use tokio::sync::watch;

mod backend;
mod whole;
mod writer;

pub(crate) use whole::Locked;

#[cfg(test)]
mod tests;

/// The rows of a world, in its folder.
pub(crate) const FILE: &str = "world.redb";
/// The same until somebody is told of the world: what is left of one that never began is none.
pub(crate) const UNBORN: &str = "world.redb.new";
/// The layout of the rows; another number is another program's world.
const FORMAT: &[u8] = b"7";
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
    #[error("it is not a whole world: {0}")]
    Damaged(String),
    #[error("{0}")]
    Redb(Box<redb::Error>),
    #[error("it is not a whole world: a row of {0} cannot be read: {1}")]
    Row(String, postcard::Error),
}

impl<E: Into<redb::Error>> From<E> for DiskError {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::DatabaseAlreadyOpen => Self::Busy,
            redb::Error::Corrupted(why) => Self::Damaged(why),
            error => Self::Redb(Box::new(error)),
        }
    }
}

/// Where a world's rows go; clones share it, and a generation.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    writer: Option<Arc<Writer>>,
    generation: u64,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Disk").field(&self.is_kept()).finish()
    }
}

struct Writer {
    folder: PathBuf,
    /// In it.
    file: Mutex<PathBuf>,
    /// None once the world has ended: another process may open it then. Or while it cannot be opened again.
    database: Mutex<Option<Arc<Database>>>,
    queue: Mutex<Queue>,
    wake: Condvar,
    done: watch::Sender<Done>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
    /// Locked: one process at a time, also between two openings of the file.
    lock: Mutex<Option<File>>,
}

#[derive(Default)]
struct Queue {
    writes: Vec<Write>,
    /// How many there were ever.
    number: u64,
    /// Handles of an earlier one are not heard any more.
    generation: u64,
    is_closed: bool,
}

#[derive(Default)]
struct Done {
    /// How many writes are committed, or taken back.
    number: u64,
    /// How often memory has changed by itself.
    epoch: u64,
    /// Memory is not what is on disk, and that cannot be mended yet.
    is_down: bool,
    failure: String,
}

enum Write {
    Put {
        table: Arc<str>,
        key: String,
        row: Vec<u8>,
    },
    Remove {
        table: Arc<str>,
        key: String,
    },
    Drop {
        table: Arc<str>,
    },
    /// Done once everything before it is committed.
    Then(Box<dyn FnOnce() + Send>),
}

impl Disk {
    /// Takes a folder for a new world, which is one from [`Disk::bear`] on.
    pub(crate) fn create(folder: &Path) -> Result<Self, DiskError> {
        let lock = lock_folder(folder)?;
        if folder.join(FILE).exists() {
            return Err(DiskError::Busy);
        }
        let file = folder.join(UNBORN);
        File::create(&file)?;
        let database = Builder::new().set_cache_size(CACHE).create(&file)?;
        let transaction = database.begin_write()?;
        transaction.open_table(Rows::new("meta"))?.insert("format", FORMAT)?;
        transaction.commit()?;
        Ok(Self::of(folder, file, lock, database))
    }

    /// Looks at the world in a folder: what is read from here is whole, and nothing is written before [`Disk::open`].
    pub(crate) fn look(folder: &Path) -> Result<Self, DiskError> {
        let lock = lock_folder(folder)?;
        let path = folder.join(FILE);
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        if file.metadata()?.len() == 0 {
            return Err(DiskError::Damaged("it is empty".to_owned()));
        }
        let database = Builder::new()
            .set_cache_size(CACHE)
            .set_check_integrity_on_open(true)
            .create_with_backend(backend::Overlay::new(file)?)?;
        let disk = Self::of(folder, path, lock, database);
        let formats = disk.rows("meta", |row| Ok(row.to_vec()))?;
        match formats.iter().find(|(key, _)| key == "format") {
            Some((_, format)) if format == FORMAT => Ok(disk),
            Some(_) => Err(DiskError::Format),
            None => Err(DiskError::Damaged("it does not say what wrote it".to_owned())),
        }
    }

    /// The world in a folder, new or not, written to; for tests of its parts.
    #[cfg(test)]
    pub(crate) fn whole(folder: &Path) -> Self {
        let disk = if folder.join(FILE).exists() {
            let disk = Self::look(folder).expect("a whole world");
            disk.open().expect("the same again");
            disk
        } else {
            Self::create(folder).expect("an empty folder")
        };
        disk.begin(|_| Ok(()));
        disk.bear().expect("nobody else is there");
        disk
    }

    fn of(folder: &Path, file: PathBuf, lock: File, database: Database) -> Self {
        let writer = Writer {
            folder: folder.to_owned(),
            file: Mutex::new(file),
            database: Mutex::new(Some(Arc::new(database))),
            queue: Mutex::default(),
            wake: Condvar::new(),
            done: watch::Sender::default(),
            thread: Mutex::default(),
            lock: Mutex::new(Some(lock)),
        };
        Self {
            writer: Some(Arc::new(writer)),
            generation: 0,
        }
    }

    /// Opens what was looked at, to be written.
    pub(crate) fn open(&self) -> Result<(), DiskError> {
        let Some(writer) = &self.writer else { return Ok(()) };
        let mut database = lock(&writer.database);
        drop(database.take());
        *database = Some(Arc::new(opened(&lock(&writer.file))?));
        Ok(())
    }

    /// Begins to write. `restore` reads everything in memory again, from the handle that it is given.
    pub(crate) fn begin(&self, restore: impl Fn(&Self) -> Result<(), DiskError> + Send + 'static) {
        let Some(writer) = &self.writer else { return };
        let work = Arc::clone(writer);
        *lock(&writer.thread) = Some(std::thread::spawn(move || work.run(restore)));
    }

    /// Makes what is on disk a world, if it is none yet.
    pub(crate) fn bear(&self) -> io::Result<()> {
        let Some(writer) = &self.writer else { return Ok(()) };
        let born = writer.folder.join(FILE);
        let mut file = lock(&writer.file);
        if *file != born {
            fs::rename(&*file, &born)?;
            File::open(&writer.folder)?.sync_all()?;
            *file = born;
        }
        Ok(())
    }

    /// Whether there is a file at all.
    pub(crate) fn is_kept(&self) -> bool {
        self.writer.is_some()
    }

    /// Every row of a table, decoded, in the order of keys.
    pub(crate) fn rows<T>(
        &self,
        table: &str,
        mut decode: impl FnMut(&[u8]) -> Result<T, postcard::Error>,
    ) -> Result<Vec<(String, T)>, DiskError> {
        let database = self.writer.as_ref().and_then(|writer| lock(&writer.database).clone());
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

    /// Does something once everything so far is committed; without a file at once, and in a world that has ended never.
    pub(crate) fn then(&self, act: impl FnOnce() + Send + 'static) {
        match &self.writer {
            Some(writer) => writer.push(self.generation, Write::Then(Box::new(act))),
            None => act(),
        }
    }

    fn push(&self, write: impl FnOnce() -> Write) {
        if let Some(writer) = &self.writer {
            writer.push(self.generation, write());
        }
    }

    /// How often memory has changed by itself so far: what a request begins with.
    pub(crate) fn epoch(&self) -> u64 {
        self.writer.as_ref().map_or(0, |writer| writer.done.borrow().epoch)
    }

    /// Waits until every change so far is committed; where nothing waits, at once. An error if memory has changed by
    /// itself since `epoch`: what was seen or done in between may be gone.
    pub(crate) async fn settled(&self, epoch: u64) -> Result<(), String> {
        let Some(writer) = &self.writer else { return Ok(()) };
        let wanted = lock(&writer.queue).number;
        let outcome = |done: &Done| match done {
            done if done.epoch != epoch || done.is_down => Some(Err(done.failure.clone())),
            done => (done.number >= wanted).then_some(Ok(())),
        };
        // Most often nothing waits: then nobody need be told.
        if let Some(outcome) = outcome(&writer.done.borrow()) {
            return outcome;
        }
        let mut done = writer.done.subscribe();
        let done = done.wait_for(|done| outcome(done).is_some()).await;
        let done = done.map_err(|_| "the world has ended".to_owned())?;
        outcome(&done).unwrap_or(Ok(()))
    }

    /// Commits what there is and takes nothing more.
    pub(crate) fn close(&self) {
        let Some(writer) = &self.writer else { return };
        lock(&writer.queue).is_closed = true;
        writer.wake.notify_one();
        // The thread itself lets go of the world if it is the last.
        if let Some(thread) = lock(&writer.thread).take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
        drop(lock(&writer.database).take());
        drop(lock(&writer.lock).take());
    }
}

/// Performs what reads a file that may be damaged. That it is must be said, whatever reading it comes to.
pub(crate) fn guarded<T>(read: impl FnOnce() -> Result<T, DiskError>) -> Result<T, DiskError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(DiskError::Damaged(text.unwrap_or("it cannot be read").to_owned()))
    })
}

/// What a client is told when its change cannot be kept.
pub(crate) fn unwritable(folder: &Path, cause: impl std::fmt::Display) -> String {
    format!("the sandbox cannot write to {}: {cause}", folder.display())
}

fn lock_folder(folder: &Path) -> Result<File, DiskError> {
    let file = File::open(folder)?;
    // What a killed process was just starting holds its locks for a moment more.
    for _ in 0..80 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(25)),
            // Where folders cannot be locked, redb's lock of the file is left.
            _ => return Ok(file),
        }
    }
    Err(DiskError::Busy)
}

fn opened(file: &Path) -> Result<Database, DatabaseError> {
    Builder::new().set_cache_size(CACHE).open(file)
}

/// What a lock holds; that a thread has panicked with it is no reason to end as well.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
