//! A sample of results held against the objects themselves. Whoever may write where results are is believed by the report: a shard
//! is named by its SHA-256 and each of its objects by its key, and both can be read there. So whoever makes the report looks at
//! some objects again, chosen by chance, and names those of which the results say what is not so. One forged line among very many
//! is found by chance alone; results that call a bucket what it is not are found.

use futures::{StreamExt, stream};

use super::super::fate::Judged;
use super::super::judge::Judge;
use super::super::look::Look;
use crate::actions::unlock::metadata_of;
use crate::aws::transfer::Head;
use crate::aws::{Aws, s3, transfer};
use crate::domain::audit::wire::SeenRow;
use crate::domain::audit::{AuditRow, Flaw, Kind};
use crate::domain::bulk::{BulkFolder, Listed};
use crate::domain::rewrap::{RewrapRow, Rewrapped};
use crate::domain::seal::{Before, Fate, Passed, SealRow, SealSpec, Sealed};
use crate::domain::{Fault, FaultKind, ObjectUri};

/// Objects that are looked at again.
const SIZE: usize = 20;
const AT_ONCE: usize = 8;
/// Differences that are named.
const NAMED: usize = 3;
const NOT_GONE: &str = "they say that it was gone, and it is there as it was listed";

/// What the results say of some objects, chosen before the results are read.
pub(super) struct Sample<T> {
    /// Places in the list, the next one last.
    places: Vec<u64>,
    at: u64,
    taken: Vec<(Listed, Option<T>)>,
}

impl<T: Clone> Sample<T> {
    /// Of a list of so many.
    pub(super) fn of(objects: u64) -> Self {
        let mut places: Vec<u64> = match u64::try_from(SIZE) {
            Ok(size) if objects > size => (0..size).map(|_| fastrand::u64(0..objects)).collect(),
            _ => (0..objects).collect(),
        };
        places.sort_unstable_by(|one, other| other.cmp(one));
        places.dedup();
        Self {
            places,
            at: 0,
            taken: Vec::new(),
        }
    }

    /// The next of the list, and what the results say of it.
    pub(super) fn note(&mut self, listed: Listed, said: Option<&T>) {
        if self.places.last() == Some(&self.at) {
            self.places.pop();
            self.taken.push((listed, said.cloned()));
        }
        self.at += 1;
    }
}

/// What came of one that was looked at again.
enum Held {
    /// It is as the results say.
    Holds,
    /// They say nothing that an object could contradict, or it could not be read from here.
    Untold,
    /// It is another by now than they tell of.
    Other,
    /// In words, after its URI and a colon.
    Differs(String),
}

impl Sample<SeenRow> {
    /// How many of an audit hold.
    ///
    /// # Errors
    /// When one is not as the results say.
    pub(super) async fn hold(self, aws: &Aws, folder: &BulkFolder) -> Result<u64, Fault> {
        let look = Look::new(aws, &folder.bucket, None);
        let (look, bucket) = (&look, folder.bucket.as_str());
        let held = stream::iter(self.taken).map(|(listed, said)| async move {
            let key = listed.key.clone();
            (key, looked_at(look, bucket, listed, said).await)
        });
        counted(folder, held.buffered(AT_ONCE).collect().await)
    }
}

impl Sample<SealRow> {
    /// How many of what was sealed, or is said to be left as it is, hold.
    ///
    /// # Errors
    /// When one is not as the results say, or the bucket may not be asked what it keeps.
    pub(super) async fn hold(self, aws: &Aws, folder: &BulkFolder, spec: &SealSpec) -> Result<u64, Fault> {
        let left =
            |(_, said): &(_, Option<SealRow>)| matches!(said.as_ref().map(|row| &row.fate), Some(Fate::PassedOver(_)));
        let judge = if self.taken.iter().any(left) {
            s3::keeps(aws, &spec.bucket).await.ok()
        } else {
            None
        };
        let judge = judge.map(|keeps| Judge::new(aws, spec, keeps));
        let (judge, bucket) = (judge.as_ref(), folder.bucket.as_str());
        let held = stream::iter(self.taken).map(|(listed, said)| async move {
            let held = match said.map(|row| row.fate) {
                Some(Fate::Sealed(sealed)) => token_at(aws, bucket, &listed, &sealed).await,
                Some(Fate::PassedOver(why)) => match judge {
                    Some(judge) if is_as_listed(aws, bucket, &listed).await => {
                        left_as_it_is(aws, (spec, judge), &listed, why).await
                    }
                    Some(_) | None => Held::Untold,
                },
                None if is_as_listed(aws, bucket, &listed).await => Held::Differs(NOT_GONE.to_owned()),
                // That it failed nobody can contradict.
                Some(Fate::Failed(_)) | None => Held::Untold,
            };
            (listed.key, held)
        });
        counted(folder, held.buffered(AT_ONCE).collect().await)
    }
}

