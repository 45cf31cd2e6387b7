//! Who can and who did, as they are drawn: so many columns and rows of them.

use std::ops::Range;

use super::{Side, Who, label, pairs, standing_sign, told_in_row, tone, used_told, user};
use crate::app::format::{self, Line, Tone};
use crate::domain::Arn;
use crate::domain::who::{Extent, Row, SHOWN, Standing, UseRow};

/// Cells of an operation's column.
const OPERATION: usize = 4;
/// The fewest cells of a principal's name.
const NAME: usize = 18;
/// What the columns of who did are called, and the fewest cells of each.
const DID: [(&str, usize); 7] = [
    ("WHO DID", 11),
    ("OPERATION", 11),
    ("ANSWER", 17),
    ("CONTEXT", 8),
    ("FROM", 8),
    ("COUNT", 5),
    ("LAST", 4),
];
/// From this column on they are numbers.
const NUMBERS: usize = 5;
/// What the signs stand for.
const LEGEND: &str = "P key policy, I IAM, G grant, small: if; ! outside, ✗ refused, ? not known";
impl Who {
    /// In a line or two: what is known, and how well.
    pub fn heading(&self, columns: usize) -> Vec<Line> {
        let found = &self.found;
        let access = found.access.as_ref();
        let state = match access.and_then(|access| access.usable) {
            Some(true) => (Tone::Good, "enabled"),
            Some(false) => (Tone::Bad, "not enabled: nobody can use it now"),
            None if access.is_none() && self.fault.is_none() => (Tone::Dim, "asking…"),
            None => (Tone::Warn, "state not known"),
        };
        let mut first = Line::new(state.0, state.1);
        let (outside, unknown) = (self.outside, self.unknown);
        if outside > 0 {
            let words = format!(" · {} outside the chain", format::count(outside, "row"));
            first = first.and(Tone::Bad, words);
        }
        if unknown > 0 {
            first = first.and(Tone::Warn, format!(" · {unknown} not known"));
        }
        if outside == 0 && self.is_checked {
            first = first.and(Tone::Good, " · nobody outside the chain used it");
        }
        let uses = &found.uses;
        let events = format::count(usize::try_from(uses.events).unwrap_or(usize::MAX), "event");
        let back = uses
            .oldest
            .map(|at| at.strftime(", back to %m-%d %H:%M").to_string())
            .unwrap_or_default();
        let read = match &uses.extent {
            Extent::Reading if self.fault.is_none() => (Tone::Busy, format!("{events} read, more…{back}")),
            Extent::Reading => (Tone::Warn, "no events read".to_owned()),
            Extent::Whole(since) => (
                Tone::Dim,
                format!("{events} since {}, all read", since.strftime("%Y-%m-%d")),
            ),
            Extent::Part => (Tone::Warn, format!("{events} read, older ones NOT{back}")),
            Extent::Failed(fault) => (Tone::Warn, format!("{events} read, then: {}", fault.cause)),
        };
        let mut lines = vec![first];
        let tail = " · CloudTrail: 90 days, minutes late";
        let room = columns.saturating_sub(format::width(tail));
        lines.push(Line::new(read.0, format::cut(&read.1, room)).and(Tone::Dim, tail));
        lines
    }

    /// Which operations have a column: all, or beside a name that can be told those up to the cursor's and the next.
    fn operations_shown(&self, columns: usize) -> Range<usize> {
        let most = (columns.saturating_sub(NAME) / OPERATION).clamp(1, SHOWN.len());
        let first = (self.column + 2).saturating_sub(most).min(SHOWN.len() - most);
        first..first + most
    }

    /// What the columns of who can are called.
    pub fn can_heading(&self, columns: usize) -> Line {
        let shown = self.operations_shown(columns);
        let name = name_cells(columns, shown.len());
        let line = Line::new(Tone::Dim, format::fit("WHO CAN", name));
        let heads = SHOWN.iter().enumerate().skip(shown.start).take(shown.len());
        heads.fold(line, |line, (at, (_, head))| {
            let is_cursor = self.side == Side::Can && at == self.column;
            line.and(
                if is_cursor { Tone::Accent } else { Tone::Dim },
                format::fit(head, OPERATION),
            )
        })
    }

    /// The rows of who can, for so many columns and rows, each with whether it has the cursor.
    pub fn can_screen(&self, columns: usize, rows: usize) -> Vec<(bool, Line)> {
        let shown = self.operations_shown(columns);
        let name = name_cells(columns, shown.len());
        let is_here = self.side == Side::Can;
        let home = Arn::account_of(&self.key_arn);
        let top = (self.can + 1).saturating_sub(rows);
        let visible = self.principals().iter().enumerate().skip(top).take(rows);
        let line = |(at, row): (usize, &Row)| {
            let is_cursor = is_here && at == self.can;
            let who = format::cut_middle(&label(&row.principal, home), name.saturating_sub(1));
            let line = Line::new(Tone::Plain, format::fit(&who, name));
            let cells = row.cells.iter().enumerate().skip(shown.start).take(shown.len());
            let line = cells.fold(line, |line, (column, cell)| {
                let sign = if is_cursor && column == self.column {
                    format!("[{}]", cell.says.sign())
                } else {
                    format!(" {}", cell.says.sign())
                };
                line.and(tone(cell.says), format::fit(&sign, OPERATION))
            });
            (is_cursor, line)
        };
        visible.map(line).collect()
    }

