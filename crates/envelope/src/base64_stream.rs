//! Base64 as a stream: what goes out is URL-safe with padding; what comes in may use either alphabet, hold ASCII white
//! space and have non-canonical trailing bits, but no other character and nothing after the padding.
//!
//! Both ways run on the vector engine of the `base64` crate. It knows one alphabet at a time, so text is first taken for
//! URL-safe without white space, which is what writers of the specification produce, and only where that fails is it
//! looked at character by character.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::GeneralPurposeConfig;

use super::EnvelopeError;

/// Appends the text of these bytes. Of a stream, every call but the last takes a multiple of three bytes.
pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + encoded_len(bytes.len()), 0);
    encode_to(bytes, &mut out[start..]);
}

/// Characters of this many bytes.
pub(super) fn encoded_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Writes the text of these bytes to where there is [`encoded_len`] of room.
pub(super) fn encode_to(bytes: &[u8], room: &mut [u8]) {
    let written = engine(Alphabet::UrlSafe, GeneralPurposeConfig::new())
        .encode_slice(bytes, room)
        .expect("the space was measured for these bytes");
    debug_assert_eq!(written, room.len());
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::RequireNone);

enum Alphabet {
    Standard,
    UrlSafe,
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn engine(alphabet: Alphabet, config: GeneralPurposeConfig) -> impl Engine {
    use base64::engine::Simd;
    match alphabet {
        Alphabet::Standard => Simd::standard(config),
        Alphabet::UrlSafe => Simd::url_safe(config),
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn engine(alphabet: Alphabet, config: GeneralPurposeConfig) -> impl Engine {
    use base64::alphabet::{STANDARD, URL_SAFE};
    use base64::engine::GeneralPurpose;
    match alphabet {
        Alphabet::Standard => GeneralPurpose::new(&STANDARD, config),
        Alphabet::UrlSafe => GeneralPurpose::new(&URL_SAFE, config),
    }
}

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
        if self.padding == 0 {
            // Few enough to fill the group that waits, then as many as are whole groups, then the rest.
            let (first, others) = text.split_at(text.len().min((4 - self.waiting.len()) % 4));
            self.push_any(first, out)?;
            if self.waiting.is_empty() && self.padding == 0 {
                let (groups, rest) = others.split_at(others.len() / 4 * 4);
                if decode_plain(groups, out) {
                    self.read += groups.len() as u64;
                } else {
                    self.push_any(groups, out)?;
                }
                return self.push_any(rest, out);
            }
            return self.push_any(others, out);
        }
        self.push_any(text, out)
    }

    fn push_any(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
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
        let has_more = padding < kept - before;
        self.waiting.truncate(kept - padding);
        let whole = self.waiting.len() / 4 * 4;
        let decoded = engine(Alphabet::Standard, LENIENT).decode_vec(&self.waiting[..whole], out);
        self.waiting.drain(..whole);
        let last = self.waiting.iter().all(|c| is_letter(*c));
        let room = PADDED[self.waiting.len()];
        if decoded.is_err() || !last || self.padding > 0 && has_more || self.padding + padding > room {
            return Err(self.first_wrong(before, text));
        }
        self.padding += padding;
        self.read += text.len() as u64;
        Ok(())
    }

    pub(super) fn finish(self, out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        if self.padding != PADDED[self.waiting.len()] || self.waiting.len() == 1 {
            return Err(EnvelopeError::NotBase64 {
                what: "it ends where padding or more is missing,",
                offset: self.read,
            });
        }
        // All of it are letters: `push_any` saw to that.
        let _ = engine(Alphabet::Standard, LENIENT).decode_vec(&self.waiting, out);
        Ok(())
    }

    /// Looks character by character for what is wrong with this text, before which so many characters of a group waited.
    fn first_wrong(&self, waiting: usize, text: &[u8]) -> EnvelopeError {
        let (mut letters, mut padding) = (waiting, self.padding);
        let wrong = text.iter().enumerate().find_map(|(index, byte)| {
            let what = match NORMAL[usize::from(*byte)] {
                SKIP => return None,
                PAD if padding < PADDED[letters % 4] => {
                    padding += 1;
                    return None;
                }
                PAD => "padding that does not belong there",
                _ if padding > 0 => "data after the padding",
                letter if is_letter(letter) => {
                    letters += 1;
                    return None;
                }
                _ => "a character that is not base64",
            };
            Some((what, index))
        });
        let (what, index) = wrong.unwrap_or(("a character that is not base64", 0));
        EnvelopeError::NotBase64 {
            what,
            offset: self.read + index as u64,
        }
    }
}

/// How much padding ends a group of so many characters.
const PADDED: [usize; 4] = [0, 0, 2, 1];

/// Whether it stands for bits, in what [`NORMAL`] spells.
fn is_letter(normal: u8) -> bool {
    normal != b'!' && normal != PAD
}

/// Appends what whole groups of the URL-safe alphabet mean; leaves `out` as it was if there is anything else in them.
fn decode_plain(groups: &[u8], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let decoded = engine(Alphabet::UrlSafe, LENIENT).decode_vec(groups, out);
    if decoded.is_err() {
        out.truncate(start);
    }
    decoded.is_ok()
}
