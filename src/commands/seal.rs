//! What rotating and encrypting of objects share on the command line: a row an object, then what became of all.

use tokio_util::sync::CancellationToken;

use super::output::{clear_progress, json_line, line, progress, warn};
use crate::actions::bulk::{plan_seal, seal};
use crate::aws::Aws;
use crate::domain::audit::Ended;
use crate::domain::seal::{
    Fate, SealPlan, SealRow, SealSpec, SealSummary, json_plan, json_row, json_summary, plan_lines, row_line,
    summary_lines,
};
use crate::domain::words::counted;
use crate::domain::{Fault, FaultKind};

/// Does it, or says what it would do, and prints what came of it: of each object with `--json`, else of what was sealed or
/// failed.
///
/// # Errors
/// Unless all that was to be sealed is.
pub(super) async fn run(
    aws: &Aws,
    spec: &SealSpec,
    (dry_run, json): (bool, bool),
    cancel: &CancellationToken,
) -> Result<(), Fault> {
    if dry_run {
        let plan = plan_seal(aws, spec, &progress(), cancel).await;
        clear_progress();
        let plan = plan?;
        if json {
            json_line(&json_plan(&plan))?;
        } else {
            plan_lines(&plan).iter().try_for_each(|told| line(told))?;
        }
        return planned(plan);
    }
    let mut tell = |row: &SealRow| {
        clear_progress();
        if json {
            return json_line(&json_row(spec, row));
        }
        match (row.fault(), &row.fate) {
            (Some(_), _) => {
                warn(&row_line(spec, row));
                Ok(())
            }
            (None, Fate::Sealed(_)) => line(&row_line(spec, row)),
            // Told by number, with the reason.
            (None, _) => Ok(()),
        }
    };
    let sealed = seal(aws, spec, &progress(), cancel, &mut tell).await;
    clear_progress();
    let summary = sealed?;
    if json {
        json_line(&json_summary(spec, &summary))?;
    } else {
        summary_lines(spec, &summary).iter().try_for_each(|told| line(told))?;
    }
    ended(spec, summary)
}

fn planned(plan: SealPlan) -> Result<(), Fault> {
    match plan.ended {
        Ended::Whole if plan.unread_count == 0 => Ok(()),
        Ended::Whole => {
            let objects = counted(usize::try_from(plan.unread_count).unwrap_or(usize::MAX), "object");
            let cause = format!("{objects} could not be looked at");
            let remedy = "the lines above say why";
            Err(Fault::new(
                FaultKind::Other,
                plan.spec.verb(),
                plan.spec.place(),
                cause,
                remedy,
            ))
        }
        Ended::Stopped => {
            let cause = "it was stopped; what is told above is a part";
            Err(Fault::new(
                FaultKind::Cancelled,
                plan.spec.verb(),
                plan.spec.place(),
                cause,
                "",
            ))
        }
        Ended::BrokeOff(fault) => Err(*fault),
    }
}

fn ended(spec: &SealSpec, summary: SealSummary) -> Result<(), Fault> {
    let (verb, place) = (spec.verb(), spec.place());
    let done = counted(usize::try_from(summary.sealed.objects).unwrap_or(usize::MAX), "object");
    match summary.ended {
        Ended::BrokeOff(fault) => {
            let cause = format!("{} ({done} done by then stay; the same again goes on)", fault.cause);
            return Err(Fault { cause, ..*fault });
        }
        Ended::Stopped => {
            let cause = format!("it was stopped; {done} done by then stay, and the same again goes on");
            return Err(Fault::new(FaultKind::Cancelled, verb, place, cause, ""));
        }
        Ended::Whole => {}
    }
    let counts = [(summary.failed.objects, "failed"), (summary.undeleted, "not deleted")];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, what)| format!("{count} {what}")).collect();
    if counts.is_empty() {
        return Ok(());
    }
    let cause = format!("{done} done, {}", counts.join(", "));
    Err(Fault::new(
        FaultKind::Other,
        verb,
        place,
        cause,
        "the lines above say why",
    ))
}
