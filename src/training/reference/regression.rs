//! Linear regression by mini-batch gradient descent.

use serde::Serialize;

use crate::domain::Fault;
use crate::training::job::invalid;

const DEFAULT_EPOCHS: u32 = 20;
const BATCH: usize = 32;
/// More epochs than this are not all printed.
const LINES: u32 = 50;

/// What a job may set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hyperparameters {
    /// Passes over the data.
    pub(crate) epochs: Option<u32>,
    /// Step size; by default small enough for the number of columns.
    pub(crate) learning_rate: Option<f64>,
}

/// What was learned, in standardised units.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fit {
    weights: Vec<f64>,
    bias: f64,
    means: Vec<f64>,
    scales: Vec<f64>,
    target_mean: f64,
    target_scale: f64,
    /// Final mean squared error in units of the target's variance.
    loss: f64,
    epochs: u32,
    learning_rate: f64,
}

/// Fits the last column of `rows` on the others, telling every epoch's loss.
///
/// Invariant: `rows` holds at least one row, and all are equally wide, two columns or more.
pub(super) fn fit(
    rows: &[Vec<f64>],
    hyperparameters: &Hyperparameters,
    told: &mut dyn FnMut(u32, f64) -> Result<(), Fault>,
) -> Result<Fit, Fault> {
    let width = rows.first().map_or(0, Vec::len);
    let features = width.saturating_sub(1);
    let (means, scales) = moments(rows, width);
    let rows: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .zip(means.iter().zip(&scales))
                .map(|(x, (mean, scale))| (x - mean) / scale)
                .collect()
        })
        .collect();
    let epochs = hyperparameters.epochs.unwrap_or(DEFAULT_EPOCHS).max(1);
    let rate = hyperparameters
        .learning_rate
        .unwrap_or_else(|| (0.5 / features as f64).min(0.05));

    let mut weights = vec![0.0; features];
    let mut bias = 0.0;
    let mut order: Vec<usize> = (0..rows.len()).collect();
    let mut random = Random::new(2);
    let mut loss = f64::NAN;
    for epoch in 1..=epochs {
        random.shuffle(&mut order);
        for batch in order.chunks(BATCH) {
            let mut slope = vec![0.0; features];
            let mut shift = 0.0;
            for row in batch.iter().map(|index| &rows[*index]) {
                let error = residual(row, &weights, bias);
                shift += error;
                for (sum, x) in slope.iter_mut().zip(row) {
                    *sum += error * x;
                }
            }
            let step = rate / batch.len() as f64;
            bias -= step * shift;
            for (weight, sum) in weights.iter_mut().zip(&slope) {
                *weight -= step * sum;
            }
        }
        loss = rows
            .iter()
            .map(|row| residual(row, &weights, bias).powi(2))
            .sum::<f64>()
            / rows.len() as f64;
        if !loss.is_finite() {
            return Err(invalid(
                "train",
                "",
                format!("the loss diverged in epoch {epoch}"),
                "lower learning_rate",
            ));
        }
        if epochs <= LINES || epoch == epochs || epoch % epochs.div_ceil(LINES) == 0 {
            told(epoch, loss)?;
        }
    }
    Ok(Fit {
        weights,
        bias,
        target_mean: means[features],
        target_scale: scales[features],
        means: means[..features].to_vec(),
        scales: scales[..features].to_vec(),
        loss,
        epochs,
        learning_rate: rate,
    })
}

fn residual(row: &[f64], weights: &[f64], bias: f64) -> f64 {
    let predicted: f64 = weights.iter().zip(row).map(|(weight, x)| weight * x).sum();
    predicted + bias - row[weights.len()]
}

/// Mean and standard deviation of each column, by Welford's recurrence; a constant column has scale one.
fn moments(rows: &[Vec<f64>], width: usize) -> (Vec<f64>, Vec<f64>) {
    let mut means = vec![0.0; width];
    let mut squares = vec![0.0; width];
    for (n, row) in rows.iter().enumerate() {
        for ((x, mean), square) in row.iter().zip(&mut means).zip(&mut squares) {
            let before = x - *mean;
            *mean += before / (n + 1) as f64;
            *square += before * (x - *mean);
        }
    }
    let scales = squares
        .iter()
        .map(|square: &f64| (square / rows.len() as f64).sqrt())
        .map(|deviation| if deviation > f64::EPSILON { deviation } else { 1.0 })
        .collect();
    (means, scales)
}

/// SplitMix64: the same data gives the same model.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not zero; its bias is below 2⁻⁴⁰ for any table that fits a disk.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn shuffle(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            order.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}
