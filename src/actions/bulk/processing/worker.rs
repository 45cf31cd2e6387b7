//! What one host does: the shards that it was given, but those that have a result, and a result for each as soon as it is done.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::held::{check_shard, plan_of};
use super::results::{Shard, put, write, write_changed};
use super::{done, rewrapping};
use crate::actions::blocking::blocking;
use crate::actions::bulk::flow::{Pages, flow};
use crate::actions::bulk::look::Look;
use crate::actions::bulk::part::Part;
use crate::actions::bulk::rewrap::{RewrapMode, of_hosts};
use crate::actions::bulk::sealing::run;
use crate::actions::bulk::walk::Walk;
use crate::actions::faults::{cancelled, io_fault, usage};
use crate::actions::verify::Deep;
use crate::actions::{OpenOptions, ProgressSink};
use crate::aws::{Aws, s3};
use crate::domain::audit::Ended;
use crate::domain::audit::wire::SeenRow;
use crate::domain::bulk::{BulkAct, BulkFolder, BulkPlan, Listed, RewrapPlan};
use crate::domain::rewrap::{RewrapRow, Rewrapped};
use crate::domain::seal::{SealRow, SealSpec};
use crate::domain::{Fault, FaultKind, HostProgress, UploadRule};
use crate::envelope::binding;

/// Between two lines that tell how far it is.
const TELLING: Duration = Duration::from_secs(1);

/// What one host is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Where everything of the act is.
    pub folder: BulkFolder,
    /// What is done.
    pub act: BulkAct,
    /// SHA-256 of the plan, in hexadecimal.
    pub plan: String,
    /// This host.
    pub host: String,
    /// The folder that its shards were delivered to.
    pub shards: PathBuf,
    /// Bytes that S3 copies by one call of a re-wrap; what is longer goes in parts.
    pub largest_copy: u64,
}

