//! Multi-Region keys: one id and one material in several regions, and in each a key with a policy, grants, aliases, tags
//! and a state of its own.

use super::authorize::Act;
use super::key::{self, Key, State, default_policy, in_days};
use super::{Ask, Kms, keys, missing, policies, tags, unsupported};
use crate::identity::region_of;
use crate::prelude::*;

/// What the keys of one id have in common besides their material.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Family {
    /// The region of the primary key.
    pub(super) primary: String,
    /// The days that a primary key waits for its deletion when the last of its replicas is gone.
    pub(super) window: i64,
}

impl Key {
    pub(super) fn is_primary(&self) -> bool {
        matches!(&self.family, Some(family) if family.primary == region_of(&self.arn))
    }

    pub(super) fn is_replica(&self) -> bool {
        self.family.is_some() && !self.is_primary()
    }

    /// `PRIMARY` or `REPLICA`; nothing for a key of one region.
    pub(super) fn kind(&self) -> Option<&'static str> {
        let kind = if self.is_primary() { "PRIMARY" } else { "REPLICA" };
        self.family.is_some().then_some(kind)
    }

    /// The ARN of the same key in another region.
    fn arn_in(&self, region: &str) -> String {
        key::arn(&Place::new(account_of(&self.arn), region), self.id())
    }

    /// Refuses what only a primary key may.
    fn primary(&self) -> Result<(), ApiError> {
        if self.is_primary() {
            return Ok(());
        }
        Err(self.not_primary())
    }

    pub(super) fn not_primary(&self) -> ApiError {
        unsupported(format!("{} is not a multi-region primary key.", self.arn))
    }
}

impl Kms {
    /// The same key in the other regions.
    fn relatives(&self, key: &Key) -> impl Iterator<Item = &Key> {
        let arns: Vec<String> = match key.family {
            Some(_) => self.regions.iter().map(|region| key.arn_in(region)).collect(),
            None => Vec::new(),
        };
        let own = key.arn.clone();
        let others = arns.into_iter().filter(move |arn| *arn != own);
        others.filter_map(|arn| self.keys.get(&arn)).map(|key| &**key)
    }

    pub(super) fn has_replicas(&self, key: &Key) -> bool {
        key.is_primary() && self.relatives(key).next().is_some()
    }

    /// What DescribeKey says of a key.
    pub(super) fn metadata(&self, key: &Key) -> Value {
        let mut metadata = key.metadata();
        if self.is_managed(&key.arn) {
            metadata["KeyManager"] = json!("AWS");
        }
        let Some(family) = &key.family else {
            return metadata;
        };
        let shown = |arn: &str| json!({ "Arn": arn, "Region": region_of(arn) });
        let mut replicas: Vec<&str> = self.relatives(key).map(|key| key.arn.as_str()).collect();
        replicas.push(&key.arn);
        replicas.retain(|arn| region_of(arn) != family.primary);
        replicas.sort_unstable();
        metadata["MultiRegion"] = json!(true);
        metadata["MultiRegionConfiguration"] = json!({
            "MultiRegionKeyType": key.kind(), "PrimaryKey": shown(&key.arn_in(&family.primary)),
            "ReplicaKeys": replicas.into_iter().map(shown).collect::<Vec<_>>()
        });
        if key.state == State::PendingReplicaDeletion {
            metadata["PendingDeletionWindowInDays"] = json!(family.window);
        }
        metadata
    }

    /// Gives the replicas of a primary key its material and its rotation.
    pub(super) fn share(&mut self, arn: &str) {
        let Some(primary) = self.keys.get(arn).filter(|key| key.is_primary()).cloned() else {
            return;
        };
        let replicas: Vec<String> = self.relatives(&primary).map(|key| key.arn.clone()).collect();
        for replica in replicas {
            self.change(&replica, |key| {
                key.material.clone_from(&primary.material);
                key.rotation = primary.rotation;
            });
        }
    }

    /// Lets a primary key that waited for its last replica to go wait for its own deletion.
    pub(super) fn bereave(&mut self, replica: &Key) {
        let now = self.clock.now();
        let primary = self.relatives(replica).find(|key| key.is_primary());
        let waiting = primary.filter(|key| key.state == State::PendingReplicaDeletion && !self.has_replicas(key));
        if let Some(arn) = waiting.map(|key| key.arn.clone()) {
            self.change(&arn, |key| {
                let window = key.family.as_ref().map_or(30, |family| family.window);
                key.state = State::PendingDeletion;
                key.deletion = Some(in_days(now, window));
            });
        }
    }
}

pub(super) fn replicate(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let request = &ask.request;
    let region = request.required("ReplicaRegion")?;
    let (tags, description) = (tags::parse(request.value("Tags"))?, keys::description(ask)?);
    let key = kms.find_strictly(&ask.caller.place, request.required("KeyId")?)?;
    let act = Act::new("kms:ReplicateKey").saying("kms:ReplicaRegion", region);
    ask.authorize(kms, key, &act)?;
    key.usable()?;
    key.primary()?;
    if !ask.world.has_region(region) {
        return Err(unsupported(format!("the sandbox has no region {region}")));
    }
    // There it is a key that the caller makes.
    let mut there = ask.caller.clone();
    region.clone_into(&mut there.place.region);
    keys::may_create(ask, &there, &tags, Some("REPLICA"))?;
    let arn = key.arn_in(region);
    if kms.keys.contains_key(&arn) {
        let told = format!("Key '{arn}' already exists");
        return Err(ApiError::new("AlreadyExistsException", told));
    }
    let policy = match request.text("Policy") {
        None => default_policy(&there.place.account),
        Some(text) => policies::checked(ask, text, policies::NEW)?,
    };
    let replica = Key {
        arn: arn.clone(),
        description: description.to_owned(),
        created: ask.world.now(),
        state: State::Enabled,
        deletion: None,
        policy,
        tags,
        ..key.clone()
    };
    kms.keys.insert(arn.clone(), Box::new(replica));
    let replica = kms.key(&arn)?;
    // It is made by the time it is asked for, but not yet when KMS answers this.
    let mut metadata = kms.metadata(replica);
    metadata["KeyState"] = json!("Creating");
    metadata["Enabled"] = json!(false);
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.remove("CurrentKeyMaterialId");
    }
    let mut answer = json!({ "ReplicaKeyMetadata": metadata, "ReplicaPolicy": replica.policy.text() });
    if !replica.tags.is_empty() {
        answer["ReplicaTags"] = tags::shown(&replica.tags);
    }
    Ok(answer)
}

pub(super) fn update_primary(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let region = ask.request.required("PrimaryRegion")?;
    let key = kms.find_strictly(&ask.caller.place, ask.request.required("KeyId")?)?;
    let act = Act::new("kms:UpdatePrimaryRegion").saying("kms:PrimaryRegion", region);
    ask.authorize(kms, key, &act)?;
    key.usable()?;
    key.primary()?;
    let arn = key.arn_in(region);
    let next = kms.relatives(key).find(|key| key.arn == arn);
    let next = next.ok_or_else(|| missing(format!("Key '{arn}' does not exist")))?;
    ask.authorize(kms, next, &act)?;
    next.usable()?;
    let family = kms.relatives(key).chain([key]).map(|key| key.arn.clone());
    for arn in family.collect::<Vec<_>>() {
        kms.change(&arn, |key| {
            if let Some(family) = &mut key.family {
                region.clone_into(&mut family.primary);
            }
        });
    }
    Ok(json!({}))
}

#[cfg(test)]
mod tests;
