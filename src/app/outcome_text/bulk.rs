//! What is said of what was done to a whole place.

use crate::app::format;
use crate::domain::audit::{AuditSummary, Ended};
use crate::domain::rewrap::RewrapReport;
use crate::domain::seal::{SealAct, SealReport};

/// What hosts were given to do.
pub(super) fn begun((id, job): (&str, Option<&str>), shards: u64, objects: u64) -> String {
    let count = |number: u64, of| format::count(usize::try_from(number).unwrap_or(usize::MAX), of);
    let objects = count(objects, "object");
    match job {
        Some(job) => format!("{objects} listed; the job {job} does {}.", count(shards, "shard")),
        None => format!("{objects} listed; of {id} there is nothing left to do."),
    }
}

/// What a re-wrap came to, or would.
pub(super) fn rewrapped(report: &RewrapReport) -> String {
    let objects = |count: u64| format::count(usize::try_from(count).unwrap_or(usize::MAX), "object");
    let left: String = [(report.refused, "refused"), (report.failed, "failed")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!(", {count} {what}"))
        .collect();
    let stopped = match (&report.ended, &report.not_deleted) {
        (Ended::Whole, None) => "",
        (Ended::Whole, Some(_)) => ", but old key objects could not be deleted",
        (Ended::Stopped | Ended::BrokeOff(_), _) => ", then it was stopped",
    };
    let (verb, keys) = if report.is_plan {
        ("would be re-wrapped", "")
    } else {
        ("re-wrapped", ": the tokens stayed where they are")
    };
    let under = format::count(usize::try_from(report.data_keys).unwrap_or(usize::MAX), "data key");
    format!(
        "{}: {} under {under} {verb}{left}{stopped}{keys}.",
        report.place,
        objects(report.done.objects)
    )
}

/// What an audit says of all, and whether all is well.
pub(super) fn audited(summary: &AuditSummary) -> (String, bool) {
    let all = format::count(usize::try_from(summary.all.objects).unwrap_or(usize::MAX), "object");
    let part = if summary.ended == Ended::Whole {
        ""
    } else {
        "a part of "
    };
    let unjoined = summary.unjoined.as_ref().map_or(0, |unjoined| unjoined.moved);
    let counts = [
        (summary.flawed, "wrong"),
        (unjoined, "not moved together"),
        (summary.unread(), "not read"),
        (summary.unchecked_objects, "not checked"),
    ];
    let found: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let found = if found.is_empty() {
        "nothing is wrong".to_owned()
    } else {
        found.join(", ")
    };
    (
        format!("Audited {part}{}: {all}, {found}.", summary.place),
        summary.is_well(),
    )
}

/// What became of objects that were sealed, and whether all is well.
pub(super) fn sealed(report: &SealReport) -> (String, bool) {
    let (spec, summary) = (&report.spec, &report.summary);
    let count = |objects: u64| format::count(usize::try_from(objects).unwrap_or(usize::MAX), "object");
    let (done, to) = match &spec.act {
        SealAct::Rotate { .. } => ("Rotated", String::new()),
        SealAct::Encrypt { .. } if spec.is_in_place() => ("Encrypted", " in place".to_owned()),
        SealAct::Encrypt { to, .. } => ("Encrypted", format!(" to {to}")),
    };
    let objects = count(summary.sealed.objects);
    let part = if summary.ended == Ended::Whole { "" } else { ", a part" };
    let counts = [
        (summary.passed_over() - summary.unchecked(), "left as they are"),
        (summary.failed.objects, "failed"),
        (summary.undeleted, "not deleted"),
        (summary.unchecked(), "not checked"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let more: String = counts.map(|(count, what)| format!(", {count} {what}")).collect();
    (
        format!("{done} {objects} of {}{to}{part}{more}.", spec.place()),
        summary.is_well(),
    )
}
