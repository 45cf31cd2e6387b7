//! The five panes: their columns and what stands in them.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::put::put;
use super::table::{Cell, Column, View, fixed, flex, named, number, render as table};
use super::{Hits, Theme, line, metrics};
use crate::app::command::Keyed;
use crate::app::format::{self, Tone};
use crate::app::pane::grants::is_orphan;
use crate::app::pane::jobs::{brief, phase, took};
use crate::app::seen::ReadResult;
use crate::app::{Command, Freshness, Listing as _, Pane, State, aside};
use crate::domain::{BucketRow, FaultKind, FileRow, Grant, Job, KmsKey, ObjectRow};

/// Frame, titles and a line between the rows and what stands below them.
const FRAME: u16 = 4;
/// Lines of an empty pane, but for its titles, which it has none of.
const WAYS: usize = 2;
/// Lines below them.
const LEAST: u16 = 4;
/// Rows of a curve there.
const LEAST_CURVE: u16 = 7;
const MOST: u16 = 16;

const KEYS: &[Column] = &[
    named("NAME", 10, 3, 0),
    fixed("STATE", 15, 1),
    flex("DESCRIPTION", 16, 2, 4),
    fixed("KEY ID", 36, 5),
    fixed("SPEC", 17, 6),
    number("AGE", 4, 3),
];
const GRANTS: &[Column] = &[
    named("GRANTEE", 10, 3, 0),
    flex("MAY", 16, 2, 1),
    flex("NAME", 10, 1, 4),
    flex("ONLY IF", 12, 1, 5),
    number("AGE", 4, 3),
];
const BUCKETS: &[Column] = &[named("BUCKET", 12, 1, 0), number("AGE", 4, 1)];
const OBJECTS: &[Column] = &[
    named("NAME", 14, 3, 0),
    number("SIZE", 8, 2),
    fixed("WHAT", 10, 1),
    named("KEY", 14, 1, 5),
    number("AGE", 4, 4),
];
const JOBS: &[Column] = &[
    named("NAME", 22, 3, 0),
    flex("STATUS", 21, 1, 0),
    fixed("LOSS", 10, 3),
    named("ROLE", 12, 1, 5),
    number("TOOK", 7, 2),
    number("AGE", 4, 4),
];
/// Where not all are training jobs.
const JOBS_OF_KINDS: &[Column] = &[
    named("NAME", 22, 3, 0),
    flex("STATUS", 21, 1, 0),
    fixed("KIND", 10, 1),
    fixed("LOSS", 10, 4),
    named("ROLE", 12, 1, 6),
    number("TOOK", 7, 3),
    number("AGE", 4, 5),
];
const FILES: &[Column] = &[named("NAME", 10, 1, 0), number("SIZE", 8, 1), number("AGE", 4, 3)];

/// What an empty pane says: that it is, and what fills it, with its key, for whoever may.
fn empty(state: &State, words: &str, ways: &[(&[Command], &str)]) -> String {
    let key = |command: &Command| state.settings.keymap.key(*command);
    let way = |(commands, words): &(&[Command], &str)| {
        let keys: Vec<String> = commands.iter().map(key).collect();
        format!("{} {words}", keys.join(", then "))
    };
    let ways = if state.settings.is_read_only() { &[] } else { ways };
    let lines = std::iter::once(words.to_owned()).chain(ways.iter().map(way));
    lines.collect::<Vec<_>>().join("\n")
}

