//! A token that is opened again while it is made: its last characters are handed on only if it opens to what went in.

use std::io::{self, Read, Write};

use crc_fast::{CrcAlgorithm, Digest as Crc};

use crate::actions::faults::fault_of;
use crate::domain::{Fault, FaultKind};
use crate::envelope::{DataKey, Encryptor, EnvelopeError, TokenReader, Zeroizing};

/// What tells one plaintext from another, where both are known to be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::actions::bulk) struct Digest {
    pub(in crate::actions::bulk) bytes: u64,
    crc: u64,
}

/// Takes a plaintext, and keeps nothing of it but its digest.
pub(in crate::actions::bulk) struct Digested {
    bytes: u64,
    crc: Crc,
}

impl Digested {
    pub(in crate::actions::bulk) fn new() -> Self {
        Self {
            bytes: 0,
            crc: Crc::new(CrcAlgorithm::Crc64Nvme),
        }
    }

    pub(in crate::actions::bulk) fn take(&mut self, plaintext: &[u8]) {
        self.bytes += plaintext.len() as u64;
        self.crc.update(plaintext);
    }

    pub(in crate::actions::bulk) fn end(&self) -> Digest {
        Digest {
            bytes: self.bytes,
            crc: self.crc.finalize(),
        }
    }
}

