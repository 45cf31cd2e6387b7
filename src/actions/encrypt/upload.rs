//! One token to S3: at once if it is one part, else in parts, and either way so that an answer that was lost, a process
//! that was killed or a source that changed ends right.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use super::abort::is_needed;
use super::batch::{Failure, Job, now};
use super::metadata::too_much;
use super::object_upload::{Going, Seen};
use super::part_sender::Plan;
use super::parts::{Cut, KnownParts};
use super::plan::Source;
use super::replaced::replaceable;
use super::source_file::SourceFile;
use super::{ACT, EncryptedFile, taken};
use crate::actions::faults::{cancelled, io_fault, usage};
use crate::actions::upload_journal::{Journal, KnownPart, Stamp, TokenSeed, Trace};
use crate::aws::transfer::{Content, Multipart, Replaces};
use crate::aws::{Aws, s3, transfer};
use crate::domain::{Fault, FaultKind, Location, ObjectUri};
use crate::envelope::{Encryptor, HEADER_LEN, Metadata, binding, token_len};

/// For the answer to a whole token that is on its way when it is cancelled. All of a command has two seconds then.
const LINGER: Duration = Duration::from_millis(900);

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
        let mut going = self.going(source, bucket, key, journal, &encryptor.header(), stamp)?;
        if resumed {
            let noted = trace.as_ref().and_then(|trace| trace.done.clone());
            let done = match going.look(self.aws).await? {
                Seen::There(stored) => Some(stored.etag),
                Seen::Hidden => noted,
                Seen::NotThere => {
                    // If it was there it is not any more, and nothing of it can be resumed.
                    trace = trace.filter(|trace| trace.done.is_none());
                    None
                }
            };
            if let Some(etag) = done {
                going.note(|journal| journal.done(key, etag.as_deref()));
                self.tally.end(&source.name, stamp.size, 0);
                return Ok(self.made(source, stamp, etag, true));
            }
        }
        let is_at_once = going.token_bytes <= self.limits.part;
        // S3 refuses a token that goes at once, and one that goes in parts only when all of it was sent.
        let is_looked_for = !self.overwrite && !self.is_checked && !is_at_once;
        if is_looked_for && transfer::is_taken(self.aws, bucket, key).await? {
            return Err(taken(&Location::s3(bucket.to_owned(), key.to_owned())).into());
        }
        if self.overwrite {
            going.replaces = replaceable(self.aws, bucket, key).await?;
        }
        if trace.is_none() {
            going.note(|journal| journal.begun(key, token_of(stamp, &encryptor.header())));
        }
        let etag = if is_at_once {
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
    ) -> Result<Going<'b>, Fault> {
        let begun = journal.and_then(|journal| journal.trace(key));
        let is_placed = begun.is_none_or(|trace| trace.token.is_placed);
        Ok(Going {
            bucket,
            key,
            name: &source.name,
            metadata: self.metadata(source, header, stamp, is_placed)?,
            token_bytes: token_len(stamp.size),
            replaces: Replaces::Nothing,
            journal,
        })
    }

    async fn at_once(
        &self,
        source: &Source,
        file: SourceFile,
        encryptor: Encryptor,
        going: &Going<'_>,
    ) -> Result<Option<String>, Failure> {
        let stamp = file.stamp;
        let maker = self.makers.acquire().await;
        let (mut parts, reading) = self.start(file, encryptor, going.token_bytes, Plan::of(self.limits.part));
        let cut = tokio::select! {
            cut = parts.recv() => cut,
            () = self.cancel.cancelled() => None,
        };
        drop(parts);
        self.read(source, reading.await)?;
        drop(maker);
        let Some(Cut::New {
            content: Content::Whole(bytes),
            ..
        }) = cut
        else {
            return Err(cancelled(ACT, source.path.display()).into());
        };
        let put = transfer::put(
            self.aws,
            going.bucket,
            going.key,
            bytes,
            &going.metadata,
            &going.replaces,
            None,
        );
        // What S3 may have whole already it is not to keep untold.
        let put = tokio::select! {
            put = put => put,
            () = self.lingered() => return Err(Failure::Unanswered(cancelled(ACT, s3::uri(going.bucket, going.key)))),
        };
        let etag = match put {
            Err(fault) if fault.kind == FaultKind::Conflict => match going.look(self.aws).await? {
                Seen::There(stored) => stored.etag,
                seen => return Err(going.unless_replaced(fault, matches!(seen, Seen::Hidden)).into()),
            },
            Err(fault) => {
                // Nothing was written, so nobody need look for it.
                if fault.kind == FaultKind::Denied {
                    going.note(|journal| journal.forgotten(going.key));
                }
                return Err(going.unless_replaced(fault, false).into());
            }
            Ok(stored) => stored.etag,
        };
        self.tally.end(&source.name, stamp.size, 0);
        Ok(etag)
    }

    /// Until it was cancelled and an answer had its time all the same.
    async fn lingered(&self) {
        self.cancel.cancelled().await;
        tokio::time::sleep(LINGER).await;
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
        let _maker = self.makers.acquire().await;
        let (upload, plan) = self.upload_of(source, going, trace).await?;
        let (mut parts, reading) = self.start(file, encryptor, going.token_bytes, plan);
        let mut counted = 0;
        let sent = tokio::select! {
            sent = self.send(&upload, &mut parts, going, &mut counted) => sent,
            () = self.cancel.cancelled() => Err(cancelled(ACT, s3::uri(going.bucket, going.key))),
        };
        // The cipher stops when nobody takes its parts; an upload that failed is the reason then, not the consequence.
        drop(parts);
        let read = self.read(source, reading.await);
        let size = if sent.is_ok() { stamp.size } else { counted };
        self.tally.end(&source.name, size, counted);
        let finished = match (sent, read) {
            (Err(fault), _) => Err(Failure::Fault(fault)),
            (Ok(_), Err(failure)) => Err(failure),
            (Ok(sent), Ok(())) => {
                let stored = going.complete(self.aws, &upload, &sent).await;
                stored.map(|stored| stored.etag).map_err(Failure::Fault)
            }
        };
        match finished {
            Err(Failure::Fault(fault)) if going.journal.is_some() && fault.may_go_on() => Err(fault.into()),
            Err(failure) => {
                let left = transfer::abort(self.aws, &upload).await;
                // Else whoever discards the journal aborts it.
                if left.is_ok() {
                    self.forget_unneeded(going.journal, going.bucket, going.key).await;
                }
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

    /// The upload to go on with, if there is one, or a new one.
    async fn upload_of(
        &self,
        source: &Source,
        going: &Going<'_>,
        trace: Option<Trace>,
    ) -> Result<(Multipart, Plan), Failure> {
        let mut earlier = None;
        if let Some(mut trace) = trace
            && let Some((id, part)) = trace.upload
        {
            let upload = going.upload(id);
            let is_there = still_there(self.aws, &upload, &mut trace.parts).await?;
            let known = trace.parts;
            earlier = Some((is_there.then_some(upload), Plan { part, known }));
        }
        Ok(match earlier {
            Some((Some(upload), plan)) => (upload, plan),
            gone => {
                let part = self.limits.part_of(going.token_bytes).ok_or_else(|| too_long(source))?;
                // Its parts are gone, but they still tell whether the source is the same.
                let plan = gone.map(|(_, plan)| plan).filter(|plan| plan.part == part);
                let id = transfer::begin(self.aws, going.bucket, going.key, &going.metadata, None).await?;
                let upload = going.upload(id);
                going.note(|journal| journal.uploading(&upload, part));
                (upload, plan.unwrap_or_else(|| Plan::of(part)))
            }
        })
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
        if trace.done.is_none() {
            self.forget_unneeded(Some(journal), bucket, key).await;
        }
        Ok(())
    }

    /// As long as a token may be there that needs the key object, the journal remembers it.
    async fn forget_unneeded(&self, journal: Option<&Journal>, bucket: &str, key: &str) {
        let Some(journal) = journal else { return };
        let may_be_there = journal.trace(key).is_some_and(|trace| trace.may_be_whole());
        let object = &journal.header.data_key_object;
        // What cannot be seen now may be there too.
        if may_be_there
            && is_needed(self.aws, bucket, vec![key.to_owned()], object)
                .await
                .unwrap_or(true)
        {
            return;
        }
        if let Err(error) = journal.forgotten(key) {
            tracing::warn!(%error, "could not write the journal of an upload");
        }
    }

    /// The metadata of a token with this header. What was begun before prefixes were recorded goes on without one.
    fn metadata(
        &self,
        source: &Source,
        header: &[u8; HEADER_LEN],
        stamp: Stamp,
        is_placed: bool,
    ) -> Result<BTreeMap<String, String>, Fault> {
        let mut metadata = Metadata {
            kms_key_id: self.kms_key_arn.clone(),
            data_key: Some(self.ciphertext.clone()),
            data_key_object: match &self.data_key_place {
                Location::S3(ObjectUri { key, .. }) => Some(key.clone()),
                Location::Local(_) => None,
            },
            context: self.context.clone(),
            name: source.name.clone(),
            prefix: is_placed.then(|| source.prefix.clone()),
            length: stamp.size,
            mac: [0; 32],
        };
        metadata.mac = binding::bind(&self.data_key, metadata.subject(header));
        metadata.to_map().map_err(|error| too_much(source, &error))
    }
}

impl Plan {
    /// For a token of which nothing was sent yet.
    fn of(part: u64) -> Self {
        let known = KnownParts::new();
        Self { part, known }
    }
}

/// Whether the upload is still there, and which of the known parts S3 has.
async fn still_there(aws: &Aws, upload: &Multipart, known: &mut KnownParts) -> Result<bool, Fault> {
    let parts = match transfer::parts(aws, upload).await {
        Ok(parts) => parts,
        Err(fault) if fault.kind == FaultKind::NotFound => return Ok(false),
        Err(fault) => return Err(fault),
    };
    for part in parts {
        match known.get_mut(&part.number) {
            Some(known) => known.is_there = known.part.etag == part.etag,
            // Sent, but the process was killed before it could note it.
            None if part.crc != 0 => {
                known.insert(part.number, KnownPart { part, is_there: true });
            }
            None => {}
        }
    }
    Ok(true)
}

fn too_long(source: &Source) -> Fault {
    usage(
        ACT,
        source.path.display(),
        "its token would be longer than S3 takes objects: 48.8 TiB",
        "cut it into several files",
    )
}

fn token_of(stamp: Stamp, header: &[u8; HEADER_LEN]) -> TokenSeed {
    let mut token = TokenSeed {
        stamp,
        seconds: 0,
        iv: [0; 16],
        is_placed: true,
    };
    token.seconds = header[1..9].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    token.iv.copy_from_slice(&header[9..]);
    token
}
