//! Token in, plaintext out, after the whole token was checked.

use std::io::{Read, Seek, SeekFrom, Write};

use aes::Aes128;
use cbc::cipher::{Block, BlockModeDecrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::base64_stream::Decoder;
use super::{BLOCK, CHUNK, DataKey, EnvelopeError, HEADER_LEN, MAC_LEN, VERSION};

/// What is held back until the end: the HMAC, the last block, whose padding is not plaintext, and the block before it.
const HELD: usize = MAC_LEN + 2 * BLOCK;

/// Reads one token. What [`TokenReader::push`] gives out is *unverified* until [`TokenReader::finish`] says so.
pub struct TokenReader {
    decoder: Decoder,
    mac: Hmac<Sha256>,
    key: Zeroizing<[u8; BLOCK]>,
    /// Set once the header, which holds the IV, has arrived.
    body: Option<Body>,
    /// Invariant: begins where the MAC has not read yet; after a push at most `HELD` bytes once the header is through.
    held: Vec<u8>,
    release: bool,
    plaintext: u64,
}

struct Body {
    header: [u8; HEADER_LEN],
    cipher: cbc::Decryptor<Aes128>,
}

impl TokenReader {
    /// A reader that checks and gives nothing out.
    pub fn verifying(key: &DataKey) -> Self {
        Self::new(key, false)
    }

    /// A reader that decrypts: only for a token that was verified before, and checks it again.
    pub fn decrypting(key: &DataKey) -> Self {
        Self::new(key, true)
    }

    fn new(key: &DataKey, release: bool) -> Self {
        let mut half = Zeroizing::new([0; BLOCK]);
        half.copy_from_slice(key.encryption_half());
        Self {
            decoder: Decoder::default(),
            mac: Hmac::new_from_slice(key.signing_half()).expect("HMAC takes a key of any length"),
            key: half,
            body: None,
            held: Vec::new(),
            release,
            plaintext: 0,
        }
    }

    /// Takes further characters of the token; appends plaintext to `out` when decrypting.
    ///
    /// # Errors
    /// When the characters are no token's.
    pub fn push(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        self.decoder.push(text, &mut self.held)?;
        if self.body.is_none() && self.held.len() >= HEADER_LEN {
            self.read_header()?;
        }
        if self.body.is_some() && self.held.len() > HELD {
            let whole = (self.held.len() - HELD) / BLOCK * BLOCK;
            self.read_blocks(whole, out);
        }
        Ok(())
    }

    /// Ends the token: checks its HMAC and its padding and gives the last plaintext out.
    ///
    /// # Errors
    /// When the token is not whole, was changed, or has another key.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<Opened, EnvelopeError> {
        let decoder = std::mem::take(&mut self.decoder);
        decoder.finish(&mut self.held)?;
        if self.body.is_none() {
            self.read_header()?;
        }
        let blocks = self.held.len().checked_sub(MAC_LEN).ok_or(EnvelopeError::Truncated)?;
        if blocks == 0 || !blocks.is_multiple_of(BLOCK) {
            return Err(EnvelopeError::Truncated);
        }
        let tag = self.held.split_off(blocks);
        self.mac.update(&self.held);
        self.mac.verify_slice(&tag).map_err(|_| EnvelopeError::Mac)?;

        let mut body = self.body.take().ok_or(EnvelopeError::Truncated)?;
        if !self.release && blocks > BLOCK {
            // Only the padding is of interest: skip to the last block with the one before it as IV. The held-back
            // length guarantees that it is here whenever the token has more than one block.
            body.cipher = cipher(&self.key, &self.held[blocks - 2 * BLOCK..blocks - BLOCK]);
            self.plaintext += (blocks - BLOCK) as u64;
            self.held.drain(..blocks - BLOCK);
        }
        let mut last = Zeroizing::new(std::mem::take(&mut self.held));
        decrypt(&mut body.cipher, &mut last);
        let kept = unpadded(&last)?;
        self.plaintext += kept as u64;
        if self.release {
            out.extend_from_slice(&last[..kept]);
        }
        Ok(Opened {
            header: body.header,
            plaintext_bytes: self.plaintext,
            created: created(&body.header),
        })
    }

    fn read_header(&mut self) -> Result<(), EnvelopeError> {
        let header: [u8; HEADER_LEN] = self
            .held
            .get(..HEADER_LEN)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(EnvelopeError::Truncated)?;
        if header[0] != VERSION {
            return Err(EnvelopeError::Version(header[0]));
        }
        self.mac.update(&header);
        self.held.drain(..HEADER_LEN);
        self.body = Some(Body {
            header,
            cipher: cipher(&self.key, &header[9..]),
        });
        Ok(())
    }

    fn read_blocks(&mut self, whole: usize, out: &mut Vec<u8>) {
        self.mac.update(&self.held[..whole]);
        if self.release
            && let Some(body) = &mut self.body
        {
            let start = out.len();
            out.extend_from_slice(&self.held[..whole]);
            decrypt(&mut body.cipher, &mut out[start..]);
        }
        self.plaintext += whole as u64;
        self.held.drain(..whole);
    }
}

