//! What ties a token to its place and length: a MAC under a key of its own, derived from the data key.
//!
//! `HMAC-SHA256(HKDF-SHA256(D, no salt, "strongroom/2/metadata", 32 bytes), version | name | prefix | header | length)`,
//! each part as its length in 8 bytes big-endian, then its bytes; the length of the plaintext is decimal text. Version 1,
//! which is still read, knows no prefix: `"strongroom/1/metadata"`, `version | name | header | length`. It proves the name
//! and not the place, so an object of version 1 is never *bound*: it counts as *moved*, from a prefix that is not recorded.
//! Nobody without D can make a MAC of version 1 for an object of version 2: the two have different keys.
//! C, key ARN and context need no MAC: KMS authenticates them, and another C gives another D.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::data_key::Clear;
use super::{DataKey, EnvelopeError, HEADER_LEN};

/// What one MAC is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The key prefix of the upload's destination; `None` is version 1.
    pub prefix: Option<&'a str>,
    /// The logical name: the path relative to it.
    pub name: &'a str,
    /// The token's first bytes.
    pub header: &'a [u8; HEADER_LEN],
    /// Plaintext bytes.
    pub length: u64,
}

/// The MAC of a token.
pub fn bind(key: &DataKey, subject: Subject<'_>) -> [u8; 32] {
    key.with(|key| mac(key, subject).finalize().into_bytes().into())
}

/// Checks the MAC in constant time.
///
/// # Errors
/// [`EnvelopeError::Unbound`] when it does not hold.
pub fn check(key: &DataKey, subject: Subject<'_>, expected: &[u8]) -> Result<(), EnvelopeError> {
    key.with(|key| mac(key, subject).verify_slice(expected))
        .map_err(|_| EnvelopeError::Unbound)
}

fn mac(key: &Clear, subject: Subject<'_>) -> Hmac<Sha256> {
    let Subject {
        prefix,
        name,
        header,
        length,
    } = subject;
    let (info, version): (&[u8], &[u8]) = match prefix {
        Some(_) => (b"strongroom/2/metadata", b"2"),
        None => (b"strongroom/1/metadata", b"1"),
    };
    let mut derived = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, key.whole())
        .expand(info, derived.as_mut_slice())
        .expect("HKDF-SHA256 gives 32 bytes");
    let mut mac = Hmac::<Sha256>::new_from_slice(derived.as_slice()).expect("HMAC takes a key of any length");
    let mut take = |part: &[u8]| {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    };
    take(version);
    take(name.as_bytes());
    if let Some(prefix) = prefix {
        take(prefix.as_bytes());
    }
    take(header);
    take(length.to_string().as_bytes());
    mac
}

/// SHA-256 of a document, in hexadecimal: what a job's hyperparameter says of its manifest.
pub fn digest(document: &[u8]) -> String {
    hex::encode(Sha256::digest(document))
}
