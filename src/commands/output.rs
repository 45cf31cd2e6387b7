//! What the file commands share: progress on standard error, what is said in [`console`], arguments into requests.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::actions::{OpenOptions, ProgressSink};
use crate::cli::{OpenArgs, TermsArgs};
use crate::console;
use crate::domain::words::counted;
use crate::domain::{Fault, JobSettings, Location, ObjectUri, Progress, UploadSettings};

pub(super) use crate::console::{complain as warn, end_progress as clear_progress, json as json_line, line};

const EVERY: Duration = Duration::from_millis(100);

/// Progress for a person: one line, rewritten at most ten times a second; silent when nobody looks.
pub(super) fn progress() -> ProgressSink {
    if !console::is_watched() {
        return ProgressSink::none();
    }
    let last = Mutex::new(None::<Instant>);
    ProgressSink::new(move |progress| {
        let Ok(mut last) = last.lock() else { return };
        if last.is_none_or(|at| at.elapsed() >= EVERY) {
            *last = Some(Instant::now());
            console::progress(&describe(&progress));
        }
    })
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

/// Says that encrypted data keys were passed over, if any were.
pub(super) fn passed_over(key_objects: u64) {
    if key_objects > 0 {
        let keys = counted(key_objects, "encrypted data key");
        warn(&format!(
            "passed over, by size and first bytes: {keys}; audit --deep holds them against the tokens that name them"
        ));
    }
}

/// What came of a request is of another kind than that.
pub(super) fn unexpected(act: &str, object: &str, kind: &str) -> Fault {
    let cause = format!("strongroom failed inside: what came of it is no {kind}");
    Fault::other(act, object, cause, "please report this")
}

/// The object or prefix that is named so.
pub(super) fn in_s3(act: &str, place: &str) -> Result<ObjectUri, Fault> {
    match Location::parse(place)? {
        Location::S3(uri) => Ok(uri),
        Location::Local(_) => Err(Fault::usage(
            act,
            place,
            "it is no place in S3",
            "write s3://BUCKET/PREFIX/",
        )),
    }
}

/// The encryption context, from the arguments.
pub(super) fn context(pairs: &[(String, String)]) -> Result<BTreeMap<String, String>, Fault> {
    names_once("--context", pairs)
}

/// The `K=V` pairs of an option; one name twice is wrong usage.
pub(super) fn names_once(option: &str, pairs: &[(String, String)]) -> Result<BTreeMap<String, String>, Fault> {
    let mut named = BTreeMap::new();
    for (name, value) in pairs {
        if named.insert(name.clone(), value.clone()).is_some() {
            let cause = format!("`{name}` is given twice");
            return Err(Fault::usage("read", option, cause, "give every name once"));
        }
    }
    Ok(named)
}

/// What calls to buckets carry when nothing is written.
pub(super) fn terms(args: &TermsArgs) -> UploadSettings {
    UploadSettings {
        owner: args.expected_owner.clone(),
        requester_pays: args.requester_pays,
        ..UploadSettings::default()
    }
}

/// The program that is brought to an image without any: as it is given, else as the configuration says; none if it is empty.
pub(super) fn program(given: Option<&PathBuf>, settings: &JobSettings) -> Option<PathBuf> {
    let program = given.or(settings.program.as_ref());
    program.filter(|path| !path.as_os_str().is_empty()).cloned()
}

/// How to find the data key, from the arguments.
pub(super) fn open_options(args: &OpenArgs, accept_name: bool) -> Result<OpenOptions, Fault> {
    Ok(OpenOptions {
        key: args.key.clone(),
        data_key: args.data_key.as_deref().map(Location::parse).transpose()?,
        context: context(&args.context)?,
        require_bound: args.require_bound,
        moved_from: args.moved_from.clone(),
        accept_name,
        accept_unbound: args.accept_unbound,
    })
}

fn describe(progress: &Progress) -> String {
    let bytes = match progress.total.filter(|total| *total > 0) {
        Some(total) => {
            let percent = progress.bytes.saturating_mul(100) / total;
            format!("{percent} % of {} MiB", total >> 20)
        }
        None => format!("{} MiB", progress.bytes >> 20),
    };
    let items = progress
        .items
        .map(|(done, all)| format!(" ({} of {all})", done + 1))
        .unwrap_or_default();
    format!("{} {}{items}: {bytes}", progress.phase, progress.item)
}
