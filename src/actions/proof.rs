//! The access proof: become the role and ask KMS, operation by operation, what it would allow now (`DryRun`).
//!
//! Where the role may not be assumed, policies and grants are read and reasoned about instead, and the proof says so.

use std::collections::BTreeMap;

use super::principals::{SESSION, role_arn};
use crate::aws::{Aws, kms};
use crate::domain::explain::GRANTABLE;
use crate::domain::{Fault, FaultKind, Grant, Proof, ProofMethod, ProofStep};

mod grant_cycle;
mod object;
mod reasoned;
mod with_trust;

pub use grant_cycle::{prove_grant_cycle, step_json, steps_json};
pub use object::prove_object;
pub use with_trust::prove_trusted;

/// What may `role` (ARN or name) do with `key` (id, ARN or alias) now?
///
/// # Errors
/// When the key or the role cannot be found, or KMS cannot be asked.
pub async fn prove(aws: &Aws, key: &str, role: &str, context: &BTreeMap<String, String>) -> Result<Proof, Fault> {
    let key_arn = key_arn(aws, key).await?;
    let role_arn = role_arn(aws, role).await?;
    let (method, operations) = match aws.assume_role(&role_arn, SESSION).await {
        Ok(session) => {
            let tokens = aws.tokens().of(&key_arn, &role_arn);
            let subject = Subject {
                key_arn: &key_arn,
                role_arn: &role_arn,
                context,
                tokens: &tokens,
            };
            (ProofMethod::Assumed, subject.ask(aws, &session).await?)
        }
        Err(fault) if fault.kind == FaultKind::Denied => {
            let steps = reasoned::steps(aws, &key_arn, &role_arn, context).await?;
            (ProofMethod::Reasoned, steps)
        }
        Err(fault) => return Err(fault),
    };
    Ok(Proof {
        key_arn,
        role_arn,
        method,
        operations,
    })
}

/// What a proof is about.
struct Subject<'a> {
    key_arn: &'a str,
    role_arn: &'a str,
    context: &'a BTreeMap<String, String>,
    tokens: &'a [String],
}

impl Subject<'_> {
    /// Asks as `session` for every operation that a grant could allow; what KMS does not know is left out.
    async fn ask(&self, aws: &Aws, session: &Aws) -> Result<Vec<ProofStep>, Fault> {
        let ciphertext = self.ciphertext(aws).await;
        let grant_id = self.grant_id(aws).await;
        let ask = kms::Ask {
            key_arn: self.key_arn,
            ciphertext: ciphertext.as_deref(),
            grantee: self.role_arn,
            grant_id: grant_id.as_deref(),
            context: self.context,
            tokens: self.tokens,
        };
        let mut steps = Vec::with_capacity(GRANTABLE.len());
        for operation in GRANTABLE {
            if let Some(answer) = ask.about(session, operation).await {
                steps.push(settled(operation, answer)?);
            }
        }
        Ok(steps)
    }

    /// Something of ours to ask about; whoever may not encrypt lets KMS ignore the ciphertext.
    async fn ciphertext(&self, aws: &Aws) -> Option<Vec<u8>> {
        if aws.is_read_only() {
            return None;
        }
        let made = kms::encrypt(aws, self.key_arn, b"strongroom access proof", self.context).await;
        made.ok().map(|(ciphertext, _)| ciphertext)
    }

    async fn grant_id(&self, aws: &Aws) -> Option<String> {
        let is_meant = |grant: &Grant| grant.grantee == self.role_arn;
        Some(kms::find_grant(aws, self.key_arn, is_meant).await.ok()??.id)
    }
}

/// KMS's refusal is a result; anything else (no network, throttling) is a proof that could not be completed.
pub(super) fn settled(operation: &str, result: Result<Option<String>, Fault>) -> Result<ProofStep, Fault> {
    let (allowed, reason, request_id) = match result {
        Ok(request_id) => (true, None, request_id),
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

/// A name that makes a grant of ours idempotent: a call that is sent again because its answer was lost makes no second
/// one, which nobody would revoke.
fn grant_name() -> String {
    format!("{SESSION}-{}", uuid::Uuid::new_v4().simple())
}

async fn key_arn(aws: &Aws, key: &str) -> Result<String, Fault> {
    if key.starts_with("arn:") && key.contains(":key/") {
        return Ok(key.to_owned());
    }
    Ok(kms::describe_key(aws, key).await?.arn)
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
    use super::*;

    #[test]
    fn a_refusal_is_a_result_and_an_outage_is_not() {
        let denied = Fault::denied("encrypt under", "k", "not authorized", "");
        let refused = settled("Encrypt", Err(denied)).unwrap();
        assert!(!refused.allowed);
        assert_eq!(refused.reason.as_deref(), Some("not authorized"));

        let outage = Fault::new(FaultKind::Timeout, "encrypt under", "k", "no answer in time", "");
        assert_eq!(settled("Encrypt", Err(outage)).unwrap_err().kind, FaultKind::Timeout);
    }
}
