//! An audit for the dashboard: with its rows, as many as are kept, and written to a file.

use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{AuditRequest, AuditTable, audit};
use crate::actions::ProgressSink;
use crate::actions::kms_messages::write_new;
use crate::aws::Aws;
use crate::domain::audit::{AuditReport, AuditRow, json_row, json_summary};
use crate::domain::{Fault, Outcome};

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
    let (mut wrong, mut well, mut dropped) = (Vec::new(), Vec::new(), 0_u64);
    let mut keep = |row: AuditRow| {
        let rows = if row.is_well() { &mut well } else { &mut wrong };
        if rows.len() < KEPT {
            rows.push(row);
        } else {
            dropped += 1;
        }
        Ok(())
    };
    let summary = audit(aws, request, progress, cancel, &mut keep).await?;
    wrong.append(&mut well);
    Ok(Outcome::Audited(Arc::new(AuditReport {
        bucket: request.bucket.clone(),
        prefix: request.prefix.clone(),
        summary,
        rows: wrong,
        dropped,
    })))
}

/// Writes an audit's rows into a new file: with its summary as lines of JSON where its name ends so, else as CSV.
///
/// # Errors
/// When it exists or cannot be written.
pub fn save_audit_report(report: &AuditReport, to: &Path) -> Result<Outcome, Fault> {
    if to.extension().is_some_and(|end| end == "json" || end == "jsonl") {
        let rows = report.rows.iter().map(|row| json_row(&report.bucket, row));
        let lines = rows.chain([json_summary(&report.summary)]);
        let text: String = lines.map(|line| format!("{line}\n")).collect();
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