impl Write for Digested {
    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        self.take(plaintext);
        Ok(plaintext.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fewer characters than that are no part of a token.
const HELD: usize = 4;

/// Hands a token on as it comes, but for its last characters.
pub(super) struct Checked<W> {
    reader: TokenReader,
    plaintext: Zeroizing<Vec<u8>>,
    digest: Digested,
    held: Vec<u8>,
    inner: W,
}

impl<W: Write> Checked<W> {
    pub(super) fn new(key: &DataKey, inner: W) -> Self {
        Self {
            reader: TokenReader::decrypting(key),
            plaintext: Zeroizing::new(Vec::new()),
            digest: Digested::new(),
            held: Vec::new(),
            inner,
        }
    }

    /// Hands on the rest, if the token opens to what went in.
    fn finish(self, went_in: Digest, (act, object): (&str, &str)) -> Result<Digest, Fault> {
        let Self {
            reader,
            mut plaintext,
            mut digest,
            held,
            mut inner,
        } = self;
        let opened = reader.finish(&mut plaintext);
        digest.take(&plaintext);
        let came_out = digest.end();
        if opened.is_err() || came_out != went_in {
            let cause = "the token that was made of it does not open to the same again: this machine computes wrong";
            let remedy = "nothing was replaced; check the memory of this machine, and use another";
            return Err(Fault::new(FaultKind::Other, act, object, cause, remedy));
        }
        let rest = inner.write_all(&held).and_then(|()| inner.flush());
        rest.map_err(|error| fault_of(act, object, &EnvelopeError::Write(error)))?;
        Ok(came_out)
    }
}

impl<W: Write> Write for Checked<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.reader.push(text, &mut self.plaintext).map_err(io::Error::other)?;
        self.digest.take(&self.plaintext);
        self.plaintext.clear();
        self.held
            .extend_from_slice(text.get(..HELD.min(text.len())).unwrap_or_default());
        let rest = text.get(HELD.min(text.len())..).unwrap_or_default();
        if rest.len() >= HELD {
            self.inner.write_all(&self.held)?;
            self.held.clear();
            let (now, later) = rest.split_at(rest.len() - HELD);
            self.inner.write_all(now)?;
            self.held.extend_from_slice(later);
        } else {
            self.held.extend_from_slice(rest);
            let now = self.held.len().saturating_sub(HELD);
            self.inner.write_all(&self.held[..now])?;
            self.held.drain(..now);
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes plaintext that is not verified yet, and seals it: the end of its token comes only with [`Resealed::finish`].
pub(super) struct Resealed<W> {
    encryptor: Encryptor,
    digest: Digested,
    text: Vec<u8>,
    checked: Checked<W>,
}

impl<W: Write> Resealed<W> {
    pub(super) fn new(encryptor: Encryptor, checked: Checked<W>) -> Self {
        Self {
            encryptor,
            digest: Digested::new(),
            text: Vec::new(),
            checked,
        }
    }

    /// All of it was verified: ends the token.
    pub(super) fn finish(mut self, (act, object): (&str, &str)) -> Result<Digest, Fault> {
        self.text.clear();
        self.encryptor.finish(&mut self.text);
        let written = self.checked.write_all(&self.text);
        written.map_err(|error| fault_of(act, object, &EnvelopeError::Write(error)))?;
        self.checked.finish(self.digest.end(), (act, object))
    }
}

impl<W: Write> Write for Resealed<W> {
    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        self.digest.take(plaintext);
        self.text.clear();
        self.encryptor.update(plaintext, &mut self.text);
        self.checked.write_all(&self.text)?;
        Ok(plaintext.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads as many bytes as there are to be, and no fewer.
struct Exact<'a, R> {
    inner: &'a mut R,
    left: u64,
    digest: Digested,
}

impl<R: Read> Read for Exact<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.checked_sub(count as u64).ok_or(io::ErrorKind::InvalidData)?;
        self.digest.take(&buffer[..count]);
        Ok(count)
    }
}

/// Seals a plain object of so many bytes.
pub(super) fn sealed<W: Write>(
    encryptor: Encryptor,
    plain: &mut (impl Read + Send),
    length: u64,
    mut checked: Checked<W>,
    (act, object): (&str, &str),
) -> Result<Digest, Fault> {
    let mut exact = Exact {
        inner: plain,
        left: length,
        digest: Digested::new(),
    };
    let run = encryptor.run(&mut exact, &mut checked);
    run.map_err(|error| fault_of(act, object, &error))?;
    checked.finish(exact.digest.end(), (act, object))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOING: (&str, &str) = ("seal", "it");

    fn key(byte: u8) -> DataKey {
        DataKey::from_plaintext(&Zeroizing::new(vec![byte; 32])).unwrap()
    }

    #[test]
    fn a_token_comes_out_whole_in_whatever_pieces_its_plaintext_comes() {
        for length in [0, 1, 15, 16, 17, 400_000] {
            let plain: Vec<u8> = (0..length).map(|at| (at * 7 % 251) as u8).collect();
            for piece in [1, 5, 100_000] {
                if length / piece > 1000 {
                    continue;
                }
                let mut out = Vec::new();
                let encryptor = Encryptor::new(&key(1), 1).unwrap();
                let mut resealed = Resealed::new(encryptor, Checked::new(&key(1), &mut out));
                for piece in plain.chunks(piece) {
                    resealed.write_all(piece).unwrap();
                }
                assert_eq!(resealed.finish(DOING).unwrap().bytes, length as u64);
                let (_, opened) = crate::envelope::decrypt(&key(1), &mut out.as_slice(), Vec::new()).unwrap();
                assert_eq!(opened, plain, "{length} {piece}");
            }
            let mut out = Vec::new();
            let checked = Checked::new(&key(1), &mut out);
            let encryptor = Encryptor::new(&key(1), 1).unwrap();
            sealed(encryptor, &mut plain.as_slice(), length as u64, checked, DOING).unwrap();
            let (_, opened) = crate::envelope::decrypt(&key(1), &mut out.as_slice(), Vec::new()).unwrap();
            assert_eq!(opened, plain, "{length}");
        }
    }

    #[test]
    fn the_end_of_a_token_that_opens_to_anything_else_is_held_back() {
        let mut out = Vec::new();
        // Another key opens it to nothing.
        let checked = Checked::new(&key(2), &mut out);
        let encryptor = Encryptor::new(&key(1), 1).unwrap();
        let refused = sealed(encryptor, &mut &b"x,y\n"[..], 4, checked, DOING).unwrap_err();
        assert!(refused.cause.contains("does not open to the same"), "{refused}");
        assert!((out.len() as u64) < crate::envelope::token_len(4));
    }

    #[test]
    fn an_object_that_ends_early_or_late_is_not_sealed() {
        for length in [3, 5] {
            let mut out = Vec::new();
            let checked = Checked::new(&key(1), &mut out);
            let encryptor = Encryptor::new(&key(1), 1).unwrap();
            assert!(sealed(encryptor, &mut &b"x,y\n"[..], length, checked, DOING).is_err());
            assert!((out.len() as u64) < crate::envelope::token_len(length), "{length}");
        }
    }
}
