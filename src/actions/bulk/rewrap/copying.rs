//! One object: what it says of its data key is changed, and nothing else.

use std::collections::BTreeMap;

use super::super::trouble::ends_all;
use super::data_key::{Mapped, changed, no_token};
use super::{ACT, Run};
use crate::actions::faults::fault_of;
use crate::actions::unlock::metadata_of;
use crate::aws::{s3, transfer};
use crate::domain::rewrap::{RewrapRow, Rewrapped};
use crate::domain::{Fault, FaultKind};
use crate::envelope::Metadata;

/// What S3 takes of names and values together, in bytes.
const METADATA_LIMIT: usize = 2048;
const DATA_KEY: &str = "strongroom-data-key";
/// What is said of the data key.
const OF_DATA_KEY: [&str; 4] = [
    DATA_KEY,
    "strongroom-data-key-object",
    "strongroom-kms-key-id",
    "strongroom-context",
];

impl Run<'_> {
    /// Has an object name the data key as it is wrapped now.
    ///
    /// # Errors
    /// When it is none of the object's own: then nothing can be done to any other either.
    pub(super) async fn copy(&self, mapped: &Mapped, key: &str, size: u64) -> Result<RewrapRow, Fault> {
        let (state, why) = match self.copied(mapped, key).await {
            Err(fault) if ends_all(&fault) => return Err(fault),
            Ok(state) => (state, None),
            Err(fault) if self.is_gone(key, &fault).await => (Rewrapped::Gone, None),
            Err(fault) if fault.kind == FaultKind::Invalid => (Rewrapped::Refused, Some(fault.to_string())),
            Err(fault) => (Rewrapped::Failed, Some(fault.to_string())),
        };
        Ok(RewrapRow {
            key: key.to_owned(),
            size,
            state,
            why,
        })
    }

    /// Whether what failed so is not there any more.
    async fn is_gone(&self, key: &str, fault: &Fault) -> bool {
        matches!(fault.kind, FaultKind::NotFound | FaultKind::Conflict)
            && matches!(transfer::find(self.aws, self.bucket(), key).await, Ok(None))
    }

    async fn copied(&self, mapped: &Mapped, key: &str) -> Result<Rewrapped, Fault> {
        let Mapped {
            wrapped,
            key_objects,
            anew,
        } = mapped;
        let (bucket, uri, keeps) = (self.bucket(), s3::uri(self.bucket(), key), self.keeps().await?);
        let mut original = s3::original(self.aws, bucket, key, keeps, false).await?;
        if original.length > self.mode.largest_copy {
            // Parts take nothing over by themselves.
            original = s3::original(self.aws, bucket, key, keeps, true).await?;
        }
        let metadata = metadata_of(&original.metadata).map_err(|error| fault_of(ACT, &uri, &error))?;
        let metadata = match metadata {
            Some(metadata) if wrapped.is_named_by(&metadata, key_objects) => metadata,
            // As this run or another has done it.
            Some(metadata) if self.is_there(&metadata) => return Ok(Rewrapped::Already),
            Some(_) => return Err(changed(&uri)),
            None => return Err(no_token(&uri)),
        };
        let metadata = Metadata {
            kms_key_id: self.target.clone(),
            data_key: Some(anew.ciphertext.clone()),
            data_key_object: Some(anew.key_object.clone()),
            context: self.context(&wrapped.context).clone(),
            ..metadata
        };
        let said = said(&original.metadata, &metadata).map_err(|cause| {
            let remedy = "take some of its metadata off, or choose a smaller context";
            Fault::new(FaultKind::Invalid, ACT, &uri, cause, remedy)
        })?;
        transfer::copy_in_place(self.aws, (bucket, key), &original, &said, self.mode.largest_copy).await?;
        Ok(Rewrapped::Done)
    }
}

/// What an object says from now on: of its data key this, and everything else as it was.
fn said(before: &BTreeMap<String, String>, metadata: &Metadata) -> Result<BTreeMap<String, String>, String> {
    let ours = metadata.to_map().map_err(|error| error.to_string())?;
    let mut said = before.clone();
    said.retain(|name, _| !OF_DATA_KEY.contains(&name.as_str()));
    let of_data_key = ours
        .into_iter()
        .filter(|(name, _)| OF_DATA_KEY.contains(&name.as_str()));
    said.extend(of_data_key);
    let bytes =
        |said: &BTreeMap<String, String>| said.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    if bytes(&said) > METADATA_LIMIT {
        // The key object has it.
        said.remove(DATA_KEY);
    }
    match bytes(&said) {
        0..=METADATA_LIMIT => Ok(said),
        bytes => Err(format!(
            "its metadata would have {bytes} bytes, and S3 takes {METADATA_LIMIT}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Metadata {
        Metadata {
            kms_key_id: "arn:aws:kms:us-east-1:111122223333:key/new".to_owned(),
            data_key: Some(vec![7; 184]),
            data_key_object: Some(".strongroom/data-keys/new".to_owned()),
            context: BTreeMap::new(),
            name: "name".to_owned(),
            prefix: Some("p/".to_owned()),
            length: 3,
            mac: [1; 32],
        }
    }

    fn before(more: usize) -> BTreeMap<String, String> {
        let pairs = [
            ("strongroom-version", "2"),
            ("strongroom-name", "name"),
            ("strongroom-kms-key-id", "old"),
            ("strongroom-data-key", "b2xk"),
            ("strongroom-data-key-object", "old"),
            ("strongroom-context", "e30="),
            ("strongroom-later", "kept"),
        ];
        let mut before: BTreeMap<String, String> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        before.insert("owner".to_owned(), "x".repeat(more));
        before
    }

    #[test]
    fn only_what_is_said_of_the_data_key_changes() {
        let said = said(&before(4), &metadata()).unwrap_or_default();
        let of = |name: &str| said.get(name).map(String::as_str);
        assert_eq!(of("owner"), Some("xxxx"));
        assert_eq!(
            (of("strongroom-later"), of("strongroom-name")),
            (Some("kept"), Some("name"))
        );
        assert_eq!(of("strongroom-context"), None, "the new one has none");
        assert_eq!(of("strongroom-data-key-object"), Some(".strongroom/data-keys/new"));
        assert!(of("strongroom-data-key").is_some_and(|value| value.len() == 248));
    }

    #[test]
    fn where_there_is_no_room_the_key_object_has_the_data_key_and_no_more_is_taken() {
        let crowded = said(&before(1700), &metadata()).unwrap_or_default();
        assert!(!crowded.is_empty() && !crowded.contains_key("strongroom-data-key"));
        assert!(said(&before(2040), &metadata()).is_err_and(|why| why.contains("2048")));
    }
}
