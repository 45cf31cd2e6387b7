//! Rotate and encrypt, as they are asked for: looked ahead, done, and kept as a report.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::encrypt::{self, Encrypting};
use super::fate::{Judged, is_own_area};
use super::judge::Judge;
use super::older;
use super::part::Part;
use super::rotate::{self, Rotating};
use super::seal::{Ahead, Gauge, NewKeys, Rotation, Sealer};
use super::trouble::ends_all;
use super::walk::{Walk, listing};
use crate::actions::empty_place::EmptyPlace;
use crate::actions::faults::{cancelled, usage};
use crate::actions::unlock::Keyring;
use crate::actions::{OpenOptions, ProgressSink};
use crate::aws::again::again;
use crate::aws::{Aws, s3};
use crate::domain::audit::{Ended, Kind};
use crate::domain::bulk::Listed;
use crate::domain::seal::{Fate, SealAct, SealPlan, SealReport, SealRow, SealSpec, SealSummary, Versions};
use crate::domain::{Fault, FaultKind, ObjectUri, Outcome};

/// Rows that are kept, of those that are well and of those that are not.
const KEPT: usize = 2000;

/// Tells one row an object, in the order of the list, and at the end what became of all. What was done before it was stopped, or
/// the list broke off, is told too: the summary says that it is a part.
///
/// # Errors
/// When nothing could be listed at all, there is nothing, or `tell` fails.
pub async fn seal(
    aws: &Aws,
    spec: &SealSpec,
    progress: &ProgressSink,
    cancel: &CancellationToken,
    tell: &mut (dyn FnMut(&SealRow) -> Result<(), Fault> + Send),
) -> Result<SealSummary, Fault> {
    check(spec)?;
    let walk = walk(aws, spec, cancel);
    let mut summary = SealSummary::default();
    let mut note = |row: Option<SealRow>| match row {
        Some(row) => {
            summary.note(&row);
            tell(&row)
        }
        None => {
            summary.vanished += u64::from(!cancel.is_cancelled());
            Ok(())
        }
    };
    let done = Box::pin(run(walk, spec, None, progress, &mut note)).await?;
    (summary.warnings, summary.resumed) = (done.warnings, done.resumed);
    let is_nothing = summary.sealed.objects + summary.passed_over() + summary.failed.objects == 0;
    match done.ended {
        Ended::BrokeOff(mut fault) if summary.sealed.objects + summary.failed.objects == 0 => {
            for left in &summary.warnings {
                fault.cause = format!("{}; {left}", fault.cause);
            }
            Err(*fault)
        }
        Ended::Stopped if is_nothing => Err(cancelled(spec.verb(), spec.place())),
        Ended::Whole if is_nothing && summary.vanished == 0 => {
            summary.warnings.extend(only_older(aws, spec).await?);
            summary.older = left(aws, spec).await;
            Ok(summary)
        }
        Ended::Whole => {
            summary.older = left(aws, spec).await;
            Ok(summary)
        }
        ended => {
            summary.ended = ended;
            Ok(summary)
        }
    }
}

/// The older versions of what was to be deleted.
pub(super) async fn left(aws: &Aws, spec: &SealSpec) -> Option<Result<u64, String>> {
    if !spec.deletes_plain() {
        return None;
    }
    let (prefixes, keys): (Vec<_>, Vec<_>) = if spec.places.is_empty() {
        (vec![spec.prefix.clone()], Vec::new())
    } else {
        let places = spec.places.iter().cloned();
        places.partition(|place| place.is_empty() || place.ends_with('/'))
    };
    let counted = older::count(aws, &spec.bucket, &prefixes, &keys).await;
    Some(counted.map_err(|fault| fault.cause))
}

/// What a run came to, beside its rows.
pub(super) struct Ran {
    pub(super) ended: Ended,
    /// What a person should know.
    pub(super) warnings: Vec<String>,
    resumed: Option<jiff::Timestamp>,
}

