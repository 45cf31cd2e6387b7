//! The access proof: become the role and try the key, with real, small data. Denied before the grant, allowed after.
//!
//! In a read-only session KMS is only asked whether it would allow the calls (`DryRun`).

use std::collections::BTreeMap;

use crate::aws::kms::{self, Trial, Tried};
use crate::aws::{Aws, iam};
use crate::domain::{Fault, FaultKind, ProofStep};

const SESSION: &str = "strongroom-proof";

/// What an access proof found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The key that was tried.
    pub key_arn: String,
    /// The role it was tried as.
    pub role_arn: String,
    /// How.
    pub method: ProofMethod,
    /// One step an operation.
    pub steps: Vec<ProofStep>,
}

/// How an access proof came to its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofMethod {
    /// The role was assumed and the calls were made.
    Assumed,
}

impl ProofMethod {
    /// The word that `--json` uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assumed => "assumed",
        }
    }
}

/// Tries Encrypt, Decrypt and GenerateDataKey as `role` (ARN or name) with `key` (id, ARN or alias).
pub async fn prove(aws: &Aws, key: &str, role: &str, context: &BTreeMap<String, String>) -> Result<Proof, Fault> {
    let key_arn = if key.starts_with("arn:") && key.contains(":key/") {
        key.to_owned()
    } else {
        kms::describe_key(aws, key).await?.arn
    };
    let role_arn = if role.starts_with("arn:") {
        role.to_owned()
    } else {
        iam::get_role(aws, role).await?.arn
    };
    let session = aws.assume_role(&role_arn, SESSION).await.map_err(not_assumed)?;
    let dry_run = aws.is_read_only();
    let run = async |trial: Trial<'_>| kms::try_call(&session, &key_arn, trial, context, dry_run).await;

    let encrypted = run(Trial::Encrypt).await;
    let own = match &encrypted {
        Ok(tried) => tried.ciphertext.clone(),
        // What the role may not make, we may: whether it can decrypt is a question of its own.
        Err(_) if !dry_run => {
            let made = kms::try_call(aws, &key_arn, Trial::Encrypt, context, false).await;
            made.ok().and_then(|tried| tried.ciphertext)
        }
        Err(_) => None,
    };
    let decrypted = match own {
        Some(ciphertext) => run(Trial::Decrypt(Some(&ciphertext))).await,
        None => kms::try_call(&session, &key_arn, Trial::Decrypt(None), context, true).await,
    };
    let generated = run(Trial::GenerateDataKey).await;
    let steps = vec![
        step("Encrypt", encrypted)?,
        step("Decrypt", decrypted)?,
        step("GenerateDataKey", generated)?,
    ];
    Ok(Proof {
        key_arn,
        role_arn,
        method: ProofMethod::Assumed,
        steps,
    })
}

/// KMS's refusal is a result; anything else (no network, throttling) is a proof that could not be completed.
fn step(operation: &str, result: Result<Tried, Fault>) -> Result<ProofStep, Fault> {
    let (allowed, reason, request_id) = match result {
        Ok(tried) => (true, None, tried.request_id),
        Err(fault) if matches!(fault.kind, FaultKind::Denied | FaultKind::KeyState) => {
            (false, Some(fault.cause), fault.request_id)
        }
        Err(fault) => return Err(fault),
    };
    Ok(ProofStep {
        operation: operation.to_owned(),
        allowed,
        reason,
        request_id,
    })
}

fn not_assumed(fault: Fault) -> Fault {
    if fault.kind != FaultKind::Denied {
        return fault;
    }
    Fault {
        remedy: "let the role's trust policy name you, and your own policy allow sts:AssumeRole".to_owned(),
        ..fault
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_refusal_is_a_result_and_an_outage_is_not() {
        let denied = Fault::new(FaultKind::Denied, "encrypt under", "k", "not authorized", "");
        let refused = step("Encrypt", Err(denied)).unwrap();
        assert!(!refused.allowed);
        assert_eq!(refused.reason.as_deref(), Some("not authorized"));

        let outage = Fault::new(FaultKind::Timeout, "encrypt under", "k", "no answer in time", "");
        assert_eq!(step("Encrypt", Err(outage)).unwrap_err().kind, FaultKind::Timeout);
    }
}
