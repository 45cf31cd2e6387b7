//! Metrics that a training script prints: `epoch=3 loss=0.25`, `Epoch 3/10 - loss: 0.25`.

use std::collections::BTreeMap;

/// What counts steps, and is no metric itself.
const STEPS: [&str; 6] = ["epoch", "step", "iteration", "iter", "batch", "round"];
/// Points of one metric that are kept: the newest.
const KEPT: usize = 2000;
/// Names that are kept: the first.
const NAMES: usize = 64;
/// Units that names end in.
const UNITS: [(&str, &str); 10] = [
    ("_ms", "ms"),
    ("_seconds", "s"),
    ("_secs", "s"),
    ("_sec", "s"),
    ("_percent", "%"),
    ("_pct", "%"),
    ("_mb", "MB"),
    ("_gb", "GB"),
    ("_bytes", "B"),
    ("_per_second", "/s"),
];
/// What stands before the name of a metric that is measured on other data, or on the data trained on.
const SETS: [&str; 8] = ["val", "valid", "validation", "eval", "test", "dev", "train", "training"];

/// The points of one metric.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Step and value, as they were printed, by rising steps. Where no step was printed the lines are counted.
    pub points: Vec<(f64, f64)>,
    /// What the steps count: `epoch`, …; `line` where none was printed.
    pub step: &'static str,
    /// What the values are in, if they were printed with it or the name tells; else empty.
    pub unit: &'static str,
}

/// The metrics of one log, read line by line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Measurements(BTreeMap<String, Series>);

impl Measurements {
    /// Takes in one line. Of what a program prints again and again in one place (`is_again`) only what names its step counts.
    ///
    /// A step that was there before is a run that begins there anew: what came after it is not drawn any more.
    pub fn read(&mut self, line: &str, is_again: bool) {
        let pairs = pairs(line);
        let step = pairs.iter().find_map(|pair| Some((step(pair.name)?, pair.value)));
        if is_again && step.is_none() {
            return;
        }
        for pair in pairs.iter().filter(|pair| self::step(pair.name).is_none()) {
            if self.0.len() >= NAMES && !self.0.contains_key(pair.name) {
                continue;
            }
            let series = self.0.entry(pair.name.to_owned()).or_default();
            let counted = series.points.last().map_or(1.0, |(last, _)| last + 1.0);
            let (word, at) = step.unwrap_or(("line", counted));
            series.step = word;
            series.unit = if pair.is_percent { "%" } else { unit(pair.name) };
            while series.points.pop_if(|(before, _)| *before >= at).is_some() {}
            series.points.push((at, pair.value));
            let excess = series.points.len().saturating_sub(KEPT);
            series.points.drain(..excess);
        }
    }

    /// The metrics that were printed at least twice, by name.
    pub fn series(&self) -> impl Iterator<Item = (&str, &Series)> {
        let all = self.0.iter().map(|(name, series)| (name.as_str(), series));
        all.filter(|(_, series)| series.points.len() > 1)
    }

    /// The loss, of several that of the training; another metric if there is none.
    pub fn loss(&self) -> Option<(&str, &Series)> {
        let is_loss = |name: &str| name.to_ascii_lowercase().contains("loss");
        let by_rank = |(name, _): &(&str, &Series)| (!is_loss(name), is_held_out(name));
        self.series().min_by_key(by_rank)
    }

    /// The same metrics of several sets of data together, by the name that they share: `loss` of `loss` and `val_loss`.
    pub fn groups(&self) -> BTreeMap<&str, Vec<(&str, &Series)>> {
        let mut groups: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (name, series) in self.series() {
            groups.entry(base(name)).or_default().push((name, series));
        }
        groups
    }
}

/// A metric's name without the set of data that it was measured on.
fn base(name: &str) -> &str {
    let parts = name.split_once(['_', '-', '/', '.']);
    match parts {
        Some((set, rest)) if !rest.is_empty() && SETS.iter().any(|known| set.eq_ignore_ascii_case(known)) => rest,
        _ => name,
    }
}

fn is_held_out(name: &str) -> bool {
    let base = base(name);
    base != name && !name.to_ascii_lowercase().starts_with("train")
}

fn unit(name: &str) -> &'static str {
    let ending = |(ending, _): &&(&str, &str)| name.to_ascii_lowercase().ends_with(ending);
    UNITS.iter().find(ending).map_or("", |(_, unit)| unit)
}

fn step(name: &str) -> Option<&'static str> {
    STEPS.into_iter().find(|step| name.eq_ignore_ascii_case(step))
}

/// A name and its number.
struct Pair<'a> {
    name: &'a str,
    value: f64,
    is_percent: bool,
}