/// Seals what is walked through; `note` hears of each in its turn, or that it is gone. Of an act of many hosts it does a part.
pub(super) async fn run(
    walk: Walk<'_>,
    spec: &SealSpec,
    part: Option<Part<'_>>,
    progress: &ProgressSink,
    note: &mut (dyn FnMut(Option<SealRow>) -> Result<(), Fault> + Send),
) -> Result<Ran, Fault> {
    let (aws, cancel) = (walk.aws, walk.cancel);
    let mut is_well = true;
    let mut note = |row: Option<SealRow>| {
        is_well &= !matches!(&row, Some(row) if matches!(row.fate, Fate::Failed(_)));
        note(row)
    };
    let stem = part.map(Part::stem);
    match &spec.act {
        SealAct::Rotate { key, context, .. } => {
            let keeps = s3::keeps(aws, &spec.bucket).await?;
            let journal = match part {
                None => Rotation::of(aws, spec).await,
                Some(_) => None,
            };
            let to = ObjectUri::new(spec.bucket.as_str(), spec.prefix.as_str());
            let keys = NewKeys::new(&to, None, journal).of_part(stem);
            let resumed = keys.resumed();
            let gauge = Gauge::new(progress, "rotating");
            let sealer = Sealer::new(aws, rotate::ACT, gauge.clone(), cancel);
            let rotating = Rotating {
                aws,
                bucket: &spec.bucket,
                key: key.as_deref(),
                context: context.as_ref(),
                keeps,
                keyring: Keyring::default(),
                open: OpenOptions::default(),
                known: keys.known(),
                part,
            };
            let (rotating, sealer, made, counted) = (&rotating, &sealer, &keys, &gauge);
            let one = |listed: Listed| async move {
                let (key, size) = (listed.key.clone(), listed.size);
                let done = rotating.one(sealer, made, listed).await;
                counted.end(&key, size);
                done
            };
            let ended = walk
                .through(one, |page, is_end| gauge.list(page, is_end), &mut note)
                .await;
            let is_whole = matches!(ended, Ok(Ended::Whole)) && is_well;
            let warnings = keys.end(aws, !is_whole).await.into_iter().collect();
            Ok(Ran {
                ended: ended?,
                warnings,
                resumed,
            })
        }
        SealAct::Encrypt {
            to,
            key,
            context,
            data_key_name,
            overwrite,
            delete_plain,
        } => {
            let keys = NewKeys::new(to, data_key_name.as_deref(), None).of_part(stem);
            let gauge = Gauge::new(progress, "encrypting");
            let sealer = Sealer::new(aws, encrypt::ACT, gauge.clone(), cancel);
            let encrypting = Encrypting {
                aws,
                bucket: &spec.bucket,
                prefix: &spec.prefix,
                to,
                key,
                context,
                overwrite: *overwrite,
                delete_plain: *delete_plain,
                in_place: spec.is_in_place(),
                keeps: s3::keeps(aws, &spec.bucket).await?,
                keyring: Keyring::default(),
                open: OpenOptions::default(),
                part,
            };
            let (encrypting, sealer, made, counted) = (&encrypting, &sealer, &keys, &gauge);
            let one = |listed: Listed| async move {
                let (key, size) = (listed.key.clone(), listed.size);
                let done = encrypting.one(sealer, made, listed).await;
                counted.end(&key, size);
                done
            };
            let ended = walk
                .through(one, |page, is_end| gauge.list(page, is_end), &mut note)
                .await;
            let below = if to.key.is_empty() {
                Vec::new()
            } else {
                keys.below(&to.key)
            };
            let told = |key: String| {
                format!("the key object {key} lies under the destination: a channel on it would deliver it too")
            };
            let mut warnings: Vec<String> = below.into_iter().map(told).collect();
            warnings.extend(keys.end(aws, false).await);
            Ok(Ran {
                ended: ended?,
                warnings,
                resumed: None,
            })
        }
    }
}

/// The same with its rows, for who reads them later: what failed first. Of each sort no more than two thousand are kept, and
/// how many are not is told.
///
/// # Errors
/// As [`seal()`].
pub async fn seal_report(
    aws: &Aws,
    spec: &SealSpec,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    let mut kept = Kept::default();
    let summary = seal(aws, spec, progress, cancel, &mut |row| kept.take(row)).await?;
    Ok(kept.report(spec.clone(), summary))
}

/// Rows that are kept.
#[derive(Default)]
pub(super) struct Kept {
    wrong: Vec<SealRow>,
    well: Vec<SealRow>,
    dropped: u64,
}

