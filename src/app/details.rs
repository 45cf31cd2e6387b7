//! Opens what is read of a thing: its details, and the log of a job.

use super::job_alerts;
use super::job_log::Log;
use super::state::State;
use super::state::overlay::{Details, Overlay, Scroll, Subject};

/// Opens the details of something on the page of this name; turns to it where they are open.
pub(super) fn open_page(state: &mut State, subject: Subject, name: &str) {
    let is_shown = matches!(state.overlays.last(), Some(Overlay::Details(details)) if details.subject == subject);
    if !is_shown {
        open(state, subject);
    }
    if let Some(Overlay::Details(details)) = state.overlays.last_mut()
        && let Some(page) = details.subject.pages().iter().position(|page| *page == name)
    {
        (details.page, details.scroll) = (page, Scroll::default());
    }
}

/// Opens the details of something.
pub(super) fn open(state: &mut State, subject: Subject) {
    if let Subject::Job(name) = &subject {
        if !state.is_log_watched(name) {
            state.job_log = Log::new(name);
        }
        job_alerts::watch(state, name);
    }
    state.overlays.push(Overlay::Details(Details {
        subject,
        page: 0,
        scroll: Scroll::default(),
    }));
}

/// Opens the log of a job.
pub(super) fn open_log(state: &mut State, name: &str) {
    // What the details have of it already is not told again.
    if !state.is_log_watched(name) {
        state.job_log = Log::new(name);
    }
    let log = state.job_log.clone();
    job_alerts::watch(state, name);
    state.overlays.push(Overlay::Log(log));
}
