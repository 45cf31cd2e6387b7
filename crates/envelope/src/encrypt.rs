//! Plaintext in, token out, as a stream of known length.

use std::io::{Read, Write};

use zeroize::Zeroizing;

use super::base64_stream::{encode, encode_to, encoded_len};
use super::pipe::{self, PIECE, fill};
use super::replay::{Checkpoint, Marker};
use super::sealer::Sealer;
use super::{BLOCK, CHUNK, DataKey, EnvelopeError, HEADER_LEN, MAC_LEN, VERSION};

/// Bytes that are encoded at a time, as whole groups: whoever takes the text finds it in the cache still.
const HOT: usize = 48 << 10;

/// Many files hold no more: for them no more is taken, and wiped when it is given back.
const LITTLE: usize = 16 << 10;

/// Characters of the token of a plaintext of this many bytes.
pub const fn token_len(plaintext: u64) -> u64 {
    let ciphertext = (plaintext / BLOCK as u64 + 1) * BLOCK as u64;
    (HEADER_LEN as u64 + ciphertext + MAC_LEN as u64).div_ceil(3) * 4
}

/// Makes one token. Without [`Encryptor::finish`] there is no token: what came out does not open.
pub struct Encryptor {
    header: [u8; HEADER_LEN],
    sealer: Sealer,
    spare: Vec<u8>,
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
            sealer: Sealer::new(key, &header),
            spare: Vec::new(),
        }
    }

    /// The token's first 25 bytes, before base64.
    pub fn header(&self) -> [u8; HEADER_LEN] {
        self.header
    }

    /// Appends to `out` what can be said after this much more plaintext; the rest follows later.
    pub fn update(&mut self, plaintext: &[u8], out: &mut Vec<u8>) {
        for piece in plaintext.chunks(CHUNK) {
            let bytes = self.sealer.step(piece, std::mem::take(&mut self.spare));
            encode(&bytes, out);
            self.spare = bytes;
        }
    }

    /// Ends the token; how many plaintext bytes it holds.
    pub fn finish(self, out: &mut Vec<u8>) -> u64 {
        let (bytes, plaintext) = self.sealer.finish(self.spare);
        encode(&bytes, out);
        plaintext
    }

    /// Encrypts everything that `input` gives into `output`: reading, cipher and MAC, and base64 with writing each on a
    /// thread.
    ///
    /// # Errors
    /// When reading or writing fails; what was written until then does not open.
    pub fn run(self, input: &mut (impl Read + Send), output: &mut impl Write) -> Result<Sealed, EnvelopeError> {
        self.run_marking(input, output, u64::MAX - 3, |_| {})
    }

    /// Does what [`Encryptor::run`] does, and gives `mark` the [`Checkpoint`] of every `part` characters, each before
    /// the first of them is written.
    ///
    /// # Errors
    /// When reading or writing fails; what was written until then does not open.
    pub fn run_marking(
        self,
        input: &mut (impl Read + Send),
        output: &mut impl Write,
        part: u64,
        mark: impl FnMut(Checkpoint) + Send,
    ) -> Result<Sealed, EnvelopeError> {
        let Self { header, sealer, spare } = self;
        let mut marker = Marker::new(sealer, part, mark);
        let mut text = vec![0; encoded_len(HOT)];
        let mut token_bytes = 0;
        let mut write = |bytes: &[u8]| {
            bytes.chunks(HOT).try_for_each(|bytes| {
                let text = &mut text[..encoded_len(bytes.len())];
                encode_to(bytes, text);
                token_bytes += text.len() as u64;
                output.write_all(text).map_err(EnvelopeError::Write)
            })
        };

        let mut first = Zeroizing::new(vec![0; LITTLE]);
        let mut count = fill(input, &mut first)?;
        if count == LITTLE {
            let mut whole = Zeroizing::new(vec![0; PIECE]);
            whole[..count].copy_from_slice(&first);
            count += fill(input, &mut whole[count..])?;
            first = whole;
        }
        first.truncate(count);
        let plaintext_bytes = if count < PIECE {
            write(&marker.step(&first, spare))?;
            let (last, plaintext_bytes) = marker.finish(Vec::new());
            write(&last)?;
            plaintext_bytes
        } else {
            let read = move |outlet: pipe::Outlet<Zeroizing<Vec<u8>>>| {
                let mut piece = first;
                while !piece.is_empty() {
                    outlet.send(piece)?;
                    piece = outlet.used();
                    piece.resize(PIECE, 0);
                    let count = fill(input, &mut piece)?;
                    piece.truncate(count);
                }
                Ok(())
            };
            let seal = move |outlet: pipe::Outlet<Vec<u8>>| {
                pipe::through(read, |plaintext: Zeroizing<Vec<u8>>| {
                    outlet.send(marker.step(&plaintext, outlet.used()))?;
                    Ok(plaintext)
                })?;
                let (last, plaintext_bytes) = marker.finish(outlet.used());
                outlet.send(last)?;
                Ok(plaintext_bytes)
            };
            pipe::through(seal, |bytes: Vec<u8>| write(&bytes).map(|()| bytes))?
        };
        debug_assert_eq!(token_bytes, token_len(plaintext_bytes));
        Ok(Sealed {
            header,
            plaintext_bytes,
            token_bytes,
        })
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

/// Encrypts everything that `input` gives into one token with a random IV.
///
/// # Errors
/// When reading or writing fails; what was written until then does not open.
pub fn seal(
    key: &DataKey,
    seconds: u64,
    input: &mut (impl Read + Send),
    output: &mut impl Write,
) -> Result<Sealed, EnvelopeError> {
    Encryptor::new(key, seconds)?.run(input, output)
}
