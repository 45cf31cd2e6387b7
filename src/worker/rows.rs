//! Questions about single rows: the most wanted first, a few at once, within the API's budget.
//!
//! Which row is asked about is decided when the call may be made, not before: a row that nobody wants any more by then costs
//! nothing. What was sent is finished and answered, whatever is wanted meanwhile.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::budget::{Api, Budgets};
use super::{Context, broken, schedule};
use crate::actions::Aws;
use crate::app::{Page, Topic};
use crate::aws::{kms, logs, s3, sagemaker};
use crate::domain::{Fault, Job, JobKind, JobProgress};

/// Questions under way at once, by API.
const AT_ONCE: usize = 8;

/// What rows are asked about with.
const APIS: [Api; 4] = [
    Api::DescribeKey,
    Api::HeadObject,
    Api::DescribeTrainingJob,
    Api::DescribeProcessingJob,
];

/// What a job of a kind is described with.
pub(super) fn describing(kind: JobKind) -> Api {
    match kind {
        JobKind::Training => Api::DescribeTrainingJob,
        JobKind::Processing => Api::DescribeProcessingJob,
    }
}

/// What is asked about one by one.
enum Row<'a> {
    Key(&'a str),
    Object { bucket: &'a str, key: &'a str },
    Job(&'a str),
}

impl<'a> Row<'a> {
    /// `None` for all that is no row, which is walked page by page.
    fn of(topic: &'a Topic) -> Option<Self> {
        match topic {
            Topic::Key(arn) => Some(Self::Key(arn)),
            Topic::Object { bucket, key } => Some(Self::Object { bucket, key }),
            Topic::Job(name) => Some(Self::Job(name)),
            Topic::Identity
            | Topic::Keys
            | Topic::KeyPolicy(_)
            | Topic::Who(_)
            | Topic::Grants(_)
            | Topic::Buckets
            | Topic::Objects { .. }
            | Topic::Versions { .. }
            | Topic::Jobs
            | Topic::Log(_)
            | Topic::Files(_)
            | Topic::Roles
            | Topic::Interrupted => None,
        }
    }

    fn api(&self) -> Api {
        match self {
            Self::Key(_) => Api::DescribeKey,
            Self::Object { .. } => Api::HeadObject,
            Self::Job(id) => describing(JobKind::split(id).0),
        }
    }

    /// As it is now, and whether something about it is expected to change by itself.
    async fn look(&self, aws: &Aws, budgets: &Budgets) -> Result<(Page, bool), Fault> {
        match self {
            Self::Key(arn) => Ok((Page::Key(kms::describe_key(aws, arn).await?), false)),
            Self::Object { bucket, key } => Ok((Page::Object(s3::object_row(aws, bucket, key).await?), false)),
            Self::Job(id) => {
                let mut job = sagemaker::describe_job(aws, id).await?;
                if job.detail.as_ref().is_some_and(|detail| detail.is_bulk()) {
                    // Without the right to its log nobody knows.
                    job.progress = progress(aws, &job, budgets).await.unwrap_or_default();
                }
                let active = job.status.is_active();
                Ok((Page::Job(Box::new(job)), active))
            }
        }
    }
}

/// How far a job's hosts are, by the last lines of each.
async fn progress(aws: &Aws, job: &Job, budgets: &Budgets) -> Result<Option<JobProgress>, Fault> {
    let id = job.id();
    let streams = logs::streams(aws, &id).in_turn(|| async {
        budgets.turn(Api::DescribeLogStreams).await.spend();
        Ok(())
    });
    let mut lines = Vec::new();
    for stream in streams.every().await? {
        budgets.turn(Api::GetLogEvents).await.spend();
        lines.extend(logs::last(aws, job.kind, &stream).await?);
    }
    Ok(JobProgress::of(&lines))
}

/// Every queue.
pub(super) struct Rows([(Api, Arc<Line>); APIS.len()]);

impl Default for Rows {
    fn default() -> Self {
        Self(APIS.map(|api| (api, Arc::default())))
    }
}

impl Rows {
    /// Serves each queue by a task.
    pub(super) fn serve(&self, context: &Context, tasks: &mut tokio::task::JoinSet<()>) {
        for (api, line) in &self.0 {
            tasks.spawn(serve(context.clone(), *api, Arc::clone(line)));
        }
    }

    /// From now on these are wanted, the first most; what is no row is given back.
    pub(super) fn want(&self, topics: Vec<Topic>) -> Vec<Topic> {
        let mut wanted: [Vec<Topic>; APIS.len()] = Default::default();
        let mut rest = Vec::new();
        for topic in topics {
            let api = Row::of(&topic).map(|row| row.api());
            match APIS.iter().position(|asked| api == Some(*asked)) {
                Some(index) => wanted[index].push(topic),
                None => rest.push(topic),
            }
        }
        for ((_, line), wanted) in self.0.iter().zip(wanted) {
            line.change(|queue| queue.want(wanted));
        }
        rest
    }

    /// Those that are meant are asked about at once, even if they were before.
    pub(super) fn refresh(&self, is_meant: impl Fn(&Topic) -> bool) {
        for (_, line) in &self.0 {
            line.change(|queue| queue.refresh(&is_meant));
        }
    }
}

/// A queue, and who waits for something in it.
#[derive(Default)]
struct Line {
    queue: Mutex<Queue>,
    changed: Notify,
}

impl Line {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Queue)) {
        change(&mut self.queue());
        self.changed.notify_one();
    }

    /// Waits for the next question, and spends its call.
    async fn next(&self, api: Api, budgets: &Budgets) -> Topic {
        loop {
            let due = self.queue().due(Instant::now());
            match due {
                Some(Duration::ZERO) => {
                    let turn = budgets.turn(api).await;
                    if let Some(topic) = self.queue().next(Instant::now()) {
                        turn.spend();
                        return topic;
                    }
                }
                Some(wait) => tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = self.changed.notified() => {}
                },
                None => self.changed.notified().await,
            }
        }
    }
}

