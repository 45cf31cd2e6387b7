//! The log of a job on screen: followed, filtered, wrapped. Only lines on screen cost anything when it is drawn.

use std::borrow::Cow;
use std::collections::BTreeSet;

use tui_input::Input;

use super::format;
use crate::domain::metrics::series;
use crate::domain::{Fault, LogLine};

/// How many lines of a log are kept: the newest.
const KEPT: usize = 20_000;

/// Lines that a curve is read from: the newest.
const CURVED: usize = 2_000;

/// The log of a job.
#[derive(Debug, Clone)]
pub struct Log {
    /// The job's id.
    pub job: String,
    /// Whether the end stays on screen as it grows.
    pub follow: bool,
    /// Whether long lines are broken instead of cut.
    pub wrap: bool,
    /// What lines must contain, whatever its case.
    pub filter: Input,
    /// Whether the filter is being typed.
    pub typing: bool,
    /// Whether it was asked for and answered: only then no line is none.
    pub is_known: bool,
    /// Why it could not be read, of one that nobody has opened.
    pub trouble: Option<Box<Fault>>,
    /// What it measures, best the loss.
    curve: Option<(String, Vec<f64>)>,
    lines: Vec<LogLine>,
    /// Who wrote them: of several hosts each line says which.
    hosts: BTreeSet<String>,
    /// Indices of the lines that the filter lets through.
    shown: Vec<usize>,
    /// Index into `shown` of the first line on screen, unless it follows.
    top: usize,
}

impl Log {
    /// The log of a job, still empty.
    pub fn new(job: &str) -> Self {
        Self {
            job: job.to_owned(),
            follow: true,
            wrap: true,
            filter: Input::default(),
            typing: false,
            is_known: false,
            trouble: None,
            curve: None,
            lines: Vec::new(),
            hosts: BTreeSet::new(),
            shown: Vec::new(),
            top: 0,
        }
    }

    /// How many lines there are, and how many of them the filter lets through.
    pub fn count(&self) -> (usize, usize) {
        (self.lines.len(), self.shown.len())
    }

