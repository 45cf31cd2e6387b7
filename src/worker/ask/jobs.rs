//! The training and processing jobs: the whole lists once, then by what changed since.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::Question;
use crate::actions::Aws;
use crate::app::Page;
use crate::aws::sagemaker;
use crate::domain::{Fault, FaultKind, Job, JobKind};
use crate::worker::budget::Api;
use crate::worker::schedule;

/// A deleted job is in no delta: now and then the lists are walked anew, the less often the longer they are.
const WHOLE_LIST: Duration = Duration::from_secs(600);
/// Deltas overlap by this much, for clocks that round.
const OVERLAP: SignedDuration = SignedDuration::from_secs(1);

#[derive(Default)]
pub(super) struct Jobs {
    /// When the whole lists are due; at once if never walked.
    pub(super) walk_again: Option<Instant>,
    pub(super) was_one_page: bool,
    training: Newest,
    processing: Newest,
    active: BTreeSet<String>,
    /// Why whoever may see training jobs may not see processing jobs: not asked again until the whole lists are due.
    refused: Option<Fault>,
}

/// When a job of a kind changed last.
type Newest = Option<Timestamp>;

impl Jobs {
    /// Whether only what changed is asked for.
    fn is_fresh(&self, now: Instant) -> bool {
        let is_known = self.training.or(self.processing).is_some();
        is_known && self.walk_again.is_some_and(|due| now < due)
    }

    /// Where the next delta of a kind begins; `None` if its whole list is due.
    fn since(&self, kind: JobKind, now: Instant) -> Option<Timestamp> {
        let newest = match kind {
            JobKind::Training => self.training,
            JobKind::Processing => self.processing,
        };
        newest.filter(|_| self.is_fresh(now))?.checked_sub(OVERLAP).ok()
    }

    /// What is known of the jobs themselves.
    fn known(&self) -> Self {
        Self {
            training: self.training,
            processing: self.processing,
            active: self.active.clone(),
            ..Self::default()
        }
    }

    fn note(&mut self, rows: &[Job]) {
        for job in rows {
            if job.status.is_active() {
                self.active.insert(job.id().into_owned());
            } else {
                self.active.remove(&*job.id());
            }
            let newest = match job.kind {
                JobKind::Training => &mut self.training,
                JobKind::Processing => &mut self.processing,
            };
            *newest = (*newest).max(job.modified);
        }
    }
}

/// What one walk of both lists has come to.
struct Walk {
    is_delta: bool,
    seen: Jobs,
    pages: u32,
    is_first: bool,
}

impl Question<'_> {
    /// The whole lists once, then what changed since. Either is worth showing to whoever may not list the other.
    pub(super) async fn jobs(&self, aws: &Aws, memory: &mut Jobs) -> Result<bool, Fault> {
        let now = Instant::now();
        let is_delta = memory.is_fresh(now);
        let mut walk = Walk {
            is_delta,
            seen: if is_delta { memory.known() } else { Jobs::default() },
            pages: 0,
            is_first: true,
        };
        let [of_training, of_processing] = [JobKind::Training, JobKind::Processing].map(|kind| memory.since(kind, now));
        let training = self.kind(aws, JobKind::Training, of_training, &mut walk).await;
        let lacking = denied(training)?;
        if !walk.is_delta || memory.refused.is_none() {
            let processing = self.kind(aws, JobKind::Processing, of_processing, &mut walk).await;
            memory.refused = denied(processing)?;
        }
        let refused = memory.refused.clone();
        if let (Some(lacking), Some(_)) = (&lacking, &refused) {
            return Err(lacking.clone());
        }
        self.answer(walk.is_first, true, walk.page(Vec::new())).await;
        if let Some(fault) = lacking.or(refused) {
            // The answer lacks something; it is asked for at the usual time again.
            self.context.fail(self.topic, self.walk, fault, None).await;
        }
        if !walk.is_delta {
            memory.walk_again = Some(Instant::now() + schedule::whole(WHOLE_LIST, self.cost()));
            memory.was_one_page = walk.pages <= 2;
        }
        let Jobs {
            training,
            processing,
            active,
            ..
        } = walk.seen;
        (memory.training, memory.processing, memory.active) = (training, processing, active);
        Ok(!memory.active.is_empty())
    }

    /// The jobs of a kind, page by page; the last page of all is another one's.
    async fn kind(&self, aws: &Aws, kind: JobKind, since: Option<Timestamp>, walk: &mut Walk) -> Result<(), Fault> {
        let api = match kind {
            JobKind::Training => Api::ListTrainingJobs,
            JobKind::Processing => Api::ListProcessingJobs,
        };
        let mut pages = self.watched(api, sagemaker::list_jobs(aws, kind, since)).pages();
        while let Some(rows) = pages.try_next().await? {
            walk.pages += 1;
            walk.seen.note(&rows);
            let first = std::mem::take(&mut walk.is_first);
            self.answer(first, false, walk.page(rows)).await;
        }
        Ok(())
    }
}

impl Walk {
    fn page(&self, rows: Vec<Job>) -> Page {
        if self.is_delta {
            Page::JobsChanged(rows)
        } else {
            Page::Jobs(rows)
        }
    }
}

/// The refusal of a list, if it was refused.
fn denied(listed: Result<(), Fault>) -> Result<Option<Fault>, Fault> {
    match listed {
        Ok(()) => Ok(None),
        Err(fault) if fault.kind == FaultKind::Denied => Ok(Some(fault)),
        Err(fault) => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::JobStatus;

    fn job(name: &str, status: JobStatus, modified: i64) -> Job {
        Job {
            modified: Some(Timestamp::from_second(modified).unwrap()),
            ..Job::named(name, status)
        }
    }

    #[test]
    fn a_delta_begins_a_little_before_the_newest_change() {
        let now = Instant::now();
        let mut jobs = Jobs {
            walk_again: Some(now + WHOLE_LIST),
            ..Jobs::default()
        };
        jobs.note(&[job("a", JobStatus::Completed, 100), job("b", JobStatus::InProgress, 90)]);
        assert_eq!(
            jobs.since(JobKind::Training, now),
            Some(Timestamp::from_second(99).unwrap())
        );
        assert_eq!(jobs.active.len(), 1);
        jobs.note(&[job("b", JobStatus::Failed, 110)]);
        assert!(jobs.active.is_empty());
        assert_eq!(
            jobs.since(JobKind::Training, now),
            Some(Timestamp::from_second(109).unwrap())
        );
    }

    #[test]
    fn the_whole_list_is_walked_when_nothing_is_known_and_after_ten_minutes() {
        let now = Instant::now();
        assert_eq!(Jobs::default().since(JobKind::Training, now), None);
        let mut jobs = Jobs {
            walk_again: Some(now + WHOLE_LIST),
            ..Jobs::default()
        };
        assert_eq!(jobs.since(JobKind::Training, now), None);
        jobs.note(&[job("a", JobStatus::Completed, 100)]);
        assert!(jobs.since(JobKind::Training, now).is_some());
        assert_eq!(jobs.since(JobKind::Training, now + WHOLE_LIST), None);
    }
}
