//! One token to S3: at once if it is one part, else in parts, and either way so that an answer that was lost, a process
//! that was killed or a source that changed ends right.
//!
//! The metadata's MAC covers the random IV: an object that bears it is the token made here, whoever sent it. That is how
//! a lost answer is told from a name that was taken.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::parts::{Cut, Cutter, Known, part_len};
use super::source::{SourceFile, Stamp, is_changed};
use super::sources::Source;
use super::{ACT, EncryptedFile, Failure, Job, joined, now, passes, taken};
use crate::actions::journal::{Journal, Token, Trace};
use crate::actions::place::{Place, cancelled, io_fault};
use crate::aws::again::Pause;
use crate::aws::transfer::{Multipart, Part};
use crate::aws::{Aws, s3, transfer};
use crate::domain::{Fault, FaultKind};
use crate::envelope::{Encryptor, EnvelopeError, HEADER_LEN, Metadata, binding, token_len};

/// Parts of one token on their way. The pool of buffers bounds those of all tokens.
const IN_FLIGHT: usize = 4;
/// How far S3's clock may be from this one.
const SKEW: SignedDuration = SignedDuration::from_mins(2);

/// One token on its way.
struct Going<'a> {
    bucket: &'a str,
    key: &'a str,
    name: &'a str,
    metadata: BTreeMap<String, String>,
    token_bytes: u64,
    overwrite: bool,
    journal: Option<&'a Journal>,
}

