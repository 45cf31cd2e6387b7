//! Who can use a key, and who did, on screen: a matrix of principals by operations, and a row a kind of use, each one step
//! from what it rests on. What is drawn of it is `screen`'s: only rows on screen cost anything.

mod screen;

use std::sync::Arc;

use super::WhoPage;
use super::cursor::stepped;
use super::format::{self, Line, Tone};
use crate::domain::who::{
    Answer, Cell, Extent, Row, SHOWN, Says, Standing, UseRow, UsedBy, UserKind, WhoReport, operations,
};
use crate::domain::{Arn, Fault, KmsKey};

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
    /// How many of them somebody outside the chain has made, and of how many nobody can say.
    outside: usize,
    unknown: usize,
    /// Whether all of who did could be checked.
    is_checked: bool,
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
            outside: 0,
            unknown: 0,
            is_checked: false,
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

    /// Whether it is being read: what was asked is answered, and kept.
    pub(super) fn is_reading(&self) -> bool {
        self.is_asked && self.fault.is_none() && matches!(self.found.uses.extent, Extent::Reading)
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
        (self.outside, self.unknown) = (self.found.outside(), self.found.unknown());
        self.is_checked = self.found.unchecked().is_empty();
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
                // What rests on the same is told once.
                let mut told: Vec<(&Cell, Vec<&str>)> = Vec::new();
                for (operation, cell) in operations().zip(row.map_or(&[][..], |row| &row.cells)) {
                    match told.iter_mut().find(|(of, _)| *of == cell) {
                        Some((_, operations)) => operations.push(operation),
                        None => told.push((cell, vec![operation])),
                    }
                }
                for (Cell { says, source }, operations) in told {
                    let source = if source.is_empty() { "nothing allows it" } else { source };
                    lines.push(Line::blank());
                    let head = vec![(tone(*says), format::fit(says.sign(), 2))];
                    lines.extend(hanging(head, 2, (Tone::Plain, &operations.join(", "))));
                    lines.extend(hanging(vec![(Tone::Plain, "  ".to_owned())], 2, (Tone::Dim, source)));
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
        // Who was refused has not used it.
        Standing::Outside if row.answer.refusal().is_some() => format!("{refused}Nothing that holds now allows it."),
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

/// What is told of the answer in a row: nothing where it was done.
fn told_in_row(row: &UseRow) -> String {
    match &row.answer {
        Answer::Done => String::new(),
        Answer::DryRun => row.answer.as_str().to_owned(),
        Answer::Refused(error) => error.clone(),
    }
}
