//! A KMS key: what it is, without who may ask.

use std::sync::Mutex;

use jiff::SignedDuration;
use jiff::fmt::serde::timestamp::millisecond;
use sha2::{Digest, Sha256};

use super::regions::Family;
use super::{Kms, seconds};
use crate::api::insert_some;
use crate::disk::lock;
use crate::policy::Document;
use crate::prelude::*;
use crate::world::random;

/// A KMS key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Key {
    /// What tells keys apart: replicas of a multi-Region key share their id.
    pub(crate) arn: String,
    pub(crate) description: String,
    #[serde(with = "millisecond::required")]
    pub(crate) created: Timestamp,
    pub(crate) state: State,
    #[serde(with = "millisecond::optional")]
    pub(crate) deletion: Option<Timestamp>,
    pub(crate) policy: Document,
    pub(crate) rotation: Option<Rotation>,
    pub(crate) tags: BTreeMap<String, String>,
    /// Oldest first and never none; ciphertexts say which they need. Never leaves the world's folder.
    pub(super) material: Vec<Material>,
    /// Of a multi-Region key.
    pub(super) family: Option<Family>,
}

/// A key's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Enabled,
    Disabled,
    PendingDeletion,
    /// A primary key's, as long as it has replicas.
    PendingReplicaDeletion,
}

/// Automatic rotation.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Rotation {
    pub(super) days: i64,
    #[serde(with = "millisecond::required")]
    pub(super) next: Timestamp,
}

/// One version of a key's material.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Material {
    pub(super) bytes: [u8; 32],
    #[serde(with = "millisecond::required")]
    pub(super) since: Timestamp,
    pub(super) is_on_demand: bool,
}

/// What a key is made from.
#[derive(Default)]
pub(crate) struct NewKey<'a> {
    pub(crate) description: &'a str,
    /// The account's default policy if nothing.
    pub(crate) policy: Option<Document>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) is_multi_region: bool,
}

impl Key {
    /// The ARN's last part.
    pub(crate) fn id(&self) -> &str {
        id_of(&self.arn)
    }

    /// When something happens to the key by itself.
    pub(super) fn next(&self) -> Option<Timestamp> {
        match self.state {
            State::PendingDeletion => self.deletion,
            // A replica gets its material from its primary key.
            State::Enabled if !self.is_replica() => self.rotation.map(|rotation| rotation.next),
            // Rotation waits until the key is enabled again.
            State::Enabled | State::Disabled | State::PendingReplicaDeletion => None,
        }
    }

    pub(super) fn add_material(&mut self, since: Timestamp, is_on_demand: bool) {
        self.material.push(Material {
            bytes: random(),
            since,
            is_on_demand,
        });
    }

    pub(super) fn rotate_by_calendar(&mut self, at: Timestamp) {
        self.add_material(at, false);
        if let Some(rotation) = &mut self.rotation {
            rotation.next = in_days(at, rotation.days);
        }
    }

    /// Switches automatic rotation on, every so many days.
    pub(crate) fn rotate_every(&mut self, days: i64, now: Timestamp) {
        self.rotation = Some(Rotation {
            days,
            next: in_days(now, days),
        });
    }

    /// The name that KMS gives a version of the key's material; it tells nothing about the bytes.
    pub(super) fn material_id(&self, version: usize) -> String {
        hex::encode(Sha256::digest(format!("key material {version} of {}", self.id())))
    }

    pub(super) fn newest_material_id(&self) -> String {
        self.material_id(self.material.len().saturating_sub(1))
    }

    pub(super) fn metadata(&self) -> Value {
        let mut metadata = json!({
            "AWSAccountId": account_of(&self.arn), "KeyId": self.id(), "Arn": self.arn, "CreationDate": seconds(self.created),
            "Enabled": self.state == State::Enabled, "Description": self.description, "KeyUsage": "ENCRYPT_DECRYPT",
            "KeyState": self.state, "Origin": "AWS_KMS", "KeyManager": "CUSTOMER",
            "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "KeySpec": "SYMMETRIC_DEFAULT",
            "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "MultiRegion": false,
            "CurrentKeyMaterialId": self.newest_material_id()
        });
        insert_some(&mut metadata, "DeletionDate", self.deletion.map(seconds));
        metadata
    }
}

impl Kms {
    /// Makes a key without asking anybody; its ARN.
    pub(crate) fn create_key(&mut self, place: &Place, new: NewKey) -> String {
        let id = uuid::Uuid::new_v4();
        let family = new.is_multi_region.then(|| Family {
            primary: place.region.clone(),
            window: 0,
        });
        let id = match family {
            Some(_) => format!("mrk-{}", id.simple()),
            None => id.to_string(),
        };
        let arn = arn(place, &id);
        let created = self.clock.now();
        let mut key = Key {
            arn: arn.clone(),
            description: new.description.to_owned(),
            created,
            state: State::Enabled,
            deletion: None,
            policy: new.policy.unwrap_or_else(|| default_policy(&place.account)),
            rotation: None,
            tags: new.tags,
            material: Vec::new(),
            family,
        };
        key.add_material(created, false);
        self.keys.insert(arn.clone(), Box::new(key));
        arn
    }

    /// Changes a key without asking anybody.
    pub(crate) fn alter(&mut self, arn: &str, change: impl FnOnce(&mut Key)) {
        self.change(arn, change);
    }
}

pub(super) fn arn(place: &Place, id: &str) -> String {
    place.arn("kms", &format!("key/{id}"))
}

/// The key id in a key ARN.
pub(super) fn id_of(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, id)| id)
}

pub(super) fn in_days(from: Timestamp, days: i64) -> Timestamp {
    from.checked_add(SignedDuration::from_hours(24 * days))
        .unwrap_or(Timestamp::MAX)
}

/// The policy of a key that was given none; the keys of an account share its text.
pub(super) fn default_policy(account: &str) -> Document {
    static TEXTS: Mutex<BTreeMap<String, Arc<str>>> = Mutex::new(BTreeMap::new());
    let mut texts = lock(&TEXTS);
    let text = texts
        .entry(account.to_owned())
        .or_insert_with(|| default_text(account).into());
    Document::trusted(Arc::clone(text))
}

fn default_text(account: &str) -> String {
    format!(
        r#"{{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {{
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "arn:aws:iam::{account}:root"
    }},
    "Action" : "kms:*",
    "Resource" : "*"
  }} ]
}}"#
    )
}
