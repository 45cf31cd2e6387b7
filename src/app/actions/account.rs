//! Actions on the account as a whole.

use super::{asks, start};
use crate::app::cleanup;
use crate::app::command::Keyed;
use crate::app::form::Blank;
use crate::app::state::State;
use crate::app::state::action::{Action, Begin};
use crate::domain::AccountRequest;

/// Entries of the audit log on screen.
const AUDITED: usize = 10_000;

pub(in crate::app) const CLEAN_UP: Action = Action {
    label: "clean up",
    help: "Everything the walk made, each line with what takes it down",
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

/// Asks where the audit log is to go.
pub(in crate::app) fn ask_save(state: &mut State) {
    let note = "All of it, a line of JSON a change, whatever the filter shows. An existing file is never replaced.";
    let mut form = Blank::new("Save the audit log", note);
    let to = form.text("To", state.dir.join("strongroom-audit.jsonl").to_string_lossy(), "");
    let dir = state.dir.clone();
    state.ask(form.reading(move |filled| {
        let to = dir.join(filled.required(to)?);
        asks(AccountRequest::SaveAudit { to })
    }));
}
