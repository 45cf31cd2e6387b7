//! Audits of this session: one a place, the newest of it.

use std::sync::Arc;

use super::State;
use crate::domain::audit::AuditReport;

/// Audits that are kept.
const KEPT: usize = 8;

impl State {
    /// The audit of this place that is kept.
    pub(in crate::app) fn audit_of(&self, bucket: &str, prefix: &str) -> Option<Arc<AuditReport>> {
        let is_it = |report: &&Arc<AuditReport>| report.bucket == bucket && report.prefix == prefix;
        self.audits.iter().find(is_it).map(Arc::clone)
    }

    /// Keeps it in place of an earlier one.
    pub(in crate::app) fn keep_audit(&mut self, report: &Arc<AuditReport>) {
        self.audits
            .retain(|kept| (&kept.bucket, &kept.prefix) != (&report.bucket, &report.prefix));
        self.audits.push(Arc::clone(report));
        if self.audits.len() > KEPT {
            self.audits.remove(0);
        }
    }
}
