//! Token in, plaintext out, which is worth nothing before the whole token was checked.
//!
//! Its HMAC stands at the end, so whoever decrypts in one pass holds plaintext that is not verified yet. That is how
//! [`decrypt()`] does it, and gives back what it wrote only if the token held: reading a token twice, once to verify and once
//! to decrypt, doubles what is read, and for SHA-256 is the bound, nearly doubles the time. What cannot be taken back,
//! such as standard output, is written by [`release`] in a second pass.

use std::io::{Read, Write};

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::base64_stream::Decoder;
use super::first_pass::{FirstPass, Strides};
use super::kernel::{Block, Kernel, Words};
use super::mac::Mac;
use super::pipe::{self, PIECE, fill};
use super::{BLOCK, CHUNK, DataKey, EnvelopeError, HEADER_LEN, MAC_LEN, VERSION};

/// What is held back until the end: the HMAC, and the last block, whose padding is not plaintext.
const HELD: usize = MAC_LEN + BLOCK;

/// Reads one token. What [`TokenReader::push`] gives out is *unverified* until [`TokenReader::finish`] says so.
pub struct TokenReader {
    decoder: Decoder,
    bytes: BytesReader,
}

impl TokenReader {
    /// A reader that checks and gives nothing out.
    pub fn verifying(key: &DataKey) -> Self {
        Self::new(key, false)
    }

    /// A reader that decrypts and checks.
    pub fn decrypting(key: &DataKey) -> Self {
        Self::new(key, true)
    }

    fn new(key: &DataKey, release: bool) -> Self {
        Self {
            decoder: Decoder::default(),
            bytes: BytesReader::new(key, release, Strides::Pass),
        }
    }

    /// Takes further characters of the token; appends plaintext to `out` when decrypting.
    ///
    /// # Errors
    /// When the characters are no token's.
    pub fn push(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        for piece in text.chunks(CHUNK) {
            self.decoder.push(piece, &mut self.bytes.held)?;
            self.bytes.advance(out)?;
        }
        Ok(())
    }

    /// Ends the token: checks its HMAC and its padding and gives the last plaintext out.
    ///
    /// # Errors
    /// When the token is not whole, was changed, or has another key.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<Opened, EnvelopeError> {
        self.decoder.finish(&mut self.bytes.held)?;
        Ok(*self.bytes.finish(out)?.opened())
    }

    /// Reads the whole of `token` and writes what it gives out: reading and base64, MAC and cipher, and writing each on
    /// a thread.
    fn run(self, token: &mut (impl Read + Send), output: &mut impl Write) -> Result<FirstPass, EnvelopeError> {
        let Self { decoder, mut bytes } = self;
        let mut reader = PieceReader {
            token,
            decoder: Some(decoder),
            text: vec![0; TEXT],
        };
        let mut first = Vec::new();
        reader.fill(&mut first)?;
        if reader.decoder.is_none() {
            let mut plaintext = Zeroizing::new(Vec::with_capacity(first.len()));
            bytes.held = first;
            bytes.advance(&mut plaintext)?;
            let pass = bytes.finish(&mut plaintext)?;
            output.write_all(&plaintext).map_err(EnvelopeError::Write)?;
            return Ok(pass);
        }
        let read = move |outlet: pipe::Outlet<Vec<u8>>| {
            outlet.send(first)?;
            while reader.decoder.is_some() {
                let mut piece = outlet.used();
                piece.clear();
                reader.fill(&mut piece)?;
                outlet.send(piece)?;
            }
            Ok(())
        };
        let open = move |outlet: pipe::Outlet<Zeroizing<Vec<u8>>>| {
            pipe::through(read, |piece: Vec<u8>| {
                let mut plaintext = outlet.used();
                plaintext.clear();
                // At once: a buffer that grows leaves copies behind.
                plaintext.reserve_exact(PIECE + TEXT + bytes.strides.room());
                for part in piece.chunks(HOT) {
                    bytes.held.extend_from_slice(part);
                    bytes.advance(&mut plaintext)?;
                }
                outlet.send(plaintext)?;
                Ok(piece)
            })?;
            let mut plaintext = outlet.used();
            plaintext.clear();
            plaintext.reserve_exact(HELD + bytes.strides.room());
            let pass = bytes.finish(&mut plaintext)?;
            outlet.send(plaintext)?;
            Ok(pass)
        };
        pipe::through(open, |plaintext: Zeroizing<Vec<u8>>| {
            output.write_all(&plaintext).map_err(EnvelopeError::Write)?;
            Ok(plaintext)
        })
    }
}

/// What is copied before it is worked on stays in the nearest cache.
const HOT: usize = 16 << 10;
/// Characters that are read at a time: they are decoded before the cache loses them, and more at a time would be read no faster.
const TEXT: usize = 64 << 10;

/// Reads a token and takes its base64 away.
struct PieceReader<'a, T> {
    token: &'a mut T,
    /// `None` once the token has ended.
    decoder: Option<Decoder>,
    text: Vec<u8>,
}

