//! What encrypts the volumes of a job's instances.
//!
//! The key that is given; where plaintext goes to the volume and none is given, the KMS key of the data: whoever may not read
//! the one shall not read the other. Instances with local storage take none, for their hardware encrypts it.

use std::collections::BTreeSet;

use super::{Material, START};
use crate::aws::Aws;
use crate::domain::{Arn, Fault, FaultKind, Instance, JobSpec, PlaintextPlace, WayOut};

/// The volumes of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::actions) struct Volume {
    /// The KMS key that encrypts them, if one does.
    pub(in crate::actions) key: Option<String>,
    has_plaintext: bool,
    /// Whether a key was given that is not used.
    is_spared: bool,
}

impl Volume {
    pub(in crate::actions) fn of(aws: &Aws, spec: &JobSpec, material: &Material) -> Result<Self, Fault> {
        let has_plaintext = spec.plaintext() == PlaintextPlace::Volume;
        let given = spec.settings.volume_key.clone();
        let is_local = Instance::has_local_storage(&spec.instance_type) == Some(true);
        let (key, is_spared) = match given {
            given if is_local => (None, given.is_some()),
            None if has_plaintext => (Some(of_data(aws.region(), spec, material)?), false),
            given => (given, false),
        };
        Ok(Self {
            key,
            has_plaintext,
            is_spared,
        })
    }

    /// What a person should know of it.
    pub(in crate::actions) fn note(&self) -> Option<String> {
        match (self.has_plaintext, &self.key) {
            (true, Some(key)) => Some(format!("plaintext goes to the volumes, which {key} encrypts")),
            (true, None) => Some("plaintext goes to local storage, which the instances' hardware encrypts".to_owned()),
            (false, _) => self.is_spared.then(|| {
                "volumes are local storage, which the instances' hardware encrypts: the volume key is not used"
                    .to_owned()
            }),
        }
    }
}

/// The one KMS key that all of the data is under, if it may encrypt volumes here.
fn of_data(region: &str, spec: &JobSpec, material: &Material) -> Result<String, Fault> {
    let keys: BTreeSet<&str> = material.keys().iter().map(|key| key.kms_key_id.as_str()).collect();
    let refused = |cause: String| {
        let cause = format!("plaintext goes to the volumes, which want a KMS key, and {cause}");
        Err(Fault::new(FaultKind::Invalid, START, &spec.name, cause, "").by(WayOut::NameVolumeKey))
    };
    match keys.into_iter().collect::<Vec<_>>().as_slice() {
        [only] if Arn::parse(only).is_some_and(|arn| arn.region != region) => {
            refused(format!("that of the data, {only}, is of another region"))
        }
        [only] => Ok((*only).to_owned()),
        several => refused(format!("the data is under {} of them", several.len())),
    }
}
