//! Everything under a prefix, many objects at once. What was moved waits until all others were looked at.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::target::{Spot, Target};
use super::{ACT, DecryptReport, DecryptedFile, Object, PHASE, Run};
use crate::actions::ProgressSink;
use crate::actions::download::{AMONG_OTHERS, RANGE, room_for};
use crate::actions::empty_place::EmptyPlace;
use crate::actions::faults::{cancelled, keeping, until_cancelled};
use crate::actions::flight::Flight;
use crate::actions::kinds::no_token;
use crate::actions::tally::Tally;
use crate::actions::unlock::{Among, Claim};
use crate::aws::{s3, transfer};
use crate::domain::bond::Survey;
use crate::domain::{Fault, ObjectFormat, ObjectInfo, ObjectRow};

/// What a look at an object of a prefix came to.
enum Looked {
    /// It becomes no file.
    Passed,
    /// It is an encrypted data key.
    KeyObject,
    Opened(Box<DecryptedFile>),
    /// It was moved: all others must be looked at first.
    Waits,
}

/// Key and size of an object.
pub(super) type Listed = (String, u64);

/// A prefix that is opened.
struct Under<'a> {
    bucket: &'a str,
    prefix: &'a str,
    /// What its objects say of their places.
    survey: Mutex<Survey>,
    tally: Tally,
}

impl Under<'_> {
    fn survey(&self) -> MutexGuard<'_, Survey> {
        self.survey.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run<'_> {
    /// Opens everything under a prefix.
    pub(super) async fn prefix(&self, bucket: &str, prefix: &str) -> Result<DecryptReport, Fault> {
        self.folder()?;
        let objects = self.objects(bucket, prefix).await?;
        if objects.is_empty() {
            let empty = EmptyPlace::of(self.aws, bucket, &[prefix]).await;
            return Err(empty.fault(ACT, self.request.source.to_string(), "token"));
        }
        self.check_names(bucket, prefix, &objects).await?;
        let under = Under {
            bucket,
            prefix,
            survey: Mutex::default(),
            tally: Tally::new(self.progress, PHASE),
        };
        under
            .tally
            .listed(objects.len() as u64, objects.iter().map(|(_, size)| size).sum());
        under.tally.is_whole();
        let mut report = DecryptReport {
            files: Vec::new(),
            failed: Vec::new(),
            key_objects: 0,
        };
        let waiting = self.all(&under, objects, true, &mut report).await?;
        self.all(&under, waiting, false, &mut report).await?;
        if report.files.is_empty() && report.failed.is_empty() {
            let remedy = "check the prefix";
            let (object, cause) = (self.request.source.to_string(), "there is nothing to decrypt under it");
            return Err(Fault::not_found(ACT, object, cause, remedy));
        }
        report.files.sort_by(|one, other| one.source.cmp(&other.source));
        Ok(report)
    }

    /// Opens these objects of a prefix, many at once; at the first look it gives back those that were moved.
    async fn all(
        &self,
        under: &Under<'_>,
        objects: Vec<Listed>,
        is_first: bool,
        report: &mut DecryptReport,
    ) -> Result<Vec<Listed>, Fault> {
        let mut waiting = Vec::new();
        let each = |(key, size): Listed| async move {
            let share = under.tally.share(&key);
            let looked = self.under(under, (&key, size), &share.sink(), is_first).await;
            if !matches!(looked, Ok(Looked::Waits)) {
                share.end(size);
            }
            ((key, size), looked)
        };
        let objects = Box::pin(futures::stream::iter([Ok(objects)]));
        let mut flight = Flight::as_done(self.aws, objects, each);
        while let Some(Ok((object, result))) = flight.next().await {
            match result {
                Ok(Looked::Passed) => {}
                Ok(Looked::KeyObject) => report.key_objects += 1,
                Ok(Looked::Opened(file)) => report.files.push(*file),
                Ok(Looked::Waits) => waiting.push(object),
                Err(fault) => report.failed.push(fault),
            }
            if self.cancel.is_cancelled() {
                let fault = cancelled(ACT, &self.request.source);
                return Err(keeping(fault, report.files.len()));
            }
        }
        Ok(waiting)
    }

    async fn objects(&self, bucket: &str, prefix: &str) -> Result<Vec<Listed>, Fault> {
        let rows = s3::list_under(self.aws, bucket, prefix).every().await?.into_iter();
        let objects = rows.filter_map(|row| match row {
            ObjectRow::Object { key, size, .. } => Some((key, size)),
            ObjectRow::Prefix { .. } => None,
        });
        Ok(objects.collect())
    }

    async fn under(
        &self,
        under: &Under<'_>,
        (key, size): (&str, u64),
        progress: &ProgressSink,
        is_first: bool,
    ) -> Result<Looked, Fault> {
        if self.cancel.is_cancelled() {
            return Ok(Looked::Passed);
        }
        let (bucket, open) = (under.bucket, &self.request.open);
        // Of what must wait for others no more is read than tells that.
        let wants = |info: &ObjectInfo, head: &transfer::Head| {
            let waits = |claim: Claim| is_first && claim.waits(open);
            info.format.is_token() && !Claim::read(bucket, key, &head.metadata).is_ok_and(waits)
        };
        let asked = async {
            let room = room_for(self.aws, Some(size), AMONG_OTHERS).await;
            let beginning = transfer::beginning(self.aws, (bucket, key), Some(size), RANGE, wants).await?;
            Ok((Claim::read(bucket, key, &beginning.head.metadata)?, beginning, room))
        };
        let read = until_cancelled(self.cancel, (ACT, s3::uri(bucket, key)), asked).await;
        let (claim, beginning, _room) = read.inspect_err(|_| under.survey().note_unread(key))?;
        if is_first {
            claim
                .standing()
                .iter()
                .for_each(|standing| under.survey().note(key, standing));
            if claim.waits(open) {
                return Ok(Looked::Waits);
            }
        }
        let (format, length) = (beginning.info.format, beginning.head.length);
        let Some(name) = self.name_of((bucket, under.prefix, key), format, length).await? else {
            let is_key = format == ObjectFormat::KeyObject;
            return Ok(if is_key { Looked::KeyObject } else { Looked::Passed });
        };
        if !format.is_token() {
            return Err(no_token(ACT, s3::uri(bucket, key), format));
        }
        let survey = &under.survey().clone();
        let prefix = under.prefix;
        let bond = claim.bond(open, Among::Prefix { prefix, survey })?;
        let target = Target::File(Spot::below(self.root().await?, Path::new(&name))?);
        let object = Object::new((bucket, key), beginning, AMONG_OTHERS);
        let file = self.object(&object, claim, bond, &target, progress).await?;
        Ok(Looked::Opened(Box::new(file)))
    }
}
