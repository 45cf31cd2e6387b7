//! Tables as they were shown, on their way into a file.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::faults::new_file_fault;
use crate::domain::sheet::{Sheet, csv_line, json_line};
use crate::domain::{Fault, Outcome};
use crate::publish::{Folder, Unpublished};

/// A new file that appears when it is whole: whether it can be is known before what is to stand in it.
pub struct NewFile {
    path: PathBuf,
    file: Unpublished,
}

impl NewFile {
    /// Begins it.
    ///
    /// # Errors
    /// When there is such a file, or none can be written there.
    pub fn create(path: &Path) -> Result<Self, Fault> {
        let make = || {
            let (folder, name) = Folder::of(path)?;
            folder.check(&name, false)?;
            Unpublished::create_in(&folder, &name)
        };
        Ok(Self {
            file: make().map_err(|error| new_file_fault(path.display(), &error))?,
            path: path.to_owned(),
        })
    }

    /// Gives it its bytes and its name.
    ///
    /// # Errors
    /// When it cannot be written, or the name was taken meanwhile.
    pub fn publish(self, bytes: &[u8]) -> Result<(), Fault> {
        let Self { path, mut file } = self;
        let written = file.write_all(bytes).and_then(|()| file.publish(false));
        written.map_err(|error| new_file_fault(path.display(), &error))
    }
}

/// Writes rows into a new file, which appears when it is whole: lines of JSON where its name ends so, else CSV.
///
/// # Errors
/// When it exists or cannot be written.
pub fn save_sheet(sheet: &Sheet, to: &Path) -> Result<Outcome, Fault> {
    write(sheet, to).map_err(|error| new_file_fault(to.display(), &error))?;
    Ok(Outcome::SheetSaved {
        what: sheet.what.clone(),
        path: to.to_path_buf(),
        rows: sheet.rows.len() as u64,
    })
}

fn write(sheet: &Sheet, to: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(Unpublished::create(to)?);
    let is_json = to.extension().is_some_and(|end| end == "json" || end == "jsonl");
    if !is_json {
        file.write_all(sheet.csv_heading().as_bytes())?;
    }
    for row in &sheet.rows {
        let line = if is_json { json_line(row) } else { csv_line(row) };
        file.write_all(line.as_bytes())?;
    }
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .publish(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::Door;

    #[test]
    fn a_table_is_written_whole_into_a_file_that_was_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let sheet = Sheet {
            what: "Objects".to_owned(),
            rows: vec![
                vec![("name", json!("=a")), ("size", json!(1))],
                vec![("name", json!("b")), ("size", json!(2))],
            ],
        };
        let csv = folder.path().join("a.csv");
        save_sheet(&sheet, &csv).unwrap();
        assert_eq!(
            std::fs::read_to_string(&csv).unwrap(),
            "name,size\r\n\"'=a\",1\r\nb,2\r\n"
        );
        let json = folder.path().join("a.jsonl");
        save_sheet(&sheet, &json).unwrap();
        assert_eq!(
            std::fs::read_to_string(&json).unwrap(),
            "{\"name\":\"=a\",\"size\":1}\n{\"name\":\"b\",\"size\":2}\n"
        );
        let fault = save_sheet(&sheet, &csv).unwrap_err();
        assert!(fault.cause.contains("exists"), "{fault}");
        for door in [Door::CommandLine, Door::Dashboard] {
            let said = fault.at(door);
            assert!(
                said.contains("move that file away") && !said.contains("--overwrite"),
                "{said}"
            );
        }
        assert!(NewFile::create(&csv).is_err());
        NewFile::create(&folder.path().join("never")).unwrap();
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            2,
            "nothing half made is left"
        );
    }
}
