//! Audit: what everything under a prefix is, by one request an object.
//!
//! Work begins with the first page, and rows come in the order of the list whatever comes back first. What is kept does not
//! grow with the number of objects: the page at hand, what waits for one before it, and of the encrypted data keys the names
//! (as hashes). These come last, for only then is it known which of them a token names.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt, TryStreamExt};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::data_keys::{DataKeys, Presence};
use super::held::{Held, Looked};
use super::kms_keys::KmsKeys;
use super::pace::Pace;
use super::spread::spread;
use super::trouble::{ends_all, unread, unread_end, unusable};
use crate::actions::ProgressSink;
use crate::actions::faults::cancelled;
use crate::actions::verify::Deep;
use crate::aws::again::again;
use crate::aws::{Aws, pages, s3};
use crate::domain::audit::{AuditRow, AuditSummary, Ended, Flaw, Kind, Seen, Told, classify};
use crate::domain::{Fault, FaultKind, Location, ObjectRow, Progress, Reading};

const ACT: &str = "audit";
/// What was read and waits for one before it, and what is in flight.
const WAITING: usize = 2048;
/// The list is this far ahead.
const AHEAD: usize = 2000;
/// Key objects that are kept until all tokens were seen.
const KEY_OBJECTS: usize = 100_000;
/// MiB of tokens that are read to their end at once, and of one alone.
const BUDGET: usize = 64;
const ALONE: u64 = 32;

/// What to audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRequest {
    /// The bucket.
    pub bucket: String,
    /// Every key that begins so.
    pub prefix: String,
    /// Whether every token is read to its end and checked.
    pub deep: bool,
    /// Whether older versions and delete markers are looked at too.
    pub versions: bool,
}

/// Tells one row an object, in the order of the list, and at the end the encrypted data keys; then what all are together. What
/// was seen before it was stopped, or the list broke off, is told too: the summary says that it is a part.
///
/// # Errors
/// When nothing could be listed at all, or `tell` fails.
pub async fn audit(
    aws: &Aws,
    request: &AuditRequest,
    progress: &ProgressSink,
    cancel: &CancellationToken,
    tell: &mut (dyn FnMut(AuditRow) -> Result<(), Fault> + Send),
) -> Result<AuditSummary, Fault> {
    let place = s3::uri(&request.bucket, &request.prefix);
    let (silent, open) = (ProgressSink::none(), crate::actions::OpenOptions::default());
    let run = Run {
        aws,
        request,
        cancel,
        kms_keys: KmsKeys::default(),
        data_keys: DataKeys::new(&request.bucket),
        slowed: s3::Slowed::default(),
        deep: request.deep.then(|| Deep::new(aws, &open, &silent, cancel)),
        budget: Semaphore::new(BUDGET),
    };
    let mut rows = Rows {
        summary: AuditSummary::new(place.clone(), request.deep, request.versions),
        key_objects: Vec::new(),
        has_others: false,
        tell,
    };
    let ended = run.all(&mut rows, progress).await?;
    let is_nothing = rows.summary.all.objects == 0 && rows.key_objects.is_empty();
    match ended {
        Ended::BrokeOff(fault) if is_nothing => Err(*fault),
        Ended::Stopped if is_nothing => Err(cancelled(ACT, place)),
        ended => rows.close(&run, ended),
    }
}

/// One that was listed.
struct Listed {
    key: String,
    size: u64,
    version: Option<Box<str>>,
    is_latest: bool,
    is_marker: bool,
}

type Pages<'a> = Pin<Box<dyn Stream<Item = Result<Vec<Listed>, Fault>> + Send + 'a>>;

struct Run<'a> {
    aws: &'a Aws,
    request: &'a AuditRequest,
    cancel: &'a CancellationToken,
    kms_keys: KmsKeys,
    data_keys: DataKeys,
    slowed: s3::Slowed,
    deep: Option<Deep<'a>>,
    budget: Semaphore,
}

