//! All jobs of a kind: as rows, and in the orders that lists are asked for.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};

use jiff::fmt::serde::timestamp::millisecond;
use tokio_util::sync::CancellationToken;

use super::kind::Kind;
use super::lines::Metric;
use super::phase::{Phase, Status};
use super::{request, seconds};
use crate::api::insert_some;
use crate::disk::lock;
use crate::prelude::*;
use crate::shelf::Shelf;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Transition {
    to: Phase,
    #[serde(with = "millisecond::required")]
    at: Timestamp,
}

/// One job, from its creation on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) name: String,
    /// What it was asked for.
    request: String,
    #[serde(with = "millisecond::required")]
    pub(super) created: Timestamp,
    #[serde(with = "millisecond::required")]
    pub(super) modified: Timestamp,
    /// From its creation on, so never none.
    transitions: Vec<Transition>,
    #[serde(with = "millisecond::optional")]
    pub(super) started: Option<Timestamp>,
    #[serde(with = "millisecond::optional")]
    pub(super) ended: Option<Timestamp>,
    pub(super) failure: Option<String>,
    /// What it left: a training job the URI of its model, a processing job its exit message.
    pub(super) left: Option<String>,
    pub(super) metrics: Vec<Metric>,
    pub(super) tags: BTreeMap<String, String>,
    /// None if it has run before the world was opened.
    #[serde(skip)]
    pub(super) stop: Option<CancellationToken>,
}

impl Job {
    pub(super) fn new(name: &str, request: &Value, tags: BTreeMap<String, String>, now: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            request: request.to_string(),
            created: now,
            modified: now,
            transitions: vec![Transition {
                to: Phase::Starting,
                at: now,
            }],
            started: None,
            ended: None,
            failure: None,
            left: None,
            metrics: Vec::new(),
            tags,
            stop: Some(CancellationToken::new()),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.transitions.last().map_or(Phase::Starting, |last| last.to)
    }

    pub(super) fn status(&self) -> Status {
        self.phase().status()
    }

    /// Enters a phase; one in which the job is over ends it.
    pub(super) fn enter(&mut self, phase: Phase, now: Timestamp) {
        self.modified = now;
        self.transitions.push(Transition { to: phase, at: now });
        if phase.status().is_over() {
            self.ended = Some(now);
        }
    }

    pub(super) fn describe(&self, kind: Kind, place: &Place) -> Result<Value, ApiError> {
        let request: Value = serde_json::from_str(&self.request)
            .map_err(|error| ApiError::new("InternalFailure", error.to_string()).status(500))?;
        let mut answer = request::echo(kind, &request);
        answer[kind.member("JobArn")] = json!(kind.arn(place, &self.name));
        answer[kind.member("JobStatus")] = json!(self.status());
        answer["CreationTime"] = json!(seconds(self.created));
        answer["LastModifiedTime"] = json!(seconds(self.modified));
        insert_some(&mut answer, &kind.member("StartTime"), self.started.map(seconds));
        insert_some(&mut answer, &kind.member("EndTime"), self.ended.map(seconds));
        insert_some(&mut answer, "FailureReason", self.failure.as_ref());
        match kind {
            Kind::Training => self.describe_training(&mut answer),
            Kind::Processing => answer["ExitMessage"] = json!(self.left.as_deref().unwrap_or_default()),
        }
        Ok(answer)
    }

    fn describe_training(&self, answer: &mut Value) {
        answer["SecondaryStatus"] = json!(self.phase());
        answer["SecondaryStatusTransitions"] = self.history();
        if let (Some(ended), Some(started)) = (self.ended, self.started) {
            let billed = ended.duration_since(started).as_secs_f64().ceil().max(1.0) as u64;
            answer["TrainingTimeInSeconds"] = json!(billed);
            answer["BillableTimeInSeconds"] = json!(billed);
        }
        let model = self.left.as_ref().map(|model| json!({ "S3ModelArtifacts": model }));
        insert_some(answer, "ModelArtifacts", model);
        if !self.metrics.is_empty() {
            answer["FinalMetricDataList"] = self.metrics.iter().map(Metric::json).collect();
        }
    }

    /// Each phase ends when the next begins, the last with the job.
    fn history(&self) -> Value {
        let ends = self.transitions.iter().skip(1).map(|next| Some(next.at));
        let row = |(transition, end): (&Transition, Option<Timestamp>)| {
            let mut row = json!({
                "Status": transition.to,
                "StartTime": seconds(transition.at),
                "StatusMessage": transition.to.message(),
            });
            insert_some(&mut row, "EndTime", end.map(seconds));
            row
        };
        self.transitions.iter().zip(ends.chain([self.ended])).map(row).collect()
    }
}

/// All jobs of an account in a region.
pub(crate) struct SageMaker {
    training: Book,
    processing: Book,
}

impl SageMaker {
    /// The jobs there are.
    pub(crate) fn open(place: &Place, clock: &Clock, disk: &Disk) -> Result<Self, DiskError> {
        Ok(Self {
            training: Book::open(Kind::Training, place, clock, disk)?,
            processing: Book::open(Kind::Processing, place, clock, disk)?,
        })
    }

