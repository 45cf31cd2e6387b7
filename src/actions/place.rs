//! Where things are: in S3 or in the file system.

use std::fmt;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::sweep::is_ours;
use crate::console;
use crate::domain::words::counted;
use crate::domain::{Fault, FaultKind, WayOut};
use crate::publish::{IsDataKey, IsOurs, Replaced};

/// An S3 object or prefix, or a local path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `s3://BUCKET/KEY`; a prefix if `key` is empty or ends in `/`.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key or prefix.
        key: String,
    },
    /// A path.
    Local(PathBuf),
}

impl Place {
    /// From what a person typed.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let Some(rest) = text.strip_prefix("s3://") else {
            return Ok(Self::Local(PathBuf::from(text)));
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(usage("read", text, "it names no bucket", "write s3://BUCKET/KEY"));
        }
        Ok(Self::S3 {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        })
    }

    /// Whether it stands for everything under it.
    pub fn is_prefix(&self) -> bool {
        match self {
            Self::S3 { key, .. } => key.is_empty() || key.ends_with('/'),
            Self::Local(path) => path.is_dir(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
            Self::Local(path) => path.display().fmt(f),
        }
    }
}

/// `folder` + a relative name from outside, which must stay inside.
pub(super) fn inside(folder: &Path, name: &str) -> Result<PathBuf, Fault> {
    let relative = Path::new(name);
    let leaves = name.starts_with('/') || name.split('/').any(|part| part == "..");
    // `Path` would pass over empty parts and single dots, and two names could become one file.
    let is_file_name = !name.contains('\0') && name.split('/').all(|part| !["", "."].contains(&part));
    if name.split('/').any(is_ours) {
        let cause = "files of such names are swept away as what an earlier strongroom left half made";
        let remedy = "download it alone, to another name";
        return Err(Fault::new(FaultKind::Invalid, "write", name, cause, remedy));
    }
    let (cause, remedy) = match (leaves, is_file_name) {
        (false, true) => return Ok(folder.join(relative)),
        (true, _) => (
            "the name leaves the destination folder",
            "do not open it: whoever made it meant another folder",
        ),
        (false, false) => (
            "no file can have this name: a part of it is empty, is `.`, or holds a zero byte",
            "decrypt it by itself, to a name of your choice",
        ),
    };
    Err(Fault::new(FaultKind::Integrity, "write", name, cause, remedy))
}

pub(super) fn usage(act: &str, object: impl fmt::Display, cause: &str, remedy: &str) -> Fault {
    Fault::new(FaultKind::Usage, act, object.to_string(), cause, remedy)
}

/// The fault of a file that could not be used.
pub(super) fn io_fault(act: &str, path: impl fmt::Display, error: &std::io::Error) -> Fault {
    use std::io::ErrorKind;
    if is::<IsDataKey>(error) {
        let remedy = "choose another name: encrypted data keys are never overwritten";
        return Fault::new(FaultKind::Conflict, act, path.to_string(), error.to_string(), remedy);
    }
    if is::<IsOurs>(error) {
        let remedy = "this file system takes both names for one: do one of them alone, to another name";
        return Fault::new(FaultKind::Conflict, act, path.to_string(), error.to_string(), remedy);
    }
    if is::<Replaced>(error) {
        let remedy = "leave the folder where it is, and try again";
        return Fault::new(FaultKind::Conflict, act, path.to_string(), error.to_string(), remedy);
    }
    let (kind, remedy) = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            (FaultKind::DiskFull, "free some space or choose another disk")
        }
        ErrorKind::AlreadyExists => {
            let exists = Fault::new(FaultKind::Conflict, act, path.to_string(), "it exists already", "");
            return exists.by(WayOut::ReplaceFile);
        }
        ErrorKind::NotFound => (FaultKind::NotFound, "check the path"),
        ErrorKind::PermissionDenied => (FaultKind::Io, "check its permissions"),
        _ => (FaultKind::Io, ""),
    };
    Fault::new(kind, act, path.to_string(), error.to_string(), remedy)
}

fn is<E: std::error::Error + 'static>(error: &std::io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<E>)
}

/// Standard output for bytes.
pub(super) fn stdout() -> std::io::Result<std::fs::File> {
    console::data()
}

pub(super) fn cancelled(act: &str, object: impl fmt::Display) -> Fault {
    Fault::new(FaultKind::Cancelled, act, object.to_string(), "it was cancelled", "")
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_from_outside_never_leave_the_folder() {
        for bad in [
            "",
            "..",
            "a/../../b",
            "/etc/passwd",
            "../x",
            "a//b",
            "a/./b",
            "./a",
            "a/",
            "a\0b",
        ] {
            assert!(inside(Path::new("out"), bad).is_err(), "{bad}");
        }
        assert_eq!(inside(Path::new("out"), "a/b").unwrap(), Path::new("out/a/b"));
    }

    #[test]
    fn only_a_name_that_leaves_the_folder_is_accused_of_it() {
        let cause = |name: &str| inside(Path::new("out"), name).unwrap_err().cause;
        for leaving in ["..", "a/../../b", "/etc/passwd", "../x"] {
            assert!(cause(leaving).contains("leaves"), "{leaving}");
        }
        for odd in ["", "a//b", "./dot", "a/", "a\0b"] {
            assert!(!cause(odd).contains("leaves"), "{odd}");
        }
    }

    #[test]
    fn uris_are_split_at_the_first_slash() {
        let place = Place::parse("s3://bucket/a/b").unwrap();
        assert_eq!(
            place,
            Place::S3 {
                bucket: "bucket".to_owned(),
                key: "a/b".to_owned()
            }
        );
        assert!(Place::parse("s3://bucket").unwrap().is_prefix());
        assert!(Place::parse("s3:///key").is_err());
    }
}
