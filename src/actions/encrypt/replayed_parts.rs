//! Parts that are too long to be held: each is made while it is sent, from a checkpoint of the token.
//!
//! A [`Scout`] takes the token as it is made and keeps nothing of it but, for every part, its checksum and the checkpoint
//! at its beginning. From those a part is made whenever it is wanted: for the first try, for a retry of the SDK's, for one
//! of ours. So a part costs a few buffers, whatever its length, and several are on their way at once.
//!
//! The cipher runs twice over such a token. The other way would be to send what comes from the cipher as it comes, with
//! the checksum in a trailer behind it: once over the token, but one part at a time, for the token is made from its
//! beginning to its end, and one connection carries far less than S3 takes. The checksum that is known beforehand stands
//! in the head as it does for small parts, an endpoint needs to know no trailers, and a source that changed between the
//! two passes shows before the part's last byte has left.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};
use tokio::sync::mpsc;

use super::changed_fault;
use super::parts::{Cut, KnownParts, settle};
use super::source_file::{Opened, changed};
use crate::aws::transfer::{Content, Restart};
use crate::domain::Fault;
use crate::envelope::{Checkpoint, EnvelopeError};

/// The scout goes one part ahead.
const AHEAD: usize = 1;
/// Pieces of a part that are made and not taken yet.
const READY: usize = 2;

/// Takes a token and hands on how its parts are made.
pub(super) struct Scout {
    part: u64,
    /// Characters that are still to come, those of the part of the moment among them.
    left: u64,
    number: i32,
    /// Of the part of the moment.
    taken: u64,
    crc: Digest,
    known: KnownParts,
    source: Arc<Opened>,
    checkpoints: std::sync::mpsc::Receiver<Checkpoint>,
    outlet: mpsc::Sender<Cut>,
}

impl Scout {
    /// `checkpoints` gives that of every part before the part's first character comes.
    pub(super) fn new(
        source: Arc<Opened>,
        token_bytes: u64,
        part: u64,
        known: KnownParts,
        checkpoints: std::sync::mpsc::Receiver<Checkpoint>,
    ) -> (Self, mpsc::Receiver<Cut>) {
        let (outlet, parts) = mpsc::channel(AHEAD);
        let scout = Self {
            part,
            left: token_bytes,
            number: 1,
            taken: 0,
            crc: Digest::new(CrcAlgorithm::Crc64Nvme),
            known,
            source,
            checkpoints,
            outlet,
        };
        (scout, parts)
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let checkpoint = self.checkpoints.recv().map_err(io::Error::other)?;
        let crc = self.crc.finalize_reset();
        let (number, length) = (self.number, self.taken);
        let source = Arc::clone(&self.source);
        self.number += 1;
        self.left -= length;
        self.taken = 0;
        let cut = settle(&mut self.known, number, crc, length, || {
            Content::Stream(Arc::new(Replay {
                checkpoint,
                source,
                length,
                crc,
                spoiled: Arc::default(),
            }))
        })?;
        self.outlet
            .blocking_send(cut)
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Scout {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let whole = self.part.min(self.left);
        let count = text.len().min((whole - self.taken) as usize);
        if count == 0 && !text.is_empty() {
            // Longer than it was said to be.
            return Err(changed());
        }
        self.crc.update(&text[..count]);
        self.taken += count as u64;
        if self.taken == whole && whole > 0 {
            self.hand_on()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One part, made anew each time.
struct Replay {
    checkpoint: Checkpoint,
    source: Arc<Opened>,
    length: u64,
    crc: u64,
    /// Set once the source turned out to be another one.
    spoiled: Arc<Mutex<bool>>,
}

impl Restart for Replay {
    fn length(&self) -> u64 {
        self.length
    }

    fn start(&self) -> mpsc::Receiver<io::Result<Bytes>> {
        let (outlet, pieces) = mpsc::channel(READY);
        let (checkpoint, source) = (self.checkpoint.clone(), Arc::clone(&self.source));
        let (length, crc, spoiled) = (self.length, self.crc, Arc::clone(&self.spoiled));
        tokio::task::spawn_blocking(move || {
            let mut pieces = Pieces {
                outlet,
                held: None,
                crc: Digest::new(CrcAlgorithm::Crc64Nvme),
            };
            let mut input = Arc::clone(&source).from(checkpoint.offset());
            let made = match checkpoint.replay(&mut input, length, &mut pieces) {
                Ok(()) if pieces.crc.finalize() == crc => source.is_same(),
                // Other bytes, or too few of them.
                Ok(()) => Ok(false),
                Err(EnvelopeError::Read(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
                Err(EnvelopeError::Read(error) | EnvelopeError::Write(error)) => Err(error),
                Err(error) => Err(io::Error::other(error)),
            };
            let last = match made {
                Ok(true) => pieces.held.map(Ok),
                Ok(false) => {
                    *spoiled.lock().unwrap_or_else(PoisonError::into_inner) = true;
                    Some(Err(changed()))
                }
                Err(error) => Some(Err(error)),
            };
            if let Some(last) = last {
                // Whoever sent the part may have given up.
                let _ = pieces.outlet.blocking_send(last);
            }
        });
        pieces
    }

    fn spoiled(&self) -> Option<Fault> {
        let spoiled = *self.spoiled.lock().unwrap_or_else(PoisonError::into_inner);
        spoiled.then(|| changed_fault(&self.source.path))
    }
}

/// Hands pieces on, the last one only when all of them are known to be right.
struct Pieces {
    outlet: mpsc::Sender<io::Result<Bytes>>,
    held: Option<Bytes>,
    crc: Digest,
}

impl Write for Pieces {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if text.is_empty() {
            return Ok(0);
        }
        self.crc.update(text);
        match self.held.replace(Bytes::copy_from_slice(text)) {
            None => Ok(text.len()),
            Some(piece) => match self.outlet.blocking_send(Ok(piece)) {
                Ok(()) => Ok(text.len()),
                Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
            },
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
