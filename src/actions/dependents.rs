//! What depends on a key, looked for before it is given up. Bounded, and honest about it: what was not looked at is counted.

use futures::{StreamExt, TryStreamExt};

use super::ProgressSink;
use crate::aws::{Aws, kms, s3, sagemaker};
use crate::domain::{Dependents, Fault, FaultKind, ObjectFormat, ObjectRow};

const AT_ONCE: usize = 8;
/// Pages of training jobs, newest first: a running job is young.
const JOB_PAGES: usize = 3;

/// Looks for grants, aliases, running jobs and objects that need the key.
///
/// # Errors
/// When the key itself cannot be looked up. Whatever else may not be looked at is listed as refused.
pub async fn dependents(
    aws: &Aws,
    key: &str,
    most_buckets: usize,
    most_objects: usize,
    progress: &ProgressSink,
) -> Result<Dependents, Fault> {
    let key = kms::describe_key(aws, key).await?;
    let mut found = Dependents {
        key_arn: key.arn.clone(),
        ..Dependents::default()
    };
    let (last_used, grants, aliases, jobs) = futures::join!(
        kms::last_usage(aws, &key.arn),
        kms::list_grants(aws, &key.arn).every(),
        aliases(aws, &key.id),
        jobs(aws, &key.arn, &key.id)
    );
    // Young, and not everywhere: no answer is no news.
    found.last_used = last_used.ok().flatten();
    take(&mut found.grants, grants, &mut found.refused);
    take(&mut found.aliases, aliases, &mut found.refused);
    take(&mut found.jobs, jobs, &mut found.refused);
    found.incomplete = !found.refused.is_empty();
    match buckets(aws).await {
        Ok(buckets) => {
            found.buckets = buckets.len() as u64;
            found.incomplete |= buckets.len() > most_buckets;
            let mut search = Search {
                aws,
                key_arn: &key.arn,
                key_id: &key.id,
                most_objects,
                progress,
                found: &mut found,
            };
            for bucket in buckets.iter().take(most_buckets) {
                search.bucket(bucket).await;
            }
        }
        Err(fault) => {
            found.incomplete = true;
            found.refused.push(fault);
        }
    }
    Ok(found)
}

struct Search<'a> {
    aws: &'a Aws,
    key_arn: &'a str,
    key_id: &'a str,
    most_objects: usize,
    progress: &'a ProgressSink,
    found: &'a mut Dependents,
}

impl Search<'_> {
    /// Walks one bucket to its end, or until enough objects were looked at in all.
    async fn bucket(&mut self, bucket: &str) {
        let mut pages = s3::list_under(self.aws, bucket, "").walk();
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(fault) => return self.refused(fault),
            };
            let room = self.most_objects.saturating_sub(self.found.objects_seen as usize);
            if page.rows.len() > room {
                self.found.incomplete = true;
            }
            let keys = page.rows.iter().map(ObjectRow::key).take(room);
            let looks = futures::stream::iter(keys.map(str::to_owned)).map(async |key| {
                let info = s3::object_info(self.aws, bucket, &key).await;
                (key, info)
            });
            let looked: Vec<_> = looks.buffered(AT_ONCE).collect().await;
            for (key, info) in looked {
                self.found.objects_seen += 1;
                match info {
                    Ok(info) if info.kms_key_arn.as_deref().is_some_and(|arn| self.is_meant(arn)) => {
                        let found = match info.format {
                            ObjectFormat::KeyObject => &mut self.found.key_objects,
                            _ => &mut self.found.objects,
                        };
                        found.push(s3::uri(bucket, &key));
                    }
                    Ok(_) => {}
                    // Deleted meanwhile.
                    Err(fault) if fault.kind == FaultKind::NotFound => {}
                    Err(fault) => return self.refused(fault),
                }
            }
            self.progress
                .counted("looking at", bucket, (self.found.buckets_seen, self.found.buckets));
            if self.found.objects_seen as usize >= self.most_objects && page.next.is_some() {
                self.found.incomplete = true;
                return;
            }
        }
        self.found.buckets_seen += 1;
    }

    fn is_meant(&self, arn: &str) -> bool {
        arn == self.key_arn || arn.rsplit('/').next() == Some(self.key_id)
    }

    fn refused(&mut self, fault: Fault) {
        self.found.incomplete = true;
        self.found.refused.push(fault);
    }
}

fn take<T>(rows: &mut Vec<T>, answer: Result<Vec<T>, Fault>, refused: &mut Vec<Fault>) {
    match answer {
        Ok(answer) => *rows = answer,
        Err(fault) => refused.push(fault),
    }
}

async fn aliases(aws: &Aws, key_id: &str) -> Result<Vec<String>, Fault> {
    let aliases = kms::list_aliases(aws).every().await?;
    let own = aliases.into_iter().filter(|alias| alias.key_id == key_id);
    Ok(own.map(|alias| alias.name).collect())
}

async fn jobs(aws: &Aws, key_arn: &str, key_id: &str) -> Result<Vec<String>, Fault> {
    let mut found = Vec::new();
    let mut pages = sagemaker::list_training_jobs(aws, None).pages().take(JOB_PAGES);
    while let Some(jobs) = pages.try_next().await? {
        for job in jobs.iter().filter(|job| job.status.is_active()) {
            let described = sagemaker::describe_training_job(aws, &job.name).await?;
            let key = described.detail.as_ref().and_then(|detail| detail.kms_key());
            if key.is_some_and(|key| key == key_arn || key == key_id) {
                found.push(job.name.clone());
            }
        }
    }
    Ok(found)
}

/// The names of all buckets.
pub(super) async fn buckets(aws: &Aws) -> Result<Vec<String>, Fault> {
    let buckets = s3::list_buckets(aws).every().await?;
    Ok(buckets.into_iter().map(|bucket| bucket.name).collect())
}
