//! Room for the bytes of objects on their way: one budget for everything that goes through one connection.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of objects that are held at once, of those that go up and those that come down together.
const WHOLE: u64 = 64 << 20;
/// What it is counted in, bytes.
const UNIT: u64 = 1 << 10;

/// The budget. Whoever asks for more than is left waits; whoever holds some of it must not ask for more.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    free: Arc<Semaphore>,
    /// All of it, in units.
    whole: u32,
}

/// Room that is taken, free again when dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Default for Room {
    fn default() -> Self {
        Self::of(1, WHOLE)
    }
}

impl Room {
    /// A budget of so many times so many bytes.
    pub(crate) fn of(times: u64, bytes: u64) -> Self {
        let whole = u32::try_from(times * bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        Self {
            free: Arc::new(Semaphore::new(whole as usize)),
            whole,
        }
    }

    fn units(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT))
            .unwrap_or(u32::MAX)
            .clamp(1, self.whole.max(1))
    }

    /// Room for so many bytes; for what is longer than the whole budget, all of it.
    pub(crate) async fn take(&self, bytes: u64) -> Taken {
        Taken {
            _permit: Arc::clone(&self.free).acquire_many_owned(self.units(bytes)).await.ok(),
        }
    }

    /// The same on a thread that may block; nothing once it is `given_up`.
    pub(crate) fn take_blocking(&self, bytes: u64, given_up: impl Future<Output = ()>) -> Option<Taken> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_many_owned(self.units(bytes)) {
            return Some(Taken { _permit: Some(permit) });
        }
        Handle::current().block_on(async {
            tokio::select! {
                biased;
                () = given_up => None,
                taken = self.take(bytes) => Some(taken),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn large_parts_count_and_what_is_longer_than_all_of_it_waits_for_all_of_it() {
        let room = Room::default();
        let first = room.take(WHOLE - UNIT).await;
        let second = room.take(1).await;
        let mut all = std::pin::pin!(room.take(u64::MAX));
        tokio::select! {
            biased;
            _ = &mut all => unreachable!("there is no room for it"),
            () = std::future::ready(()) => {}
        }
        drop(first);
        drop(second);
        let all = all.await;
        assert_eq!(room.free.available_permits(), 0);
        drop(all);
        assert_eq!(room.free.available_permits(), (WHOLE / UNIT) as usize);
    }
}
