//! Actions on the account as a whole.

use std::sync::Arc;

use super::{asks, start};
use crate::app::cleanup;
use crate::app::command::Keyed;
use crate::app::form::Blank;
use crate::app::format::{self, Tone};
use crate::app::pane::Pane;
use crate::app::pane::files::free;
use crate::app::state::State;
use crate::app::state::action::{Action, Begin};
use crate::domain::AccountRequest;
use crate::domain::sheet::Sheet;

/// Entries of the audit log on screen.
const AUDITED: usize = 10_000;

pub(in crate::app) const CLEAN_UP: Action = Action {
    label: "clean up",
    help: "Everything that bears strongroom's tag, each line with what takes it down",
    changes: false,
    offered: |_, _| Ok(()),
    begin: |_, _| Some(Begin::Do(cleanup::open)),
};

pub(in crate::app) const AUDIT: Action = Action {
    label: "audit log",
    help: Keyed::Audit.help(),
    changes: false,
    offered: |_, _| Ok(()),
    begin: |_, _| start(AccountRequest::AuditLog { most: AUDITED }),
};

/// Asks where the rows of the pane with the cursor are to go: those that it shows now.
pub(in crate::app) fn ask_export(state: &mut State) {
    let rows = state.table(state.focus).records();
    if rows.is_empty() {
        return state.say(Tone::Dim, "There are no rows here to save.");
    }
    let what = match (state.focus, &state.place) {
        (Pane::Objects, None) => "buckets".to_owned(),
        (Pane::Objects, Some((bucket, prefix))) => format!("objects of s3://{bucket}/{prefix}"),
        (Pane::Files, _) => format!("files of {}", state.dir.display()),
        (pane, _) => pane.name().to_lowercase(),
    };
    let file = what.split(' ').next().unwrap_or_default();
    let note = "CSV, or lines of JSON where it ends in .json: these rows, filtered and sorted as they are shown. An existing \
                file is never replaced.";
    let mut form = Blank::new(format!("Save {} of {what}", format::count(rows.len(), "row")), note);
    let to = form.text(
        "To",
        free(&state.dir, &state.files, &format!("{file}.csv")).to_string_lossy(),
        "",
    );
    let dir = state.dir.clone();
    let sheet = Arc::new(Sheet { what, rows });
    state.ask(form.reading(move |filled| {
        let to = dir.join(filled.required(to)?);
        let sheet = Arc::clone(&sheet);
        asks(AccountRequest::SaveSheet { sheet, to })
    }));
}

/// Asks where the audit log is to go.
pub(in crate::app) fn ask_save(state: &mut State) {
    let note = "All of it, a line of JSON a change, whatever the filter shows. An existing file is never replaced.";
    let mut form = Blank::new("Save the audit log", note);
    let to = form.text(
        "To",
        free(&state.dir, &state.files, "strongroom-audit.jsonl").to_string_lossy(),
        "",
    );
    let dir = state.dir.clone();
    state.ask(form.reading(move |filled| {
        let to = dir.join(filled.required(to)?);
        asks(AccountRequest::SaveAudit { to })
    }));
}
