//! What readers show, as lines: help, messages, details, reports. The core needs their number for scrolling, the
//! drawing their words.

use std::borrow::Cow;

use super::format::{self, Line, Tone};
use super::pane::{self, files, grants, jobs, keys, objects};
use super::state::State;
use super::state::chain::Chain;
use super::state::overlay::{Details, Overlay, Previewing, Subject};
use super::{Command, help, known, matrix, policy_review, results, versions};
use crate::domain::explain::{Explanation, explain, explain_text};
use crate::domain::{AwsContext, Door, Fault, FaultKind, Origin};

/// The lines of the topmost overlay that is no question or form, at most `columns` wide; none if it is no text.
pub fn lines(state: &State, columns: usize) -> Cow<'_, [Line]> {
    let is_dialog = |overlay: &&Overlay| matches!(overlay, Overlay::Confirm(_) | Overlay::Form(_));
    let lines = match state.overlays.iter().rev().find(|overlay| !is_dialog(overlay)) {
        Some(Overlay::Help(_)) => help::lines(state, columns),
        Some(Overlay::Review(shown)) => policy_review::lines(shown, columns),
        Some(Overlay::Preview(shown)) => preview(shown, columns),
        Some(Overlay::Details(shown)) => details(state, shown, columns),
        Some(Overlay::Comparing(shown)) => versions::lines(shown, columns),
        Some(Overlay::Matrix(shown)) => matrix::lines(shown, columns).0,
        // As long as what was found: it is laid out once.
        Some(Overlay::Report(report)) => return report.laid_out(columns),
        _ => Vec::new(),
    };
    Cow::Owned(lines)
}

/// The topmost overlay as plain text.
pub(super) fn text(state: &State) -> String {
    let lines = lines(state, usize::from(u16::MAX));
    lines.iter().map(Line::text).collect::<Vec<_>>().join("\n")
}

/// Versions of an object in its details: a list of all of them is opened by its action.
const VERSIONS: usize = 100;

/// Lines of its log beside a job's failure.
const LOG_TAIL: usize = 8;

/// The message in a row, the newest first, with what it means.
pub fn message(state: &State, row: usize, columns: usize) -> Vec<Line> {
    let Some(message) = state.messages.newest_first().nth(row) else {
        return Vec::new();
    };
    let room = columns.saturating_sub(13);
    let times = if message.times > 1 {
        format!(" ({} times)", message.times)
    } else {
        String::new()
    };
    let at = message.at.strftime("%H:%M:%S  ").to_string();
    let margin = " ".repeat(at.len());
    let said = format::wrap(&format!("{}{times}", message.text), room).into_iter();
    let mut lines: Vec<Line> = said
        .enumerate()
        .map(|(index, piece)| {
            let head = if index == 0 { &at } else { &margin };
            Line::new(Tone::Dim, head.clone()).and(message.tone, piece)
        })
        .collect();
    let elsewhere = message.elsewhere(&state.settings.context);
    let fault = message.fault.as_deref();
    let mut more = fault
        .map(|fault| explanation(state, fault, elsewhere))
        .unwrap_or_default();
    if message.leads_on() {
        more.push(Line::new(Tone::Accent, "Enter goes on."));
    }
    for line in more.iter().flat_map(|line| line.wrapped(room)) {
        let mut spaced = Line::new(Tone::Dim, margin.clone());
        spaced.0.extend(line.0);
        lines.push(spaced);
    }
    lines
}

/// What a fault means beyond its own words; in a context that was left it is not mended from here.
fn explanation(state: &State, fault: &Fault, elsewhere: Option<&AwsContext>) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(explanation) = explain(fault) {
        lines.extend(results::explained(&explanation));
        if explanation.repair.is_some() {
            lines.push(match elsewhere {
                None => Line::new(Tone::Accent, "Enter does what the remedy says."),
                Some(context) => {
                    let go = state.settings.keymap.key(Command::Context);
                    let words = format!("To do what the remedy says go to {} ({go}) first.", context.label());
                    Line::new(Tone::Dim, words)
                }
            });
        }
    }
    let meaning = match fault.kind {
        FaultKind::Throttled => {
            "AWS asked to slow down. A list is asked for again by itself, more slowly; an operation is not."
        }
        FaultKind::Unreachable | FaultKind::Timeout => {
            "The endpoint did not answer. A list is asked for again by itself; an operation is not."
        }
        FaultKind::Foreign => {
            "Something between here and AWS answered in its place: whether AWS heard of it is not known. A list is asked for again \
             by itself; an operation is not."
        }
        FaultKind::Integrity => {
            "What is stored is not what was written under this name and key. Nothing was published."
        }
        FaultKind::OtherKey => "Whether it is whole is not known. Nothing was published.",
        FaultKind::DiskFull => "There was no room; nothing was left under the final name.",
        _ => "",
    };
    if !meaning.is_empty() {
        lines.push(Line::new(Tone::Dim, meaning));
    }
    if let Some(code) = &fault.code {
        let id = fault
            .request_id
            .as_deref()
            .map(|id| format!(", request {id}"))
            .unwrap_or_default();
        lines.push(Line::new(Tone::Dim, format!("{code}{id}")));
    }
    lines
}

