//! What acts before this one left: lists that never became whole, for whoever wrote one and ended before its plan left files that
//! nothing goes on with; and acts on the same place that are not done.

use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::done;
use super::held::held;
use crate::aws::again::again;
use crate::aws::{Aws, s3, sagemaker, transfer};
use crate::domain::bulk::{BulkFolder, BulkOrder, job_name, shard_file};
use crate::domain::words::counted;
use crate::domain::{Fault, FaultKind, ObjectRow, resume_command};
use crate::printable::shell_word;

/// Who writes a list never pauses for so many seconds.
const PAUSE: i64 = 15 * 60;
/// Acts that are looked at, the newest first.
const MOST: usize = 100;
const AT_ONCE: usize = 16;

/// What was written of a list.
struct Left {
    keys: Vec<String>,
    newest: Option<Timestamp>,
    /// Whether SageMaker says that no job was started with it.
    is_jobless: bool,
}

impl Left {
    fn told(&self, folder: &BulkFolder) -> String {
        let files = counted(self.keys.len(), "file");
        format!("{}: {files} of an act whose list never became whole", folder.uri())
    }

    /// Whether nobody can be writing it any more at this time.
    fn is_over(&self, now: Timestamp) -> bool {
        let age = |at: Timestamp| now.as_second() - at.as_second();
        self.is_jobless && self.newest.is_some_and(|at| age(at) >= PAUSE)
    }
}

/// What is in the folder of an act without a plan; nothing of one that has a plan, or a job.
async fn left(aws: &Aws, folder: &BulkFolder) -> Result<Option<Left>, Fault> {
    let plan = folder.plan();
    if transfer::find(aws, &folder.bucket, &plan).await?.is_some() {
        return Ok(None);
    }
    let rows = s3::list_under(aws, &folder.bucket, &folder.prefix).every().await?;
    let (mut keys, mut newest): (Vec<String>, Option<Timestamp>) = (Vec::new(), None);
    for row in rows {
        let ObjectRow::Object { key, modified, .. } = row else {
            continue;
        };
        if key == plan {
            return Ok(None);
        }
        newest = newest.max(modified);
        keys.push(key);
    }
    if keys.is_empty() {
        return Ok(None);
    }
    let name = job_name(folder.id(), 1);
    let is_jobless = match again(|| sagemaker::describe_processing_job(aws, &name)).await {
        Ok(_) => return Ok(None),
        Err(fault) => fault.kind == FaultKind::NotFound,
    };
    Ok(Some(Left {
        keys,
        newest,
        is_jobless,
    }))
}

/// The fault of an act that has no plan, with what was left of it.
pub(super) async fn explained(aws: &Aws, folder: &BulkFolder, fault: Fault) -> Fault {
    let Ok(Some(left)) = left(aws, folder).await else {
        return fault;
    };
    Fault {
        cause: format!("it has no plan; {}", left.told(folder)),
        remedy: "begin the act anew, without --resume: that deletes them once nobody can be writing them any more"
            .to_owned(),
        ..fault
    }
}

/// What was left beside this act by others of the bucket, in words: lists, which are deleted where nobody can be writing them any
/// more at this time, and the same act on the same place, with how to go on with it.
pub(super) async fn swept(aws: &Aws, own: &BulkFolder, order: &BulkOrder, now: Timestamp) -> Vec<String> {
    let Some(all) = own.prefix.strip_suffix(&format!("{}/", own.id())) else {
        return Vec::new();
    };
    // It is no part of what is asked for: who may not list it begins all the same.
    let rows = s3::list_level(aws, &own.bucket, all).every().await.unwrap_or_default();
    let folders = rows.into_iter().filter_map(|row| match row {
        ObjectRow::Prefix { prefix } => Some(BulkFolder {
            bucket: own.bucket.clone(),
            prefix,
        }),
        ObjectRow::Object { .. } => None,
    });
    let mut folders: Vec<BulkFolder> = folders.filter(|folder| began(folder.id()).is_some()).collect();
    folders.sort_by(|one, other| began(other.id()).cmp(&began(one.id())));
    folders.truncate(MOST);
    let told = stream::iter(folders).map(|folder| async move {
        match settled(aws, &folder, now).await {
            None => unfinished(aws, &folder, order).await,
            told => told,
        }
    });
    let told: Vec<Option<String>> = told.buffered(AT_ONCE).collect().await;
    told.into_iter().flatten().collect()
}

/// Day and time that the id of an act begins with; nothing of what one machine notes beside them.
fn began(id: &str) -> Option<(&str, &str)> {
    let is_digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let words: Vec<&str> = id.split('-').collect();
    match words.as_slice() {
        [_, day, time, _] if is_digits(day, 8) && is_digits(time, 6) => Some((day, time)),
        _ => None,
    }
}

