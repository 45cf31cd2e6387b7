//! Rotate: tokens of strongroom, each sealed anew in its place under a new data key.
//!
//! A token keeps its name and the place that it says it was put: what was bound is bound, what was moved is moved. What does not
//! open to its last byte is not replaced, nor is what somebody else has replaced meanwhile. A token that says nothing of its data
//! key is left: whoever opens it finds that by convention, and would find no new one.

use std::collections::{BTreeMap, BTreeSet};

use super::fate::{Judged, before, called_data_key, is_own_area, row_of};
use super::part::{Origin, Part};
use super::seal::{From, NewKeys, Sealer, To, check_length, others_of};
use super::spread::spread;
use crate::actions::OpenOptions;
use crate::actions::unlock::{Among, Claim, Keyring, unlock_object};
use crate::aws::again::again;
use crate::aws::transfer::{Head, Replaces};
use crate::aws::{Aws, s3};
use crate::domain::audit::{Flaw, Kind};
use crate::domain::bond::Standing;
use crate::domain::bulk::Listed;
use crate::domain::seal::{Fate, Passed, SealRow, Sealed};
use crate::domain::{Bond, Fault, FaultKind, ObjectUri};
use crate::envelope::Metadata;

pub(super) const ACT: &str = "rotate";

/// A rotation.
pub(super) struct Rotating<'a> {
    pub(super) aws: &'a Aws,
    pub(super) bucket: &'a str,
    pub(super) key: Option<&'a str>,
    pub(super) context: Option<&'a BTreeMap<String, String>>,
    pub(super) keeps: s3::Keeps,
    pub(super) keyring: Keyring,
    pub(super) open: OpenOptions,
    /// Key objects of this rotation, of an earlier run.
    pub(super) known: BTreeSet<String>,
    /// The act of many hosts that it is a part of.
    pub(super) part: Option<Part<'a>>,
}

/// A token to be rotated.
pub(super) struct Token {
    pub(super) kind: Kind,
    /// The KMS key that it says it is under.
    pub(super) kms_key: String,
    original: s3::Original,
    claim: Claim,
    bond: Bond,
}