impl Sample<RewrapRow> {
    /// How many of what was re-wrapped are under the KMS key that they are to be under.
    ///
    /// # Errors
    /// When one is not as the results say.
    pub(super) async fn hold(self, aws: &Aws, folder: &BulkFolder, target: &str) -> Result<u64, Fault> {
        let held = stream::iter(self.taken).map(|(listed, said)| async move {
            let held = match said.map(|row| row.state) {
                Some(Rewrapped::Done | Rewrapped::Already) => under(aws, &folder.bucket, &listed.key, target).await,
                Some(Rewrapped::Gone) => gone(aws, &folder.bucket, &listed, target).await,
                // Nothing was done to it, as they say.
                Some(Rewrapped::Refused | Rewrapped::Failed) | None => Held::Untold,
            };
            (listed.key, held)
        });
        counted(folder, held.buffered(AT_ONCE).collect().await)
    }
}

/// A token that is under this KMS key, as the results say.
async fn under(aws: &Aws, bucket: &str, key: &str, target: &str) -> Held {
    let head = match transfer::find(aws, bucket, key).await {
        Ok(Some(head)) => head,
        Ok(None) => return Held::Other,
        Err(_) => return Held::Untold,
    };
    match metadata_of(&head.metadata) {
        Ok(Some(metadata)) if metadata.kms_key_id == target => Held::Holds,
        Ok(Some(metadata)) => Held::Differs(format!(
            "they say that it is under {target}, and its token says {}",
            metadata.kms_key_id
        )),
        // It was replaced since.
        Ok(None) | Err(_) => Held::Other,
    }
}

/// A token that was deleted before it could be put under this KMS key, as the results say.
async fn gone(aws: &Aws, bucket: &str, listed: &Listed, target: &str) -> Held {
    let head = match transfer::find(aws, bucket, &listed.key).await {
        Ok(Some(head)) => head,
        Ok(None) => return Held::Holds,
        Err(_) => return Held::Untold,
    };
    match metadata_of(&head.metadata) {
        Ok(Some(metadata)) if metadata.kms_key_id != target && head.length == listed.size => {
            Held::Differs(NOT_GONE.to_owned())
        }
        Ok(_) | Err(_) => Held::Other,
    }
}

fn counted(folder: &BulkFolder, held: Vec<(String, Held)>) -> Result<u64, Fault> {
    let (mut holds, mut others, mut differing) = (0, 0, Vec::new());
    for (key, held) in held {
        match held {
            Held::Holds => holds += 1,
            Held::Other => others += 1,
            Held::Untold => {}
            Held::Differs(how) => differing.push(format!("s3://{}/{key}: {how}", folder.bucket)),
        }
    }
    let remedy = "find out who may write there, and begin it anew";
    if differing.is_empty() && others <= holds {
        return Ok(holds);
    }
    // Whoever forges results need only see to it that no object is as they tell.
    if differing.is_empty() {
        let cause = format!(
            "of {} objects that were looked at again {others} are others by now than its results tell of: they say nothing of \
             what is there",
            holds + others
        );
        return Err(Fault::new(FaultKind::Integrity, "collect", folder.uri(), cause, remedy));
    }
    let (all, looked) = (differing.len(), holds as usize + differing.len());
    differing.truncate(NAMED);
    let cause = format!(
        "of {looked} objects that were looked at again {all} are not what its results say: {}",
        differing.join("; ")
    );
    Err(Fault::new(FaultKind::Integrity, "collect", folder.uri(), cause, remedy))
}

/// An object of an audit.
async fn looked_at(look: &Look<'_>, bucket: &str, listed: Listed, said: Option<SeenRow>) -> Held {
    if listed.version.is_none() && !is_as_listed(look.aws(), bucket, &listed).await {
        // What vanished meanwhile nobody tells of.
        return match said {
            Some(_) if is_other(look.aws(), bucket, &listed).await => Held::Other,
            Some(_) | None => Held::Untold,
        };
    }
    let Ok(Some(seen)) = look.at(listed).await else {
        return Held::Untold;
    };
    if seen.row.unread.is_some() {
        return Held::Untold;
    }
    match said {
        None => Held::Differs(NOT_GONE.to_owned()),
        // That something was not read nobody can contradict.
        Some(said) if said.row.unread.is_some() => Held::Untold,
        Some(said) => difference(&said.row, &seen.row).map_or(Held::Holds, Held::Differs),
    }
}

