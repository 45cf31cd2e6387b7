//! What is looked for in a text that is read: typed, marked, gone to.

use std::ops::Range;

use tui_input::Input;

use super::event::KeyPress;
use super::format::{Line, Tone, clean};
use super::line::{Typing, paste, type_into, with_caret};

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    input: Input,
    /// As it is compared.
    words: String,
    /// Whether it is being typed.
    pub typing: bool,
    /// The line where it was found last.
    pub(super) at: Option<usize>,
}

/// Two are the same that look for the same, at the same place.
impl PartialEq for Search {
    fn eq(&self, other: &Self) -> bool {
        (self.text(), self.typing, self.at) == (other.text(), other.typing, other.at)
    }
}

impl Search {
    /// What was typed, untrusted.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// The same with its caret, while it is typed.
    pub fn shown(&self) -> String {
        if self.typing {
            with_caret(&self.input)
        } else {
            self.text().to_owned()
        }
    }

    /// What is compared: the same words find the same.
    pub(super) fn words(&self) -> &str {
        &self.words
    }

    /// Whether something is looked for.
    pub fn is_on(&self) -> bool {
        !self.words.is_empty()
    }

    /// A key while it is typed; true where that ends it and there is something to go to.
    pub(super) fn press(&mut self, key: KeyPress) -> bool {
        let typing = type_into(&mut self.input, key);
        self.typing = typing == Typing::On;
        if typing == Typing::Kept {
            return self.is_on();
        }
        self.changed();
        false
    }

    pub(super) fn paste(&mut self, text: &str) {
        paste(&mut self.input, text);
        self.changed();
    }

    #[cfg(test)]
    pub(super) fn set(&mut self, text: &str) {
        self.input = Input::new(text.to_owned());
        self.changed();
    }

    fn changed(&mut self) {
        self.words = self.input.value().to_lowercase();
        self.at = None;
    }

    /// Whether a text holds it, whatever the case.
    pub fn is_in(&self, text: &str) -> bool {
        self.is_on() && text.to_lowercase().contains(&self.words)
    }

    /// The line, harmless, with what is looked for marked in it, across its pieces.
    #[must_use]
    pub fn mark(&self, line: &Line, is_here: bool) -> Line {
        let pieces: Vec<(Tone, String)> = line.0.iter().map(|(tone, text)| (*tone, clean(text))).collect();
        let text: String = pieces.iter().map(|(_, text)| text.as_str()).collect();
        let found = if self.is_on() {
            ranges(&text, &self.words)
        } else {
            Vec::new()
        };
        let mark = if is_here { Tone::FoundHere } else { Tone::Found };
        let mut marked = Line::blank();
        let mut start = 0;
        for (tone, piece) in pieces {
            let parts = in_tones(&piece, start, &found, mark).0.into_iter();
            marked
                .0
                .extend(parts.map(|(of, part)| (if of == Tone::Plain { tone } else { of }, part)));
            start += piece.len();
        }
        marked
    }

    /// From the line where it was found last, else from the first on screen: the next of these texts that has it, round the end
    /// if need be, or the one before.
    pub(super) fn next_in(&mut self, texts: &[String], top: usize, is_forward: bool) -> Option<usize> {
        let from = match self.at {
            Some(at) => at + usize::from(is_forward),
            None => top,
        };
        let mut lines = round(texts.len(), from, is_forward);
        self.at = lines.find(|line| self.is_in(&texts[*line]));
        self.at
    }

    /// Whether it was found last in this line.
    pub fn is_at(&self, line: usize) -> bool {
        self.at == Some(line)
    }

    /// The pieces of a harmless text, one after the other and but for spaces all of it, or cut with an ellipsis; what is looked
    /// for is marked in them.
    pub(super) fn marked(&self, text: &str, pieces: &[String], is_here: bool) -> Vec<Line> {
        let found = if self.is_on() {
            ranges(text, &self.words)
        } else {
            Vec::new()
        };
        let tone = if is_here { Tone::FoundHere } else { Tone::Found };
        let mut from = 0;
        let mut lines = Vec::new();
        for piece in pieces {
            let (body, rest) = match text[from..].find(piece.as_str()) {
                Some(_) => (piece.as_str(), ""),
                None => piece
                    .char_indices()
                    .next_back()
                    .map_or(("", ""), |(last, _)| piece.split_at(last)),
            };
            let start = from + text[from..].find(body).unwrap_or(0);
            from = start + body.len();
            let line = in_tones(body, start, &found, tone);
            lines.push(if rest.is_empty() {
                line
            } else {
                line.and(Tone::Plain, rest)
            });
        }
        lines
    }
}