const NEW: &[Command] = &[Command::Do(Keyed::New)];
const FILE: &[Command] = &[Command::Focus(Pane::Files), Command::Do(Keyed::Encrypt)];
const JOB: &[Command] = &[Command::Focus(Pane::Objects), Command::Do(Keyed::Train)];
const WALK: (&[Command], &str) = (&[Command::Guide], "walks through all of it, step by step");

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, pane: Pane, hits: &mut Hits) {
    self::rows(frame, area, state, theme, pane, hits);
    let shown = match pane {
        Pane::Keys => state.keys.shown(),
        Pane::Grants => state.grants.shown(),
        Pane::Objects if state.place.is_none() => state.buckets.shown(),
        Pane::Objects => state.objects.shown(),
        Pane::Jobs => state.jobs.shown(),
        Pane::Files => state.files.shown(),
    };
    let has_way =
        pane == Pane::Keys && state.keys.count() == 0 && matches!(state.keys.freshness(), Freshness::Ready(_));
    let rows = if shown == 0 { WAYS } else { shown };
    let used = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(FRAME);
    let left = area.height.saturating_sub(used);
    if left < LEAST || (shown == 0 && (!has_way || state.is_aside())) {
        return;
    }
    let below = Rect::new(area.x + 2, area.bottom() - 1 - left, area.width.saturating_sub(4), left);
    if pane != Pane::Jobs || !curve(frame, below, state, theme) {
        beneath(frame, below, state, theme, pane);
    }
}

/// Below the rows what is known of the one with the cursor, or what can be done with it.
fn beneath(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, pane: Pane) {
    let (columns, rows) = (usize::from(area.width), usize::from(area.height));
    let Some(words) = aside::beneath(state, pane, columns, rows) else {
        return;
    };
    let is_cut = words.len() > rows;
    let shown = words.iter().take(if is_cut { rows - 1 } else { rows });
    let mut lines: Vec<Line> = shown.map(|words| line(words, theme, columns)).collect();
    if is_cut {
        lines.push(Line::styled("⋯", theme.tone(Tone::Dim)));
    }
    put(frame, area, &lines);
    let rule = Rect::new(area.x - 1, area.y - 1, area.width + 2, 1);
    let dashes = Line::styled("─".repeat(usize::from(rule.width)), theme.frame);
    frame.render_widget(dashes, rule);
}

fn rows(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, pane: Pane, hits: &mut Hits) {
    match pane {
        Pane::Keys => {
            let view = View {
                pane,
                title: "KMS keys".to_owned(),
                table: &state.keys,
                columns: KEYS,
                empty: empty(state, "No keys here.", &[(NEW, "makes one"), WALK]),
                unasked: "",
                cells: &|key| self::key(state, key),
                is_linked: &|_| false,
            };
            table(frame, area, state, theme, &view, hits);
        }
        Pane::Grants => {
            let of = state.key().map(|key| format!("Grants of {}", key.name()));
            let view = View {
                pane,
                title: of.unwrap_or_else(|| "Grants".to_owned()),
                table: &state.grants,
                columns: GRANTS,
                empty: empty(
                    state,
                    "No grants on this key: no role can unwrap with it unless a policy says so.",
                    &[(NEW, "grants a role the use of the key")],
                ),
                unasked: match state.key() {
                    None => "No key is selected (1): grants are a key's.",
                    Some(_) => "The key behind this alias is not known: open it by its ARN.",
                },
                cells: &|grant| self::grant(state, grant),
                is_linked: &|_| false,
            };
            table(frame, area, state, theme, &view, hits);
        }
        Pane::Objects => match &state.place {
            None => {
                let view = View {
                    pane,
                    title: "Buckets".to_owned(),
                    table: &state.buckets,
                    columns: BUCKETS,
                    empty: empty(
                        state,
                        "No buckets here.",
                        &[(NEW, "makes one"), (&[Command::Open], "opens one by its name")],
                    ),
                    unasked: "",
                    cells: &|row| bucket(state, row),
                    is_linked: &|_| false,
                };
                table(frame, area, state, theme, &view, hits);
            }
            Some((bucket, prefix)) => {
                let view = View {
                    pane,
                    title: format!("Objects s3://{bucket}/{prefix}"),
                    table: &state.objects,
                    columns: OBJECTS,
                    empty: empty(
                        state,
                        "Nothing here.",
                        &[
                            (FILE, "encrypts the selected file and uploads it here"),
                            (NEW, "makes a prefix"),
                        ],
                    ),
                    unasked: "",
                    cells: &|row| object(state, prefix, row),
                    is_linked: &|row| state.is_object_linked(row),
                };
                table(frame, area, state, theme, &view, hits);
            }
        },
        Pane::Jobs => {
            let has_processing = state.has_processing();
            let view = View {
                pane,
                title: if has_processing { "Jobs" } else { "Training jobs" }.to_owned(),
                table: &state.jobs,
                columns: if has_processing { JOBS_OF_KINDS } else { JOBS },
                empty: empty(
                    state,
                    "No training jobs.",
                    &[(JOB, "starts one on the selected encrypted object")],
                ),
                unasked: "",
                cells: &|job| self::job(state, job, has_processing),
                is_linked: &|job| state.is_job_linked(job),
            };
            table(frame, area, state, theme, &view, hits);
        }
        Pane::Files => {
            let view = View {
                pane,
                title: format!("Files {}", state.dir.to_string_lossy()),
                table: &state.files,
                columns: FILES,
                empty: format!(
                    "An empty folder.\n{} goes up",
                    state.settings.keymap.key(Command::Parent)
                ),
                unasked: "",
                cells: &|row| file(state, row),
                is_linked: &|_| false,
            };
            table(frame, area, state, theme, &view, hits);
        }
    }
}

