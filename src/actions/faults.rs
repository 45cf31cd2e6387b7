//! The faults that several actions make.

use std::fmt;

use tokio_util::sync::CancellationToken;

use crate::domain::words::counted;
use crate::domain::{Fault, FaultKind, WayOut};
use crate::envelope::EnvelopeError;
use crate::publish::{IsDataKey, IsOurs, Replaced};

pub(super) fn usage(act: &str, object: impl fmt::Display, cause: &str, remedy: &str) -> Fault {
    Fault::usage(act, object.to_string(), cause, remedy)
}

pub(super) fn cancelled(act: &str, object: impl fmt::Display) -> Fault {
    Fault::cancelled(act, object.to_string(), "it was cancelled", "")
}

/// What comes of it, or that it was cancelled meanwhile.
pub(super) async fn until_cancelled<T>(
    cancel: &CancellationToken,
    (act, object): (&str, impl fmt::Display),
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(cancelled(act, object)),
        done = work => done,
    }
}

/// What stopped, with the files that were done by then: they stay, and that is said.
pub(super) fn keeping(fault: Fault, done: usize) -> Fault {
    if done == 0 {
        return fault;
    }
    let cause = format!("{}; {} done by then stayed", fault.cause, counted(done, "file"));
    Fault { cause, ..fault }
}

/// What went wrong, or that it was cancelled: whatever breaks then breaks because of that.
pub(super) fn unless_cancelled(
    fault: Fault,
    cancel: &CancellationToken,
    act: &str,
    object: impl fmt::Display,
) -> Fault {
    if cancel.is_cancelled() {
        cancelled(act, object)
    } else {
        fault
    }
}

/// The fault of a file that could not be used.
pub(super) fn io_fault(act: &str, path: impl fmt::Display, error: &std::io::Error) -> Fault {
    use std::io::ErrorKind;
    if is::<IsDataKey>(error) {
        let remedy = "choose another name: encrypted data keys are never overwritten";
        return Fault::conflict(act, path.to_string(), error.to_string(), remedy);
    }
    if is::<IsOurs>(error) {
        let remedy = "this file system takes both names for one: do one of them alone, to another name";
        return Fault::conflict(act, path.to_string(), error.to_string(), remedy);
    }
    if is::<Replaced>(error) {
        let remedy = "leave the folder where it is, and try again";
        return Fault::conflict(act, path.to_string(), error.to_string(), remedy);
    }
    let (kind, remedy) = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            (FaultKind::DiskFull, "free some space or choose another disk")
        }
        ErrorKind::AlreadyExists => {
            let exists = Fault::conflict(act, path.to_string(), "it exists already", "");
            return exists.by(WayOut::ReplaceFile);
        }
        ErrorKind::NotFound => (FaultKind::NotFound, "check the path"),
        ErrorKind::PermissionDenied => (FaultKind::Io, "check its permissions"),
        _ => (FaultKind::Io, ""),
    };
    Fault::new(kind, act, path.to_string(), error.to_string(), remedy)
}

/// The fault of a new file, which never takes the place of another, that could not be written.
pub(super) fn new_file_fault(path: impl fmt::Display, error: &std::io::Error) -> Fault {
    let fault = io_fault("write", path, error);
    if fault.ways.contains(&WayOut::ReplaceFile) {
        let remedy = "choose another name, or move that file away: it is never replaced";
        return Fault::new(fault.kind, &fault.act, fault.object, fault.cause, remedy);
    }
    fault
}

fn is<E: std::error::Error + 'static>(error: &std::io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<E>)
}

/// The fault of an envelope that could not be made or opened.
pub(super) fn fault_of(act: &str, object: impl fmt::Display, error: &EnvelopeError) -> Fault {
    match error {
        EnvelopeError::Read(io) | EnvelopeError::Write(io) => io_fault(act, object, io),
        EnvelopeError::Random(_) => Fault::other(act, object.to_string(), error.to_string(), ""),
        // Nothing is known of the token: it was not read.
        EnvelopeError::Newer { .. } => {
            let remedy = "open it with a newer strongroom";
            Fault::invalid(act, object.to_string(), error.to_string(), remedy)
        }
        EnvelopeError::Changed => {
            let remedy = "try again when nobody writes to it";
            Fault::conflict(act, object.to_string(), error.to_string(), remedy)
        }
        EnvelopeError::Mac | EnvelopeError::Padding => {
            let remedy = "check that the data key is its own; else get the token again from where it was made";
            Fault::integrity(act, object.to_string(), error.to_string(), remedy)
        }
        _ => {
            let remedy = "get it again from where it was made";
            Fault::integrity(act, object.to_string(), error.to_string(), remedy)
        }
    }
}
