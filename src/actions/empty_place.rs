//! A place under which nothing is listed: one whose objects are all deleted, or one that nobody ever put anything to, as a
//! mistyped one is.

use crate::aws::again::again;
use crate::aws::{Aws, s3};
use crate::domain::Fault;

/// What stands behind an empty list.
pub(super) enum EmptyPlace {
    /// Older versions or delete markers: there were objects once.
    Deleted,
    /// Nothing at all.
    Nothing,
    /// It could not be asked.
    Unknown(Fault),
}

impl EmptyPlace {
    /// Asks for one version or delete marker under any of these prefixes.
    pub(super) async fn of(aws: &Aws, bucket: &str, prefixes: &[&str]) -> Self {
        let mut found = Self::Nothing;
        for prefix in prefixes {
            match again(|| s3::has_versions_under(aws, bucket, prefix)).await {
                Ok(true) => return Self::Deleted,
                Ok(false) => {}
                Err(fault) => found = Self::Unknown(fault),
            }
        }
        found
    }

    /// That an act finds nothing there; `lacks` says of what, after `there is no`.
    pub(super) fn fault(self, act: &str, place: String, lacks: &str) -> Fault {
        let (cause, remedy) = match self {
            Self::Nothing => (
                format!("there is no {lacks} under it, nor an older version or a delete marker"),
                "check bucket and prefix, letter by letter; a folder ends in /",
            ),
            Self::Deleted => (
                format!("there is no {lacks} under it: only older versions or delete markers are"),
                "audit --versions says what they are",
            ),
            Self::Unknown(why) => (
                format!(
                    "there is no {lacks} under it; whether older versions or delete markers are could not be asked ({})",
                    why.code.unwrap_or(why.cause)
                ),
                "check bucket and prefix; who may s3:ListBucketVersions is told more",
            ),
        };
        Fault::not_found(act, place, cause, remedy)
    }
}
