//! The details beside the list: what is known of the row under the cursor, the most telling first. Nothing is asked for
//! here, and no line costs more where there are more rows.

mod beneath;

use super::command::{Command, Keyed};
use super::format::{self, Line, Tone};
use super::known::{aged, grant, read_by, users};
use super::pane::{Facts, Pane, jobs as of_jobs, keys as of_keys, objects as of_objects};
use super::reader_text;
use super::state::State;
use super::state::overlay::{Details, Scroll, Subject};
use super::state::walk::Standing;
use crate::domain::{Job, JobDetail, KmsKey, ObjectRow, Transition};

pub use beneath::lines as beneath;

/// Versions of an object on screen.
const VERSIONS: usize = 6;
/// Cells of the bar of a phase.
const BAR: usize = 12;
/// Final metrics on screen.
const METRICS: usize = 4;
/// Lines of a job's log.
const LOG: usize = 4;

/// What is known of the row under the cursor, and where so many rows have room for it, of the job that belongs to it; none
/// where the cursor is on no row.
pub fn lines(state: &State, columns: usize, rows: usize) -> Option<Vec<Line>> {
    let Some(mut lines) = of_row(state, columns) else {
        return way(state, columns);
    };
    let chained = state.chain().job.as_ref().filter(|_| state.focus != Pane::Jobs);
    if let Some(job) = chained.and_then(|name| state.jobs.get(name)) {
        let mut facts = Facts::brief(columns);
        facts.heading(&job.name);
        standing(state, &mut facts, job);
        if let Some(detail) = &job.detail {
            run(&mut facts, detail);
            ended(&mut facts, job);
            timeline(state, &mut facts, detail);
        }
        if lines.len() + facts.lines.len() < rows {
            lines.push(Line::blank());
            lines.extend(facts.lines);
        }
    }
    Some(lines)
}

/// The steps of the walk, for whoever has no key yet.
fn way(state: &State, columns: usize) -> Option<Vec<Line>> {
    if state.walk().is_empty() {
        return None;
    }
    let mut facts = Facts::brief(columns);
    facts.heading("From a key to a trained model");
    let called = |(index, step): (usize, &Standing)| format!("{} {:>2}  {}", step.mark.sign().1, index + 1, step.title);
    let names: Vec<String> = state.walk().iter().enumerate().map(called).collect();
    facts.named(names.iter().map(String::as_str));
    for (name, step) in names.iter().zip(state.walk()) {
        facts.fact(name, step.mark.sign().0, &step.words);
    }
    facts.lines.push(Line::blank());
    let key = state.settings.keymap.key(Command::Guide);
    facts.text(Tone::Dim, &format!("{key} walks through them, one by one."));
    Some(facts.lines)
}

fn of_row(state: &State, columns: usize) -> Option<Vec<Line>> {
    let Some(subject) = state.subject() else {
        return (state.focus == Pane::Objects).then(|| placed(state, columns))?;
    };
    Some(match subject {
        Subject::Key(_) => key(state, state.keys.current()?, columns),
        Subject::Grant(_) => grant(state, state.grants.current()?, Facts::brief(columns)),
        Subject::Object(_) => object(state, state.objects.current()?, columns),
        Subject::Job(_) => job(state, state.jobs.current()?, columns),
        subject @ Subject::File(_) => {
            let details = Details {
                subject,
                page: 0,
                scroll: Scroll::default(),
            };
            reader_text::details(state, &details, columns)
        }
    })
}

/// A bucket or a prefix: what is in it is not looked at before it is opened.
fn placed(state: &State, columns: usize) -> Option<Vec<Line>> {
    let mut facts = Facts::brief(columns);
    let enter = state.settings.keymap.key(Command::Enter);
    match &state.place {
        None => {
            let bucket = state.buckets.current()?;
            facts.heading(&bucket.name);
            facts.plain("What", "a bucket");
            facts.plain("Made", &aged(state, bucket.created));
        }
        Some((bucket, _)) => {
            let prefix = state.objects.current()?.key();
            facts.heading(prefix);
            facts.plain("What", "a prefix");
            facts.plain("URI", &format!("s3://{bucket}/{prefix}"));
        }
    }
    facts.text(Tone::Dim, &format!("{enter} opens it."));
    Some(facts.lines)
}

