//! What stands below the rows of a pane that leave room: what is known of the row under its cursor; where that is told beside
//! the list, what can be done with it.

use super::{METRICS, placed, run, standing, state_of, timeline, way};
use crate::app::format::{self, Line, Tone};
use crate::app::known::{aged, grant};
use crate::app::pane::{Facts, Pane, files, objects};
use crate::app::state::State;
use crate::app::table::Listing as _;
use crate::app::{help, reader_text};
use crate::domain::{Job, KmsKey, ObjectRow};

/// The lines for this pane, in so many rows no sentence cut if there is room for all; none where its cursor is on no row.
/// Where there are no keys the walk to the first.
pub fn lines(state: &State, pane: Pane, columns: usize, rows: usize) -> Option<Vec<Line>> {
    let whole = told(state, pane, columns, Facts::brief)?;
    if whole.len() <= rows {
        return Some(whole);
    }
    told(state, pane, columns, Facts::terse)
}

fn told(state: &State, pane: Pane, columns: usize, facts: fn(usize) -> Facts) -> Option<Vec<Line>> {
    if pane == state.focus && state.is_aside() {
        return Some(help::offered(state, columns));
    }
    match pane {
        Pane::Keys if state.keys.count() == 0 => {
            let mut lines = way(state, columns)?;
            // The pane says by itself which key leads through them.
            lines.truncate(lines.len().saturating_sub(2));
            Some(lines)
        }
        Pane::Keys => Some(key(state, state.keys.current()?, facts(columns))),
        Pane::Grants => Some(grant(state, state.grants.current()?, facts(columns))),
        Pane::Jobs => Some(job(state, state.jobs.current()?, facts(columns))),
        Pane::Files => Some(files::overview(facts(columns), state.files.current()?)),
        Pane::Objects => match state.place.as_ref().and(state.objects.current()) {
            Some(row @ ObjectRow::Object { .. }) => Some(object(state, row, facts(columns))),
            Some(ObjectRow::Prefix { .. }) | None => placed(state, columns),
        },
    }
}

fn key(state: &State, key: &KmsKey, mut facts: Facts) -> Vec<Line> {
    facts.heading(key.name());
    state_of(state, &mut facts, key);
    if let Some(detail) = &key.detail {
        facts.plain("About", &detail.description);
        facts.plain("Made", &aged(state, detail.created));
    }
    facts.plain("Id", &key.id);
    facts.lines
}

fn object(state: &State, row: &ObjectRow, facts: Facts) -> Vec<Line> {
    let bucket = state.place.as_ref().map_or("", |(bucket, _)| bucket.as_str());
    let key = row.info().and_then(|info| info.kms_key_arn.as_deref());
    let key_name = key.and_then(|arn| state.key_name(arn));
    objects::overview(
        facts,
        (bucket, row),
        state.refusal(row.key()),
        state.seen(row),
        key_name,
    )
}

/// Cells of a curve.
const CURVE: usize = 16;

/// Of one that failed what mends it and why it failed, before all else; of another what it measured among the first.
fn job(state: &State, job: &Job, mut facts: Facts) -> Vec<Line> {
    match job.cause() {
        None => {
            facts.heading(&job.name);
            standing(state, &mut facts, job);
            measured(state, &mut facts, job);
        }
        Some(cause) => {
            if let Some(explained) = reader_text::job_explained(state, &job.id()) {
                facts.fact("Remedy", Tone::Warn, &explained.remedy);
            }
            facts.whole(Tone::Bad, &cause);
        }
    }
    if let Some(detail) = &job.detail {
        run(&mut facts, detail);
        timeline(state, &mut facts, detail);
    }
    facts.lines
}

/// What a job measured, best its loss: the curve and the last value.
fn measured(state: &State, facts: &mut Facts, job: &Job) {
    let id = job.id();
    let log = Some(&state.job_log).filter(|log| log.job == id);
    if let Some((name, series)) = log.and_then(|log| log.curve()) {
        let values: Vec<f64> = series.points.iter().map(|(_, value)| *value).collect();
        let last = values.last().map(|value| format!("{value:.4}{}", series.unit));
        let curve = format::sparkline(&values, CURVE);
        facts.fact(name, Tone::Accent, &format!("{curve} {}", last.unwrap_or_default()));
        return;
    }
    if let Some(loss) = state.loss(&id) {
        facts.fact("Loss", Tone::Accent, &loss.curve);
    }
    let metrics = job.detail.iter().flat_map(|detail| &detail.metrics);
    for (name, value) in metrics.take(METRICS) {
        facts.plain(name, &value.to_string());
    }
}
