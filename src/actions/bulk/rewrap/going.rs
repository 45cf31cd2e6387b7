//! From the data keys to their objects: each is wrapped anew, then what it opens says so; what could not be done is told of each
//! object.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};

use super::super::each::each;
use super::super::trouble::ends_all;
use super::data_key::{Mapped, changed, no_token};
use super::old_keys::KeyObjects;
use super::scan::Wrapped;
use super::spool::{Chain, Object, Spooled};
use super::{Group, Groups, Run, Told};
use crate::actions::unlock::metadata_of;
use crate::aws::{s3, transfer};
use crate::domain::audit::Ended;
use crate::domain::rewrap::{RewrapRow, Rewrapped};
use crate::domain::{Fault, FaultKind, Progress};

impl Run<'_> {
    /// Some data keys after the others, the next ones while the objects of these are copied; the old key objects, with the digests
    /// of what is in them.
    pub(super) async fn go(&self, groups: Groups, told: &mut Told<'_>) -> Result<(Ended, KeyObjects), Fault> {
        let lanes = groups.lanes();
        let Groups { all: groups, spooled } = groups;
        let (mut old, spooled) = (KeyObjects::default(), &spooled);
        let mut groups = groups.into_iter();
        let mut current = Vec::new();
        loop {
            let next: Vec<Group> = groups
                .by_ref()
                .take(if self.cancel.is_cancelled() { 0 } else { lanes })
                .collect();
            let is_last = next.is_empty();
            let wrapping = next.into_iter().map(|group| async move {
                let anew = self.wrap_anew(&group, spooled).await;
                (group, anew)
            });
            let wrapping = futures::future::join_all(wrapping);
            let (copied, wrapped) =
                futures::join!(self.copy_all((std::mem::take(&mut current), spooled), told), wrapping);
            match copied {
                Err(fault) => return broken_off(told, fault, old),
                Ok(copied) if copied != Ended::Whole || self.cancel.is_cancelled() => return Ok((Ended::Stopped, old)),
                Ok(_) if is_last => return Ok((Ended::Whole, old)),
                Ok(_) => {}
            }
            for (group, anew) in wrapped {
                match anew {
                    Ok(anew) => {
                        told.report.data_keys += 1;
                        let (mapped, objects) = group.mapped(anew);
                        old.note(&mapped);
                        current.push((mapped, objects));
                    }
                    Err(fault) if ends_all(&fault) => return broken_off(told, fault, old),
                    Err(fault) => self.not_wrapped((group, spooled), &fault, told).await?,
                }
            }
        }
    }

    /// Tells of the objects of a data key that could not be wrapped anew. Where that may be because somebody else gave them
    /// another one meanwhile each is looked at again: of those it is told, and not that they may not open.
    pub(super) async fn not_wrapped(
        &self,
        (group, spooled): (Group, &Spooled),
        fault: &Fault,
        told: &mut Told<'_>,
    ) -> Result<(), Fault> {
        let Group {
            wrapped,
            key_objects,
            objects,
        } = group;
        let may_be_others = matches!(fault.kind, FaultKind::Integrity | FaultKind::Conflict);
        let (wrapped, key_objects) = (&wrapped, &key_objects);
        let look = |(key, size): Object| async move {
            let (state, why) = if may_be_others {
                self.stands((wrapped, key_objects), &key, fault).await
            } else {
                (Rewrapped::Failed, Some(fault.to_string()))
            };
            RewrapRow {
                key: key.into(),
                size,
                state,
                why,
            }
        };
        let pages = spooled.pages(objects);
        each(self.aws, pages, self.cancel, look, |row| told.row(row))
            .await
            .map(drop)
    }

    /// How an object stands by now whose data key could not be wrapped anew.
    async fn stands(
        &self,
        (wrapped, key_objects): (&Wrapped, &BTreeSet<String>),
        key: &str,
        fault: &Fault,
    ) -> (Rewrapped, Option<String>) {
        let failed = |fault: &Fault| (Rewrapped::Failed, Some(fault.to_string()));
        let uri = s3::uri(self.bucket(), key);
        let head = match transfer::find(self.aws, self.bucket(), key).await {
            Ok(Some(head)) => head,
            Ok(None) => return (Rewrapped::Gone, None),
            Err(unread) => return failed(&unread),
        };
        match metadata_of(&head.metadata) {
            Ok(Some(metadata)) if wrapped.is_named_by(&metadata, key_objects) => failed(fault),
            Ok(Some(metadata)) if self.is_there(&metadata) => (Rewrapped::Already, None),
            Ok(Some(_)) => failed(&changed(&uri)),
            Ok(None) | Err(_) => failed(&no_token(&uri)),
        }
    }

    async fn copy_all(
        &self,
        (groups, spooled): (Vec<(Mapped, Chain)>, &Spooled),
        told: &mut Told<'_>,
    ) -> Result<Ended, Fault> {
        let pages = groups.iter().map(|(mapped, objects)| {
            let pages = spooled.pages(*objects);
            pages.map_ok(move |page| page.into_iter().map(|object| (mapped, object)).collect::<Vec<_>>())
        });
        let pages = Box::pin(stream::iter(pages).flatten());
        let take = |done: Result<(&Wrapped, RewrapRow), Fault>| {
            let (wrapped, row) = done?;
            told.done(wrapped, row)?;
            let report = &told.report;
            self.progress.report(Progress {
                phase: "re-wrapping".to_owned(),
                item: self.spec.place(),
                bytes: report.done.bytes,
                items: Some((report.done.objects, told.all)),
                ..Progress::default()
            });
            Ok(())
        };
        each(self.aws, pages, self.cancel, |one| self.copied_of(one), take).await
    }

    async fn copied_of<'g>(
        &self,
        (mapped, (key, size)): (&'g Mapped, Object),
    ) -> Result<(&'g Wrapped, RewrapRow), Fault> {
        let row = self.copy(mapped, &key, size).await?;
        Ok((&mapped.wrapped, row))
    }
}

/// Nothing more can be done: the fault of all of it if nothing was, else where it broke off.
fn broken_off<T>(told: &Told<'_>, fault: Fault, so_far: T) -> Result<(Ended, T), Fault> {
    if told.report.done.objects == 0 {
        return Err(fault);
    }
    Ok((Ended::BrokeOff(Box::new(fault)), so_far))
}
