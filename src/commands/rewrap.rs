//! `strongroom rewrap s3://BUCKET/PREFIX/ --to KEY`.

use tokio_util::sync::CancellationToken;

use super::bulk::{self, Asked};
use super::output::{clear_progress, context, in_s3, json_line, line, progress, terms};
use crate::actions::bulk::processing::{OldKeyObjects, collect_rewrapped};
use crate::actions::bulk::{RewrapMode, rewrap};
use crate::aws::Aws;
use crate::cli::RewrapArgs;
use crate::domain::audit::Ended;
use crate::domain::rewrap::{RewrapReport, RewrapRow, RewrapSpec, Rewrapped, json_row};
use crate::domain::words::{counted, some_of};
use crate::domain::{BulkOrder, Door, Fault, JobSettings, ObjectUri};

/// Re-wraps, and prints by name what was not; then what all are together. With `--json` a line an object, then the summary. Where
/// other machines do it they are waited for only if that is asked for.
///
/// # Errors
/// Unless every token is under the key.
pub async fn run(
    aws: &Aws,
    (args, settings): &(RewrapArgs, JobSettings),
    cancel: CancellationToken,
) -> Result<(), Fault> {
    let spec = spec(args)?;
    let aws = &aws.carrying(&terms(&args.terms));
    if args.engine.on.is_some() {
        let order = BulkOrder::Rewrap(spec);
        let asked = Asked {
            order: &order,
            engine: &args.engine,
            settings,
            dry_run: args.dry_run,
            json: args.json,
        };
        let Some(folder) = Box::pin(bulk::on_processing(aws, asked, &cancel)).await? else {
            return Ok(());
        };
        let old = OldKeyObjects::GoIfAsked;
        return told(args, order.bucket(), async |tell| {
            let report = collect_rewrapped(aws, &folder, old, &progress(), &cancel, tell).await?;
            bulk::rests_on(report.rests_on.as_ref(), args.json);
            Ok(report)
        })
        .await;
    }
    let mode = if args.dry_run {
        RewrapMode::PLAN
    } else {
        RewrapMode::ALL
    };
    told(args, &spec.bucket, async |tell| {
        rewrap(aws, &spec, mode, &progress(), &cancel, tell).await
    })
    .await
}

/// Prints what a re-wrap tells.
async fn told(
    args: &RewrapArgs,
    bucket: &str,
    rewrap: impl AsyncFnOnce(&mut (dyn FnMut(RewrapRow) -> Result<(), Fault> + Send)) -> Result<RewrapReport, Fault>,
) -> Result<(), Fault> {
    let mut tell = |row: RewrapRow| {
        if args.json {
            clear_progress();
            return json_line(&json_row(bucket, &row));
        }
        let (Rewrapped::Refused | Rewrapped::Failed, Some(why)) = (row.state, &row.why) else {
            return Ok(());
        };
        clear_progress();
        line(&format!("s3://{bucket}/{}: {}: {why}", row.key, row.state.as_str()))
    };
    let done = rewrap(&mut tell).await;
    clear_progress();
    let report = done?;
    if args.json {
        json_line(&report.json())?;
    } else {
        for told in report.lines(Door::CommandLine) {
            line(&told)?;
        }
    }
    ended(report)
}

fn spec(args: &RewrapArgs) -> Result<RewrapSpec, Fault> {
    let context = context(&args.context)?;
    let ObjectUri { bucket, key } = in_s3("re-wrap", &args.place)?;
    Ok(RewrapSpec {
        bucket,
        prefixes: vec![key],
        objects: Vec::new(),
        to: args.to.clone(),
        context: (!context.is_empty()).then_some(context),
        delete_old: args.delete_old_key_objects,
    })
}

fn ended(report: RewrapReport) -> Result<(), Fault> {
    if report.is_well() {
        return Ok(());
    }
    let remedy = "the same again goes on with what is left";
    if report.ended == Ended::Stopped {
        let done = counted(report.done.objects, "object");
        let cause = format!("it was stopped after {done}; every object opens");
        return Err(Fault::cancelled("re-wrap", report.place, cause, remedy));
    }
    if let Ended::BrokeOff(fault) = report.ended {
        let done = counted(report.done.objects, "object");
        let cause = format!("{} (by then {done} were re-wrapped; {remedy})", fault.cause);
        return Err(Fault { cause, ..*fault });
    }
    if report.refused + report.failed == 0
        && let Some(fault) = report.not_deleted
    {
        let done = counted(report.done.objects, "object");
        let cause = format!("{} (before that {done} were re-wrapped; {remedy})", fault.cause);
        return Err(Fault { cause, ..*fault });
    }
    let counts = some_of([(report.refused, "refused"), (report.failed, "failed")]);
    let cause = format!(
        "of its tokens {}: the lines above name them; every object opens as before",
        counts.join(", ")
    );
    let remedy = if report.failed > 0 { remedy } else { "" };
    Err(Fault::other("re-wrap", report.place, cause, remedy))
}
