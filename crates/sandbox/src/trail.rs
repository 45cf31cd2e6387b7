//! CloudTrail's event history: who asked KMS, SageMaker, IAM and STS for what, kept for 90 days and served by
//! `LookupEvents`.
//!
//! Kept are the newest [`MOST`] events of a world, or [`BYTES`] of them. What has no row of its own here, data events (of S3's
//! objects) and the management of buckets and logs, is not kept. Plaintexts, ciphertexts and tokens never are.
//!
//! A world on disk has them in two files beside its rows, each written from its start to half of what is kept and then in
//! place of the other: no answer waits for them, and a killed process loses none that was answered. *Choice*: CloudTrail
//! itself promises events late and not always.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use jiff::SignedDuration;

use super::disk::lock;
use crate::prelude::*;

mod file;
mod lookup;
mod record;

use file::Files;
pub(crate) use lookup::call;
use record::Record;

/// Events of a world.
const MOST: usize = 50_000;
/// Bytes of them.
const BYTES: usize = 32 << 20;
/// How far back they are shown.
const SHOWN: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Calls of an account in a region that may come at once, and a second.
const RATE: f64 = 2.0;

/// How a request came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) from: IpAddr,
    pub(crate) request_id: String,
}

/// What of a signed request events tell besides the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) arrival: Arrival,
    pub(crate) access_key_id: String,
    pub(crate) agent: String,
}

/// One call, as it ended.
pub(crate) struct Call<'a> {
    /// `kms`.
    pub(crate) service: &'static str,
    pub(crate) operation: &'a str,
    /// Its members; what is secret is left out here.
    pub(crate) parameters: &'a Value,
    /// ARNs of what it was about.
    pub(crate) resources: &'a [String],
    pub(crate) refused: Option<&'a ApiError>,
}

/// The event history of a world.
pub(crate) struct Trail {
    clock: Clock,
    /// How late events are.
    delay: SignedDuration,
    kept: Mutex<Kept>,
    /// Calls that are left of each place, and since when.
    calls: Mutex<BTreeMap<Place, (f64, Instant)>>,
}

struct Kept {
    /// Oldest first, each as it is on disk.
    events: VecDeque<Row>,
    /// The number of the oldest.
    first: u64,
    bytes: usize,
    files: Option<Files>,
}

struct Row {
    /// Milliseconds since 1970.
    at: i64,
    /// Shared by all that read while others write.
    bytes: Arc<[u8]>,
}

impl Trail {
    /// The events of the world in this folder, or of one without a folder.
    pub(crate) fn open(folder: Option<&Path>, clock: &Clock, delay: Duration) -> Result<Self, DiskError> {
        let mut kept = Kept {
            events: VecDeque::new(),
            first: 0,
            bytes: 0,
            files: None,
        };
        if let Some(folder) = folder {
            for bytes in file::read(folder)? {
                let at = record::time(&bytes)
                    .ok_or_else(|| DiskError::Damaged("a row of the event history cannot be read".to_owned()))?;
                kept.take(at, bytes.into());
            }
            kept.files = Some(Files::new(folder));
        }
        Ok(Self {
            clock: clock.clone(),
            delay: SignedDuration::try_from(delay).unwrap_or(SignedDuration::ZERO),
            kept: Mutex::new(kept),
            calls: Mutex::default(),
        })
    }

    /// Keeps a call, for the caller's account and for those whose resources it was about. What nobody sent is none.
    pub(crate) fn note(&self, caller: &Caller, call: &Call<'_>) {
        if caller.signed.is_none() && !caller.is_via_service() {
            return;
        }
        let now = self.clock.now();
        let account = caller.place.account.as_str();
        let mut others: Vec<&str> = call.resources.iter().map(|arn| account_of(arn)).collect();
        others.retain(|other| *other != account && !other.is_empty());
        others.dedup();
        let shared = (!others.is_empty()).then(record::id);
        let records = std::iter::once(account)
            .chain(others)
            .map(|of| Record::of(caller, call, of, shared.as_deref(), now));
        let rows: Vec<Vec<u8>> = records.map(|record| record.encoded()).collect();
        let mut kept = lock(&self.kept);
        for row in rows {
            if let Some(files) = &mut kept.files {
                files.append(&row);
            }
            kept.take(now.as_millisecond(), row.into());
        }
    }

    /// Whether a call more is too many.
    fn is_too_often(&self, place: &Place) -> bool {
        let mut calls = lock(&self.calls);
        let now = Instant::now();
        let (left, since) = calls.entry(place.clone()).or_insert((RATE, now));
        *left = (*left + now.duration_since(*since).as_secs_f64() * RATE).min(RATE);
        *since = now;
        if *left < 1.0 {
            return true;
        }
        *left -= 1.0;
        false
    }

    /// Events before the one of this number, newest first, each with its number: those that are shown by now.
    fn newest(&self, before: u64) -> Vec<(u64, Arc<[u8]>)> {
        let now = self.clock.now();
        let bound = |age: SignedDuration| now.checked_sub(age).unwrap_or(Timestamp::MIN).as_millisecond();
        let (youngest, oldest) = (bound(self.delay), bound(SHOWN));
        let kept = lock(&self.kept);
        let last = kept.first + kept.events.len() as u64;
        let numbered = kept.events.iter().rev().zip((kept.first..last).rev());
        numbered
            .skip_while(|(row, number)| *number >= before || row.at > youngest)
            .take_while(|(row, _)| row.at >= oldest)
            .map(|(row, number)| (number, Arc::clone(&row.bytes)))
            .collect()
    }
}

impl Kept {
    fn take(&mut self, at: i64, bytes: Arc<[u8]>) {
        self.bytes += bytes.len();
        self.events.push_back(Row { at, bytes });
        while self.events.len() > MOST || self.bytes > BYTES {
            let Some(gone) = self.events.pop_front() else { break };
            self.bytes -= gone.bytes.len();
            self.first += 1;
        }
    }
}

impl World {
    /// Keeps a call in the event history.
    pub(crate) fn note(&self, caller: &Caller, call: &Call<'_>) {
        self.trail.note(caller, call);
    }
}

#[cfg(test)]
mod tests;
