//! The log of a job on screen: followed, searched, wrapped. Only lines on screen cost anything when it is drawn.

mod plain;
mod screen;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::plain::{Written, read};
use super::search::{Search, round};
use crate::domain::metrics::{Measurements, Series};
use crate::domain::{Fault, LogLine};

/// How many lines of a log are kept: the newest.
const KEPT: usize = 20_000;

/// From so many rows on there is room for a curve above the lines.
const ROOM: usize = 24;

/// A line as it is shown.
#[derive(Debug, Clone)]
struct Held {
    at: Option<Timestamp>,
    /// Index into the hosts.
    host: usize,
    /// Harmless.
    text: String,
    /// Whether it is a bar that its program draws again and again.
    is_bar: bool,
}

/// The log of a job.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// The job's id.
    pub job: String,
    /// Whether the end stays on screen as it grows.
    pub follow: bool,
    /// Whether long lines are broken instead of cut.
    pub wrap: bool,
    /// Whether each line has its time before it.
    pub times: bool,
    /// What is looked for, whatever its case, and the line where it was found.
    pub search: Search,
    /// Whether only lines with that are shown.
    pub only: bool,
    /// Whether it was asked for and answered: only then no line is none.
    pub is_known: bool,
    /// Why it could not be read, of one that nobody has opened.
    pub trouble: Option<Box<Fault>>,
    /// What it measures.
    measured: Measurements,
    /// Those that have written, the first first.
    hosts: Vec<String>,
    /// The one whose lines alone are shown.
    alone: Option<usize>,
    lines: Vec<Held>,
    /// The last line of each host, in `lines`.
    last_of: BTreeMap<usize, usize>,
    /// Indices of the lines that are shown.
    shown: Vec<usize>,
    /// Those of them that hold what is looked for: looked through once, not with every frame or key.
    found: Vec<usize>,
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
            ..Self::default()
        }
    }

    /// How many lines there are, and how many of them are shown.
    pub fn count(&self) -> (usize, usize) {
        (self.lines.len(), self.shown.len())
    }

    /// How many of the lines shown hold what is looked for, and which of them it is at, from 1; none where nothing is.
    pub fn found(&self) -> Option<(usize, Option<usize>)> {
        if !self.search.is_on() {
            return None;
        }
        let at = self.search.at.and_then(|at| self.found.binary_search(&at).ok());
        Some((self.found.len(), at.map(|at| at + 1)))
    }

    /// The host whose lines alone are shown.
    pub fn host(&self) -> Option<&str> {
        self.hosts.get(self.alone?).map(String::as_str)
    }

    /// Whether several hosts have written.
    pub fn has_hosts(&self) -> bool {
        self.hosts.len() > 1
    }

    /// The text of every line, harmless.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|line| line.text.as_str())
    }

    /// What it measures, best the loss: its name and its points.
    pub fn curve(&self) -> Option<(&str, &Series)> {
        self.measured.loss()
    }

    /// All that it measures.
    pub fn measured(&self) -> &Measurements {
        &self.measured
    }

    /// The last so many lines, harmless.
    pub fn last(&self, most: usize) -> Vec<String> {
        let from = self.lines.len().saturating_sub(most);
        self.lines[from..].iter().map(|line| line.text.clone()).collect()
    }

    /// Of so many rows those of the curve above the lines; none where there is no room, or nothing is measured.
    pub fn curve_rows(&self, rows: usize) -> usize {
        if self.curve().is_none() || rows < ROOM {
            return 0;
        }
        (rows / 4).min(12)
    }

    /// What lines have of so many columns and rows.
    pub(super) fn room(&self, (columns, rows): (usize, usize)) -> (usize, usize) {
        (columns, rows - self.curve_rows(rows))
    }

    pub(super) fn step(&mut self, by: isize, room: (usize, usize)) {
        let (columns, rows) = self.room(room);
        let end = self.end(columns, rows);
        let from = if self.follow { end } else { self.top.min(end) };
        self.top = from.saturating_add_signed(by).min(end);
        self.follow = self.top >= end && by > 0;
    }

    pub(super) fn toggle_follow(&mut self, room: (usize, usize)) {
        let (columns, rows) = self.room(room);
        self.top = self.end(columns, rows);
        self.follow = !self.follow;
    }

    /// The lines of the next host alone; after the last one all of them.
    pub(super) fn next_host(&mut self) {
        if self.has_hosts() {
            let next = self.alone.map_or(0, |alone| alone + 1);
            self.alone = (next < self.hosts.len()).then_some(next);
            self.select();
        }
    }

    /// Goes to the next line that holds what is looked for, round the end if need be; or to the one before.
    pub(super) fn go_on(&mut self, is_forward: bool, room: (usize, usize)) {
        let (columns, rows) = self.room(room);
        let from = match self.search.at.and_then(|at| self.shown.binary_search(&at).ok()) {
            Some(place) => place + usize::from(is_forward),
            // The first on screen may be the first found; of a log that is followed the last.
            None if !is_forward && self.follow => self.shown.len(),
            None if self.follow => self.end(columns, rows),
            None => self.top,
        };
        let mut places = round(self.shown.len(), from, is_forward);
        let Some(place) = places.find(|place| self.found.binary_search(&self.shown[*place]).is_ok()) else {
            return;
        };
        self.search.at = Some(self.shown[place]);
        self.reveal(place, (columns, rows));
    }

    /// Scrolls until this line is on screen, and no further than needed.
    fn reveal(&mut self, place: usize, (columns, rows): (usize, usize)) {
        let end = self.end(columns, rows);
        let top = if self.follow { end } else { self.top.min(end) };
        let heights = self.shown[top.min(place)..=place].iter();
        let taken: usize = heights.map(|line| self.height(*line, columns)).sum();
        if place < top || taken > rows {
            self.top = place.saturating_sub(rows / 3).min(end);
            self.follow = false;
        } else {
            self.top = top;
            self.follow = self.follow && top >= end;
        }
    }

    pub(super) fn append(&mut self, lines: Vec<LogLine>) {
        self.is_known = true;
        let is_longer = !lines.is_empty();
        for line in lines {
            self.take(line);
        }
        let excess = self.lines.len().saturating_sub(KEPT);
        if excess > 0 {
            self.forget(excess);
        }
        if is_longer {
            self.select();
        }
    }

    fn take(&mut self, line: LogLine) {
        let name = line.host().unwrap_or_default();
        let host = self.hosts.iter().position(|known| known == name).unwrap_or_else(|| {
            self.hosts.push(name.to_owned());
            self.hosts.len() - 1
        });
        let Written { text, is_bar, is_again } = read(&line.text);
        self.measured.read(&text, is_bar);
        let held = Held {
            at: line.at,
            host,
            text,
            is_bar,
        };
        match self.last_of.get(&host) {
            Some(last) if is_again && self.lines[*last].is_bar => self.lines[*last] = held,
            _ => {
                self.last_of.insert(host, self.lines.len());
                self.lines.push(held);
            }
        }
    }

    /// Forgets the oldest lines; those on screen stay there.
    fn forget(&mut self, excess: usize) {
        self.lines.drain(..excess);
        let gone = self.shown.partition_point(|line| *line < excess);
        self.top = self.top.saturating_sub(gone);
        self.shown.drain(..gone);
        self.shown.iter_mut().for_each(|line| *line -= excess);
        self.search.at = self.search.at.and_then(|at| at.checked_sub(excess));
        self.last_of.retain(|_, last| {
            let kept = last.checked_sub(excess);
            *last = kept.unwrap_or(0);
            kept.is_some()
        });
    }

    /// Chooses anew which lines are shown, and looks through them: they, or what is looked for, have changed.
    pub(super) fn select(&mut self) {
        let is_shown = |index: &usize| {
            let is_of_host = self.alone.is_none_or(|alone| self.lines[*index].host == alone);
            is_of_host && (!self.only || !self.search.is_on() || self.holds(*index))
        };
        let before = self.shown.get(self.top).copied();
        let shown: Vec<usize> = (0..self.lines.len()).filter(is_shown).collect();
        // Lines that stay on screen stay where they are.
        self.top = before.map_or(0, |line| shown.partition_point(|shown| *shown < line));
        self.shown = shown;
        self.found = match (self.search.is_on(), self.only) {
            (false, _) => Vec::new(),
            (true, true) => self.shown.clone(),
            (true, false) => self.shown.iter().copied().filter(|line| self.holds(*line)).collect(),
        };
    }

    /// Whether the line holds what is looked for.
    fn holds(&self, line: usize) -> bool {
        self.search.is_in(&self.lines[line].text)
    }
}
