//! The audit log on screen: a row a change, filtered, each to be opened. Only rows on screen cost anything when it is drawn.

use tui_input::Input;

use super::cursor::stepped;
use super::format::{self, Line, Tone};
use super::fuzzy::Fuzzy;
use crate::domain::{AuditEntry, AuditOutcome};

/// The columns of a time and an outcome, and of a call and a caller where there is room.
const TIME: usize = 20;
const OUTCOME: usize = 18;
const CALL: usize = 24;
const WHO: usize = 13;
/// With fewer columns the year goes without saying, and who it was is in the details.
const ROOMY: usize = 110;
const SHORT_TIME: usize = 15;
/// From this width on every call has its whole name.
const WIDE: usize = 150;
const LONG_CALL: usize = 34;

/// The changes that were asked for, newest first.
#[derive(Debug, Clone)]
pub struct Audit {
    entries: Vec<AuditEntry>,
    /// What rows must have the letters of.
    pub filter: Input,
    /// Whether the filter is being typed.
    pub typing: bool,
    /// Indices of the entries that the filter lets through.
    shown: Vec<usize>,
    /// The row of the cursor, among those shown.
    cursor: usize,
}

impl Audit {
    /// With these entries, the cursor on the newest.
    pub fn new(entries: Vec<AuditEntry>) -> Self {
        let mut audit = Self {
            entries,
            filter: Input::default(),
            typing: false,
            shown: Vec::new(),
            cursor: 0,
        };
        audit.refilter();
        audit
    }

    /// How many entries there are, and how many of them the filter lets through.
    pub fn count(&self) -> (usize, usize) {
        (self.entries.len(), self.shown.len())
    }

    /// The entry with the cursor.
    pub fn current(&self) -> Option<&AuditEntry> {
        self.shown.get(self.cursor).and_then(|index| self.entries.get(*index))
    }

    pub(super) fn step(&mut self, by: isize) {
        self.cursor = stepped(self.cursor, by, self.shown.len());
    }

    pub(super) fn refilter(&mut self) {
        let mut fuzzy = Fuzzy::new(self.filter.value());
        let mut passes = |entry: &AuditEntry| fuzzy.is_in_any(&columns(entry));
        let passing = self.entries.iter().enumerate().filter(|(_, entry)| passes(entry));
        self.shown = passing.map(|(index, _)| index).collect();
        self.step(0);
    }

    /// The rows for a screen of so many columns and rows, each with whether it has the cursor.
    pub fn screen(&self, columns: usize, rows: usize) -> Vec<(bool, Line)> {
        let top = (self.cursor + 1).saturating_sub(rows);
        let visible = self.shown.iter().enumerate().skip(top).take(rows);
        let entry = |(row, index): (usize, &usize)| {
            let entry = self.entries.get(*index)?;
            Some((row == self.cursor, line(entry, columns)))
        };
        visible.filter_map(entry).collect()
    }
}

/// What the columns are called, as wide as they are.
pub fn heading(columns: usize) -> Line {
    let [time, who, call, resource, outcome] = widths(columns);
    let names = [
        ("TIME", time),
        ("WHO", who),
        ("CALL", call),
        ("RESOURCE", resource),
        ("OUTCOME", outcome),
    ];
    let names = names
        .into_iter()
        .map(|(name, width)| (Tone::Dim, format::fit(name, width)));
    Line(names.collect())
}

/// What is said of an entry in its columns, in full.
fn columns(entry: &AuditEntry) -> [String; 5] {
    let who = entry.identity.as_deref().or(entry.access_key_id.as_deref());
    [
        format::time(entry.time),
        who.unwrap_or("unknown").to_owned(),
        entry.call.clone(),
        entry.resource.clone().unwrap_or_else(|| "not noted".to_owned()),
        outcome(entry),
    ]
}

fn outcome(entry: &AuditEntry) -> String {
    let word = entry.outcome().as_str();
    match &entry.error {
        Some(error) => format!("{word} {error}"),
        None => word.to_owned(),
    }
}

