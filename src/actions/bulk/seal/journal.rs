//! What a rotation leaves behind for the next one of the same request: its data keys, wrapped. So an object that is under one of
//! them already is known as done. One file a rotation in the XDG state folder, mode 0600, locked while somebody works on it; D is
//! never in it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use etcetera::BaseStrategy;
use jiff::{Timestamp, ToSpan};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actions::upload_journal::may_be_of;
use crate::aws::{Aws, sts};
use crate::domain::seal::{SealAct, SealSpec};

const VERSION: u32 = 1;
const SUFFIX: &str = "json";
/// A rotation that was left for longer is a new one when it is asked for again.
const DAYS: i64 = 7;

/// What was asked for. The same request finds it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    endpoint: Option<String>,
    region: String,
    bucket: String,
    prefix: String,
    places: Vec<String>,
    key: Option<String>,
    context: Option<BTreeMap<String, String>>,
}

/// One data key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyLine {
    /// The KMS key as it was asked for.
    pub(super) asked: String,
    pub(super) context: BTreeMap<String, String>,
    pub(super) kms_key_arn: String,
    /// C.
    pub(super) ciphertext: Vec<u8>,
    /// Its key object.
    pub(super) object: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Content {
    version: u32,
    started: Timestamp,
    account: Option<String>,
    asked: Asked,
    keys: Vec<KeyLine>,
}

/// The journal of a rotation that this process has locked.
pub(in crate::actions::bulk) struct Rotation {
    path: PathBuf,
    state: Mutex<(File, Content)>,
    is_resumed: bool,
}

impl Rotation {
    /// That of an earlier rotation of this request, if it is to be gone on with, or a new one. Without a state folder, or where it
    /// cannot be written, a rotation goes on without.
    pub(in crate::actions::bulk) async fn of(aws: &Aws, spec: &SealSpec) -> Option<Self> {
        let (asked, resume) = asked(aws, spec)?;
        let folder = folder()?;
        let account = sts::account(aws).await;
        for (path, file, content) in earlier(&folder, &asked, account.as_deref()) {
            if resume {
                return Some(Self {
                    path,
                    state: Mutex::new((file, content)),
                    is_resumed: true,
                });
            }
            let _ = fs::remove_file(&path);
        }
        let begun = Self::begin(&folder, asked, account);
        begun
            .inspect_err(|error| tracing::warn!(%error, "without a journal an interrupted rotation begins anew"))
            .ok()
    }

    /// When the rotation of this request was begun that would be gone on with.
    pub(in crate::actions::bulk) async fn look(aws: &Aws, spec: &SealSpec) -> Option<(Timestamp, Vec<String>)> {
        let (asked, _) = asked(aws, spec).filter(|(_, resume)| *resume)?;
        let account = sts::account(aws).await;
        let (_, _, content) = earlier(&folder()?, &asked, account.as_deref()).into_iter().next()?;
        Some((
            content.started,
            content.keys.into_iter().map(|line| line.object).collect(),
        ))
    }

    fn begin(folder: &Path, asked: Asked, account: Option<String>) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = folder.join(format!("{}.{SUFFIX}", Uuid::new_v4()));
        let file = OpenOptions::new()
            .create_new(true)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        let content = Content {
            version: VERSION,
            started: Timestamp::now(),
            account,
            asked,
            keys: Vec::new(),
        };
        let state = Mutex::new((file, content));
        let is_resumed = false;
        Ok(Self {
            path,
            state,
            is_resumed,
        })
    }

    /// When it was begun, by an earlier process.
    pub(super) fn resumed(&self) -> Option<Timestamp> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (self.is_resumed && !state.1.keys.is_empty()).then_some(state.1.started)
    }

    pub(super) fn keys(&self) -> Vec<KeyLine> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1.keys.clone()
    }

    /// A data key is about to be used.
    pub(super) fn note(&self, line: KeyLine) {
        self.write(|keys| keys.push(line));
    }

    /// Nothing is under it.
    pub(super) fn forget(&self, object: &str) {
        self.write(|keys| keys.retain(|line| line.object != object));
    }

    /// It is done.
    pub(super) fn remove(self) {
        let _ = fs::remove_file(&self.path);
    }

    /// A journal that cannot be written costs the resumption, not the rotation.
    fn write(&self, change: impl FnOnce(&mut Vec<KeyLine>)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, content) = &mut *state;
        change(&mut content.keys);
        let mut write = || {
            let text = serde_json::to_vec(content)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&text)?;
            file.set_len(text.len() as u64)?;
            file.sync_data()
        };
        let written: io::Result<()> = write();
        if let Err(error) = written {
            tracing::warn!(%error, "could not write the journal of a rotation");
        }
    }
}

/// What tells the journal of this request, and whether it is to be gone on with; `None` where there are none.
fn asked(aws: &Aws, spec: &SealSpec) -> Option<(Asked, bool)> {
    let SealAct::Rotate { key, context, resume } = &spec.act else {
        return None;
    };
    (!aws.is_embedded()).then(|| {
        let asked = Asked {
            endpoint: aws.s3_endpoint().map(str::to_owned),
            region: aws.region().to_owned(),
            bucket: spec.bucket.clone(),
            prefix: spec.prefix.clone(),
            places: spec.places.clone(),
            key: key.clone(),
            context: context.clone(),
        };
        (asked, *resume)
    })
}

/// Those of this request that nobody works on; what was left for too long goes.
fn earlier(folder: &Path, asked: &Asked, account: Option<&str>) -> Vec<(PathBuf, File, Content)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut found = Vec::new();
    for path in paths.filter(|path| path.extension().is_some_and(|end| end == SUFFIX)) {
        let Some((file, content)) = open(&path) else { continue };
        if content.started < Timestamp::now() - (DAYS * 24).hours() {
            let _ = fs::remove_file(&path);
        } else if content.asked == *asked && may_be_of(content.account.as_deref(), account) {
            found.push((path, file, content));
        }
    }
    found.sort_by_key(|(.., content)| std::cmp::Reverse(content.started));
    found
}

/// Opens and locks one; `None` if somebody works on it, or if it means nothing.
fn open(path: &Path) -> Option<(File, Content)> {
    let mut file = OpenOptions::new().read(true).write(true).open(path).ok()?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    let content: Content = serde_json::from_str(&text).ok()?;
    (content.version == VERSION).then_some((file, content))
}

fn folder() -> Option<PathBuf> {
    let folders = etcetera::choose_base_strategy().ok()?;
    Some(folders.state_dir()?.join("strongroom").join("rotations"))
}
