//! Re-wrap: the data keys of everything under a prefix go to another KMS key, by one `ReEncrypt` a data key; the tokens stay where
//! and what they are, and what is said of them is copied anew, in S3.
//!
//! First every object is asked what it says, which tells the data keys; then one data key after the other is wrapped anew, proved
//! against a MAC, kept, and its objects are copied onto themselves while the next one is wrapped. An object tells its own state,
//! so that the same again goes on with what is left; a [journal] spares KMS the calls that it had. The key object is there
//! before an object names it, and the old one stays: at every moment every object opens.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::each::each;
use super::older;
use crate::actions::ProgressSink;
use crate::actions::empty_place::EmptyPlace;
use crate::actions::faults::cancelled;
use crate::actions::flight::Pages;
use crate::aws::again::again;
use crate::aws::{Aws, kms, s3, transfer};
use crate::domain::audit::Ended;
use crate::domain::rewrap::{RewrapReport, RewrapRow, RewrapSpec, Rewrapped};
use crate::domain::{Fault, FaultKind, KeyManager, KeyState, ObjectRow, Outcome};
use crate::envelope::Metadata;

mod copying;
mod data_key;
mod going;
mod hosts;
mod journal;
mod map;
mod old_keys;
mod scan;
mod spool;

use data_key::Anew;
pub(super) use data_key::Mapped;
pub(super) use hosts::{Copying, of_hosts, prepare};
pub(super) use map::{MAPPED, map_of, map_text};
use old_keys::KeyObjects;
use scan::{Found, Scan, Wrapped};
use spool::{Chain, Spool, Spooled};

const ACT: &str = "re-wrap";
/// A kill loses what KMS did for data keys that were not kept yet. Of few, one at a time is wrapped, so that it is little; of many,
/// one more for each so many.
const KEYS_A_LANE: usize = 64;
const MOST_LANES: usize = 8;

/// Tells one row an object as it comes, and at the end what all are together.
pub type TellRewrapped<'a> = &'a mut (dyn FnMut(RewrapRow) -> Result<(), Fault> + Send);

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RewrapMode {
    /// Nothing is changed: what would be is told.
    pub is_plan: bool,
    /// Bytes that S3 copies by one call; what is longer goes in parts. S3 takes 5 GiB.
    pub largest_copy: u64,
}

impl RewrapMode {
    /// Nothing is changed.
    pub const PLAN: Self = Self {
        is_plan: true,
        largest_copy: transfer::LARGEST_COPY,
    };
    /// All of it.
    pub const ALL: Self = Self {
        is_plan: false,
        largest_copy: transfer::LARGEST_COPY,
    };
}

/// Re-wraps the data keys of tokens, or tells what that would do.
///
/// # Errors
/// When the KMS key cannot be used, or not everything could be listed: then nothing was changed. What goes wrong with one object
/// or one data key is told of that, and the others go on.
pub async fn rewrap(
    aws: &Aws,
    spec: &RewrapSpec,
    mode: RewrapMode,
    progress: &ProgressSink,
    cancel: &CancellationToken,
    tell: TellRewrapped<'_>,
) -> Result<RewrapReport, Fault> {
    let target = target(aws, &spec.to).await?;
    let run = Run::new(aws, spec, target, mode, (progress, cancel));
    run.keeps().await?;
    let mut told = Told {
        report: RewrapReport::new(spec, run.target.clone(), mode.is_plan),
        all: 0,
        tell,
    };
    let groups = run.scan(keys(aws, spec), &mut told).await?;
    let (mut ended, mut old) = (Ended::Whole, KeyObjects::default());
    if mode.is_plan {
        plan(groups, &mut told).await?;
    } else {
        (ended, old) = run.go(groups, &mut told).await?;
    }
    told.report.older = run.older().await;
    if spec.delete_old && !mode.is_plan && ended == Ended::Whole {
        old_keys::delete(&run, old, &mut told.report).await;
    }
    told.report.ended = ended;
    Ok(told.report)
}

/// The same for the dashboard: what is refused by name is in the report.
///
/// # Errors
/// As [`rewrap`].
pub async fn rewrap_report(
    aws: &Aws,
    spec: &RewrapSpec,
    mode: RewrapMode,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    let report = rewrap(aws, spec, mode, progress, cancel, &mut |_| Ok(())).await?;
    Ok(Outcome::Rewrapped(Box::new(report)))
}

