//! Who can use a key, and who did, on screen: a matrix of principals by operations, and a row a kind of use, each one step
//! from what it rests on. Only rows on screen cost anything when it is drawn.

use std::sync::Arc;

use super::WhoPage;
use super::cursor::stepped;
use super::format::{self, Line, Tone};
use crate::domain::who::{
    Answer, Cell, Extent, Row, SHOWN, Says, Standing, UseRow, UsedBy, UserKind, WhoReport, operations,
};
use crate::domain::{Arn, Fault, KmsKey};

/// Cells of an operation's column.
const OPERATION: usize = 4;
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
/// What the signs stand for.
const LEGEND: &str = "P key policy, I IAM, G grant, small: if; ! outside, ✗ refused, ? not known";
/// From this width on who can and who did stand side by side.
const BESIDE: usize = 150;

/// Which of the two has the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Who can.
    Can,
    /// Who did.
    Did,
}

/// Who can use a key, and who did, with a cursor in each.
#[derive(Debug, Clone)]
pub struct Who {
    /// The key's ARN.
    pub key_arn: String,
    /// What it is called.
    pub name: String,
    /// What was found out until now.
    pub found: Arc<WhoReport>,
    /// Why nothing could be read.
    pub fault: Option<Fault>,
    /// Whether it is asked for: not where it was found out before.
    pub is_asked: bool,
    /// Which has the cursor.
    pub side: Side,
    can: usize,
    column: usize,
    did: usize,
    /// The rows of who did, in their order.
    rows: Vec<(Standing, UseRow)>,
}

impl Who {
    /// Of this key, as far as it is known.
    pub fn new(key: &KmsKey, found: Option<Arc<WhoReport>>) -> Self {
        let mut shown = Self {
            key_arn: key.arn.clone(),
            name: key.name().to_owned(),
            is_asked: found.is_none(),
            found: found.unwrap_or_default(),
            fault: None,
            side: Side::Can,
            can: 0,
            column: 1,
            did: 0,
            rows: Vec::new(),
        };
        shown.arrange();
        shown
    }

    /// How many cells of so many the left side has; none where one stands above the other.
    pub fn beside(columns: usize) -> Option<usize> {
        (columns >= BESIDE).then(|| (columns * 2 / 5).clamp(66, 84))
    }

    /// How many principals and how many kinds of use there are.
    pub fn count(&self) -> (usize, usize) {
        (self.principals().len(), self.rows.len())
    }

    fn principals(&self) -> &[Row] {
        self.found.access.as_ref().map_or(&[], |access| &access.rows)
    }

    /// Forgets what was found out: it is asked for anew. Whether it was asked for already.
    pub(super) fn ask_again(&mut self) -> bool {
        self.begin_anew();
        self.fault = None;
        std::mem::replace(&mut self.is_asked, true)
    }

    /// Nothing is found out yet.
    pub(super) fn begin_anew(&mut self) {
        self.found = Arc::default();
        self.arrange();
    }

    /// Puts the rows into their order; the cursors stay on what they are on.
    fn arrange(&mut self) {
        let on = self.rows.get(self.did).map(|(_, row)| row.clone());
        let order = self.found.order().into_iter();
        self.rows = order.map(|(standing, row)| (standing, row.clone())).collect();
        let is_it = |(_, row): &(Standing, UseRow)| {
            on.as_ref().is_some_and(|on| {
                (&on.by, &on.operation, &on.context, &on.from, &on.answer)
                    == (&row.by, &row.operation, &row.context, &row.from, &row.answer)
            })
        };
        self.did = self.rows.iter().position(is_it).unwrap_or(0);
    }

    pub(super) fn take(&mut self, page: WhoPage) {
        let found = Arc::make_mut(&mut self.found);
        match page {
            WhoPage::Can(access) => {
                let on = found.access.as_ref().and_then(|access| access.rows.get(self.can));
                let on = on.map(|row| row.principal.clone());
                let is_it = |row: &Row| Some(&row.principal) == on.as_ref();
                self.can = access.rows.iter().position(is_it).unwrap_or(0);
                found.access = Some(*access);
            }
            WhoPage::Did(events, extent) => {
                for event in events {
                    found.uses.note(event);
                }
                found.uses.extent = extent;
            }
        }
        self.arrange();
    }

    pub(super) fn turn(&mut self) {
        self.side = match self.side {
            Side::Can => Side::Did,
            Side::Did => Side::Can,
        };
    }

    pub(super) fn step(&mut self, by: isize) {
        let (can, did) = self.count();
        match self.side {
            Side::Can => self.can = stepped(self.can, by, can),
            Side::Did => self.did = stepped(self.did, by, did),
        }
    }