/// Whether another is seen there by now, or none; a list need not say which object it meant.
async fn is_other(aws: &Aws, bucket: &str, listed: &Listed) -> bool {
    let Some(etag) = listed.etag.as_deref() else {
        return false;
    };
    match transfer::find(aws, bucket, &listed.key).await {
        Ok(Some(head)) => head.unquoted_etag().as_deref() != Some(etag),
        Ok(None) => true,
        Err(_) => false,
    }
}

async fn is_as_listed(aws: &Aws, bucket: &str, listed: &Listed) -> bool {
    as_listed(aws, bucket, listed).await.is_some()
}

/// What is there still as it was listed.
async fn as_listed(aws: &Aws, bucket: &str, listed: &Listed) -> Option<Head> {
    let head = transfer::find(aws, bucket, &listed.key).await.ok().flatten()?;
    let etag = listed.etag.as_deref()?;
    (head.unquoted_etag().as_deref() == Some(etag)).then_some(head)
}

/// In what a result differs from the object, of what one look without reading it to its end tells.
fn difference(said: &AuditRow, seen: &AuditRow) -> Option<String> {
    let kind = |kind: Kind| match kind {
        // Only reading it to its end tells these apart.
        Kind::ArchiveOfTokens => Kind::Archive,
        kind => kind,
    };
    if kind(said.kind) != kind(seen.kind) {
        return Some(format!(
            "they say {}, and it is {}",
            said.kind.as_str(),
            seen.kind.as_str()
        ));
    }
    if said.data_key_object != seen.data_key_object {
        let named = |row: &AuditRow| row.data_key_object.as_deref().unwrap_or("none").to_owned();
        return Some(format!(
            "they say the key object {}, and it names {}",
            named(said),
            named(seen)
        ));
    }
    if said.at_rest != seen.at_rest {
        let word = |row: &AuditRow| match row.at_rest.as_str() {
            "" => "nothing".to_owned(),
            word => word.to_owned(),
        };
        return Some(format!(
            "they say that S3 encrypts it by {}, and it says {}",
            word(said),
            word(seen)
        ));
    }
    if said.size != seen.size {
        return Some(format!("they say {} bytes, and it has {}", said.size, seen.size));
    }
    let keys = said.kms_key.as_deref().zip(seen.kms_key.as_deref());
    // Of a key that may not be described each knows only the name that the object has for it.
    if let Some((said, seen)) = keys.filter(|(said, seen)| said.state.is_ok() && seen.state.is_ok())
        && said.id != seen.id
    {
        return Some(format!("they say the KMS key {}, and it is {}", said.id, seen.id));
    }
    // The state of a key changes, and key objects come and go.
    let is_its_own = |flaw: &&Flaw| {
        !matches!(
            flaw,
            Flaw::KeyUnusable(_) | Flaw::KeyObjectMissing { .. } | Flaw::KeyObjectDiffers(_)
        )
    };
    let unsaid = seen
        .flaws
        .iter()
        .filter(is_its_own)
        .find(|flaw| !said.flaws.contains(flaw));
    unsaid.map(|flaw| format!("they do not say that {}", flaw.told()))
}

