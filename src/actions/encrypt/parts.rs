//! A token cut into parts, in a bounded number of buffers that are used again.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::source::changed;
use crate::aws::transfer::{self, Part};

/// Part size as long as it suffices.
const PART: u64 = 8 << 20;
/// S3 takes 10,000 parts.
const MAX_PARTS: u64 = 10_000;
/// For all the parts that are being filled or sent, of all files together: one filled, four on their way.
const BUDGET: usize = 5 * PART as usize;

/// How long the parts of a token are: the same until 10,000 of them do not suffice.
pub(super) const fn part_len(token_bytes: u64) -> u64 {
    let needed = token_bytes.div_ceil(MAX_PARTS).next_multiple_of(1 << 20);
    if needed > PART { needed } else { PART }
}

/// Room for parts. Whoever asks for more than there is waits; a part longer than all of it gets it when it is empty.
#[derive(Default)]
pub(super) struct Pool {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    lent: usize,
    spare: Vec<Vec<u8>>,
}

impl Pool {
    fn lend(self: &Arc<Self>, len: usize) -> Lent {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self
            .freed
            .wait_while(state, |state| state.lent > 0 && state.lent + len > BUDGET)
            .unwrap_or_else(PoisonError::into_inner);
        state.lent += len;
        let fitting = state.spare.iter().position(|spare| spare.capacity() >= len);
        let mut bytes = fitting.map(|at| state.spare.swap_remove(at)).unwrap_or_default();
        bytes.clear();
        bytes.reserve_exact(len);
        Lent {
            bytes,
            len,
            pool: Arc::clone(self),
        }
    }
}

/// A buffer of the pool, back in it when dropped.
struct Lent {
    bytes: Vec<u8>,
    len: usize,
    pool: Arc<Pool>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lent -= self.len;
        // Only whole parts are worth keeping: the odd ones are the ends of files.
        if self.len == PART as usize {
            state.spare.push(std::mem::take(&mut self.bytes));
        }
        drop(state);
        self.pool.freed.notify_all();
    }
}

/// One part of a token.
pub(super) enum Cut {
    /// It must be sent.
    New { number: i32, bytes: Bytes, crc: u64 },
    /// S3 has it already.
    Kept { part: Part, bytes: u64 },
}

/// Takes a token and hands its parts on. The last one can only become whole when the token does.
pub(super) struct Cutter {
    pool: Arc<Pool>,
    part: u64,
    /// Characters that are still to come, those of the part of the moment among them.
    left: u64,
    number: i32,
    filling: Option<Lent>,
    /// What was uploaded before this process was started. Anything else in its place means another source.
    known: BTreeMap<i32, Known>,
    outlet: mpsc::UnboundedSender<Cut>,
}

/// A part that an earlier process made.
#[derive(Debug, Clone)]
pub(in crate::actions) struct Known {
    pub(in crate::actions) part: Part,
    /// Whether S3 still has it.
    pub(in crate::actions) is_there: bool,
}

impl Cutter {
    pub(super) fn new(
        pool: &Arc<Pool>,
        token_bytes: u64,
        part: u64,
        known: BTreeMap<i32, Known>,
    ) -> (Self, mpsc::UnboundedReceiver<Cut>) {
        let (outlet, parts) = mpsc::unbounded_channel();
        let cutter = Self {
            pool: Arc::clone(pool),
            part,
            left: token_bytes,
            number: 1,
            filling: None,
            known,
            outlet,
        };
        (cutter, parts)
    }

    fn hand_on(&mut self, whole: Lent) -> io::Result<()> {
        let crc = transfer::checksum(&whole.bytes);
        let number = self.number;
        self.left -= whole.len as u64;
        self.number += 1;
        let cut = match self.known.remove(&number) {
            Some(known) if known.part.crc != crc => return Err(changed()),
            Some(known) if known.is_there => Cut::Kept {
                part: known.part,
                bytes: whole.len as u64,
            },
            _ => Cut::New {
                number,
                bytes: Bytes::from_owner(whole),
                crc,
            },
        };
        self.outlet.send(cut).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Cutter {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut filling = match self.filling.take() {
            Some(filling) => filling,
            None => self.pool.lend(self.part.min(self.left) as usize),
        };
        let taken = text.len().min(filling.len - filling.bytes.len());
        if taken == 0 && !text.is_empty() {
            // Longer than it was said to be.
            return Err(changed());
        }
        filling.bytes.extend_from_slice(&text[..taken]);
        if filling.bytes.len() == filling.len {
            self.hand_on(filling)?;
        } else {
            self.filling = Some(filling);
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn part_sizes_are_planned_from_the_token_within_s3s_limits() {
        const GIB: u64 = 1 << 30;
        const LARGEST: u64 = 48_800 * GIB + 800 * GIB;
        for token in [1, PART, 10_000 * PART] {
            assert_eq!(part_len(token), PART);
        }
        for token in [10_000 * PART + 1, 100 * GIB, 5_000 * GIB, LARGEST] {
            let part = part_len(token);
            assert!(
                part > PART && part <= 5 * GIB && token.div_ceil(part) <= MAX_PARTS,
                "{token}"
            );
        }
    }

    #[test]
    fn a_token_is_cut_into_whole_parts_and_known_ones_are_kept() {
        let pool = Arc::new(Pool::default());
        let token: Vec<u8> = (0..250_u32).map(|i| i as u8).collect();
        let kept = Known {
            part: Part {
                number: 2,
                etag: "etag".to_owned(),
                crc: transfer::checksum(&token[100..200]),
            },
            is_there: true,
        };
        let (mut cutter, mut parts) = Cutter::new(&pool, 250, 100, BTreeMap::from([(2, kept.clone())]));
        for piece in token.chunks(70) {
            cutter.write_all(piece).unwrap();
        }
        drop(cutter);
        let Some(Cut::New { number: 1, bytes, .. }) = parts.blocking_recv() else {
            unreachable!("the first part is new")
        };
        assert_eq!(bytes, token[..100]);
        let Some(Cut::Kept { part, bytes: 100 }) = parts.blocking_recv() else {
            unreachable!("the second part is known")
        };
        assert_eq!(part, kept.part);
        let Some(Cut::New { number: 3, bytes, .. }) = parts.blocking_recv() else {
            unreachable!("the last part is new")
        };
        assert_eq!(bytes, token[200..]);
        assert!(parts.blocking_recv().is_none());
    }

    #[test]
    fn other_bytes_in_the_place_of_a_known_part_mean_another_source() {
        let pool = Arc::new(Pool::default());
        let part = Part {
            number: 1,
            etag: "etag".to_owned(),
            crc: 1,
        };
        let known = Known { part, is_there: true };
        let (mut cutter, _parts) = Cutter::new(&pool, 100, 100, BTreeMap::from([(1, known)]));
        let error = cutter.write_all(&[0; 100]).unwrap_err();
        assert!(super::super::source::is_changed(&error));
    }
}
