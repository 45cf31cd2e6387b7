//! What encrypts the volumes of a job's instances.
//!
//! The key that is given; where plaintext goes to the volume and none is given, the KMS key of the data: whoever may not read
//! the one shall not read the other. Instances with local storage take none, for their hardware encrypts it.

use std::collections::BTreeSet;

use super::{Material, START};
use crate::aws::{Aws, kms};
use crate::domain::{Arn, Fault, FaultKind, Instance, JobSpec, KeyDetail, KeyState, PlaintextPlace, WayOut};

/// What volumes take.
const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";

/// The volumes of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::actions) struct Volume {
    /// The KMS key that encrypts them, if one does: its ARN, where it could be looked at.
    pub(in crate::actions) key: Option<String>,
    has_plaintext: bool,
    /// Whether a key was given that is not used.
    is_spared: bool,
    /// Why the key could not be looked at.
    unseen: Option<String>,
}

impl Volume {
    /// Refuses a key that is not there, or that encrypts no volumes.
    pub(in crate::actions) async fn of(aws: &Aws, spec: &JobSpec, material: &Material) -> Result<Self, Fault> {
        let has_plaintext = spec.plaintext() == PlaintextPlace::Volume;
        let given = spec.settings.volume_key.clone();
        let is_local = Instance::has_local_storage(&spec.instance_type) == Some(true);
        let (key, is_spared) = match given {
            given if is_local => (None, given.is_some()),
            None if has_plaintext => (Some(of_data(aws.region(), spec, material)?), false),
            given => (given, false),
        };
        let (key, unseen) = match key {
            Some(key) => seen(aws, spec, key).await?,
            None => (None, None),
        };
        Ok(Self {
            key,
            has_plaintext,
            is_spared,
            unseen,
        })
    }

    /// What a person should know of it.
    pub(in crate::actions) fn note(&self) -> Option<String> {
        let spared = if self.is_spared {
            ": the volume key is not used"
        } else {
            ""
        };
        match (self.has_plaintext, &self.key, &self.unseen) {
            (true, Some(key), None) => Some(format!("plaintext goes to the volumes, which {key} encrypts")),
            (true, Some(key), Some(why)) => Some(format!(
                "plaintext goes to the volumes, for which SageMaker is told to use {key}; that key could not be looked at: {why}"
            )),
            (false, Some(key), Some(why)) => {
                Some(format!("the key of the volumes, {key}, could not be looked at: {why}"))
            }
            (true, None, _) => Some(format!(
                "plaintext goes to local storage, which the instances' hardware encrypts{spared}"
            )),
            (false, ..) => self
                .is_spared
                .then(|| format!("volumes are local storage, which the instances' hardware encrypts{spared}")),
        }
    }

    /// Whether the key is known to be there, and to encrypt volumes.
    pub(in crate::actions) fn is_seen(&self) -> bool {
        self.unseen.is_none()
    }
}

/// The ARN of a key that can encrypt volumes here; as it was given, and why, where it may not be looked at.
async fn seen(aws: &Aws, spec: &JobSpec, key: String) -> Result<(Option<String>, Option<String>), Fault> {
    let refused = |kind, cause: String| Fault::new(kind, START, &spec.name, cause, "").by(WayOut::NameVolumeKey);
    let region = aws.region();
    match kms::resolved(aws, &key).await {
        Ok((arn, _)) if Arn::parse(&arn).is_some_and(|arn| arn.region != region) => Err(refused(
            FaultKind::WrongRegion,
            format!("the key of its volumes, {arn}, is of another region than {region}"),
        )),
        Ok((arn, detail)) => match unfit(&detail) {
            None => Ok((Some(arn), None)),
            Some(why) => Err(refused(
                FaultKind::KeyState,
                format!("the key of its volumes, {arn}, {why}"),
            )),
        },
        Err(fault) => match fault.kind {
            FaultKind::Denied => Ok((Some(key), Some(fault.cause))),
            FaultKind::NotFound => Err(refused(
                fault.kind,
                format!("there is no KMS key {key} in {region} for its volumes"),
            )),
            FaultKind::Invalid => Err(refused(
                fault.kind,
                format!("{key} is no KMS key for its volumes: {}", fault.cause),
            )),
            _ => Err(fault),
        },
    }
}

/// Why a key encrypts no volumes.
fn unfit(detail: &KeyDetail) -> Option<String> {
    if detail.spec != SYMMETRIC || detail.usage != "ENCRYPT_DECRYPT" {
        let (spec, usage) = (&detail.spec, &detail.usage);
        return Some(format!(
            "is {spec} for {usage}, and volumes want one that is symmetric and encrypts"
        ));
    }
    (detail.state != KeyState::Enabled).then(|| format!("is not enabled: it is {}", detail.state.as_str()))
}

/// The one KMS key that all of the data is under, if it may encrypt volumes here.
fn of_data(region: &str, spec: &JobSpec, material: &Material) -> Result<String, Fault> {
    let keys: BTreeSet<&str> = material.keys().iter().map(|key| key.kms_key_id.as_str()).collect();
    let refused = |cause: String| {
        let cause = format!("plaintext goes to the volumes, which want a KMS key, and {cause}");
        Err(Fault::invalid(START, &spec.name, cause, "").by(WayOut::NameVolumeKey))
    };
    match keys.into_iter().collect::<Vec<_>>().as_slice() {
        [only] if Arn::parse(only).is_some_and(|arn| arn.region != region) => {
            refused(format!("that of the data, {only}, is of another region"))
        }
        [only] => Ok((*only).to_owned()),
        several => refused(format!("the data is under {} of them", several.len())),
    }
}
