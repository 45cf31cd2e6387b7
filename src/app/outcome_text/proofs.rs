//! Proofs and verdicts, line by line.

use jiff::Timestamp;

use crate::app::format::{self, Line, Tone};
use crate::domain::{Door, ProofMethod, ProofStep, Reading, Verdict};

/// Cells of an operation's name.
const OPERATION: usize = 32;

/// An access proof to be read: of which key and role, who asked and when, what is allowed, and why what is not.
pub(in crate::app) fn proof_lines(
    (key_arn, role_arn): (&str, &str),
    (asked_by, at): (&str, Timestamp),
    method: ProofMethod,
    steps: &[ProofStep],
) -> Vec<Line> {
    let time = format::time(at);
    let facts = [
        ("Key", key_arn),
        ("Role", role_arn),
        ("Asked by", asked_by),
        ("When", time.as_str()),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
    let fact = |(name, value): (&str, &str)| Line::new(Tone::Dim, format::fit(name, 10)).and(Tone::Plain, value);
    let mut lines: Vec<Line> = facts.map(fact).collect();
    if method == ProofMethod::Reasoned {
        let words = "The role could not be assumed: this is reasoned from policies and grants, not proved.";
        lines.push(Line::new(Tone::Warn, words));
        let offer = "Enter lets you assume the role for a proof, and takes that back when it is done.";
        lines.push(Line::new(Tone::Accent, offer));
    }
    lines.push(Line::blank());
    lines.extend(steps.iter().map(|step| {
        let (tone, sign) = if step.allowed {
            (Tone::Good, "✓ allowed")
        } else {
            (Tone::Bad, "✗ denied")
        };
        Line::new(Tone::Plain, format::labelled(&step.operation, OPERATION)).and(tone, sign)
    }));
    // What was tried and allowed needs no reason; what was only reasoned does.
    let is_told = |step: &&ProofStep| !step.allowed || method == ProofMethod::Reasoned;
    let mut told = steps
        .iter()
        .filter(is_told)
        .flat_map(|step| step_lines("", step))
        .peekable();
    if told.peek().is_some() {
        lines.extend([Line::blank(), Line::new(Tone::Heading, "Why")]);
        lines.extend(told);
    }
    let requests = steps.iter().filter(|step| !is_told(step));
    let mut requests = requests
        .filter_map(|step| Some((step, step.request_id.as_deref()?)))
        .peekable();
    if requests.peek().is_some() {
        lines.extend([Line::blank(), Line::new(Tone::Heading, "Requests that were allowed")]);
        lines.extend(
            requests.map(|(step, id)| {
                Line::new(Tone::Plain, format::labelled(&step.operation, OPERATION)).and(Tone::Dim, id)
            }),
        );
    }
    lines
}

/// Whether an operation is allowed.
fn answer_line(lead: &str, step: &ProofStep) -> Line {
    let (tone, word) = if step.allowed {
        (Tone::Good, "allowed")
    } else {
        (Tone::Bad, "denied ")
    };
    Line::new(tone, format!("{lead}{word}  ")).and(Tone::Plain, step.operation.clone())
}

/// One operation that was tried.
pub(in crate::app) fn step_lines(lead: &str, step: &ProofStep) -> Vec<Line> {
    let mut lines = vec![answer_line(lead, step)];
    let margin = " ".repeat(lead.len() + 9);
    lines.extend(
        step.reason
            .iter()
            .map(|reason| Line::new(Tone::Dim, format!("{margin}{reason}"))),
    );
    let id = step.request_id.iter();
    lines.extend(id.map(|id| Line::new(Tone::Dim, format!("{margin}request {id}"))));
    lines
}

/// How good news it is.
pub(super) fn reading_tone(reading: &Reading) -> Tone {
    match reading {
        Reading::Intact { verified, .. } if verified.bond.is_bound() && !verified.is_ahead => Tone::Good,
        Reading::Intact { .. } | Reading::NoToken { .. } | Reading::NotChecked { .. } => Tone::Warn,
        Reading::NotIntact { .. } => Tone::Bad,
    }
}

/// A verdict to be read.
pub(in crate::app) fn verdict_lines(found: &Verdict) -> Vec<Line> {
    let (word, more) = match &found.reading {
        Reading::Intact { format, verified } => ("intact      ", format!("{}, {verified}", format.as_str())),
        Reading::NotIntact { why, .. } => ("not intact  ", why.why_at(Door::Dashboard)),
        Reading::NoToken { why, .. } => ("no token    ", why.why_at(Door::Dashboard)),
        Reading::NotChecked { why, .. } => ("not checked ", why.at(Door::Dashboard)),
    };
    let margin = " ".repeat(word.len());
    let lost = found.contested.iter();
    let lost = lost.map(|one| Line::new(Tone::Warn, format!("{margin}{}: {one}", one.name)));
    let mut lines = vec![
        Line::new(reading_tone(&found.reading), word).and(Tone::Plain, found.source.clone()),
        Line::new(Tone::Dim, format!("{margin}{more}")),
    ];
    lines.extend(lost);
    lines
}
