//! Lines to be read, as long as what was found: laid out once for the screen and searched once, not with every frame.

use std::borrow::Cow;

use super::Scroll;
use crate::app::format::Line;
use crate::app::search::Search;
use crate::domain::Request;

/// What an operation found out.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What it is about.
    pub title: String,
    /// What it says.
    pub lines: Vec<Line>,
    /// Where it is scrolled to.
    pub scroll: Scroll,
    /// What Enter does, if there is something to do about it.
    pub then: Option<Request>,
    /// The lines as they stand on screen, and the columns that they were laid out for.
    laid: (usize, Vec<Line>),
    /// How many of these lines have what was looked for in them.
    found: Found,
}

/// How many lines of so many columns have these words.
#[derive(Debug, Clone, Default, PartialEq)]
struct Found {
    columns: usize,
    words: String,
    lines: usize,
}

impl Report {
    /// The title of a proof.
    pub(in crate::app) const ACCESS_PROOF: &'static str = "Access proof";

    /// One of this title, at its beginning.
    pub fn new(title: &str, lines: Vec<Line>, then: Option<Request>) -> Self {
        Self {
            title: title.to_owned(),
            lines,
            scroll: Scroll::default(),
            then,
            laid: (0, Vec::new()),
            found: Found::default(),
        }
    }

    fn wrapped(&self, columns: usize) -> Vec<Line> {
        self.lines.iter().flat_map(|line| line.wrapped(columns)).collect()
    }

    /// Lays its lines out for the screen: what is drawn does not do it again.
    pub(in crate::app) fn lay_out(&mut self, columns: usize) {
        if self.laid.0 != columns {
            self.laid = (columns, self.wrapped(columns));
        }
    }

    /// Counts the lines that have what is looked for, once for these lines and words.
    pub(in crate::app) fn look_for(&mut self, search: &Search) {
        let (columns, lines) = &self.laid;
        if self.found.columns != *columns || self.found.words != search.words() {
            self.found = Found {
                columns: *columns,
                words: search.words().to_owned(),
                lines: lines.iter().filter(|line| search.is_in(&line.text())).count(),
            };
        }
    }

    /// How many of its lines have what is looked for.
    pub fn found(&self) -> usize {
        self.found.lines
    }

    /// Its lines in so many columns.
    pub(in crate::app) fn laid_out(&self, columns: usize) -> Cow<'_, [Line]> {
        if self.laid.0 == columns {
            Cow::Borrowed(&self.laid.1)
        } else {
            Cow::Owned(self.wrapped(columns))
        }
    }
}
