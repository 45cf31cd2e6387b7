//! One look at one object, by one request, and by a second where JSON of an encrypted data key is longer than that shows; of the
//! encrypted data keys and KMS keys that objects name each is asked about once.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::data_keys::{DataKeys, Presence, name_of};
use super::kms_keys::KmsKeys;
use super::spread::spread;
use super::trouble::{ends_all, unasked, unread, unread_end, unusable};
use super::whole;
use crate::actions::encrypted_data_key::{metadata, would_open};
use crate::actions::verify::Deep;
use crate::aws::again::again;
use crate::aws::{Aws, s3};
use crate::domain::audit::wire::SeenRow;
use crate::domain::audit::{AuditRow, Flaw, Kind, Told, Unchecked};
use crate::domain::bulk::Listed;
use crate::domain::own_area::is_called_data_key;
use crate::domain::seal::Unconfirmed;
use crate::domain::{Fault, FaultKind, ObjectInfo, Reading};

/// C as an object's metadata carry it.
fn carried(info: &ObjectInfo) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(metadata(info, "data-key")?).ok()
}

/// What looks at the objects of one bucket.
pub(super) struct Look<'a> {
    aws: &'a Aws,
    bucket: String,
    kms_keys: KmsKeys,
    data_keys: DataKeys,
    deep: Option<Deep<'a>>,
}

impl<'a> Look<'a> {
    /// With `deep`, to the end of every token.
    pub(super) fn new(aws: &'a Aws, bucket: &str, deep: Option<Deep<'a>>) -> Self {
        Self {
            aws,
            bucket: bucket.to_owned(),
            kms_keys: KmsKeys::default(),
            data_keys: DataKeys::new(bucket),
            deep,
        }
    }