impl Kept {
    #[expect(clippy::unnecessary_wraps, reason = "as sealing tells it")]
    pub(super) fn take(&mut self, row: &SealRow) -> Result<(), Fault> {
        let rows = if row.is_well() { &mut self.well } else { &mut self.wrong };
        if rows.len() < KEPT {
            rows.push(row.clone());
        } else {
            self.dropped += 1;
        }
        Ok(())
    }

    pub(super) fn report(mut self, spec: SealSpec, summary: SealSummary) -> Outcome {
        self.wrong.append(&mut self.well);
        Outcome::Sealed(Arc::new(SealReport {
            spec,
            summary,
            rows: self.wrong,
            dropped: self.dropped,
        }))
    }
}

/// Looks at everything that would be sealed, and writes nothing.
///
/// # Errors
/// When nothing could be listed at all, or there is nothing; when no data key could be made under the KMS key that is named.
pub async fn plan_seal(
    aws: &Aws,
    spec: &SealSpec,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<SealPlan, Fault> {
    check(spec)?;
    check_destination(aws, spec).await?;
    let walk = walk(aws, spec, cancel);
    let mut plan = SealPlan::new(spec.clone());
    let mut seen = 0_u64;
    let gauge = Gauge::new(progress, "looking at");
    let listed = |page: &[Listed], is_end| gauge.list(page, is_end);
    let ahead = Ahead::new(aws, spec.named_key());
    let asked = &ahead;
    let keeps = s3::keeps(aws, &spec.bucket).await?;
    plan.may_lock = keeps.may_lock();
    let ended = match Judge::new(aws, spec, keeps) {
        Judge::Rotate(mut rotating) => {
            let (resumed, known) = Rotation::look(aws, spec).await.unzip();
            plan.resumed = resumed;
            rotating.known = known.into_iter().flatten().collect();
            let (rotating, counted) = (&rotating, &gauge);
            let one = |listed: Listed| async move {
                let judged = rotating.judge(&listed, false).await;
                let mut doomed = None;
                if let Ok(Judged::Take(token)) = &judged
                    && let Some((metadata, context)) = rotating.ahead(token)
                {
                    asked.ask(context).await?;
                    doomed = asked.ask_of(metadata, context).await.err();
                }
                counted.end(&listed.key, listed.size);
                let judged = judged.map(|judged| judged.map(|token| (token.kind, Some(token.kms_key))));
                looked(listed, judged, doomed)
            };
            let names_keys = rotating.key.is_none();
            let mut note = |look| {
                noted(&mut plan, &mut seen, names_keys, look);
                Ok(())
            };
            walk.through(one, listed, &mut note).await?
        }
        Judge::Encrypt(mut encrypting) => {
            if let SealAct::Encrypt {
                overwrite,
                delete_plain,
                ..
            } = &spec.act
            {
                (encrypting.overwrite, encrypting.delete_plain) = (*overwrite, *delete_plain);
            }
            let (encrypting, counted) = (&encrypting, &gauge);
            let one = |listed: Listed| async move {
                let (mut judged, mut doomed) = (encrypting.judge(&listed).await, None);
                if let Ok(Judged::Take(_)) = &judged {
                    match encrypting.ahead(&listed).await {
                        Ok(None) => asked.ask(encrypting.context).await?,
                        Ok(Some(why)) => judged = Ok(Judged::Pass(why)),
                        Err(fault) if fault.kind == FaultKind::NotFound => judged = Ok(Judged::Gone),
                        Err(fault) => doomed = Some(fault),
                    }
                }
                counted.end(&listed.key, listed.size);
                let judged = judged.map(|judged| judged.map(|plain| (plain.kind, None)));
                looked(listed, judged, doomed)
            };
            let mut note = |look| {
                noted(&mut plan, &mut seen, false, look);
                Ok(())
            };
            walk.through(one, listed, &mut note).await?
        }
    };
    if let Some(fault) = ahead.refused() {
        return Err(fault);
    }
    match ended {
        Ended::BrokeOff(fault) if seen == 0 => return Err(*fault),
        Ended::Stopped if seen == 0 => return Err(cancelled(spec.verb(), spec.place())),
        Ended::Whole if seen == 0 => drop(only_older(aws, spec).await?),
        ended => plan.ended = ended,
    }
    plan.versions = match s3::versioning(aws, &spec.bucket).await {
        Ok(Some(true)) => Versions::On,
        Ok(Some(false)) => Versions::Suspended,
        Ok(None) => Versions::Off,
        Err(fault) => Versions::Unknown(Box::new(fault)),
    };
    Ok(plan)
}

/// What it is, and the KMS key that it says it is under.
type Seen = Result<Judged<(Kind, Option<String>)>, Fault>;

/// One that was looked at, and why it would fail, where that is known.
///
/// # Errors
/// When no other can be looked at either.
fn looked(listed: Listed, judged: Seen, doomed: Option<Fault>) -> Result<(Listed, Seen, Option<Fault>), Fault> {
    match (judged, doomed) {
        (Err(fault), _) | (_, Some(fault)) if ends_all(&fault) => Err(fault),
        // Whoever did not answer has not said that it would.
        (Ok(_), Some(fault)) if fault.is_unheard() => Ok((listed, Err(fault), None)),
        (judged, doomed) => Ok((listed, judged, doomed)),
    }
}

fn noted(
    plan: &mut SealPlan,
    seen: &mut u64,
    names_keys: bool,
    (listed, judged, doomed): (Listed, Seen, Option<Fault>),
) {
    *seen += 1;
    match (judged, doomed) {
        (Ok(Judged::Take(_)), Some(fault)) => plan.doom(fault, listed.size),
        (Ok(Judged::Take((kind, key))), None) => {
            plan.take(kind, listed.size);
            plan.keys.extend(key.filter(|_| names_keys));
        }
        (Ok(Judged::Pass(why)), _) => plan.pass(listed.key, why, listed.size),
        (Ok(Judged::Gone), _) => {}
        (Err(fault), _) => plan.fail(fault),
    }
}

fn walk<'a>(aws: &'a Aws, spec: &'a SealSpec, cancel: &'a CancellationToken) -> Walk<'a> {
    Walk {
        aws,
        pages: listing(aws, &spec.bucket, &spec.prefix, &spec.places),
        cancel,
    }
}

