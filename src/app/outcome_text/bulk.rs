//! What is said of what was done to a whole place.

use crate::app::format;
use crate::domain::audit::Ended;
use crate::domain::rewrap::RewrapReport;

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
