//! An audit's rows as a file of CSV: what is wrong first, though rows come in the order of the list and are not kept in memory.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::actions::faults::new_file_fault;
use crate::domain::Fault;
use crate::domain::audit::{AuditRow, CSV_HEADING, csv_row};
use crate::publish::{Folder, Unpublished};

/// A file that appears when it is whole.
pub struct AuditTable {
    path: PathBuf,
    bucket: String,
    wrong: BufWriter<Unpublished>,
    well: BufWriter<File>,
}

impl AuditTable {
    /// Begins a file, which must not exist yet.
    ///
    /// # Errors
    /// When it exists, or cannot be written.
    pub fn create(path: &Path, bucket: &str) -> Result<Self, Fault> {
        let make = || {
            let (folder, name) = Folder::of(path)?;
            folder.check(&name, false)?;
            let mut wrong = BufWriter::new(Unpublished::create_in(&folder, &name)?);
            wrong.write_all(CSV_HEADING.as_bytes())?;
            Ok((wrong, BufWriter::new(folder.unnamed()?)))
        };
        let (wrong, well) = make().map_err(|error| new_file_fault(path.display(), &error))?;
        Ok(Self {
            path: path.to_owned(),
            bucket: bucket.to_owned(),
            wrong,
            well,
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, row: &AuditRow) -> Result<(), Fault> {
        let line = csv_row(&self.bucket, row);
        let written = if row.is_well() {
            self.well.write_all(line.as_bytes())
        } else {
            self.wrong.write_all(line.as_bytes())
        };
        written.map_err(|error| new_file_fault(self.path.display(), &error))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// When it cannot be written, or the name was taken meanwhile.
    pub fn publish(self) -> Result<(), Fault> {
        let path = self.path.clone();
        self.joined().map_err(|error| new_file_fault(path.display(), &error))
    }

    fn joined(mut self) -> io::Result<()> {
        let mut well = self.well.into_inner().map_err(io::IntoInnerError::into_error)?;
        well.seek(SeekFrom::Start(0))?;
        io::copy(&mut well, &mut self.wrong)?;
        self.wrong
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .publish(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{Flaw, Kind};

    #[test]
    fn what_is_wrong_stands_first_and_nothing_stands_there_before_all_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.csv");
        let mut table = AuditTable::create(&path, "b").unwrap();
        table.add(&AuditRow::new("a".to_owned(), 1, Kind::Fernet)).unwrap();
        let mut open = AuditRow::new("b".to_owned(), 1, Kind::Plain);
        open.flaws.push(Flaw::Open);
        table.add(&open).unwrap();
        assert!(!path.exists());
        table.publish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let first: Vec<&str> = text.lines().map(|line| line.split(',').next().unwrap()).collect();
        assert_eq!(first, ["uri", "s3://b/b", "s3://b/a"]);
        assert!(
            AuditTable::create(&path, "b").is_err(),
            "an existing file is never replaced"
        );
    }
}
