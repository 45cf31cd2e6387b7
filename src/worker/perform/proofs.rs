//! What proves who may do what.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use crate::actions::{self, Aws, ProgressSink};
use crate::domain::{Fault, Outcome, ProofRequest};

pub(super) async fn perform(
    aws: &Aws,
    request: &ProofRequest,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    let none = BTreeMap::new();
    match request {
        ProofRequest::Access {
            key_arn,
            role_arn,
            trust,
        } => {
            let proof = if *trust {
                actions::prove_trusted(aws, key_arn, role_arn, &none, progress, cancel).await?
            } else {
                actions::prove(aws, key_arn, role_arn, &none).await?
            };
            Ok(Outcome::Proved {
                key_arn: proof.key_arn,
                role_arn: proof.role_arn,
                method: proof.method,
                steps: proof.operations,
            })
        }
        ProofRequest::GrantCycle { key_arn, role_arn } => {
            let story = actions::prove_grant_cycle(aws, key_arn, role_arn, &none, &[], progress, cancel).await?;
            Ok(Outcome::GrantCycle(Box::new(story)))
        }
        ProofRequest::Object {
            bucket,
            object,
            role_arn,
            grant,
        } => {
            let proof = actions::prove_object(aws, bucket, object, role_arn, *grant, progress, cancel).await?;
            Ok(Outcome::ObjectProved(Box::new(proof)))
        }
    }
}
