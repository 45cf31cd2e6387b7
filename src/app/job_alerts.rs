//! Jobs whose end is told: started here, or looked at while they ran.

use super::Effect;
use super::format::Tone;
use super::state::State;
use crate::domain::{Job, JobStatus};

/// From now on the end of this job is told, unless it has ended already.
pub(super) fn watch(state: &mut State, name: &str) {
    let mut listed = state.jobs.rows().iter().filter(|job| job.id() == name);
    if listed.next().is_none_or(|job| job.status.is_active()) {
        state.watched_jobs.insert(name.to_owned());
    }
}

/// Tells that a watched job has ended, once.
pub(super) fn tell_end(state: &mut State, job: &Job, effects: &mut Vec<Effect>) {
    if job.status.is_active() || !state.watched_jobs.remove(&*job.id()) {
        return;
    }
    let failure = job.detail.as_ref().and_then(|detail| detail.why());
    let reason = failure.map(|why| format!(": {why}")).unwrap_or_default();
    let words = format!("{} has ended: {}{reason}", job.name, job.status.as_str());
    let tone = if job.status == JobStatus::Completed {
        Tone::Good
    } else {
        Tone::Bad
    };
    state.say(tone, words.clone());
    effects.push(Effect::Notify(words));
}
