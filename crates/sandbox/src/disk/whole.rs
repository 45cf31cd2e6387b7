//! Writes that belong together: all of an operation is on disk, or nothing of it.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::MutexGuard;

use super::{Disk, Write};

thread_local! {
    /// What this thread has written within the outermost whole that it is in.
    static WRITTEN: RefCell<Option<Vec<(u64, Write)>>> = const { RefCell::new(None) };
}

/// Keeps together what this thread writes until it is let go of. One within another belongs to that.
pub(crate) struct Whole {
    /// None within another.
    disk: Option<Disk>,
    /// It stays on its thread.
    _thread: PhantomData<*const ()>,
}

impl Whole {
    pub(crate) fn new(disk: &Disk) -> Self {
        let is_outermost = disk.is_kept()
            && WRITTEN.with_borrow_mut(|written| {
                let is_outermost = written.is_none();
                written.get_or_insert_default();
                is_outermost
            });
        Self {
            disk: is_outermost.then(|| disk.clone()),
            _thread: PhantomData,
        }
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        let Some(writer) = self.disk.take().and_then(|disk| disk.writer) else {
            return;
        };
        if let Some(written) = WRITTEN.take().filter(|written| !written.is_empty()) {
            writer.take(written);
        }
    }
}

/// Keeps a write for the whole that this thread is in; gives it back if it is in none.
pub(super) fn kept(generation: u64, write: Write) -> Option<Write> {
    WRITTEN.with_borrow_mut(|written| match written {
        Some(written) => {
            written.push((generation, write));
            None
        }
        None => Some(write),
    })
}

/// A lock of something that is kept on disk: what is changed under it is one [`Whole`].
///
/// Who holds two of them at a time changes only what the first one locks.
pub(crate) struct Locked<'a, T> {
    /// Handed on before the lock is open again: writes are in the order of changes.
    _whole: Whole,
    guard: MutexGuard<'a, T>,
}

impl<'a, T> Locked<'a, T> {
    pub(crate) fn new(guard: MutexGuard<'a, T>, disk: &Disk) -> Self {
        Self {
            _whole: Whole::new(disk),
            guard,
        }
    }
}

impl<T> Deref for Locked<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for Locked<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}