/// So many places, each once: from this one on, or from the one before it back, round the end.
pub(super) fn round(count: usize, from: usize, is_forward: bool) -> impl Iterator<Item = usize> {
    let from = from.min(count);
    (0..count).map(move |by| {
        if is_forward {
            (from + by) % count
        } else {
            (from + count - 1 - by) % count
        }
    })
}

/// The part of a text that begins at this byte of it, with what was found in the text in a tone of its own.
fn in_tones(part: &str, start: usize, found: &[Range<usize>], tone: Tone) -> Line {
    let mut line = Line::blank();
    let mut at = 0;
    for range in found {
        let from = range.start.saturating_sub(start).min(part.len());
        let to = range.end.saturating_sub(start).min(part.len());
        if range.end <= start || from >= to || from < at {
            continue;
        }
        if from > at {
            line = line.and(Tone::Plain, &part[at..from]);
        }
        line = line.and(tone, &part[from..to]);
        at = to;
    }
    if at < part.len() {
        line = line.and(Tone::Plain, &part[at..]);
    }
    line
}

/// Where a text holds these words, which are in lower case.
fn ranges(text: &str, words: &str) -> Vec<Range<usize>> {
    // The lower case of a character may have another length: each of its bytes knows the character that it is of.
    let mut lower = String::with_capacity(text.len());
    let mut of: Vec<Range<usize>> = Vec::with_capacity(text.len());
    for (start, character) in text.char_indices() {
        let before = lower.len();
        lower.extend(character.to_lowercase());
        let source = start..start + character.len_utf8();
        of.extend(std::iter::repeat_n(source, lower.len() - before));
    }
    let found = lower.match_indices(words);
    found
        .filter_map(|(at, words)| Some(of.get(at)?.start..of.get(at + words.len() - 1)?.end))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_is_found_whatever_its_case_and_length() {
        assert_eq!(ranges("Loss loss LOSS", "loss"), [0..4, 5..9, 10..14]);
        assert_eq!(ranges("İstanbul stan", "stan"), [2..6, 10..14]);
        assert_eq!(ranges("数据 Ünï", "ün").as_slice(), std::slice::from_ref(&(7..10)));
        assert!(ranges("", "x").is_empty());
    }

    #[test]
    fn what_is_looked_for_is_marked_across_pieces_and_gone_to_round_the_end() {
        let mut search = Search::default();
        search.set("status  ok");
        let line = Line::new(Tone::Dim, "Status  ").and(Tone::Good, "ok now");
        let expected = [(Tone::Found, "Status  "), (Tone::Found, "ok"), (Tone::Good, " now")];
        assert_eq!(
            search.mark(&line, false).0,
            expected.map(|(tone, text)| (tone, text.to_owned()))
        );
        search.set("a");
        let texts = ["a", "b", "a", "b"].map(str::to_owned);
        let forward: Vec<Option<usize>> = (0..3).map(|_| search.next_in(&texts, 1, true)).collect();
        assert_eq!(forward, [Some(2), Some(0), Some(2)]);
        assert_eq!(search.next_in(&texts, 1, false), Some(0));
        search.set("z");
        assert_eq!(search.next_in(&texts, 0, true), None);
        assert_eq!(search.next_in(&[], 0, false), None);
    }

    #[test]
    fn a_cut_text_keeps_its_ellipsis_and_marks() {
        let mut search = Search::default();
        search.set("bc");
        let lines = search.marked("abcdef", &["abc…".to_owned()], false);
        let expected = [(Tone::Plain, "a"), (Tone::Found, "bc"), (Tone::Plain, "…")];
        assert_eq!(lines[0].0, expected.map(|(tone, text)| (tone, text.to_owned())));
    }
}
