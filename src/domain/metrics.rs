//! Metrics that a training script prints: `epoch=3 loss=0.25`, `Epoch 3/10 - loss: 0.25`.

use std::collections::BTreeMap;

/// What counts steps, and is no metric itself.
const STEPS: [&str; 6] = ["epoch", "step", "iteration", "iter", "batch", "round"];
/// Points of one metric that are kept: the newest.
const KEPT: usize = 2000;

/// The points of each metric that was printed at least twice, by name: step and value, as they were printed. Where no
/// step is printed the lines are counted.
pub fn series<'a>(lines: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, Vec<(f64, f64)>> {
    let mut found: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for line in lines {
        let pairs = pairs(line);
        let step = pairs.iter().find(|(name, _)| is_step(name)).map(|(_, value)| *value);
        for (name, value) in pairs.iter().filter(|(name, _)| !is_step(name)) {
            let points = found.entry((*name).to_owned()).or_default();
            let counted = points.last().map_or(1.0, |(last, _)| last + 1.0);
            points.push((step.unwrap_or(counted), *value));
        }
    }
    found.retain(|_, points| points.len() > 1);
    for points in found.values_mut() {
        points.drain(..points.len().saturating_sub(KEPT));
    }
    found
}

fn is_step(name: &str) -> bool {
    STEPS.iter().any(|step| name.eq_ignore_ascii_case(step))
}

/// `name=number` and `name: number`; steps also as `Epoch 3/10`.
fn pairs(line: &str) -> Vec<(&str, f64)> {
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
            None if is_step(word) => (*word, next),
            None => continue,
        };
        if let Some(value) = number(pair.1).filter(|_| is_name(pair.0)) {
            pairs.push((pair.0, value));
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

    #[test]
    fn metrics_are_read_as_scripts_print_them() {
        let found = series([
            "starting",
            "epoch=1 loss=0.5",
            "epoch=2 loss=0.25, accuracy=90%",
            "Epoch 3/10 - loss: 0.125 - accuracy: 0.95",
            "saved=/opt/ml/model/model.bin once=1",
            "loss=nan",
        ]);
        assert_eq!(found["loss"], [(1.0, 0.5), (2.0, 0.25), (3.0, 0.125)]);
        assert_eq!(found["accuracy"], [(2.0, 90.0), (3.0, 0.95)]);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn without_a_step_lines_are_counted() {
        let found = series(["loss=3", "noise", "loss=2", "loss=1"]);
        assert_eq!(found["loss"], [(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]);
    }

    #[test]
    fn times_and_addresses_are_no_metrics() {
        assert!(series(["12:30:01 ok", "12:30:02 ok", "http://x:80", "http://x:80"]).is_empty());
    }
}
