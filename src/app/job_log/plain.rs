//! What a program wrote to its terminal, as the terminal would show it in the end: without colours, of what was overwritten
//! the last.

use crate::app::format;

/// Columns between two stops of a tabulator.
const TAB: usize = 8;

/// A line as its terminal would show it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// Harmless.
    pub(super) text: String,
    /// Whether it was overwritten at least once: a progress bar.
    pub(super) is_bar: bool,
    /// Whether it begins by overwriting what stood there before.
    pub(super) is_again: bool,
}

/// Reads a line as a program wrote it.
pub(super) fn read(written: &str) -> Written {
    let line = written.trim_end_matches(['\r', '\n']);
    let states = line.rsplit('\r').map(without_sequences);
    let text = states.into_iter().find(|state| !state.trim().is_empty());
    Written {
        text: format::clean(&without_tabs(&text.unwrap_or_default())),
        is_bar: line.contains('\r'),
        is_again: line.starts_with('\r'),
    }
}

/// Without the escape sequences that colour, or move what writes. What has no end stays, to be shown as what it is.
fn without_sequences(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\u{1b}', '\u{9b}']) {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        match sequence(rest) {
            Some(after) => rest = after,
            None => {
                let mut characters = rest.chars();
                kept.extend(characters.next());
                rest = characters.as_str();
            }
        }
    }
    kept.push_str(rest);
    kept
}

/// What follows the sequence that the text begins with, if it is a whole one.
fn sequence(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix("\u{1b}[").or_else(|| text.strip_prefix('\u{9b}')) {
        let end = rest.find(|c: char| !matches!(c, ' '..='?'))?;
        let is_final = matches!(rest.as_bytes().get(end), Some(0x40..=0x7e));
        return is_final.then(|| &rest[end + 1..]);
    }
    let rest = text.strip_prefix('\u{1b}')?;
    if rest.starts_with([']', 'P', '_', '^', 'X']) {
        let ends = ["\u{7}", "\u{1b}\\"].into_iter();
        let end = ends.filter_map(|end| rest.find(end).map(|at| at + end.len())).min()?;
        return Some(&rest[end..]);
    }
    let end = rest.find(|c: char| !matches!(c, ' '..='/'))?;
    let is_final = matches!(rest.as_bytes().get(end), Some(0x30..=0x7e));
    is_final.then(|| &rest[end + 1..])
}

fn without_tabs(text: &str) -> String {
    let mut parts = text.split('\t');
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let at = format::width(&format::clean(&shown));
        shown.extend(std::iter::repeat_n(' ', TAB - at % TAB));
        shown.push_str(part);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(written: &str) -> String {
        read(written).text
    }

    #[test]
    fn a_progress_bar_is_its_last_state() {
        assert_eq!(text("  0%|  |\r 50%|# |\r100%|##|\n"), "100%|##|");
        assert_eq!(text("done 1\rdone 2\r"), "done 2");
        assert_eq!(text("done 2\r\u{1b}[K"), "done 2");
        assert!(read("a\rb").is_bar);
        assert!(read("\rb").is_again);
        let dos = read("a line of another system\r\n");
        assert_eq!((dos.text.as_str(), dos.is_bar), ("a line of another system", false));
        assert_eq!(text("\r\r"), "");
    }

    #[test]
    fn colours_and_moves_are_left_out_and_what_has_no_end_stays_visible() {
        assert_eq!(text("\u{1b}[1;31merror\u{1b}[0m: no"), "error: no");
        assert_eq!(text("\u{9b}32mgood\u{9b}m"), "good");
        assert_eq!(text("\u{1b}]0;title\u{7}text"), "text");
        assert_eq!(text("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\"), "link");
        assert_eq!(text("\u{1b}(Btext\u{1b}7"), "text");
        assert_eq!(text("cut \u{1b}[31"), "cut \u{fffd}[31");
        assert_eq!(text("open \u{1b}]0;title"), "open \u{fffd}]0;title");
        assert_eq!(text("\u{1b}\u{1b}[2Jx"), "\u{fffd}x");
    }

    #[test]
    fn columns_of_a_table_stand_below_each_other() {
        assert_eq!(text("a\tb"), "a       b");
        assert_eq!(text("1234567\tb"), "1234567 b");
        assert_eq!(text("12345678\tb"), "12345678        b");
    }
}
