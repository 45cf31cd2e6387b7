//! Fernet tokens of any size as a stream: sealed and opened in constant memory, under a data key of a key service such as
//! AWS KMS, with metadata that binds each token to its name. Bytes only: no runtime, no network and no file system.
//!
//! ```
//! use strongroom_envelope::{DataKey, EnvelopeError, Zeroizing, decrypt, seal, token_len};
//!
//! # fn main() -> Result<(), EnvelopeError> {
//! // What `kms:GenerateDataKey` gives as `Plaintext`.
//! let key = DataKey::from_plaintext(&Zeroizing::new(vec![7; 32]))?;
//!
//! // Anything that reads, into anything that writes.
//! let mut token = Vec::new();
//! let now = 1_790_000_000;
//! seal(&key, now, &mut "price,rooms".as_bytes(), &mut token)?;
//! assert_eq!(token.len() as u64, token_len(11));
//!
//! let (opened, plaintext) = decrypt(&key, &mut token.as_slice(), Vec::new())?;
//! assert_eq!(plaintext, b"price,rooms");
//! assert_eq!(opened.created.map(|time| time.as_second()), Some(now as i64));
//!
//! // A token that was changed does not open.
//! token[60] ^= 1;
//! assert!(matches!(decrypt(&key, &mut token.as_slice(), Vec::new()), Err(EnvelopeError::Mac)));
//! # Ok(())
//! # }
//! ```
//!
//! Where plaintext or token arrive piece by piece, [`Encryptor::update`] and [`TokenReader::push`] take them so. An upload
//! that was interrupted is made again to the letter by [`Encryptor::resumed`], and parts of it by a [`Checkpoint`].
//!
//! [`Metadata`] is what is stored beside a token in S3, [`manifest`] what is stored beside many.
//!
//! # The format
//!
//! The body of an encrypted object is exactly one token of the [Fernet specification]: the URL-safe base64 of
//!
//! ```text
//! 0x80 | seconds, 8 bytes big-endian | IV, 16 bytes | AES-128-CBC with PKCS #7 | HMAC-SHA256 over all before, 32 bytes
//! ```
//!
//! under the data key D: its first half signs, its second half encrypts. `Fernet(base64.b64encode(D)).decrypt(body)` in
//! Python opens it. Fernet neither commits to its key nor knows names; the [`binding`] MAC in the metadata does both.
//!
//! Everything works in constant memory, some [`CHUNK`]s at a time, and nothing is released unverified: [`decrypt()`] gives
//! its output back only if the whole token held. For outputs that others see at once a token is read twice: [`first_pass()`]
//! verifies it, and [`release`] gives out each piece once it is the one that the first pass saw. What was noted for that is
//! 32 bytes for each 2 MiB.
//!
//! [Fernet specification]: https://github.com/fernet/spec/blob/master/Spec.md

mod base64_stream;
pub mod binding;
mod data_key;
mod decrypt;
mod encrypt;
mod error;
mod first_pass;
mod kernel;
mod mac;
pub mod manifest;
pub mod metadata;
mod pipe;
mod replay;
mod scrub;
mod sealer;

pub use data_key::DataKey;
pub use decrypt::{
    HEADER_TEXT, Opened, TokenReader, decrypt, decrypt_on_one_thread, first_pass, header_of, release, verify,
};
pub use encrypt::{Encryptor, Sealed, seal, token_len};
pub use error::EnvelopeError;
pub use first_pass::FirstPass;
pub use metadata::Metadata;
pub use replay::Checkpoint;
pub use zeroize::Zeroizing;

/// Bytes of a token's head that identify it: version, time and IV.
pub const HEADER_LEN: usize = 25;
/// The version byte of every token.
const VERSION: u8 = 0x80;
/// Bytes of the HMAC at a token's end.
const MAC_LEN: usize = 32;
/// Bytes of an AES block.
const BLOCK: usize = 16;
/// How much is processed at a time: a multiple of 192, so that AES blocks and base64 quads both come out even.
pub const CHUNK: usize = 192 * 1024;

#[cfg(test)]
mod tests;
