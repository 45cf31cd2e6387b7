//! One object of S3 into one token, in constant memory: read as it comes, checked, sealed and sent in parts side by side.
//!
//! Nothing becomes an object before all of it held: a token that is rotated to its last byte, for its HMAC stands there; and the
//! new token, which is opened again while it is made and held against what went in. Only then is its last part handed on. Its
//! object takes the place of the very one that was read, or of none.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::actions::download::{AMONG_OTHERS, Arriving, Download, Watched};
use crate::actions::encrypt::parts::{Cutter, KnownParts, Pool};
use crate::actions::encrypt::{Limits, object_upload::Going};
use crate::actions::faults::{cancelled, usage};
use crate::actions::unlock::Unlocked;
use crate::actions::{ProgressSink, encrypt};
use crate::aws::transfer::{Head, Replaces};
use crate::aws::{Aws, Room, s3};
use crate::domain::{Fault, FaultKind};
use crate::envelope::{Encryptor, Metadata, binding, token_len};

mod ahead;
mod checked;
mod gauge;
mod journal;
mod new_keys;
mod sending;

pub(super) use ahead::Ahead;
pub(super) use checked::{Digest, Digested};
pub(super) use gauge::Gauge;
pub(super) use journal::Rotation;
pub(super) use new_keys::{NewKey, NewKeys};

use checked::{Checked, Resealed, sealed};

/// MiB of what is under way at once, and of one object alone.
const BUDGET: u32 = 48;
const ALONE: u64 = 20;
/// Parts are as short as S3 takes them while they suffice, for tokens of up to 48 GiB, and never longer than the buffers of all:
/// what comes in is in memory beside them.
const PART: u64 = 5 << 20;
/// Bytes of parts that are filled or sent. They are no part of the connection's room: who reads an object waits for one of them.
const BUFFERS: u64 = 5 * PART;
const LONGEST_PART: u64 = 20 << 20;
/// For the answer to what is on its way when it is cancelled. All of a command has two seconds then.
const LINGER: Duration = Duration::from_millis(900);

/// What all objects of a run share.
pub(super) struct Sealer<'a> {
    pub(super) aws: &'a Aws,
    pub(super) act: &'static str,
    pub(super) cancel: &'a CancellationToken,
    pub(super) gauge: Gauge,
    limits: Limits,
    pool: Arc<Pool>,
    budget: Semaphore,
    silent: ProgressSink,
    /// What came with an object's head: its first bytes are asked for with the rest.
    nothing: Mutex<Vec<Bytes>>,
}

/// The object that is read.
#[derive(Clone, Copy)]
pub(super) struct From<'a> {
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
    pub(super) head: &'a Head,
    /// What opens it; nothing if it is plain.
    pub(super) unlocked: Option<&'a Arc<Unlocked>>,
}

/// The token that is made.
pub(super) struct To<'a> {
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
    /// Its logical name, and the prefix it is put under; none where its metadata is to say none, as it did.
    pub(super) name: &'a str,
    pub(super) prefix: Option<&'a str>,
    /// Plaintext bytes.
    pub(super) length: u64,
    pub(super) replaces: Replaces,
    pub(super) like: &'a s3::Carried,
    /// User metadata that is nobody's business but its owner's.
    pub(super) others: BTreeMap<String, String>,
    pub(super) under: &'a NewKey,
}

/// A token that is there.
#[derive(Debug, Clone)]
pub(super) struct Made {
    /// Without quotes, as far as S3 told it.
    pub(super) etag: Option<String>,
    /// The version that it is, where the bucket keeps versions.
    pub(super) version: Option<String>,
    pub(super) token_bytes: u64,
    /// Of the plaintext.
    pub(super) digest: Digest,
}

impl<'a> Sealer<'a> {
    pub(super) fn new(aws: &'a Aws, act: &'static str, gauge: Gauge, cancel: &'a CancellationToken) -> Self {
        Self {
            aws,
            act,
            cancel,
            gauge,
            limits: limits(),
            pool: Pool::new(PART, &Room::of(1, BUFFERS)),
            budget: Semaphore::new(BUDGET as usize),
            silent: ProgressSink::none(),
            nothing: Mutex::default(),
        }
    }