impl<T: Read> PieceReader<'_, T> {
    /// Appends the bytes of a piece, or of what there is.
    fn fill(&mut self, piece: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        while let Some(decoder) = &mut self.decoder
            && piece.len() < PIECE
        {
            let count = fill(self.token, &mut self.text)?;
            // A short token needs no more.
            let room = if count < TEXT {
                count
            } else {
                PIECE + TEXT - piece.len()
            };
            piece.reserve_exact(room);
            for part in self.text[..count].chunks(HOT) {
                decoder.push(part, piece)?;
            }
            if count < TEXT
                && let Some(decoder) = self.decoder.take()
            {
                decoder.finish(piece)?;
            }
        }
        Ok(())
    }
}

/// Reads the bytes of a token, after base64.
struct BytesReader {
    kernel: Kernel,
    mac: Mac,
    /// Set once the header has arrived.
    header: Option<[u8; HEADER_LEN]>,
    chain: Block,
    /// What arrived and is not both authenticated and decrypted.
    held: Vec<u8>,
    /// Where in `held` the MAC goes on, and where the cipher does.
    authenticated: usize,
    decrypted: usize,
    release: bool,
    plaintext: u64,
    strides: Strides,
    /// Bytes of the stride that the MAC has not reached.
    left: usize,
}

impl BytesReader {
    fn new(key: &DataKey, release: bool, strides: Strides) -> Self {
        let (kernel, mac) = key.with(|key| (Kernel::new(key.encryption_half()), Mac::new(key.signing_half())));
        Self {
            kernel,
            mac,
            header: None,
            chain: [0; BLOCK],
            held: Vec::new(),
            authenticated: 0,
            decrypted: HEADER_LEN,
            release,
            plaintext: 0,
            left: strides.length(),
            strides,
        }
    }

    /// Goes on as far as what is held allows.
    fn advance(&mut self, out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        if self.header.is_none() && self.held.len() >= HEADER_LEN {
            self.read_header()?;
        }
        let Some(end) = self.held.len().checked_sub(HELD).filter(|end| *end >= self.decrypted) else {
            return Ok(());
        };
        loop {
            self.advance_to(end.min(self.authenticated.saturating_add(self.left)), out);
            if self.left > 0 {
                break;
            }
            self.strides.end(self.mac.inner(), out)?;
            self.left = self.strides.length();
        }
        let done = self.authenticated.min(self.decrypted);
        self.held.drain(..done);
        self.authenticated -= done;
        self.decrypted -= done;
        Ok(())
    }

    /// Goes on to a place in what is held.
    fn advance_to(&mut self, end: usize, out: &mut Vec<u8>) {
        let (words, _): (&[Words], _) = self.held[self.authenticated..end].as_chunks();
        let (sealed, _): (&[Block], _) = self.held[self.decrypted..end].as_chunks();
        let state = self.mac.state(words.len());
        if self.release {
            let out = self.strides.outlet(out);
            let start = out.len();
            out.extend_from_slice(sealed.as_flattened());
            let (blocks, _) = out[start..].as_chunks_mut();
            self.kernel.decrypt(&mut self.chain, blocks, state, words);
        } else {
            self.chain = sealed.last().copied().unwrap_or(self.chain);
            self.kernel.decrypt(&mut [0; BLOCK], &mut [], state, words);
        }
        self.plaintext += (sealed.len() * BLOCK) as u64;
        self.left -= size_of_val(words);
        self.authenticated += size_of_val(words);
        self.decrypted += sealed.len() * BLOCK;
    }

    fn read_header(&mut self) -> Result<(), EnvelopeError> {
        let header: [u8; HEADER_LEN] = self.held.first_chunk().copied().ok_or(EnvelopeError::Truncated)?;
        if header[0] != VERSION {
            return Err(EnvelopeError::Version(header[0]));
        }
        self.chain.copy_from_slice(&header[HEADER_LEN - BLOCK..]);
        self.header = Some(header);
        Ok(())
    }

    fn finish(mut self, out: &mut Vec<u8>) -> Result<FirstPass, EnvelopeError> {
        if self.header.is_none() {
            self.read_header()?;
        }
        let header = self.header.ok_or(EnvelopeError::Truncated)?;
        let (rest, tag) = self.held.split_last_chunk().ok_or(EnvelopeError::Truncated)?;
        let sealed = rest.get(self.decrypted..).ok_or(EnvelopeError::Truncated)?;
        if sealed.is_empty() || !sealed.len().is_multiple_of(BLOCK) {
            return Err(EnvelopeError::Truncated);
        }
        if !self.mac.holds(&rest[self.authenticated..], tag) {
            return Err(EnvelopeError::Mac);
        }
        let mut last = Zeroizing::new(sealed.to_vec());
        let (blocks, _) = last.as_chunks_mut();
        self.kernel.decrypt(&mut self.chain, blocks, &mut [0; 8], &[]);
        let kept = unpadded(&last)?;
        let opened = Opened {
            header,
            plaintext_bytes: self.plaintext + kept as u64,
            created: created(&header),
        };
        let pass = self.strides.finish(opened, *tag, out)?;
        if self.release {
            out.extend_from_slice(&last[..kept]);
        }
        Ok(pass)
    }
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

/// When a token says it was made; nothing for a time outside what the calendar knows, which is a token's all the same.
fn created(header: &[u8; HEADER_LEN]) -> Option<Timestamp> {
    let seconds = header[1..9].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
}

/// A token that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Its first 25 bytes.
    pub header: [u8; HEADER_LEN],
    /// Bytes of its plaintext.
    pub plaintext_bytes: u64,
    /// When it was made, as it says; nothing if the calendar does not know the time.
    pub created: Option<Timestamp>,
}

