//! What is drawn, on its way to the terminal: for one of sixteen colours in the sequences that it knows.

use std::io::{self, Stdout, Write};

/// Standard output, frame by frame.
pub(super) struct Out {
    to: Stdout,
    held: Vec<u8>,
    is_of_sixteen: bool,
}

impl Out {
    pub(super) fn new(to: Stdout, is_of_sixteen: bool) -> Self {
        Self {
            to,
            held: Vec::new(),
            is_of_sixteen,
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let held = if self.is_of_sixteen { in_sixteen(&held) } else { held };
        self.to.write_all(&held)?;
        self.to.flush()
    }
}

/// With `38;5;N` and `48;5;N`, which terminals of 256 colours know, as `3N`, `4N`, `9N` and `10N`.
fn in_sixteen(drawn: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(drawn.len());
    let mut rest = drawn;
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\x1b[") {
        let (before, sequence) = rest.split_at(at + 2);
        out.extend_from_slice(before);
        let end = sequence.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b';'));
        let (parameters, after) = sequence.split_at(end.unwrap_or(sequence.len()));
        let text = std::str::from_utf8(parameters).unwrap_or_default();
        if after.first() == Some(&b'm') {
            out.extend_from_slice(style(text).as_bytes());
        } else {
            out.extend_from_slice(parameters);
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out
}

fn style(parameters: &str) -> String {
    let mut numbers = parameters.split(';').peekable();
    let mut kept: Vec<String> = Vec::new();
    while let Some(number) = numbers.next() {
        let first = match number {
            "38" => 30,
            "48" => 40,
            _ => {
                kept.push(number.to_owned());
                continue;
            }
        };
        if numbers.next_if_eq(&"5").is_none() {
            kept.push(number.to_owned());
            continue;
        }
        match numbers.next().and_then(|of| of.parse::<u8>().ok()) {
            Some(dark @ 0..=7) => kept.push((first + dark).to_string()),
            Some(bright @ 8..=15) => kept.push((first + 60 + bright - 8).to_string()),
            // Of a colour that the terminal has not, nothing.
            _ => {}
        }
    }
    kept.join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_written_as_terminals_of_sixteen_know_them() {
        let written = |drawn: &str| String::from_utf8_lossy(&in_sixteen(drawn.as_bytes())).into_owned();
        assert_eq!(written("\x1b[38;5;14;48;5;0mx\x1b[1mé"), "\x1b[96;40mx\x1b[1mé");
        assert_eq!(written("\x1b[38;5;7;1m\x1b[0m\x1b[m"), "\x1b[37;1m\x1b[0m\x1b[m");
        assert_eq!(written("\x1b[2;5H38;5;14m\x1b[?25l"), "\x1b[2;5H38;5;14m\x1b[?25l");
        assert_eq!(written("\x1b[39;49m\x1b[4;48;5;200mx"), "\x1b[39;49m\x1b[4mx");
    }
}
