//! What each pane's rows are to the core: their order, what a filter looks at, and their details.

pub mod files;
pub mod grants;
pub mod jobs;
pub mod keys;
pub mod objects;

use super::format::{Line, Tone};

/// The panes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names of panes")]
pub enum Pane {
    #[default]
    Keys,
    Grants,
    Objects,
    Jobs,
    Files,
}

impl Pane {
    /// In the order of their digits.
    pub const ALL: [Self; 5] = [Self::Keys, Self::Grants, Self::Objects, Self::Jobs, Self::Files];

    /// The pane's digit.
    pub fn digit(self) -> usize {
        1 + Self::ALL.iter().position(|pane| *pane == self).unwrap_or(0)
    }

    /// The pane to its right or left, where each has room of its own.
    pub(super) fn beside(self, is_right: bool) -> Option<Self> {
        match (self, is_right) {
            (Self::Keys, true) | (Self::Files, false) => Some(Self::Objects),
            (Self::Grants, true) => Some(Self::Jobs),
            (Self::Objects, true) => Some(Self::Files),
            (Self::Objects, false) => Some(Self::Keys),
            (Self::Jobs, false) => Some(Self::Grants),
            (Self::Keys | Self::Grants, false) | (Self::Jobs | Self::Files, true) => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keys => "Keys",
            Self::Grants => "Grants",
            Self::Objects => "Objects",
            Self::Jobs => "Jobs",
            Self::Files => "Files",
        }
    }
}

/// Cells that the names of facts take.
const LABEL: usize = 18;
/// The same where there are less than [`NARROW`] columns.
const SHORT_LABEL: usize = 13;
const NARROW: usize = 64;

/// Facts as `name  value`, long values wrapped beside their name.
pub(super) struct Facts {
    pub(super) lines: Vec<Line>,
    columns: usize,
    label: usize,
    /// Whether names that are longer than a line are cut: all of it is elsewhere.
    is_brief: bool,
    /// Whether a path, URI or ARN has one line.
    is_terse: bool,
}

impl Facts {
    pub(super) fn new(columns: usize) -> Self {
        Self {
            lines: Vec::new(),
            columns,
            label: Self::label(columns),
            is_brief: false,
            is_terse: false,
        }
    }

    /// The same below a list: a path, URI or ARN has one line, of which both ends are told.
    pub(super) fn terse(columns: usize) -> Self {
        Self {
            is_terse: true,
            ..Self::brief(columns)
        }
    }

    /// The same beside a list: names that are longer than a line are cut in the middle.
    pub(super) fn brief(columns: usize) -> Self {
        Self {
            is_brief: true,
            ..Self::new(columns)
        }
    }

    fn wrapped(&self, text: &str, columns: usize) -> Vec<String> {
        if self.is_brief {
            super::format::wrap_names(text, columns)
        } else {
            super::format::wrap(text, columns)
        }
    }

    fn label(columns: usize) -> usize {
        if columns < NARROW { SHORT_LABEL } else { LABEL }
    }

    pub(super) fn heading(&mut self, text: &str) {
        if !self.lines.is_empty() {
            self.lines.push(Line::blank());
        }
        self.lines
            .push(Line::new(Tone::Heading, super::format::cut_middle(text, self.columns)));
        self.label = Self::label(self.columns);
    }

    /// The names that follow until the next heading: they have the cells that the longest needs, up to half a line.
    pub(super) fn named<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let longest = names
            .map(|name| super::format::width(&super::format::clean(name)))
            .max();
        let most = (self.columns / 2).max(self.label);
        self.label = (longest.unwrap_or(0) + 1).clamp(self.label, most);
    }

    /// A line break in the value is not one here: it would make of one fact two.
    pub(super) fn fact(&mut self, name: &str, tone: Tone, value: &str) {
        if value.is_empty() {
            return;
        }
        let value = &super::format::clean(value);
        let mut name = super::format::labelled(name, self.label);
        let room = self.columns.saturating_sub(self.label);
        // A name may have spaces, but what begins with a word is a sentence, whatever it names.
        let is_name = value.split(' ').next().is_some_and(|word| word.contains('/'));
        let pieces = if self.is_terse && is_name {
            vec![super::format::cut_middle(value, room)]
        } else {
            self.wrapped(value, room)
        };
        for piece in pieces {
            self.lines.push(Line::new(Tone::Dim, name).and(tone, piece));
            name = " ".repeat(self.label);
        }
    }

    pub(super) fn plain(&mut self, name: &str, value: &str) {
        self.fact(name, Tone::Plain, value);
    }

    /// A size, and all of its bytes where the line has room for them.
    pub(super) fn size(&mut self, name: &str, bytes: u64) {
        let (size, exact) = (super::format::size(bytes), super::format::bytes(bytes));
        let both = format!("{size} ({exact})");
        let has_room = super::format::width(&both) <= self.columns.saturating_sub(self.label);
        let is_told = size == exact || !has_room;
        self.plain(name, if is_told { &size } else { &both });
    }

    /// What happened: nothing of it is cut.
    pub(super) fn whole(&mut self, tone: Tone, text: &str) {
        let lines = super::format::wrap(text, self.columns);
        self.lines.extend(lines.into_iter().map(|line| Line::new(tone, line)));
    }

    pub(super) fn text(&mut self, tone: Tone, text: &str) {
        let lines = self.wrapped(text, self.columns);
        self.lines.extend(lines.into_iter().map(|line| Line::new(tone, line)));
    }
}

/// A JSON value as lines.
pub(super) fn json_lines(value: &serde_json::Value, columns: usize) -> Vec<Line> {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let lines = text.lines().map(|line| Line::new(Tone::Plain, line));
    lines.flat_map(|line| line.wrapped(columns)).collect()
}