    /// Through what it looks.
    pub(super) fn aws(&self) -> &'a Aws {
        self.aws
    }

    /// `None` if it is gone by now.
    ///
    /// # Errors
    /// When it is none of the object's own: then no other can be looked at either.
    pub(super) async fn at(&self, listed: Listed) -> Result<Option<SeenRow>, Fault> {
        let mut row = AuditRow::new(listed.key, listed.size, Kind::DeleteMarker);
        (row.version, row.is_latest) = (listed.version, listed.is_latest);
        if listed.is_marker {
            return Ok(Some(SeenRow::plain(row)));
        }
        match self.glance(&row).await {
            Ok(glance) => {
                row.size = glance.size;
                row.at_rest = glance.at_rest;
                let told = glance.told(&row.key);
                let carried = carried(&glance.info).filter(|_| self.deep.is_some());
                let is_called = is_called_data_key(&row.key, &glance.info.metadata);
                if self.deep.is_some() && told.kind == Kind::KeyObject && !is_called {
                    self.confirm(&mut row, &glance).await;
                }
                Ok(Some(self.told(row, told, carried).await))
            }
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(None),
            Err(fault) if ends_all(&fault) => Err(fault),
            Err(fault) => {
                unread(&mut row, &fault);
                Ok(Some(SeenRow::plain(row)))
            }
        }
    }

    async fn glance(&self, row: &AuditRow) -> Result<s3::Glance, Fault> {
        let (aws, bucket) = (self.aws.clone(), self.bucket.clone());
        let (key, version, size) = (row.key.clone(), row.version.clone(), row.size);
        spread(async move {
            let at = s3::At {
                bucket: &bucket,
                key: &key,
                version: version.as_deref(),
                size,
            };
            let glance = again(|| s3::glance(&aws, at)).await?;
            whole::settled(&aws, at, glance).await
        })
        .await
    }

    /// Of what begins as an encrypted data key, and nothing calls one, KMS is asked whether it opens it.
    async fn confirm(&self, row: &mut AuditRow, glance: &s3::Glance) {
        let at = s3::At {
            bucket: &self.bucket,
            key: &row.key,
            version: row.version.as_deref(),
            size: row.size,
        };
        let asked = match whole::body(self.aws, at, glance).await {
            Ok(body) => would_open(self.aws, &body, &BTreeMap::new()).await,
            Err(fault) => Err(fault),
        };
        let unconfirmed = asked.err().map(|fault| Unconfirmed::of(&fault).as_str().to_owned());
        row.unchecked.extend(unconfirmed.map(Unchecked::DataKey));
    }

    /// With what KMS, the bucket and all of the token tell; C as it carries it is held against its key object.
    async fn told(&self, mut row: AuditRow, mut told: Told, carried: Option<Vec<u8>>) -> SeenRow {
        row.kind = told.kind;
        row.flaws = std::mem::take(&mut told.flaws);
        row.unread = told.unread.take().map(Box::new);
        if let Some(id) = &told.kms_key {
            let key = self.kms_keys.of(self.aws, id).await;
            row.flaws.extend(unusable(&row, &key));
            row.unchecked.extend(unasked(&row, &key));
            row.kms_key = Some(key);
        }
        if let Some((uri, is_carried)) = told.data_key_object.take() {
            let name = name_of(&self.bucket, &uri).to_owned();
            match self.data_keys.presence(self.aws, &name).await {
                Presence::There => {
                    if let Some(ciphertext) = carried {
                        match self.data_keys.holds(self.aws, &name, &ciphertext).await {
                            Ok(true) => {}
                            Ok(false) => row.flaws.push(Flaw::KeyObjectDiffers(uri.clone())),
                            Err(why) => row.unchecked.push(Unchecked::KeyObject(why)),
                        }
                    }
                }
                Presence::Missing => {
                    let uri = uri.clone();
                    row.flaws.push(Flaw::KeyObjectMissing { uri, is_carried });
                }
                Presence::Unknown(why) => row.unchecked.push(Unchecked::KeyObject(why)),
            }
            row.data_key_object = Some(uri.into());
        }
        if let Some(deep) = &self.deep
            && (row.kind.is_token() || matches!(row.kind, Kind::Archive | Kind::ArchiveOfTokens))
        {
            self.read_through(deep, &mut row).await;
        }
        SeenRow {
            row,
            standing: told.standing.take(),
            instructs: told.instructs,
            may_be_instructed: told.may_be_instructed,
        }
    }

    async fn read_through(&self, deep: &Deep<'_>, row: &mut AuditRow) {
        let object = (self.bucket.as_str(), row.key.as_str());
        let verdict = match deep.verdict(object, row.version.as_deref(), row.size).await {
            Ok(verdict) => verdict,
            Err(fault) => return unread_end(row, &fault),
        };
        match verdict.reading {
            Reading::Intact { .. } => {
                row.is_intact = Some(true);
                row.unread = None;
                // It opened under its key just now, whoever may not ask about that.
                row.unchecked
                    .retain(|unchecked| !matches!(unchecked, Unchecked::KeyState(_)));
                row.flaws.retain(|flaw| !matches!(flaw, Flaw::OpenMember(_)));
                if row.kind == Kind::Archive {
                    row.kind = Kind::ArchiveOfTokens;
                }
            }
            Reading::NotIntact { why, .. } => {
                row.is_intact = Some(false);
                row.unread = None;
                row.flaws.push(Flaw::NotIntact(why.cause));
            }
            Reading::NoToken { why, .. } if row.kind.is_token() => row.flaws.push(Flaw::NotIntact(why.cause)),
            Reading::NoToken { why, .. } => {
                row.unread = None;
                (row.kind, row.is_intact) = (Kind::Archive, None);
                row.flaws.push(Flaw::OpenMember(why.cause));
            }
            Reading::NotChecked { why, .. } => unread_end(row, &why),
        }
        if let Some(arn) = verdict.kms_key_arn.filter(|_| row.kms_key.is_none()) {
            let key = self.kms_keys.of(self.aws, &arn).await;
            // Read to its end it opened under it just now.
            if row.is_intact != Some(true) {
                row.unchecked.extend(unasked(row, &key));
            }
            row.kms_key = Some(key);
        }
    }
}
