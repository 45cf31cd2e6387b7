//! An audit on screen: bars by kind and by KMS key, and a row an object, filtered, each one step from its object. Only rows on
//! screen cost anything when it is drawn.

use std::sync::Arc;

use tui_input::Input;

use super::cursor::stepped;
use super::format::{self, Line, Tone};
use super::fuzzy::Fuzzy;
use super::rests_on::rests_on;
use crate::domain::audit::{
    AuditKey, AuditReport, AuditRequest, AuditRow, Ended, Kind, Tally, key_name, trouble_lines,
};
use crate::domain::{Door, Named, ObjectRequest, ObjectUri, Request};

/// The columns of kind and size, and of the key where there is room.
const KIND: usize = 24;
const SIZE: usize = 10;
const KEY: usize = 24;
/// From this width on the key has a column of its own.
const WIDE: usize = 100;
/// The least columns of a bar, and of its count.
const LEAST: usize = 5;

/// An audit with a filter and a cursor.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// What was found.
    pub report: Arc<AuditReport>,
    /// What rows must have the letters of, or say.
    pub filter: Input,
    /// Whether the filter is being typed.
    pub typing: bool,
    /// Indices of the rows that the filter lets through.
    shown: Vec<usize>,
    /// The row of the cursor, among those shown.
    cursor: usize,
    /// By kind, and by KMS key, the most first.
    pub bars: [Bars; 2],
    /// What is to be known of all.
    trouble: String,
}

/// Bars, and how many objects all of them count.
#[derive(Debug, Clone)]
pub struct Bars {
    /// The most first.
    pub all: Vec<Bar>,
    /// Of the longest.
    pub most: u64,
    /// Together.
    pub objects: u64,
}

impl Bars {
    fn of(all: Vec<Bar>) -> Self {
        Self {
            most: all.iter().map(|bar| bar.tally.objects).max().unwrap_or(0),
            objects: all.iter().map(|bar| bar.tally.objects).sum(),
            all,
        }
    }
}

/// A bar: its name, its tone, and its tally.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What is counted.
    pub name: String,
    /// In which colour.
    pub tone: Tone,
    /// How many.
    pub tally: Tally,
}

impl Inventory {
    /// With the cursor on the first row, which is wrong if any is.
    pub fn new(report: Arc<AuditReport>) -> Self {
        let bars = [by_kind(&report), by_key(&report)].map(Bars::of);
        let trouble = trouble_lines(&report.summary).join("; ");
        let mut inventory = Self {
            report,
            bars,
            trouble,
            filter: Input::default(),
            typing: false,
            shown: Vec::new(),
            cursor: 0,
        };
        inventory.refilter();
        inventory
    }

    /// How many rows there are, and how many of them the filter lets through.
    pub fn count(&self) -> (usize, usize) {
        (self.report.rows.len(), self.shown.len())
    }

    /// The row with the cursor.
    pub fn current(&self) -> Option<&AuditRow> {
        let index = self.shown.get(self.cursor)?;
        self.report.rows.get(*index)
    }

    /// The object of the row with the cursor.
    pub(super) fn object(&self) -> Option<Named> {
        let row = self.current()?;
        Some(Named::Place(ObjectUri {
            bucket: self.report.bucket.clone(),
            key: row.key.clone(),
        }))
    }

    /// What made it.
    pub(super) fn request(&self) -> Request {
        Request::Object(ObjectRequest::Audit(AuditRequest {
            bucket: self.report.bucket.clone(),
            prefix: self.report.prefix.clone(),
            deep: self.report.summary.is_deep,
            versions: self.report.summary.has_versions,
        }))
    }

    pub(super) fn step(&mut self, by: isize) {
        self.cursor = stepped(self.cursor, by, self.shown.len());
    }

    pub(super) fn refilter(&mut self) {
        let wanted = self.filter.value().to_lowercase();
        let mut fuzzy = Fuzzy::new(&wanted);
        let mut passes = |row: &AuditRow| {
            let key = row.kms_key.as_deref();
            let names = [
                row.key.clone(),
                row.kind.as_str().to_owned(),
                key.map(key_name).unwrap_or_default(),
                row.key_use
                    .map(|key_use| key_use.as_str().to_owned())
                    .unwrap_or_default(),
            ];
            // In an id and a sentence letters alone would be everywhere.
            wanted.is_empty()
                || fuzzy.is_in_any(&names)
                || key.is_some_and(|key| key.id.contains(&wanted))
                || !row.is_well() && row.trouble().to_lowercase().contains(&wanted)
        };
        let passing = self.report.rows.iter().enumerate().filter(|(_, row)| passes(row));
        self.shown = passing.map(|(index, _)| index).collect();
        self.step(0);
    }