/// Whether Enter on a message goes on to something, or does what mends what went wrong.
pub fn leads_on(state: &State, id: u64) -> bool {
    state.messages.get(id).is_some_and(|message| {
        let explained = message.fault.as_deref().and_then(explain);
        message.leads_on() || explained.is_some_and(|explained| explained.repair.is_some())
    })
}

/// Why a job was refused, from its failure reason. What was granted since is not granted again.
pub(super) fn job_explained(state: &State, name: &str) -> Option<Explanation> {
    let job = state.jobs.get(name)?;
    let detail = job.detail.as_deref()?;
    let explained = explain_text(detail.failure.as_deref()?)?;
    Some(
        match (
            again(state, name),
            of_chain(state, name, |chain| chain.unmet.as_deref()),
        ) {
            (Some(words), _) => Explanation {
                words: words.to_owned(),
                remedy: "start it again".to_owned(),
                repair: None,
                ..explained
            },
            (None, Some(unmet)) => Explanation {
                words: format!("{} {unmet}", explained.words).trim_start().to_owned(),
                ..explained
            },
            (None, None) => explained,
        },
    )
}

/// Whether Enter in the details of a job does what the remedy says.
pub fn has_remedy(state: &State, name: &str) -> bool {
    let repair = || job_explained(state, name).and_then(|explained| explained.repair);
    again(state, name).is_some() || repair().is_some()
}

/// Why a job that was refused is only to be started again, if it is.
pub fn again<'a>(state: &'a State, name: &str) -> Option<&'a str> {
    of_chain(state, name, |chain| chain.again.as_deref())
}

/// What the chain says of this job, if it is about it.
fn of_chain<'a>(state: &'a State, name: &str, said: fn(&Chain) -> Option<&str>) -> Option<&'a str> {
    let chain = state.chain();
    said(chain).filter(|_| chain.job.as_deref() == Some(name))
}

fn preview(shown: &Previewing, columns: usize) -> Vec<Line> {
    let preview = &shown.preview;
    let mut lines = Vec::new();
    let origin = match &preview.origin {
        Origin::Token { verified, .. } => {
            let tone = if verified.bond.is_bound() {
                Tone::Dim
            } else {
                Tone::Warn
            };
            Some((tone, format!("intact: all of it was read; {verified}")))
        }
        Origin::Stored(format) => Some((
            Tone::Warn,
            format!("as it is stored: it is {} ({})", format.described(), format.as_str()),
        )),
        Origin::Kms => None,
    };
    if let Some((tone, words)) = origin {
        lines.extend(Line::new(tone, words).wrapped(columns));
    }
    let shown_lines = preview.lines(shown.view, usize::MAX, columns);
    let cut = |line: &String| Line::new(Tone::Plain, format::cut(&line.replace('\t', "    "), columns));
    lines.extend(shown_lines.iter().map(cut));
    if preview.is_cut() {
        let kept = format::size(preview.bytes.len() as u64);
        lines.push(Line::new(
            Tone::Dim,
            format!("⋯ {kept} of {} are shown", format::size(preview.total)),
        ));
    }
    lines
}