/// That this act does the same on the same place and has shards without a result, if it is so.
async fn unfinished(aws: &Aws, folder: &BulkFolder, order: &BulkOrder) -> Option<String> {
    if folder.id().split('-').next() != Some(order.act().as_str()) {
        return None;
    }
    let plan = held(aws, folder).await.ok()?.plan;
    if plan.order().place() != order.place() {
        return None;
    }
    let done = done(aws, folder).await.ok()?;
    let missing = (1..=plan.shards.len()).filter(|number| !done.contains(&shard_file(*number)));
    let shards = match missing.count() {
        0 => return None,
        missing => counted(missing, "shard"),
    };
    let again = resume_command(&plan, folder.id());
    let folder = folder.uri();
    Some(format!(
        "{folder}: an act on the same place that is not done, {shards} to do; {again} goes on with it"
    ))
}

async fn settled(aws: &Aws, folder: &BulkFolder, now: Timestamp) -> Option<String> {
    let left = left(aws, folder).await.ok().flatten()?;
    let told = left.told(folder);
    if !left.is_over(now) {
        let uri = shell_word(folder.uri().as_bytes());
        return Some(format!(
            "{told}; somebody may be writing it still; if nobody is: aws s3 rm --recursive {uri}"
        ));
    }
    Some(match s3::delete_objects(aws, &folder.bucket, &left.keys).await {
        Ok(_) => format!("{told}; deleted now"),
        Err(fault) => format!("{told}; they could not be deleted: {}", fault.cause),
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use strongroom_sandbox::{Options, Sandbox};

    use super::*;
    use crate::config::{Connection, SandboxEndpoint};
    use crate::domain::audit::AuditRequest;

    const BUCKET: &str = "left-lists";

    #[test]
    fn what_was_written_just_now_or_may_have_a_job_is_never_deleted() {
        let now = Timestamp::now();
        let left = |age: i64, is_jobless| Left {
            keys: vec!["k".to_owned()],
            newest: Timestamp::from_second(now.as_second() - age).ok(),
            is_jobless,
        };
        assert!(left(PAUSE, true).is_over(now));
        assert!(!left(PAUSE - 1, true).is_over(now));
        assert!(!left(PAUSE * 100, false).is_over(now));
        let undated = Left {
            newest: None,
            ..left(PAUSE * 100, true)
        };
        assert!(!undated.is_over(now));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_list_without_a_plan_is_kept_for_fourteen_minutes_and_gone_after_sixteen() {
        let options = Options {
            empty: true,
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let connection = Connection {
            sandbox: Some(SandboxEndpoint {
                url: sandbox.endpoint_url().to_owned(),
                region: sandbox.region().to_owned(),
                access_key_id: sandbox.access_key_id().to_owned(),
                secret_access_key: sandbox.secret_access_key().to_owned(),
            }),
            ..Connection::default()
        };
        let aws = Aws::connect(&connection).await.unwrap();
        s3::create_bucket(&aws, BUCKET).await.unwrap();
        let left = BulkFolder::new(BUCKET, "", "audit-20260101-120000-0abc");
        let key = left.shards() + &shard_file(1);
        let written = s3::write_new(&aws, BUCKET, &key, b"{}\n".to_vec(), "application/x-ndjson");
        written.await.unwrap();
        let own = BulkFolder::new(BUCKET, "", "audit-20260102-120000-0abc");
        let order = BulkOrder::Audit(AuditRequest {
            bucket: BUCKET.to_owned(),
            prefix: "data/".to_owned(),
            deep: false,
            versions: false,
        });
        for (minutes, words, files) in [(14, "somebody may be writing it still", 1), (16, "deleted now", 0)] {
            let later = Timestamp::now() + SignedDuration::from_mins(minutes);
            let told = swept(&aws, &own, &order, later).await;
            assert!(told.len() == 1 && told[0].contains(words), "{minutes}: {told:?}");
            let rows = s3::list_under(&aws, BUCKET, &left.prefix).every().await.unwrap();
            assert_eq!(rows.len(), files, "{minutes}");
        }
        sandbox.stop().await;
    }

    #[test]
    fn only_an_id_of_an_act_of_many_hosts_tells_when_it_was_begun() {
        assert_eq!(began("audit-20260101-120000-0abc"), Some(("20260101", "120000")));
        for other in ["rewrap-0f0f0f0f0f0f0f0f", "audit-1", "audit-20260101-1200-0abc", ""] {
            assert_eq!(began(other), None, "{other}");
        }
    }
}
