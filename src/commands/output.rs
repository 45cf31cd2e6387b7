//! What the file commands share: progress on standard error, lines on standard output, arguments into requests.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::one_line;
use crate::actions::{OpenOptions, Place, ProgressSink};
use crate::cli::OpenArgs;
use crate::domain::{Fault, FaultKind, Progress};

const EVERY: Duration = Duration::from_millis(100);

/// Progress for a person: one line, rewritten at most ten times a second; silent when nobody looks.
pub(super) fn progress() -> ProgressSink {
    if !io::stderr().is_terminal() {
        return ProgressSink::none();
    }
    let last = Mutex::new(None::<Instant>);
    ProgressSink::new(move |progress| {
        let Ok(mut last) = last.lock() else { return };
        if last.is_none_or(|at| at.elapsed() >= EVERY) {
            *last = Some(Instant::now());
            let _ = write!(io::stderr(), "\r\x1b[K{}", one_line(&describe(&progress)));
        }
    })
}

/// Removes the progress line before results are printed.
pub(super) fn clear_progress() {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
}

/// One line on standard output.
pub(super) fn line(text: &str) -> Result<(), Fault> {
    writeln!(io::stdout(), "{}", one_line(text)).map_err(|error| broken(&error))
}

/// One JSON object on a line of its own.
pub(super) fn json_line(value: &Value) -> Result<(), Fault> {
    writeln!(io::stdout(), "{value}").map_err(|error| broken(&error))
}

/// All but the last failure go to standard error; the last is the command's own.
pub(super) fn settle(failed: Vec<Fault>) -> Result<(), Fault> {
    let mut failed = failed.into_iter().peekable();
    while let Some(fault) = failed.next() {
        if failed.peek().is_none() {
            return Err(fault);
        }
        warn(&fault.to_string());
    }
    Ok(())
}

/// One line on standard error.
pub(super) fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "strongroom: {}", one_line(text));
}

/// `K=V` pairs; one name twice is wrong usage.
pub(super) fn context(pairs: &[(String, String)]) -> Result<BTreeMap<String, String>, Fault> {
    let mut context = BTreeMap::new();
    for (name, value) in pairs {
        if context.insert(name.clone(), value.clone()).is_some() {
            let remedy = "give every name once";
            return Err(Fault::new(
                FaultKind::Usage,
                "read",
                "--context",
                format!("`{name}` is given twice"),
                remedy,
            ));
        }
    }
    Ok(context)
}

/// How to find the data key, from the arguments.
pub(super) fn open_options(args: &OpenArgs, accept_name: bool) -> Result<OpenOptions, Fault> {
    Ok(OpenOptions {
        key: args.key.clone(),
        data_key: args.data_key.as_deref().map(Place::parse).transpose()?,
        context: context(&args.context)?,
        require_bound: args.require_bound,
        accept_name,
    })
}

/// The fault of a command that a signal cut short.
pub(super) fn interrupted(act: &str, object: &str) -> Fault {
    Fault::new(FaultKind::Cancelled, act, object, "it was cancelled", "")
}

fn describe(progress: &Progress) -> String {
    let bytes = match progress.total.filter(|total| *total > 0) {
        Some(total) => format!(
            "{} % of {} MiB",
            progress.bytes.saturating_mul(100) / total,
            total >> 20
        ),
        None => format!("{} MiB", progress.bytes >> 20),
    };
    let items = progress
        .items
        .map(|(done, all)| format!(" ({} of {all})", done + 1))
        .unwrap_or_default();
    format!("{} {}{items}: {bytes}", progress.phase, progress.item)
}

fn broken(error: &io::Error) -> Fault {
    Fault::new(FaultKind::Io, "write", "standard output", error.to_string(), "")
}