pub(super) fn details(state: &State, details: &Details, columns: usize) -> Vec<Line> {
    let page = details.subject.pages().get(details.page).copied().unwrap_or("Overview");
    let gone = || vec![Line::new(Tone::Warn, "It is not listed any more.")];
    match &details.subject {
        Subject::Key(arn) => {
            let Some(key) = state.keys.get(arn) else {
                return gone();
            };
            match page {
                "Policy" => policy(state, arn, columns),
                "JSON" => pane::json_lines(&keys::json(key), columns),
                _ => {
                    // How it stands and who may use it are on the first screen.
                    let mut lines = keys::overview(key, state.refusal(arn), state.now, columns);
                    let mut facts = pane::Facts::new(columns);
                    known::users(state, &mut facts, key, "asking…");
                    for part in [facts.lines, keys::record(key, state.linked(), columns)] {
                        lines.push(Line::blank());
                        lines.extend(part);
                    }
                    lines
                }
            }
        }
        Subject::Grant(id) => match state.grants.get(id) {
            None => gone(),
            Some(grant) if page == "JSON" => pane::json_lines(&grants::json(grant), columns),
            Some(grant) => {
                let mut lines = known::grant(state, grant, pane::Facts::new(columns));
                lines.push(Line::blank());
                lines.extend(grants::revoking(columns));
                lines
            }
        },
        Subject::Object(name) => {
            let bucket = state.place.as_ref().map_or("", |(bucket, _)| bucket.as_str());
            let Some(row) = state.objects.get(name) else {
                return gone();
            };
            if page == "JSON" {
                return pane::json_lines(&objects::json(bucket, row), columns);
            }
            let key = row.info().and_then(|info| info.kms_key_arn.as_deref());
            let key_name = key.and_then(|arn| state.key_name(arn));
            let facts = pane::Facts::new(columns);
            let mut lines = objects::overview(facts, (bucket, row), state.refusal(name), state.seen(row), key_name);
            lines.splice(1..1, known::read_by(state, row, pane::Facts::new(columns)));
            lines.push(Line::blank());
            lines.extend(objects::versions(state.versions(row), (VERSIONS, "asking…"), columns));
            lines
        }
        Subject::Job(name) => match state.jobs.get(name) {
            None => gone(),
            Some(job) if page == "JSON" => pane::json_lines(&jobs::json(job), columns),
            // Drawn, not written: see `ui::metrics`.
            Some(_) if page == "Metrics" => Vec::new(),
            Some(job) => {
                let why = [why_refused(state, name, columns), last_logged(state, name, columns)];
                jobs::overview(job, state.refusal(name), why, state.now, columns)
            }
        },
        Subject::File(path) => match state.files.get(&path.to_string_lossy()) {
            None => gone(),
            Some(file) => files::overview(pane::Facts::new(columns), file),
        },
    }
}

/// Why a job was refused, if it was.
fn why_refused(state: &State, name: &str, columns: usize) -> Vec<Line> {
    let Some(explanation) = job_explained(state, name) else {
        return Vec::new();
    };
    let mut lines = vec![Line::new(Tone::Heading, "Why it was refused")];
    lines.extend(results::explained(&explanation));
    if has_remedy(state, name) {
        lines.push(Line::new(Tone::Accent, "Enter does what the remedy says."));
    }
    lines.iter().flat_map(|line| line.wrapped(columns)).collect()
}

/// The last that a job's log says.
fn last_logged(state: &State, name: &str, columns: usize) -> Vec<Line> {
    let mut lines = vec![Line::new(Tone::Heading, "Last lines of its log")];
    let log = Some(&state.job_log).filter(|log| log.job == name);
    let last = log.map(|log| log.last(LOG_TAIL)).unwrap_or_default();
    if last.is_empty() {
        let is_known = log.is_some_and(|log| log.is_known);
        lines.push(Line::new(Tone::Dim, if is_known { "none yet" } else { "asking…" }));
    }
    lines.extend(last.into_iter().map(|line| Line::new(Tone::Plain, line)));
    lines.push(Line::blank());
    lines.iter().flat_map(|line| line.wrapped(columns)).collect()
}

fn policy(state: &State, arn: &str, columns: usize) -> Vec<Line> {
    match &state.policy {
        Some((of, Ok(text))) if of == arn => match serde_json::from_str(text) {
            Ok(value) => pane::json_lines(&value, columns),
            Err(_) => format::wrap(text, columns)
                .into_iter()
                .map(|line| Line::new(Tone::Plain, line))
                .collect(),
        },
        Some((of, Err(fault))) if of == arn => {
            let lines = format::wrap(&fault.at(Door::Dashboard), columns);
            lines.into_iter().map(|line| Line::new(Tone::Warn, line)).collect()
        }
        _ => vec![Line::new(Tone::Dim, "asking…")],
    }
}
