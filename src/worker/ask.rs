//! Topic -> AWS calls -> pages of the answer. Every walk goes to the last page and is shown from the first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::budget::Api;
use super::schedule::Cost;
use super::{Context, cancelled, files};
use crate::actions::{Aws, resume};
use crate::app::{Event, Page, Topic};
use crate::aws::{iam, kms, s3, sts};
use crate::domain::{Fault, FaultKind};

use self::jobs::Jobs;
use self::log::Log;

mod jobs;
mod log;

/// What a poller remembers from one question to the next.
#[derive(Default)]
pub(super) struct Memory {
    folder: Option<SystemTime>,
    jobs: Jobs,
    log: Log,
}

impl Memory {
    /// Somebody wants to know anew.
    pub(super) fn refresh(&mut self) {
        self.folder = None;
        if self.jobs.was_one_page {
            self.jobs.walk_again = None;
        }
        self.log.rounds = 0;
        self.log.quiet = 0;
    }
}

/// One walk about one topic.
pub(super) struct Question<'a> {
    context: &'a Context,
    topic: &'a Topic,
    /// Nobody looks any more.
    is_over: &'a CancellationToken,
    pub(super) walk: u64,
    began: Instant,
    calls: AtomicU32,
}

impl<'a> Question<'a> {
    pub(super) fn new(context: &'a Context, topic: &'a Topic, is_over: &'a CancellationToken) -> Self {
        Self {
            context,
            topic,
            is_over,
            walk: context.next_walk(),
            began: Instant::now(),
            calls: AtomicU32::new(0),
        }
    }

    /// What it has cost until now.
    pub(super) fn cost(&self) -> Cost {
        Cost {
            calls: self.calls.load(Ordering::Relaxed),
            took: self.began.elapsed(),
        }
    }

    /// Answers by events; says whether something about the topic is expected to change by itself. Of a topic that nobody
    /// looks at any more it asks no further.
    pub(super) async fn ask(&self, memory: &mut Memory) -> Result<bool, Fault> {
        if let Topic::Files(dir) = self.topic {
            return self.files(dir, memory).await;
        }
        self.context.outlet.send(Event::Asking(self.topic.clone())).await;
        let aws = self.context.aws().await?;
        match self.topic {
            Topic::Identity => self.identity(&aws).await,
            Topic::Keys => self.keys(&aws).await,
            Topic::KeyPolicy(arn) => {
                let policy = self.call(Api::GetKeyPolicy, kms::key_policy(&aws, arn)).await?;
                self.answer(true, true, Page::KeyPolicy(policy)).await;
                Ok(false)
            }
            Topic::Grants(arn) => self.grants(&aws, arn).await,
            Topic::Buckets => self.buckets(&aws).await,
            Topic::Objects { bucket, prefix } => self.objects(&aws, bucket, prefix).await,
            Topic::Jobs => self.jobs(&aws, &mut memory.jobs).await,
            Topic::Log(name) => self.log(&aws, name, &mut memory.log).await,
            Topic::Roles => self.roles(&aws).await,
            Topic::Interrupted => {
                let uploads = resume::interrupted(&aws);
                self.answer(true, true, Page::Interrupted(uploads)).await;
                Ok(false)
            }
            // A folder was listed above, and rows are asked about one by one.
            Topic::Files(_) | Topic::Key(_) | Topic::Object { .. } | Topic::Job(_) => Ok(false),
        }
    }

    async fn identity(&self, aws: &Aws) -> Result<bool, Fault> {
        let identity = self.call(Api::CallerIdentity, sts::caller_identity(aws)).await?;
        self.answer(true, true, Page::Identity(identity)).await;
        Ok(false)
    }

    async fn keys(&self, aws: &Aws) -> Result<bool, Fault> {
        let (mut aliases, lacking) = self.aliases(aws).await?;
        let (mut marker, mut first) = (None, true);
        loop {
            let mut page = self.call(Api::ListKeys, kms::list_keys(aws, marker)).await?;
            for key in &mut page.rows {
                key.aliases = aliases.remove(&key.id).unwrap_or_default();
                key.aliases.sort();
            }
            self.answer(first, page.next.is_none(), Page::Keys(page.rows)).await;
            match page.next {
                Some(next) => (marker, first) = (Some(next), false),
                None => break,
            }
        }
        if let Some(fault) = lacking {
            // The answer lacks something; it is asked for at the usual time again.
            self.context.fail(self.topic, self.walk, fault, None).await;
        }
        Ok(false)
    }