impl Run<'_> {
    async fn all(&self, rows: &mut Rows<'_>, progress: &ProgressSink) -> Result<Ended, Fault> {
        let began = Instant::now();
        let now = || began.elapsed();
        let mut pace = Pace::new(Duration::ZERO);
        let mut pages = self.pages();
        let (mut queue, mut flying) = (VecDeque::new(), FuturesUnordered::new());
        let (mut minted, mut next, mut waiting) = (0_u64, 0_u64, BTreeMap::new());
        let mut held = Held::default();
        let mut listed: Option<Ended> = None;
        loop {
            while flying.len() < pace.limit()
                && flying.len() + waiting.len() < WAITING
                && let Some(one) = queue.pop_front()
            {
                let nth = minted;
                flying.push(Box::pin(async move { (nth, self.look(one).await) }));
                minted += 1;
            }
            if flying.is_empty() && queue.is_empty() && listed.is_some() {
                break;
            }
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => {
                    listed = Some(Ended::Stopped);
                    break;
                }
                Some((nth, looked)) = flying.next(), if !flying.is_empty() => {
                    pace.answered(now(), self.slowed.count());
                    match looked {
                        Ok(looked) => waiting.insert(nth, looked),
                        Err(fault) => {
                            listed = Some(Ended::BrokeOff(Box::new(fault)));
                            break;
                        }
                    };
                    while let Some(looked) = waiting.remove(&next) {
                        next += 1;
                        let Some(looked) = looked else { rows.summary.vanished += 1; continue };
                        for looked in held.take(looked) {
                            rows.add(self, looked)?;
                        }
                    }
                    progress.report(self.progress(&rows.summary));
                }
                page = pages.next(), if listed.is_none() && queue.len() < AHEAD => match page {
                    Some(Ok(page)) => queue.extend(page),
                    Some(Err(fault)) => listed = Some(Ended::BrokeOff(Box::new(fault))),
                    None => listed = Some(Ended::Whole),
                },
            }
        }
        // Of what was looked at nothing is lost, though one before it was not.
        for looked in waiting.into_values().flatten() {
            for looked in held.take(looked) {
                rows.add(self, looked)?;
            }
        }
        for looked in held.rest() {
            rows.add(self, looked)?;
        }
        Ok(listed.unwrap_or_default())
    }

    fn progress(&self, summary: &AuditSummary) -> Progress {
        Progress {
            phase: "auditing".to_owned(),
            item: format!(
                "{}, {} objects",
                s3::uri(&self.request.bucket, &self.request.prefix),
                summary.all.objects
            ),
            bytes: summary.all.bytes,
            ..Progress::default()
        }
    }

    fn pages(&self) -> Pages<'_> {
        let (aws, bucket, prefix) = (self.aws, self.request.bucket.as_str(), self.request.prefix.as_str());
        if self.request.versions {
            let ask = move |marker: Option<String>| {
                again(move || s3::list_versions_under(aws, bucket, prefix, marker.clone()))
            };
            return Box::pin(pages(ask).map_ok(|page| {
                let mut page: Vec<Listed> = page.into_iter().map(of_version).collect();
                // Versions and markers come apart.
                page.sort_by(|one, other| one.key.cmp(&other.key).then(other.is_latest.cmp(&one.is_latest)));
                page
            }));
        }
        let ask = move |token: Option<String>| again(move || s3::list_under(aws, bucket, prefix, token.clone()));
        Box::pin(pages(ask).map_ok(|page| page.into_iter().filter_map(of_row).collect()))
    }

    /// `None` if it is gone by now.
    ///
    /// # Errors
    /// When it is none of the object's own: then no other can be looked at either.
    async fn look(&self, listed: Listed) -> Result<Option<Looked>, Fault> {
        let mut row = AuditRow::new(listed.key, listed.size, Kind::DeleteMarker);
        (row.version, row.is_latest) = (listed.version, listed.is_latest);
        if listed.is_marker {
            return Ok(Some(Looked::plain(row)));
        }
        match self.glance(&row).await {
            Ok(glance) => {
                row.size = glance.size;
                row.at_rest = glance.at_rest;
                let told = classify(&Seen {
                    key: &row.key,
                    size: glance.size,
                    info: &glance.info,
                    at_rest: glance.at_rest,
                    at_rest_key: glance.at_rest_key.as_deref(),
                    first: &glance.first,
                });
                Ok(Some(self.told(row, told).await))
            }
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(None),
            Err(fault) if ends_all(&fault) => Err(fault),
            Err(fault) => {
                unread(&mut row, &fault);
                Ok(Some(Looked::plain(row)))
            }
        }
    }

    async fn glance(&self, row: &AuditRow) -> Result<s3::Glance, Fault> {
        let (aws, slowed, bucket) = (self.aws.clone(), self.slowed.clone(), self.request.bucket.clone());
        let (key, version, size) = (row.key.clone(), row.version.clone(), row.size);
        spread(async move {
            let at = s3::At {
                bucket: &bucket,
                key: &key,
                version: version.as_deref(),
                size,
            };
            again(|| s3::glance(&aws, at, &slowed)).await
        })
        .await
    }

    /// With what KMS, the bucket and all of the token tell.
    async fn told(&self, mut row: AuditRow, mut told: Told) -> Looked {
        row.kind = told.kind;
        row.flaws = std::mem::take(&mut told.flaws);
        row.unread = told.unread.take().map(Box::new);
        if let Some(id) = &told.kms_key {
            let key = self.kms_keys.of(self.aws, id).await;
            row.flaws.extend(unusable(&row, &key));
            row.kms_key = Some(key);
        }
        if let Some((uri, is_carried)) = told.data_key_object.take() {
            let name = self.name_of(&uri).to_owned();
            self.data_keys.name(&name);
            if self.data_keys.presence(self.aws, &name).await == Presence::Missing {
                let uri = uri.clone();
                row.flaws.push(Flaw::KeyObjectMissing { uri, is_carried });
            }
            row.data_key_object = Some(uri.into());
        }
        if let Some(deep) = &self.deep
            && row.is_latest
            && (row.kind.is_token() || matches!(row.kind, Kind::Archive | Kind::ArchiveOfTokens))
        {
            self.read_through(deep, &mut row).await;
        }
        Looked {
            row,
            standing: told.standing.take(),
            told,
        }
    }

    fn name_of<'u>(&self, uri: &'u str) -> &'u str {
        let rest = uri
            .strip_prefix("s3://")
            .and_then(|rest| rest.strip_prefix(&self.request.bucket));
        rest.and_then(|rest| rest.strip_prefix('/')).unwrap_or(uri)
    }

    async fn read_through(&self, deep: &Deep<'_>, row: &mut AuditRow) {
        let weight = u32::try_from((row.size >> 20).saturating_add(1).min(ALONE)).unwrap_or(1);
        let Ok(_room) = self.budget.acquire_many(weight).await else {
            return;
        };
        let source = Location::s3(self.request.bucket.as_str(), row.key.as_str());
        let verdict = match deep.verdict(&source).await {
            Ok(verdict) => verdict,
            Err(fault) => return unread_end(row, &fault),
        };
        match verdict.reading {
            Reading::Intact { .. } => {
                row.is_intact = Some(true);
                row.unread = None;
                row.flaws.retain(|flaw| !matches!(flaw, Flaw::OpenMember(_)));
                if row.kind == Kind::Archive {
                    row.kind = Kind::ArchiveOfTokens;
                }
            }
            Reading::NotIntact { why, .. } => {
                row.is_intact = Some(false);
                row.unread = None;
                row.flaws.push(Flaw::NotIntact(why.cause));
            }
            Reading::NoToken { why, .. } if row.kind.is_token() => row.flaws.push(Flaw::NotIntact(why.cause)),
            Reading::NoToken { why, .. } => {
                row.unread = None;
                (row.kind, row.is_intact) = (Kind::Archive, None);
                row.flaws.push(Flaw::OpenMember(why.cause));
            }
            Reading::NotChecked { why, .. } => unread_end(row, &why),
        }
        if let Some(arn) = verdict.kms_key_arn.filter(|_| row.kms_key.is_none()) {
            row.kms_key = Some(self.kms_keys.of(self.aws, &arn).await);
        }
    }
}

