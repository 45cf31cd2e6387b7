//! What an upload leaves behind for whoever must finish it: one file an upload, in the XDG state folder, mode 0600.
//!
//! The first line says what was asked for and under which data key (C, never D); every further line is one thing that
//! happened. Lines are only ever appended, so a process that is killed leaves a journal that can be read up to its last
//! whole line; losing the end of it costs parts that are sent again, never a wrong byte. Whoever works on an upload
//! holds a lock on its journal, which ends with the process: a journal that can be locked is an interrupted upload.
//!
//! The embedded sandbox ends with its process and has no journals.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use etcetera::BaseStrategy;
use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::sweep::UNLOCKED;
use crate::aws::transfer::{Multipart, Part};
use crate::aws::{Aws, sts};
use crate::domain::UploadSettings;

const VERSION: u32 = 1;
const SUFFIX: &str = "jsonl";

/// What was asked for. The same request finds its journal again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UploadRequest {
    /// Where AWS is: another endpoint or region is another world.
    pub(super) endpoint: Option<String>,
    pub(super) region: String,
    /// Absolute, as keys.
    pub(super) paths: Vec<String>,
    pub(super) bucket: String,
    /// The destination's key or prefix.
    pub(super) key: String,
    pub(super) kms_key: String,
    pub(super) context: BTreeMap<String, String>,
    pub(super) data_key_name: Option<String>,
    pub(super) overwrite: bool,
    /// What the objects carry.
    #[serde(default)]
    pub(super) carried: UploadSettings,
}

/// A journal's first line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Header {
    version: u32,
    pub(super) started: Timestamp,
    /// Whose it is; not known of those that were begun before that was kept.
    #[serde(default)]
    pub(super) account: Option<String>,
    pub(super) asked: UploadRequest,
    pub(super) kms_key_arn: String,
    /// C.
    pub(super) ciphertext: Vec<u8>,
    pub(super) data_key_object: String,
}

/// Every further line: something that happened to the object of this key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Begun {
        key: String,
        token: TokenSeed,
    },
    /// An upload in parts has begun.
    Upload {
        key: String,
        id: String,
        part: u64,
    },
    Part {
        key: String,
        number: i32,
        etag: String,
        crc: u64,
    },
    /// The parts are about to become an object.
    Completing {
        key: String,
    },
    Done {
        key: String,
        etag: Option<String>,
    },
    Forgotten {
        key: String,
    },
}

/// What a token is made from, so that the same one can be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TokenSeed {
    pub(super) stamp: Stamp,
    pub(super) seconds: u64,
    pub(super) iv: [u8; 16],
    /// Whether its metadata records its prefix: what was begun before that was so bears other metadata already.
    #[serde(default)]
    pub(super) is_placed: bool,
}

