//! The log of a job: its lines, the curve of what it measures above them, how the job stands in the title.

use std::fmt::Write as _;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::put::put;
use super::{Theme, boxed, line, metrics, position};
use crate::app::State;
use crate::app::format::{self, Tone};
use crate::app::job_log::Log;
use crate::app::pane::jobs::took;
use crate::domain::JobKind;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, log: &Log) {
    let room = usize::from(area.width).saturating_sub(6);
    let inner = boxed(frame, area, &title(state, log, room), theme.focus);
    let above = u16::try_from(log.curve_rows(usize::from(inner.height))).unwrap_or(0);
    let lines = Rect::new(inner.x, inner.y + above, inner.width, inner.height - above);
    if let Some(curve) = log.curve().filter(|_| above > 0) {
        let above = Rect { height: above, ..inner };
        metrics::chart(frame, above, theme, &[curve]);
    }
    let (columns, rows) = (usize::from(lines.width), usize::from(lines.height));
    let (all, shown) = log.count();
    let nothing = |words: &str| vec![Line::styled(words.to_owned(), theme.tone(Tone::Dim))];
    let words: Vec<Line> = match (all, shown) {
        (0, _) if log.is_known => nothing("No line yet."),
        (0, _) => nothing("asking…"),
        (_, 0) => nothing("No line has this."),
        _ => log
            .screen(columns, rows)
            .iter()
            .map(|words| line(words, theme, columns))
            .collect(),
    };
    put(frame, lines, &words);
    position(frame, area, theme, &standing(log));
}

/// The job, how it stands, and how long it has taken.
fn title(state: &State, log: &Log, room: usize) -> String {
    const OF: &str = "Log of ";
    let job = state.jobs.get(&log.job);
    let mut rest = String::new();
    if let Some(job) = job.filter(|job| !job.status.as_str().is_empty()) {
        let step = job.secondary.as_deref().filter(|step| *step != job.status.as_str());
        let step = step.map(|step| format!(" {step}")).unwrap_or_default();
        rest = format!(" · {}{step}", job.status.as_str());
        if let Some(seconds) = took(job, state.now) {
            let _ = write!(rest, " · {}", format::span(seconds));
        }
    }
    if let Some(host) = log.host() {
        let _ = write!(rest, " · {host} alone");
    }
    let rest = format::clean(&rest);
    let name = format::cut_middle(
        JobKind::split(&log.job).1,
        room.saturating_sub(OF.len() + format::width(&rest)),
    );
    format!("{OF}{name}{rest}")
}

/// What is looked for, and how many lines there are.
fn standing(log: &Log) -> String {
    let (all, shown) = log.count();
    let mut words = if shown == all {
        format::count(all, "line")
    } else {
        format!("{shown} of {}", format::count(all, "line"))
    };
    let looked_for = format::clean(&log.search.shown());
    match log.found() {
        _ if log.search.typing => words = format!("/{looked_for} · {words}"),
        Some((0, _)) => words = format!("/{looked_for} in no line · {words}"),
        Some((found, at)) => {
            let found = match at {
                Some(at) => format!("match {at} of {found}"),
                None => format!("in {}", format::count(found, "line")),
            };
            words = format!("/{looked_for} {found} · {words}");
        }
        None => {}
    }
    if log.follow {
        words.push_str(" · following");
    }
    words
}