    /// In a line: how much, and how well.
    pub fn heading(&self) -> Line {
        let summary = &self.report.summary;
        let what = if summary.has_versions { "version" } else { "object" };
        let all = format::count(usize::try_from(summary.all.objects).unwrap_or(usize::MAX), what);
        let mut line = Line::new(Tone::Plain, format!("{all}, {}", format::size(summary.all.bytes)));
        if summary.ended != Ended::Whole {
            line = line.and(Tone::Warn, " · a PART of it: it was not seen to its end");
        }
        let unjoined = summary.unjoined.as_ref().map_or(0, |unjoined| unjoined.moved);
        let counts = [
            (summary.flawed, "wrong", Tone::Bad),
            (unjoined, "not moved together", Tone::Bad),
            (summary.unread(), "not read", Tone::Warn),
            (summary.unchecked_objects, "not checked", Tone::Warn),
        ];
        for (count, what, tone) in counts.into_iter().filter(|(count, ..)| *count > 0) {
            line = line.and(Tone::Dim, " · ").and(tone, format!("{count} {what}"));
        }
        if summary.is_well() {
            line = line.and(Tone::Dim, " · ").and(Tone::Good, "nothing is wrong");
        }
        if !summary.is_deep {
            line = line.and(Tone::Dim, " · by metadata and first bytes");
        }
        line
    }

    /// What all of it is to be read with, in lines of so many columns: why it is a part, what could not be checked, what it rests on.
    pub fn qualified(&self, columns: usize) -> Vec<Line> {
        let summary = &self.report.summary;
        let part = match &summary.ended {
            Ended::Whole => None,
            Ended::Stopped => Some("it was stopped".to_owned()),
            Ended::BrokeOff(fault) => Some(format!("the list broke off: {}", fault.at(Door::Dashboard))),
        };
        let unjoined = summary.unjoined.as_ref().map(|unjoined| {
            let (moved, why) = (unjoined.moved, &unjoined.why);
            format!("{moved} not moved together: {why}; they may have been copied or swapped")
        });
        let deleted =
            "no object is there now, only older versions or delete markers: an audit of these too looks at them";
        let only_older = summary.only_older.then(|| deleted.to_owned());
        let warned = [part, unjoined, only_older].into_iter().flatten();
        let mut lines: Vec<Line> = warned.map(|words| Line::new(Tone::Warn, words)).collect();
        lines.append(&mut rests_on(summary.rests_on.as_ref()));
        let (keys, vanished) = (&summary.key_objects, summary.vanished);
        let keys = (keys.referenced + keys.orphaned + keys.unknown > 0).then(|| {
            let (referenced, orphaned, unknown) = (keys.referenced, keys.orphaned, keys.unknown);
            format!("key objects: {referenced} referenced, {orphaned} orphaned, {unknown} not known to be either")
        });
        let intact = summary
            .is_deep
            .then(|| format!("{} read to their end and intact", summary.intact));
        let vanished = (vanished > 0).then(|| format!("{vanished} were gone when it was their turn"));
        let counts: Vec<String> = [keys, intact, vanished].into_iter().flatten().collect();
        lines.push(Line::new(Tone::Dim, counts.join("; ")));
        let wrapped = lines.iter().flat_map(|line| {
            let tone = line.0.first().map_or(Tone::Dim, |(tone, _)| *tone);
            let texts = format::wrap(&line.text(), columns).into_iter();
            texts
                .filter(|text| !text.is_empty())
                .map(move |text| Line::new(tone, text))
        });
        wrapped.collect()
    }

    /// What the row with the cursor is about, in lines for so many columns: its trouble, or what is known of all.
    pub fn footnote(&self, columns: usize, rows: usize) -> Vec<Line> {
        let trouble = self.current().map(AuditRow::trouble).unwrap_or_default();
        let words = if trouble.is_empty() {
            self.trouble.clone()
        } else {
            trouble
        };
        let is_well = self.current().is_none_or(AuditRow::is_well);
        let tone = if is_well { Tone::Dim } else { Tone::Warn };
        let lines = format::wrap(&words, columns).into_iter().take(rows);
        lines.map(|text| Line::new(tone, text)).collect()
    }