/// What tells whether a file is still the one it was: its size, inode and times of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) size: u64,
    inode: (u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(meta: &fs::Metadata) -> Self {
        Self {
            size: meta.len(),
            inode: (meta.dev(), meta.ino()),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// A part that an earlier process made.
#[derive(Debug, Clone)]
pub(super) struct KnownPart {
    pub(super) part: Part,
    /// Whether S3 still has it.
    pub(super) is_there: bool,
}

/// How far the token of one object is.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    pub(super) token: TokenSeed,
    /// The upload in parts and its part size.
    pub(super) upload: Option<(String, u64)>,
    pub(super) parts: BTreeMap<i32, KnownPart>,
    /// Whether the parts were to become an object, whatever came of it.
    pub(super) is_completing: bool,
    /// Its ETag, once it is there, as far as S3 told one.
    #[expect(clippy::option_option, reason = "there without an ETag is not the same as not there")]
    pub(super) done: Option<Option<String>>,
}

/// A journal that this process has locked.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    pub(super) header: Header,
    traces: Mutex<BTreeMap<String, Trace>>,
}

impl Trace {
    /// Whether its object may be there, though nobody heard of it: what goes at once may be whatever was heard.
    pub(super) fn may_be_whole(&self) -> bool {
        self.upload.is_none() || self.is_completing
    }
}

impl Journal {
    /// Begins one. Without a state folder, or where it cannot be written, uploads go on without.
    pub(super) fn begin(
        asked: UploadRequest,
        account: Option<String>,
        kms_key_arn: &str,
        ciphertext: &[u8],
        data_key_object: &str,
    ) -> io::Result<Option<Self>> {
        let Some(folder) = folder() else { return Ok(None) };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let header = Header {
            version: VERSION,
            started: Timestamp::now(),
            account,
            asked,
            kms_key_arn: kms_key_arn.to_owned(),
            ciphertext: ciphertext.to_vec(),
            data_key_object: data_key_object.to_owned(),
        };
        let path = folder.join(format!("{}.{SUFFIX}", Uuid::new_v4()));
        let file = OpenOptions::new()
            .create_new(true)
            .read(true)
            .append(true)
            .mode(0o600)
            .open(&path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        let journal = Self {
            path,
            file: Mutex::new(file),
            header,
            traces: Mutex::default(),
        };
        journal.append(&journal.header, true)?;
        Ok(Some(journal))
    }

    /// The interrupted upload of this request by this caller, if there is one.
    pub(super) async fn find(aws: &Aws, asked: &UploadRequest) -> Option<Self> {
        let all = journals().into_iter().filter_map(|path| open(&path));
        let same: Vec<Self> = all.filter(|journal| journal.header.asked == *asked).collect();
        let is_whose = same.iter().any(|journal| journal.header.account.is_some());
        let ours = if is_whose { sts::account(aws).await } else { None };
        same.into_iter()
            .find(|journal| may_be_of(journal.header.account.as_deref(), ours.as_deref()))
    }

    /// The interrupted upload of this id.
    pub(super) fn of_id(id: &str) -> Option<Self> {
        journals()
            .into_iter()
            .filter_map(|path| open(&path))
            .find(|journal| journal.id() == id)
    }

    /// Every interrupted upload of this world.
    pub(super) fn all(aws: &Aws) -> Vec<Self> {
        let here = |journal: &Self| {
            let asked = &journal.header.asked;
            asked.endpoint.as_deref() == aws.s3_endpoint() && asked.region == aws.region()
        };
        journals()
            .into_iter()
            .filter_map(|path| open(&path))
            .filter(here)
            .collect()
    }

    pub(super) fn id(&self) -> String {
        let stem = self.path.file_stem().unwrap_or_default();
        stem.to_string_lossy().into_owned()
    }

    pub(super) fn trace(&self, key: &str) -> Option<Trace> {
        self.traces().get(key).cloned()
    }

    pub(super) fn all_traces(&self) -> BTreeMap<String, Trace> {
        self.traces().clone()
    }

    /// Before the first byte of a token leaves: its IV must never meet another plaintext.
    pub(super) fn begun(&self, key: &str, token: TokenSeed) -> io::Result<()> {
        self.note(Line::Begun {
            key: key.to_owned(),
            token,
        })
    }

    pub(super) fn uploading(&self, upload: &Multipart, part: u64) -> io::Result<()> {
        self.note(Line::Upload {
            key: upload.key.clone(),
            id: upload.id.clone(),
            part,
        })
    }

    pub(super) fn sent(&self, key: &str, part: &Part) -> io::Result<()> {
        self.note(Line::Part {
            key: key.to_owned(),
            number: part.number,
            etag: part.etag.clone(),
            crc: part.crc,
        })
    }

    pub(super) fn completing(&self, key: &str) -> io::Result<()> {
        self.note(Line::Completing { key: key.to_owned() })
    }

    pub(super) fn done(&self, key: &str, etag: Option<&str>) -> io::Result<()> {
        self.note(Line::Done {
            key: key.to_owned(),
            etag: etag.map(str::to_owned),
        })
    }

    /// The object's upload is no more, and nothing will be sent under its IV again.
    pub(super) fn forgotten(&self, key: &str) -> io::Result<()> {
        self.note(Line::Forgotten { key: key.to_owned() })
    }

    /// The upload needs no journal any more.
    pub(super) fn remove(self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, "could not remove the journal of an upload");
        }
    }

    fn note(&self, line: Line) -> io::Result<()> {
        let must_last = matches!(line, Line::Begun { .. } | Line::Upload { .. } | Line::Completing { .. });
        self.append(&line, must_last)?;
        take_in(&mut self.traces(), line);
        Ok(())
    }

    fn append(&self, line: &impl Serialize, must_last: bool) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&text)?;
        if must_last {
            file.sync_data()?;
        }
        Ok(())
    }

    fn traces(&self) -> MutexGuard<'_, BTreeMap<String, Trace>> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether what an account began is this one's, as far as both are known.