/// Checks the whole token that `token` gives and writes nothing.
///
/// # Errors
/// When it does not hold, or cannot be read.
pub fn verify(key: &DataKey, token: &mut (impl Read + Send)) -> Result<Opened, EnvelopeError> {
    let pass = TokenReader::verifying(key).run(token, &mut std::io::sink())?;
    Ok(*pass.opened())
}

/// The same, for a token that is read again by [`release`].
///
/// # Errors
/// As [`verify`].
pub fn first_pass(key: &DataKey, token: &mut (impl Read + Send)) -> Result<FirstPass, EnvelopeError> {
    let reader = TokenReader {
        decoder: Decoder::default(),
        bytes: BytesReader::new(key, false, Strides::Note(Vec::new())),
    };
    reader.run(token, &mut std::io::sink())
}

/// Decrypts a token in one pass, checking the whole of it on the way. The output comes back only if the token holds, so it
/// must be one that nobody else sees until then: a file without a name, or memory.
///
/// # Errors
/// When the token does not hold, or reading or writing fails; the output is dropped then.
pub fn decrypt<W: Write>(
    key: &DataKey,
    token: &mut (impl Read + Send),
    mut output: W,
) -> Result<(Opened, W), EnvelopeError> {
    let pass = TokenReader::decrypting(key).run(token, &mut output)?;
    Ok((*pass.opened(), output))
}

/// The same on the caller's thread alone, in little memory: for whoever opens as many tokens at once as there are cores, where
/// further threads would only take turns.
///
/// # Errors
/// As [`decrypt()`].
pub fn decrypt_on_one_thread<W: Write>(
    key: &DataKey,
    token: &mut impl Read,
    mut output: W,
) -> Result<(Opened, W), EnvelopeError> {
    let mut reader = TokenReader::decrypting(key);
    let mut text = vec![0; TEXT];
    let mut plaintext = Zeroizing::new(Vec::with_capacity(TEXT));
    loop {
        let count = fill(token, &mut text)?;
        for part in text[..count].chunks(HOT) {
            reader.push(part, &mut plaintext)?;
        }
        let is_end = count < TEXT;
        if !is_end {
            output.write_all(&plaintext).map_err(EnvelopeError::Write)?;
            plaintext.clear();
            continue;
        }
        let opened = reader.finish(&mut plaintext)?;
        output.write_all(&plaintext).map_err(EnvelopeError::Write)?;
        return Ok((opened, output));
    }
}

/// Decrypts a token that was verified before into an output that others see at once. Each piece is held against the first
/// pass before it is given out.
///
/// # Errors
/// [`EnvelopeError::Changed`] when it is another one by now; or when reading or writing fails.
pub fn release(
    key: &DataKey,
    first: &FirstPass,
    token: &mut (impl Read + Send),
    output: &mut impl Write,
) -> Result<(), EnvelopeError> {
    let reader = TokenReader {
        decoder: Decoder::default(),
        bytes: BytesReader::new(key, true, Strides::held_against(first)),
    };
    match reader.run(token, output) {
        Ok(_) => Ok(()),
        Err(error @ (EnvelopeError::Read(_) | EnvelopeError::Write(_))) => Err(error),
        // It held before: whatever is wrong with it is new.
        Err(_) => Err(EnvelopeError::Changed),
    }
}

/// The header of a token of which these are the first characters, in either alphabet; `None` if they are no token's.
pub fn header_of(beginning: &[u8]) -> Option<[u8; HEADER_LEN]> {
    let space = beginning.len() - beginning.trim_ascii_start().len();
    let mut bytes = Vec::new();
    let mut decoder = Decoder::default();
    // What stands after the header does not matter here: piece by piece, until it is whole.
    for piece in beginning[space..].chunks(HEADER_TEXT) {
        decoder.push(piece, &mut bytes).ok()?;
        if let Some(header) = bytes.first_chunk::<HEADER_LEN>() {
            return (header[0] == VERSION).then_some(*header);
        }
    }
    None
}

/// Characters that hold a token's header, if there is no white space among them.
pub const HEADER_TEXT: usize = HEADER_LEN.div_ceil(3) * 4;
