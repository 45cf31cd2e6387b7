//! The audit log: one line of JSON for every change that was asked of AWS, in a private file of the state folder.
//!
//! What only reads, dry runs, and the single parts of an upload (whose beginning and end are there) are left out. That of a
//! sandbox is in the sandbox's folder, and in memory only where it has none of its own.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use etcetera::BaseStrategy;

use crate::config::{NONBLOCK, read_file};
use crate::domain::AuditEntry;

const FILE: &str = "audit.jsonl";
const SET_ASIDE: &str = "1.jsonl";
/// A longer file is set aside, in place of the one set aside before.
const LONGEST: u64 = 8 << 20;
/// Entries that are remembered where there is no file.
const REMEMBERED: usize = 1000;

/// The log of one session and of every session of a role it assumes.
#[derive(Debug, Default)]
pub(super) struct Audit {
    path: Option<PathBuf>,
    recent: Mutex<VecDeque<AuditEntry>>,
    /// Why changes are not in the file, until somebody was told.
    lost: Mutex<Lost>,
}

#[derive(Debug, Default)]
enum Lost {
    #[default]
    Nothing,
    Untold(String),
    Told,
}

impl Audit {
    /// In the state folder, if there is one.
    pub(super) fn on_disk() -> Self {
        let folder = etcetera::choose_base_strategy()
            .ok()
            .and_then(|folders| folders.state_dir());
        Self {
            path: folder.map(|folder| folder.join("strongroom").join(FILE)),
            ..Self::default()
        }
    }

    /// Of an embedded world: in its folder, or in memory where it has none that stays.
    pub(super) fn of_world(path: Option<PathBuf>) -> Self {
        Self {
            path,
            ..Self::default()
        }
    }

    pub(super) fn note(&self, entry: AuditEntry) {
        if let Some(path) = &self.path
            && let Err(error) = append(path, &entry)
        {
            let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
            if matches!(*lost, Lost::Nothing) {
                *lost = Lost::Untold(format!("{}: {error}", path.display()));
            }
        }
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_front(entry);
        recent.truncate(REMEMBERED);
    }

    /// Why a change is not in the file; once.
    pub(super) fn lost(&self) -> Option<String> {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *lost, Lost::Told) {
            Lost::Untold(why) => Some(why),
            before => {
                *lost = before;
                None
            }
        }
    }

    /// The newest so many entries, newest first, of earlier sessions too where there is a file.
    pub(super) fn newest(&self, most: usize) -> io::Result<Vec<AuditEntry>> {
        let Some(path) = &self.path else {
            let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(recent.iter().take(most).cloned().collect());
        };
        let mut newest = Vec::new();
        for path in [path.clone(), path.with_extension(SET_ASIDE)] {
            let text = match read_file(&path, 2 * LONGEST) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let entries = text.lines().rev().filter_map(|line| serde_json::from_str(line).ok());
            newest.extend(entries.take(most.saturating_sub(newest.len())));
        }
        Ok(newest)
    }
}

fn append(path: &Path, entry: &AuditEntry) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    if fs::metadata(path).is_ok_and(|meta| meta.len() > LONGEST) {
        fs::rename(path, path.with_extension(SET_ASIDE))?;
    }
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    let mut file = OpenOptions::new();
    file.append(true).create(true).mode(0o600);
    // A pipe would be waited for, and a device takes everything.
    let mut file = file.custom_flags(NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    // In one write, so that lines of two sessions never mix.
    file.write_all(&line)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use jiff::Timestamp;

    use super::*;
    use crate::domain::AuditOutcome;

    fn entry(call: &str) -> AuditEntry {
        AuditEntry {
            time: Timestamp::UNIX_EPOCH,
            identity: None,
            access_key_id: Some("AKIA".to_owned()),
            call: call.to_owned(),
            resource: Some("k".to_owned()),
            outcome: Some(AuditOutcome::Allowed),
            error: None,
            request_id: Some("r".to_owned()),
            status: Some(200),
        }
    }

    #[test]
    fn the_file_is_private_and_read_back_newest_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("strongroom").join(FILE);
        let audit = Audit {
            path: Some(path.clone()),
            ..Audit::default()
        };
        assert_eq!(audit.newest(9).unwrap(), []);
        for call in ["kms:CreateKey", "kms:CreateGrant", "kms:RevokeGrant"] {
            audit.note(entry(call));
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let folder = path.parent().unwrap();
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
        let calls: Vec<_> = audit.newest(2).unwrap().into_iter().map(|entry| entry.call).collect();
        assert_eq!(calls, ["kms:RevokeGrant", "kms:CreateGrant"]);
    }

    #[test]
    fn what_cannot_be_noted_is_told_once_and_nothing_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, 0o600.into()).unwrap();
        for path in [path, PathBuf::from("/dev/full")] {
            let audit = Audit {
                path: Some(path),
                ..Audit::default()
            };
            assert_eq!(audit.lost(), None);
            audit.note(entry("kms:CreateKey"));
            assert!(audit.lost().is_some());
            audit.note(entry("kms:CreateKey"));
            assert_eq!(audit.lost(), None);
            audit.newest(9).unwrap_err();
        }
    }

    #[test]
    fn lines_of_an_earlier_version_and_of_the_file_set_aside_stay_readable() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let old = r#"{"time":"2026-01-01T00:00:00Z","identity":null,"access_key_id":"AKIA","call":"kms:CreateKey","request_id":"r","status":403}"#;
        fs::write(path.with_extension(SET_ASIDE), format!("{old}\n")).unwrap();
        let audit = Audit {
            path: Some(path),
            ..Audit::default()
        };
        audit.note(entry("kms:EnableKey"));
        let read = audit.newest(9).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(
            (read[1].resource.as_deref(), read[1].outcome()),
            (None, AuditOutcome::Denied)
        );
        assert_eq!(audit.newest(1).unwrap().len(), 1);
    }

    #[test]
    fn a_torn_line_costs_that_line_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let audit = Audit {
            path: Some(path.clone()),
            ..Audit::default()
        };
        audit.note(entry("kms:CreateKey"));
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"time\": \"20\n").unwrap();
        audit.note(entry("kms:EnableKey"));
        assert_eq!(audit.newest(9).unwrap().len(), 2);
    }
}