fn key(state: &State, key: &KmsKey, columns: usize) -> Vec<Line> {
    let mut facts = Facts::brief(columns);
    facts.heading(key.name());
    state_of(state, &mut facts, key);
    users(state, &mut facts, key, "asked when the cursor rests");
    facts.heading("More");
    if let Some(detail) = &key.detail {
        facts.plain("About", &detail.description);
        facts.plain("Made", &aged(state, detail.created));
        let regions = if detail.multi_region { ", multi-Region" } else { "" };
        facts.fact("Spec", Tone::Dim, &format!("{}{regions}", detail.spec));
    }
    facts.fact("Id", Tone::Dim, &key.id);
    facts.lines
}

/// How a key stands, and what it is called.
fn state_of(state: &State, facts: &mut Facts, key: &KmsKey) {
    match (&key.detail, state.refusal(&key.arn)) {
        (Some(detail), _) => {
            facts.fact("State", format::key_tone(&detail.state), detail.state.as_str());
            facts.fact("", Tone::Warn, &of_keys::cause(detail));
            let rotation = detail
                .rotation
                .map_or("unknown", |on| if on { "automatic" } else { "off" });
            facts.plain("Rotation", rotation);
        }
        (None, Some(fault)) => facts.fact("State", Tone::Warn, &format!("unknown: {}", fault.cause)),
        (None, None) => facts.fact("State", Tone::Dim, "asking…"),
    }
    let aliases: Vec<&str> = key
        .aliases
        .iter()
        .map(|alias| alias.trim_start_matches("alias/"))
        .collect();
    facts.plain("Aliases", &aliases.join(", "));
}

/// What the key of the row under the cursor is called: the chain has looked it up.
fn chained_key(state: &State) -> Option<&str> {
    state.chain().links.first().map(|link| link.name.as_str())
}

fn object(state: &State, row: &ObjectRow, columns: usize) -> Vec<Line> {
    let bucket = state.place.as_ref().map_or("", |(bucket, _)| bucket.as_str());
    let arn = row.info().and_then(|info| info.kms_key_arn.as_deref());
    let key_name = arn.and_then(|_| chained_key(state));
    let seen = state.seen(row);
    let facts = Facts::brief(columns);
    let mut lines = of_objects::overview(facts, (bucket, row), state.refusal(row.key()), seen, key_name);
    lines.splice(1..1, read_by(state, row, Facts::brief(columns)));
    let mut facts = Facts::brief(columns);
    if row.info().is_some_and(|info| info.format.is_token()) {
        let key = state.settings.keymap.key(Command::Do(Keyed::Preview));
        facts.fact("First lines", Tone::Dim, &format!("{key} decrypts them in memory"));
    }
    // Below who and what, above what it says of itself.
    let place = lines.iter().position(|line| line.0.is_empty()).unwrap_or(lines.len());
    let shown = of_objects::versions(state.versions(row), (VERSIONS, "asked when the cursor rests"), columns);
    lines.splice(place..place, facts.lines.into_iter().chain(shown));
    lines
}

fn job(state: &State, job: &Job, columns: usize) -> Vec<Line> {
    let mut facts = Facts::brief(columns);
    facts.heading(&job.name);
    standing(state, &mut facts, job);
    let Some(detail) = &job.detail else {
        match state.refusal(&job.id()) {
            Some(fault) => facts.fact("Details", Tone::Warn, &fault.cause),
            None => facts.fact("Details", Tone::Dim, "asking…"),
        }
        return facts.lines;
    };
    if let Some(explained) = reader_text::job_explained(state, &job.id()) {
        facts.fact("Remedy", Tone::Warn, &explained.remedy);
    }
    ended(&mut facts, job);
    if job.cause().is_some() {
        facts.heading("What it ran");
    }
    run(&mut facts, detail);
    let key = detail.kms_key().and_then(|_| chained_key(state));
    facts.plain("KMS key", key.unwrap_or_default());
    if job.cause().is_some() {
        last_lines(state, &mut facts, job);
    }
    timeline(state, &mut facts, detail);
    let log = Some(&state.job_log).filter(|log| log.job == job.id());
    if let Some((name, series)) = log.and_then(|log| log.curve()) {
        let curve: Vec<f64> = series.points.iter().map(|(_, value)| *value).collect();
        facts.heading(name);
        let (first, last) = (series.points.first(), series.points.last());
        let figure = |point: Option<&(f64, f64)>| match point {
            Some((step, value)) => format!("{value:.4}{} at {} {step}", series.unit, series.step),
            None => String::new(),
        };
        facts.text(Tone::Accent, &format::sparkline(&curve, columns));
        facts.text(Tone::Dim, &format!("{} → {}", figure(first), figure(last)));
    } else {
        for (name, value) in detail.metrics.iter().take(METRICS) {
            facts.plain(name, &value.to_string());
        }
    }
    if job.cause().is_none() {
        last_lines(state, &mut facts, job);
    }
    facts.lines
}