fn cipher(key: &[u8; BLOCK], iv: &[u8]) -> cbc::Decryptor<Aes128> {
    cbc::Decryptor::new_from_slices(key, iv).expect("half a data key and a block have 16 bytes")
}

fn decrypt(cipher: &mut cbc::Decryptor<Aes128>, bytes: &mut [u8]) {
    let (blocks, rest) = Block::<Aes128>::slice_as_chunks_mut(bytes);
    debug_assert!(rest.is_empty());
    cipher.decrypt_blocks(blocks);
}

/// How many bytes stand before the PKCS #7 padding. The HMAC has held by now, so its timing tells nothing.
fn unpadded(plaintext: &[u8]) -> Result<usize, EnvelopeError> {
    let padding = usize::from(*plaintext.last().ok_or(EnvelopeError::Truncated)?);
    let kept = plaintext.len().checked_sub(padding).ok_or(EnvelopeError::Padding)?;
    if padding == 0 || padding > BLOCK || plaintext[kept..].iter().any(|byte| usize::from(*byte) != padding) {
        return Err(EnvelopeError::Padding);
    }
    Ok(kept)
}

fn created(header: &[u8; HEADER_LEN]) -> Timestamp {
    let seconds = header[1..9].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    // A time outside what the calendar knows is still a token: it is shown as the latest moment there is.
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(Timestamp::MAX)
}

/// A token that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Its first 25 bytes.
    pub header: [u8; HEADER_LEN],
    /// Bytes of its plaintext.
    pub plaintext_bytes: u64,
    /// When it was made, as it says.
    pub created: Timestamp,
}

/// Checks the whole token that `token` gives and writes nothing.
///
/// # Errors
/// When it does not hold, or cannot be read.
pub fn verify(key: &DataKey, token: &mut impl Read) -> Result<Opened, EnvelopeError> {
    pass(TokenReader::verifying(key), token, &mut std::io::sink())
}

/// Checks the whole token, then reads it again to decrypt it into `output`, checking again.
/// When this fails, what was written to `output` must be thrown away.
///
/// # Errors
/// When the token does not hold, or reading or writing fails.
pub fn open<T: Read + Seek>(key: &DataKey, token: &mut T, output: &mut impl Write) -> Result<Opened, EnvelopeError> {
    let start = token.stream_position().map_err(EnvelopeError::Read)?;
    verify(key, token)?;
    token.seek(SeekFrom::Start(start)).map_err(EnvelopeError::Read)?;
    pass(TokenReader::decrypting(key), token, output)
}

fn pass(mut reader: TokenReader, token: &mut impl Read, output: &mut impl Write) -> Result<Opened, EnvelopeError> {
    let mut text = vec![0; CHUNK / 3 * 4];
    let mut plaintext = Zeroizing::new(Vec::with_capacity(CHUNK + HELD));
    loop {
        let count = match token.read(&mut text) {
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(EnvelopeError::Read(error)),
        };
        if count == 0 {
            break;
        }
        reader.push(&text[..count], &mut plaintext)?;
        output.write_all(&plaintext).map_err(EnvelopeError::Write)?;
        plaintext.clear();
    }
    let opened = reader.finish(&mut plaintext)?;
    output.write_all(&plaintext).map_err(EnvelopeError::Write)?;
    Ok(opened)
}
