//! A proof as a role that does not trust the caller: it is made to for the time of the proof, and no longer.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::actions::faults::until_cancelled;
use crate::actions::principals::role_arn;
use crate::actions::{ProgressSink, proof, roles};
use crate::aws::{Aws, iam};
use crate::domain::policy::{self, role_name};
use crate::domain::{Fault, Proof, ProofMethod};

/// IAM takes some seconds to know a changed trust policy everywhere.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);

/// Lets the role trust the caller, proves, and takes the trust back, whatever came of it. Trust that was there before
/// stays.
///
/// # Errors
/// When the trust cannot be changed, the proof cannot be completed, or on cancellation; if the trust could not be taken
/// back, that is the error.
pub async fn prove_trusted(
    aws: &Aws,
    key: &str,
    role: &str,
    context: &BTreeMap<String, String>,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Proof, Fault> {
    let role_arn = role_arn(aws, role).await?;
    let name = role_name(&role_arn);
    let trust = iam::role_detail(aws, name).await?.trust;
    let was_trusted = policy::trusts_caller(&trust)?;
    if !was_trusted && let Err(fault) = roles::trust_caller(aws, name, true).await {
        // It may have been done, and only the answer lost.
        return Err(match roles::trust_caller(aws, name, false).await {
            Err(_) if fault.is_unheard() => left(name, fault),
            _ => fault,
        });
    }
    let proving = proved(aws, key, &role_arn, context, progress);
    let proof = until_cancelled(cancel, ("prove access of", name), proving).await;
    if !was_trusted {
        let back = roles::trust_caller(aws, name, false).await;
        back.map_err(|fault| Fault {
            act: "take back that you may assume".to_owned(),
            ..left(name, fault)
        })?;
    }
    proof
}

/// The trust may still be there.
fn left(role: &str, fault: Fault) -> Fault {
    let remedy = format!(
        "you may still assume it: take that back with `distrust me` for {role}; {}",
        fault.remedy
    );
    Fault { remedy, ..fault }
}

/// Proves as soon as the role can be assumed; reasons if it never can.
async fn proved(
    aws: &Aws,
    key: &str,
    role_arn: &str,
    context: &BTreeMap<String, String>,
    progress: &ProgressSink,
) -> Result<Proof, Fault> {
    let began = Instant::now();
    loop {
        let proof = proof::prove(aws, key, role_arn, context).await?;
        if proof.method == ProofMethod::Assumed || began.elapsed() > PATIENCE {
            return Ok(proof);
        }
        progress.at("waiting to be trusted", format!("{} s", began.elapsed().as_secs()));
        tokio::time::sleep(PAUSE).await;
    }
}
