//! Bytes only: the data key, the Fernet token as a stream, the metadata and what binds them together.
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
pub mod wrapped;

pub use data_key::DataKey;
pub use decrypt::{HEADER_TEXT, Opened, TokenReader, decrypt, first_pass, header_of, release, verify};
pub use encrypt::{Encryptor, Sealed, seal, token_len};
pub use error::EnvelopeError;
pub use first_pass::FirstPass;
pub use metadata::Metadata;
pub use replay::Checkpoint;

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