/// How the job stands.
fn standing(state: &State, facts: &mut Facts, job: &Job) {
    let phase = of_jobs::phase(job, state.loss(&job.id()), state.now).unwrap_or_default();
    facts.fact(
        "Status",
        format::job_tone(&job.status),
        format!("{} {phase}", job.status.as_str()).trim_end(),
    );
    let took = of_jobs::took(job, state.now).map(format::span).unwrap_or_default();
    facts.plain("Took", &took);
    if let Some(progress) = &job.progress {
        of_jobs::progress(facts, progress);
    }
}

/// As whom it runs, what it reads, what it wrote.
fn run(facts: &mut Facts, detail: &JobDetail) {
    let metrics = detail.metrics.iter().take(METRICS).map(|(name, _)| name.as_str());
    let channels = detail.channels.iter().map(|channel| channel.name.as_str());
    facts.named(channels.chain(metrics));
    facts.plain("Role", format::last_part(&detail.role_arn));
    for channel in &detail.channels {
        facts.plain(&channel.name, &channel.uri);
    }
    facts.fact("Model", Tone::Good, detail.model.as_deref().unwrap_or_default());
}

/// Why it ended, if it did not end well.
fn ended(facts: &mut Facts, job: &Job) {
    if let Some(cause) = job.cause() {
        facts.heading("Why it ended");
        facts.whole(Tone::Bad, &cause);
    }
}

fn timeline(state: &State, facts: &mut Facts, detail: &JobDetail) {
    if !detail.transitions.is_empty() {
        facts.heading("Phases");
        phases(state, facts, &detail.transitions);
    }
}

fn phases(state: &State, facts: &mut Facts, phases: &[Transition]) {
    let seconds = |phase: &Transition| {
        let end = phase.end.unwrap_or(state.now);
        phase
            .start
            .map_or(0, |start| (end.as_second() - start.as_second()).max(0))
    };
    let most = phases.iter().map(seconds).max().unwrap_or(0).max(1);
    for phase in phases {
        let took = seconds(phase);
        let cells = usize::try_from((took * 12 + most - 1) / most).unwrap_or(0).min(BAR);
        let bar = "━".repeat(cells.max(1));
        let tone = if phase.end.is_none() { Tone::Busy } else { Tone::Accent };
        facts.fact(
            &phase.status,
            tone,
            &format!("{}{}", format::fit(&bar, BAR + 1), format::span(took)),
        );
    }
}

fn last_lines(state: &State, facts: &mut Facts, job: &Job) {
    facts.heading("Last lines of its log");
    let log = Some(&state.job_log).filter(|log| log.job == job.id());
    let last = log.map(|log| log.last(LOG)).unwrap_or_default();
    match log {
        None => facts.text(Tone::Dim, "asked when the cursor rests"),
        Some(log) => match &log.trouble {
            Some(fault) => facts.text(Tone::Warn, &format!("not readable: {}", fault.cause)),
            None if last.is_empty() && log.is_known => facts.text(Tone::Dim, "none"),
            None if last.is_empty() => facts.text(Tone::Dim, "asking…"),
            None => {}
        },
    }
    for line in last {
        facts.text(Tone::Plain, &line);
    }
}