    /// The rows for a screen of so many columns and rows, each with whether it has the cursor.
    pub fn screen(&self, columns: usize, rows: usize) -> Vec<(bool, Line)> {
        let top = (self.cursor + 1).saturating_sub(rows);
        let visible = self.shown.iter().enumerate().skip(top).take(rows);
        let row = |(at, index): (usize, &usize)| {
            let row = self.report.rows.get(*index)?;
            Some((at == self.cursor, self.line(row, columns)))
        };
        visible.filter_map(row).collect()
    }

    fn line(&self, row: &AuditRow, columns: usize) -> Line {
        let [kind, size, key, object] = widths(columns);
        let narrow = |text: &str, width: usize| format::fit(&format::cut(text, width.saturating_sub(1)), width);
        let below = row
            .key
            .strip_prefix(&self.report.prefix)
            .filter(|rest| !rest.is_empty());
        let mut name = below.unwrap_or(&row.key).to_owned();
        if let Some(version) = &row.version {
            let old = if row.is_latest { "" } else { ", older" };
            name = format!("{name} ({version}{old})");
        }
        let (sign, sign_tone) = match (row.flaws.is_empty(), &row.unread, row.is_intact) {
            (false, ..) => ("✗ ", Tone::Bad),
            (true, Some(_), _) => ("? ", Tone::Warn),
            (true, None, _) if !row.unchecked.is_empty() => ("? ", Tone::Warn),
            (true, None, Some(true)) => ("✓ ", Tone::Good),
            (true, None, _) => ("  ", Tone::Plain),
        };
        let key_tone = row
            .kms_key
            .as_deref()
            .and_then(|key| key.unusable())
            .map_or(Tone::Plain, |_| Tone::Bad);
        let used = row.key_use.map(|key_use| key_use.as_str().to_owned());
        let key_text = row.kms_key.as_deref().map(short_name).or(used).unwrap_or_default();
        Line::new(sign_tone, sign)
            .and(tone(row.kind), narrow(row.kind.as_str(), kind))
            .and(
                Tone::Dim,
                format!("{:>width$}  ", format::size(row.size), width = size - 2),
            )
            .and(
                key_tone,
                if key == 0 {
                    String::new()
                } else {
                    narrow(&key_text, key)
                },
            )
            .and(Tone::Plain, format::cut_front(&name, object))
    }
}

/// As the panes call it.
fn short_name(key: &AuditKey) -> String {
    let name = key_name(key);
    name.strip_prefix("alias/").map_or(name.clone(), str::to_owned)
}

/// What the columns are called, as wide as they are.
pub fn heading(columns: usize) -> Line {
    let [kind, size, key, object] = widths(columns);
    let names = [
        ("  KIND", kind + 2),
        ("    SIZE", size),
        ("KMS KEY", key),
        ("OBJECT", object),
    ];
    let names = names.into_iter().filter(|(_, width)| *width > 0);
    Line(
        names
            .map(|(name, width)| (Tone::Dim, format::fit(name, width)))
            .collect(),
    )
}

fn widths(columns: usize) -> [usize; 4] {
    let key = if columns < WIDE { 0 } else { KEY };
    [KIND, SIZE, key, columns.saturating_sub(KIND + SIZE + key + 2)]
}

/// A bar of so many columns, name and count included, its length its share of the most.
pub fn bar_line(bar: &Bar, most: u64, columns: usize) -> Line {
    let count = most.to_string().len().max(LEAST);
    let name = columns.saturating_sub(count + LEAST + 1).min(KIND + 2);
    let room = columns.saturating_sub(name + count + 1);
    let eighths = if most == 0 {
        0
    } else {
        let share = bar.tally.objects as f64 / most as f64;
        ((share * (room * 8) as f64).round() as usize).max(usize::from(bar.tally.objects > 0))
    };
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let drawn = "█".repeat(eighths / 8) + PARTS.get(eighths % 8).copied().unwrap_or_default();
    Line::new(
        Tone::Plain,
        format::fit(&format::cut(&bar.name, name.saturating_sub(1)), name),
    )
    .and(bar.tone, format::fit(&drawn, room))
    .and(Tone::Dim, format!(" {:>count$}", bar.tally.objects))
}

