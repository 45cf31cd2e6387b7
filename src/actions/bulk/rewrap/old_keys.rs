//! The key objects of data keys that were re-wrapped: deleted only once all versions in the bucket were read and none names them.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};

use super::super::audit::audit;
use super::Run;
use super::data_key::Mapped;
use crate::actions::encrypted_data_key::MAX_DATA_KEY;
use crate::aws::again::again;
use crate::aws::{s3, transfer};
use crate::domain::audit::{AuditRequest, AuditRow, Ended, KeyUse, Kind};
use crate::domain::rewrap::{OldKeyObject, RewrapReport};
use crate::domain::{Fault, FaultKind};
use crate::envelope::binding;

/// New key objects that are read at once.
const AT_ONCE: usize = 8;

/// The key objects of data keys that were wrapped anew, each with the digest of what is to be in it.
#[derive(Debug, Default)]
pub(super) struct KeyObjects {
    old: BTreeMap<String, String>,
    anew: BTreeMap<String, String>,
}

impl KeyObjects {
    pub(super) fn note(&mut self, mapped: &Mapped) {
        self.old.extend(mapped.old_key_objects());
        let digest = binding::digest(&mapped.anew.ciphertext);
        self.anew.insert(mapped.anew.key_object.clone(), digest);
    }
}

/// Deletes those that nothing names any more, once each data key was found in its new key object as it was wrapped anew: without
/// it what the old one held would be gone. What became of each is reported: what was re-wrapped is so whatever goes wrong here.
pub(super) async fn delete(run: &Run<'_>, KeyObjects { old, anew }: KeyObjects, report: &mut RewrapReport) {
    let (aws, bucket) = (run.aws, run.bucket());
    let mut all = match run.journal.old_key_objects(aws, bucket).await {
        Ok(all) => all,
        Err(fault) => {
            report.not_deleted = Some(Box::new(fault));
            BTreeMap::new()
        }
    };
    all.extend(old);
    let mut told: BTreeMap<String, Option<String>> = BTreeMap::new();
    for (key, digest) in all {
        match why_not_ours(run, &key, &digest).await {
            Ok(Some(why)) => told.insert(key, Some(why)),
            Ok(None) => told.insert(key, None),
            // Gone already.
            Err(fault) if fault.kind == FaultKind::NotFound => None,
            Err(fault) => told.insert(key, Some(format!("it could not be read: {fault}"))),
        };
    }
    if told.values().any(Option::is_none) {
        let why = match (not_kept(run, anew).await, unfinished(run).await) {
            (Some(why), _) => Some(why),
            (None, Ok(0)) => match in_use(run, &mut told).await {
                Ok(why) => why,
                Err(fault) => {
                    let why = format!("what names it could not be found out: {}", fault.cause);
                    report.not_deleted = Some(Box::new(fault));
                    Some(why)
                }
            },
            (None, Ok(uploads)) => Some(format!(
                "{uploads} uploads to the bucket are unfinished, and nobody knows what they will name"
            )),
            (None, Err(fault)) => Some(format!("whether uploads are unfinished could not be read: {fault}")),
        };
        if let Some(why) = why {
            for kept in told.values_mut().filter(|kept| kept.is_none()) {
                *kept = Some(why.clone());
            }
        }
    }
    let gone: Vec<String> = told
        .iter()
        .filter(|(_, kept)| kept.is_none())
        .map(|(key, _)| key.clone())
        .collect();
    if run.cancel.is_cancelled() {
        for kept in told.values_mut().filter(|kept| kept.is_none()) {
            *kept = Some("it was stopped before".to_owned());
        }
    } else if !gone.is_empty() {
        run.progress.at("deleting", format!("{} old key objects", gone.len()));
        if let Err(fault) = s3::delete_objects(aws, bucket, &gone).await {
            for key in gone {
                // Of those that one call names some may be gone.
                if !matches!(transfer::find(aws, bucket, &key).await, Ok(None)) {
                    told.insert(key, Some(format!("it could not be deleted: {}", fault.cause)));
                }
            }
            report.not_deleted = Some(Box::new(fault));
        }
    }
    let told = told.into_iter();
    report.old_key_objects = told.map(|(key, kept)| OldKeyObject { key, kept }).collect();
}

