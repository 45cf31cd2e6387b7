//! A file that is read and never written: what would go into it stays in memory beside it.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::Mutex;

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};

use super::lock;

/// What is written is kept in pieces of this size.
const PIECE: u64 = 4096;

/// Locked as the file itself would be.
#[derive(Debug)]
pub(super) struct Overlay {
    file: FileBackend,
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    /// Of the whole.
    length: u64,
    /// So much of the file is still a part of it.
    below: u64,
    pieces: HashMap<u64, Vec<u8>>,
}

impl Overlay {
    pub(super) fn new(file: File) -> Result<Self, DatabaseError> {
        let file = FileBackend::new(file)?;
        let length = file.len()?;
        Ok(Self {
            file,
            written: Mutex::new(Written {
                length,
                below: length,
                pieces: HashMap::new(),
            }),
        })
    }

    /// As the file has it; nothing but zeros behind its end.
    fn beneath(&self, below: u64, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = below.saturating_sub(offset).min(out.len() as u64) as usize;
        let (from_file, behind) = out.split_at_mut(there);
        behind.fill(0);
        if from_file.is_empty() {
            return Ok(());
        }
        self.file.read(offset, from_file)
    }
}

/// Where a stretch lies in pieces: the piece, where in it, where in the stretch, how long.
fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let within = (at % PIECE) as usize;
        let count = (PIECE as usize - within).min(length - done);
        let piece = (at / PIECE, within, done, count);
        done += count;
        (count > 0).then_some(piece)
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.written).length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let written = lock(&self.written);
        if offset.saturating_add(out.len() as u64) > written.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.beneath(written.below, offset, out)?;
        for (number, within, at, count) in pieces(offset, out.len()) {
            if let Some(piece) = written.pieces.get(&number) {
                out[at..at + count].copy_from_slice(&piece[within..within + count]);
            }
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut written = lock(&self.written);
        written.below = written.below.min(length);
        if length < written.length {
            written.pieces.retain(|number, piece| {
                let start = number * PIECE;
                let stays = length.saturating_sub(start).min(PIECE) as usize;
                piece[stays..].fill(0);
                stays > 0
            });
        }
        written.length = length;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut written = lock(&self.written);
        for (number, within, at, count) in pieces(offset, data.len()) {
            let piece = match written.pieces.remove(&number) {
                Some(piece) => piece,
                None => {
                    let mut piece = vec![0; PIECE as usize];
                    self.beneath(written.below, number * PIECE, &mut piece)?;
                    piece
                }
            };
            let piece = written.pieces.entry(number).or_insert(piece);
            piece[within..within + count].copy_from_slice(&data[at..at + count]);
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