    /// Room for an object of so many bytes; it is kept as long as the object is worked on.
    pub(super) async fn room(&self, bytes: u64) -> Option<tokio::sync::SemaphorePermit<'_>> {
        let weight = u32::try_from((bytes >> 20).saturating_add(1).min(ALONE)).unwrap_or(1);
        self.budget.acquire_many(weight).await.ok()
    }

    /// Seals it, and puts the token in its place.
    pub(super) async fn seal(&self, from: From<'_>, to: &To<'_>) -> Result<Made, Fault> {
        let uri = s3::uri(from.bucket, from.key);
        if self.cancel.is_cancelled() {
            return Err(cancelled(self.act, uri));
        }
        let encryptor = Encryptor::new(&to.under.data_key, encrypt::now())
            .map_err(|error| crate::actions::faults::fault_of(self.act, &uri, &error))?;
        let token_bytes = token_len(to.length);
        let part = self.part(token_bytes, &uri)?;
        let going = Going {
            bucket: to.bucket,
            key: to.key,
            name: from.key,
            metadata: metadata(to, &encryptor)?,
            token_bytes,
            replaces: to.replaces.clone(),
            journal: None,
        };
        let (cutter, mut parts) = Cutter::new(&self.pool, token_bytes, part, KnownParts::new());
        let (key, act, length) = (Arc::clone(&to.under.data_key), self.act, to.length);
        let unlocked = from.unlocked.map(Arc::clone);
        let make = move |arriving: &mut Watched<Arriving>| {
            let checked = Checked::new(&key, cutter);
            match unlocked {
                Some(unlocked) => {
                    let resealed = Resealed::new(encryptor, checked);
                    let (_, _, resealed) = unlocked.decrypt(arriving, resealed, (act, &uri))?;
                    resealed.finish((act, &uri))
                }
                None => sealed(encryptor, arriving, length, checked, (act, &uri)),
            }
        };
        let download = self.download(from.bucket, from.key, from.head);
        let making = download.through(make);
        let whole = token_bytes <= part;
        let (made, sent) = if whole {
            let (made, first) = futures::join!(making, async { parts.recv().await });
            let digest = made?;
            (Ok(digest), self.at_once(&going, to.like, first).await)
        } else {
            self.in_parts(&going, to.like, parts, making).await
        };
        let (digest, stored) = (made?, sent?);
        to.under.made();
        Ok(Made {
            etag: stored.etag,
            version: stored.version,
            token_bytes,
            digest,
        })
    }

    /// The very object that `head` looked at, on its way here.
    pub(super) fn download<'b>(&'b self, bucket: &'b str, key: &'b str, head: &'b Head) -> Download<'b> {
        Download {
            aws: self.aws,
            bucket,
            key,
            head,
            beginning: &self.nothing,
            progress: &self.silent,
            cancel: self.cancel,
            phase: "",
            in_flight: AMONG_OTHERS,
        }
    }

    fn part(&self, token_bytes: u64, uri: &str) -> Result<u64, Fault> {
        let part = self.limits.part_of(token_bytes).filter(|part| *part <= LONGEST_PART);
        part.ok_or_else(|| too_long(self.act, uri, self.limits.parts))
    }
}

fn limits() -> Limits {
    Limits {
        part: PART,
        ..Limits::default()
    }
}

/// An object that is too long to be streamed from S3 to S3 in the memory there is.
fn too_long(act: &str, uri: &str, parts: u64) -> Fault {
    let most = (parts * LONGEST_PART) >> 30;
    let cause = format!("its token would be longer than the {most} GiB that go through memory in {parts} parts");
    let remedy = "decrypt or download it, and encrypt the file: that takes tokens of up to 48.8 TiB";
    Fault::new(FaultKind::Invalid, act, uri, cause, remedy)
}

/// Whether an object of so many plaintext bytes would be too long; said before anything is done.
pub(super) fn check_length(act: &str, uri: &str, plaintext: u64) -> Result<(), Fault> {
    let limits = limits();
    let part = limits.part_of(token_len(plaintext));
    match part.filter(|part| *part <= LONGEST_PART) {
        Some(_) => Ok(()),
        None => Err(too_long(act, uri, limits.parts)),
    }
}

/// What the object will say of itself, with what it said before that is not strongroom's. S3 takes 2 KB of it all.
fn metadata(to: &To<'_>, encryptor: &Encryptor) -> Result<BTreeMap<String, String>, Fault> {
    const MOST: usize = 2048;
    const DATA_KEY: &str = "strongroom-data-key";
    let header = encryptor.header();
    let mut metadata = Metadata {
        kms_key_id: to.under.kms_key_arn.clone(),
        data_key: Some(to.under.ciphertext.clone()),
        data_key_object: Some(to.under.object.clone()),
        context: to.under.context.clone(),
        name: to.name.to_owned(),
        prefix: to.prefix.map(str::to_owned),
        length: to.length,
        mac: [0; 32],
    };
    metadata.mac = binding::bind(&to.under.data_key, metadata.subject(&header));
    let remedy = "take some of its metadata away, or choose a shorter name or prefix, or a smaller encryption context";
    let place = s3::uri(to.bucket, to.key);
    let own = metadata.to_map();
    let mut own = own.map_err(|error| usage("upload", &place, &error.to_string(), remedy))?;
    own.extend(to.others.clone());
    let length =
        |map: &BTreeMap<String, String>| map.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    if length(&own) > MOST {
        // The key object has it.
        own.remove(DATA_KEY);
    }
    if length(&own) > MOST {
        let cause = format!("its metadata would have {} bytes, and S3 takes {MOST}", length(&own));
        return Err(usage("upload", &place, &cause, remedy));
    }
    Ok(own)
}

/// User metadata without strongroom's own.
pub(super) fn others_of(metadata: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let others = metadata.iter().filter(|(name, _)| !name.starts_with("strongroom-"));
    others.map(|(name, value)| (name.clone(), value.clone())).collect()
}
