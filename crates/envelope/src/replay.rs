//! Parts of a token that can be made again without what stands before them.
//!
//! What a part needs of the past is little: where its plaintext begins, the last cipher block before it, and how far the
//! HMAC is. A [`Checkpoint`] holds that, so a part of gigabytes is sent, and sent again, without ever being in memory.

use std::io::{self, Read, Write};

use zeroize::Zeroizing;

use super::base64_stream::encode;
use super::pipe::fill;
use super::sealer::Sealer;
use super::{CHUNK, EnvelopeError};

/// A place in a token from which it can be made again. As secret as the data key.
#[derive(Clone)]
pub struct Checkpoint {
    sealer: Sealer,
    /// Characters that come out of the sealer before the place is reached.
    skip: usize,
}

impl Checkpoint {
    /// Where in the plaintext reading goes on.
    pub fn offset(&self) -> u64 {
        self.sealer.taken()
    }

    /// Writes so many characters of the token, from the plaintext that `input` gives from [`Checkpoint::offset`] on.
    ///
    /// # Errors
    /// When reading or writing fails, or the plaintext is too short for them.
    pub fn replay(self, input: &mut impl Read, characters: u64, output: &mut impl Write) -> Result<(), EnvelopeError> {
        let Self { mut sealer, mut skip } = self;
        let mut left = characters;
        let mut text = Vec::new();
        let mut write = |bytes: &[u8]| {
            text.clear();
            encode(bytes, &mut text);
            let wanted = &text[skip.min(text.len())..];
            skip = skip.saturating_sub(text.len());
            let wanted = &wanted[..wanted.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
            left -= wanted.len() as u64;
            output.write_all(wanted).map_err(EnvelopeError::Write)?;
            Ok::<_, EnvelopeError>(left)
        };
        let mut plaintext = Zeroizing::new(vec![0; CHUNK]);
        let mut room = Vec::new();
        loop {
            let count = fill(input, &mut plaintext)?;
            if count == 0 {
                break;
            }
            room = sealer.step(&plaintext[..count], room);
            if write(&room)? == 0 {
                return Ok(());
            }
        }
        let (last, _) = sealer.finish(room);
        match write(&last)? {
            0 => Ok(()),
            _ => Err(EnvelopeError::Read(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

/// A sealer that says where parts begin.
pub(super) struct Marker<M> {
    sealer: Sealer,
    /// Token bytes of a part, before base64.
    part: u64,
    /// Token bytes that were given, and at which of them the next part begins.
    given: u64,
    next: u64,
    mark: M,
}

impl<M: FnMut(Checkpoint)> Marker<M> {
    /// Parts of so many characters, a multiple of four.
    pub(super) fn new(sealer: Sealer, part: u64, mark: M) -> Self {
        debug_assert!(part > 0 && part.is_multiple_of(4), "base64 comes in groups of four");
        Self {
            sealer,
            part: part / 4 * 3,
            given: 0,
            next: 0,
            mark,
        }
    }

    pub(super) fn step(&mut self, plaintext: &[u8], room: Vec<u8>) -> Vec<u8> {
        self.mark(self.sealer.coming());
        self.sealer.step(plaintext, room)
    }

    pub(super) fn finish(mut self, room: Vec<u8>) -> (Vec<u8>, u64) {
        self.mark(self.sealer.ending());
        self.sealer.finish(room)
    }

    /// Marks what begins within the bytes that come.
    fn mark(&mut self, coming: usize) {
        let end = self.given + coming as u64;
        while self.next < end {
            let skip = (self.next - self.given) as usize / 3 * 4;
            let sealer = self.sealer.clone();
            (self.mark)(Checkpoint { sealer, skip });
            self.next += self.part;
        }
        self.given = end;
    }
}
