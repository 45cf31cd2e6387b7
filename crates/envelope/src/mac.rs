//! HMAC-SHA256 whose inner state lies open, so that the [`kernel`](super::kernel) can advance it beside the cipher.
//!
//! The construction is RFC 2104's; the compression function is the `sha2` crate's, or the kernel's. Tests hold it
//! against the `hmac` crate.

use hmac::Hmac;
use hmac::digest::CtOutput;
use sha2::Sha256;
use sha2::block_api::compress256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::MAC_LEN;
use super::kernel::Words;
use super::scrub::scrubbed;

const WORDS: usize = size_of::<Words>();
/// Where SHA-256 begins: FIPS 180-4, 5.3.3.
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// An HMAC in the making.
pub(super) struct Mac {
    states: Box<States>,
    /// Whole blocks that went into the inner state, the key's among them.
    blocks: u64,
}

/// Whoever has them can go on with the HMAC, so they are kept like a key: boxed, wiped.
#[derive(Zeroize, ZeroizeOnDrop)]
struct States {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl States {
    #[expect(clippy::unnecessary_box_returns, reason = "nothing of a key stands on the stack")]
    fn initial() -> Box<Self> {
        Box::new(Self {
            inner: INITIAL,
            outer: INITIAL,
        })
    }
}

/// From box to box.
impl Clone for Mac {
    fn clone(&self) -> Self {
        let mut states = States::initial();
        states.inner.copy_from_slice(&self.states.inner);
        states.outer.copy_from_slice(&self.states.outer);
        Self {
            states,
            blocks: self.blocks,
        }
    }
}

impl Mac {
    /// To be called where D is lent, which scrubs the stack.
    pub(super) fn new(key: &[u8; 16]) -> Self {
        let mut states = States::initial();
        let States { inner, outer } = &mut *states;
        for (pad, state) in [(0x36, inner), (0x5c, outer)] {
            let mut block = [pad; WORDS];
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            compress256(state, std::slice::from_ref(&block));
        }
        Self { states, blocks: 1 }
    }

    /// The state, to be advanced by exactly this many blocks.
    pub(super) fn state(&mut self, blocks: usize) -> &mut [u32; 8] {
        self.blocks += blocks as u64;
        &mut self.states.inner
    }

    /// The state of the inner hash, which stands for all that went into it.
    pub(super) fn inner(&self) -> [u32; 8] {
        self.states.inner
    }

    /// The MAC, after what is left.
    pub(super) fn finish(mut self, rest: &[u8]) -> [u8; MAC_LEN] {
        let bytes = self.blocks * WORDS as u64;
        scrubbed(|| {
            let States { inner, outer } = &mut *self.states;
            end(inner, bytes, rest);
            end(outer, WORDS as u64, &bytes_of(inner));
            bytes_of(outer)
        })
    }

    /// Whether this is the MAC, found out in constant time.
    pub(super) fn holds(self, rest: &[u8], tag: &[u8; MAC_LEN]) -> bool {
        let output = |bytes: [u8; MAC_LEN]| CtOutput::<Hmac<Sha256>>::new(bytes.into());
        output(self.finish(rest)) == output(*tag)
    }
}

/// Takes the rest and the padding in, after `before` bytes.
fn end(state: &mut [u32; 8], before: u64, rest: &[u8]) {
    let (whole, tail) = rest.as_chunks::<WORDS>();
    compress256(state, whole);
    let mut last = [[0; WORDS]; 2];
    let flat = last.as_flattened_mut();
    flat[..tail.len()].copy_from_slice(tail);
    flat[tail.len()] = 0x80;
    let used = if tail.len() + 9 <= WORDS { 1 } else { 2 };
    let bits = (before + rest.len() as u64) * 8;
    flat[used * WORDS - 8..used * WORDS].copy_from_slice(&bits.to_be_bytes());
    compress256(state, &last[..used]);
}

fn bytes_of(state: &[u32; 8]) -> [u8; MAC_LEN] {
    let mut bytes = [0; MAC_LEN];
    for (four, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *four = word.to_be_bytes();
    }
    bytes
}

/// One key of 16 bytes, for the crate that the tests compare with.
#[cfg(test)]
fn reference(key: &[u8; 16], message: &[u8]) -> [u8; MAC_LEN] {
    use hmac::{KeyInit, Mac as _};
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hmac_of_the_crate_at_every_length_of_the_last_blocks() {
        let key = *b"sixteen byte key";
        for len in 0..300 {
            let message: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            for through in 0..=message.len() / WORDS {
                let mut mac = Mac::new(&key);
                let (words, rest) = message.split_at(through * WORDS);
                compress256(mac.state(through), words.as_chunks::<WORDS>().0);
                assert!(
                    mac.holds(rest, &reference(&key, &message)),
                    "{len} bytes, {through} blocks"
                );
            }
        }
    }

    #[test]
    fn another_tag_does_not_hold() {
        let key = *b"sixteen byte key";
        let tag = Mac::new(&key).finish(b"message");
        for bit in 0..8 * MAC_LEN {
            let mut other = tag;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!Mac::new(&key).holds(b"message", &other));
        }
    }
}
