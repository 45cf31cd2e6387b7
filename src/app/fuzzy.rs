//! What is typed to find something: its letters in their order, close together best. Words are looked for each by itself;
//! `'word`, `^word`, `word$` and `!word` are as in fzf.

use std::cmp::Reverse;
use std::fmt;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::format::{self, Line, Tone};

/// How something has what was typed, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// Its name begins so.
    Beginning,
    /// A word of its name does.
    Word,
    /// It is within its name as it is written.
    Within,
    /// Its name has the letters.
    Letters,
    /// It is in what is said of it.
    About,
}

/// The place of something among what was found; the least is the best.
pub(super) type Rank = (Fit, Reverse<Option<u32>>);

/// The place of a row among those that a filter lets through; the least is the best.
pub(super) type Place = (bool, Reverse<u32>);

/// What was typed.
pub struct Fuzzy {
    /// In small letters.
    typed: String,
    pattern: Pattern,
    words: Vec<Pattern>,
    matcher: Matcher,
    buffer: Vec<char>,
}

impl fmt::Debug for Fuzzy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pattern.fmt(f)
    }
}

fn parse(typed: &str) -> Pattern {
    Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart)
}

impl Fuzzy {
    /// Looks for what was typed.
    pub fn new(typed: &str) -> Self {
        Self {
            typed: typed.trim().to_lowercase(),
            pattern: parse(typed),
            words: typed.split_whitespace().map(parse).collect(),
            matcher: Matcher::new(Config::DEFAULT),
            buffer: Vec::new(),
        }
    }

    /// How well a text has it; none if it has not. Where nothing was typed all have it alike.
    pub(super) fn score(&mut self, text: &str) -> Option<u32> {
        let text = Utf32Str::new(text, &mut self.buffer);
        self.pattern.score(text, &mut self.matcher)
    }

    /// Where something stands that has this name and about which this is said, the best first: whatever has it in its name
    /// comes before what has it in what is said of it. None if it has it nowhere.
    pub(super) fn rank(&mut self, name: &str, about: &str) -> Option<Rank> {
        let score = self.score(name);
        let mut places = name.match_indices(&self.typed).map(|(at, _)| &name[..at]);
        let fit = if name.starts_with(&self.typed) {
            Fit::Beginning
        } else if places.any(|before| !before.ends_with(char::is_alphanumeric)) {
            Fit::Word
        } else if name.contains(&self.typed) {
            Fit::Within
        } else if score.is_some() {
            Fit::Letters
        } else {
            Fit::About
        };
        let is_told = score.is_some() || about.to_lowercase().contains(&self.typed);
        is_told.then_some((fit, Reverse(score)))
    }

    /// Where a row stands whose text this is: the best first, then those of which only what they have besides has a word of it
    /// as it is written. None if it is nowhere.
    pub(super) fn place(&mut self, text: &str, further: &str) -> Option<Place> {
        if let Some(score) = self.score(text) {
            return Some((false, Reverse(score)));
        }
        let further = further.to_lowercase();
        if further.is_empty() {
            return None;
        }
        let Self {
            typed,
            words,
            matcher,
            buffer,
            ..
        } = self;
        let mut each = typed.split_whitespace().zip(words);
        let is_there = each
            .all(|(typed, word)| further.contains(typed) || word.score(Utf32Str::new(text, buffer), matcher).is_some());
        is_there.then_some((true, Reverse(0)))
    }

    /// Whether a text has it.
    pub(super) fn is_in(&mut self, text: &str) -> bool {
        self.score(text).is_some()
    }

    /// Whether each of its words is in one of these texts.
    pub(super) fn is_in_any(&mut self, texts: &[String]) -> bool {
        let Self {
            words, matcher, buffer, ..
        } = self;
        words.iter().all(|word| {
            let mut texts = texts.iter();
            texts.any(|text| word.score(Utf32Str::new(text, buffer), matcher).is_some())
        })
    }

    /// Those that have it, the best first; equal ones in their order.
    pub(super) fn best<T>(&mut self, of: impl Iterator<Item = T>, text: impl Fn(&T) -> String) -> Vec<T> {
        let mut found: Vec<(u32, T)> = of.filter_map(|one| Some((self.score(&text(&one))?, one))).collect();
        found.sort_by_key(|(score, _)| Reverse(*score));
        found.into_iter().map(|(_, one)| one).collect()
    }

