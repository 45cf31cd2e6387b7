//! Base64 as a stream: what goes out is URL-safe with padding; what comes in may use either alphabet, hold ASCII white
//! space and have non-canonical trailing bits, but no other character and nothing after the padding.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE};

use super::EnvelopeError;

/// Encodes a stream: bytes that do not fill a group of three wait for more.
#[derive(Default)]
pub(super) struct Encoder {
    waiting: Vec<u8>,
}

impl Encoder {
    pub(super) fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        if !self.waiting.is_empty() {
            let take = (3 - self.waiting.len()).min(bytes.len());
            self.waiting.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            if self.waiting.len() < 3 {
                return;
            }
            encode(&self.waiting, out);
            self.waiting.clear();
        }
        let whole = bytes.len() / 3 * 3;
        encode(&bytes[..whole], out);
        self.waiting.extend_from_slice(&bytes[whole..]);
    }

    pub(super) fn finish(self, out: &mut Vec<u8>) {
        encode(&self.waiting, out);
    }
}

fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = URL_SAFE
        .encode_slice(bytes, &mut out[start..])
        .expect("the space was measured for these bytes");
    debug_assert_eq!(start + written, out.len());
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

const SKIP: u8 = 0;
const PAD: u8 = b'=';

/// Every byte as the standard alphabet spells it; white space is skipped.
const NORMAL: [u8; 256] = {
    let mut table = [b'!'; 256];
    let mut byte = 0;
    while byte < 256 {
        let c = byte as u8;
        if c.is_ascii_alphanumeric() || c == b'+' || c == b'/' || c == PAD {
            table[byte] = c;
        }
        byte += 1;
    }
    table[b'-' as usize] = b'+';
    table[b'_' as usize] = b'/';
    table[b' ' as usize] = SKIP;
    table[b'\t' as usize] = SKIP;
    table[b'\n' as usize] = SKIP;
    table[b'\r' as usize] = SKIP;
    table[0x0b] = SKIP;
    table[0x0c] = SKIP;
    table
};

/// Decodes a stream: characters that do not fill a group of four wait for more.
#[derive(Default)]
pub(super) struct Decoder {
    /// Invariant: fewer than four characters between two calls, all of the standard alphabet.
    waiting: Vec<u8>,
    padding: usize,
    read: u64,
}

impl Decoder {
    pub(super) fn push(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        let before = self.waiting.len();
        let mut kept = before;
        self.waiting.resize(kept + text.len(), 0);
        for &byte in text {
            let normal = NORMAL[usize::from(byte)];
            self.waiting[kept] = normal;
            kept += usize::from(normal != SKIP);
        }
        self.waiting.truncate(kept);
        let padding = self.waiting[before..].iter().rev().take_while(|c| **c == PAD).count();
        if self.padding > 0 && padding < kept - before {
            return Err(self.wrong("data after the padding"));
        }
        self.padding += padding;
        self.waiting.truncate(kept - padding);
        let whole = self.waiting.len() / 4 * 4;
        self.decode(whole, out)?;
        self.waiting.drain(..whole);
        self.read += text.len() as u64;
        Ok(())
    }

    pub(super) fn finish(self, out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        match (self.waiting.len(), self.padding) {
            (0, 0) | (2, 2) | (3, 1) => self.decode(self.waiting.len(), out),
            _ => Err(self.wrong("missing or excess padding")),
        }
    }

    fn decode(&self, whole: usize, out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        LENIENT
            .decode_vec(&self.waiting[..whole], out)
            .map_err(|_| self.wrong("a character that is not base64"))
    }

    fn wrong(&self, what: &'static str) -> EnvelopeError {
        EnvelopeError::NotBase64 {
            what,
            offset: self.read,
        }
    }
}
