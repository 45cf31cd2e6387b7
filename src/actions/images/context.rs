//! What an image is built from: the person's folder, or, where that has no Dockerfile, strongroom's own beside the
//! folder's `train.py` and this very program. Of such a folder nothing else is read: it may be full of data.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::actions::faults::io_fault;
use crate::domain::Fault;

const DOCKERFILE: &str = include_str!("../../../assets/container/Dockerfile");
const EXAMPLE: &str = include_str!("../../../assets/container/train.py");
const PROGRAM: &str = "strongroom";
const SCRIPT: &str = "train.py";

/// A folder to build in.
pub(super) enum Context {
    /// With a Dockerfile of its own.
    Own(PathBuf),
    /// Put together, and gone afterwards.
    Made {
        folder: TempDir,
        /// What it was made of, a line each.
        notes: Vec<String>,
    },
}

impl Context {
    pub(super) fn of(folder: &Path) -> Result<Self, Fault> {
        if folder.join("Dockerfile").exists() {
            return Ok(Self::Own(folder.to_path_buf()));
        }
        let own = std::env::current_exe().map_err(|error| io_fault("find", "this program's own file", &error))?;
        Self::made(folder, &own)
    }

    fn made(folder: &Path, own: &Path) -> Result<Self, Fault> {
        let shown = folder.display();
        let given = folder.join(PROGRAM);
        let program = if given.is_file() { given.as_path() } else { own };
        if !is_static(program).map_err(|error| io_fault("read", program.display(), &error))? {
            let cause = format!(
                "{shown} has no Dockerfile, and {} needs libraries that an image may lack",
                program.display()
            );
            let remedy = "fill the folder with assets/container/prepare, which links strongroom statically";
            let (act, object) = ("build an image from", shown.to_string());
            return Err(Fault::invalid(act, object, cause, remedy));
        }
        let made = tempfile::tempdir().map_err(|error| io_fault("make", "a temporary folder", &error))?;
        let mut notes = vec![format!("no Dockerfile in {shown}: strongroom's own is used")];
        let script = folder.join(SCRIPT);
        let filled = fs::copy(program, made.path().join(PROGRAM))
            .and_then(|_| fs::write(made.path().join("Dockerfile"), DOCKERFILE))
            .and_then(|()| {
                let to = made.path().join(SCRIPT);
                if script.is_file() {
                    return fs::copy(&script, to).map(|_| ());
                }
                notes.push(format!(
                    "no {SCRIPT} in {shown}: the example is used, which fits a line through CSV"
                ));
                fs::write(to, EXAMPLE)
            });
        filled.map_err(|error| io_fault("write", made.path().display(), &error))?;
        Ok(Self::Made { folder: made, notes })
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Own(folder) => folder,
            Self::Made { folder, .. } => folder.path(),
        }
    }

    pub(super) fn notes(&self) -> &[String] {
        match self {
            Self::Own(_) => &[],
            Self::Made { notes, .. } => notes,
        }
    }
}

/// Whether a program is a 64-bit ELF file that asks for no dynamic loader.
fn is_static(program: &Path) -> io::Result<bool> {
    const LOADER: u32 = 3;
    let mut head = Vec::new();
    // The program headers follow the file's own.
    File::open(program)?.take(4096).read_to_end(&mut head)?;
    let number = |at: usize, bytes: usize| {
        let little = head.get(at..at + bytes)?.iter().rev();
        Some(little.fold(0_usize, |number, byte| number << 8 | usize::from(*byte)))
    };
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return Ok(false);
    }
    let (Some(start), Some(size), Some(count)) = (number(32, 8), number(54, 2), number(56, 2)) else {
        return Ok(false);
    };
    let kinds = (0..count).map(|index| number(start.checked_add(index * size)?, 4));
    Ok(kinds
        .into_iter()
        .all(|kind| kind.is_some_and(|kind| kind != LOADER as usize)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of a program with these program headers.
    fn elf(kinds: &[u32]) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01".to_vec();
        bytes.resize(64, 0);
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = u8::try_from(kinds.len()).unwrap();
        for kind in kinds {
            bytes.extend_from_slice(&kind.to_le_bytes());
            bytes.resize(bytes.len() + 52, 0);
        }
        bytes
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_with_a_dockerfile_is_taken_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").unwrap();
        let context = Context::of(folder.path()).unwrap();
        assert_eq!(context.path(), folder.path());
        assert!(context.notes().is_empty());
    }

    #[test]
    fn without_one_the_script_goes_into_the_image_and_the_data_beside_it_does_not() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(PROGRAM), elf(&[1, 2])).unwrap();
        fs::write(folder.path().join(SCRIPT), "print('mine')\n").unwrap();
        fs::write(folder.path().join("secret.csv"), "x\n").unwrap();
        let context = Context::made(folder.path(), Path::new("/nowhere")).unwrap();
        assert_eq!(names(context.path()), ["Dockerfile", PROGRAM, SCRIPT]);
        let script = fs::read_to_string(context.path().join(SCRIPT)).unwrap();
        assert_eq!(script, "print('mine')\n");
        assert_eq!(names(folder.path()), ["secret.csv", PROGRAM, SCRIPT]);
        let made = context.path().to_path_buf();
        drop(context);
        assert!(!made.exists());
    }

    #[test]
    fn a_newcomer_gets_the_example_and_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        fs::write(&own, elf(&[1])).unwrap();
        let context = Context::made(folder.path(), &own).unwrap();
        assert_eq!(fs::read_to_string(context.path().join(SCRIPT)).unwrap(), EXAMPLE);
        assert!(context.notes().iter().any(|note| note.contains("the example is used")));
    }

    #[test]
    fn a_program_that_needs_a_loader_does_not_go_into_an_image() {
        let folder = tempfile::tempdir().unwrap();
        for bytes in [elf(&[1, 3, 2]), b"#!/bin/sh\n".to_vec(), elf(&[1])[..66].to_vec()] {
            fs::write(folder.path().join(PROGRAM), bytes).unwrap();
            let fault = Context::made(folder.path(), Path::new("/nowhere")).err().unwrap();
            assert!(fault.remedy.contains("prepare"), "{fault}");
        }
    }
}