    pub(super) fn step_column(&mut self, by: isize) {
        if self.side == Side::Can {
            self.column = stepped(self.column, by, SHOWN.len());
        }
    }

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
        let (outside, unknown) = (found.outside(), found.unknown());
        if outside > 0 {
            let words = format!(" · {} outside the chain", format::count(outside, "row"));
            first = first.and(Tone::Bad, words);
        }
        if unknown > 0 {
            first = first.and(Tone::Warn, format!(" · {unknown} not known"));
        }
        if outside == 0 && found.unchecked().is_empty() {
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

    /// What the columns of who can are called.
    pub fn can_heading(&self, columns: usize) -> Line {
        let name = name_cells(columns);
        let line = Line::new(Tone::Dim, format::fit("WHO CAN", name));
        SHOWN.iter().enumerate().fold(line, |line, (at, (_, head))| {
            let is_cursor = self.side == Side::Can && at == self.column;
            line.and(
                if is_cursor { Tone::Accent } else { Tone::Dim },
                format::fit(head, OPERATION),
            )
        })
    }

    /// The rows of who can, for so many columns and rows, each with whether it has the cursor.
    pub fn can_screen(&self, columns: usize, rows: usize) -> Vec<(bool, Line)> {
        let name = name_cells(columns);
        let is_here = self.side == Side::Can;
        let home = Arn::account_of(&self.key_arn);
        let top = (self.can + 1).saturating_sub(rows);
        let visible = self.principals().iter().enumerate().skip(top).take(rows);
        let line = |(at, row): (usize, &Row)| {
            let is_cursor = is_here && at == self.can;
            let who = format::cut_middle(&label(&row.principal, home), name.saturating_sub(1));
            let line = Line::new(Tone::Plain, format::fit(&who, name));
            let cells = row.cells.iter().take(SHOWN.len()).enumerate();
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
            .map(|((name, _), width)| (Tone::Dim, format::labelled(name, width)));
        let heading = Line(std::iter::once((Tone::Dim, "  ".to_owned())).chain(heading).collect());
        let line = |(at, standing, row, cells): (usize, &Standing, &UseRow, [String; DID.len()])| {
            let (tone, sign) = standing_sign(standing, row);
            let who = if sign == "! " { tone } else { Tone::Plain };
            let tones = [who, tone, tone, Tone::Dim, Tone::Dim, Tone::Plain, Tone::Dim];
            let cells = tones.into_iter().zip(cells).zip(widths);
            let line = cells.fold(Line::new(tone, sign), |line, ((tone, cell), width)| {
                line.and(tone, format::labelled(&cell, width))
            });
            (is_here && at == self.did, line)
        };
        (heading, visible.into_iter().map(line).collect())
    }

    /// What the row with the cursor rests on, and what the signs stand for, in so many lines.
    pub fn footnote(&self, columns: usize, rows: usize) -> Vec<Line> {
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
        let room = rows.saturating_sub(1);
        if lines.len() > room {
            lines.truncate(room);
            if let Some(last) = lines.last_mut() {
                *last = format!("{} …", format::cut(last, columns.saturating_sub(2)));
            }
        }
        lines.resize(room, String::new());
        let told = lines.into_iter().map(|text| Line::new(tone, text));
        told.chain([Line::new(Tone::Dim, format::cut(LEGEND, columns))])
            .collect()
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

    /// Everything of the row with the cursor, to be read: what it is, and its lines.
    pub(super) fn told(&self, columns: usize) -> (&'static str, Vec<Line>) {
        let hanging = |head: Vec<(Tone, String)>, indent: usize, (tone, told): (Tone, &str)| {
            let mut head = Line(head);
            let pieces = format::wrap(told, columns.saturating_sub(indent));
            let line = move |piece| {
                let next = Line::new(Tone::Plain, " ".repeat(indent));
                std::mem::replace(&mut head, next).and(tone, piece)
            };
            pieces.into_iter().map(line).collect::<Vec<_>>()
        };
        let fact =
            |name: &str, value: &str| hanging(vec![(Tone::Dim, format::fit(name, 13))], 13, (Tone::Plain, value));
        let mut lines = Vec::new();
        let title = match self.side {
            Side::Can => {
                let row = self.principals().get(self.can);
                let who = row.map_or("", |row| row.principal.as_str());
                lines.extend(fact("Principal", who));
                for (operation, Cell { says, source }) in operations().zip(row.map_or(&[][..], |row| &row.cells)) {
                    let source = if source.is_empty() { "nothing allows it" } else { source };
                    let head = vec![
                        (tone(*says), format::fit(says.sign(), 2)),
                        (Tone::Plain, format::fit(operation, 33)),
                    ];
                    lines.extend(hanging(head, 35, (Tone::Dim, source)));
                }
                "By what"
            }
            Side::Did => {
                if let Some((standing, row)) = self.rows.get(self.did) {
                    lines.extend(fact("Principal", &row.by.name));
                    lines.extend(row.session.iter().flat_map(|session| fact("Session", session)));
                    lines.extend(fact("Operation", &row.operation));
                    lines.extend(
                        row.context
                            .iter()
                            .flat_map(|(name, value)| fact("Context", &format!("{name}={value}"))),
                    );
                    lines.extend(fact("From", &row.from));
                    lines.extend(fact("Agent", &row.agent));
                    lines.extend(fact("Answer", &answered(row)));
                    lines.extend(fact("Count", &row.count.to_string()));
                    lines.extend(fact("First", &format::time(row.first)));
                    lines.extend(fact("Last", &format::time(row.last)));
                    lines.extend(fact("Event", &row.event_id));
                    let (tone, _) = standing_sign(standing, row);
                    lines.push(Line::blank());
                    lines.extend(
                        format::wrap(&used_told(standing, row), columns)
                            .into_iter()
                            .map(|text| Line::new(tone, text)),
                    );
                }
                "One kind of use"
            }
        };
        lines.push(Line::blank());
        let unchecked = self.found.unchecked();
        let unread = self.found.unread().iter().map(|told| ("Not read of who can", told));
        for (what, told) in unchecked.iter().map(|told| ("Not checked", told)).chain(unread) {
            let told = format::wrap(&format!("{what}: {}", format::clean(told)), columns);
            lines.extend(told.into_iter().map(|text| Line::new(Tone::Warn, text)));
        }
        (title, lines)
    }
}

fn name_cells(columns: usize) -> usize {
    columns.saturating_sub(OPERATION * SHOWN.len())
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

/// What is told of the answer in a row: nothing where it was done.
fn told_in_row(row: &UseRow) -> String {
    match &row.answer {
        Answer::Done => String::new(),
        Answer::DryRun => row.answer.as_str().to_owned(),
        Answer::Refused(error) => error.clone(),
    }
}

/// What a principal is called, in the key's account.
fn label(principal: &str, home: &str) -> String {
    if principal == "*" {
        return "anybody".to_owned();
    }
    let Some(arn) = Arn::parse(principal) else {
        return principal.to_owned();
    };
    let of = if arn.account == home {
        String::new()
    } else {
        format!("{} ", arn.account)
    };
    match arn.resource {
        "root" if arn.account == home => "the account (root)".to_owned(),
        "root" => format!("account {}", arn.account),
        resource => format!("{of}{resource}"),
    }
}

fn user(by: &UsedBy, home: &str) -> String {
    match by.kind {
        UserKind::Account => format!("account {}", by.name),
        _ => label(&by.name, home),
    }
}

fn pairs(row: &UseRow) -> String {
    let pairs = row.context.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join(" ")
}

/// What KMS answered, with the error if it said no.
fn answered(row: &UseRow) -> String {
    let word = row.answer.as_str();
    match row.answer.refusal() {
        Some(error) => format!("{word} ({error})"),
        None => word.to_owned(),
    }
}

fn standing_sign(standing: &Standing, row: &UseRow) -> (Tone, &'static str) {
    match (standing, row.answer.refusal()) {
        (_, Some(_)) => (Tone::Warn, "✗ "),
        (Standing::Outside, None) => (Tone::Bad, "! "),
        (Standing::Unknown(_), None) => (Tone::Warn, "? "),
        (Standing::Inside(_), None) => (Tone::Plain, "  "),
    }
}

fn used_told(standing: &Standing, row: &UseRow) -> String {
    let refused = match row.answer {
        Answer::Done => String::new(),
        Answer::DryRun | Answer::Refused(_) => format!("{}. ", format::capitalized(&answered(row))),
    };
    match standing {
        Standing::Inside(source) => format!("{refused}By what holds now: {source}."),
        Standing::Outside => format!("{refused}OUTSIDE the chain: nothing that holds now lets them do this."),
        Standing::Unknown(why) => format!("{refused}Nobody can say whether they are outside: {why}."),
    }
}

fn tone(says: Says) -> Tone {
    match says {
        Says::KeyPolicy | Says::Iam | Says::Grant => Tone::Good,
        Says::KeyPolicyIf | Says::GrantIf => Tone::Accent,
        Says::Denied => Tone::Bad,
        Says::Unknown => Tone::Warn,
        Says::No => Tone::Dim,
    }
}
