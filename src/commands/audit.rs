//! `strongroom audit s3://BUCKET/PREFIX/`.

use tokio_util::sync::CancellationToken;

use super::bulk;
use super::output::{clear_progress, in_s3, json_line, line, progress, terms, warn};
use crate::actions::bulk::processing::collect;
use crate::actions::bulk::{AuditTable, audit};
use crate::aws::Aws;
use crate::cli::AuditArgs;
use crate::domain::audit::{AuditRequest, AuditRow, AuditSummary, Ended, json_row, json_summary, summary_lines};
use crate::domain::words::{counted, some_of};
use crate::domain::{BulkOrder, Fault, JobSettings, ObjectUri};

/// Audits, and prints what is wrong as it is found, then what all objects are together; with `--json` a line an object, then
/// the summary. Where other machines do it they are waited for only if that is asked for.
///
/// # Errors
/// Unless everything could be read and nothing is wrong.
pub async fn run(
    aws: &Aws,
    (args, settings): &(AuditArgs, JobSettings),
    cancel: CancellationToken,
) -> Result<(), Fault> {
    let request = request(args)?;
    let aws = aws.carrying(&terms(&args.terms));
    if args.engine.on.is_none() {
        return told(args, &request.bucket, async |tell| {
            audit(&aws, &request, &progress(), &cancel, tell).await
        })
        .await;
    }
    if let Some(path) = args.csv.as_ref().filter(|_| !args.engine.preflight) {
        if args.engine.resume.is_none() && !args.engine.wait {
            let remedy = "give --wait, or --csv to the command that --resume goes on with";
            return Err(Fault::usage("read", "--csv", "the report is not there yet", remedy));
        }
        // Known before hours of waiting.
        drop(AuditTable::create(path, &request.bucket)?);
    }
    let order = BulkOrder::Audit(request.clone());
    let asked = bulk::Asked {
        order: &order,
        engine: &args.engine,
        settings,
        dry_run: false,
        json: args.json,
    };
    let Some(folder) = bulk::on_processing(&aws, asked, &cancel).await? else {
        return Ok(());
    };
    told(args, &request.bucket, async |tell| {
        collect(&aws, &folder, &progress(), &cancel, tell).await
    })
    .await
}

/// Prints what an audit tells.
async fn told(
    args: &AuditArgs,
    bucket: &str,
    audit: impl AsyncFnOnce(&mut (dyn FnMut(AuditRow) -> Result<(), Fault> + Send)) -> Result<AuditSummary, Fault>,
) -> Result<(), Fault> {
    let mut table = match &args.csv {
        Some(path) => Some(AuditTable::create(path, bucket)?),
        None => None,
    };
    let mut tell = |row: AuditRow| {
        if let Some(table) = &mut table {
            table.add(&row)?;
        }
        if args.json {
            clear_progress();
            return json_line(&json_row(bucket, &row));
        }
        // What could not be checked is a key's trouble, and told of all its objects at once.
        if row.flaws.is_empty() && row.unread.is_none() {
            return Ok(());
        }
        let trouble = row.trouble();
        clear_progress();
        let version = row
            .version
            .as_deref()
            .map(|id| format!(" (version {id})"))
            .unwrap_or_default();
        line(&format!(
            "s3://{bucket}/{}{version}: {}: {trouble}",
            row.key,
            row.kind.as_str()
        ))
    };
    let audited = audit(&mut tell).await;
    clear_progress();
    let summary = audited?;
    bulk::rests_on(summary.rests_on.as_ref(), args.json);
    if let (Some(table), Some(path)) = (table, &args.csv) {
        table.publish()?;
        warn(&format!("every row is in {}", path.display()));
    }
    if args.json {
        json_line(&json_summary(&summary))?;
    } else {
        for told in summary_lines(&summary) {
            line(&told)?;
        }
    }
    ended(summary)
}

fn request(args: &AuditArgs) -> Result<AuditRequest, Fault> {
    let ObjectUri { bucket, key } = in_s3("audit", &args.place)?;
    Ok(AuditRequest {
        bucket,
        prefix: key,
        deep: args.deep,
        versions: args.versions,
    })
}

fn ended(summary: AuditSummary) -> Result<(), Fault> {
    let place = summary.place.clone();
    let seen = counted(summary.all.objects, "object");
    if let Ended::BrokeOff(fault) = summary.ended {
        let cause = format!("{} (what is told above is a part: {seen})", fault.cause);
        return Err(Fault { cause, ..*fault });
    }
    if summary.ended == Ended::Stopped {
        let cause = format!("it was stopped; what is told above is a part: {seen}");
        return Err(Fault::cancelled("audit", place, cause, ""));
    }
    if summary.is_well() {
        return Ok(());
    }
    let unjoined = summary.unjoined.as_ref().map_or(0, |unjoined| unjoined.moved);
    let counts = some_of([
        (summary.flawed, "wrong"),
        (unjoined, "not moved together"),
        (summary.unread(), "not read"),
        (summary.unchecked_objects, "not checked"),
    ]);
    let cause = format!("of {seen} {}", counts.join(", "));
    Err(Fault::other("audit", place, cause, "the lines above say why"))
}
