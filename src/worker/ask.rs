//! Topic -> AWS calls -> pages of the answer. Every walk goes to the last page and is shown from the first.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use futures::StreamExt as _;
use jiff::Timestamp;
use tokio::time::Instant;

use super::budget::Api;
use super::{Context, files};
use crate::actions::{Aws, resume};
use crate::app::{Event, Page, Topic};
use crate::aws::{iam, kms, s3, sagemaker, sts};
use crate::domain::{Fault, FaultKind, KeyDetail, ObjectInfo};

use self::jobs::Jobs;
use self::log::Log;

mod jobs;
mod log;

/// Questions about single rows under way at once.
const AT_ONCE: usize = 8;
/// Answers about single rows are gathered this long: the core watches the rest anew after each batch, which drops what
/// is under way.
const GATHER: Duration = Duration::from_millis(300);
/// What a poller remembers from one question to the next.
#[derive(Default)]
pub(super) struct Memory {
    /// Rows not yet answered for good.
    rest: Vec<String>,
    /// What `rest` was at first.
    all: Vec<String>,
    folder: Option<SystemTime>,
    jobs: Jobs,
    log: Log,
}

impl Memory {
    pub(super) fn new(topic: &Topic) -> Self {
        let all = match topic {
            Topic::KeyDetails(arns) => arns.clone(),
            Topic::ObjectInfos { keys, .. } => keys.clone(),
            _ => Vec::new(),
        };
        Self {
            rest: all.clone(),
            all,
            ..Self::default()
        }
    }

    /// Somebody wants to know anew.
    pub(super) fn refresh(&mut self) {
        self.rest.clone_from(&self.all);
        self.folder = None;
        if self.jobs.was_one_page {
            self.jobs.walked = None;
        }
        self.log.rounds = 0;
        self.log.quiet = 0;
    }
}

/// One walk about one topic.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) context: &'a Context,
    pub(super) topic: &'a Topic,
    pub(super) walk: u64,
}