/// Times and outcomes first; what is short of room is the resource, which keeps its end.
fn widths(columns: usize) -> [usize; 5] {
    let (who, outcome) = if columns < ROOMY { (0, 11) } else { (WHO, OUTCOME) };
    let call = if columns < WIDE { CALL } else { LONG_CALL };
    let time = if columns < ROOMY { SHORT_TIME } else { TIME };
    let resource = columns.saturating_sub(time + who + call + outcome);
    [time, who, call, resource, outcome]
}

fn line(entry: &AuditEntry, room: usize) -> Line {
    let [time, who, call, resource, outcome] = widths(room);
    let [_, who_said, called, on, came] = columns(entry);
    let end = |text: &str, width: usize| format::fit(&format::cut_front(text, width.saturating_sub(1)), width);
    let narrow = |text: &str, width: usize| format::fit(&format::cut(text, width.saturating_sub(1)), width);
    Line::new(
        Tone::Dim,
        narrow(
            &entry
                .time
                .strftime(if time < TIME {
                    "%m-%d %H:%M:%S"
                } else {
                    "%Y-%m-%d %H:%M:%S"
                })
                .to_string(),
            time,
        ),
    )
    .and(Tone::Dim, format::labelled(format::last_part(&who_said), who))
    .and(Tone::Plain, narrow(&called, call))
    .and(Tone::Accent, end(&on, resource))
    .and(tone(entry.outcome()), format::cut(&came, outcome))
}

fn tone(outcome: AuditOutcome) -> Tone {
    match outcome {
        AuditOutcome::Allowed => Tone::Good,
        AuditOutcome::Denied | AuditOutcome::Failed => Tone::Bad,
        AuditOutcome::Unanswered => Tone::Warn,
    }
}

/// Everything of one entry.
pub(super) fn details(entry: &AuditEntry) -> Vec<Line> {
    let [time, who, call, resource, outcome] = columns(entry);
    let status = entry.status.map(|status| status.to_string());
    let facts = [
        ("Time", Some(time)),
        ("Who", Some(who)),
        ("Access key", entry.access_key_id.clone()),
        ("Call", Some(call)),
        ("Resource", Some(resource)),
        ("Outcome", Some(outcome)),
        ("HTTP status", status),
        ("Request id", entry.request_id.clone()),
    ];
    let fact = |(name, value): (&str, Option<String>)| {
        value.map(|value| Line::new(Tone::Dim, format::fit(name, 13)).and(Tone::Plain, value))
    };
    facts.into_iter().filter_map(fact).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: i64, call: &str, resource: Option<&str>) -> AuditEntry {
        AuditEntry {
            time: jiff::Timestamp::from_second(number).unwrap_or_default(),
            identity: Some("arn:aws:iam::111122223333:user/ann".to_owned()),
            access_key_id: None,
            call: call.to_owned(),
            resource: resource.map(str::to_owned),
            outcome: None,
            error: None,
            request_id: None,
            status: Some(200),
        }
    }

    #[test]
    fn a_filter_looks_at_every_column_and_keeps_the_cursor_on_a_row() {
        let mut audit = Audit::new(vec![
            entry(3, "kms:CreateGrant", Some("arn:aws:kms:key/1 to role/a")),
            entry(2, "s3:PutObject", Some("s3://bucket/x.csv")),
            entry(1, "s3:PutObject", None),
        ]);
        audit.step(9);
        assert_eq!(audit.current().map(|entry| entry.time.as_second()), Some(1));
        audit.filter = Input::new("X.CSV".to_owned());
        audit.refilter();
        assert_eq!(audit.count(), (3, 1));
        assert_eq!(audit.current().map(|entry| entry.time.as_second()), Some(2));
        audit.filter = Input::new("allowed".to_owned());
        audit.refilter();
        assert_eq!(audit.count(), (3, 3), "a line without outcome has one by its status");
    }

    #[test]
    fn only_the_rows_on_screen_are_drawn() {
        let many: Vec<AuditEntry> = (0..10_000)
            .map(|number| entry(number, "s3:PutObject", Some("s3://b/k")))
            .collect();
        let mut audit = Audit::new(many);
        audit.step(9_000);
        let screen = audit.screen(120, 20);
        assert_eq!(screen.len(), 20);
        assert!(screen.last().is_some_and(|(is_cursor, _)| *is_cursor));
        let first = entry(0, "s3:PutObject", Some("s3://b/k"));
        assert!(format::width(&line(&first, 80).text()) <= 80);
    }
}
