//! Operations in flight and ended: how far, how fast, how long still, and what follows. The speed is measured from tick to
//! tick.

use std::borrow::Cow;

use jiff::Timestamp;

use super::continuation::Continuation;
use crate::app::OpId;
use crate::domain::{AwsContext, Fault, Progress, Request};

/// How many ended operations are remembered.
const REMEMBERED: usize = 100;
/// How much the newest second counts in the speed shown.
const NEWEST: f64 = 0.4;

/// One operation.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its id.
    pub id: OpId,
    /// What it does, in words: `encrypt housing.csv to s3://…`.
    pub title: String,
    /// What was asked for.
    pub request: Request,
    /// The context that it was begun in, if that is not the one that is shown.
    pub elsewhere: Option<Box<AwsContext>>,
    /// How far it is.
    pub progress: Progress,
    /// When it began.
    pub started: Timestamp,
    /// Where it stands.
    pub standing: Standing,
    /// Bytes a second, once known.
    pub rate: Option<f64>,
    measured: (Timestamp, u64),
    /// Bytes of the largest of its phases: what was encrypted is not counted again as it is verified.
    moved: u64,
    /// What follows once it has ended.
    pub(in crate::app) continuation: Continuation,
    /// The turn in which the person asked for it.
    pub(in crate::app) turn: u64,
}

/// Where an operation stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// On its way.
    Running,
    /// Told to stop; it cleans up after itself.
    Cancelling,
    /// Done: what came of it.
    Done(Timestamp, String),
    /// Failed, or cancelled.
    Failed(Timestamp, Box<Fault>),
}

impl Operation {
    /// Whether it is still to answer.
    pub fn is_running(&self) -> bool {
        matches!(self.standing, Standing::Running | Standing::Cancelling)
    }

    /// Seconds from its start to its end, once it has ended.
    pub fn took(&self) -> Option<i64> {
        match self.standing {
            Standing::Done(at, _) | Standing::Failed(at, _) => Some((at.as_second() - self.started.as_second()).max(0)),
            Standing::Running | Standing::Cancelling => None,
        }
    }

    /// Bytes a second from start to end, once it has ended; none where nothing was moved, or it was over within a second.
    pub fn average(&self) -> Option<f64> {
        let seconds = self.took().filter(|seconds| *seconds > 0)?;
        (self.moved > 0).then(|| self.moved as f64 / seconds as f64)
    }

    /// Seconds until it is done, as far as the speed tells.
    pub fn seconds_left(&self) -> Option<i64> {
        let rate = self.rate.filter(|rate| *rate >= 1.0)?;
        let left = self.progress.total?.saturating_sub(self.progress.bytes);
        Some((left as f64 / rate).ceil() as i64)
    }

    /// What it does, and where, if that is not the context that is shown.
    pub fn title(&self) -> Cow<'_, str> {
        match &self.elsewhere {
            Some(context) => format!("[{}] {}", context.label(), self.title).into(),
            None => self.title.as_str().into(),
        }
    }

    /// From 0 to 1, if the end is known.
    pub fn share(&self) -> Option<f64> {
        let total = self.progress.total.filter(|total| *total > 0)?;
        Some((self.progress.bytes as f64 / total as f64).clamp(0.0, 1.0))
    }

    fn advance(&mut self, progress: Progress, now: Timestamp) {
        if progress.phase != self.progress.phase || progress.bytes < self.measured.1 {
            self.measured = (now, 0);
            self.rate = None;
        }
        self.moved = self.moved.max(progress.bytes);
        self.progress = progress;
    }

    fn measure(&mut self, now: Timestamp) {
        let (then, bytes) = self.measured;
        let seconds = now.duration_since(then).as_secs_f64();
        if seconds < 0.9 {
            return;
        }
        let newest = self.progress.bytes.saturating_sub(bytes) as f64 / seconds;
        let smooth = |rate: f64| rate * (1.0 - NEWEST) + newest * NEWEST;
        self.rate = Some(self.rate.map_or(newest, smooth));
        self.measured = (now, self.progress.bytes);
    }
}

/// All of them, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Operations {
    list: Vec<Operation>,
    minted: u64,
}

impl Operations {
    /// Those still to answer.
    pub fn running(&self) -> impl DoubleEndedIterator<Item = &Operation> {
        self.list.iter().filter(|operation| operation.is_running())
    }

    /// All that are remembered, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Operation> {
        self.list.iter().rev()
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether nothing was ever started.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Where an operation stands, the newest first; the newest if it is not remembered.
    pub fn row(&self, id: OpId) -> usize {
        self.newest_first()
            .position(|operation| operation.id == id)
            .unwrap_or(0)
    }

    /// The id of the operation in a row, the newest first.
    pub(in crate::app) fn id(&self, row: usize) -> OpId {
        self.newest_first().nth(row).map_or(OpId(0), |operation| operation.id)
    }

    /// The one with this id, if it is remembered.
    pub fn get(&self, id: OpId) -> Option<&Operation> {
        self.list.iter().find(|operation| operation.id == id)
    }