/// Which rows are wanted, and where each stands.
#[derive(Debug, Default)]
struct Queue {
    /// The most wanted first.
    wanted: Vec<Topic>,
    asked: HashMap<Topic, Asked>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    standing: Standing,
    failures: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Sent; to be asked once more if something changed meanwhile.
    UnderWay { again: bool },
    /// Answered; to be asked again then.
    Again(Instant),
    /// Answered for good.
    Settled,
}

impl Queue {
    fn want(&mut self, wanted: Vec<Topic>) {
        let kept: HashSet<&Topic> = wanted.iter().collect();
        let is_under_way = |asked: &Asked| matches!(asked.standing, Standing::UnderWay { .. });
        self.asked
            .retain(|topic, asked| kept.contains(topic) || is_under_way(asked));
        self.wanted = wanted;
    }

    /// How long until there is something to ask.
    fn due(&self, now: Instant) -> Option<Duration> {
        let waits = self
            .wanted
            .iter()
            .filter_map(|topic| match self.asked.get(topic).map(|asked| asked.standing) {
                None => Some(Duration::ZERO),
                Some(Standing::Again(at)) => Some(at.saturating_duration_since(now)),
                Some(Standing::UnderWay { .. } | Standing::Settled) => None,
            });
        waits.min()
    }

    /// The most wanted row that is due; it is under way from now on.
    fn next(&mut self, now: Instant) -> Option<Topic> {
        let is_due = |topic: &&Topic| match self.asked.get(*topic).map(|asked| asked.standing) {
            None => true,
            Some(Standing::Again(at)) => at <= now,
            Some(Standing::UnderWay { .. } | Standing::Settled) => false,
        };
        let topic = self.wanted.iter().find(is_due)?.clone();
        let failures = self.asked.get(&topic).map_or(0, |asked| asked.failures);
        let standing = Standing::UnderWay { again: false };
        self.asked.insert(topic.clone(), Asked { standing, failures });
        Some(topic)
    }

    /// It was answered; how often it has failed now, in a row.
    fn ended(&mut self, topic: &Topic, is_answered: bool) -> u32 {
        let asked = self.asked.get_mut(topic);
        asked.map_or(1, |asked| {
            asked.failures = if is_answered { 0 } else { asked.failures + 1 };
            asked.failures
        })
    }

    /// When it is asked again by itself.
    fn settle(&mut self, topic: &Topic, again: Option<Instant>) {
        let Some(asked) = self.asked.get_mut(topic) else {
            return;
        };
        if asked.standing == (Standing::UnderWay { again: true }) || !self.wanted.contains(topic) {
            self.asked.remove(topic);
        } else {
            asked.standing = again.map_or(Standing::Settled, Standing::Again);
        }
    }

    fn refresh(&mut self, is_meant: impl Fn(&Topic) -> bool) {
        self.asked.retain(|topic, asked| {
            let is_meant = is_meant(topic);
            if let Standing::UnderWay { again } = &mut asked.standing {
                *again |= is_meant;
                return true;
            }
            !is_meant
        });
    }
}

async fn serve(context: Context, api: Api, line: Arc<Line>) {
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            topic = line.next(api, &context.budgets), if under_way.len() < AT_ONCE => {
                under_way.push(ask(&context, &line, topic));
            }
            Some(()) = under_way.next() => {}
        }
    }
}

