//! The reference trainer: what a sandbox job runs for an image it does not know. Small, but honest.
//!
//! It reads the files of the channel `train` (else of the first channel) from `SM_CHANNEL_TRAIN`.
//!
//! - When every file is a numeric CSV (comma, semicolon or tab; with or without a header; two columns or more), it
//!   fits a linear regression of the last column on the others: columns standardised, mini-batch gradient descent on
//!   the squared error, one `epoch=N loss=…` line an epoch (at most fifty lines), the loss being the mean squared error
//!   in units of the target's variance. Rows with cells that are no numbers are skipped and counted. Of large files it
//!   keeps a uniform sample of at most 100,000 rows, so memory is bounded. `epochs` (20) and `learning_rate` are
//!   hyperparameters.
//! - Of any other bytes it makes a summary: size, byte histogram, entropy. There is nothing to fit, so no epoch is
//!   printed. It never unpickles or executes what it reads.
//!
//! `model.bin` is JSON. To predict: `z = bias + Σ weights[i] · (x[i] − means[i]) / scales[i]`, then
//! `y = z · target_scale + target_mean`.

use std::fs::File;
use std::io::{BufReader, LineWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::job::{invalid, io};
use super::tree;
use crate::console;
use crate::domain::Fault;

mod csv;
mod regression;

pub(crate) use regression::{Fit, Hyperparameters};

/// The content of `model.bin`.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Model {
    /// See the module's documentation.
    LinearRegression {
        #[serde(flatten)]
        fit: Fit,
        /// Names of the columns, the target last.
        columns: Vec<String>,
        /// Rows read, whether sampled or not.
        rows: u64,
        /// Rows left out because a cell was no number.
        skipped: u64,
    },
    /// Of bytes that are no numeric CSV.
    Summary {
        files: usize,
        bytes: u64,
        /// Bits per byte, 0 to 8.
        entropy: f64,
        /// How often each byte value occurs.
        histogram: Vec<u64>,
    },
}

/// Trains as the environment says.
///
/// # Errors
/// When the channel is missing or empty, a hyperparameter is no number, or a file cannot be read or written.
pub fn run() -> Result<(), Fault> {
    let mut variables = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        name.starts_with("SM_CHANNEL_").then_some((name, PathBuf::from(value)))
    });
    let unset = |cause: &'static str| move || invalid("train", "", cause, "run it as the command of strongroom train");
    let channel = std::env::var_os("SM_CHANNEL_TRAIN")
        .map(PathBuf::from)
        .or_else(|| variables.by_ref().min().map(|(_, path)| path))
        .ok_or_else(unset("SM_CHANNEL_TRAIN is not set"))?;
    let model = std::env::var_os("SM_MODEL_DIR").map(PathBuf::from);
    let model = model.ok_or_else(unset("SM_MODEL_DIR is not set"))?;
    let hyperparameters = Hyperparameters {
        epochs: number("SM_HP_EPOCHS")?,
        learning_rate: number("SM_HP_LEARNING_RATE")?,
    };
    let log = console::data().map_err(|error| io("print to", Path::new("the log"), &error))?;
    train(&channel, &model, &hyperparameters, &mut LineWriter::new(log))
}

fn number<T: std::str::FromStr>(name: &str) -> Result<Option<T>, Fault> {
    let Ok(text) = std::env::var(name) else { return Ok(None) };
    text.trim().parse().map(Some).map_err(|_| {
        let (name, cause) = (
            name["SM_HP_".len()..].to_lowercase(),
            format!("`{text}` is not a usable number"),
        );
        invalid("read hyperparameter", &name, cause, "")
    })
}

fn train(
    channel: &Path,
    model_dir: &Path,
    hyperparameters: &Hyperparameters,
    log: &mut dyn Write,
) -> Result<(), Fault> {
    let files: Vec<PathBuf> = tree::files(channel)?.into_iter().map(|file| file.path).collect();
    if files.is_empty() {
        let channel = channel.display().to_string();
        return Err(invalid(
            "train on",
            &channel,
            "there is no file",
            "check the channel's S3 URI",
        ));
    }
    let model = match csv::read(&files)? {
        Some(table) => regression_model(table, hyperparameters, log)?,
        None => summary_model(&files, log)?,
    };
    let path = model_dir.join("model.bin");
    let mut bytes = serde_json::to_vec(&model)
        .map_err(|error| invalid("write", &path.display().to_string(), error.to_string(), ""))?;
    bytes.push(b'\n');
    std::fs::write(&path, bytes).map_err(|error| io("write", &path, &error))?;
    say(log, "reference trainer: wrote model.bin")
}

fn say(log: &mut dyn Write, line: &str) -> Result<(), Fault> {
    writeln!(log, "{line}").map_err(|error| io("print to", Path::new("the log"), &error))
}

