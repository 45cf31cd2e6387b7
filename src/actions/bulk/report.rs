//! An audit for the dashboard: with its rows, as many as are kept, and written to a file.

use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::processing::{OldKeyObjects, collect, collect_rewrapped, collect_sealed};
use super::{AuditTable, audit, sealing};
use crate::actions::ProgressSink;
use crate::actions::kms_messages::write_new;
use crate::aws::Aws;
use crate::domain::audit::{AuditReport, AuditRequest, AuditRow, AuditSummary, json_row, json_summary};
use crate::domain::{BulkFolder, Fault, ObjectUri, Outcome};
use crate::printable;

/// Rows that are kept, of those that are well and of those that are not.
const KEPT: usize = 50_000;

/// An audit with its rows: what is wrong first. Of each sort no more than fifty thousand are kept, and how many are not is told.
///
/// # Errors
/// As [`audit()`].
pub async fn audit_report(
    aws: &Aws,
    request: &AuditRequest,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    let (bucket, prefix) = (request.bucket.clone(), request.prefix.clone());
    let mut kept = Kept::default();
    let summary = audit(aws, request, progress, cancel, &mut |row| kept.take(row)).await?;
    Ok(kept.report(bucket, prefix, summary))
}

/// The same of an audit that other machines have done.
///
/// # Errors
/// As [`collect`].
pub async fn collected_report(
    aws: &Aws,
    folder: &BulkFolder,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    let mut kept = Kept::default();
    let summary = collect(aws, folder, progress, cancel, &mut |row| kept.take(row)).await?;
    let place = ObjectUri::parse(&summary.place);
    let prefix = place.map(|place| place.key).unwrap_or_default();
    Ok(kept.report(folder.bucket.clone(), prefix, summary))
}

/// The same of what other machines have sealed.
///
/// # Errors
/// As [`collect_sealed`].
pub async fn collected_seal_report(
    aws: &Aws,
    folder: &BulkFolder,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    let mut kept = sealing::Kept::default();
    let (spec, summary) = collect_sealed(aws, folder, progress, cancel, &mut |row| kept.take(row)).await?;
    Ok(kept.report(spec, summary))
}

/// The same of what other machines have re-wrapped; old key objects stay.
///
/// # Errors
/// As [`collect_rewrapped`].
pub async fn collected_rewrap_report(
    aws: &Aws,
    folder: &BulkFolder,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    let report = collect_rewrapped(aws, folder, OldKeyObjects::Stay, progress, cancel, &mut |_| Ok(())).await?;
    Ok(Outcome::Rewrapped(Box::new(report)))
}

/// Rows that are kept.
#[derive(Default)]
struct Kept {
    wrong: Vec<AuditRow>,
    well: Vec<AuditRow>,
    dropped: u64,
}

impl Kept {
    #[expect(clippy::unnecessary_wraps, reason = "as an audit tells it")]
    fn take(&mut self, row: AuditRow) -> Result<(), Fault> {
        let rows = if row.is_well() { &mut self.well } else { &mut self.wrong };
        if rows.len() < KEPT {
            rows.push(row);
        } else {
            self.dropped += 1;
        }
        Ok(())
    }

    fn report(mut self, bucket: String, prefix: String, summary: AuditSummary) -> Outcome {
        self.wrong.append(&mut self.well);
        Outcome::Audited(Arc::new(AuditReport {
            bucket,
            prefix,
            summary,
            rows: self.wrong,
            dropped: self.dropped,
        }))
    }
}

/// Writes an audit's rows into a new file: with its summary as lines of JSON where its name ends so, else as CSV.
///
/// # Errors
/// When it exists or cannot be written.
pub fn save_audit_report(report: &AuditReport, to: &Path) -> Result<Outcome, Fault> {
    if to.extension().is_some_and(|end| end == "json" || end == "jsonl") {
        let rows = report.rows.iter().map(|row| json_row(&report.bucket, row));
        let lines = rows.chain([json_summary(&report.summary)]);
        let text: String = lines.map(|line| printable::json(&line.to_string()) + "\n").collect();
        write_new(to, text.as_bytes())?;
    } else {
        let mut table = AuditTable::create(to, &report.bucket)?;
        for row in &report.rows {
            table.add(row)?;
        }
        table.publish()?;
    }
    Ok(Outcome::AuditReportSaved {
        path: to.to_path_buf(),
        rows: report.rows.len() as u64,
    })
}