impl Job<'_> {
    pub(super) async fn to_s3(
        &self,
        source: &Source,
        bucket: &str,
        key: &str,
        journal: Option<&Journal>,
    ) -> Result<EncryptedFile, Failure> {
        let io = |error: io::Error| io_fault("read", source.path.display(), &error);
        let file = SourceFile::open(&source.path, self.cancel, |_| {}).map_err(io)?;
        let stamp = file.stamp;
        let mut trace = journal.and_then(|journal| journal.trace(key));
        if let (Some(journal), Some(known)) = (journal, &trace)
            && known.token.stamp != stamp
        {
            self.forget(journal, bucket, key, known).await?;
            return Err(Failure::Changed);
        }
        let resumed = trace.is_some();
        let encryptor = match &trace {
            Some(trace) => Encryptor::resumed(&self.data_key, trace.token.seconds, trace.token.iv),
            None => Encryptor::new(&self.data_key, now()).map_err(|error| self.fault(source, &error))?,
        };
        let going = self.going(source, bucket, key, journal, &encryptor.header(), stamp);
        if resumed {
            if let Some(etag) = going.is_there(self.aws).await? {
                going.note(|journal| journal.done(key, etag.as_deref()));
                self.tally.end(source, Some(stamp), 0);
                return Ok(self.made(source, stamp, etag, true));
            }
            // It was there and is not any more: nothing of it can be resumed.
            trace = trace.filter(|trace| trace.done.is_none());
        }
        if !self.overwrite && !self.is_checked && transfer::is_taken(self.aws, bucket, key).await? {
            return Err(taken(&Place::S3 {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
            })
            .into());
        }
        if !resumed {
            going.note(|journal| journal.begun(key, token_of(stamp, &encryptor.header())));
        }
        let is_single = going.token_bytes <= part_len(going.token_bytes);
        let etag = if is_single {
            self.at_once(source, file, encryptor, &going).await?
        } else {
            self.in_parts(source, file, encryptor, &going, trace).await?
        };
        going.note(|journal| journal.done(key, etag.as_deref()));
        Ok(self.made(source, stamp, etag, resumed))
    }

    fn going<'b>(
        &'b self,
        source: &'b Source,
        bucket: &'b str,
        key: &'b str,
        journal: Option<&'b Journal>,
        header: &[u8; HEADER_LEN],
        stamp: Stamp,
    ) -> Going<'b> {
        let metadata = Metadata {
            kms_key_id: self.kms_key_arn.clone(),
            data_key: Some(self.ciphertext.clone()),
            data_key_object: match &self.data_key_place {
                Place::S3 { key, .. } => Some(key.clone()),
                Place::Local(_) => None,
            },
            context: self.context.clone(),
            name: source.name.clone(),
            length: stamp.size,
            mac: binding::bind(&self.data_key, &source.name, header, stamp.size),
        };
        Going {
            bucket,
            key,
            name: &source.name,
            metadata: metadata.to_map(),
            token_bytes: token_len(stamp.size),
            overwrite: self.overwrite,
            journal,
        }
    }

    async fn at_once(
        &self,
        source: &Source,
        file: SourceFile,
        encryptor: Encryptor,
        going: &Going<'_>,
    ) -> Result<Option<String>, Failure> {
        let stamp = file.stamp;
        let (mut parts, reading) = self.start(file, encryptor, going.token_bytes, BTreeMap::new());
        let cut = parts.recv().await;
        self.read(source, reading.await)?;
        let Some(Cut::New { bytes, .. }) = cut else {
            return Err(cancelled(ACT, source.path.display()).into());
        };
        let put = transfer::put(
            self.aws,
            going.bucket,
            going.key,
            bytes,
            &going.metadata,
            self.overwrite,
        );
        let put = tokio::select! {
            put = put => put,
            () = self.cancel.cancelled() => Err(cancelled(ACT, s3::uri(going.bucket, going.key))),
        };
        let etag = match put {
            Err(fault) if fault.kind == FaultKind::Conflict => going.is_there(self.aws).await?.ok_or(fault)?,
            put => put?,
        };
        self.tally.end(source, Some(stamp), 0);
        Ok(etag)
    }

    async fn in_parts(
        &self,
        source: &Source,
        file: SourceFile,
        encryptor: Encryptor,
        going: &Going<'_>,
        trace: Option<Trace>,
    ) -> Result<Option<String>, Failure> {
        let stamp = file.stamp;
        let mut known = BTreeMap::new();
        let mut upload = None;
        if let Some(mut trace) = trace {
            match trace.upload.take() {
                Some((id, part)) => {
                    known = std::mem::take(&mut trace.parts);
                    let begun = Multipart {
                        bucket: going.bucket.to_owned(),
                        key: going.key.to_owned(),
                        id,
                    };
                    upload = still_there(self.aws, begun, &mut known)
                        .await?
                        .map(|begun| (begun, part));
                }
                None => sweep(self.aws, going.bucket, going.key, going.since(), None).await,
            }
        }
        let (upload, part) = match upload {
            Some(upload) => upload,
            None => {
                let part = part_len(going.token_bytes);
                let (begun, is_unsure) = transfer::begin(self.aws, going.bucket, going.key, &going.metadata).await?;
                going.note(|journal| journal.uploading(&begun, part));
                if is_unsure {
                    sweep(self.aws, going.bucket, going.key, going.since(), Some(&begun.id)).await;
                }
                (begun, part)
            }
        };

        let (mut parts, reading) = self.start_parts(file, encryptor, going.token_bytes, part, known);
        let mut counted = 0;
        let sent = tokio::select! {
            sent = self.send(&upload, &mut parts, going, &mut counted) => sent,
            () = self.cancel.cancelled() => Err(cancelled(ACT, s3::uri(going.bucket, going.key))),
        };
        // The cipher stops when nobody takes its parts; an upload that failed is the reason then, not the consequence.
        drop(parts);
        let read = self.read(source, reading.await);
        self.tally.end(source, sent.is_ok().then_some(stamp), counted);
        let finished = match (sent, read) {
            (Err(fault), _) => Err(Failure::Fault(fault)),
            (Ok(_), Err(failure)) => Err(failure),
            (Ok(sent), Ok(())) => going.complete(self.aws, &upload, &sent).await.map_err(Failure::Fault),
        };
        match finished {
            Err(Failure::Fault(fault)) if going.journal.is_some() && passes(&fault) => Err(fault.into()),
            Err(failure) => {
                let left = transfer::abort(self.aws, &upload).await;
                going.note(|journal| journal.forgotten(going.key));
                Err(match (failure, left) {
                    (Failure::Fault(mut fault), Err(left)) => {
                        fault.remedy = format!("{}; parts are left: {left}", fault.remedy);
                        fault.into()
                    }
                    (failure, _) => failure,
                })
            }
            done => done,
        }
    }

    /// The cipher on its threads, cutting its token into parts.
    fn start_parts(
        &self,
        mut file: SourceFile,
        encryptor: Encryptor,
        token_bytes: u64,
        part: u64,
        known: BTreeMap<i32, Known>,
    ) -> (
        mpsc::UnboundedReceiver<Cut>,
        tokio::task::JoinHandle<Result<(), EnvelopeError>>,
    ) {
        let (mut cutter, parts) = Cutter::new(&self.pool, token_bytes, part, known);
        let reading = tokio::task::spawn_blocking(move || encryptor.run(&mut file, &mut cutter).map(|_| ()));
        (parts, reading)
    }

    fn start(
        &self,
        file: SourceFile,
        encryptor: Encryptor,
        token_bytes: u64,
        known: BTreeMap<i32, Known>,
    ) -> (
        mpsc::UnboundedReceiver<Cut>,
        tokio::task::JoinHandle<Result<(), EnvelopeError>>,
    ) {
        self.start_parts(file, encryptor, token_bytes, part_len(token_bytes), known)
    }

    fn read(
        &self,
        source: &Source,
        result: Result<Result<(), EnvelopeError>, tokio::task::JoinError>,
    ) -> Result<(), Failure> {
        match joined(result.map(Ok))? {
            Ok(()) => Ok(()),
            // Other bytes than an earlier process sent: only the cutter can tell, and says so while writing.
            Err(EnvelopeError::Write(error)) if is_changed(&error) => Err(Failure::Changed),
            Err(error) => Err(self.fault(source, &error).into()),
        }
    }

    /// Sends what is new, a few at once.
    async fn send(
        &self,
        upload: &Multipart,
        parts: &mut mpsc::UnboundedReceiver<Cut>,
        going: &Going<'_>,
        counted: &mut u64,
    ) -> Result<Vec<Part>, Fault> {
        let mut flying = FuturesUnordered::new();
        let mut sent = Vec::new();
        let mut is_open = true;
        while is_open || !flying.is_empty() {
            let landed = tokio::select! {
                cut = parts.recv(), if is_open && flying.len() < IN_FLIGHT => match cut {
                    Some(Cut::New { number, bytes, crc }) => {
                        flying.push(self.send_one(upload, number, bytes, crc));
                        continue;
                    }
                    Some(Cut::Kept { part, bytes }) => (part, bytes),
                    None => {
                        is_open = false;
                        continue;
                    }
                },
                Some(landed) = flying.next(), if !flying.is_empty() => {
                    let (part, bytes) = landed?;
                    going.note(|journal| journal.sent(going.key, &part));
                    (part, bytes)
                }
            };
            let (part, bytes) = landed;
            sent.push(part);
            let plain = bytes / 4 * 3;
            *counted += plain;
            self.tally.add(going.name, plain);
        }
        sent.sort_by_key(|part| part.number);
        Ok(sent)
    }

    async fn send_one(&self, upload: &Multipart, number: i32, bytes: Bytes, crc: u64) -> Result<(Part, u64), Fault> {
        let len = bytes.len() as u64;
        let part = transfer::upload_part(self.aws, upload, number, bytes, crc).await?;
        Ok((part, len))
    }

    /// The source is another one now: what was sent of the old one is thrown away.
    async fn forget(&self, journal: &Journal, bucket: &str, key: &str, trace: &Trace) -> Result<(), Fault> {
        if let (Some((id, _)), None) = (&trace.upload, &trace.done) {
            let upload = Multipart {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
                id: id.clone(),
            };
            transfer::abort(self.aws, &upload).await?;
        }
        let _ = journal.forgotten(key);
        Ok(())
    }
}

