//! Topic -> AWS calls -> pages of the answer. Every walk goes to the last page and is shown from the first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use futures::TryStreamExt as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::budget::Api;
use super::schedule::Cost;
use super::{Context, files};
use crate::actions::{Aws, resume};
use crate::app::{Event, Page, Topic};
use crate::aws::{List, Paged, iam, kms, s3, sts};
use crate::domain::{Fault, FaultKind, KmsKey};

use self::jobs::Jobs;
use self::log::Log;

mod jobs;
mod log;
mod who;

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
            Topic::Identity => {
                let identity = self.call(Api::CallerIdentity, sts::caller_identity(&aws)).await?;
                self.answer(true, true, Page::Identity(identity)).await;
            }
            Topic::Keys => self.keys(&aws).await?,
            Topic::KeyPolicy(arn) => {
                let policy = self.call(Api::GetKeyPolicy, kms::key_policy(&aws, arn)).await?;
                self.answer(true, true, Page::KeyPolicy(policy)).await;
            }
            Topic::Who(arn) => self.who(&aws, arn).await?,
            Topic::Grants(arn) => {
                let grants = kms::list_grants(&aws, arn);
                self.list(Api::ListGrants, grants, Page::Grants).await?;
            }
            Topic::Buckets => {
                let buckets = s3::list_buckets(&aws);
                self.list(Api::ListBuckets, buckets, Page::Buckets).await?;
            }
            Topic::Objects { bucket, prefix } => {
                let level = s3::list_level(&aws, bucket, prefix);
                self.list(Api::ListObjects, level, Page::Objects).await?;
            }
            Topic::Versions { bucket, key } => {
                let versions = s3::kept_versions(&aws, bucket, key);
                let versions = self.call(Api::ListObjectVersions, versions).await?;
                self.answer(true, true, Page::Versions(versions)).await;
            }
            Topic::Jobs => return self.jobs(&aws, &mut memory.jobs).await,
            Topic::Log(name) => return self.log(&aws, name, &mut memory.log).await,
            Topic::Roles => self.list(Api::ListRoles, iam::list_roles(&aws), Page::Roles).await?,
            Topic::Interrupted => {
                let uploads = resume::interrupted(&aws).await;
                self.answer(true, true, Page::Interrupted(uploads)).await;
            }
            // A folder was listed above, and rows are asked about one by one.
            Topic::Files(_) | Topic::Key(_) | Topic::Object { .. } | Topic::Job(_) => {}
        }
        Ok(false)
    }

    /// Keys are worth showing without their aliases to whoever may not list these, beside the refusal.
    async fn keys(&self, aws: &Aws) -> Result<(), Fault> {
        let listed = self.watched(Api::ListAliases, kms::list_aliases(aws));
        let (listed, lacking) = match listed.every().await {
            Ok(aliases) => (aliases, None),
            Err(fault) if fault.kind == FaultKind::Denied => (Vec::new(), Some(fault)),
            Err(fault) => return Err(fault),
        };
        let mut aliases: HashMap<String, Vec<String>> = HashMap::new();
        for alias in listed {
            aliases.entry(alias.key_id).or_default().push(alias.name);
        }
        let named = |mut keys: Vec<KmsKey>| {
            for key in &mut keys {
                key.aliases = aliases.remove(&key.id).unwrap_or_default();
                key.aliases.sort();
            }
            Page::Keys(keys)
        };
        self.list(Api::ListKeys, kms::list_keys(aws), named).await?;
        if let Some(fault) = lacking {
            // The answer lacks something; it is asked for at the usual time again.
            self.context.fail(self.topic, self.walk, fault, None).await;
        }
        Ok(())
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

    /// Asks page by page, and answers with each.
    async fn list<'l, T: Send + 'l>(
        &'l self,
        api: Api,
        list: List<'l, T>,
        mut answer: impl FnMut(Vec<T>) -> Page,
    ) -> Result<(), Fault> {
        let mut pages = self.watched(api, list).walk();
        let mut first = true;
        while let Some(Paged { rows, next }) = pages.try_next().await? {
            self.answer(first, next.is_none(), answer(rows)).await;
            first = false;
        }
        Ok(())
    }

    /// A list of which each call is one of ours.
    fn watched<'l, T: Send + 'l>(&'l self, api: Api, list: List<'l, T>) -> List<'l, T> {
        list.in_turn(move || self.turn(api))
    }

    /// One call of AWS.
    async fn call<T>(&self, api: Api, call: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        self.turn(api).await?;
        call.await
    }

    /// A call may be made once it is ours, if anybody still looks.
    async fn turn(&self, api: Api) -> Result<(), Fault> {
        tokio::select! {
            biased;
            () = self.is_over.cancelled() => return Err(unwanted()),
            turn = self.context.budgets.turn(api) => turn.spend(),
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn answer(&self, first: bool, last: bool, page: Page) {
        self.context.answer(self.topic, self.walk, (first, last), page).await;
    }
}

/// The fault of a question that nobody waits for any more.
fn unwanted() -> Fault {
    Fault::cancelled("ask about", "", "nobody looks at it any more", "")
}
