//! What ties a token to its name and length: a MAC under a key of its own, derived from the data key.
//!
//! `HMAC-SHA256(HKDF-SHA256(D, no salt, "strongroom/1/metadata", 32 bytes), version | name | header | length)`, each part
//! as its length in 8 bytes big-endian, then its bytes; the length of the plaintext is decimal text.
//! C, key ARN and context need no MAC: KMS authenticates them, and another C gives another D.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::data_key::Clear;
use super::{DataKey, EnvelopeError, HEADER_LEN};

const INFO: &[u8] = b"strongroom/1/metadata";
const VERSION: &[u8] = b"1";

/// The MAC of a token with this logical name, header and plaintext length.
pub fn bind(key: &DataKey, name: &str, header: &[u8; HEADER_LEN], length: u64) -> [u8; 32] {
    key.with(|key| mac(key, name, header, length).finalize().into_bytes().into())
}

/// Checks the MAC in constant time.
///
/// # Errors
/// [`EnvelopeError::Unbound`] when it does not hold.
pub fn check(
    key: &DataKey,
    name: &str,
    header: &[u8; HEADER_LEN],
    length: u64,
    expected: &[u8],
) -> Result<(), EnvelopeError> {
    key.with(|key| mac(key, name, header, length).verify_slice(expected))
        .map_err(|_| EnvelopeError::Unbound)
}

fn mac(key: &Clear, name: &str, header: &[u8; HEADER_LEN], length: u64) -> Hmac<Sha256> {
    let mut derived = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, key.whole())
        .expand(INFO, derived.as_mut_slice())
        .expect("HKDF-SHA256 gives 32 bytes");
    let mut mac = Hmac::<Sha256>::new_from_slice(derived.as_slice()).expect("HMAC takes a key of any length");
    for part in [VERSION, name.as_bytes(), header, length.to_string().as_bytes()] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

/// SHA-256 of a document, in hexadecimal: what a job's hyperparameter says of its manifest.
pub fn digest(document: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(document)
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