fn of_row(row: ObjectRow) -> Option<Listed> {
    match row {
        ObjectRow::Object { key, size, .. } => Some(Listed {
            key,
            size,
            version: None,
            is_latest: true,
            is_marker: false,
        }),
        ObjectRow::Prefix { .. } => None,
    }
}

fn of_version(version: s3::Version) -> Listed {
    Listed {
        key: version.key,
        size: version.size.unwrap_or_default(),
        version: version.id.map(String::into_boxed_str),
        is_latest: version.is_latest,
        is_marker: version.size.is_none(),
    }
}

/// Rows on their way out, and what is kept of them.
struct Rows<'a> {
    summary: AuditSummary,
    key_objects: Vec<AuditRow>,
    /// Whether something was seen that may need a key object without naming it.
    has_others: bool,
    tell: &'a mut (dyn FnMut(AuditRow) -> Result<(), Fault> + Send),
}

impl Rows<'_> {
    fn add(&mut self, run: &Run<'_>, looked: Looked) -> Result<(), Fault> {
        let Looked { mut row, standing, .. } = looked;
        self.has_others |= matches!(
            row.kind,
            Kind::Fernet | Kind::Archive | Kind::ArchiveOfTokens | Kind::Unread | Kind::SseC
        ) || row.kind.is_token() && row.data_key_object.is_none();
        if row.kind == Kind::KeyObject {
            if self.key_objects.len() < KEY_OBJECTS {
                self.key_objects.push(row);
                return Ok(());
            }
            row.key_use = Some(run.data_keys.use_of(&row.key, false));
        }
        self.summary.note(&row, standing.as_ref());
        (self.tell)(row)
    }

    fn close(mut self, run: &Run<'_>, ended: Ended) -> Result<AuditSummary, Fault> {
        let is_all = run.request.prefix.is_empty() && ended == Ended::Whole && !self.has_others;
        for mut row in std::mem::take(&mut self.key_objects) {
            row.key_use = Some(run.data_keys.use_of(&row.key, is_all));
            self.summary.note(&row, None);
            (self.tell)(row)?;
        }
        self.summary.close(ended);
        Ok(self.summary)
    }
}