/// Asks about one row, and says what came of it.
async fn ask(context: &Context, line: &Line, topic: Topic) {
    let answer = async {
        let row = Row::of(&topic).ok_or_else(broken)?;
        row.look(&context.aws().await?, &context.budgets).await
    };
    let answer = AssertUnwindSafe(answer).catch_unwind().await;
    let answer = answer.unwrap_or_else(|_| Err(broken()));
    let failures = line.queue().ended(&topic, answer.is_ok());
    let pause = match &answer {
        Ok((_, active)) => schedule::interval(&topic, *active),
        Err(_) => Some(schedule::backoff(failures)),
    };
    let pause = pause.map(schedule::with_jitter);
    let walk = context.next_walk();
    // Before it may be asked again: who has heard the answer may not want it any more.
    match answer {
        Ok((page, _)) => context.answer(&topic, walk, (true, true), page).await,
        Err(fault) => context.fail(&topic, walk, fault, pause).await,
    }
    line.change(|queue| queue.settle(&topic, pause.map(|pause| Instant::now() + pause)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(names: &str) -> Vec<Topic> {
        names.chars().map(|name| Topic::Job(name.to_string())).collect()
    }

    fn job(name: &str) -> Topic {
        Topic::Job(name.to_owned())
    }

    /// A queue in which these are wanted.
    fn wanting(names: &str) -> Queue {
        let mut queue = Queue::default();
        queue.want(jobs(names));
        queue
    }

    fn asked(queue: &mut Queue) -> String {
        let mut names = String::new();
        while let Some(Topic::Job(name)) = queue.next(Instant::now()) {
            names.push_str(&name);
        }
        names
    }

    #[test]
    fn the_most_wanted_row_is_asked_first_and_none_twice() {
        let mut queue = wanting("abc");
        assert_eq!(queue.next(Instant::now()), Some(job("a")));
        queue.want(jobs("cab"));
        assert_eq!(asked(&mut queue), "cb");
        assert_eq!(queue.due(Instant::now()), None);
    }

    #[test]
    fn what_was_not_sent_is_dropped_once_it_is_not_wanted() {
        let mut queue = wanting("abc");
        queue.next(Instant::now());
        queue.want(jobs("x"));
        assert_eq!(asked(&mut queue), "x");
    }

    #[test]
    fn what_was_sent_is_not_sent_again_by_whoever_comes_back() {
        let mut queue = wanting("a");
        queue.next(Instant::now());
        queue.want(jobs("b"));
        queue.want(jobs("ab"));
        assert_eq!(asked(&mut queue), "b");
    }

    #[test]
    fn an_answer_is_kept_as_long_as_its_row_is_wanted() {
        let mut queue = wanting("a");
        queue.next(Instant::now());
        queue.settle(&job("a"), None);
        queue.want(jobs("ab"));
        assert_eq!(asked(&mut queue), "b");
        queue.want(Vec::new());
        queue.settle(&job("b"), None);
        queue.want(jobs("ab"));
        assert_eq!(asked(&mut queue), "ab");
    }

    #[test]
    fn a_row_that_changes_by_itself_is_asked_again_in_its_time() {
        let now = Instant::now();
        let later = now + Duration::from_secs(3);
        let mut queue = wanting("a");
        queue.next(now);
        queue.settle(&job("a"), Some(later));
        assert_eq!((queue.next(now), queue.due(now)), (None, Some(later - now)));
        assert_eq!(queue.next(later), Some(job("a")));
    }

    #[test]
    fn a_refresh_asks_at_once_and_what_is_under_way_once_more_when_it_has_ended() {
        let mut queue = wanting("ab");
        queue.next(Instant::now());
        queue.settle(&job("a"), None);
        queue.next(Instant::now());
        queue.refresh(|_| true);
        assert_eq!(asked(&mut queue), "a");
        queue.settle(&job("b"), None);
        assert_eq!(asked(&mut queue), "b");
    }

    #[test]
    fn failures_are_counted_until_an_answer() {
        let mut queue = wanting("a");
        for expected in [1, 2] {
            queue.next(Instant::now());
            assert_eq!(queue.ended(&job("a"), false), expected);
            queue.settle(&job("a"), Some(Instant::now()));
        }
        queue.next(Instant::now());
        assert_eq!(queue.ended(&job("a"), true), 0);
    }

    #[tokio::test]
    async fn the_row_with_the_cursor_waits_for_one_call_however_many_were_passed() {
        let (budgets, line) = (Budgets::default(), Line::default());
        let mut sent = Vec::new();
        for row in 0..1000 {
            line.change(|queue| queue.want(vec![job(&row.to_string())]));
            sent.extend(line.next(Api::ListTrainingJobs, &budgets).now_or_never());
        }
        // The burst of a second, and whatever this test took in seconds.
        assert!(sent.len() < 100, "{}", sent.len());
        assert_eq!(line.next(Api::ListTrainingJobs, &budgets).await, job("999"));
    }
}
