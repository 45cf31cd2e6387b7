//! The data key D: the one type that holds it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::EnvelopeError;

/// Bytes of a data key.
const LEN: usize = 32;

/// A plaintext data key. Zeroed when dropped, redacted in `Debug`; neither `Clone` nor `Serialize`.
///
/// What the transport that delivered it still holds cannot be wiped from here.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct DataKey(Box<[u8; LEN]>);

impl DataKey {
    /// Takes over the plaintext that KMS delivered.
    ///
    /// # Errors
    /// [`EnvelopeError::DataKeyLength`] unless it is 32 bytes.
    pub fn from_plaintext(plaintext: &Zeroizing<Vec<u8>>) -> Result<Self, EnvelopeError> {
        if plaintext.len() != LEN {
            return Err(EnvelopeError::DataKeyLength {
                actual: plaintext.len(),
            });
        }
        let mut key = Self(Box::new([0; LEN]));
        key.0.copy_from_slice(plaintext);
        Ok(key)
    }

    pub(super) fn signing_half(&self) -> &[u8; LEN / 2] {
        &self.0.as_chunks().0[0]
    }

    pub(super) fn encryption_half(&self) -> &[u8; LEN / 2] {
        &self.0.as_chunks().0[1]
    }

    pub(super) fn whole(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The key as base64 text, for the one library that takes it so.
    pub(super) fn dangerously_spell_out(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE.encode(self.0.as_slice()))
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(*******)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

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
}