    /// By key id. Keys are worth showing without their aliases to whoever may not list these, beside the refusal.
    async fn aliases(&self, aws: &Aws) -> Result<(HashMap<String, Vec<String>>, Option<Fault>), Fault> {
        let mut aliases: HashMap<String, Vec<String>> = HashMap::new();
        let mut marker = None;
        loop {
            let page = match self.call(Api::ListAliases, kms::list_aliases(aws, marker)).await {
                Ok(page) => page,
                Err(fault) if fault.kind == FaultKind::Denied => return Ok((aliases, Some(fault))),
                Err(fault) => return Err(fault),
            };
            for alias in page.rows {
                aliases.entry(alias.key_id).or_default().push(alias.name);
            }
            match page.next {
                Some(next) => marker = Some(next),
                None => return Ok((aliases, None)),
            }
        }
    }

    async fn grants(&self, aws: &Aws, arn: &str) -> Result<bool, Fault> {
        let (mut marker, mut first) = (None, true);
        loop {
            let page = self.call(Api::ListGrants, kms::list_grants(aws, arn, marker)).await?;
            self.answer(first, page.next.is_none(), Page::Grants(page.rows)).await;
            match page.next {
                Some(next) => (marker, first) = (Some(next), false),
                None => return Ok(false),
            }
        }
    }

    async fn buckets(&self, aws: &Aws) -> Result<bool, Fault> {
        let (mut token, mut first) = (None, true);
        loop {
            let page = self.call(Api::ListBuckets, s3::list_buckets(aws, token)).await?;
            self.answer(first, page.next.is_none(), Page::Buckets(page.rows)).await;
            match page.next {
                Some(next) => (token, first) = (Some(next), false),
                None => return Ok(false),
            }
        }
    }

    async fn objects(&self, aws: &Aws, bucket: &str, prefix: &str) -> Result<bool, Fault> {
        let (mut token, mut first) = (None, true);
        loop {
            let page = self
                .call(Api::ListObjects, s3::list_level(aws, bucket, prefix, token))
                .await?;
            self.answer(first, page.next.is_none(), Page::Objects(page.rows)).await;
            match page.next {
                Some(next) => (token, first) = (Some(next), false),
                None => return Ok(false),
            }
        }
    }

    async fn roles(&self, aws: &Aws) -> Result<bool, Fault> {
        let (mut marker, mut first) = (None, true);
        loop {
            let page = self.call(Api::ListRoles, iam::list_roles(aws, marker)).await?;
            self.answer(first, page.next.is_none(), Page::Roles(page.rows)).await;
            match page.next {
                Some(next) => (marker, first) = (Some(next), false),
                None => return Ok(false),
            }
        }
    }

    /// A look at the folder's modification time is no question: nothing is said unless it changed.
    async fn files(&self, dir: &std::path::Path, memory: &mut Memory) -> Result<bool, Fault> {
        let changed = files::changed(dir.to_path_buf()).await?;
        if memory.folder == Some(changed) {
            return Ok(false);
        }
        let rows = files::list(dir.to_path_buf()).await?;
        let dir = dir.to_path_buf();
        self.answer(true, true, Page::Files { dir, rows }).await;
        memory.folder = Some(changed);
        Ok(false)
    }

    /// One call of AWS, once it is ours, if anybody still looks.
    async fn call<T>(&self, api: Api, call: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        tokio::select! {
            biased;
            () = self.is_over.cancelled() => return Err(cancelled("ask about", "what nobody looks at")),
            turn = self.context.budgets.turn(api) => turn.spend(),
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        let answer = call.await;
        self.context.budgets.heard(api, &answer);
        answer
    }

    async fn answer(&self, first: bool, last: bool, page: Page) {
        self.context.answer(self.topic, self.walk, (first, last), page).await;
    }
}