/// Does a host's share; `tell` hears how far it is, once a second and at the end. A shard that was begun when it is cancelled, or
/// breaks off, has no result: whoever goes on with the act does it again.
///
/// # Errors
/// When the plan is not the one of this SHA-256, a shard or a part of the map of data keys not the one of the plan: then nothing is
/// done by it. When one of them cannot be read, AWS cannot be asked any more, or a result not be written.
pub async fn work(
    aws: &Aws,
    share: &Share,
    cancel: &CancellationToken,
    tell: &mut (dyn FnMut(&HostProgress) + Send),
) -> Result<HostProgress, Fault> {
    let began = Instant::now();
    let plan = plan_of(aws, &share.folder, &share.plan).await?;
    if plan.act != share.act {
        let cause = format!("it is planned as {}", plan.act.as_str());
        return Err(usage(
            share.act.as_str(),
            share.folder.uri(),
            &cause,
            "give the act of the plan",
        ));
    }
    let folder = share.shards.clone();
    let files = blocking(move || files(&folder)).await?;
    // All of them before anything is done, and each again when it is its turn.
    for file in &files {
        delivered(share, &plan, file.clone()).await?;
    }
    let done = done(aws, &share.folder).await?;
    let todo: Vec<String> = files.iter().filter(|file| !done.contains(*file)).cloned().collect();
    let desk = Desk(Mutex::new(On {
        progress: HostProgress::new(
            share.act,
            share.host.clone(),
            ((files.len() - todo.len()) as u64, files.len() as u64),
        ),
        shards: VecDeque::new(),
        seen: Vec::new(),
    }));
    let now = || HostProgress {
        seconds: (began.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        ..desk.lock().progress.clone()
    };
    let mut ticks = tokio::time::interval(TELLING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut all = Box::pin(async {
        let change = match (&plan.seal, &plan.rewrap) {
            (Some(spec), _) => Change::Seal(spec),
            (None, Some(planned)) => Change::Rewrap(planned),
            (None, None) => return shards(aws, share, &plan, todo, &desk, cancel).await,
        };
        changed_shards(aws, share, (&plan, change), todo, &desk, cancel).await
    });
    let ended = loop {
        tokio::select! {
            biased;
            ended = &mut all => break ended,
            _ = ticks.tick() => tell(&now()),
        }
    };
    tell(&now());
    ended.map(|()| now())
}

/// What is on the desk: how far it is, and shards that were begun.
struct On {
    progress: HostProgress,
    shards: VecDeque<Shard>,
    /// Of the first of them.
    seen: Vec<Option<SeenRow>>,
}

struct Desk(Mutex<On>);

impl Desk {
    fn lock(&self) -> MutexGuard<'_, On> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more was changed, of so many bytes, well or not; or it was gone.
    fn changed(&self, told: Option<(u64, bool)>) {
        let progress = &mut self.lock().progress;
        progress.objects += 1;
        if let Some((bytes, is_well)) = told {
            progress.bytes += bytes;
            progress.failed += u64::from(!is_well);
        }
    }

    /// One more was looked at; the shard that is done now, if one is.
    fn take(&self, seen: Option<SeenRow>) -> Option<(Shard, Vec<Option<SeenRow>>)> {
        let mut on = self.lock();
        on.progress.objects += 1;
        if let Some(seen) = &seen {
            on.progress.bytes += seen.row.size;
            on.progress.failed += u64::from(seen.row.unread.is_some());
        }
        on.seen.push(seen);
        let is_done = on
            .shards
            .front()
            .is_some_and(|shard| shard.listed.len() == on.seen.len());
        let shard = if is_done { on.shards.pop_front() } else { None };
        shard.map(|shard| (shard, std::mem::take(&mut on.seen)))
    }
}

async fn shards(
    aws: &Aws,
    share: &Share,
    plan: &BulkPlan,
    todo: Vec<String>,
    desk: &Desk,
    cancel: &CancellationToken,
) -> Result<(), Fault> {
    // What cannot be written makes all further work useless.
    let cancel = cancel.child_token();
    let (silent, open) = (ProgressSink::none(), OpenOptions::default());
    let deep = plan.deep.then(|| Deep::new(aws, &open, &silent, &cancel));
    let look = Look::new(aws, &plan.bucket, deep);
    let (finished, mut results) = mpsc::unbounded_channel();
    let pages: Pages<'_> = Box::pin(stream::iter(todo).then(|file| async move {
        let shard = delivered(share, plan, file).await?;
        let listed = shard.listed.clone();
        if !listed.is_empty() {
            desk.lock().shards.push_back(shard);
        }
        Ok(listed)
    }));
    let doing = async {
        let mut take = move |seen| {
            if let Some(done) = desk.take(seen) {
                // Whoever writes has failed, and says so.
                let _ = finished.send(done);
            }
            Ok(())
        };
        flow(&look, pages, &cancel, &mut take).await
    };
    let writing = async {
        while let Some((shard, seen)) = results.recv().await {
            let written = match write(&share.folder, &shard, &seen) {
                Ok(text) => put(aws, &share.folder, &shard, text).await,
                Err(fault) => Err(fault),
            };
            if written.is_err() {
                cancel.cancel();
                return written;
            }
            desk.lock().progress.shards_done += 1;
        }
        Ok(())
    };
    let (flowed, written) = futures::join!(doing, writing);
    written?;
    wholly(share, flowed?.ended)
}