/// The ARN of the key that data keys are to be under, if it can be used so.
pub(in crate::actions) async fn target(aws: &Aws, key: &str) -> Result<String, Fault> {
    let (arn, detail) = match again(|| kms::resolved(aws, key)).await {
        // Who may wrap under a key need not be one who may look at it; an ARN says all that is needed.
        Err(fault) if fault.kind == FaultKind::Denied && key.contains(":key/") => return Ok(key.to_owned()),
        answer => answer?,
    };
    let refused = |kind, cause: String, remedy| Err(Fault::new(kind, "wrap data keys under", &arn, cause, remedy));
    if detail.state != KeyState::Enabled {
        let cause = format!("it is {}", detail.state.as_str());
        return refused(FaultKind::KeyState, cause, "enable it, or choose another key");
    }
    if detail.manager == KeyManager::Aws {
        let cause = "it is an AWS managed key, which only AWS's own services use for you".to_owned();
        return refused(FaultKind::Invalid, cause, "choose a customer managed key");
    }
    if detail.spec != "SYMMETRIC_DEFAULT" || detail.usage != "ENCRYPT_DECRYPT" {
        let cause = format!("it is a key for {} ({})", detail.usage, detail.spec);
        return refused(FaultKind::Invalid, cause, "choose a symmetric key for encryption");
    }
    Ok(arn)
}

/// The tokens of one data key.
struct Group {
    wrapped: Wrapped,
    /// The key objects that its tokens name.
    key_objects: BTreeSet<String>,
    /// Where its objects are noted.
    objects: Chain,
}

impl Group {
    /// With its data key as it is wrapped now; where its objects are noted.
    fn mapped(self, anew: Anew) -> (Mapped, Chain) {
        let Self {
            wrapped,
            key_objects,
            objects,
        } = self;
        let mapped = Mapped {
            wrapped,
            key_objects,
            anew,
        };
        (mapped, objects)
    }
}

/// The data keys, and the objects of each, which are not in memory.
struct Groups {
    all: Vec<Group>,
    spooled: Spooled,
}

impl Groups {
    /// How many data keys are wrapped at once.
    fn lanes(&self) -> usize {
        (self.all.len() / KEYS_A_LANE).clamp(1, MOST_LANES)
    }
}

struct Run<'a> {
    aws: &'a Aws,
    spec: &'a RewrapSpec,
    mode: RewrapMode,
    keeps: OnceCell<s3::Keeps>,
    journal: journal::Journal,
    /// ARN.
    target: String,
    progress: &'a ProgressSink,
    cancel: &'a CancellationToken,
}

struct Told<'a> {
    report: RewrapReport,
    /// Objects to re-wrap.
    all: u64,
    tell: TellRewrapped<'a>,
}

impl Told<'_> {
    fn row(&mut self, row: RewrapRow) -> Result<(), Fault> {
        self.report.note(&row);
        (self.tell)(row)
    }

    fn done(&mut self, from: &Wrapped, row: RewrapRow) -> Result<(), Fault> {
        if row.state == Rewrapped::Done {
            self.report.done_from(&from.kms_key_id, row.size);
        }
        self.row(row)
    }
}

/// What would be done.
async fn plan(groups: Groups, told: &mut Told<'_>) -> Result<(), Fault> {
    told.report.data_keys = groups.all.len() as u64;
    for group in groups.all {
        let mut pages = groups.spooled.pages(group.objects);
        while let Some(page) = pages.try_next().await? {
            for (key, size) in page {
                let row = RewrapRow {
                    key: key.into(),
                    size,
                    state: Rewrapped::Done,
                    why: None,
                };
                told.done(&group.wrapped, row)?;
            }
        }
    }
    Ok(())
}

/// The keys of all there is to look at, page by page.
fn keys<'a>(aws: &'a Aws, spec: &'a RewrapSpec) -> Pages<'a, String> {
    let named = spec.objects.iter().map(|key| Ok(vec![key.clone()]));
    let listed = stream::iter(&spec.prefixes).flat_map(move |prefix| {
        let pages = s3::list_under(aws, &spec.bucket, prefix).pages();
        pages.map(|page| Ok(page?.into_iter().map(key_of).collect::<Vec<_>>()))
    });
    Box::pin(stream::iter(named).chain(listed))
}

