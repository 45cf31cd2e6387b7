//! The data key D: the one type that holds it.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::EnvelopeError;
use super::scrub::scrubbed;

/// Bytes of a data key.
const LEN: usize = 32;
/// Bytes of noise that hide one.
const NOISE: usize = 4096;

/// A plaintext data key. Wiped when dropped, redacted in `Debug`; neither `Clone` nor `Serialize`.
///
/// A long job holds one to its end. Between uses it is shielded, as OpenSSH shields private keys:
/// XORed with the SHA-256 of noise much longer than itself, so that D stands in memory only while it is worked on, and
/// whoever gets to see a piece of memory, or all of it with errors, has nothing. Against somebody who reads all of it
/// without errors no program that must use D again has a defence.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct DataKey {
    shielded: Box<[u8; LEN]>,
    noise: Box<[u8; NOISE]>,
}

impl DataKey {
    /// Takes over the plaintext that KMS delivered.
    ///
    /// # Errors
    /// [`EnvelopeError::DataKeyLength`] unless it is 32 bytes, [`EnvelopeError::Random`] when the system gives no random
    /// bytes.
    pub fn from_plaintext(plaintext: &Zeroizing<Vec<u8>>) -> Result<Self, EnvelopeError> {
        if plaintext.len() != LEN {
            return Err(EnvelopeError::DataKeyLength {
                actual: plaintext.len(),
            });
        }
        let mut key = Self {
            shielded: Box::new([0; LEN]),
            noise: Box::new([0; NOISE]),
        };
        getrandom::fill(key.noise.as_mut_slice()).map_err(EnvelopeError::Random)?;
        scrubbed(|| mask(&key.noise, plaintext, key.shielded.as_mut_slice()));
        Ok(key)
    }

    /// Gives D to `work`, for as long as that takes. What `work` gives must hold nothing of it but in a box.
    pub(super) fn with<R>(&self, work: impl FnOnce(&Clear) -> R) -> R {
        let mut clear = Box::new(Clear(Zeroizing::new([0; LEN])));
        scrubbed(|| {
            mask(&self.noise, self.shielded.as_slice(), clear.0.as_mut_slice());
            work(&clear)
        })
    }
}

/// Twice gives back what it was.
fn mask(noise: &[u8; NOISE], from: &[u8], to: &mut [u8]) {
    let pad = Sha256::digest(noise);
    for ((to, from), pad) in to.iter_mut().zip(from).zip(pad) {
        *to = from ^ pad;
    }
}

/// D itself, lent.
pub(super) struct Clear(Zeroizing<[u8; LEN]>);

impl Clear {
    pub(super) fn signing_half(&self) -> &[u8; LEN / 2] {
        &self.0.as_chunks().0[0]
    }

    pub(super) fn encryption_half(&self) -> &[u8; LEN / 2] {
        &self.0.as_chunks().0[1]
    }

    pub(super) fn whole(&self) -> &[u8; LEN] {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(*******)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_key_never_shows_itself() {
        let key = DataKey::from_plaintext(&Zeroizing::new(vec![7; 32])).unwrap();
        assert_eq!(format!("{key:?}"), "DataKey(*******)");
    }

    #[test]
    fn only_thirty_two_bytes_are_a_data_key() {
        for len in [0, 16, 31, 33, 64] {
            assert!(DataKey::from_plaintext(&Zeroizing::new(vec![7; len])).is_err(), "{len}");
        }
    }

    #[test]
    fn between_uses_no_half_of_it_stands_in_memory_and_each_use_gets_it_whole() {
        let plaintext: Vec<u8> = (0..32).collect();
        let key = DataKey::from_plaintext(&Zeroizing::new(plaintext.clone())).unwrap();
        for half in plaintext.chunks(16) {
            assert!(!key.shielded.windows(16).any(|window| window == half));
        }
        let again = DataKey::from_plaintext(&Zeroizing::new(plaintext.clone())).unwrap();
        assert_ne!(key.shielded, again.shielded, "each has noise of its own");
        for key in [key, again] {
            key.with(|clear| {
                assert_eq!(clear.whole().as_slice(), plaintext);
                assert_eq!([*clear.signing_half(), *clear.encryption_half()].concat(), plaintext);
            });
        }
    }
}
