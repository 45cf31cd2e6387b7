//! What the walk made and is still there, in the order in which it is taken down. Only what bears the walk's tag is
//! listed; nothing is changed here: every line carries the request that takes it down.

use std::collections::BTreeMap;

use futures::StreamExt;

use super::{ProgressSink, count_bucket, dependents, walk_tag};
use crate::aws::{Aws, ecr, iam, kms, s3, sagemaker};
use crate::domain::policy::role_name;
use crate::domain::words::counted;
use crate::domain::{
    CleanUpItem, Fault, FaultKind, GrantRequest, ImageRequest, JobRequest, JobStatus, KeyRequest, KeyState,
    ObjectRequest, Outcome, Request, RoleRequest,
};

/// The deletion window of a key that clean-up schedules: the longest, which is the one to regret least.
const DAYS: i32 = 30;
const MOST_BUCKETS: usize = 100;
const MOST_OBJECTS: usize = 10_000;
/// Training jobs looked at, newest first.
const MOST_JOBS: usize = 300;

/// Finds everything the walk made. What may not be listed is told; the rest is found all the same.
pub async fn plan_clean_up(aws: &Aws, progress: &ProgressSink) -> Result<Outcome, Fault> {
    let mut plan = Plan {
        aws,
        progress,
        items: Vec::new(),
        refused: Vec::new(),
    };
    plan.jobs().await;
    plan.buckets().await;
    plan.repositories().await;
    plan.roles().await;
    plan.keys().await;
    Ok(Outcome::CleanUpPlan {
        items: plan.items,
        refused: plan.refused,
    })
}

struct Plan<'a> {
    aws: &'a Aws,
    progress: &'a ProgressSink,
    items: Vec<CleanUpItem>,
    refused: Vec<Fault>,
}