impl Going<'_> {
    /// The ETag of the object, if it is this very token; an answer to it may have been lost.
    async fn is_there(&self, aws: &Aws) -> Result<Option<Option<String>>, Fault> {
        let head = transfer::find(aws, self.bucket, self.key).await?;
        let mac = |map: &BTreeMap<String, String>| map.get("strongroom-mac").cloned();
        Ok(head
            .filter(|head| head.length == self.token_bytes && mac(&head.metadata) == mac(&self.metadata))
            .map(|head| head.etag.map(|etag| etag.trim_matches('"').to_owned())))
    }

    /// An error inside a 200, an answer lost after the object was made, a moment of congestion: after every failure it is
    /// looked whether the object is there.
    async fn complete(&self, aws: &Aws, upload: &Multipart, parts: &[Part]) -> Result<Option<String>, Fault> {
        let mut pause = Pause::default();
        loop {
            let fault = match transfer::complete(aws, upload, parts, self.overwrite).await {
                Ok(etag) => return Ok(etag),
                Err(fault) => fault,
            };
            if let Some(etag) = self.is_there(aws).await? {
                return Ok(etag);
            }
            let passes = fault.is_transient() || fault.code.as_deref() == Some("ConditionalRequestConflict");
            if !passes || !pause.wait().await {
                return Err(fault);
            }
        }
    }

    /// A journal that cannot be written costs the resumption, not the upload.
    fn note(&self, write: impl FnOnce(&Journal) -> io::Result<()>) {
        if let Some(Err(error)) = self.journal.map(write) {
            tracing::warn!(%error, "could not write the journal of an upload");
        }
    }

    fn since(&self) -> Timestamp {
        self.journal
            .map_or_else(Timestamp::now, |journal| journal.opening.started)
    }
}

