//! Plaintext in, the bytes of a token out, before base64.
//!
//! The MAC runs one step behind the cipher: while a step's plaintext is encrypted, the ciphertext of the step before is
//! authenticated, so that the [`Kernel`] has two streams that do not wait for each other.

use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

use super::kernel::{Block, Kernel};
use super::mac::Mac;
use super::{BLOCK, DataKey, HEADER_LEN, MAC_LEN};

/// What a step gives is a multiple of this: whole blocks of SHA-256, whole groups of base64.
const GROUP: usize = 192;

/// A copy goes on from the same place: the same plaintext gives the same bytes again.
#[derive(Clone)]
pub(super) struct Sealer {
    kernel: Arc<Kernel>,
    chain: Block,
    mac: Mac,
    /// Token bytes that the MAC has not seen.
    behind: Vec<u8>,
    /// Plaintext that does not fill a block yet.
    partial: Zeroizing<Block>,
    /// Invariant: less than a block.
    waiting: usize,
    plaintext: u64,
}

impl Sealer {
    pub(super) fn new(key: &DataKey, header: &[u8; HEADER_LEN]) -> Self {
        let mut iv = [0; BLOCK];
        iv.copy_from_slice(&header[HEADER_LEN - BLOCK..]);
        let (kernel, mac) = key.with(|key| (Kernel::new(key.encryption_half()), Mac::new(key.signing_half())));
        Self {
            kernel: Arc::new(kernel),
            chain: iv,
            mac,
            behind: header.to_vec(),
            partial: Zeroizing::default(),
            waiting: 0,
            plaintext: 0,
        }
    }

    /// How many plaintext bytes went in.
    pub(super) fn taken(&self) -> u64 {
        self.plaintext
    }

    /// How many bytes the next step will give, whatever it takes.
    pub(super) fn coming(&self) -> usize {
        self.behind.len() / GROUP * GROUP
    }

    /// How many bytes are left to give if nothing more goes in.
    pub(super) fn ending(&self) -> usize {
        self.behind.len() + BLOCK + MAC_LEN
    }

    /// Encrypts this much more, into `room`; gives the token bytes that are through the MAC now.
    pub(super) fn step(&mut self, plaintext: &[u8], mut room: Vec<u8>) -> Vec<u8> {
        self.plaintext += plaintext.len() as u64;
        // What fills the block that waits, whole blocks, and what waits from now on.
        let missing = (BLOCK - self.waiting) % BLOCK;
        let (head, body) = plaintext.split_at(missing.min(plaintext.len()));
        self.wait_for_more(head);
        let full = Zeroizing::new([*self.partial]);
        let first = &full[..self.waiting / BLOCK];
        let (blocks, rest) = body.as_chunks();

        let (words, unseen) = self.behind.split_at(self.coming());
        let (words, _) = words.as_chunks();
        room.resize(unseen.len() + (first.len() + blocks.len()) * BLOCK, 0);
        let (before, sealed) = room.split_at_mut(unseen.len());
        before.copy_from_slice(unseen);
        let (sealed_first, sealed) = sealed.as_chunks_mut().0.split_at_mut(first.len());
        self.kernel
            .encrypt(&mut self.chain, (first, sealed_first), self.mac.state(0), &[]);
        self.kernel
            .encrypt(&mut self.chain, (blocks, sealed), self.mac.state(words.len()), words);

        self.behind.truncate(size_of_val(words));
        if !first.is_empty() {
            self.partial.zeroize();
            self.waiting = 0;
        }
        self.wait_for_more(rest);
        std::mem::replace(&mut self.behind, room)
    }

    fn wait_for_more(&mut self, plaintext: &[u8]) {
        self.partial[self.waiting..][..plaintext.len()].copy_from_slice(plaintext);
        self.waiting += plaintext.len();
    }

    /// Ends the token: the last of its bytes, and how many plaintext bytes it holds.
    pub(super) fn finish(mut self, room: Vec<u8>) -> (Vec<u8>, u64) {
        let plaintext = self.plaintext;
        let padding = BLOCK - self.waiting;
        let mut last = self.step(&[padding as u8; BLOCK][..padding], room);
        let tag = self.mac.finish(&self.behind);
        last.extend_from_slice(&self.behind);
        last.extend_from_slice(&tag);
        (last, plaintext)
    }
}
