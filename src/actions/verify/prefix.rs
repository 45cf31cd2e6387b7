//! Everything under a prefix, many objects at once.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::{StreamExt, TryStreamExt};

use super::{ACT, Known, PHASE, Run, Wanted};
use crate::actions::empty_place::EmptyPlace;
use crate::actions::faults::cancelled;
use crate::actions::flight::{Flight, Pages};
use crate::actions::tally::Tally;
use crate::actions::unlock::{Among, is_bundle};
use crate::aws::s3;
use crate::domain::bond::Survey;
use crate::domain::{Fault, Location, ObjectFormat, ObjectRow, Reading, Verdict};

impl Run<'_> {
    /// Everything under a prefix, many at once and told in order. What is said of one that was moved waits until all that the
    /// others say was read. Answers how many key objects were passed over.
    pub(super) async fn prefix(
        &self,
        source: &Location,
        (bucket, prefix): (&str, &str),
        tell: &mut (impl FnMut(Verdict) + Send),
    ) -> Result<u64, Fault> {
        let (mut told, mut key_objects, has_objects) = (0_usize, 0_u64, AtomicBool::new(false));
        let mut tell = |verdict: Verdict| {
            if verdict.reading.format() == Some(ObjectFormat::KeyObject) {
                key_objects += 1;
            } else {
                told += 1;
                tell(verdict);
            }
        };
        let tally = Tally::new(self.progress, PHASE);
        let (mut survey, mut waiting) = (Survey::default(), Vec::new());
        let each = |listed| self.under(bucket, prefix, listed, &tally);
        let mut flight = Flight::in_order(self.aws, self.listed((bucket, prefix), &tally, &has_objects), each);
        loop {
            let seen = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(cancelled(ACT, source)),
                seen = flight.next() => seen,
            };
            let Some(seen) = seen else { break };
            let Some((key, verdict, known)) = seen?? else {
                continue;
            };
            match &known.standing {
                Some(standing) => survey.note(&key, standing),
                None if known.is_read => {}
                None => survey.note_unread(&key),
            }
            match known.waits {
                Some(claim) => waiting.push((claim, verdict)),
                None => tell(verdict),
            }
        }
        for (claim, verdict) in waiting {
            let survey = &survey;
            let bond = claim.bond(self.open, Among::Prefix { prefix, survey });
            tell(contradicted(verdict, bond.err()));
        }
        if told > 0 {
            return Ok(key_objects);
        }
        let object = s3::uri(bucket, prefix);
        if !has_objects.load(Ordering::Relaxed) {
            return Err(EmptyPlace::of(self.aws, bucket, &[prefix])
                .await
                .fault(ACT, object, "token"));
        }
        let (cause, remedy) = ("there is no token under it, only what is none", "check the prefix");
        Err(Fault::not_found(ACT, object, cause, remedy))
    }

    /// One of a prefix; nothing of a bundle.
    async fn under(
        &self,
        bucket: &str,
        prefix: &str,
        (key, size): (String, u64),
        tally: &Tally,
    ) -> Result<Option<(String, Verdict, Known)>, Fault> {
        if is_bundle(self.aws, bucket, &key, &self.keyring).await {
            return Ok(None);
        }
        let (place, share) = (Location::s3(bucket, key.as_str()), tally.share(&key));
        let wanted = Wanted {
            source: &place,
            size: Some(size),
            under: Some(prefix),
            progress: &share.sink(),
        };
        let (verdict, known) = self.one(wanted).await?;
        share.end(size);
        Ok(Some((key, verdict, known)))
    }

    /// The objects under a prefix, with their sizes; what consoles write for an empty folder is left out, and only noted in
    /// `has_objects`.
    fn listed<'a>(
        &'a self,
        (bucket, prefix): (&'a str, &'a str),
        tally: &'a Tally,
        has_objects: &'a AtomicBool,
    ) -> Pages<'a, (String, u64)> {
        let list = s3::list_under(self.aws, bucket, prefix).pages();
        let objects = |page: Vec<ObjectRow>| {
            has_objects.fetch_or(!page.is_empty(), Ordering::Relaxed);
            let rows = page.into_iter().filter_map(|row| match row {
                ObjectRow::Object { key, size, .. } if !key.ends_with('/') || size > 0 => Some((key, size)),
                ObjectRow::Object { .. } | ObjectRow::Prefix { .. } => None,
            });
            let rows: Vec<_> = rows.collect();
            tally.listed(rows.len() as u64, rows.iter().map(|(_, size)| size).sum());
            rows
        };
        let end = futures::stream::once(async {
            tally.is_whole();
            Ok(Vec::new())
        });
        // After a list that broke off nothing comes.
        Box::pin(list.map_ok(objects).chain(end))
    }
}

/// What comes of a token that was read, if all others of its prefix contradict what it says of its place.
fn contradicted(verdict: Verdict, why: Option<Fault>) -> Verdict {
    let reading = match (why, verdict.reading) {
        (Some(why), Reading::Intact { format, .. } | Reading::NotIntact { format, .. }) => {
            Reading::NotIntact { format, why }
        }
        (
            Some(why),
            Reading::NotChecked {
                format: Some(format), ..
            },
        ) => Reading::NotIntact { format, why },
        (_, reading) => reading,
    };
    Verdict { reading, ..verdict }
}