/// At the lower edge of the jobs what the one with the cursor measures, as its log told; whether there is something.
fn curve(frame: &mut Frame, below: Rect, state: &State, theme: &Theme) -> bool {
    let is_its = state.jobs.current().is_some_and(|job| job.id() == state.job_log.job);
    // Why one failed comes first, where it is not told beside the list.
    let has_failed = state.jobs.current().is_some_and(|job| job.cause().is_some());
    let is_told = state.is_aside() && state.focus == Pane::Jobs;
    let left = below.height.min(MOST);
    let is_drawn = is_its && (is_told || !has_failed) && left >= LEAST_CURVE;
    let curve = state.job_log.curve().filter(|_| is_drawn);
    let Some(curve) = curve else {
        return false;
    };
    let area = Rect::new(below.x, below.bottom() - left, below.width, left);
    metrics::chart(frame, area, theme, &[curve]);
    true
}

fn age(state: &State, at: Option<jiff::Timestamp>) -> Cell {
    (Tone::Dim, at.map(|at| format::age(at, state.now)).unwrap_or_default())
}

/// What stands for the details of a row that is not known: it is asked about, or could not be looked at.
fn unknown(state: &State, id: &str) -> Cell {
    match state.refusal(id).map(|fault| &fault.kind) {
        None => (Tone::Dim, "…".to_owned()),
        Some(FaultKind::Denied) => (Tone::Warn, "denied".to_owned()),
        Some(FaultKind::NotFound) => (Tone::Warn, "not there".to_owned()),
        Some(_) => (Tone::Warn, "unknown".to_owned()),
    }
}

fn key(state: &State, key: &KmsKey) -> Vec<Cell> {
    let plain = |words: &str| (Tone::Plain, words.to_owned());
    let Some(detail) = &key.detail else {
        let unknown = unknown(state, &key.arn);
        let none = || plain("");
        return vec![plain(key.name()), unknown, none(), plain(&key.id), none(), none()];
    };
    vec![
        plain(key.name()),
        (format::key_tone(&detail.state), detail.state.as_str().to_owned()),
        plain(&detail.description),
        (Tone::Dim, key.id.clone()),
        (Tone::Dim, detail.spec.clone()),
        age(state, detail.created),
    ]
}

fn grant(state: &State, grant: &Grant) -> Vec<Cell> {
    let tone = if is_orphan(grant) { Tone::Warn } else { Tone::Plain };
    let only_if = match &grant.constraint {
        None => String::new(),
        Some(crate::domain::GrantConstraint::ContextEquals(pairs)) => format!("context = {}", joined(pairs)),
        Some(crate::domain::GrantConstraint::ContextSubset(pairs)) => format!("context has {}", joined(pairs)),
    };
    vec![
        (tone, format::last_part(&grant.grantee).to_owned()),
        (Tone::Plain, grant.operations.join(", ")),
        (Tone::Dim, grant.name.clone().unwrap_or_default()),
        (Tone::Dim, only_if),
        age(state, grant.created),
    ]
}

