//! Two stages side by side: one on a thread of its own makes buffers, the caller's takes them and gives them back.
//!
//! Few buffers are under way and none is allocated twice, so memory stays the same for any length.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use super::EnvelopeError;

/// Full buffers that may wait for the caller.
const WAITING: usize = 2;

/// Bytes that go through at a time. Waking a thread costs as much as the work on 100 KiB: with pieces of 192 KiB the
/// stages waited for each other most of the time, and from here on larger ones gain little and cost memory.
pub(super) const PIECE: usize = 2 * super::CHUNK;

/// Where the maker puts what is ready.
pub(super) struct Outlet<T> {
    full: SyncSender<T>,
    used: Receiver<T>,
}

impl<T: Default> Outlet<T> {
    /// Hands one on.
    ///
    /// # Errors
    /// When the taker has failed; its own error is the one that counts.
    pub(super) fn send(&self, buffer: T) -> Result<(), EnvelopeError> {
        self.full
            .send(buffer)
            .map_err(|_| EnvelopeError::Write(io::ErrorKind::BrokenPipe.into()))
    }

    /// A buffer that came back, or a new one.
    pub(super) fn used(&self) -> T {
        self.used.try_recv().unwrap_or_default()
    }
}

/// Runs `make` on a thread and `take` here, until `make` is through or either fails.
pub(super) fn through<T: Default + Send, R: Send>(
    make: impl FnOnce(Outlet<T>) -> Result<R, EnvelopeError> + Send,
    mut take: impl FnMut(T) -> Result<T, EnvelopeError>,
) -> Result<R, EnvelopeError> {
    let (full, ready) = sync_channel(WAITING);
    let (back, used): (Sender<T>, Receiver<T>) = channel();
    thread::scope(|scope| {
        let maker = scope.spawn(move || make(Outlet { full, used }));
        let taken = ready.iter().try_for_each(|buffer| {
            // The maker may be through and want nothing back.
            let _ = back.send(take(buffer)?);
            Ok(())
        });
        drop(ready);
        let made = maker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        taken.and(made)
    })
}

/// Reads until the buffer is full or nothing more comes.
pub(super) fn fill(input: &mut impl Read, buffer: &mut [u8]) -> Result<usize, EnvelopeError> {
    let mut count = 0;
    while count < buffer.len() {
        match input.read(&mut buffer[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(EnvelopeError::Read(error)),
        }
    }
    Ok(count)
}