impl Question<'_> {
    /// Answers by events; says whether something about the topic is expected to change by itself.
    pub(super) async fn ask(self, memory: &mut Memory) -> Result<bool, Fault> {
        if let Topic::Files(dir) = self.topic {
            return self.files(dir, memory).await;
        }
        self.context.outlet.send(Event::Asking(self.topic.clone())).await;
        let aws = self.context.aws().await?;
        match self.topic {
            Topic::Identity => self.identity(&aws).await,
            Topic::Keys => self.keys(&aws).await,
            Topic::KeyDetails(_) => self.key_details(&aws, memory).await,
            Topic::KeyPolicy(arn) => {
                self.take(Api::GetKeyPolicy).await;
                let policy = kms::key_policy(&aws, arn).await?;
                self.answer(true, true, Page::KeyPolicy(policy)).await;
                Ok(false)
            }
            Topic::Grants(arn) => self.grants(&aws, arn).await,
            Topic::Buckets => self.buckets(&aws).await,
            Topic::Objects { bucket, prefix } => self.objects(&aws, bucket, prefix).await,
            Topic::ObjectInfos { bucket, .. } => self.object_infos(&aws, bucket, memory).await,
            Topic::Jobs => self.jobs(&aws, &mut memory.jobs).await,
            Topic::Job(name) => {
                self.take(Api::DescribeTrainingJob).await;
                let job = sagemaker::describe_training_job(&aws, name).await?;
                let active = job.status.is_active();
                self.answer(true, true, Page::Job(Box::new(job))).await;
                Ok(active)
            }
            Topic::Log(name) => self.log(&aws, name, &mut memory.log).await,
            Topic::Roles => self.roles(&aws).await,
            Topic::Interrupted => {
                let uploads = resume::interrupted(&aws);
                self.answer(true, true, Page::Interrupted(uploads)).await;
                Ok(false)
            }
            Topic::Files(_) => Ok(false),
        }
    }

    async fn identity(self, aws: &Aws) -> Result<bool, Fault> {
        self.take(Api::CallerIdentity).await;
        let identity = sts::caller_identity(aws).await?;
        self.answer(true, true, Page::Identity(identity)).await;
        Ok(false)
    }

    async fn keys(self, aws: &Aws) -> Result<bool, Fault> {
        let (mut aliases, lacking) = self.aliases(aws).await?;
        let (mut marker, mut first) = (None, true);
        loop {
            self.take(Api::ListKeys).await;
            let mut page = kms::list_keys(aws, marker).await?;
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
            self.fail(fault).await;
        }
        Ok(false)
    }

    /// By key id. Keys are worth showing without their aliases to whoever may not list these, beside the refusal.
    async fn aliases(self, aws: &Aws) -> Result<(HashMap<String, Vec<String>>, Option<Fault>), Fault> {
        let mut aliases: HashMap<String, Vec<String>> = HashMap::new();
        let mut marker = None;
        loop {
            self.take(Api::ListAliases).await;
            let page = match kms::list_aliases(aws, marker).await {
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

    async fn grants(self, aws: &Aws, arn: &str) -> Result<bool, Fault> {
        let (mut marker, mut first) = (None, true);
        loop {
            self.take(Api::ListGrants).await;
            let page = kms::list_grants(aws, arn, marker).await?;
            self.answer(first, page.next.is_none(), Page::Grants(page.rows)).await;
            match page.next {
                Some(next) => (marker, first) = (Some(next), false),
                None => return Ok(false),
            }
        }
    }

    async fn buckets(self, aws: &Aws) -> Result<bool, Fault> {
        let (mut token, mut first) = (None, true);
        loop {
            self.take(Api::ListBuckets).await;
            let page = s3::list_buckets(aws, token).await?;
            self.answer(first, page.next.is_none(), Page::Buckets(page.rows)).await;
            match page.next {
                Some(next) => (token, first) = (Some(next), false),
                None => return Ok(false),
            }
        }
    }

    async fn objects(self, aws: &Aws, bucket: &str, prefix: &str) -> Result<bool, Fault> {
        let (mut token, mut first) = (None, true);
        loop {
            self.take(Api::ListObjects).await;
            let page = s3::list_level(aws, bucket, prefix, token).await?;
            self.answer(first, page.next.is_none(), Page::Objects(page.rows)).await;
            match page.next {
                Some(next) => (token, first) = (Some(next), false),
                None => return Ok(false),
            }
        }
    }

    async fn roles(self, aws: &Aws) -> Result<bool, Fault> {
        let (mut marker, mut first) = (None, true);
        loop {
            self.take(Api::ListRoles).await;
            let page = iam::list_roles(aws, marker).await?;
            self.answer(first, page.next.is_none(), Page::Roles(page.rows)).await;
            match page.next {
                Some(next) => (marker, first) = (Some(next), false),
                None => return Ok(false),
            }
        }
    }

    async fn key_details(self, aws: &Aws, memory: &mut Memory) -> Result<bool, Fault> {
        let budgets = &self.context.budgets;
        let one = async |arn: String| {
            budgets.take(Api::DescribeKey).await;
            let described = kms::describe_key(aws, &arn).await;
            let detail = described.and_then(|key| key.detail.ok_or_else(|| no_detail(&arn)));
            (arn, detail)
        };
        let rows = std::mem::take(&mut memory.rest);
        let asked = futures::stream::iter(rows.iter().cloned().map(one)).buffer_unordered(AT_ONCE);
        let page = |batch: Vec<(String, Result<KeyDetail, Fault>)>| Page::KeyDetails(batch);
        self.batches(asked, page, &mut memory.rest).await
    }

    async fn object_infos(self, aws: &Aws, bucket: &str, memory: &mut Memory) -> Result<bool, Fault> {
        let budgets = &self.context.budgets;
        let one = async |key: String| {
            budgets.take(Api::HeadObject).await;
            let info = s3::object_info(aws, bucket, &key).await;
            (key, info)
        };
        let rows = std::mem::take(&mut memory.rest);
        let asked = futures::stream::iter(rows.iter().cloned().map(one)).buffer_unordered(AT_ONCE);
        let page = |batch: Vec<(String, Result<ObjectInfo, Fault>)>| Page::ObjectInfos(batch);
        self.batches(asked, page, &mut memory.rest).await
    }

    /// Sends rows as they come, gathered; what failed in passing is kept in `rest` and is a fault.
    async fn batches<T>(
        self,
        asked: impl futures::Stream<Item = (String, Result<T, Fault>)>,
        page: impl Fn(Vec<(String, Result<T, Fault>)>) -> Page,
        rest: &mut Vec<String>,
    ) -> Result<bool, Fault> {
        let mut asked = std::pin::pin!(asked);
        let (mut first, mut failed) = (true, None);
        loop {
            let mut batch = Vec::new();
            let send_at = Instant::now() + GATHER;
            let last = loop {
                tokio::select! {
                    row = asked.next() => match row {
                        Some(row) => batch.push(row),
                        None => break true,
                    },
                    () = tokio::time::sleep_until(send_at), if !batch.is_empty() => break false,
                }
            };
            for (name, result) in &batch {
                if let Err(fault) = result
                    && fault.is_unheard()
                {
                    rest.push(name.clone());
                    failed.get_or_insert_with(|| fault.clone());
                }
            }
            self.answer(first, last, page(batch)).await;
            first = false;
            if last {
                return failed.map_or(Ok(false), Err);
            }
        }
    }

    /// A look at the folder's modification time is no question: nothing is said unless it changed.
    async fn files(self, dir: &std::path::Path, memory: &mut Memory) -> Result<bool, Fault> {
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

    async fn take(self, api: Api) {
        self.context.budgets.take(api).await;
    }

    /// Says that the answer lacks something; it is asked for at the usual time again.
    async fn fail(self, fault: Fault) {
        let event = Event::Failed {
            topic: self.topic.clone(),
            walk: self.walk,
            at: Timestamp::now(),
            fault,
            retry_at: None,
        };
        self.context.outlet.send(event).await;
    }

    async fn answer(self, first: bool, last: bool, page: Page) {
        let event = Event::Answer {
            topic: self.topic.clone(),
            walk: self.walk,
            first,
            last,
            at: Timestamp::now(),
            page,
        };
        self.context.outlet.send(event).await;
    }
}

fn no_detail(arn: &str) -> Fault {
    Fault::new(FaultKind::Service, "describe", arn, "the answer has no detail", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_asks_every_row_again_and_short_lists_whole() {
        let arns = vec!["a".to_owned(), "b".to_owned()];
        let mut memory = Memory::new(&Topic::KeyDetails(arns.clone()));
        memory.rest.clear();
        memory.jobs.walked = Some(Instant::now());
        memory.jobs.was_one_page = true;
        memory.refresh();
        assert_eq!(memory.rest, arns);
        assert!(memory.jobs.walked.is_none());
    }
}