impl Rotating<'_> {
    /// What is to be done with it.
    pub(super) async fn judge(&self, listed: &Listed, in_full: bool) -> Result<Judged<Token>, Fault> {
        if let Some(own) = is_own_area(&listed.key) {
            return Ok(Judged::Pass(own));
        }
        let original = s3::original(self.aws, self.bucket, &listed.key, &self.keeps, in_full).await;
        let original = match original {
            Err(fault) if fault.kind == FaultKind::NotFound => return Ok(Judged::Gone),
            original => original?,
        };
        let claim = Claim::read(self.bucket, &listed.key, &original.metadata)?;
        let Some(metadata) = claim.metadata() else {
            return self.other(listed).await.map(Judged::Pass);
        };
        if metadata
            .data_key_object
            .as_ref()
            .is_some_and(|object| self.known.contains(object) || self.part.is_some_and(|part| part.is_its(object)))
        {
            return Ok(Judged::Pass(Passed::Rotated));
        }
        let uri = s3::uri(self.bucket, &listed.key);
        check_length(ACT, &uri, metadata.length)?;
        let kms_key = metadata.kms_key_id.clone();
        let kind = match claim.standing() {
            Some(Standing::InPlace) => Kind::Bound,
            Some(Standing::Moved(_) | Standing::Unrecorded) => Kind::Moved,
            Some(Standing::Renamed) | None => Kind::Unbound,
        };
        let bond = claim.bond(&self.open, Among::Nothing)?;
        Ok(Judged::Take(Token {
            kind,
            kms_key,
            original,
            claim,
            bond,
        }))
    }

    /// What a token says of itself, and the encryption context of the data key that it would get.
    pub(super) fn ahead<'t>(&'t self, token: &'t Token) -> Option<(&'t Metadata, &'t BTreeMap<String, String>)> {
        let metadata = token.claim.metadata()?;
        Some((metadata, self.context.unwrap_or(&metadata.context)))
    }

    /// What it is that says nothing of itself.
    async fn other(&self, listed: &Listed) -> Result<Passed, Fault> {
        if listed.size == 0 {
            let is_folder = listed.key.ends_with('/');
            return Ok(if is_folder { Passed::Folder } else { Passed::Empty });
        }
        let aws = self.aws.clone();
        let (bucket, key, size) = (self.bucket.to_owned(), listed.key.clone(), listed.size);
        let told = spread(async move {
            let at = s3::At {
                bucket: &bucket,
                key: &key,
                version: None,
                size,
            };
            let glance = again(|| s3::glance(&aws, at)).await?;
            Ok(glance.told(&key))
        });
        let told = told.await?;
        if told.kind.is_token() && told.flaws.contains(&Flaw::NoDataKey) {
            return Err(called_data_key(ACT, self.bucket, &listed.key));
        }
        Ok(match told.kind {
            Kind::KeyObject => Passed::DataKey,
            kind => Passed::NotOurs(kind),
        })
    }

    /// Does it; `None` if it is gone by now, or was not begun before all was stopped.
    ///
    /// # Errors
    /// When no other can be done either.
    pub(super) async fn one(
        &self,
        sealer: &Sealer<'_>,
        keys: &NewKeys,
        listed: Listed,
    ) -> Result<Option<SealRow>, Fault> {
        let Some(_room) = sealer.room(listed.size).await else {
            return Ok(None);
        };
        let fate = match self.judge(&listed, true).await {
            Ok(Judged::Gone) => Ok(None),
            Ok(Judged::Pass(Passed::Rotated)) => self.rotated(&listed).await.map(Some),
            Ok(Judged::Pass(why)) => Ok(Some(Fate::PassedOver(why))),
            Ok(Judged::Take(token)) => Box::pin(self.rotate(sealer, keys, &listed, token)).await.map(Some),
            Err(fault) => Err(fault),
        };
        // Every other wants the same key, if one is named.
        row_of(listed, fate, self.key.is_some() && keys.has_failed())
    }

    /// One that is under a data key of this rotation: what another run of the act has done is told as if this one had.
    async fn rotated(&self, listed: &Listed) -> Result<Fate, Fault> {
        let made = match self.part {
            Some(part) => {
                let at = ObjectUri::new(self.bucket, &listed.key);
                part.made(self.aws, self.bucket, listed, at, Origin::Replaced).await?
            }
            None => None,
        };
        Ok(made.map_or(Fate::PassedOver(Passed::Rotated), |sealed| {
            Fate::Sealed(Box::new(sealed))
        }))
    }

    async fn rotate(&self, sealer: &Sealer<'_>, keys: &NewKeys, listed: &Listed, token: Token) -> Result<Fate, Fault> {
        let Token {
            original, claim, bond, ..
        } = token;
        let Some(metadata) = claim.metadata().cloned() else {
            return Ok(Fate::PassedOver(Passed::NotOurs(Kind::Fernet)));
        };
        let unlocked = unlock_object(self.aws, claim, bond, &self.open, &self.keyring).await?;
        let unlocked = std::sync::Arc::new(unlocked);
        let kms_key = self.key.unwrap_or(&unlocked.kms_key_arn);
        let under = keys
            .of(self.aws, kms_key, self.context.unwrap_or(&metadata.context))
            .await?;
        let head = Head::of(&original);
        let to = To {
            bucket: self.bucket,
            key: &listed.key,
            name: &metadata.name,
            prefix: metadata.prefix.as_deref(),
            length: metadata.length,
            replaces: Replaces::This(original.etag.clone()),
            like: &original.carried,
            others: others_of(&original.metadata),
            under: &under,
        };
        let from = From {
            bucket: self.bucket,
            key: &listed.key,
            head: &head,
            unlocked: Some(&unlocked),
        };
        let made = sealer.seal(from, &to).await;
        let made = made.inspect_err(|fault| {
            if fault.is_unheard() || fault.kind == FaultKind::Cancelled {
                under.may_be_made();
            }
        })?;
        Ok(Fate::Sealed(Box::new(Sealed {
            at: ObjectUri::new(self.bucket, &listed.key),
            kms_key_arn: under.kms_key_arn.clone(),
            data_key_uri: s3::uri(self.bucket, &under.object),
            bytes: metadata.length,
            token_bytes: made.token_bytes,
            etag: made.etag.clone(),
            resumed: false,
            before: before(original.version.as_deref(), made.version.as_deref()),
        })))
    }
}
