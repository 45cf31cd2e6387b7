//! What a job measures: a curve a metric, read from its log, and the final values that SageMaker keeps.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType};

use super::Theme;
use super::put::put;
use crate::app::State;
use crate::app::format::{self, Tone};
use crate::app::overlay::{Details, Subject};
use crate::domain::metrics::{Measurements, Series};

/// The least rows that a curve is worth drawing in.
const LEAST: u16 = 7;
/// From this height on the axis has a label in the middle.
const LABELLED: u16 = 9;
/// From this width on two curves stand side by side.
const WIDE: u16 = 90;

/// The measurements of one job.
pub(super) struct Metrics<'a> {
    measured: &'a Measurements,
    last: &'a [(String, f32)],
    /// Whether the job has ended and its log was read.
    is_ended: bool,
}

/// The measurements of the job whose metrics page is open.
pub(super) fn of<'a>(state: &'a State, details: &Details) -> Option<Metrics<'a>> {
    let Subject::Job(name) = &details.subject else {
        return None;
    };
    if details.subject.pages().get(details.page) != Some(&"Metrics") {
        return None;
    }
    let job = state.jobs.get(name);
    let last = job
        .and_then(|job| job.detail.as_deref())
        .map(|detail| detail.metrics.as_slice());
    Some(Metrics {
        measured: state.job_log.measured(),
        last: last.unwrap_or_default(),
        is_ended: state.job_log.is_known && job.is_some_and(|job| job.status.has_ended()),
    })
}

pub(super) fn render(frame: &mut Frame, area: Rect, theme: &Theme, metrics: &Metrics<'_>) {
    let columns = usize::from(area.width);
    let mut facts: Vec<Line> = metrics
        .last
        .iter()
        .map(|(name, value)| {
            let words = format::Line::new(Tone::Dim, format::fit("final", 8))
                .and(Tone::Plain, format::fit(name, 24))
                .and(Tone::Good, value.to_string());
            super::line(&words, theme, columns)
        })
        .collect();
    let groups = metrics.measured.groups();
    if groups.is_empty() {
        let words = if metrics.is_ended {
            "No curve: it printed no loss."
        } else {
            "No curve yet: lines of its log such as `epoch=3 loss=0.25` make one."
        };
        facts.push(Line::styled(format::cut(words, columns), theme.tone(Tone::Dim)));
    }
    let head = (facts.len() as u16).min(area.height);
    let [above, below] = Layout::vertical([Constraint::Length(head), Constraint::Min(0)]).areas(area);
    put(frame, above, &facts);
    for (curves, area) in groups.values().zip(cells(below, groups.len())) {
        chart(frame, area, theme, curves);
    }
}

/// Where so many curves go; fewer places where there is no room for all.
fn cells(area: Rect, curves: usize) -> Vec<Rect> {
    let beside = if area.width >= WIDE && curves > 1 { 2 } else { 1 };
    let fitting = usize::from(area.height / LEAST);
    let rows = curves.div_ceil(beside).min(fitting);
    let rows = Layout::vertical(vec![Constraint::Fill(1); rows]).split(area);
    let cells = rows.iter().flat_map(|row| {
        let beside = Layout::horizontal(vec![Constraint::Fill(1); beside])
            .spacing(2)
            .split(*row);
        beside.to_vec()
    });
    cells.collect()
}

/// Curves of one measure with their axes: what each is called and how it stands above them, what the steps count below.
pub(super) fn chart(frame: &mut Frame, area: Rect, theme: &Theme, curves: &[(&str, &Series)]) {
    let Some((_, first)) = curves.first() else { return };
    let points = || curves.iter().flat_map(|(_, series)| &series.points);
    let (x, y) = (
        bounds(points().map(|point| point.0)),
        bounds(points().map(|point| point.1)),
    );
    let dim = theme.tone(Tone::Dim);
    let axis = |bounds: [f64; 2], labels: Vec<String>| {
        let labels = labels.into_iter().map(|label| Span::styled(label, dim));
        Axis::default().bounds(bounds).labels(labels).style(dim)
    };
    let (across, mut up) = (
        labels(x, figure),
        labels(y, |value| format!("{}{}", figure(value), first.unit)),
    );
    // In few rows what is between would stand beside one of the ends.
    if area.height < LABELLED && up.len() > 2 {
        up.remove(1);
    }
    // What is counted stands before the first: behind the last it would lie over the curve.
    let across = across.into_iter().enumerate().map(|(nth, label)| match nth {
        0 => format!("{} {label}", first.step),
        _ => label,
    });
    let lines = curves.iter().enumerate().map(|(nth, (_, series))| {
        Dataset::default()
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(theme.tone(tone(nth)))
            .data(&series.points)
    });
    let chart = Chart::new(lines.collect())
        .block(Block::default().title(legend(curves, theme, usize::from(area.width))))
        .x_axis(axis(x, across.collect()))
        .y_axis(axis(y, up));
    frame.render_widget(chart, area);
}

/// The least, what is between, and the most; of whole steps nothing that is none.
fn labels([least, most]: [f64; 2], words: impl Fn(f64) -> String) -> Vec<String> {
    let middle = f64::midpoint(least, most);
    let is_whole = |value: f64| value.fract() == 0.0;
    let labels = if is_whole(least) && is_whole(most) && !is_whole(middle) {
        vec![least, most]
    } else {
        vec![least, middle, most]
    };
    labels.into_iter().map(words).collect()
}

/// Which line is which, and its last value; of one alone its least and most, too.
fn legend(curves: &[(&str, &Series)], theme: &Theme, columns: usize) -> Line<'static> {
    let mut words = format::Line::blank();
    for (nth, (name, series)) in curves.iter().enumerate() {
        let Some((at, value)) = series.points.last() else {
            continue;
        };
        let gap = if nth == 0 { "" } else { "   " };
        words = words
            .and(tone(nth), format!("{gap}━ "))
            .and(Tone::Heading, format::cut(name, 32))
            .and(Tone::Plain, format!(" {}{}", figure(*value), series.unit))
            .and(Tone::Dim, format!(" at {} {}", series.step, figure(*at)));
        if curves.len() == 1 {
            let [least, most] = range(series.points.iter().map(|point| point.1));
            words = words.and(Tone::Dim, format!(" · {} to {}", figure(least), figure(most)));
        }
    }
    super::line(&words, theme, columns)
}

/// The tone of a curve, by its number.
fn tone(nth: usize) -> Tone {
    match nth {
        0 => Tone::Accent,
        nth => Tone::Host(nth),
    }
}

/// From the least to the most.
fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::INFINITY, f64::NEG_INFINITY], |[least, most], value| {
        [least.min(value), most.max(value)]
    })
}

/// The same of an axis: a flat line has room around it.
fn bounds(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let [least, most] = range(values);
    if most > least {
        [least, most]
    } else {
        [least - 1.0, least + 1.0]
    }
}

/// Short, and exact enough for an axis.
fn figure(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(0.001..100_000.0).contains(&size) {
        return format!("{value:.2e}");
    }
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}
