//! Auditing a bucket or prefix, and what an audit leads to.

use std::sync::Arc;

use super::{asks, only_if};
use crate::app::command::Keyed;
use crate::app::form::{Blank, Form};
use crate::app::inventory::Inventory;
use crate::app::pane::Pane;
use crate::app::pane::files::free;
use crate::app::state::State;
use crate::app::state::action::{Action, Begin};
use crate::app::state::overlay::Overlay;
use crate::app::state::target::Target;
use crate::domain::audit::{AuditReport, AuditRequest};
use crate::domain::{ObjectRequest, ObjectRow};

pub(in crate::app) const AUDIT_OBJECTS: Action = Action {
    label: Keyed::AuditObjects.name(),
    help: Keyed::AuditObjects.help(),
    changes: false,
    offered: |state, target| {
        let elsewhere = "To audit, select a bucket or a prefix (3).";
        only_if(place(state, target).is_some(), elsewhere)
    },
    begin: |state, target| {
        let (bucket, prefix) = place(state, target)?;
        if state.audit_of(&bucket, &prefix).is_some() {
            return Some(Begin::Do(|state, _| show_kept(state)));
        }
        Some(Begin::Fill(form(bucket, prefix)))
    },
};

/// The bucket or prefix under the cursor; on an object, or nothing, the place shown.
pub(super) fn place(state: &State, target: &Target) -> Option<(String, String)> {
    if target.pane != Pane::Objects {
        return None;
    }
    match (&target.place, target.object_row(state)) {
        (None, _) => target.bucket(state).map(|bucket| (bucket.clone(), String::new())),
        (Some((bucket, _)), Some(ObjectRow::Prefix { prefix })) => Some((bucket.clone(), prefix.clone())),
        (Some((bucket, prefix)), _) => Some((bucket.clone(), prefix.clone())),
    }
}

fn show_kept(state: &mut State) {
    let kept = place(state, &Target::of(state)).and_then(|(bucket, prefix)| state.audit_of(&bucket, &prefix));
    if let Some(report) = kept {
        state.overlays.push(Overlay::Inventory(Inventory::new(report)));
    }
}

/// Asks how far to look.
fn form(bucket: String, prefix: String) -> Form {
    let note = "One request an object: its metadata and first bytes. Nothing is written.";
    let mut form = Blank::about(
        format!("{bucket} {prefix}"),
        format!("Audit s3://{bucket}/{prefix}"),
        note,
    );
    let how = form.checks(
        "Look at",
        [("tokens to their end", false), ("older versions too", false)],
    );
    form.reading(move |filled| {
        let [deep, versions] = filled.checked(how);
        asks(ObjectRequest::Audit(AuditRequest {
            bucket: bucket.clone(),
            prefix: prefix.clone(),
            deep,
            versions,
        }))
    })
}

/// Asks how far to look, once more.
pub(in crate::app) fn ask_audit_again(state: &mut State, report: &AuditReport) {
    let form = form(report.bucket.clone(), report.prefix.clone());
    state.ask(form);
}

/// Asks where the rows are to go.
pub(in crate::app) fn ask_save_inventory(state: &mut State, report: Arc<AuditReport>) {
    let note = "CSV, or lines of JSON where it ends in .json: all rows, whatever the filter shows. An existing file is never \
                replaced.";
    let mut form = Blank::new("Save the audit", note);
    let name = format!("audit-{}.csv", report.bucket);
    let to = form.text("To", free(&state.dir, &state.files, &name).to_string_lossy(), "");
    let dir = state.dir.clone();
    state.ask(form.reading(move |filled| {
        let to = dir.join(filled.required(to)?);
        let report = Arc::clone(&report);
        asks(ObjectRequest::SaveAudit { report, to })
    }));
}