/// One that was left for this reason, as the results say, and is as it was listed.
async fn left_as_it_is(aws: &Aws, (spec, judge): (&SealSpec, &Judge<'_>), listed: &Listed, why: Passed) -> Held {
    if why == Passed::There && !spec.is_in_place() {
        return is_there(aws, listed, &spec.token_of(&listed.key)).await;
    }
    match judge.of(listed).await {
        Ok(Judged::Pass(because)) if because == why => Held::Holds,
        // KMS need not answer whoever reads the results as it answered a host.
        Ok(Judged::Pass(Passed::DataKey | Passed::DataKeyInHex | Passed::UncalledDataKey(_)))
            if matches!(why, Passed::UncalledDataKey(_)) =>
        {
            Held::Holds
        }
        Ok(Judged::Pass(Passed::UncalledDataKey(_))) if matches!(why, Passed::DataKey | Passed::DataKeyInHex) => {
            Held::Untold
        }
        Ok(Judged::Pass(because)) => Held::Differs(format!("they say {}, and it is {}", why.told(), because.told())),
        Ok(Judged::Take(())) => Held::Differs(format!("they say {}, and it was to be sealed", why.told())),
        Ok(Judged::Gone) | Err(_) => Held::Untold,
    }
}

/// Whether a token of its length is at the destination.
async fn is_there(aws: &Aws, listed: &Listed, at: &ObjectUri) -> Held {
    let Ok(there) = transfer::find(aws, &at.bucket, &at.key).await else {
        return Held::Untold;
    };
    match there.map(|head| metadata_of(&head.metadata)) {
        Some(Ok(Some(metadata))) if metadata.length == listed.size => Held::Holds,
        _ => Held::Differs(format!("they say that its token is at {at}, and it is not")),
    }
}

/// A token that was made, as the results say.
async fn token_at(aws: &Aws, bucket: &str, listed: &Listed, sealed: &Sealed) -> Held {
    let ObjectUri { bucket: at, key } = &sealed.at;
    let head = match transfer::find(aws, at, key).await {
        Ok(Some(head)) => head,
        Ok(None) => return Held::Other,
        Err(_) => return Held::Untold,
    };
    // An older version of the same bytes, where there is one, is there once the newer is gone.
    if sealed.before == Before::Gone
        && (at.as_str(), key) != (bucket, &listed.key)
        && as_listed(aws, bucket, listed)
            .await
            .is_some_and(|plain| plain.version.is_none())
    {
        return Held::Differs("they say that what was plain is gone, and it is there as it was listed".to_owned());
    }
    let etag = head.unquoted_etag();
    let is_in_place = (at.as_str(), key) == (bucket, &listed.key);
    if is_in_place && etag.is_some() && etag.as_deref() == listed.etag.as_deref() {
        return Held::Differs("they say that it was sealed, and it is there as it was listed".to_owned());
    }
    if sealed.etag.is_none() || etag != sealed.etag {
        return Held::Other;
    }
    match metadata_of(&head.metadata) {
        Ok(Some(metadata)) if metadata.kms_key_id == sealed.kms_key_arn && metadata.length == sealed.bytes => {
            let named = metadata.data_key_object.map(|object| s3::uri(at, &object));
            match named {
                Some(named) if named != sealed.data_key_uri => Held::Differs(format!(
                    "they say the key object {}, and its token names {named}",
                    sealed.data_key_uri
                )),
                Some(_) | None => Held::Holds,
            }
        }
        Ok(Some(metadata)) => Held::Differs(format!(
            "they say {} bytes under {}, and its token says {} under {}",
            sealed.bytes, sealed.kms_key_arn, metadata.length, metadata.kms_key_id
        )),
        Ok(None) | Err(_) => Held::Differs("they say that it was sealed, and it is no token".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(number: u64) -> Listed {
        Listed {
            key: number.to_string(),
            size: 1,
            etag: None,
            version: None,
            is_latest: true,
            is_marker: false,
            data_key: None,
        }
    }

    #[test]
    fn of_few_all_are_taken_and_of_many_some_from_anywhere() {
        for (objects, at_most) in [(0, 0), (5, 5), (20, 20), (100_000, SIZE)] {
            let mut sample = Sample::<SealRow>::of(objects);
            (0..objects).for_each(|number| sample.note(listed(number), None));
            let taken = sample.taken.len();
            assert!(
                taken <= at_most && (objects > 20 || taken == at_most),
                "{objects}: {taken}"
            );
            assert!(objects == 0 || taken > 0 && sample.places.is_empty(), "{objects}");
        }
    }

    #[test]
    fn a_result_that_calls_an_object_better_than_it_is_differs() {
        let plain = AuditRow {
            flaws: vec![Flaw::Open],
            ..AuditRow::new("k".to_owned(), 7, Kind::SseS3)
        };
        assert_eq!(difference(&plain, &plain), None);
        let silent = AuditRow {
            flaws: Vec::new(),
            ..plain.clone()
        };
        assert!(difference(&silent, &plain).is_some_and(|how| how.contains("no client has encrypted it")));
        let bound = AuditRow::new("k".to_owned(), 7, Kind::Bound);
        assert!(
            difference(&bound, &plain).is_some_and(|how| how.contains("they say strongroom-bound, and it is sse-s3"))
        );
        let longer = AuditRow::new("k".to_owned(), 8, Kind::Bound);
        assert!(difference(&bound, &longer).is_some_and(|how| how.contains("7 bytes")));
        // What only a look to its end tells is no difference.
        let read = AuditRow {
            flaws: vec![Flaw::NotIntact("x".to_owned())],
            ..bound.clone()
        };
        assert_eq!(difference(&read, &bound), None);
    }
}
