//! Events in the world's folder: rows one behind another, each with its length before it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{BYTES, MOST};
use crate::disk::DiskError;

/// The file that is written, and the full one before it.
const NEWEST: &str = "events";
const BEFORE: &str = "events.before";

/// Rows and bytes of one file.
const ROWS: usize = MOST / 2;
const SIZE: u64 = BYTES as u64 / 2;

/// The files, written.
pub(super) struct Files {
    folder: PathBuf,
    file: Option<File>,
    rows: usize,
    bytes: u64,
    /// Whether it was said that they cannot be written.
    is_told: bool,
}

/// Every row, oldest first. A last one that was cut off is none.
pub(super) fn read(folder: &Path) -> Result<Vec<Vec<u8>>, DiskError> {
    let mut rows = Vec::new();
    for name in [BEFORE, NEWEST] {
        match fs::read(folder.join(name)) {
            Ok(bytes) => rows.extend(split(&bytes).map(<[u8]>::to_vec)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(DiskError::Redb(Box::new(redb::Error::Io(error)))),
        }
    }
    Ok(rows)
}

fn split(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (row, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        bytes = rest;
        Some(row)
    })
}

impl Files {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            file: None,
            rows: 0,
            bytes: 0,
            is_told: false,
        }
    }

    /// Adds a row. One that cannot be written is in memory alone, and that is said once.
    pub(super) fn append(&mut self, row: &[u8]) {
        let mut whole = (row.len() as u32).to_le_bytes().to_vec();
        whole.extend_from_slice(row);
        match self.write(&whole) {
            Ok(()) => self.is_told = false,
            Err(error) if !self.is_told => {
                self.is_told = true;
                tracing::warn!(%error, "events are not kept on disk");
            }
            Err(_) => {}
        }
    }

    fn write(&mut self, whole: &[u8]) -> io::Result<()> {
        if self.rows >= ROWS || self.bytes >= SIZE {
            self.file = None;
            fs::rename(self.folder.join(NEWEST), self.folder.join(BEFORE))?;
        }
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        file.write_all(whole)?;
        self.file = Some(file);
        self.rows += 1;
        self.bytes += whole.len() as u64;
        Ok(())
    }

    /// The file to write on, behind its last whole row.
    fn open(&mut self) -> io::Result<File> {
        let path = self.folder.join(NEWEST);
        let found = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        (self.rows, self.bytes) =
            split(&found).fold((0, 0), |(rows, bytes), row| (rows + 1, bytes + 4 + row.len() as u64));
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        file.set_len(self.bytes)?;
        Ok(file)
    }
}