/// Why it is not one that we may take away: an object's metadata can name anything.
async fn why_not_ours(run: &Run<'_>, key: &str, digest: &str) -> Result<Option<String>, Fault> {
    let head = transfer::head(run.aws, run.bucket(), key).await?;
    if !s3::is_kept_by_us(&head.metadata, key) {
        let why = if head.metadata.contains_key(s3::KEY_OBJECT_MARK) {
            "a person gave it its name: others may read it there"
        } else {
            "it has no mark of strongroom's, or has lost it: who wrote it is not known, and others may read it there"
        };
        return Ok(Some(why.to_owned()));
    }
    let bytes = again(|| s3::read_small(run.aws, run.bucket(), key, MAX_DATA_KEY)).await?;
    Ok((binding::digest(&bytes) != digest)
        .then(|| "it holds another data key than the one that was re-wrapped".to_owned()))
}

/// Which new key object does not hold its data key, or could not be read, if one is so.
async fn not_kept(run: &Run<'_>, anew: BTreeMap<String, String>) -> Option<String> {
    let looks = anew.into_iter().map(|(key, digest)| async move {
        let uri = s3::uri(run.bucket(), &key);
        match again(|| s3::read_small(run.aws, run.bucket(), &key, MAX_DATA_KEY)).await {
            Ok(bytes) if binding::digest(&bytes) == digest => None,
            Ok(_) => Some(format!("{uri} does not hold the data key as it was wrapped anew")),
            Err(fault) => Some(format!(
                "whether {uri} holds the data key as it was wrapped anew could not be read: {fault}"
            )),
        }
    });
    let mut looks = stream::iter(looks).buffered(AT_ONCE);
    while let Some(looked) = looks.next().await {
        if looked.is_some() {
            return looked;
        }
    }
    None
}

async fn unfinished(run: &Run<'_>) -> Result<usize, Fault> {
    s3::unfinished_uploads(run.aws, run.bucket())
        .pages()
        .try_fold(0, |sum, page| async move { Ok(sum + page.len()) })
        .await
}

/// Reads every version in the bucket, and notes with those that are named by whom. Why none at all may go, if that is so.
async fn in_use(run: &Run<'_>, told: &mut BTreeMap<String, Option<String>>) -> Result<Option<String>, Fault> {
    let bucket = run.bucket();
    let request = AuditRequest {
        bucket: bucket.to_owned(),
        prefix: String::new(),
        deep: false,
        versions: true,
    };
    let (mut orphaned, mut others) = (Vec::new(), None);
    let root = s3::uri(bucket, "");
    let mut tell = |row: AuditRow| {
        let version = row
            .version
            .as_deref()
            .map(|id| format!(" (version {id})"))
            .unwrap_or_default();
        if let Some(name) = row.data_key_object.as_deref().and_then(|uri| uri.strip_prefix(&root))
            && let Some(kept @ None) = told.get_mut(name)
        {
            *kept = Some(format!("{root}{}{version} names it", row.key));
        }
        if row.kind == Kind::KeyObject && row.key_use == Some(KeyUse::Orphaned) {
            orphaned.push(row.key);
        } else if others.is_none() && may_use(&row) {
            let unread = row
                .unread
                .as_ref()
                .map(|unread| format!(", not read: {}", unread.why))
                .unwrap_or_default();
            others = Some(format!(
                "{root}{}{version} ({}{unread}) may use it without naming it",
                row.key,
                row.kind.as_str()
            ));
        }
        Ok(())
    };
    let summary = audit(run.aws, &request, run.progress, run.cancel, &mut tell).await?;
    match summary.ended {
        Ended::Whole => {}
        Ended::Stopped => return Ok(Some("it was stopped before all versions were read".to_owned())),
        Ended::BrokeOff(fault) => return Ok(Some(format!("not all versions could be read: {fault}"))),
    }
    let reason = others.unwrap_or_else(|| "not everything that may name it could be read".to_owned());
    for (key, kept) in told.iter_mut().filter(|(_, kept)| kept.is_none()) {
        if !orphaned.contains(key) {
            *kept = Some(reason.clone());
        }
    }
    Ok(None)
}

/// Whether something may need a key object without naming it: as the audit has it.
fn may_use(row: &AuditRow) -> bool {
    matches!(
        row.kind,
        Kind::Fernet | Kind::Archive | Kind::ArchiveOfTokens | Kind::Unread | Kind::SseC
    ) || row.kind.is_token() && row.data_key_object.is_none()
}
