//! `strongroom who KEY`.

use std::sync::atomic::{AtomicU8, Ordering};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::output::{clear_progress, json_line, line, progress, warn};
use crate::actions::{NewFile, save_who, who};
use crate::aws::Aws;
use crate::cli::WhoArgs;
use crate::domain::who::{
    Access, Answer, Extent, HISTORY_NOTE, Row, SHOWN, Says, Standing, UseRow, WhoReport, csv, document,
};
use crate::domain::words::counted;
use crate::domain::{Fault, Outcome};

/// Somebody outside the chain used the key.
const OUTSIDE: u8 = 4;
/// Nobody was found, and not all could be checked.
const UNCHECKED: u8 = 3;

/// Finds out and prints who can use a key, then who did; the status that this comes to is left in `status`.
///
/// # Errors
/// When the key cannot be found, or nothing of it be read, or a file not be written.
pub async fn run(aws: &Aws, (args, status): &(WhoArgs, &AtomicU8), cancel: CancellationToken) -> Result<(), Fault> {
    let table = args.csv.as_deref().map(NewFile::create).transpose()?;
    let found = who(aws, &args.key, args.days, &progress(), &cancel).await;
    clear_progress();
    let report = found?;
    if let (Some(table), Some(path)) = (table, &args.csv) {
        table.publish(csv(&report).as_bytes())?;
        warn(&format!("who did is in {}", path.display()));
    }
    if args.keep
        && let Outcome::WhoSaved { json, page } = save_who(aws, &report)?
    {
        warn(&format!("the evidence is in {} and {}", json.display(), page.display()));
    }
    if args.json {
        json_line(&document(&report, Timestamp::now()))?;
    } else {
        print(&report)?;
    }
    let is_checked = report.unchecked().is_empty();
    let ended = match (report.outside(), is_checked) {
        (0, true) => 0,
        (0, false) => UNCHECKED,
        _ => OUTSIDE,
    };
    status.store(ended, Ordering::Relaxed);
    Ok(())
}

fn print(report: &WhoReport) -> Result<(), Fault> {
    if let Some(access) = &report.access {
        can(access)?;
    }
    line("")?;
    let uses = &report.uses;
    let back = match (&uses.extent, uses.oldest) {
        (Extent::Whole(since), _) => format!("since {}", since.strftime("%Y-%m-%d")),
        (_, Some(oldest)) => {
            let oldest = oldest.strftime("%Y-%m-%d %H:%M UTC");
            format!("read back to {oldest}, and no further")
        }
        (_, None) => "read".to_owned(),
    };
    let events = counted(usize::try_from(uses.events).unwrap_or(usize::MAX), "event");
    line(&format!("who did ({events} {back}; {HISTORY_NOTE}):"))?;
    for (standing, row) in report.order() {
        line(&did(&standing, row))?;
    }
    for told in report.unread() {
        line(&format!("not read of who can: {told}"))?;
    }
    for told in report.unchecked() {
        line(&format!("not checked: {told}"))?;
    }
    line(&match report.outside() {
        0 if report.unchecked().is_empty() => "nobody outside the chain used the key".to_owned(),
        0 => "nobody outside the chain was found, and not all could be checked".to_owned(),
        rows => format!("outside the chain: {}", counted(rows, "row")),
    })
}

fn can(access: &Access) -> Result<(), Fault> {
    let state = match access.usable {
        Some(true) => "enabled",
        Some(false) => "not enabled: nobody can use it now",
        None => "state not known",
    };
    line(&format!("{} ({state})", access.key_arn))?;
    let heads: Vec<&str> = SHOWN.iter().map(|(_, head)| *head).collect();
    line(&format!("  {}  P key policy, I IAM policy, G grant", heads.join(" ")))?;
    for Row { principal, cells } in &access.rows {
        let signs: Vec<String> = cells
            .iter()
            .take(SHOWN.len())
            .map(|cell| format!("{:<3}", cell.says.sign()))
            .collect();
        line(&format!("  {}  {principal}", signs.join(" ")))?;
        let mut sources: Vec<&str> = cells
            .iter()
            .filter(|cell| cell.says != Says::No)
            .map(|cell| cell.source.as_str())
            .collect();
        sources.sort_unstable();
        sources.dedup();
        for source in sources {
            line(&format!("      {source}"))?;
        }
    }
    Ok(())
}

fn did(standing: &Standing, row: &UseRow) -> String {
    let word = match (standing, row.answer.refusal()) {
        (_, Some(error)) => format!("refused ({error})"),
        (Standing::Outside, None) => "OUTSIDE".to_owned(),
        (Standing::Unknown(_), None) => "unknown".to_owned(),
        (Standing::Inside(_), None) => "inside".to_owned(),
    };
    let word = match row.answer {
        Answer::DryRun => format!("{word}, {}", row.answer.as_str()),
        Answer::Done | Answer::Refused(_) => word,
    };
    let pairs: Vec<String> = row
        .context
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let context = if pairs.is_empty() {
        String::new()
    } else {
        format!(" [{}]", pairs.join(" "))
    };
    let (by, count) = (&row.by.name, row.count);
    format!(
        "  {word:<8}  {:<24} {count:>6}×  last {}  {by}{context} from {}",
        row.operation, row.last, row.from
    )
}