    /// What the columns of who did are called, and the rows, each with whether it has the cursor. A column has what the rows on
    /// screen need; an empty one has no room.
    pub fn did_screen(&self, columns: usize, rows: usize, now: jiff::Timestamp) -> (Line, Vec<(bool, Line)>) {
        let is_here = self.side == Side::Did;
        let home = Arn::account_of(&self.key_arn);
        let top = (self.did + 1).saturating_sub(rows);
        let visible = self.rows.iter().enumerate().skip(top).take(rows);
        let cells = |row: &UseRow| {
            let cells = [
                user(&row.by, home),
                row.operation.clone(),
                told_in_row(row),
                pairs(row),
                row.from.clone(),
                row.count.to_string(),
                format::age(row.last, now),
            ];
            cells.map(|cell| format::clean(&cell))
        };
        let visible: Vec<_> = visible
            .map(|(at, (standing, row))| (at, standing, row, cells(row)))
            .collect();
        let widths = widths(columns.saturating_sub(2), visible.iter().map(|(.., cells)| cells));
        let heading = DID
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(at, ((name, _), width))| (Tone::Dim, placed(at, name, width)));
        let heading = Line(std::iter::once((Tone::Dim, "  ".to_owned())).chain(heading).collect());
        let line = |(at, standing, row, cells): (usize, &Standing, &UseRow, [String; DID.len()])| {
            let (tone, sign) = standing_sign(standing, row);
            let who = if sign == "! " { tone } else { Tone::Plain };
            let tones = [who, tone, tone, Tone::Dim, Tone::Dim, Tone::Plain, Tone::Dim];
            let cells = tones.into_iter().zip(cells).zip(widths).enumerate();
            let line = cells.fold(Line::new(tone, sign), |line, (at, ((tone, cell), width))| {
                line.and(tone, placed(at, &cell, width))
            });
            (is_here && at == self.did, line)
        };
        (heading, visible.into_iter().map(line).collect())
    }

    /// What the row with the cursor rests on, in so many lines at most.
    pub fn rests_on(&self, columns: usize, rows: usize) -> Vec<Line> {
        let (tone, words) = match (self.side, &self.fault) {
            (_, Some(fault)) => (Tone::Bad, fault.at(crate::domain::Door::Dashboard)),
            (Side::Can, None) => match self.principals().get(self.can) {
                Some(row) => self.cell_told(row),
                None => (Tone::Dim, String::new()),
            },
            (Side::Did, None) => match self.rows.get(self.did) {
                Some((standing, row)) => (standing_sign(standing, row).0, used_told(standing, row)),
                None => (Tone::Dim, String::new()),
            },
        };
        let mut lines = format::wrap(&format::clean(&words), columns);
        if lines.len() > rows {
            lines.truncate(rows);
            if let Some(last) = lines.last_mut() {
                *last = format!("{} …", format::cut(last, columns.saturating_sub(2)));
            }
        }
        lines.into_iter().map(|text| Line::new(tone, text)).collect()
    }

    /// What the signs stand for.
    pub fn legend(columns: usize) -> Line {
        Line::new(Tone::Dim, format::cut(LEGEND, columns))
    }

    fn cell_told(&self, row: &Row) -> (Tone, String) {
        let (operation, _) = SHOWN[self.column.min(SHOWN.len() - 1)];
        let cell = row.cells.get(self.column);
        let source = cell.map_or("", |cell| cell.source.as_str());
        let words = if source.is_empty() {
            "nothing that was read allows it".to_owned()
        } else {
            source.to_owned()
        };
        (
            cell.map_or(Tone::Dim, |cell| tone(cell.says)),
            format!("{operation}: {words}"),
        )
    }
}

/// A cell of the column of [`DID`] at this place: numbers stand to the right.
fn placed(at: usize, text: &str, cells: usize) -> String {
    if at < NUMBERS {
        return format::labelled(text, cells);
    }
    let room = cells.saturating_sub(1);
    format::fit(&format!("{:>room$}", format::cut(text, room)), cells)
}

fn name_cells(columns: usize, operations: usize) -> usize {
    columns.saturating_sub(OPERATION * operations)
}

/// Cells of each column of [`DID`], with the gap behind it: what its rows need, the widest less where there is no room.
fn widths<'a>(room: usize, rows: impl Iterator<Item = &'a [String; DID.len()]>) -> [usize; DID.len()] {
    let mut needed = [0; DID.len()];
    for row in rows {
        for (needed, cell) in needed.iter_mut().zip(row) {
            *needed = (*needed).max(format::width(cell));
        }
    }
    let mut widths: [usize; DID.len()] = std::array::from_fn(|at| match needed[at] {
        0 if at > 1 => 0,
        needed => needed.max(DID[at].0.len()) + 1,
    });
    while widths.iter().sum::<usize>() > room {
        let shrinks = (0..DID.len()).filter(|at| widths[*at] > DID[*at].1 + 1);
        match shrinks.max_by_key(|at| widths[*at]) {
            Some(at) => widths[at] -= 1,
            None => break,
        }
    }
    widths
}