    /// The text of every line, untrusted.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|line| line.text.as_str())
    }

    /// What it measures, best the loss: its name and its values.
    pub fn curve(&self) -> Option<(&str, &[f64])> {
        let (name, values) = self.curve.as_ref()?;
        Some((name, values))
    }

    /// The last so many lines, harmless.
    pub fn last(&self, most: usize) -> Vec<String> {
        let from = self.lines.len().saturating_sub(most);
        self.lines[from..]
            .iter()
            .map(|line| format::clean(&self.said(line)))
            .collect()
    }

    /// A line with the host that wrote it, if there are several.
    fn said<'a>(&self, line: &'a LogLine) -> Cow<'a, str> {
        match line.host().filter(|_| self.hosts.len() > 1) {
            Some(host) => Cow::Owned(format!("{host}: {}", line.text)),
            None => Cow::Borrowed(&line.text),
        }
    }

    /// The lines for a screen of so many columns and rows, harmless.
    pub fn screen(&self, columns: usize, rows: usize) -> Vec<String> {
        let mut screen = Vec::new();
        let top = if self.follow { self.end(columns, rows) } else { self.top };
        for index in self.shown.iter().skip(top) {
            if screen.len() >= rows {
                break;
            }
            let line = self.said(&self.lines[*index]);
            if self.wrap {
                screen.extend(format::wrap(&line, columns));
            } else {
                screen.push(format::cut(&line, columns));
            }
        }
        let excess = screen.len().saturating_sub(rows);
        if self.follow {
            screen.drain(..excess);
        } else {
            screen.truncate(rows);
        }
        screen
    }

    /// The first line from which on all others fit.
    fn end(&self, columns: usize, rows: usize) -> usize {
        let mut room = rows;
        let mut top = self.shown.len();
        for index in self.shown.iter().rev() {
            let takes = if self.wrap {
                format::wrap(&self.said(&self.lines[*index]), columns).len()
            } else {
                1
            };
            if room == 0 {
                break;
            }
            top -= 1;
            room = room.saturating_sub(takes);
        }
        top
    }

    pub(super) fn step(&mut self, by: isize, (columns, rows): (usize, usize)) {
        let end = self.end(columns, rows);
        let from = if self.follow { end } else { self.top };
        self.top = from.saturating_add_signed(by).min(end);
        self.follow = self.top >= end && by > 0;
    }

    pub(super) fn toggle_follow(&mut self, (columns, rows): (usize, usize)) {
        self.top = self.end(columns, rows);
        self.follow = !self.follow;
    }

    pub(super) fn append(&mut self, lines: Vec<LogLine>) {
        self.is_known = true;
        let is_longer = !lines.is_empty();
        self.hosts
            .extend(lines.iter().filter_map(|line| line.host().map(str::to_owned)));
        self.lines.extend(lines);
        let excess = self.lines.len().saturating_sub(KEPT);
        self.lines.drain(..excess);
        self.refilter();
        if is_longer {
            self.measure();
        }
    }

    fn measure(&mut self) {
        let from = self.lines.len().saturating_sub(CURVED);
        let found = series(self.lines[from..].iter().map(|line| line.text.as_str()));
        let is_loss = |name: &&String| name.to_ascii_lowercase().contains("loss");
        let name = found.keys().find(is_loss).or_else(|| found.keys().next()).cloned();
        self.curve = name.map(|name| {
            let values = found[&name].iter().map(|(_, value)| *value).collect();
            (name, values)
        });
    }

    pub(super) fn refilter(&mut self) {
        let wanted = self.filter.value().to_lowercase();
        let passes = |line: &LogLine| wanted.is_empty() || self.said(line).to_lowercase().contains(&wanted);
        let passing = self.lines.iter().enumerate().filter(|(_, line)| passes(line));
        self.shown = passing.map(|(index, _)| index).collect();
        self.top = self.top.min(self.shown.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: &[&str]) -> Log {
        let mut log = Log::new("j");
        let line = |text: &&str| LogLine {
            at: None,
            stream: String::new(),
            text: (*text).to_owned(),
        };
        log.append(lines.iter().map(line).collect());
        log.wrap = false;
        log
    }

    #[test]
    fn it_follows_its_end_until_somebody_scrolls_up_and_again_at_the_bottom() {
        let mut log = log(&["a", "b", "c", "d"]);
        assert_eq!(log.screen(10, 2), ["c", "d"]);
        log.step(-1, (10, 2));
        assert!(!log.follow);
        assert_eq!(log.screen(10, 2), ["b", "c"]);
        log.step(1, (10, 2));
        assert!(log.follow);
    }

    #[test]
    fn wrapped_lines_fill_the_screen_from_the_end() {
        let mut log = log(&["first", "abcdefgh"]);
        log.wrap = true;
        assert_eq!(log.screen(4, 2), ["abcd", "efgh"]);
        log.follow = false;
        assert_eq!(log.screen(4, 2), ["firs", "t"]);
    }

    #[test]
    fn of_several_hosts_each_line_says_which_wrote_it() {
        let line = |stream: &str| LogLine {
            at: None,
            stream: stream.to_owned(),
            text: "said".to_owned(),
        };
        let mut log = log(&[]);
        log.append(vec![line("j/algo-1-17")]);
        assert_eq!(log.screen(20, 5), ["said"]);
        log.append(vec![line("j/algo-2-17")]);
        assert_eq!(log.screen(20, 5), ["algo-1: said", "algo-2: said"]);
        log.filter = Input::new("algo-2".to_owned());
        log.refilter();
        assert_eq!(log.screen(20, 5), ["algo-2: said"]);
    }

    #[test]
    fn a_filter_lets_through_what_contains_it() {
        let mut log = log(&["epoch=1 loss=2", "noise", "EPOCH=2 loss=1"]);
        log.filter = Input::new("epoch".to_owned());
        log.refilter();
        assert_eq!(log.count(), (3, 2));
        assert_eq!(log.screen(20, 5), ["epoch=1 loss=2", "EPOCH=2 loss=1"]);
    }
}