fn joined(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(", ")
}

fn bucket(state: &State, bucket: &BucketRow) -> Vec<Cell> {
    vec![(Tone::Plain, bucket.name.clone()), age(state, bucket.created)]
}

fn object(state: &State, prefix: &str, row: &ObjectRow) -> Vec<Cell> {
    let name = row.key().strip_prefix(prefix).unwrap_or(row.key()).to_owned();
    let none = || (Tone::Plain, String::new());
    let ObjectRow::Object {
        key, size, modified, ..
    } = row
    else {
        let tone = if name.starts_with('.') { Tone::Dim } else { Tone::Accent };
        return vec![(tone, name), none(), none(), none(), none()];
    };
    let (what, by) = match row.info() {
        Some(info) => {
            let named = info.kms_key_arn.as_deref();
            let name = named.map(|arn| state.key_name(arn).unwrap_or_else(|| format::last_part(arn)));
            let (tone, what) = match state.seen(row).map(|seen| &seen.result) {
                Some(ReadResult::Verified { bond, .. }) if bond.is_bound() => (Tone::Good, "verified"),
                Some(ReadResult::Verified { .. }) => (Tone::Warn, "verified"),
                Some(ReadResult::Refuted(_)) => (Tone::Bad, "not intact"),
                None if !info.refuted.is_empty() => (Tone::Bad, "refuted"),
                None => (format::format_tone(info.format), info.format.as_str()),
            };
            (
                (tone, what.to_owned()),
                (Tone::Dim, name.unwrap_or_default().to_owned()),
            )
        }
        None => (unknown(state, key), none()),
    };
    vec![
        (Tone::Plain, name),
        (Tone::Plain, format::size(*size)),
        what,
        by,
        age(state, *modified),
    ]
}

/// Where all are training jobs, a kind tells nothing.
fn job(state: &State, job: &Job, has_processing: bool) -> Vec<Cell> {
    let loss = state.loss(&job.id());
    let progress = job.progress.as_ref().filter(|_| job.status.is_active()).map(brief);
    let phase = progress.or_else(|| phase(job, loss, state.now));
    let status = match phase.as_deref().or(job.secondary.as_deref()) {
        Some(step) if step != job.status.as_str() => format!("{} {step}", job.status.as_str()),
        _ => job.status.as_str().to_owned(),
    };
    let status = if status.is_empty() {
        unknown(state, &job.id())
    } else {
        (format::job_tone(&job.status), status)
    };
    let role = job.detail.as_ref().map(|detail| format::last_part(&detail.role_arn));
    let took = took(job, state.now).map(format::span);
    let kind = has_processing.then(|| (Tone::Dim, job.kind.as_str().to_owned()));
    let mut cells = vec![(Tone::Plain, job.name.clone()), status];
    cells.extend(kind);
    cells.extend([
        (Tone::Accent, loss.map(|loss| loss.curve.clone()).unwrap_or_default()),
        (Tone::Dim, role.unwrap_or_default().to_owned()),
        (Tone::Plain, took.unwrap_or_default()),
        age(state, job.created),
    ]);
    cells
}

fn file(state: &State, file: &FileRow) -> Vec<Cell> {
    let sign = match (file.is_dir, file.is_link) {
        (true, _) => "/",
        (false, true) => "@",
        (false, false) => "",
    };
    let tone = if file.is_dir { Tone::Accent } else { Tone::Plain };
    let size = if file.is_dir {
        String::new()
    } else {
        format::size(file.size)
    };
    vec![
        (tone, format!("{}{sign}", file.name)),
        (Tone::Plain, size),
        age(state, file.modified),
    ]
}