pub(super) fn may_be_of(began: Option<&str>, account: Option<&str>) -> bool {
    began.is_none_or(|began| account.is_none_or(|account| began == account))
}

fn take_in(traces: &mut BTreeMap<String, Trace>, line: Line) {
    match line {
        Line::Begun { key, token } => {
            let trace = Trace {
                token,
                upload: None,
                parts: BTreeMap::new(),
                is_completing: false,
                done: None,
            };
            traces.insert(key, trace);
        }
        Line::Upload { key, id, part } => {
            if let Some(trace) = traces.get_mut(&key) {
                trace.upload = Some((id, part));
            }
        }
        Line::Part { key, number, etag, crc } => {
            if let Some(trace) = traces.get_mut(&key) {
                let part = Part { number, etag, crc };
                trace.parts.insert(number, KnownPart { part, is_there: false });
            }
        }
        Line::Completing { key } => {
            if let Some(trace) = traces.get_mut(&key) {
                trace.is_completing = true;
            }
        }
        Line::Done { key, etag } => {
            if let Some(trace) = traces.get_mut(&key) {
                trace.done = Some(etag);
            }
        }
        Line::Forgotten { key } => {
            traces.remove(&key);
        }
    }
}

/// Opens and locks one; `None` if somebody works on it, or if it means nothing.
fn open(path: &Path) -> Option<Journal> {
    let mut file = OpenOptions::new().read(true).append(true).open(path).ok()?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    // Whoever held the lock may have finished and removed it meanwhile.
    let (named, locked) = (fs::metadata(path).ok()?, file.metadata().ok()?);
    if (named.dev(), named.ino()) != (locked.dev(), locked.ino()) {
        return None;
    }
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    // The last line may be torn: what follows must begin on a line of its own.
    let whole = text.rfind('\n').map_or(0, |at| at + 1);
    if whole < text.len() {
        file.set_len(whole as u64).ok()?;
        file.seek(SeekFrom::End(0)).ok()?;
    }
    let Some((header, traces)) = read(&text[..whole]) else {
        let age = locked.modified().ok().and_then(|at| at.elapsed().ok());
        if whole == 0 && age.is_some_and(|age| age > UNLOCKED) {
            // Killed before the first line was whole, so nothing was begun under it.
            let _ = fs::remove_file(path);
        }
        tracing::warn!(path = %path.display(), "a journal that means nothing was passed over");
        return None;
    };
    Some(Journal {
        path: path.to_owned(),
        file: Mutex::new(file),
        header,
        traces: Mutex::new(traces),
    })
}

/// What a journal says, up to its last line that is whole. One that only another version has a use for is passed over.
fn read(text: &str) -> Option<(Header, BTreeMap<String, Trace>)> {
    let mut lines = text.lines();
    let header = serde_json::from_str::<Header>(lines.next()?).ok()?;
    let mut traces = BTreeMap::new();
    for line in lines.map_while(|line| serde_json::from_str::<Value>(line).ok()) {
        if let Ok(line) = serde_json::from_value(line) {
            take_in(&mut traces, line);
        }
    }
    (header.version == VERSION).then_some((header, traces))
}

fn journals() -> Vec<PathBuf> {
    let entries = folder().and_then(|folder| fs::read_dir(folder).ok());
    let mut paths: Vec<_> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == SUFFIX))
        .collect();
    paths.sort();
    paths
}

fn folder() -> Option<PathBuf> {
    let folders = etcetera::choose_base_strategy().ok()?;
    Some(folders.state_dir()?.join("strongroom").join("uploads"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_journal_without_a_whole_line_goes_once_its_maker_is_surely_dead() {
        let folder = tempfile::tempdir().unwrap();
        for (text, age, stays) in [
            ("", 0, true),
            ("{\"version\"", 120, false),
            ("of another version\n", 120, true),
        ] {
            let path = folder.path().join("journal");
            fs::write(&path, text).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
            assert!(open(&path).is_none());
            assert_eq!(path.exists(), stays, "{text}");
        }
    }
}
