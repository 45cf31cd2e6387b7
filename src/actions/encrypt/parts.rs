//! A token cut into parts that are held in memory, in buffers of a bounded budget that are used again.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};
use tokio::sync::mpsc;

use super::source_file::changed;
use crate::actions::upload_journal::KnownPart;
use crate::aws::transfer::{Content, Part};
use crate::aws::{Room, Taken};

/// Parts of one token that are held: one filled, four on their way.
const HELD: u64 = 5;
/// Parts of one token that wait to be sent; what is held bounds them too.
const READY: usize = 4;
/// Buffers that are kept to be used again.
const SPARE: usize = 5;

/// Buffers for parts, within a budget. Whoever asks for more than there is waits.
pub(in crate::actions) struct Pool {
    /// Bytes of a whole part.
    part: usize,
    room: Room,
    spare: Mutex<Vec<Vec<u8>>>,
}

impl Pool {
    /// For parts of so many bytes.
    pub(in crate::actions) fn new(part: u64, room: &Room) -> Arc<Self> {
        Arc::new(Self {
            part: part as usize,
            room: room.clone(),
            spare: Mutex::default(),
        })
    }

    /// A buffer of a token's `own` room for whoever hands parts on here; none once nobody takes them.
    fn lend(self: &Arc<Self>, len: usize, own: &Room, outlet: &mpsc::Sender<Cut>) -> io::Result<Lent> {
        let mut taken = Vec::new();
        // Its own first: what is of all is not held while it waits for that.
        for room in [own, &self.room] {
            let room = room.take_blocking(len as u64, outlet.closed());
            taken.push(room.ok_or(io::ErrorKind::BrokenPipe)?);
        }
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        // The odd ones are the ends of files, and small ones.
        let fitting = if len == self.part { spare.pop() } else { None };
        drop(spare);
        let mut bytes = fitting.unwrap_or_default();
        bytes.clear();
        bytes.reserve_exact(len);
        Ok(Lent {
            bytes,
            len,
            pool: Arc::clone(self),
            _taken: taken,
        })
    }
}

/// A buffer of the pool, back in it when dropped.
struct Lent {
    bytes: Vec<u8>,
    len: usize,
    pool: Arc<Pool>,
    _taken: Vec<Taken>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut spare = self.pool.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if self.len == self.pool.part && spare.len() < SPARE {
            spare.push(std::mem::take(&mut self.bytes));
        }
    }
}

/// One part of a token.
pub(in crate::actions) enum Cut {
    /// It must be sent.
    New { number: i32, content: Content, crc: u64 },
    /// S3 has it already.
    Kept { part: Part, bytes: u64 },
}

/// What was uploaded before this process was started. Anything else in its place means another source.
pub(in crate::actions) type KnownParts = BTreeMap<i32, KnownPart>;

/// Whether a part is known, and the same.
pub(super) fn settle(
    known: &mut KnownParts,
    number: i32,
    crc: u64,
    bytes: u64,
    content: impl FnOnce() -> Content,
) -> io::Result<Cut> {
    match known.remove(&number) {
        Some(known) if known.part.crc != crc => Err(changed()),
        Some(known) if known.is_there => Ok(Cut::Kept {
            part: known.part,
            bytes,
        }),
        _ => Ok(Cut::New {
            number,
            content: content(),
            crc,
        }),
    }
}

/// Takes a token and hands its parts on. The last one can only become whole when the token does.
pub(in crate::actions) struct Cutter {
    pool: Arc<Pool>,
    own: Room,
    part: u64,
    /// Characters that are still to come, those of the part of the moment among them.
    left: u64,
    number: i32,
    filling: Option<Lent>,
    /// Of what is filled of it.
    crc: Digest,
    known: KnownParts,
    outlet: mpsc::Sender<Cut>,
}

impl Cutter {
    pub(in crate::actions) fn new(
        pool: &Arc<Pool>,
        token_bytes: u64,
        part: u64,
        known: KnownParts,
    ) -> (Self, mpsc::Receiver<Cut>) {
        let (outlet, parts) = mpsc::channel(READY);
        let cutter = Self {
            pool: Arc::clone(pool),
            own: Room::of(HELD, part),
            part,
            left: token_bytes,
            number: 1,
            filling: None,
            crc: Digest::new(CrcAlgorithm::Crc64Nvme),
            known,
            outlet,
        };
        (cutter, parts)
    }

    fn hand_on(&mut self, whole: Lent) -> io::Result<()> {
        let crc = self.crc.finalize_reset();
        let number = self.number;
        self.left -= whole.len as u64;
        self.number += 1;
        let bytes = whole.len as u64;
        let cut = settle(&mut self.known, number, crc, bytes, || {
            Content::Whole(Bytes::from_owner(whole))
        })?;
        self.outlet
            .blocking_send(cut)
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Cutter {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut filling = match self.filling.take() {
            Some(filling) => filling,
            None => {
                let len = self.part.min(self.left) as usize;
                self.pool.lend(len, &self.own, &self.outlet)?
            }
        };
        let taken = text.len().min(filling.len - filling.bytes.len());
        if taken == 0 && !text.is_empty() {
            // Longer than it was said to be.
            return Err(changed());
        }
        filling.bytes.extend_from_slice(&text[..taken]);
        self.crc.update(&text[..taken]);
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
    use super::*;
    use crate::aws::transfer;

    #[test]
    fn a_token_is_cut_into_whole_parts_and_known_ones_are_kept() {
        let pool = Pool::new(100, &Room::default());
        let token: Vec<u8> = (0..250_u32).map(|i| i as u8).collect();
        let kept = KnownPart {
            part: Part {
                number: 2,
                etag: "etag".to_owned(),
                crc: transfer::checksum(&token[100..200]),
            },
            is_there: true,
        };
        let (mut cutter, mut parts) = Cutter::new(&pool, 250, 100, BTreeMap::from([(2, kept.clone())]));
        let whole = token.clone();
        let cutting = std::thread::spawn(move || {
            for piece in whole.chunks(70) {
                cutter.write_all(piece).unwrap();
            }
        });
        let Some(Cut::New {
            number: 1,
            content: Content::Whole(bytes),
            ..
        }) = parts.blocking_recv()
        else {
            unreachable!("the first part is new")
        };
        assert_eq!(bytes, token[..100]);
        let Some(Cut::Kept { part, bytes: 100 }) = parts.blocking_recv() else {
            unreachable!("the second part is known")
        };
        assert_eq!(part, kept.part);
        let Some(Cut::New {
            number: 3,
            content: Content::Whole(bytes),
            ..
        }) = parts.blocking_recv()
        else {
            unreachable!("the last part is new")
        };
        assert_eq!(bytes, token[200..]);
        assert!(parts.blocking_recv().is_none());
        cutting.join().unwrap();
    }

    #[test]
    fn other_bytes_in_the_place_of_a_known_part_mean_another_source() {
        let pool = Pool::new(100, &Room::default());
        let part = Part {
            number: 1,
            etag: "etag".to_owned(),
            crc: 1,
        };
        let known = KnownPart { part, is_there: true };
        let (mut cutter, _parts) = Cutter::new(&pool, 100, 100, BTreeMap::from([(1, known)]));
        let error = cutter.write_all(&[0; 100]).unwrap_err();
        assert!(super::super::source_file::is_changed(&error));
    }
}
