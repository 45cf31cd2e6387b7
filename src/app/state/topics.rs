//! What is watched: what is read, what something was done to, what is on screen and near it.

use std::collections::HashSet;

use super::State;
use super::overlay::{Overlay, Subject};
use crate::app::Topic;
use crate::app::table::Row as _;
use crate::domain::Job;

/// Rows beyond the screen that are asked about when their order depends on it, at a time.
const AHEAD: usize = 32;
/// Running jobs that are described again and again.
const DESCRIBED: usize = 8;

impl State {
    /// The topics that are watched.
    pub(in crate::app) fn watched_topics(&self) -> &[Topic] {
        &self.watched
    }

    /// What is wanted, of rows the first most: what is read, what something was done to, what is on screen and near it.
    pub(super) fn topics(&self) -> Vec<Topic> {
        let mut topics = vec![
            Topic::Identity,
            Topic::Keys,
            Topic::Buckets,
            Topic::Jobs,
            Topic::Files(self.dir.clone()),
        ];
        topics.extend(self.grants_of.clone().map(Topic::Grants));
        topics.extend(
            self.place
                .clone()
                .map(|(bucket, prefix)| Topic::Objects { bucket, prefix }),
        );
        topics.extend(self.interrupted.is_none().then_some(Topic::Interrupted));
        for overlay in &self.overlays {
            match overlay {
                Overlay::Form(form) if form.wants_roles() => topics.push(Topic::Roles),
                Overlay::Guide(_) => topics.push(Topic::Roles),
                Overlay::Interrupted(_) => topics.push(Topic::Interrupted),
                Overlay::Who(shown) if shown.is_asked => topics.push(Topic::Who(shown.key_arn.clone())),
                Overlay::Log(log) => topics.push(Topic::Log(log.job.clone())),
                Overlay::Details(details) => match &details.subject {
                    Subject::Key(arn) => topics.push(Topic::KeyPolicy(arn.clone())),
                    Subject::Job(name) => topics.extend([Topic::Job(name.clone()), Topic::Log(name.clone())]),
                    Subject::Object(key) => {
                        let row = self.objects.current().filter(|row| row.key() == *key);
                        topics.extend(row.and_then(|row| self.versions_of(row)));
                    }
                    Subject::Grant(_) | Subject::File(_) => {}
                },
                _ => {}
            }
        }
        topics.extend(self.looked_into());
        topics.extend(self.ask_once.iter().cloned());
        topics.extend(self.rows());
        let mut known = HashSet::new();
        topics.retain(|topic| known.insert(topic.clone()));
        topics
    }

    /// Rows whose details are not known yet, and jobs that run.
    fn rows(&self) -> impl Iterator<Item = Topic> {
        let is_open = |id: &str| !self.refused.contains_key(id);
        let keys = self
            .keys
            .near()
            .chain(self.keys.unknown().filter(move |key| is_open(&key.arn)).take(AHEAD));
        let keys = keys.filter(move |key| !key.is_known() && is_open(&key.arn));
        let objects = self.place.iter().flat_map(move |(bucket, _)| {
            let ahead = self.objects.unknown().filter(move |row| is_open(row.key())).take(AHEAD);
            let unknown = self.objects.near().chain(ahead);
            let unknown = unknown.filter(move |row| !row.is_known() && is_open(row.key()));
            unknown.map(|row| Topic::Object {
                bucket: bucket.clone(),
                key: row.key().to_owned(),
            })
        });
        let is_active = |job: &&Job| job.status.is_active();
        let running = self.jobs.visible().map(|(job, ..)| job).filter(is_active);
        let running = self.jobs.current().filter(is_active).into_iter().chain(running);
        let jobs = self.jobs.near().filter(|job| job.detail.is_none());
        let jobs = jobs
            .chain(running.take(DESCRIBED))
            .filter(move |job| is_open(&job.id()));
        keys.map(|key| Topic::Key(key.arn.clone()))
            .chain(objects)
            .chain(jobs.map(|job| Topic::Job(job.id().into_owned())))
    }
}