    /// An id that nothing else has.
    pub(in crate::app) fn mint(&mut self) -> OpId {
        self.minted += 1;
        OpId(self.minted)
    }

    pub(in crate::app) fn start(
        &mut self,
        title: String,
        request: Request,
        (continuation, turn): (Continuation, u64),
        now: Timestamp,
    ) -> OpId {
        let id = self.mint();
        self.list.push(Operation {
            id,
            title,
            request,
            elsewhere: None,
            progress: Progress::default(),
            started: now,
            standing: Standing::Running,
            rate: None,
            measured: (now, 0),
            moved: 0,
            continuation,
            turn,
        });
        id
    }

    /// The context that they were begun in is left.
    pub(in crate::app) fn leave(&mut self, context: &AwsContext) {
        for operation in &mut self.list {
            operation.elsewhere.get_or_insert_with(|| Box::new(context.clone()));
        }
    }

    pub(in crate::app) fn advance(&mut self, id: OpId, progress: Progress, now: Timestamp) {
        if let Some(operation) = self.find(id) {
            operation.advance(progress, now);
        }
    }

    pub(in crate::app) fn tick(&mut self, now: Timestamp) {
        let running = self.list.iter_mut().filter(|operation| operation.is_running());
        running.for_each(|operation| operation.measure(now));
    }

    /// True if there was something to cancel.
    pub(in crate::app) fn cancel(&mut self, id: OpId) -> bool {
        let found = self
            .find(id)
            .filter(|operation| operation.standing == Standing::Running);
        if let Some(operation) = found {
            operation.standing = Standing::Cancelling;
            return true;
        }
        false
    }

    /// Ends an operation; what it was, unless it had ended already.
    pub(in crate::app) fn end(&mut self, id: OpId, standing: Standing) -> Option<Operation> {
        let operation = self.find(id)?;
        // Its last steps are not all told of: what is done was moved whole.
        if let (Standing::Done(..), Some(total)) = (&standing, operation.progress.total)
            && operation.moved > 0
        {
            operation.moved = operation.moved.max(total);
        }
        operation.standing = standing;
        operation.rate = None;
        let ended = operation.clone();
        operation.continuation = Continuation::Nothing;
        let excess = self.list.iter().filter(|operation| !operation.is_running()).count();
        if excess > REMEMBERED
            && let Some(oldest) = self.list.iter().position(|operation| !operation.is_running())
        {
            self.list.remove(oldest);
        }
        Some(ended)
    }

    fn find(&mut self, id: OpId) -> Option<&mut Operation> {
        let mut running = self.list.iter_mut().filter(|operation| operation.is_running());
        running.find(|operation| operation.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::JobRequest;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn progress(phase: &str, bytes: u64) -> Progress {
        Progress {
            phase: phase.to_owned(),
            bytes,
            total: Some(1000),
            ..Progress::default()
        }
    }

    fn started() -> (Operations, OpId) {
        let mut operations = Operations::default();
        let request = Request::Job(JobRequest::Stop { name: "j".to_owned() });
        let id = operations.start("stop j".to_owned(), request, (Continuation::Nothing, 0), at(0));
        (operations, id)
    }

    #[test]
    fn the_speed_is_smoothed_and_tells_the_time_left() {
        let (mut operations, id) = started();
        operations.advance(id, progress("uploading", 100), at(0));
        operations.tick(at(1));
        operations.advance(id, progress("uploading", 300), at(1));
        operations.tick(at(2));
        let operation = operations.running().next().unwrap();
        assert_eq!(operation.rate, Some(140.0));
        assert_eq!(operation.seconds_left(), Some(5));
        assert_eq!(operation.share(), Some(0.3));
    }

    #[test]
    fn another_phase_is_another_speed() {
        let (mut operations, id) = started();
        operations.advance(id, progress("downloading", 900), at(0));
        operations.tick(at(1));
        operations.advance(id, progress("verifying", 10), at(1));
        assert_eq!(operations.running().next().unwrap().rate, None);
    }

    #[test]
    fn what_has_ended_tells_how_long_it_took_and_how_fast_it_was_on_average() {
        let (mut operations, id) = started();
        assert_eq!(operations.get(id).unwrap().took(), None);
        operations.advance(id, progress("uploading", 900), at(1));
        operations.advance(id, progress("verifying", 10), at(3));
        operations.end(id, Standing::Done(at(4), String::new()));
        let ended = operations.get(id).unwrap();
        assert_eq!((ended.took(), ended.average()), (Some(4), Some(250.0)));
        let (mut operations, id) = started();
        operations.end(id, Standing::Done(at(0), String::new()));
        let ended = operations.get(id).unwrap();
        assert_eq!((ended.took(), ended.average()), (Some(0), None), "nothing was moved");
    }

    #[test]
    fn an_ended_operation_hears_nothing_more() {
        let (mut operations, id) = started();
        assert!(operations.end(id, Standing::Done(at(1), "done".to_owned())).is_some());
        assert!(operations.end(id, Standing::Running).is_none());
        assert!(!operations.cancel(id));
        assert_eq!(operations.running().count(), 0);
        assert_eq!(operations.len(), 1);
    }
}
