//! The training jobs: the whole list once, then by what changed since.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::Question;
use crate::actions::Aws;
use crate::app::Page;
use crate::aws::sagemaker;
use crate::domain::{Fault, TrainingJob};
use crate::worker::budget::Api;
use crate::worker::schedule;

/// A deleted job is in no delta: now and then the list is walked anew, the less often the longer it is.
const WHOLE_LIST: Duration = Duration::from_secs(600);
/// Deltas overlap by this much, for clocks that round.
const OVERLAP: SignedDuration = SignedDuration::from_secs(1);

#[derive(Default)]
pub(super) struct Jobs {
    /// When the whole list is due; at once if never walked.
    pub(super) walk_again: Option<Instant>,
    pub(super) was_one_page: bool,
    newest: Option<Timestamp>,
    active: BTreeSet<String>,
}

impl Jobs {
    /// Where the next delta begins; `None` if the whole list is due.
    fn since(&self, now: Instant) -> Option<Timestamp> {
        let is_fresh = self.walk_again.is_some_and(|due| now < due);
        self.newest.filter(|_| is_fresh)?.checked_sub(OVERLAP).ok()
    }

    fn note(&mut self, rows: &[TrainingJob]) {
        for job in rows {
            if job.status.is_active() {
                self.active.insert(job.name.clone());
            } else {
                self.active.remove(&job.name);
            }
        }
        self.newest = self.newest.max(rows.iter().filter_map(|job| job.modified).max());
    }
}

impl Question<'_> {
    /// The whole list once, then what changed since.
    pub(super) async fn jobs(&self, aws: &Aws, memory: &mut Jobs) -> Result<bool, Fault> {
        let since = memory.since(Instant::now());
        let (mut seen, mut pages) = (Jobs::default(), 0);
        let page = |token| sagemaker::list_training_jobs(aws, since, token);
        let noted = |rows: Vec<TrainingJob>| {
            pages += 1;
            seen.note(&rows);
            if since.is_none() {
                return Page::Jobs(rows);
            }
            memory.note(&rows);
            Page::JobsChanged(rows)
        };
        self.list(Api::ListTrainingJobs, page, noted).await?;
        if since.is_none() {
            *memory = Jobs {
                walk_again: Some(Instant::now() + schedule::whole(WHOLE_LIST, self.cost())),
                was_one_page: pages == 1,
                ..seen
            };
        }
        Ok(!memory.active.is_empty())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::JobStatus;

    fn job(name: &str, status: JobStatus, modified: i64) -> TrainingJob {
        TrainingJob {
            name: name.to_owned(),
            arn: String::new(),
            status,
            secondary: None,
            created: None,
            modified: Some(Timestamp::from_second(modified).unwrap()),
            ended: None,
            detail: None,
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
        assert_eq!(jobs.since(now), Some(Timestamp::from_second(99).unwrap()));
        assert_eq!(jobs.active.len(), 1);
        jobs.note(&[job("b", JobStatus::Failed, 110)]);
        assert!(jobs.active.is_empty());
        assert_eq!(jobs.since(now), Some(Timestamp::from_second(109).unwrap()));
    }

    #[test]
    fn the_whole_list_is_walked_when_nothing_is_known_and_after_ten_minutes() {
        let now = Instant::now();
        assert_eq!(Jobs::default().since(now), None);
        let mut jobs = Jobs {
            walk_again: Some(now + WHOLE_LIST),
            ..Jobs::default()
        };
        assert_eq!(jobs.since(now), None);
        jobs.note(&[job("a", JobStatus::Completed, 100)]);
        assert!(jobs.since(now).is_some());
        assert_eq!(jobs.since(now + WHOLE_LIST), None);
    }
}
