//! A table on its way into a file: CSV, or lines of JSON.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, whoever wrote it: such a cell gets a `'` before
//! it. Control characters and what hides or reorders text are written as `\u{…}`, and so is the backslash of a text that has that in
//! it, so that neither is taken for the other.

use std::fmt::Write as _;

use serde_json::Value;

use crate::printable::is_printable;

/// A cell of a row: its column, and what is known.
pub type Named = (&'static str, Value);

/// Rows of one kind, as they were shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// What they are: `Objects s3://bucket/`.
    pub what: String,
    /// The rows, each with the same columns.
    pub rows: Vec<Vec<Named>>,
}

impl Sheet {
    /// The first line of the CSV, its end included.
    pub fn csv_heading(&self) -> String {
        let columns = self.rows.first().map(Vec::as_slice).unwrap_or_default();
        let columns: Vec<&str> = columns.iter().map(|(column, _)| *column).collect();
        columns.join(",") + "\r\n"
    }
}

/// A row as a line of CSV, its end included.
pub fn csv_line(row: &[Named]) -> String {
    let told = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let texts = values.iter().map(|value| value.as_str().unwrap_or_default());
            texts.collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    };
    let cells: Vec<String> = row.iter().map(|(_, value)| cell(&told(value))).collect();
    cells.join(",") + "\r\n"
}

/// A row as a JSON object on a line of its own, its end included; what is unknown is null. What a terminal must not be given
/// is written as `\u`.
pub fn json_line(row: &[Named]) -> String {
    let members = row.iter().map(|(column, value)| ((*column).to_owned(), value.clone()));
    let text = Value::Object(members.collect()).to_string();
    let mut written = String::with_capacity(text.len() + 1);
    for sign in text.chars() {
        if is_printable(sign) {
            written.push(sign);
        } else {
            let mut units = [0; 2];
            for unit in sign.encode_utf16(&mut units) {
                let _ = write!(written, "\\u{unit:04x}");
            }
        }
    }
    written.push('\n');
    written
}

/// A text as a cell of CSV.
pub fn cell(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for (at, sign) in text.char_indices() {
        // What only looks like a sign that is written so is told from it.
        if is_printable(sign) && !text[at..].starts_with("\\u{") {
            written.push(sign);
        } else {
            let _ = write!(written, "\\u{{{:x}}}", u32::from(sign));
        }
    }
    if written.starts_with(['=', '+', '-', '@']) {
        written.insert(0, '\'');
    }
    if written.contains([',', '"', ';', '\'']) || written.starts_with(' ') || written.ends_with(' ') {
        written = format!("\"{}\"", written.replace('"', "\"\""));
    }
    written
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_cell_is_a_formula_breaks_its_line_or_acts_on_a_terminal() {
        let table = [
            ("plain", "plain"),
            ("=HYPERLINK(1)", "\"'=HYPERLINK(1)\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM", "\"'@SUM\""),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("a\r\nb", "a\\u{d}\\u{a}b"),
            ("\t=1", "\\u{9}=1"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{202e}gpj", "\\u{202e}gpj"),
            ("\u{1}", "\\u{1}"),
            ("\u{2}", "\\u{2}"),
            ("\\u{1}", "\\u{5c}u{1}"),
            ("C:\\data", "C:\\data"),
        ];
        for (text, written) in table {
            assert_eq!(cell(text), written);
        }
    }

    #[test]
    fn a_row_is_a_line_of_csv_and_a_line_of_json_that_is_read_back() {
        let row = [
            ("name", json!("=a\u{1b}\u{202e}\u{e0001}")),
            ("bytes", json!(7)),
            ("kind", Value::Null),
            ("may", json!(["Decrypt", "Encrypt"])),
        ];
        assert_eq!(
            csv_line(&row),
            "\"'=a\\u{1b}\\u{202e}\\u{e0001}\",7,,\"Decrypt; Encrypt\"\r\n"
        );
        let line = json_line(&row);
        assert!(line.trim_end().chars().all(is_printable), "{line}");
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["name"], "=a\u{1b}\u{202e}\u{e0001}");
        assert_eq!((&read["bytes"], &read["kind"]), (&json!(7), &Value::Null));
    }
}
