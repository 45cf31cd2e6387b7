//! Tokens that live in memory, by the `fernet` crate: previews, small models, and the oracle of the streaming path.

use fernet::Fernet;
use zeroize::Zeroizing;

use super::{DataKey, EnvelopeError};

/// One token of these bytes, made now.
pub fn encrypt(key: &DataKey, plaintext: &[u8]) -> String {
    fernet(key).encrypt(plaintext)
}

/// The plaintext of a token.
///
/// # Errors
/// [`EnvelopeError::Mac`] for everything: the library does not say what is wrong.
pub fn decrypt(key: &DataKey, token: &str) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    fernet(key)
        .decrypt(token)
        .map(Zeroizing::new)
        .map_err(|_| EnvelopeError::Mac)
}

fn fernet(key: &DataKey) -> Fernet {
    Fernet::new(&key.dangerously_spell_out()).expect("base64 of 32 bytes is a Fernet key")
}
