//! What a job measures: a curve a metric, read from its log, and the final values that SageMaker keeps.

use std::collections::BTreeMap;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, Paragraph};

use super::Theme;
use crate::app::State;
use crate::app::format::{self, Tone};
use crate::app::overlay::{Details, Subject};
use crate::domain::metrics::series;

/// The least rows that a curve is worth drawing in.
const LEAST: u16 = 7;
/// From this width on two curves stand side by side.
const WIDE: u16 = 90;

/// The measurements of one job.
pub(super) struct Metrics {
    curves: BTreeMap<String, Vec<(f64, f64)>>,
    last: Vec<(String, f32)>,
}

/// The measurements of the job whose metrics page is open.
pub(super) fn of(state: &State, details: &Details) -> Option<Metrics> {
    let Subject::Job(name) = &details.subject else {
        return None;
    };
    if details.subject.pages().get(details.page) != Some(&"Metrics") {
        return None;
    }
    let job = state.jobs.rows().iter().find(|job| job.id() == *name);
    let last = job
        .and_then(|job| job.detail.as_deref())
        .map(|detail| detail.metrics.clone());
    Some(Metrics {
        curves: series(state.job_log.texts()),
        last: last.unwrap_or_default(),
    })
}

pub(super) fn render(frame: &mut Frame, area: Rect, theme: &Theme, metrics: &Metrics) {
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
    if metrics.curves.is_empty() {
        let words = "No curve yet: lines of its log such as `epoch=3 loss=0.25` make one.";
        facts.push(Line::styled(format::cut(words, columns), theme.tone(Tone::Dim)));
    }
    let head = (facts.len() as u16).min(area.height);
    let [above, below] = Layout::vertical([Constraint::Length(head), Constraint::Min(0)]).areas(area);
    frame.render_widget(Paragraph::new(facts), above);
    for ((name, points), area) in metrics.curves.iter().zip(cells(below, metrics.curves.len())) {
        frame.render_widget(curve(name, points, theme), area);
    }
}

/// Where so many curves go; fewer places where there is no room for all.
fn cells(area: Rect, curves: usize) -> Vec<Rect> {
    let beside = if area.width >= WIDE && curves > 1 { 2 } else { 1 };
    let fitting = usize::from(area.height / LEAST);
    let rows = curves.div_ceil(beside).min(fitting);
    let rows = Layout::vertical(vec![Constraint::Fill(1); rows]).split(area);
    let cells = rows.iter().flat_map(|row| {
        let beside = Layout::horizontal(vec![Constraint::Fill(1); beside]).split(*row);
        beside.to_vec()
    });
    cells.collect()
}

/// One curve with its axes.
pub(super) fn curve<'a>(name: &str, points: &'a [(f64, f64)], theme: &Theme) -> Chart<'a> {
    let (steps, values) = (points.iter().map(|point| point.0), points.iter().map(|point| point.1));
    let (x, y) = (bounds(steps), bounds(values));
    let last = points.last().map(|(_, value)| figure(*value)).unwrap_or_default();
    let dim = theme.tone(Tone::Dim);
    let axis = |bounds: [f64; 2]| {
        let labels = bounds.map(|bound| Span::styled(figure(bound), dim));
        Axis::default().bounds(bounds).labels(labels).style(dim)
    };
    let title = Line::from(vec![
        Span::styled(format::cut(name, 32), theme.tone(Tone::Heading)),
        Span::styled(format!("  {last}"), theme.tone(Tone::Good)),
    ]);
    let line = Dataset::default()
        .marker(Marker::Braille)
        .graph_type(GraphType::Line)
        .style(theme.tone(Tone::Accent))
        .data(points);
    Chart::new(vec![line])
        .block(Block::default().title(title))
        .x_axis(axis(x))
        .y_axis(axis(y))
}

/// From the least to the most; a flat line has room around it.
fn bounds(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let [least, most] = values.fold([f64::INFINITY, f64::NEG_INFINITY], |[least, most], value| {
        [least.min(value), most.max(value)]
    });
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
