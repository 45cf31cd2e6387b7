//! The beginning of a decrypted object, and how it is read: as text, JSON, a table, or bytes.

use std::fmt::Write;

use super::{ObjectFormat, Plaintext, Verified};

/// Bytes a row of hexadecimal digits: as many of these as there is room for.
const HEX_BYTES: [usize; 3] = [16, 8, 4];
const WIDEST_CELL: usize = 40;

/// The beginning of a plaintext, in memory only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// S3 URI, of an archive's file with its name.
    pub source: String,
    /// The first bytes.
    pub bytes: Plaintext,
    /// How many plaintext bytes there are in all.
    pub total: u64,
    /// Where its bytes come from.
    pub origin: Origin,
    /// How it reads best.
    pub view: View,
}

/// Where the bytes of a preview come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A token, all of which was read and held.
    Token {
        /// What it proved.
        verified: Verified,
        /// ETag of the object that was read, without quotes; of a file inside an archive there is none.
        etag: Option<String>,
    },
    /// They are stored as they are.
    Stored(ObjectFormat),
    /// A message that KMS itself decrypted.
    Kms,
}

/// How bytes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// Lines.
    Text,
    /// Indented JSON.
    Json,
    /// A table of comma-separated values.
    Csv,
    /// Offsets, hexadecimal digits and letters.
    Hex,
}

impl View {
    /// Every view, in the order in which a key walks through them.
    pub const ALL: [Self; 4] = [Self::Text, Self::Json, Self::Csv, Self::Hex];

    /// What suits these bytes, of a file of this name.
    pub fn of(name: &str, bytes: &[u8]) -> Self {
        let Some(text) = text(bytes) else { return Self::Hex };
        let is_printable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
        if !text.chars().all(is_printable) {
            return Self::Hex;
        }
        let lower = name.to_ascii_lowercase();
        if lower.ends_with(".csv") {
            Self::Csv
        } else if lower.ends_with(".json") || serde_json::from_str::<serde_json::Value>(text).is_ok_and(is_nested) {
            Self::Json
        } else {
            Self::Text
        }
    }
}

impl Preview {
    /// Whether there is more than is shown.
    pub fn is_cut(&self) -> bool {
        self.total > self.bytes.len() as u64
    }

    /// At most `most` lines in this view, for so many columns: only bytes have less of them a line. They quote the plaintext: they are wiped by whoever keeps them, and whoever
    /// prints them removes control characters.
    pub fn lines(&self, view: View, most: usize, columns: usize) -> Vec<String> {
        let bytes = self.bytes.dangerously_show();
        let text = || String::from_utf8_lossy(bytes);
        match view {
            View::Hex => {
                // Offset, two digits and a gap a byte, two cells, a letter a byte.
                let fits = |bytes: &usize| 9 + 3 * bytes + 2 + bytes <= columns;
                let a_row = HEX_BYTES.into_iter().find(fits).unwrap_or(4);
                let rows = bytes.chunks(a_row).take(most).enumerate();
                rows.map(|(row, chunk)| hex(row * a_row, chunk, a_row)).collect()
            }
            View::Csv => table(&text(), most),
            View::Json => match serde_json::from_slice::<serde_json::Value>(bytes) {
                Ok(value) => {
                    let indented = serde_json::to_string_pretty(&value).unwrap_or_default();
                    indented.lines().take(most).map(str::to_owned).collect()
                }
                // Cut off, or lines of JSON: as it stands.
                Err(_) => text().lines().take(most).map(str::to_owned).collect(),
            },
            View::Text => text().lines().take(most).map(str::to_owned).collect(),
        }
    }
}

/// UTF-8 but for a last character that was cut.
fn text(bytes: &[u8]) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok(),
        Err(_) => None,
    }
}

fn is_nested(value: serde_json::Value) -> bool {
    value.is_object() || value.is_array()
}

fn hex(offset: usize, chunk: &[u8], a_row: usize) -> String {
    let mut line = format!("{offset:08x} ");
    for index in 0..a_row {
        match chunk.get(index) {
            Some(byte) => write!(line, " {byte:02x}").unwrap_or_default(),
            None => line.push_str("   "),
        }
    }
    line.push_str("  ");
    line.extend(chunk.iter().map(|byte| match byte {
        0x20..=0x7e => char::from(*byte),
        _ => '.',
    }));
    line
}

fn table(text: &str, most: usize) -> Vec<String> {
    let rows: Vec<Vec<String>> = text.lines().take(most).map(cells).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let widths = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        widths.max().unwrap_or_default().min(WIDEST_CELL)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| {
            let cut: String = if cell.chars().count() > *width {
                cell.chars().take(width.saturating_sub(1)).chain(['…']).collect()
            } else {
                cell.clone()
            };
            format!("{cut:<width$}")
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// The cells of one line; quotes protect commas, two quotes are one.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cells.last_mut().map(|cell| cell.push('"')).unwrap_or_default();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            letter => cells.last_mut().map(|cell| cell.push(letter)).unwrap_or_default(),
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn preview(bytes: &[u8]) -> Preview {
        Preview {
            source: "s3://b/x".to_owned(),
            bytes: Plaintext::new(Zeroizing::new(bytes.to_vec())),
            total: bytes.len() as u64,
            origin: Origin::Kms,
            view: View::Text,
        }
    }

    #[test]
    fn bytes_are_read_as_what_they_are() {
        let table: [(&str, &[u8], View); 7] = [
            ("a.csv", b"x,y\n1,2\n", View::Csv),
            ("a.json", b"{\"a\": ", View::Json),
            ("a", b"{\"a\": 1}", View::Json),
            ("a", b"17", View::Text),
            ("a", b"caf\xc3", View::Text),
            ("a.csv", b"\x80\x04\x95", View::Hex),
            ("a", b"red \x1b[31m", View::Hex),
        ];
        for (name, bytes, expected) in table {
            assert_eq!(View::of(name, bytes), expected, "{name} {bytes:?}");
        }
    }

    #[test]
    fn a_table_lines_up_and_quotes_protect_commas() {
        let lines = preview(b"name,size\n\"a, b\",10\n\"say \"\"hi\"\"\",2\n").lines(View::Csv, 10, 80);
        assert_eq!(lines, ["name      size", "a, b      10", "say \"hi\"  2"]);
    }

    #[test]
    fn hex_shows_offset_digits_and_letters() {
        let lines = preview(b"0123456789abcdef\x00\xff").lines(View::Hex, 10, 80);
        assert_eq!(
            lines[0],
            "00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef"
        );
        assert!(lines[1].starts_with("00000010  00 ff"), "{}", lines[1]);
        assert!(lines[1].ends_with("  .."), "{}", lines[1]);
    }

    #[test]
    fn a_row_of_hex_has_the_bytes_that_there_is_room_for() {
        for (columns, bytes) in [(75, 16), (74, 8), (57, 8), (43, 8), (42, 4), (3, 4)] {
            let lines = preview(&[0x41; 64]).lines(View::Hex, 99, columns);
            assert_eq!(lines.len(), 64 / bytes, "{columns}");
            assert!(lines[0].len() <= columns.max(27), "{columns}: {}", lines[0]);
            assert!(lines[1].starts_with(&format!("{bytes:08x}")), "{}", lines[1]);
        }
    }

    #[test]
    fn json_is_indented_and_a_cut_one_stands_as_it_is() {
        assert_eq!(preview(b"{\"a\":[1]}").lines(View::Json, 2, 80), ["{", "  \"a\": ["]);
        assert_eq!(preview(b"{\"a\":").lines(View::Json, 9, 80), ["{\"a\":"]);
    }
}