    /// The line, harmless, with the letters that were typed marked: those of each word in the first piece that has it.
    #[must_use]
    pub fn mark(&mut self, line: &Line) -> Line {
        let pieces: Vec<(Tone, String)> = line.0.iter().map(|(tone, text)| (*tone, format::clean(text))).collect();
        let mut letters: Vec<Vec<u32>> = vec![Vec::new(); pieces.len()];
        for word in &self.words {
            let found = pieces.iter().zip(&mut letters).find_map(|((_, text), letters)| {
                let mut found = Vec::new();
                let text = Utf32Str::new(text, &mut self.buffer);
                word.indices(text, &mut self.matcher, &mut found)?;
                (!found.is_empty()).then_some((letters, found))
            });
            if let Some((letters, found)) = found {
                letters.extend(found);
            }
        }
        let mut marked = Line::blank();
        for ((tone, text), letters) in pieces.into_iter().zip(letters) {
            for (at, character) in text.chars().enumerate() {
                let is_letter = u32::try_from(at).is_ok_and(|at| letters.contains(&at));
                let tone = if is_letter { Tone::Letter } else { tone };
                match marked.0.last_mut() {
                    Some((last, text)) if *last == tone => text.push(character),
                    _ => marked.0.push((tone, character.to_string())),
                }
            }
        }
        marked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_their_order_are_enough_and_those_that_stand_together_are_best() {
        let names = ["legacy-datasets", "training-data", "td"];
        let best = |typed: &str| Fuzzy::new(typed).best(names.into_iter(), |name| (*name).to_owned());
        assert_eq!(best("TRD"), ["training-data"]);
        assert_eq!(best("datasets"), ["legacy-datasets"]);
        assert_eq!(best("data").len(), 2);
        assert_eq!(best(""), names);
        assert_eq!(best("data !legacy"), ["training-data"]);
        assert!(
            Fuzzy::new("xyz")
                .best(names.into_iter(), |name| (*name).to_owned())
                .is_empty()
        );
    }

    #[test]
    fn what_stands_in_a_row_comes_before_what_it_has_besides_which_is_found_only_as_it_is_written() {
        let id = "0decade0-1234";
        let place = |typed: &str, text: &str| Fuzzy::new(typed).place(text, id);
        let shown = place("dec", "decommissioned Enabled");
        assert!(shown.is_some() && shown < place("dec", "training-data Enabled"));
        assert_eq!(place("d14", "training Enabled"), None, "letters of an id are no words");
        assert!(place("train 0dec", "training Enabled").is_some());
    }

    #[test]
    fn what_has_it_in_its_name_comes_before_what_only_has_it_in_what_is_said_of_it() {
        let rows = [
            ("audit", "What the program has asked for"),
            ("regrade", "x"),
            ("agora", "x"),
            ("all grants", "x"),
            ("grant", "x"),
        ];
        let mut fuzzy = Fuzzy::new("gra");
        let mut found: Vec<_> = rows
            .iter()
            .map(|(name, about)| (fuzzy.rank(name, about), *name))
            .collect();
        found.sort();
        let names: Vec<&str> = found.into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["grant", "all grants", "regrade", "agora", "audit"]);
    }

    #[test]
    fn each_words_letters_are_marked_where_they_are_first() {
        let line = Line::new(Tone::Plain, "job-1")
            .and(Tone::Good, "Completed")
            .and(Tone::Dim, "example");
        let marked = Fuzzy::new("cple j1").mark(&line);
        let letters: Vec<&str> = marked
            .0
            .iter()
            .filter(|(tone, _)| *tone == Tone::Letter)
            .map(|(_, text)| text.as_str())
            .collect();
        assert_eq!(letters, ["j", "1C", "ple"]);
        assert_eq!(marked.text(), line.text());
        let hostile = Line::new(Tone::Plain, "a\u{1b}[2Jb");
        assert_eq!(Fuzzy::new("ab").mark(&hostile).text(), "a\u{fffd}[2Jb");
    }
}