fn regression_model(table: csv::Table, hyperparameters: &Hyperparameters, log: &mut dyn Write) -> Result<Model, Fault> {
    let csv::Table {
        columns,
        sample,
        rows,
        skipped,
    } = table;
    let target = columns.last().map_or("the last column", String::as_str);
    let (inputs, kept) = (columns.len() - 1, sample.len());
    say(
        log,
        &format!(
            "reference trainer: linear regression of {target} on {inputs} columns, {rows} rows, {skipped} skipped, {kept} kept"
        ),
    )?;
    let fit = regression::fit(&sample, hyperparameters, &mut |epoch, loss| {
        say(log, &format!("epoch={epoch} loss={loss:.6}"))
    })?;
    Ok(Model::LinearRegression {
        fit,
        columns,
        rows,
        skipped,
    })
}

fn summary_model(files: &[PathBuf], log: &mut dyn Write) -> Result<Model, Fault> {
    let mut histogram = vec![0_u64; 256];
    let mut chunk = vec![0; 64 * 1024];
    for path in files {
        let mut file = BufReader::new(File::open(path).map_err(|error| io("open", path, &error))?);
        loop {
            let read = file.read(&mut chunk).map_err(|error| io("read", path, &error))?;
            if read == 0 {
                break;
            }
            for byte in &chunk[..read] {
                histogram[usize::from(*byte)] += 1;
            }
        }
    }
    let bytes: u64 = histogram.iter().sum();
    let entropy: f64 = histogram
        .iter()
        .filter(|count| **count > 0)
        .map(|count| *count as f64 / bytes as f64)
        .map(|share| -share * share.log2())
        .sum();
    say(
        log,
        &format!(
            "reference trainer: not a numeric CSV, so nothing to fit; {bytes} bytes with {entropy:.4} bits of entropy each"
        ),
    )?;
    Ok(Model::Summary {
        files: files.len(),
        bytes,
        entropy,
        histogram,
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn trained(content: &[u8], hyperparameters: &Hyperparameters) -> (serde_json::Value, String) {
        let dir = tempfile::tempdir().unwrap();
        let channel = dir.path().join("train");
        std::fs::create_dir(&channel).unwrap();
        std::fs::write(channel.join("data"), content).unwrap();
        let mut log = Vec::new();
        train(&channel, dir.path(), hyperparameters, &mut log).unwrap();
        let model = serde_json::from_slice(&std::fs::read(dir.path().join("model.bin")).unwrap()).unwrap();
        (model, String::from_utf8(log).unwrap())
    }

    fn plane(header: bool) -> String {
        let mut text = if header { "a,b,y\n".to_owned() } else { String::new() };
        for i in 0..400_u32 {
            let (a, b) = (f64::from(i % 20), f64::from(i / 20));
            writeln!(text, "{a},{b},{}", 3.0 * a - 2.0 * b + 7.0).unwrap();
        }
        text
    }

    #[test]
    fn a_plane_is_learned_and_the_loss_falls() {
        let (model, log) = trained(plane(true).as_bytes(), &Hyperparameters::default());
        assert_eq!(model["kind"], "linear-regression");
        assert_eq!(model["columns"], serde_json::json!(["a", "b", "y"]));
        assert_eq!(model["rows"], 400);
        let losses: Vec<f64> = log
            .lines()
            .filter_map(|line| line.split_once("loss=")?.1.parse().ok())
            .collect();
        assert_eq!(losses.len(), 20);
        assert!(losses[0] > losses[19] && losses[19] < 1e-3, "{losses:?}");
        let slope = |i: usize| {
            let at = |name: &str| model[name][i].as_f64().unwrap();
            at("weights") / at("scales") * model["target_scale"].as_f64().unwrap()
        };
        assert!(
            (slope(0) - 3.0).abs() < 0.05 && (slope(1) + 2.0).abs() < 0.05,
            "{model}"
        );
    }

    #[test]
    fn epochs_are_respected_and_rows_that_are_no_numbers_counted() {
        let text = plane(false) + "1,?,3\n4,5\n";
        let (model, log) = trained(
            text.as_bytes(),
            &Hyperparameters {
                epochs: Some(3),
                learning_rate: Some(0.01),
            },
        );
        assert_eq!(log.matches("epoch=").count(), 3);
        assert_eq!((&model["rows"], &model["skipped"]), (&400.into(), &2.into()));
    }

    #[test]
    fn a_learning_rate_that_diverges_is_a_fault_and_no_model() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("data.csv"), plane(false)).unwrap();
        let wild = Hyperparameters {
            epochs: Some(200),
            learning_rate: Some(1e6),
        };
        let out = tempfile::tempdir().unwrap();
        let fault = train(dir.path(), out.path(), &wild, &mut Vec::new()).unwrap_err();
        assert!(fault.remedy.contains("learning_rate"));
        assert!(!out.path().join("model.bin").exists());
    }

    #[test]
    fn other_bytes_are_summarised_without_pretending_to_train() {
        let every: Vec<u8> = (0..=255).collect();
        let (model, log) = trained(&every, &Hyperparameters::default());
        assert_eq!(model["kind"], "summary");
        assert_eq!(model["bytes"], 256);
        assert!((model["entropy"].as_f64().unwrap() - 8.0).abs() < 1e-9);
        assert!(!log.contains("epoch="));
    }

    #[test]
    fn prose_with_commas_is_not_a_table() {
        let (model, _) = trained(b"Dear all,\nplease, come, at, 5\n", &Hyperparameters::default());
        assert_eq!(model["kind"], "summary");
    }
}