impl<'a> Run<'a> {
    fn new(
        aws: &'a Aws,
        spec: &'a RewrapSpec,
        target: String,
        mode: RewrapMode,
        (progress, cancel): (&'a ProgressSink, &'a CancellationToken),
    ) -> Self {
        Self {
            aws,
            spec,
            mode,
            keeps: OnceCell::new(),
            journal: journal::Journal::new(aws, spec, &target),
            target,
            progress,
            cancel,
        }
    }

    fn bucket(&self) -> &str {
        &self.spec.bucket
    }

    /// What a copy does not take over by itself, as the bucket has it: asked once, by who copies.
    async fn keeps(&self) -> Result<&s3::Keeps, Fault> {
        self.keeps.get_or_try_init(|| s3::keeps(self.aws, self.bucket())).await
    }

    /// Whether an object says that its data key is under the KMS key, with the context it is to have.
    fn is_there(&self, metadata: &Metadata) -> bool {
        metadata.kms_key_id == self.target && metadata.context == *self.context(&metadata.context)
    }

    /// The context that a data key of this one is to have.
    fn context<'c>(&'c self, own: &'c BTreeMap<String, String>) -> &'c BTreeMap<String, String> {
        self.spec.context.as_ref().unwrap_or(own)
    }

    /// Asks every object, and puts those to re-wrap together by data key.
    async fn scan(&self, pages: Pages<'_, String>, told: &mut Told<'_>) -> Result<Groups, Fault> {
        let scan = Scan::new(self);
        let (mut groups, mut spool): (Vec<Group>, Spool) = (Vec::new(), Spool::new()?);
        let mut places: HashMap<Wrapped, usize> = HashMap::new();
        let mut seen = 0_u64;
        let take = |found: Found| {
            seen += 1;
            self.progress
                .at("looking at", format!("{}, {seen} objects", self.spec.place()));
            match found {
                Found::Gone(key) if self.spec.objects.contains(&key) => told.row(RewrapRow {
                    key,
                    size: 0,
                    state: Rewrapped::Failed,
                    why: Some("there is no such object; check its name".to_owned()),
                })?,
                Found::Gone(key) => told.row(RewrapRow {
                    key,
                    size: 0,
                    state: Rewrapped::Gone,
                    why: None,
                })?,
                Found::Other => told.report.passed_over += 1,
                Found::Row(row) => told.row(row)?,
                Found::Token {
                    key,
                    size,
                    wrapped,
                    key_object,
                } => {
                    let nth = places.get(&wrapped).copied();
                    match nth.and_then(|nth| groups.get_mut(nth)) {
                        Some(group) => {
                            group.key_objects.extend(key_object);
                            group.objects = spool.push(Some(group.objects), (&key, size))?;
                        }
                        None => {
                            places.insert(wrapped.clone(), groups.len());
                            groups.push(Group {
                                wrapped,
                                key_objects: key_object.into_iter().collect(),
                                objects: spool.push(None, (&key, size))?,
                            });
                        }
                    }
                    told.all += 1;
                }
            }
            Ok(())
        };
        let ended = each(self.aws, pages, self.cancel, |key| scan.look(key), take).await?;
        told.report.differing = scan.differing();
        match ended {
            Ended::Whole if seen == 0 => self.only_older().await?,
            Ended::Whole => {}
            Ended::Stopped => return Err(cancelled(ACT, self.spec.place())),
            Ended::BrokeOff(fault) => return Err(*fault),
        }
        Ok(Groups {
            all: groups,
            spooled: spool.finish()?,
        })
    }

    /// Nothing was listed: fine where older versions or delete markers are there, and of a whole bucket.
    async fn only_older(&self) -> Result<(), Fault> {
        let places = self.spec.prefixes.iter().chain(&self.spec.objects);
        let places: Vec<&str> = places.map(String::as_str).collect();
        if places.contains(&"") {
            return Ok(());
        }
        match EmptyPlace::of(self.aws, self.bucket(), &places).await {
            EmptyPlace::Deleted => Ok(()),
            empty => Err(empty.fault(ACT, self.spec.place(), "object")),
        }
    }

    /// How many older versions are there; nothing if they may not be listed.
    async fn older(&self) -> Option<u64> {
        let RewrapSpec { prefixes, objects, .. } = self.spec;
        older::count(self.aws, self.bucket(), prefixes, objects).await.ok()
    }
}

fn key_of(row: ObjectRow) -> String {
    match row {
        ObjectRow::Object { key, .. } => key,
        ObjectRow::Prefix { prefix } => prefix,
    }
}
