//! Plaintext in, token out, as a stream of known length.

use std::io::{Read, Write};

use aes::Aes128;
use cbc::cipher::{Block, BlockModeEncrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::base64_stream::Encoder;
use super::{BLOCK, CHUNK, DataKey, EnvelopeError, HEADER_LEN, MAC_LEN, VERSION};

/// Characters of the token of a plaintext of this many bytes.
pub const fn token_len(plaintext: u64) -> u64 {
    let ciphertext = (plaintext / BLOCK as u64 + 1) * BLOCK as u64;
    (HEADER_LEN as u64 + ciphertext + MAC_LEN as u64).div_ceil(3) * 4
}

/// Makes one token. Without [`Encryptor::finish`] there is no token: what came out does not open.
pub struct Encryptor {
    header: [u8; HEADER_LEN],
    cipher: cbc::Encryptor<Aes128>,
    mac: Hmac<Sha256>,
    encoder: Encoder,
    /// Plaintext that does not fill a block yet, then ciphertext of the moment.
    /// Invariant: shorter than a block between two calls.
    buffer: Vec<u8>,
    started: bool,
    plaintext: u64,
}

impl Encryptor {
    /// A token made now, with a random IV.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new(key: &DataKey, seconds: u64) -> Result<Self, EnvelopeError> {
        let mut iv = [0; BLOCK];
        getrandom::fill(&mut iv).map_err(EnvelopeError::Random)?;
        Ok(Self::resumed(key, seconds, iv))
    }

    /// The token with this time and IV: the same plaintext gives the same token, which is what resuming an upload needs.
    /// Never give the IV of one plaintext to another.
    pub fn resumed(key: &DataKey, seconds: u64, iv: [u8; BLOCK]) -> Self {
        let mut header = [VERSION; HEADER_LEN];
        header[1..9].copy_from_slice(&seconds.to_be_bytes());
        header[9..].copy_from_slice(&iv);
        Self {
            header,
            cipher: cbc::Encryptor::new_from_slices(key.encryption_half(), &iv)
                .expect("half a data key and an IV have 16 bytes"),
            mac: Hmac::new_from_slice(key.signing_half()).expect("HMAC takes a key of any length"),
            encoder: Encoder::default(),
            buffer: Vec::new(),
            started: false,
            plaintext: 0,
        }
    }

    /// The token's first 25 bytes, before base64.
    pub fn header(&self) -> [u8; HEADER_LEN] {
        self.header
    }

    /// Appends to `out` what this much more plaintext makes.
    pub fn update(&mut self, plaintext: &[u8], out: &mut Vec<u8>) {
        self.start(out);
        self.plaintext += plaintext.len() as u64;
        self.buffer.extend_from_slice(plaintext);
        self.encrypt_whole_blocks(out);
    }

    /// Ends the token; how many plaintext bytes it holds.
    pub fn finish(mut self, out: &mut Vec<u8>) -> u64 {
        self.start(out);
        let padding = BLOCK - self.buffer.len();
        self.buffer.resize(BLOCK, padding as u8);
        self.encrypt_whole_blocks(out);
        self.encoder.push(&self.mac.finalize().into_bytes(), out);
        self.encoder.finish(out);
        self.plaintext
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if !self.started {
            self.started = true;
            self.mac.update(&self.header);
            self.encoder.push(&self.header, out);
        }
    }

    fn encrypt_whole_blocks(&mut self, out: &mut Vec<u8>) {
        let whole = self.buffer.len() / BLOCK * BLOCK;
        let (blocks, rest) = Block::<Aes128>::slice_as_chunks_mut(&mut self.buffer[..whole]);
        debug_assert!(rest.is_empty());
        self.cipher.encrypt_blocks(blocks);
        self.mac.update(&self.buffer[..whole]);
        self.encoder.push(&self.buffer[..whole], out);
        self.buffer.drain(..whole);
    }
}

/// What [`seal`] made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// The token's first 25 bytes.
    pub header: [u8; HEADER_LEN],
    /// Bytes that went in.
    pub plaintext_bytes: u64,
    /// Characters that came out.
    pub token_bytes: u64,
}

/// Encrypts everything that `input` gives into one token.
///
/// # Errors
/// When reading or writing fails; what was written until then does not open.
pub fn seal(
    key: &DataKey,
    seconds: u64,
    input: &mut impl Read,
    output: &mut impl Write,
) -> Result<Sealed, EnvelopeError> {
    let mut encryptor = Encryptor::new(key, seconds)?;
    let header = encryptor.header();
    let mut plaintext = zeroize::Zeroizing::new(vec![0; CHUNK]);
    let mut token = Vec::with_capacity(CHUNK / 3 * 4 + 64);
    let mut token_bytes = 0;
    loop {
        let count = match input.read(&mut plaintext) {
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(EnvelopeError::Read(error)),
        };
        if count == 0 {
            break;
        }
        encryptor.update(&plaintext[..count], &mut token);
        output.write_all(&token).map_err(EnvelopeError::Write)?;
        token_bytes += token.len() as u64;
        token.clear();
    }
    let plaintext_bytes = encryptor.finish(&mut token);
    output.write_all(&token).map_err(EnvelopeError::Write)?;
    token_bytes += token.len() as u64;
    debug_assert_eq!(token_bytes, token_len(plaintext_bytes));
    Ok(Sealed {
        header,
        plaintext_bytes,
        token_bytes,
    })
}
