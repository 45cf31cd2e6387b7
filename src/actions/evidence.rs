//! The folder of the evidence: what was proved or found out, private, as JSON and as a page to be read.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::aws::Aws;
use crate::domain::Fault;

/// Where evidence of this kind goes that is written now, as JSON; none where there is no state folder.
pub(super) fn place(aws: &Aws, kind: &str) -> Option<PathBuf> {
    let folder = etcetera::choose_base_strategy().ok()?;
    let folder = etcetera::BaseStrategy::state_dir(&folder)?;
    let world = if aws.is_embedded() { "sandbox-" } else { "" };
    let at = Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ");
    Some(
        folder
            .join("strongroom/evidence")
            .join(format!("{world}{kind}-{at}.json")),
    )
}

/// Writes a file that is not there yet, for nobody else to read.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Fault> {
    let written = || {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    written().map_err(|error: std::io::Error| {
        let remedy = "make room for it, or set XDG_STATE_HOME";
        Fault::io("write", path.display().to_string(), error.to_string(), remedy)
    })
}

/// Writes both; where they are.
///
/// # Errors
/// When one of them cannot be written.
pub(super) fn keep(aws: &Aws, kind: &str, document: &str, page: &str) -> Result<(PathBuf, PathBuf), Fault> {
    let path = place(aws, kind).ok_or_else(|| {
        let cause = "there is no home folder to keep it in";
        Fault::io("write", "the evidence", cause, "set XDG_STATE_HOME")
    })?;
    let to_read = path.with_extension("md");
    write(&path, document)?;
    write(&to_read, page)?;
    Ok((path, to_read))
}