impl Plan<'_> {
    async fn jobs(&mut self) {
        self.say("training jobs");
        let (aws, mut seen) = (self.aws, 0);
        let mut pages = sagemaker::list_training_jobs(aws, None).pages();
        while seen < MOST_JOBS
            && let Some(page) = pages.next().await
        {
            let jobs = self.told(page).unwrap_or_default();
            seen += jobs.len();
            for job in jobs.iter().filter(|job| job.status.is_active()) {
                let tag = sagemaker::tag(self.aws, &job.arn, walk_tag::NAME).await;
                if self.told(tag).flatten().is_some() {
                    self.items.push(CleanUpItem {
                        kind: "training job",
                        name: job.name.clone(),
                        state: job.status.as_str().to_owned(),
                        request: (job.status == JobStatus::InProgress)
                            .then(|| Request::Job(JobRequest::Stop { name: job.name.clone() })),
                        refused: None,
                    });
                }
            }
        }
    }

    async fn buckets(&mut self) {
        self.say("buckets");
        let Some(buckets) = self.told(dependents::buckets(self.aws).await) else {
            return;
        };
        for bucket in buckets {
            let tags = s3::bucket_tags(self.aws, &bucket).await;
            if !self.is_ours(tags) {
                continue;
            }
            let found = count_bucket(self.aws, &bucket, &ProgressSink::none()).await;
            let Some(Outcome::BucketCounted(count)) = self.told(found) else {
                continue;
            };
            let versions = match count.older() {
                _ if count.unseen => ", older versions could not be listed".to_owned(),
                0 => String::new(),
                _ => format!(
                    ", {}, {}",
                    counted(count.versions, "older version"),
                    counted(count.markers, "delete marker")
                ),
            };
            self.items.push(CleanUpItem {
                kind: "bucket",
                name: bucket.clone(),
                state: format!("{}{versions}", counted(count.objects, "object")),
                request: Some(Request::Object(ObjectRequest::DeleteBucket {
                    bucket,
                    expected: count.objects,
                    older: count.older(),
                })),
                refused: None,
            });
        }
    }

    async fn repositories(&mut self) {
        self.say("repositories");
        let Some(repositories) = self.told(ecr::repositories(self.aws).await) else {
            return;
        };
        for (name, arn) in repositories {
            let tag = ecr::tag(self.aws, &arn, walk_tag::NAME).await;
            if self.told(tag).flatten().is_some() {
                self.items.push(CleanUpItem {
                    kind: "repository",
                    name: name.clone(),
                    state: "there, with its images".to_owned(),
                    request: Some(Request::Image(ImageRequest::DeleteRepository { repository: name })),
                    refused: None,
                });
            }
        }
    }

    async fn roles(&mut self) {
        self.say("roles");
        let aws = self.aws;
        let mut pages = iam::list_roles(aws).pages();
        while let Some(page) = pages.next().await {
            let roles = self.told(page).unwrap_or_default();
            // AWS's own cannot bear our tag, and there are dozens of them.
            let others = roles
                .iter()
                .filter(|role| !role.arn.contains(":role/aws-service-role/"));
            for role in others {
                let detail = iam::role_detail(self.aws, &role.name).await;
                if self.is_ours(detail.map(|detail| detail.tags)) {
                    self.items.push(CleanUpItem {
                        kind: "role",
                        name: role.name.clone(),
                        state: "there, with its policies".to_owned(),
                        request: Some(Request::Role(RoleRequest::Delete {
                            role: role.name.clone(),
                        })),
                        refused: None,
                    });
                }
            }
        }
    }

    /// Per key: its grants, the key itself, and, a line of its own, its deletion.
    async fn keys(&mut self) {
        self.say("keys");
        let aws = self.aws;
        let mut pages = kms::list_keys(aws).pages();
        while let Some(page) = pages.next().await {
            for key in self.told(page).unwrap_or_default() {
                let tags = kms::key_tags(self.aws, &key.arn).await;
                if self.is_ours(tags) {
                    self.key(&key.arn).await;
                }
            }
        }
    }

    async fn key(&mut self, key_arn: &str) {
        self.say(key_arn);
        let Some(detail) = self
            .told(kms::describe_key(self.aws, key_arn).await)
            .and_then(|key| key.detail)
        else {
            return;
        };
        if detail.state == KeyState::PendingDeletion {
            let until = detail.deletion.map(|at| format!(" until {at}")).unwrap_or_default();
            self.items.push(CleanUpItem {
                kind: "key",
                name: key_arn.to_owned(),
                state: format!("pending deletion{until}"),
                request: None,
                refused: None,
            });
            return;
        }
        let looked = dependents::dependents(self.aws, key_arn, MOST_BUCKETS, MOST_OBJECTS, self.progress).await;
        let Some(found) = self.told(looked) else { return };
        for grant in &found.grants {
            let to = role_name(&grant.grantee);
            self.items.push(CleanUpItem {
                kind: "grant",
                name: grant.name.clone().unwrap_or_else(|| grant.id.clone()),
                state: format!("{} to {to}", grant.operations.join(", ")),
                request: Some(Request::Grant(GrantRequest::Revoke {
                    key_arn: key_arn.to_owned(),
                    grant_id: grant.id.clone(),
                    grantee: grant.grantee.clone(),
                })),
                refused: None,
            });
        }
        let is_on = detail.state == KeyState::Enabled;
        self.items.push(CleanUpItem {
            kind: "key",
            name: key_arn.to_owned(),
            state: detail.state.as_str().to_owned(),
            request: is_on.then(|| {
                Request::Key(KeyRequest::Disable {
                    key_arn: key_arn.to_owned(),
                })
            }),
            refused: None,
        });
        self.refused.extend(found.refused.iter().cloned());
        let unheard = found.refused.iter().find(|fault| fault.is_unheard());
        let mut under = found.objects.iter().chain(&found.key_objects);
        let refused = if let Some(first) = under.next() {
            let many = counted(under.count() + 1, "object");
            Some(format!("{many} can only be opened with it, such as {first}"))
        } else if !found.jobs.is_empty() {
            Some(format!("{} needs it", found.jobs.join(", ")))
        } else {
            unheard.map(|fault| format!("what needs it could not be seen: {}", fault.cause))
        };
        self.items.push(CleanUpItem {
            kind: "key deletion",
            name: key_arn.to_owned(),
            state: found.summary(),
            request: refused.is_none().then(|| {
                Request::Key(KeyRequest::ScheduleDeletion {
                    key_arn: key_arn.to_owned(),
                    days: DAYS,
                })
            }),
            refused,
        });
    }

    /// Whether the walk made what bears these tags. What does not tell them to us is taken for none of ours; that it may be,
    /// and was not looked at, is told once for all that refuses them alike.
    fn is_ours(&mut self, tags: Result<BTreeMap<String, String>, Fault>) -> bool {
        match tags {
            Ok(tags) => tags.contains_key(walk_tag::NAME),
            Err(fault) => {
                let is_told = |told: &Fault| (told.kind, &told.act) == (fault.kind, &fault.act);
                let is_news = fault.kind == FaultKind::Denied && !self.refused.iter().any(is_told);
                if is_news || fault.is_unheard() {
                    self.refused.push(fault);
                }
                false
            }
        }
    }

    fn told<T>(&mut self, answer: Result<T, Fault>) -> Option<T> {
        answer.map_err(|fault| self.refused.push(fault)).ok()
    }

    fn say(&self, item: &str) {
        self.progress.at("looking for", item);
    }
}
