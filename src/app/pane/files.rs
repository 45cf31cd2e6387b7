//! Local files: rows and details.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Facts;
use crate::app::format::{self, Line};
use crate::app::table::{Order, Row, Table};
use crate::domain::FileRow;
use crate::domain::sheet::Named;

impl Row for FileRow {
    const ORDERS: &'static [Order<Self>] = &[
        ("NAME", |a, b| folders_first(a, b, Ordering::Equal)),
        ("SIZE", |a, b| folders_first(a, b, a.size.cmp(&b.size))),
        ("AGE", |a, b| folders_first(a, b, a.modified.cmp(&b.modified))),
    ];

    fn id(&self) -> Cow<'_, str> {
        self.path.to_string_lossy()
    }

    fn bytes(&self) -> u64 {
        if self.is_dir { 0 } else { self.size }
    }

    fn record(&self) -> Vec<Named> {
        vec![
            ("path", json!(self.path.to_string_lossy())),
            ("folder", json!(self.is_dir)),
            ("link", json!(self.is_link)),
            ("size", json!((!self.is_dir).then_some(self.size))),
            ("modified", json!(self.modified)),
        ]
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name)
    }
}

/// Folders first, then by what is wanted, then by name.
fn folders_first(a: &FileRow, b: &FileRow, by_column: Ordering) -> Ordering {
    let folders = b.is_dir.cmp(&a.is_dir);
    folders.then(by_column).then_with(|| a.name.cmp(&b.name))
}

/// How many bytes the token of a plaintext takes.
pub fn token_bytes(plaintext: u64) -> u64 {
    let padded = 16 * (plaintext / 16 + 1);
    4 * (57 + padded).div_ceil(3)
}

/// The facts of a file, set so.
pub(in crate::app) fn overview(mut facts: Facts, file: &FileRow) -> Vec<Line> {
    facts.heading(&file.name);
    facts.plain("Path", &file.path.to_string_lossy());
    let kind = match (file.is_dir, file.is_link) {
        (true, false) => "folder",
        (true, true) => "link to a folder",
        (false, false) => "file",
        (false, true) => "link",
    };
    facts.plain("What", kind);
    if let Some(at) = file.modified {
        facts.plain("Written", &format::time(at));
    }
    if !file.is_dir {
        facts.size("Size", file.size);
        facts.plain("As a token", &format::size(token_bytes(file.size)));
    }
    facts.lines
}

/// The files in a few words: one by its name, several by their number, with their size as far as it is known.
pub(in crate::app) fn what(files: &[FileRow]) -> String {
    let folders = files.iter().filter(|file| file.is_dir).count();
    let bytes: u64 = files.iter().filter(|file| !file.is_dir).map(|file| file.size).sum();
    let plain = files.len() - folders;
    match files {
        [only] if only.is_dir => format!("the folder {} with everything in it", only.name),
        [only] => format!("{} ({})", only.name, format::size(only.size)),
        _ if folders == 0 => format!("{} ({})", format::count(plain, "file"), format::size(bytes)),
        _ if plain == 0 => format!("{} with everything in them", format::count(folders, "folder")),
        _ => format!(
            "{} ({}) and {} with everything in it",
            format::count(plain, "file"),
            format::size(bytes),
            format::count(folders, "folder")
        ),
    }
}

/// A path of a folder that none of its files has: of this name, else with a number.
pub(in crate::app) fn free(dir: &Path, files: &Table<FileRow>, name: &str) -> PathBuf {
    let dot = name.rfind('.').filter(|at| *at > 0).unwrap_or(name.len());
    let (stem, ending) = name.split_at(dot);
    let numbered = (2..).map(|number: usize| format!("{stem}-{number}{ending}"));
    let mut paths = std::iter::once(name.to_owned())
        .chain(numbered)
        .map(|name| dir.join(name));
    let is_free = |path: &PathBuf| files.get(&path.to_string_lossy()).is_none();
    paths.find(is_free).unwrap_or_else(|| dir.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_as_long_as_the_envelope_makes_it() {
        assert_eq!(token_bytes(0), 100);
        assert_eq!(token_bytes(15), 100);
        assert_eq!(token_bytes(16), 120);
        assert_eq!(token_bytes(47), 140);
    }
}