/// What is done to each object of a shard.
#[derive(Clone, Copy)]
enum Change<'a> {
    Seal(&'a SealSpec),
    Rewrap(&'a RewrapPlan),
}

/// One shard after the other, each as one machine does a list of its objects.
async fn changed_shards(
    aws: &Aws,
    share: &Share,
    (plan, change): (&BulkPlan, Change<'_>),
    todo: Vec<String>,
    desk: &Desk,
    cancel: &CancellationToken,
) -> Result<(), Fault> {
    let rules = plan.uploads.iter().map(|(bucket, settings)| UploadRule {
        buckets: bucket.clone(),
        settings: settings.clone(),
    });
    let carrying = aws.with_uploads(rules.collect());
    for file in todo {
        let shard = delivered(share, plan, file).await?;
        let text = match change {
            Change::Seal(spec) => Box::pin(sealed(&carrying, share, spec, &shard, desk, cancel)).await?,
            Change::Rewrap(planned) => Box::pin(rewrapped(&carrying, share, planned, &shard, desk, cancel)).await?,
        };
        put(aws, &share.folder, &shard, text).await?;
        desk.lock().progress.shards_done += 1;
    }
    Ok(())
}

/// A shard's objects as they are walked through.
fn walk<'a>(aws: &'a Aws, shard: &Shard, cancel: &'a CancellationToken) -> Walk<'a> {
    Walk {
        aws,
        pages: Box::pin(stream::iter([Ok(shard.listed.clone())])),
        cancel,
    }
}

/// Only what is whole has a result.
fn wholly(share: &Share, ended: Ended) -> Result<(), Fault> {
    match ended {
        Ended::Whole => Ok(()),
        Ended::Stopped => Err(cancelled(share.act.as_str(), share.folder.uri())),
        Ended::BrokeOff(fault) => Err(*fault),
    }
}

/// Under data keys of the shard's own.
async fn sealed(
    aws: &Aws,
    share: &Share,
    spec: &SealSpec,
    shard: &Shard,
    desk: &Desk,
    cancel: &CancellationToken,
) -> Result<Vec<u8>, Fault> {
    let part = Part {
        id: share.folder.id(),
        shard: shard.file.trim_end_matches(".jsonl"),
    };
    let mut rows = Vec::with_capacity(shard.listed.len());
    let mut note = |row: Option<SealRow>| {
        let told = row.as_ref().map(|row| (row.size, row.fault().is_none()));
        desk.changed(told);
        rows.push(row);
        Ok(())
    };
    let silent = ProgressSink::none();
    let ran = run(walk(aws, shard, cancel), spec, Some(part), &silent, &mut note).await?;
    wholly(share, ran.ended)?;
    write_changed(&share.folder, share.act, shard, (&ran.warnings, &rows))
}

/// By the map beside the plan.
async fn rewrapped(
    aws: &Aws,
    share: &Share,
    planned: &RewrapPlan,
    shard: &Shard,
    desk: &Desk,
    cancel: &CancellationToken,
) -> Result<Vec<u8>, Fault> {
    let map = &rewrapping::map_of_shard(aws, &share.folder, planned, shard).await?;
    let silent = ProgressSink::none();
    let mode = RewrapMode {
        largest_copy: share.largest_copy,
        ..RewrapMode::ALL
    };
    let copying = &of_hosts(aws, &planned.spec, (&planned.target, mode), &silent, cancel);
    copying.begin().await?;
    let one = |listed: Listed| async move {
        let mapped = map.of(&listed).ok_or_else(|| {
            let (cause, remedy) = ("the map has no data key of it", "begin the re-wrap anew");
            let object = s3::uri(&planned.spec.bucket, &listed.key);
            Fault::new(FaultKind::Invalid, share.act.as_str(), object, cause, remedy)
        })?;
        copying.copy(mapped, &listed).await
    };
    let mut rows: Vec<Option<RewrapRow>> = Vec::with_capacity(shard.listed.len());
    let mut note = |row: RewrapRow| {
        let is_well = !matches!(row.state, Rewrapped::Refused | Rewrapped::Failed);
        desk.changed(Some((row.size, is_well)));
        rows.push(Some(row));
        Ok(())
    };
    let ended = walk(aws, shard, cancel).through(one, |_, _| {}, &mut note).await?;
    wholly(share, ended)?;
    write_changed(&share.folder, share.act, shard, (&[], &rows))
}

/// A shard as it was delivered, if it is the one of the plan.
async fn delivered(share: &Share, plan: &BulkPlan, file: String) -> Result<Shard, Fault> {
    let path = share.shards.join(&file);
    let bytes =
        blocking(move || std::fs::read(&path).map_err(|error| io_fault("read", path.display(), &error))).await?;
    check_shard(plan, &share.folder, &file, &binding::digest(&bytes))?;
    Shard::read(&file, &bytes)
}

/// The shards in a folder, by name; none is no fault: where there are fewer than hosts, one has none.
fn files(folder: &Path) -> Result<Vec<String>, Fault> {
    let failed = |error: &std::io::Error| io_fault("list", folder.display(), error);
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| failed(&error))?,
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let name = entry.map_err(|error| failed(&error))?.file_name();
        names.extend(name.into_string().ok().filter(|name| name.ends_with(".jsonl")));
    }
    Ok(names.into_iter().collect())
}
