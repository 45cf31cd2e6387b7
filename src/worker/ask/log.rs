//! The log of one job: from its start, then followed, stream by stream.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;

use super::Question;
use crate::actions::Aws;
use crate::app::Page;
use crate::aws::{logs, sagemaker};
use crate::domain::{Fault, FaultKind, JobKind};
use crate::worker::budget::Api;
use crate::worker::rows::describing;

/// A followed log looks after its job and for new streams only every so many rounds.
const ROUNDS: u32 = 3;
/// Log lines arrive late: rounds without a line before the log of an ended job is taken to be whole.
const QUIET: u32 = 5;

#[derive(Default)]
pub(super) struct Log {
    pub(super) rounds: u32,
    pub(super) quiet: u32,
    ended: bool,
    shown: bool,
    /// Where each stream goes on.
    tokens: BTreeMap<String, Option<String>>,
}

impl Question<'_> {
    pub(super) async fn log(&self, aws: &Aws, job: &str, memory: &mut Log) -> Result<bool, Fault> {
        if memory.rounds.is_multiple_of(ROUNDS) && !memory.ended {
            memory.ended = self.has_ended(aws, job).await?;
        }
        if memory.rounds.is_multiple_of(ROUNDS) || memory.tokens.is_empty() {
            for stream in self.streams(aws, job).await? {
                memory.tokens.entry(stream).or_default();
            }
        }
        let (mut lines, kind) = (0, JobKind::split(job).0);
        let Log { tokens, shown, .. } = &mut *memory;
        for (stream, token) in tokens {
            lines += self.follow(aws, (kind, stream), token, shown).await?;
        }
        self.answer(!memory.shown, true, Page::Log(Vec::new())).await;
        memory.shown = true;
        memory.rounds += 1;
        memory.quiet = if lines == 0 { memory.quiet + 1 } else { 0 };
        Ok(!memory.ended || memory.quiet < QUIET)
    }

    /// Whoever may not look at the job may still read its log: lines that come are then the only sign of life.
    async fn has_ended(&self, aws: &Aws, job: &str) -> Result<bool, Fault> {
        let api = describing(JobKind::split(job).0);
        match self.call(api, sagemaker::describe_job(aws, job)).await {
            Ok(job) => Ok(!job.status.is_active()),
            Err(fault) if fault.kind == FaultKind::Denied => Ok(true),
            Err(fault) => Err(fault),
        }
    }

    /// Before the first line there is neither stream nor, in a young account, group: that is an empty log.
    async fn streams(&self, aws: &Aws, job: &str) -> Result<Vec<String>, Fault> {
        let streams = self.watched(Api::DescribeLogStreams, logs::streams(aws, job));
        match streams.every().await {
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(Vec::new()),
            streams => streams,
        }
    }

    /// Reads a stream to its present end; says how many lines came.
    async fn follow(
        &self,
        aws: &Aws,
        (kind, stream): (JobKind, &str),
        token: &mut Option<String>,
        shown: &mut bool,
    ) -> Result<usize, Fault> {
        let events = self.watched(Api::GetLogEvents, logs::events(aws, kind, stream));
        let (mut pages, mut lines) = (events.after(token.clone()).walk(), 0);
        while let Some(page) = pages.try_next().await? {
            if !page.rows.is_empty() {
                lines += page.rows.len();
                self.answer(!*shown, false, Page::Log(page.rows)).await;
                *shown = true;
            }
            // After the answer, never before: a dropped question must ask for these lines again.
            *token = page.next.or_else(|| token.take());
        }
        Ok(lines)
    }
}