/// `name=number` and `name: number`; steps also as `Epoch 3/10`.
fn pairs(line: &str) -> Vec<Pair<'_>> {
    let words: Vec<&str> = line
        .split([' ', '\t', ',', ';', '|', '[', ']', '(', ')'])
        .filter(|word| !word.is_empty())
        .collect();
    let mut pairs = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).copied().unwrap_or_default();
        let pair = match word.split_once(['=', ':']) {
            Some((name, "")) => (name, next),
            Some(pair) => pair,
            None if step(word).is_some() => (*word, next),
            None => continue,
        };
        if let Some(value) = number(pair.1).filter(|_| is_name(pair.0)) {
            pairs.push(Pair {
                name: pair.0,
                value,
                is_percent: pair.1.ends_with('%'),
            });
        }
    }
    pairs
}

fn is_name(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    begins && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-/.".contains(c))
}

/// A finite number; of `3/10` the first.
fn number(text: &str) -> Option<f64> {
    let first = text.split('/').next().unwrap_or_default();
    first
        .trim_end_matches(['.', '%'])
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(lines: impl IntoIterator<Item = &'a str>) -> Measurements {
        let mut found = Measurements::default();
        lines.into_iter().for_each(|line| found.read(line, false));
        found
    }

    fn points(found: &Measurements, name: &str) -> Vec<(f64, f64)> {
        let mut series = found.series();
        series
            .find(|(of, _)| *of == name)
            .map(|(_, series)| series.points.clone())
            .unwrap_or_default()
    }

    #[test]
    fn metrics_are_read_as_scripts_print_them() {
        let found = read([
            "starting",
            "epoch=1 loss=0.5",
            "epoch=2 loss=0.25, accuracy=90%",
            "Epoch 3/10 - loss: 0.125 - accuracy: 95%",
            "saved=/opt/ml/model/model.bin once=1",
            "loss=nan",
        ]);
        assert_eq!(points(&found, "loss"), [(1.0, 0.5), (2.0, 0.25), (3.0, 0.125)]);
        assert_eq!(points(&found, "accuracy"), [(2.0, 90.0), (3.0, 95.0)]);
        assert_eq!(found.series().count(), 2, "{found:?}");
        let of = |name| {
            found
                .series()
                .find(|(of, _)| *of == name)
                .map(|(_, series)| (series.step, series.unit))
        };
        assert_eq!(of("loss"), Some(("epoch", "")));
        assert_eq!(of("accuracy"), Some(("epoch", "%")));
    }

    #[test]
    fn without_a_step_lines_are_counted() {
        let found = read(["loss=3", "noise", "loss=2", "loss=1"]);
        assert_eq!(points(&found, "loss"), [(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]);
        assert_eq!(found.loss().unwrap().1.step, "line");
    }

    #[test]
    fn times_and_addresses_are_no_metrics() {
        let found = read(["12:30:01 ok", "12:30:02 ok", "http://x:80", "http://x:80"]);
        assert_eq!(found.series().count(), 0);
    }

    #[test]
    fn a_run_that_begins_again_takes_the_place_of_what_came_after() {
        let found = read([
            "epoch=1 loss=4",
            "epoch=2 loss=3",
            "epoch=3 loss=2",
            "epoch=2 loss=9",
            "epoch=3 loss=8",
        ]);
        assert_eq!(points(&found, "loss"), [(1.0, 4.0), (2.0, 9.0), (3.0, 8.0)]);
    }

    #[test]
    fn of_a_bar_only_what_names_its_step_counts_and_memory_is_bounded() {
        let mut found = Measurements::default();
        for value in 0..10 {
            found.read(&format!("50% loss={value}"), true);
            found.read(&format!("step={} gain={value}", value / 5), true);
        }
        assert_eq!(points(&found, "loss"), []);
        assert_eq!(points(&found, "gain"), [(0.0, 4.0), (1.0, 9.0)]);
        for number in 0..10_000 {
            found.read(&format!("name{number}=1"), false);
            found.read("loss=1", false);
        }
        assert!(found.0.len() <= NAMES);
        assert!(found.0.values().all(|series| series.points.len() <= KEPT));
    }

    #[test]
    fn the_same_metric_of_several_sets_of_data_belongs_together_and_has_its_unit() {
        let line = |epoch: u32| {
            format!("epoch={epoch} loss=1 val_loss=2 step_ms=7 validation/accuracy=0.5 train_accuracy=0.6")
        };
        let lines: Vec<String> = (1..3).map(line).collect();
        let found = read(lines.iter().map(String::as_str));
        let groups: Vec<(&str, usize)> = found.groups().iter().map(|(base, of)| (*base, of.len())).collect();
        assert_eq!(groups, [("accuracy", 2), ("loss", 2), ("step_ms", 1)]);
        assert_eq!(found.loss().unwrap().0, "loss", "of the training");
        let unit = found.series().find(|(name, _)| *name == "step_ms").unwrap().1.unit;
        assert_eq!(unit, "ms");
    }
}
