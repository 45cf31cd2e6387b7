//! How the bytes of an object that its customer's key encrypts lie in their file: in blocks of AES-256-GCM, each with its tag.
//! Which block it is is its nonce; the cipher is of the one file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use aes_gcm::aead::Aead;
use aes_gcm::{Aes256Gcm, Nonce};

use super::fill;

/// Bytes of a plaintext that are one block; the last may be shorter.
const BLOCK: u64 = 64 * 1024;
const TAG: u64 = 16;

/// How long a file is that holds so many bytes.
pub(super) fn stored(length: u64) -> u64 {
    length + length.div_ceil(BLOCK) * TAG
}

fn nonce(block: u64) -> Nonce<aes_gcm::aead::consts::U12> {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&block.to_be_bytes());
    nonce.into()
}

/// Encrypts what is written into a file.
pub(super) struct Sealer {
    cipher: Aes256Gcm,
    /// What is of the next block so far.
    gathered: Vec<u8>,
    block: u64,
}

impl Sealer {
    pub(super) fn new(cipher: Aes256Gcm) -> Self {
        Self {
            cipher,
            gathered: Vec::with_capacity(BLOCK as usize),
            block: 0,
        }
    }

    pub(super) fn write(&mut self, file: &mut File, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = BLOCK as usize - self.gathered.len();
            let (taken, rest) = bytes.split_at(room.min(bytes.len()));
            self.gathered.extend_from_slice(taken);
            bytes = rest;
            if self.gathered.len() == BLOCK as usize {
                self.finish(file)?;
            }
        }
        Ok(())
    }

    /// Writes what is gathered.
    pub(super) fn finish(&mut self, file: &mut File) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let sealed = self.cipher.encrypt(&nonce(self.block), self.gathered.as_slice());
        file.write_all(&sealed.map_err(|_| io::Error::other("a block was not encrypted"))?)?;
        self.gathered.clear();
        self.block += 1;
        Ok(())
    }
}

/// Reads a stretch of an encrypted file.
pub(super) struct Unsealer {
    file: File,
    cipher: Aes256Gcm,
    block: u64,
    /// What is read of the block before, and how much of it is to be passed over.
    opened: Vec<u8>,
    at: usize,
    /// Bytes still to come.
    left: u64,
}

impl std::fmt::Debug for Unsealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.file.fmt(f)
    }
}

impl Unsealer {
    pub(super) fn new(file: File, cipher: Aes256Gcm, start: u64, length: u64) -> io::Result<Self> {
        let mut unsealer = Self {
            file,
            cipher,
            block: 0,
            opened: Vec::new(),
            at: (start % BLOCK) as usize,
            left: length,
        };
        unsealer.seek(start / BLOCK)?;
        Ok(unsealer)
    }

    /// Goes to the beginning of a block.
    fn seek(&mut self, block: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(block * (BLOCK + TAG)))?;
        self.block = block;
        Ok(())
    }

    fn open_next(&mut self) -> io::Result<()> {
        let mut sealed = vec![0; (BLOCK + TAG) as usize];
        let read = fill(&mut self.file, &mut sealed)?;
        let opened = self.cipher.decrypt(&nonce(self.block), &sealed[..read]);
        self.opened =
            opened.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a block is not as it was written"))?;
        self.block += 1;
        Ok(())
    }
}

/// Opens the blocks that hold two bytes of an encrypted file, to see whether they are as they were written.
pub(super) fn check(file: File, cipher: Aes256Gcm, first: u64, last: u64) -> io::Result<()> {
    let mut ends = Unsealer::new(file, cipher, first, 1)?;
    ends.open_next()?;
    if last / BLOCK > first / BLOCK {
        ends.seek(last / BLOCK)?;
        ends.open_next()?;
    }
    Ok(())
}

impl Read for Unsealer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        // Only the first block of the stretch is begun in its middle.
        if self.opened.is_empty() {
            self.open_next()?;
        } else if self.at == self.opened.len() {
            self.open_next()?;
            self.at = 0;
        }
        let rest = self.opened.get(self.at..).unwrap_or_default();
        let read = rest
            .len()
            .min(buffer.len())
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer[..read].copy_from_slice(&rest[..read]);
        self.at += read;
        self.left -= read as u64;
        Ok(read)
    }
}