/// Refuses what can do no good, before anything is asked for.
pub(super) fn check(spec: &SealSpec) -> Result<(), Fault> {
    if let SealAct::Encrypt {
        to, overwrite: true, ..
    } = &spec.act
        && !spec.is_in_place()
        && to.bucket == spec.bucket
        && (to.key.starts_with(&spec.prefix) || spec.prefix.starts_with(&to.key))
    {
        let cause = "source and destination lie in each other: a token could take the place of an object that is not encrypted yet";
        let remedy = "choose a destination beside the source, or leave --overwrite";
        return Err(usage(spec.verb(), to, cause, remedy));
    }
    if let SealAct::Encrypt { to, .. } = &spec.act
        && is_own_area(&to.key).is_some()
    {
        let cause = "what lies there is strongroom's own, and no data";
        return Err(usage(spec.verb(), to, cause, "choose another prefix"));
    }
    Ok(())
}

/// Refuses a destination whose bucket is not there, or cannot be asked. Who may not list it may be one who may write to it.
pub(super) async fn check_destination(aws: &Aws, spec: &SealSpec) -> Result<(), Fault> {
    let to = match &spec.act {
        SealAct::Encrypt { to, .. } if to.bucket != spec.bucket => to,
        SealAct::Encrypt { .. } | SealAct::Rotate { .. } => return Ok(()),
    };
    match again(|| s3::list_under(aws, &to.bucket, &to.key).first()).await {
        Err(fault) if fault.kind != FaultKind::Denied => Err(Fault {
            act: "write below".to_owned(),
            object: to.to_string(),
            ..fault
        }),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Nothing was listed: that older versions or delete markers are there all the same.
///
/// # Errors
/// When nothing is there at all, or nobody may know.
pub(super) async fn only_older(aws: &Aws, spec: &SealSpec) -> Result<Vec<String>, Fault> {
    let prefixes = if spec.places.is_empty() {
        std::slice::from_ref(&spec.prefix)
    } else {
        &spec.places
    };
    let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    match EmptyPlace::of(aws, &spec.bucket, &prefixes).await {
        EmptyPlace::Deleted => {
            let words =
                "no object is there now, only older versions or delete markers: audit --versions says what they are";
            Ok(vec![words.to_owned()])
        }
        empty => Err(empty.fault(spec.verb(), spec.place(), "object")),
    }
}
