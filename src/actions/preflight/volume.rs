//! What encrypts the volumes, and whether the role may have it do so.

use std::collections::BTreeMap;

use super::SAGEMAKER;
use super::runner::{Runner, of_fault, unknown, well};
use crate::actions::jobs::{Material, Volume};
use crate::actions::proof::prove;
use crate::aws::Aws;
use crate::domain::{Finding, GrantRequest, GrantSpec, JobSpec, Request, Weight};

/// Nothing where plaintext stays in memory and SageMaker encrypts the volume by itself.
pub(super) async fn look(aws: &Aws, spec: &JobSpec, material: &Material) -> Option<Finding> {
    let what = "the volumes are encrypted";
    let volume = match Box::pin(Volume::of(aws, spec, material)).await {
        Ok(volume) => volume,
        Err(fault) => return Some(of_fault(what, fault)),
    };
    let note = volume.note();
    match &volume.key {
        None => note.map(|note| well(what, note)),
        Some(_) if !volume.is_seen() => Some(Finding {
            weight: Weight::Unknown,
            ..well(what, note.unwrap_or_default())
        }),
        Some(key) => {
            let runner = Runner {
                aws,
                role_arn: &spec.role_arn,
                image: &spec.image,
            };
            Some(by(runner, &spec.name, what, key).await)
        }
    }
}

/// SageMaker makes a grant for the volume in the role's name.
pub(super) async fn by(runner: Runner<'_>, job: &str, what: &str, key: &str) -> Finding {
    let proof = match prove(runner.aws, key, runner.role_arn, &BTreeMap::new()).await {
        Ok(proof) => proof,
        Err(fault) => return unknown(what, fault),
    };
    let step = proof.operations.iter().find(|step| step.operation == "CreateGrant");
    if step.is_some_and(|step| step.allowed) {
        return well(
            what,
            format!("{} may make {SAGEMAKER} a grant on {}", proof.role_arn, proof.key_arn),
        );
    }
    let reason = step.and_then(|step| step.reason.clone()).unwrap_or_default();
    let request = GrantSpec::for_volume(&proof.key_arn, &proof.role_arn, job);
    Finding {
        // A policy may allow it to SageMaker alone, and then it is refused when it is tried from here.
        weight: Weight::Warns,
        remedy: "grant the role what a volume needs of the key".to_owned(),
        repair: Some(Request::Grant(GrantRequest::New(Box::new(request)))),
        ..well(
            what,
            format!(
                "{} seems not to be allowed CreateGrant on {}: {reason}",
                proof.role_arn, proof.key_arn
            ),
        )
    }
}
