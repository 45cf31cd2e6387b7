//! What came of looking at objects and rows, in sentences.

use std::path::Path;

use jiff::Timestamp;

use crate::app::format;
use crate::domain::versions::VersionList;

pub(super) fn versions(list: &VersionList) -> String {
    let place = format!("s3://{}/{}", list.bucket, list.object);
    if !list.has_others() {
        return format!("There is only the object itself: the bucket keeps no versions of {place}.");
    }
    let part = if list.is_all { "" } else { ", the newest of more" };
    format!("{} of {place}{part}.", format::count(list.rows.len(), "version"))
}

pub(super) fn presigned(source: &str, until: Timestamp) -> String {
    format!(
        "Copied a URL of {source}: whoever has it reads what is stored there until {}, or until your login ends.",
        format::time(until)
    )
}

pub(super) fn saved(what: &str, path: &Path, rows: u64) -> String {
    let rows = format::count(usize::try_from(rows).unwrap_or(usize::MAX), "row");
    format!("Saved {rows} of {what} to {}.", path.display())
}
