//! What of the lists belongs to the selected key: looked up once for as long as no list, key or reading changes.

use super::State;
use crate::domain::{Job, JobKind, ObjectRow};

/// What it was looked up for.
type Of = ([u64; 4], Option<String>, Option<(String, String)>);

/// Rows that belong to the selected key, by their places in their lists.
#[derive(Debug, Default)]
pub(in crate::app) struct Linked {
    of: Of,
    objects: usize,
    /// The token that was encrypted last, else the first.
    token: Option<usize>,
    jobs: usize,
    /// The newest job.
    newest: Option<usize>,
    /// The newest that reads what was encrypted last, if anything was at this place.
    reading: Option<usize>,
}

impl Linked {
    /// As it is now.
    pub(in crate::app) fn of(state: &State) -> Self {
        Self::default().renewed(state)
    }

    /// The same, unless something has changed.
    pub(super) fn renewed(self, state: &State) -> Self {
        let lists = [
            state.keys.revision(),
            state.objects.revision(),
            state.jobs.revision(),
            state.all_seen.revision(),
        ];
        let key = state.key().map(|key| key.arn.clone());
        let of = (lists, key, state.last_encrypted.clone());
        if self.of == of {
            return self;
        }
        let last = state.last_here();
        let linked = |(_, row): &(usize, &ObjectRow)| state.is_object_linked(row);
        let objects = || state.objects.rows().iter().enumerate().filter(linked);
        let is_token = |row: &ObjectRow| row.info().is_some_and(|info| info.format.is_token());
        let mut tokens = objects().filter(|(_, row)| is_token(row));
        let newest = tokens.clone().find(|(_, row)| last == Some(row.key()));
        let token = newest.or_else(|| tokens.next()).map(|(at, _)| at);
        let read = last.zip(state.place.as_ref());
        let read = read.map(|(key, (bucket, _))| format!("s3://{bucket}/{key}"));
        let reads = |job: &Job| {
            let mut channels = job.detail.iter().flat_map(|detail| &detail.channels);
            let is_read = |uri: &String| channels.any(|channel| uri.starts_with(&channel.uri));
            read.as_ref().is_none_or(is_read)
        };
        let jobs = || {
            state
                .jobs
                .rows()
                .iter()
                .enumerate()
                .filter(|(_, job)| state.is_job_linked(job))
        };
        let newest = |meant: &dyn Fn(&Job) -> bool| {
            let meant = jobs().filter(|(_, job)| meant(job));
            meant.max_by_key(|(_, job)| job.created).map(|(at, _)| at)
        };
        Self {
            objects: objects().count(),
            token,
            jobs: jobs().count(),
            newest: newest(&|_| true),
            reading: newest(&reads),
            of,
        }
    }

    /// How many objects and jobs there are.
    pub(in crate::app) fn counts(&self) -> (usize, usize) {
        (self.objects, self.jobs)
    }

    pub(in crate::app) fn token<'a>(&self, state: &'a State) -> Option<&'a ObjectRow> {
        state.objects.rows().get(self.token?)
    }

    pub(in crate::app) fn newest_job<'a>(&self, state: &'a State) -> Option<&'a Job> {
        state.jobs.rows().get(self.newest?)
    }

    pub(in crate::app) fn reading_job<'a>(&self, state: &'a State) -> Option<&'a Job> {
        state.jobs.rows().get(self.reading?)
    }
}

impl State {
    /// The key of the object that was encrypted last, if that is at the place shown.
    pub(in crate::app) fn last_here(&self) -> Option<&str> {
        let (open, prefix) = self.place.as_ref()?;
        let (bucket, key) = self.last_encrypted.as_ref()?;
        (bucket == open && key.starts_with(prefix.as_str())).then_some(key.as_str())
    }

    /// Whether jobs are listed that are no training jobs.
    pub fn has_processing(&self) -> bool {
        self.kinds.1
    }

    /// What is drawn of long lists is looked up where they have changed.
    pub(super) fn look_up(&mut self) {
        let revision = self.jobs.revision();
        if self.kinds.0 != revision {
            let is_processing = |job: &Job| job.kind == JobKind::Processing;
            self.kinds = (revision, self.jobs.rows().iter().any(is_processing));
        }
    }
}
