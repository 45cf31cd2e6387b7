//! What rotating and encrypting of objects share on the command line: a row an object, then what became of all.

use tokio_util::sync::CancellationToken;

use super::bulk::{self, Asked};
use super::output::{clear_progress, json_line, line, progress, warn};
use crate::actions::bulk::processing::collect_sealed;
use crate::actions::bulk::{plan_seal, seal};
use crate::aws::Aws;
use crate::cli::EngineArgs;
use crate::domain::audit::Ended;
use crate::domain::seal::{
    Fate, SealPlan, SealRow, SealSpec, SealSummary, json_plan, json_row, json_summary, plan_lines, row_line,
    summary_lines,
};
use crate::domain::words::{counted, some_of};
use crate::domain::{BulkOrder, Door, Fault, JobSettings};

const DOOR: Door = Door::CommandLine;

/// How it is to be done.
#[derive(Clone, Copy)]
pub(super) struct How<'a> {
    pub(super) dry_run: bool,
    pub(super) json: bool,
    pub(super) engine: &'a EngineArgs,
    pub(super) settings: &'a JobSettings,
}

/// Does it, or has other machines do it, or says what it would do, and prints what came of it: of each object with `--json`, else
/// of what was sealed or failed.
///
/// # Errors
/// Unless all that was to be sealed is, and nothing was left that may be plain.
pub(super) async fn run(aws: &Aws, spec: &SealSpec, how: How<'_>, cancel: &CancellationToken) -> Result<(), Fault> {
    let How { json, .. } = how;
    if how.engine.on.is_some() {
        return Box::pin(on_processing(aws, spec, how, cancel)).await;
    }
    if how.dry_run {
        let plan = plan_seal(aws, spec, &progress(), cancel).await;
        clear_progress();
        let plan = plan?;
        if json {
            json_line(&json_plan(&plan))?;
        } else {
            plan_lines(&plan, DOOR).iter().try_for_each(|told| line(told))?;
        }
        return planned(plan);
    }
    told(spec, json, async |tell| {
        seal(aws, spec, &progress(), cancel, tell).await
    })
    .await
}

async fn on_processing(aws: &Aws, spec: &SealSpec, how: How<'_>, cancel: &CancellationToken) -> Result<(), Fault> {
    let order = BulkOrder::Seal(spec.clone());
    let asked = Asked {
        order: &order,
        engine: how.engine,
        settings: how.settings,
        dry_run: how.dry_run,
        json: how.json,
    };
    let Some(folder) = bulk::on_processing(aws, asked, cancel).await? else {
        return Ok(());
    };
    told(spec, how.json, async |tell| {
        let (_, summary) = collect_sealed(aws, &folder, &progress(), cancel, tell).await?;
        Ok(summary)
    })
    .await
}

/// Prints what sealing tells.
async fn told(
    spec: &SealSpec,
    json: bool,
    seal: impl AsyncFnOnce(&mut (dyn FnMut(&SealRow) -> Result<(), Fault> + Send)) -> Result<SealSummary, Fault>,
) -> Result<(), Fault> {
    let mut tell = |row: &SealRow| {
        clear_progress();
        if json {
            return json_line(&json_row(spec, row));
        }
        match &row.fate {
            _ if !row.is_well() => {
                warn(&row_line(spec, row, DOOR));
                Ok(())
            }
            Fate::Sealed(_) => line(&row_line(spec, row, DOOR)),
            // Told by number, with the reason.
            Fate::PassedOver(_) | Fate::Failed(_) => Ok(()),
        }
    };
    let sealed = seal(&mut tell).await;
    clear_progress();
    let summary = sealed?;
    bulk::rests_on(summary.rests_on.as_ref(), json);
    if json {
        json_line(&json_summary(spec, &summary))?;
    } else {
        summary_lines(spec, &summary, DOOR)
            .iter()
            .try_for_each(|told| line(told))?;
    }
    ended(spec, summary)
}

fn planned(plan: SealPlan) -> Result<(), Fault> {
    match plan.ended {
        Ended::Whole if plan.is_well() => Ok(()),
        Ended::Whole => {
            let counts = [
                (plan.doomed_count, "would fail"),
                (plan.unread_count, "could not be looked at"),
                (plan.unchecked(), "would be left, and may be plain"),
            ];
            let counts = counts.iter().filter(|(count, _)| *count > 0);
            let counts = counts.map(|(count, what)| format!("{} {what}", counted(*count, "object")));
            let cause = counts.collect::<Vec<_>>().join(", ");
            let remedy = "the lines above say why";
            let (verb, place) = (plan.spec.verb(), plan.spec.place());
            Err(Fault::other(verb, place, cause, remedy))
        }
        Ended::Stopped => {
            let cause = "it was stopped; what is told above is a part";
            let (verb, place) = (plan.spec.verb(), plan.spec.place());
            Err(Fault::cancelled(verb, place, cause, ""))
        }
        Ended::BrokeOff(fault) => Err(*fault),
    }
}

fn ended(spec: &SealSpec, summary: SealSummary) -> Result<(), Fault> {
    let (verb, place) = (spec.verb(), spec.place());
    let done = counted(summary.sealed.objects, "object");
    match summary.ended {
        Ended::BrokeOff(fault) => {
            let cause = format!("{} ({done} done by then stay; the same again goes on)", fault.cause);
            return Err(Fault { cause, ..*fault });
        }
        Ended::Stopped => {
            let cause = format!("it was stopped; {done} done by then stay, and the same again goes on");
            return Err(Fault::cancelled(verb, place, cause, ""));
        }
        Ended::Whole => {}
    }
    let counts = some_of([
        (summary.failed.objects, "failed"),
        (summary.undeleted, "not deleted"),
        (summary.unchecked(), "not checked"),
    ]);
    if counts.is_empty() {
        return Ok(());
    }
    let cause = format!("{done} done, {}", counts.join(", "));
    Err(Fault::other(verb, place, cause, "the lines above say why"))
}
