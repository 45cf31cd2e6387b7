//! The story of a grant as a matrix: operations by before, granted and revoked; the reasons of the row with the cursor.
//! What came of it, for whom, when and where that is kept come first, then the matrix: they fit on a small screen.

use std::ops::Range;
use std::path::Path;

use super::format::{self, Line, Tone};
use super::state::overlay::Matrix;
use crate::domain::proof::PHASES;
use crate::domain::{GrantCycle, ProofStep};

/// Cells of an operation's name, and of a phase.
const OPERATION: usize = 36;
const PHASE: usize = 12;
/// Cells of a fact's name.
const FACT: usize = 10;

/// How many rows have a cursor.
pub fn rows(matrix: &Matrix) -> usize {
    matrix.cycle.operations().len()
}

/// The page, and the lines of the row with the cursor: its own, and those of its reasons where it is open.
pub fn lines(matrix: &Matrix, columns: usize) -> (Vec<Line>, Range<usize>) {
    let cycle = &matrix.cycle;
    let mut lines = head(cycle, columns);
    let narrow = columns < OPERATION + 3 * PHASE + 12;
    let name = if narrow { OPERATION - 8 } else { OPERATION };
    lines.push(Line::blank());
    lines.push(titles(name, str::to_owned).and(Tone::Dim, "the grant"));
    lines.push(titles(name, |phase| {
        let at = cycle
            .phase(phase)
            .map(|phase| phase.at.strftime("%H:%M:%S").to_string());
        at.unwrap_or_else(|| "not tried".to_owned())
    }));
    let mut cursor = 0..0;
    for (index, operation) in cycle.operations().into_iter().enumerate() {
        let is_cursor = index == matrix.cursor;
        let first = lines.len();
        let sign = if is_cursor { "▸ " } else { "  " };
        let tone = if is_cursor { Tone::Heading } else { Tone::Plain };
        let mut line = Line::new(Tone::Accent, sign).and(tone, format::labelled(operation, name));
        for phase in PHASES {
            let (tone, sign) = sign_of(cycle.step(phase, operation));
            line = line.and(tone, format::fit(sign, PHASE));
        }
        let is_granted = cycle.granted.iter().any(|granted| granted == operation);
        lines.push(line.and(Tone::Dim, if is_granted { "allows it" } else { "" }));
        if is_cursor && matrix.is_open {
            lines.extend(PHASES.iter().flat_map(|phase| reason(cycle, phase, operation, columns)));
        }
        if is_cursor {
            cursor = first..lines.len();
        }
    }
    lines.push(Line::blank());
    lines.extend(circumstances(cycle, columns));
    (lines, cursor)
}

fn titles(name: usize, word: impl Fn(&str) -> String) -> Line {
    let line = Line::new(Tone::Dim, " ".repeat(name + 2));
    PHASES.iter().fold(line, |line, phase| {
        line.and(Tone::Dim, format::fit(&word(phase), PHASE))
    })
}

fn sign_of(step: Option<&ProofStep>) -> (Tone, &'static str) {
    match step {
        Some(step) if step.allowed => (Tone::Good, "✓ allowed"),
        Some(_) => (Tone::Bad, "✗ denied"),
        None => (Tone::Dim, "–"),
    }
}

fn reason(cycle: &GrantCycle, phase: &str, operation: &str, columns: usize) -> Vec<Line> {
    let Some(step) = cycle.step(phase, operation) else {
        return vec![Line::new(
            Tone::Dim,
            format!("      {} not tried", format::fit(phase, 9)),
        )];
    };
    let (tone, _) = sign_of(Some(step));
    let said = step.reason.as_deref().unwrap_or("allowed");
    let id = step
        .request_id
        .as_deref()
        .map(|id| format!(" · request {id}"))
        .unwrap_or_default();
    let pieces = format::wrap(&format!("{said}{id}"), columns.saturating_sub(16)).into_iter();
    let mut phase = format::fit(phase, 9);
    let line = |piece| {
        let line = Line::new(tone, format!("      {phase} ")).and(Tone::Dim, piece);
        phase = " ".repeat(9);
        line
    };
    pieces.map(line).collect()
}

/// What came of it, for which key and role, who asked and when, and where that is kept.
fn head(cycle: &GrantCycle, columns: usize) -> Vec<Line> {
    let (tone, verdict) = if cycle.holds {
        (Tone::Good, "It holds.")
    } else {
        (Tone::Bad, "It does not hold.")
    };
    let mut lines = fact("Verdict", tone, verdict, columns);
    for note in &cycle.notes {
        lines.extend(fact("", Tone::Warn, note, columns));
    }
    lines.extend(fact("Key", Tone::Plain, &cycle.key_arn, columns));
    lines.extend(fact("Role", Tone::Plain, &cycle.role_arn, columns));
    let identity = cycle.identity.as_deref().unwrap_or("not told");
    lines.extend(fact("Asked by", Tone::Plain, identity, columns));
    let times = cycle
        .phases
        .first()
        .zip(cycle.phases.last())
        .map(|(first, last)| format!("{} to {}", format::time(first.at), last.at.strftime("%H:%M:%S")));
    lines.extend(fact("When", Tone::Plain, &times.unwrap_or_default(), columns));
    lines.extend(kept("Evidence", cycle.evidence.as_deref(), columns));
    lines
}

/// The requests that granted and revoked, and the page to be read.
fn circumstances(cycle: &GrantCycle, columns: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for phase in cycle.phases.iter().filter(|phase| phase.expected.is_none()) {
        let id = phase.request_id.as_deref().unwrap_or("not told");
        let words = format!("{} · request {id}", phase.at.strftime("%H:%M:%S"));
        let name = if phase.name == "grant" { "Granted" } else { "Revoked" };
        lines.extend(fact(name, Tone::Plain, &words, columns));
    }
    lines.extend(kept("Its page", cycle.page.as_deref(), columns));
    lines
}

/// Where a file of it is, if it could be written: of a path both ends tell something.
fn kept(name: &str, path: Option<&Path>, columns: usize) -> Vec<Line> {
    let path = path.map(Path::to_string_lossy).unwrap_or_default();
    let room = columns.saturating_sub(FACT);
    fact(name, Tone::Accent, &format::cut_middle(&path, room), columns)
}

/// A fact in a line; nothing where there is none to tell.
fn fact(name: &str, tone: Tone, value: &str, columns: usize) -> Vec<Line> {
    if value.is_empty() {
        return Vec::new();
    }
    let value = format::cut_front(value, columns.saturating_sub(FACT));
    vec![Line::new(Tone::Dim, format::fit(name, FACT)).and(tone, value)]
}