/// Throws an interrupted upload away: its parts, its key object if no token needs it, and its journal.
pub(in crate::actions) async fn discard(aws: &Aws, journal: Journal) -> Result<(), Fault> {
    let bucket = &journal.opening.asked.bucket;
    let mut is_needed = false;
    for (key, trace) in journal.all_traces() {
        is_needed |= trace.done.is_some();
        match (trace.done, trace.upload) {
            (None, Some((id, _))) => {
                let bucket = bucket.clone();
                transfer::abort(aws, &Multipart { bucket, key, id }).await?;
            }
            (None, None) if token_len(trace.token.stamp.size) > part_len(0) => {
                sweep(aws, bucket, &key, journal.opening.started, None).await;
            }
            _ => {}
        }
    }
    if !is_needed {
        let object = &journal.opening.data_key_object;
        let _ = s3::delete_objects(aws, bucket, std::slice::from_ref(object)).await;
    }
    journal.remove();
    Ok(())
}

/// Which of the known parts S3 still has; `None` if the upload is gone.
async fn still_there(
    aws: &Aws,
    upload: Multipart,
    known: &mut BTreeMap<i32, Known>,
) -> Result<Option<Multipart>, Fault> {
    let parts = match transfer::parts(aws, &upload).await {
        Ok(parts) => parts,
        Err(fault) if fault.kind == FaultKind::NotFound => return Ok(None),
        Err(fault) => return Err(fault),
    };
    for part in parts {
        match known.get_mut(&part.number) {
            Some(known) => known.is_there = known.part.etag == part.etag,
            // Sent, but the process was killed before it could note it.
            None if part.crc != 0 => {
                known.insert(part.number, Known { part, is_there: true });
            }
            None => {}
        }
    }
    Ok(Some(upload))
}

/// Aborts uploads to exactly this key that nobody knows: begun since `since`, by a call whose answer was lost.
async fn sweep(aws: &Aws, bucket: &str, key: &str, since: Timestamp, but: Option<&str>) {
    let found = match transfer::uploads(aws, bucket, key).await {
        Ok(found) => found,
        Err(fault) => return tracing::warn!(%fault, "could not look for an upload whose beginning was not answered"),
    };
    let earliest = since.checked_sub(SKEW).unwrap_or(since);
    for (upload, begun) in found {
        if Some(upload.id.as_str()) != but && begun.is_some_and(|begun| begun >= earliest) {
            let _ = transfer::abort(aws, &upload).await;
        }
    }
}

fn token_of(stamp: Stamp, header: &[u8; HEADER_LEN]) -> Token {
    let mut token = Token {
        stamp,
        seconds: 0,
        iv: [0; 16],
    };
    token.seconds = header[1..9].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    token.iv.copy_from_slice(&header[9..]);
    token
}