    /// Everything as it is on disk.
    pub(crate) fn restore(&self, disk: &Disk) -> Result<(), DiskError> {
        self.training.restore(disk)?;
        self.processing.restore(disk)
    }

    pub(super) fn of(&self, kind: Kind) -> &Book {
        match kind {
            Kind::Training => &self.training,
            Kind::Processing => &self.processing,
        }
    }
}

/// All jobs of a kind.
pub(super) struct Book {
    pub(super) kind: Kind,
    pub(super) place: Place,
    clock: Clock,
    jobs: Mutex<Jobs>,
}

/// Jobs by name, and names in the other orders.
pub(super) struct Jobs {
    pub(super) rows: Shelf<Box<Job>>,
    pub(super) by_created: BTreeSet<(Timestamp, Arc<str>)>,
    pub(super) by_status: BTreeSet<(Status, Arc<str>)>,
    pub(super) by_modified: BTreeSet<(Timestamp, Arc<str>)>,
}

impl Jobs {
    fn of(rows: Shelf<Box<Job>>) -> Self {
        let names: Vec<Arc<str>> = rows.keys().map(|name| Arc::from(name.as_str())).collect();
        let named = || rows.values().zip(names.iter().cloned());
        Self {
            by_created: named().map(|(job, name)| (job.created, name)).collect(),
            by_status: named().map(|(job, name)| (job.status(), name)).collect(),
            by_modified: named().map(|(job, name)| (job.modified, name)).collect(),
            rows,
        }
    }

    fn insert(&mut self, job: Job) {
        let name: Arc<str> = Arc::from(job.name.as_str());
        self.by_created.insert((job.created, Arc::clone(&name)));
        self.by_status.insert((job.status(), Arc::clone(&name)));
        self.by_modified.insert((job.modified, name));
        self.rows.insert(job.name.clone(), Box::new(job));
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Job)) {
        let Some(before) = self.rows.get(name).map(|job| (job.status(), job.modified)) else {
            return;
        };
        let after = self.rows.change(name, |job| {
            change(job);
            (job.status(), job.modified)
        });
        if let Some((status, modified)) = after.filter(|after| *after != before) {
            let name: Arc<str> = Arc::from(name);
            self.by_status.remove(&(before.0, Arc::clone(&name)));
            self.by_status.insert((status, Arc::clone(&name)));
            self.by_modified.remove(&(before.1, Arc::clone(&name)));
            self.by_modified.insert((modified, name));
        }
    }
}

impl Book {
    /// The jobs there are. Those that were on their way when the world ended have failed by that.
    fn open(kind: Kind, place: &Place, clock: &Clock, disk: &Disk) -> Result<Self, DiskError> {
        let mut jobs = Jobs::of(Shelf::open(&place.table(kind.table()), disk)?);
        let cut: Vec<Arc<str>> = jobs
            .by_status
            .iter()
            .filter(|(status, _)| !status.is_over())
            .map(|(_, name)| Arc::clone(name))
            .collect();
        for name in cut {
            jobs.change(&name, |job| {
                job.failure = Some("InternalServerError: the sandbox ended while the job was running".to_owned());
                job.enter(Phase::Failed, clock.now());
            });
        }
        Ok(Self {
            kind,
            place: place.clone(),
            clock: clock.clone(),
            jobs: Mutex::new(jobs),
        })
    }

    /// Everything as it is on disk. Jobs that are there run on; what was never kept ends.
    fn restore(&self, disk: &Disk) -> Result<(), DiskError> {
        let mut rows: Shelf<Box<Job>> = Shelf::open(&self.place.table(self.kind.table()), disk)?;
        let mut jobs = self.lock();
        for (name, job) in jobs.rows.iter() {
            let is_kept = rows.note(name, |kept| kept.stop.clone_from(&job.stop)).is_some();
            if let Some(stop) = job.stop.as_ref().filter(|_| !is_kept) {
                stop.cancel();
            }
        }
        *jobs = Jobs::of(rows);
        Ok(())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Jobs> {
        lock(&self.jobs)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Adds a job of a new name.
    pub(super) fn add(&self, job: Job) -> Result<(), ApiError> {
        let mut jobs = self.lock();
        if jobs.rows.contains_key(&job.name) {
            return Err(self.kind.taken(&self.place, &job.name));
        }
        jobs.insert(job);
        Ok(())
    }

    /// Looks at a job.
    pub(super) fn look<T>(&self, name: &str, look: impl FnOnce(&Job) -> T) -> Result<T, ApiError> {
        let jobs = self.lock();
        let job = jobs.rows.get(name).ok_or_else(|| self.kind.not_found(name))?;
        Ok(look(job))
    }

    /// Changes a job; jobs are never removed, so it is there.
    pub(super) fn update(&self, name: &str, change: impl FnOnce(&mut Job)) {
        self.lock().change(name, change);
    }
}
