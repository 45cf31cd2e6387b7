//! The same by many hosts: one machine looks at everything and has KMS wrap each data key anew, once in all; then hosts copy, as one
//! machine does, and ask KMS nothing.

use futures::{StreamExt, TryStreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::super::trouble::ends_all;
use super::data_key::Mapped;
use super::spool::{Chain, Object, Spooled};
use super::{ACT, Groups, RewrapMode, Run, Told, old_keys, target};
use crate::actions::ProgressSink;
use crate::actions::faults::cancelled;
use crate::actions::flight::Pages;
use crate::aws::Aws;
use crate::domain::bulk::Listed;
use crate::domain::rewrap::{OldKeyObject, RewrapReport, RewrapRow, RewrapSpec, Rewrapped};
use crate::domain::{Fault, Progress};

/// What hosts need to copy.
pub(in crate::actions::bulk) struct Prepared {
    /// ARN of the KMS key that the data keys are under now.
    pub(in crate::actions::bulk) target: String,
    /// What is told already, for nothing is to be done to it.
    pub(in crate::actions::bulk) rows: Vec<RewrapRow>,
    /// What is no token.
    pub(in crate::actions::bulk) passed_over: u64,
    /// Tokens whose key object holds another data key than their metadata, in words.
    pub(in crate::actions::bulk) differing: Vec<String>,
    /// Every data key, as it was and as it is wrapped now.
    pub(in crate::actions::bulk) map: Vec<Mapped>,
    /// Where the tokens of each are noted, in this order.
    chains: Vec<Chain>,
    spooled: Spooled,
}

impl Prepared {
    /// The tokens, each with the number of its data key, in the order of these.
    pub(in crate::actions::bulk) fn tokens(&self) -> Pages<'_, Listed> {
        let pages = self.chains.iter().enumerate().map(|(number, chain)| {
            let listed = move |(key, size): Object| Listed {
                data_key: Some(number),
                ..Listed::object(key.into(), size)
            };
            let pages = self.spooled.pages(*chain);
            pages.map_ok(move |page| page.into_iter().map(listed).collect::<Vec<_>>())
        });
        Box::pin(stream::iter(pages).flatten())
    }
}

/// Looks at everything, and wraps every data key anew; `listed` in place of what S3 lists.
///
/// # Errors
/// When the KMS key cannot be used, not everything could be listed, or it is cancelled: no object was changed. A data key that cannot be
/// wrapped is told of its objects.
pub(in crate::actions::bulk) async fn prepare(
    aws: &Aws,
    spec: &RewrapSpec,
    listed: Option<Pages<'_, String>>,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Prepared, Fault> {
    let target = target(aws, &spec.to).await?;
    let run = Run::new(aws, spec, target, RewrapMode::ALL, (progress, cancel));
    let mut rows = Vec::new();
    let mut told = Told {
        report: RewrapReport::new(spec, run.target.clone(), false),
        all: 0,
        tell: &mut |row| {
            rows.push(row);
            Ok(())
        },
    };
    let pages = match listed {
        Some(pages) => pages,
        None => super::keys(aws, spec),
    };
    let groups = run.scan(pages, &mut told).await?;
    let (lanes, all) = (groups.lanes(), groups.all.len() as u64);
    let Groups { all: groups, spooled } = groups;
    let (mut map, mut chains) = (Vec::new(), Vec::new());
    let mut groups = groups.into_iter();
    loop {
        progress.report(Progress {
            phase: "wrapping data keys".to_owned(),
            item: spec.place(),
            items: Some((map.len() as u64, all)),
            ..Progress::default()
        });
        if cancel.is_cancelled() {
            return Err(cancelled(ACT, spec.place()));
        }
        let wrapping = groups.by_ref().take(lanes).map(|group| async {
            let anew = run.wrap_anew(&group, &spooled).await;
            (group, anew)
        });
        let wrapped = futures::future::join_all(wrapping).await;
        if wrapped.is_empty() {
            break;
        }
        for (group, anew) in wrapped {
            match anew {
                Ok(anew) => {
                    let (mapped, objects) = group.mapped(anew);
                    chains.push(objects);
                    map.push(mapped);
                }
                Err(fault) if ends_all(&fault) => return Err(fault),
                Err(fault) => run.not_wrapped((group, &spooled), &fault, &mut told).await?,
            }
        }
    }
    let (passed_over, differing) = (told.report.passed_over, told.report.differing_lines());
    Ok(Prepared {
        target: run.target.clone(),
        rows,
        passed_over,
        differing,
        map,
        chains,
        spooled,
    })
}

/// One machine of many: what it does to the objects that it is given.
pub(in crate::actions::bulk) struct Copying<'a>(Run<'a>);

/// A re-wrap whose data keys are wrapped anew under `target` already.
pub(in crate::actions::bulk) fn of_hosts<'a>(
    aws: &'a Aws,
    spec: &'a RewrapSpec,
    (target, mode): (&str, RewrapMode),
    progress: &'a ProgressSink,
    cancel: &'a CancellationToken,
) -> Copying<'a> {
    let how = (progress, cancel);
    Copying(Run::new(aws, spec, target.to_owned(), mode, how))
}

impl Copying<'_> {
    /// Has the object name its data key as it is wrapped now. What another run of the act has done is told as if this one had: it
    /// was under the old one when it was looked at.
    ///
    /// # Errors
    /// When nothing can be done to any other object either.
    pub(in crate::actions::bulk) async fn copy(&self, mapped: &Mapped, listed: &Listed) -> Result<RewrapRow, Fault> {
        let mut row = self.0.copy(mapped, &listed.key, listed.size).await?;
        if row.state == Rewrapped::Already {
            row.state = Rewrapped::Done;
        }
        Ok(row)
    }

    /// Asks the bucket what a copy must keep, before anything is copied.
    ///
    /// # Errors
    /// When that may not be asked.
    pub(in crate::actions::bulk) async fn begin(&self) -> Result<(), Fault> {
        self.0.keeps().await.map(drop)
    }

    /// How many older versions are there; nothing if they may not be listed.
    pub(in crate::actions::bulk) async fn older(&self) -> Option<u64> {
        self.0.older().await
    }

    /// The key objects of these data keys, which stay.
    pub(in crate::actions::bulk) fn old(map: &[Mapped], why: &str) -> Vec<OldKeyObject> {
        let keys = map.iter().flat_map(Mapped::old_key_objects).map(|(key, _)| key);
        let kept = |key| OldKeyObject {
            key,
            kept: Some(why.to_owned()),
        };
        keys.map(kept).collect()
    }

    /// Deletes the key objects of these data keys, and of runs before, that nothing in the bucket names any more, and reports what
    /// became of them; none unless every new key object holds its data key.
    pub(in crate::actions::bulk) async fn delete_old(&self, map: &[Mapped], report: &mut RewrapReport) {
        let mut old = old_keys::KeyObjects::default();
        for mapped in map {
            old.note(mapped);
        }
        old_keys::delete(&self.0, old, report).await;
    }
}
