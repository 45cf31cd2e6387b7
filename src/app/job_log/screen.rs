//! The lines of a log that are on screen.

use super::{Held, Log};
use crate::app::format::{self, Line, Tone};

/// Cells of a time of the day and a space.
const TIME: usize = 9;
/// The most cells of a host's name.
const HOST: usize = 12;

impl Log {
    /// The lines for a screen of so many columns and rows, harmless.
    pub fn screen(&self, columns: usize, rows: usize) -> Vec<Line> {
        let mut screen = Vec::new();
        let end = self.end(columns, rows);
        let top = if self.follow { end } else { self.top.min(end) };
        for index in self.shown.iter().skip(top) {
            if screen.len() >= rows {
                break;
            }
            screen.extend(self.drawn(*index, columns));
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
    pub(super) fn end(&self, columns: usize, rows: usize) -> usize {
        let mut room = rows;
        let mut top = self.shown.len();
        for index in self.shown.iter().rev() {
            if room == 0 {
                break;
            }
            top -= 1;
            room = room.saturating_sub(self.height(*index, columns));
        }
        top
    }

    /// How many rows a line takes.
    pub(super) fn height(&self, index: usize, columns: usize) -> usize {
        if self.wrap {
            format::wrap(&self.lines[index].text, self.text_columns(columns)).len()
        } else {
            1
        }
    }

    fn drawn(&self, index: usize, columns: usize) -> Vec<Line> {
        let line = &self.lines[index];
        let columns = self.text_columns(columns);
        let pieces = if self.wrap {
            format::wrap(&line.text, columns)
        } else {
            vec![format::cut(&line.text, columns)]
        };
        let is_here = self.search.at == Some(index);
        let pieces = self.search.marked(&line.text, &pieces, is_here).into_iter().enumerate();
        pieces.map(|(nth, piece)| self.headed(line, nth == 0, piece)).collect()
    }

    /// A piece of a line behind the line's time and host, which stand before its first piece.
    fn headed(&self, line: &Held, is_first: bool, piece: Line) -> Line {
        let mut headed = Line::blank();
        if self.times {
            let at = line.at.filter(|_| is_first);
            let time = at.map(|at| at.strftime("%H:%M:%S").to_string()).unwrap_or_default();
            headed = headed.and(Tone::Dim, format::fit(&time, TIME));
        }
        let host = self.host_columns();
        if host > 0 {
            let name = if is_first { self.hosts[line.host].as_str() } else { "" };
            headed = headed.and(
                Tone::Host(line.host),
                format::fit(&format::cut_middle(name, host - 1), host),
            );
        }
        headed.0.extend(piece.0);
        headed
    }

    fn text_columns(&self, columns: usize) -> usize {
        let time = if self.times { TIME } else { 0 };
        columns.saturating_sub(time + self.host_columns()).max(1)
    }

    /// Cells of a host's name and a space, where there are several and not one alone.
    fn host_columns(&self) -> usize {
        if !self.has_hosts() || self.alone.is_some() {
            return 0;
        }
        let widest = self.hosts.iter().map(|name| format::width(&format::clean(name))).max();
        widest.unwrap_or(0).clamp(2, HOST) + 1
    }
}