fn tone(kind: Kind) -> Tone {
    match kind {
        Kind::Bound => Tone::Good,
        Kind::Moved | Kind::Unbound | Kind::Archive | Kind::SseC | Kind::Unread => Tone::Warn,
        Kind::Fernet
        | Kind::S3EncryptionClient(_)
        | Kind::InstructionFile
        | Kind::AwsEncryptionSdk
        | Kind::ArchiveOfTokens => Tone::Accent,
        Kind::KeyObject | Kind::Record | Kind::Program | Kind::Empty | Kind::DeleteMarker => Tone::Dim,
        Kind::SseKmsDsse | Kind::SseKms | Kind::SseS3 | Kind::Plain => Tone::Bad,
    }
}

/// By kind, the most first.
fn by_kind(report: &AuditReport) -> Vec<Bar> {
    let bar = |(kind, tally): (&Kind, &Tally)| Bar {
        name: kind.as_str().to_owned(),
        tone: tone(*kind),
        tally: *tally,
    };
    let mut bars: Vec<Bar> = report.summary.kinds.iter().map(bar).collect();
    bars.sort_by_key(|bar| std::cmp::Reverse(bar.tally.objects));
    bars
}

/// By KMS key, the most first; those of which there were too many to tell one by one are last.
fn by_key(report: &AuditReport) -> Vec<Bar> {
    let bar = |(key, tally): (&AuditKey, Tally)| Bar {
        name: short_name(key),
        tone: match (&key.state, key.unusable()) {
            (Err(_), _) => Tone::Dim,
            (Ok(_), Some(_)) => Tone::Bad,
            (Ok(_), None) => Tone::Accent,
        },
        tally,
    };
    let summary = &report.summary;
    let further = (summary.other_keys.objects > 0).then(|| Bar {
        name: "further keys".to_owned(),
        tone: Tone::Dim,
        tally: summary.other_keys,
    });
    summary.keys_by_use().into_iter().map(bar).chain(further).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{AuditSummary, Flaw};

    fn inventory() -> Inventory {
        let mut summary = AuditSummary::new("s3://b/p/".to_owned(), false, false);
        let mut open = AuditRow::new("p/plain.csv".to_owned(), 7, Kind::Plain);
        open.flaws.push(Flaw::Open);
        let rows = vec![open, AuditRow::new("p/token.csv".to_owned(), 184, Kind::Bound)];
        for row in &rows {
            summary.note(row, None);
        }
        summary.close(Ended::Whole);
        Inventory::new(Arc::new(AuditReport {
            bucket: "b".to_owned(),
            prefix: "p/".to_owned(),
            summary,
            rows,
            dropped: 0,
        }))
    }

    #[test]
    fn a_filter_looks_at_kind_key_name_and_trouble() {
        let mut shown = inventory();
        for (filter, rows) in [
            ("", 2),
            ("BOUND", 1),
            ("no client", 1),
            ("token.csv", 1),
            ("nothing such", 0),
        ] {
            shown.filter = Input::new(filter.to_owned());
            shown.refilter();
            assert_eq!(shown.count(), (2, rows), "{filter}");
        }
    }

    #[test]
    fn rows_fit_the_screen_and_name_objects_below_the_place() {
        let shown = inventory();
        for columns in [70, 110] {
            let lines = shown.screen(columns, 9);
            assert!(lines.iter().all(|(_, line)| format::width(&line.text()) <= columns));
            assert!(
                lines
                    .first()
                    .is_some_and(|(is_cursor, line)| *is_cursor && line.text().contains(" plain.csv"))
            );
            assert!(format::width(&heading(columns).text()) <= columns);
        }
        assert_eq!(shown.object(), Named::parse("s3://b/p/plain.csv"));
    }

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        let bar = |objects| Bar {
            name: "plain".to_owned(),
            tone: Tone::Bad,
            tally: Tally { objects, bytes: 0 },
        };
        let blocks = |objects| bar_line(&bar(objects), 100, 60).text().matches('█').count();
        assert_eq!((blocks(100), blocks(50), blocks(0)), (28, 14, 0));
        assert!(
            bar_line(&bar(1), 1_000_000, 60).text().contains('▏'),
            "one of many is still seen"
        );
    }
}
