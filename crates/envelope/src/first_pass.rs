//! What a first pass saw of a token: a second one is held against it, piece by piece, before it gives anything out.
//!
//! A token that is verified and then read again may be another one by then: a file that somebody edits. Its HMAC would
//! tell at its end, when everything is out. So at the end of every [`STRIDE`] bytes the first pass notes the state of
//! the HMAC's inner SHA-256. It stands for every byte before it, and is computed anyhow. The second pass keeps the plaintext of a
//! stride back until it comes to the same state, and the last of it until it comes to the same HMAC. What is given out
//! is what was verified; at the first byte that differs nothing more is.
//!
//! This costs 32 bytes of memory for each 2 MiB of the token, 16 MiB for each TiB, and a few strides of plaintext.
//! Notes are no secret: without the HMAC's outer half nobody makes a tag of them.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{BLOCK, EnvelopeError, MAC_LEN, Opened};

/// Token bytes between two notes: whole blocks of the hash, and more than is read at a time.
pub(super) const STRIDE: usize = 2 << 20;

/// Plaintext of a stride, and of a block that the stride before has begun.
const ROOM: usize = STRIDE + BLOCK;

/// The state of a SHA-256.
type Note = [u32; 8];

/// A token as it was when it was verified.
#[derive(Debug, Clone)]
pub struct FirstPass {
    opened: Opened,
    notes: Arc<[Note]>,
    tag: [u8; MAC_LEN],
}

impl FirstPass {
    /// What the token is.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }
}

/// What a pass does at the end of each stride.
pub(super) enum Strides {
    /// Nothing: its output is nobody's until the token has held.
    Pass,
    /// It is the first.
    Note(Vec<Note>),
    /// It is the second.
    Hold(Held),
}

/// Plaintext that is kept back.
pub(super) struct Held {
    first: FirstPass,
    /// Strides that were the same.
    same: usize,
    plaintext: Zeroizing<Vec<u8>>,
}

impl Strides {
    pub(super) fn held_against(first: &FirstPass) -> Self {
        Self::Hold(Held {
            first: first.clone(),
            same: 0,
            // At once: a buffer that grows leaves copies behind.
            plaintext: Zeroizing::new(Vec::with_capacity(ROOM)),
        })
    }

    /// Bytes until the end of the first stride.
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Pass => usize::MAX,
            Self::Note(_) | Self::Hold(_) => STRIDE,
        }
    }

    /// How much may come out at a time beside what goes in.
    pub(super) fn room(&self) -> usize {
        match self {
            Self::Pass | Self::Note(_) => 0,
            Self::Hold(_) => ROOM,
        }
    }

    /// Where plaintext goes.
    pub(super) fn outlet<'a>(&'a mut self, out: &'a mut Vec<u8>) -> &'a mut Vec<u8> {
        match self {
            Self::Pass | Self::Note(_) => out,
            Self::Hold(held) => &mut held.plaintext,
        }
    }

    /// A stride is through, and this is the state.
    pub(super) fn end(&mut self, state: Note, out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        match self {
            Self::Pass => {}
            Self::Note(notes) => notes.push(state),
            Self::Hold(held) => {
                if held.first.notes.get(held.same) != Some(&state) {
                    return Err(EnvelopeError::Changed);
                }
                held.same += 1;
                held.give(out);
            }
        }
        Ok(())
    }

    /// The token is through, and holds.
    pub(super) fn finish(
        self,
        opened: Opened,
        tag: [u8; MAC_LEN],
        out: &mut Vec<u8>,
    ) -> Result<FirstPass, EnvelopeError> {
        let notes = match self {
            Self::Pass => Vec::new(),
            Self::Note(notes) => notes,
            Self::Hold(mut held) => {
                let first = &held.first;
                if held.same != first.notes.len() || opened != first.opened || tag != first.tag {
                    return Err(EnvelopeError::Changed);
                }
                held.give(out);
                return Ok(held.first);
            }
        };
        Ok(FirstPass {
            opened,
            notes: notes.into(),
            tag,
        })
    }
}

impl Held {
    fn give(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.plaintext);
        self.plaintext.clear();
    }
}
