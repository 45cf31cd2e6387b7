//! Numeric tables from text, read once, in bounded memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::regression::Random;
use crate::domain::Fault;
use crate::training::job::io;

/// Rows kept for the fit.
const SAMPLE_ROWS: usize = 100_000;
/// Numbers kept for the fit, so that wide tables keep fewer rows.
const SAMPLE_VALUES: usize = 8_000_000;
/// A line longer than this is no row.
const LONGEST_LINE: u64 = 1 << 20;

/// A table, sampled.
#[derive(Debug)]
pub(super) struct Table {
    /// Names, or `c1`, `c2`, … where there is no header.
    pub(super) columns: Vec<String>,
    /// A uniform sample of the rows.
    pub(super) sample: Vec<Vec<f64>>,
    /// Numeric rows read.
    pub(super) rows: u64,
    /// Other rows.
    pub(super) skipped: u64,
}

/// Reads all files as one table; `None` when one of them is not a numeric CSV of the same width.
pub(super) fn read(files: &[PathBuf]) -> Result<Option<Table>, Fault> {
    let mut table: Option<Table> = None;
    let mut random = Random::new(1);
    for path in files {
        let file = File::open(path).map_err(|error| io("open", path, &error))?;
        let mut lines = Lines {
            input: BufReader::new(file),
            line: Vec::new(),
        };
        let Some(shape) = shape(&mut lines, path)? else {
            return Ok(None);
        };
        let table = table.get_or_insert_with(|| Table {
            columns: shape.columns.clone(),
            sample: Vec::new(),
            rows: 0,
            skipped: 0,
        });
        if table.columns.len() != shape.first.len() {
            return Ok(None);
        }
        table.take(shape.first, &mut random);
        while let Some(line) = lines.next(path)? {
            let row = std::str::from_utf8(line)
                .ok()
                .and_then(|line| numbers(line, shape.delimiter));
            match row {
                Some(row) if row.len() == table.columns.len() => table.take(row, &mut random),
                _ => table.skipped += 1,
            }
        }
    }
    Ok(table)
}

impl Table {
    /// Reservoir sampling: every row is kept with the same probability.
    fn take(&mut self, row: Vec<f64>, random: &mut Random) {
        self.rows += 1;
        let most = SAMPLE_ROWS.min(SAMPLE_VALUES / row.len()).max(1);
        if self.sample.len() < most {
            self.sample.push(row);
        } else {
            let place = random.below(self.rows) as usize;
            if let Some(kept) = self.sample.get_mut(place) {
                *kept = row;
            }
        }
    }
}

struct Shape {
    delimiter: char,
    columns: Vec<String>,
    first: Vec<f64>,
}

/// Looks at the first lines: a numeric row, or a header and then a numeric row as wide.
fn shape(lines: &mut Lines, path: &Path) -> Result<Option<Shape>, Fault> {
    let Some(head) = lines.next(path)? else { return Ok(None) };
    let Ok(head) = std::str::from_utf8(head).map(str::to_owned) else {
        return Ok(None);
    };
    let head = head.trim_start_matches('\u{feff}');
    let Some(delimiter) = [',', ';', '\t']
        .into_iter()
        .max_by_key(|delimiter| head.matches(*delimiter).count())
    else {
        return Ok(None);
    };
    let width = head.split(delimiter).count();
    if width < 2 || head.contains('\0') {
        return Ok(None);
    }
    if let Some(first) = numbers(head, delimiter) {
        let columns = (1..=width).map(|n| format!("c{n}")).collect();
        return Ok(Some(Shape {
            delimiter,
            columns,
            first,
        }));
    }
    let columns = head
        .split(delimiter)
        .map(|cell| cell.trim().trim_matches('"').to_owned())
        .collect();
    let first = lines
        .next(path)?
        .and_then(|line| std::str::from_utf8(line).ok())
        .and_then(|line| numbers(line, delimiter));
    Ok(first.filter(|first| first.len() == width).map(|first| Shape {
        delimiter,
        columns,
        first,
    }))
}

/// The cells of a row, if all are finite numbers.
fn numbers(line: &str, delimiter: char) -> Option<Vec<f64>> {
    line.split(delimiter)
        .map(|cell| {
            cell.trim()
                .trim_matches('"')
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite())
        })
        .collect()
}

struct Lines {
    input: BufReader<File>,
    line: Vec<u8>,
}

impl Lines {
    /// The next line that is not blank, without its end. What is too long comes back as a line that is no row.
    fn next(&mut self, path: &Path) -> Result<Option<&[u8]>, Fault> {
        loop {
            self.line.clear();
            let read = (&mut self.input)
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut self.line)
                .map_err(|error| io("read", path, &error))?;
            if read == 0 {
                return Ok(None);
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        if self.line.len() as u64 == LONGEST_LINE && self.line.last() != Some(&b'\n') {
            self.input.skip_until(b'\n').map_err(|error| io("read", path, &error))?;
            self.line.clear();
            self.line.push(0);
        }
        Ok(Some(self.line.trim_ascii()))
    }
}
