//! A run that is a part of an act of many hosts: one shard of it. What another run of the act has done, before its host died, is known
//! by the data key that the token names: its key object is called after the act, and each run of a shard makes its own.

use futures::TryStreamExt;

use crate::actions::encrypted_data_key::DATA_KEYS;
use crate::actions::unlock::Claim;
use crate::aws::{Aws, s3, transfer};
use crate::domain::bulk::Listed;
use crate::domain::seal::{Before, Sealed};
use crate::domain::{Fault, ObjectUri};

/// Which part.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    /// The act's id.
    pub(super) id: &'a str,
    /// The shard's number, as its file is called.
    pub(super) shard: &'a str,
}

/// What was there before a token of the act.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is beside it.
    Stays,
    /// The token took its place.
    Replaced,
    /// It was deleted.
    Deleted,
}

impl Part<'_> {
    /// What the names of its key objects begin with.
    pub(super) fn stem(self) -> String {
        format!("{}-{}", self.id, self.shard)
    }

    /// Whether a key object, by its key or URI, is of this act.
    pub(super) fn is_its(self, object: &str) -> bool {
        let (folder, name) = object.rsplit_once('/').unwrap_or_default();
        let after = name.strip_prefix(self.id).and_then(|rest| rest.strip_prefix('-'));
        after.is_some() && folder.ends_with(DATA_KEYS.trim_end_matches('/'))
    }

    /// The token that a run of this act has put there, if one has.
    pub(super) async fn made(
        self,
        aws: &Aws,
        bucket: &str,
        listed: &Listed,
        at: ObjectUri,
        origin: Origin,
    ) -> Result<Option<Sealed>, Fault> {
        let Some(head) = transfer::find(aws, &at.bucket, &at.key).await? else {
            return Ok(None);
        };
        let claim = Claim::read(&at.bucket, &at.key, &head.metadata)?;
        let metadata = claim.metadata();
        let object = metadata.and_then(|metadata| metadata.data_key_object.clone());
        let (Some(metadata), Some(object)) = (metadata, object.filter(|object| self.is_its(object))) else {
            return Ok(None);
        };
        let before = match origin {
            Origin::Stays => Before::Stays,
            Origin::Replaced if head.version.is_none() => Before::Gone,
            Origin::Replaced | Origin::Deleted => {
                kept(aws, bucket, listed).await?.map_or(Before::Gone, Before::Version)
            }
        };
        Ok(Some(Sealed {
            kms_key_arn: metadata.kms_key_id.clone(),
            data_key_uri: s3::uri(&at.bucket, &object),
            bytes: metadata.length,
            token_bytes: head.length,
            etag: head.unquoted_etag(),
            at,
            resumed: false,
            before,
        }))
    }
}

/// The version that what was listed is kept as.
async fn kept(aws: &Aws, bucket: &str, listed: &Listed) -> Result<Option<String>, Fault> {
    let key = listed.key.as_str();
    let mut pages = s3::list_versions(aws, bucket, key).pages();
    let mut first = None;
    while let Some(page) = pages.try_next().await? {
        let is_older = |version: &&s3::Version| version.key == key && !version.is_latest && version.size.is_some();
        for version in page.iter().filter(is_older) {
            match listed.etag.as_deref() {
                Some(etag) if version.etag.as_deref() == Some(etag) => return Ok(version.id.clone()),
                Some(_) => {}
                // Nothing tells more of it than that it was there last.
                None => first = first.or_else(|| version.id.clone()),
            }
        }
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_key_objects_of_the_act_are_its() {
        let part = Part {
            id: "rotate-20260101-120000-0abc",
            shard: "0001",
        };
        let stem = part.stem();
        let own = format!(".strongroom/data-keys/{stem}-1234");
        assert!(part.is_its(&own) && part.is_its(&format!("s3://b/team/{own}")));
        for other in [
            ".strongroom/data-keys/rotate-20260101-120000-0abd-0001-1234".to_owned(),
            ".strongroom/data-keys/6a5b".to_owned(),
            format!("data/{stem}-1234"),
            stem,
        ] {
            assert!(!part.is_its(&other), "{other}");
        }
    }
}
