//! The thread that commits, and what it does when that fails.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Disk, DiskError, Rows, Write, Writer, guarded, lock, opened, unwritable, whole};

/// Between two attempts to get a disk back that fails.
const PATIENCE: Duration = Duration::from_millis(250);

impl Writer {
    /// Takes a write, or keeps it with the whole that it is a part of.
    pub(super) fn push(&self, generation: u64, write: Write) {
        if let Some(write) = whole::kept(generation, write) {
            self.take([(generation, write)]);
        }
    }

    /// Takes writes that belong together.
    pub(super) fn take(&self, writes: impl IntoIterator<Item = (u64, Write)>) {
        let mut queue = lock(&self.queue);
        // What a world that has ended lets go of stays on disk.
        if queue.is_closed {
            return;
        }
        for (generation, write) in writes {
            if generation == queue.generation || matches!(write, Write::Then(_)) {
                queue.writes.push(write);
                queue.number += 1;
            }
        }
        self.wake.notify_one();
    }

    pub(super) fn run(self: &Arc<Self>, restore: impl Fn(&Disk) -> Result<(), DiskError>) {
        let mut acts = Vec::new();
        while let Some((writes, number)) = self.next() {
            let mut rows = Vec::with_capacity(writes.len());
            for write in writes {
                match write {
                    Write::Then(act) => acts.push(act),
                    write => rows.push(write),
                }
            }
            match guarded(|| self.commit(rows)) {
                Ok(()) => self.done.send_modify(|done| done.number = number),
                Err(error) => {
                    let failure = unwritable(&self.folder, error);
                    tracing::error!(failure, "what was asked last is taken back");
                    if !self.take_back(failure, &restore) {
                        return;
                    }
                }
            }
            // Also of writes that were taken back: each looks whether it is still wanted.
            for act in acts.drain(..) {
                act();
            }
        }
    }

    /// What there is to write, and how much there was ever; nothing once the world has ended.
    fn next(&self) -> Option<(Vec<Write>, u64)> {
        let mut queue = lock(&self.queue);
        while queue.writes.is_empty() && !queue.is_closed {
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let writes = std::mem::take(&mut queue.writes);
        (!writes.is_empty()).then_some((writes, queue.number))
    }

    /// Makes memory what is on disk, however long that takes; false if the world ended before. Nobody is answered
    /// meanwhile but with the failure.
    fn take_back(self: &Arc<Self>, failure: String, restore: &impl Fn(&Disk) -> Result<(), DiskError>) -> bool {
        self.done.send_modify(|done| done.failure = failure);
        loop {
            let restored = guarded(|| self.restore(restore));
            self.done.send_modify(|done| {
                done.epoch += 1;
                done.is_down = restored.is_err();
                done.number = restored.as_ref().map_or(done.number, |number| *number);
            });
            match restored {
                Ok(_) => return true,
                Err(error) => tracing::warn!(%error, "the world cannot be read again yet"),
            }
            let queue = lock(&self.queue);
            let waited = self.wake.wait_timeout_while(queue, PATIENCE, |queue| !queue.is_closed);
            if waited.unwrap_or_else(PoisonError::into_inner).0.is_closed {
                return false;
            }
        }
    }

    /// Reads everything again; how many writes there were before.
    fn restore(self: &Arc<Self>, restore: &impl Fn(&Disk) -> Result<(), DiskError>) -> Result<u64, DiskError> {
        // After an error redb does nothing more with what it has open.
        drop(lock(&self.database).take());
        let file = lock(&self.file).clone();
        *lock(&self.database) = Some(Arc::new(opened(&file)?));
        let (generation, number) = {
            let mut queue = lock(&self.queue);
            queue.generation += 1;
            queue.writes.retain(|write| matches!(write, Write::Then(_)));
            (queue.generation, queue.number)
        };
        restore(&Disk {
            writer: Some(Arc::clone(self)),
            generation,
        })?;
        Ok(number)
    }

    fn commit(&self, writes: Vec<Write>) -> Result<(), DiskError> {
        let database = lock(&self.database).clone();
        let Some(database) = database.filter(|_| !writes.is_empty()) else {
            return Ok(());
        };
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
                    Write::Then(_) => continue,
                };
                let open = match tables.entry(Arc::clone(&table)) {
                    Entry::Occupied(entry) => entry.into_mut(),
                    Entry::Vacant(entry) => entry.insert(transaction.open_table(Rows::new(&table))?),
                };
                match row {
                    Some(row) => drop(open.insert(key.as_str(), row.as_slice())?),
                    None => drop(open.remove(key.as_str())?),
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }
}
