//! The whole cycle: denied, granted, allowed, revoked, denied; afterwards everything is as it was, also when the cycle is
//! cut short.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Subject, grant_name, key_arn, not_assumed};
use crate::actions::ProgressSink;
use crate::actions::evidence;
use crate::actions::faults::until_cancelled;
use crate::actions::grants::{lent, spread};
use crate::actions::principals::{SESSION, role_arn};
use crate::aws::{Aws, kms};
use crate::domain::proof::{PHASES, page};
use crate::domain::{CyclePhase, Fault, GrantCycle, GrantSpec, ProofStep};

const ACT: &str = "prove the access to";
const ALREADY: &str = "already allowed without this grant; revoking will not deny";

/// Proves the cycle of `role` (ARN or name) and `key` (id, ARN or alias) with a grant of `operations`.
///
/// # Errors
/// When the role cannot be assumed, the grant not be made, or KMS not be asked. The grant is revoked all the same.
pub async fn prove_grant_cycle(
    aws: &Aws,
    key: &str,
    role: &str,
    context: &BTreeMap<String, String>,
    operations: &[String],
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<GrantCycle, Fault> {
    let key_arn = key_arn(aws, key).await?;
    let role_arn = role_arn(aws, role).await?;
    let session = aws.assume_role(&role_arn, SESSION).await.map_err(not_assumed)?;
    let operations = if operations.is_empty() {
        GrantSpec::TRAINING.map(str::to_owned).to_vec()
    } else {
        operations.to_vec()
    };
    let mut proving = Proving {
        aws,
        session,
        context,
        progress,
        cancel,
        cycle: GrantCycle {
            key_arn,
            role_arn,
            identity: aws.identity().await,
            granted: operations,
            phases: Vec::new(),
            holds: true,
            notes: Vec::new(),
            evidence: None,
            page: None,
        },
    };
    proving.run().await?;
    let mut cycle = proving.cycle;
    cycle.holds = cycle.phases.iter().all(|phase| phase.held) && cycle.notes.is_empty();
    keep(aws, &mut cycle);
    Ok(cycle)
}

/// A cycle under way.
struct Proving<'a> {
    aws: &'a Aws,
    session: Aws,
    context: &'a BTreeMap<String, String>,
    progress: &'a ProgressSink,
    cancel: &'a CancellationToken,
    cycle: GrantCycle,
}

impl Proving<'_> {
    async fn run(&mut self) -> Result<(), Fault> {
        self.asked("before", false, &[]).await?;
        if !self.cycle.phases.iter().all(|phase| phase.held) {
            // A grant could prove nothing any more, so none is made.
            self.cycle.notes.push(ALREADY.to_owned());
            return Ok(());
        }
        self.say("granting");
        let spec = GrantSpec {
            key_arn: self.cycle.key_arn.clone(),
            grantee: self.cycle.role_arn.clone(),
            operations: self.cycle.granted.clone(),
            constraint: None,
            name: Some(grant_name()),
            retiring: None,
        };
        // From the call on, whatever happens, the grant is revoked.
        let created = lent(self.aws, &spec).await?;
        self.changed("grant", created.request_id.clone(), None);
        let allowed = self.allowed().await;
        self.say("revoking");
        let revoked = kms::revoke_grant(self.aws, &self.cycle.key_arn, &created.id).await;
        let request_id = revoked.map_err(|fault| Fault {
            remedy: format!("revoke grant {} yourself: it was made for this proof", created.id),
            ..fault
        })?;
        self.changed("revoke", request_id, None);
        allowed?;
        self.denied_again().await
    }

    /// With the token at once; then, as KMS sees it everywhere, without.
    async fn allowed(&mut self) -> Result<(), Fault> {
        let tokens = self.aws.tokens().of(&self.cycle.key_arn, &self.cycle.role_arn);
        self.asked("granted", true, &tokens).await?;
        let waited = self.spread(true).await?;
        self.asked("granted", true, &[]).await?;
        self.waited(waited);
        Ok(())
    }

    async fn denied_again(&mut self) -> Result<(), Fault> {
        let waited = self.spread(false).await?;
        self.asked("revoked", false, &[]).await?;
        self.waited(waited);
        Ok(())
    }

    async fn spread(&self, allowed: bool) -> Result<Duration, Fault> {
        let (key_arn, role_arn) = (&self.cycle.key_arn, &self.cycle.role_arn);
        let operation = self.cycle.granted.first().map_or("Decrypt", String::as_str);
        let spreading = spread(&self.session, key_arn, role_arn, operation, allowed, self.progress);
        until_cancelled(self.cancel, (ACT, key_arn), spreading).await
    }

    /// One phase of questions. What was granted must be as expected; while the grant stands, everything else denied.
    async fn asked(&mut self, name: &'static str, expected: bool, tokens: &[String]) -> Result<(), Fault> {
        self.say("asking as the role");
        let subject = Subject {
            key_arn: &self.cycle.key_arn,
            role_arn: &self.cycle.role_arn,
            context: self.context,
            tokens,
        };
        // A round of questions takes longer than there is to clean up after: the revocation does not wait for its end.
        let asking = subject.ask(self.aws, &self.session);
        let operations = until_cancelled(self.cancel, (ACT, &self.cycle.key_arn), asking).await?;
        let held = as_expected(&operations, &self.cycle.granted, expected, self.baseline());
        self.cycle.phases.push(CyclePhase {
            name,
            at: Timestamp::now(),
            expected: Some(expected),
            held,
            operations,
            request_id: None,
            waited_ms: None,
        });
        Ok(())
    }

    /// What the role could do before anything was changed.
    fn baseline(&self) -> &[ProofStep] {
        self.cycle
            .phases
            .first()
            .map_or(&[], |phase| phase.operations.as_slice())
    }

    fn changed(&mut self, name: &'static str, request_id: Option<String>, waited_ms: Option<u64>) {
        self.cycle.phases.push(CyclePhase {
            name,
            at: Timestamp::now(),
            expected: None,
            held: true,
            operations: Vec::new(),
            request_id,
            waited_ms,
        });
    }

    fn waited(&mut self, waited: Duration) {
        if let Some(phase) = self.cycle.phases.last_mut() {
            phase.waited_ms = u64::try_from(waited.as_millis()).ok();
        }
    }

    fn say(&self, phase: &str) {
        self.progress.at(phase, &self.cycle.role_arn);
    }
}

/// The granted operations are all as expected, and everything else is as it was before the grant.
fn as_expected(steps: &[ProofStep], granted: &[String], expected: bool, before: &[ProofStep]) -> bool {
    steps.iter().all(|step| {
        if granted.contains(&step.operation) {
            step.allowed == expected
        } else {
            let earlier = before.iter().find(|earlier| earlier.operation == step.operation);
            // A refused ReEncrypt says nothing of its other half, and retiring needs a grant to ask about.
            let is_clear = !matches!(step.operation.as_str(), "ReEncryptFrom" | "ReEncryptTo" | "RetireGrant");
            earlier.is_none_or(|earlier| !is_clear || earlier.allowed == step.allowed)
        }
    })
}

/// Writes the evidence into the state folder, private: as JSON, and as a page to be read. What could not be written is noted.
fn keep(aws: &Aws, cycle: &mut GrantCycle) {
    let Some(path) = evidence::place(aws, "proof") else {
        return;
    };
    let pages = [(path.with_extension("md"), page(cycle)), (path, document(cycle))];
    let [page, evidence] = pages.map(|(path, text)| match evidence::write(&path, &text) {
        Ok(()) => Some(path),
        Err(fault) => {
            cycle.notes.push(fault.to_string());
            None
        }
    });
    (cycle.evidence, cycle.page) = (evidence, page);
}

fn document(cycle: &GrantCycle) -> String {
    let row = |operation: &str| {
        let cell = |phase: &str| cycle.step(phase, operation).map(|step| step.allowed);
        let cells = PHASES.map(|phase| (phase.to_owned(), json!(cell(phase))));
        let granted = cycle.granted.iter().any(|granted| granted == operation);
        let mut row: serde_json::Map<String, serde_json::Value> = cells.into_iter().collect();
        row.insert("operation".to_owned(), json!(operation));
        row.insert("is_granted".to_owned(), json!(granted));
        serde_json::Value::Object(row)
    };
    let matrix: Vec<_> = cycle.operations().into_iter().map(row).collect();
    let document = json!({
        "kms_key_id": cycle.key_arn,
        "role_arn": cycle.role_arn,
        "asked_by": cycle.identity,
        "granted": cycle.granted,
        "holds": cycle.holds,
        "notes": cycle.notes,
        "matrix": matrix,
        "steps": steps_json(cycle),
    });
    format!("{document:#}\n")
}

/// The phases as JSON, for the evidence file and for `--json` alike.
pub fn steps_json(cycle: &GrantCycle) -> serde_json::Value {
    let phase = |phase: &CyclePhase| {
        json!({
            "step": phase.name,
            "time": phase.at.to_string(),
            "expected": phase.expected.map(|allowed| if allowed { "allowed" } else { "denied" }),
            "held": phase.held,
            "request_id": phase.request_id,
            "waited_ms": phase.waited_ms,
            "operations": phase.operations.iter().map(step_json).collect::<Vec<_>>(),
        })
    };
    cycle.phases.iter().map(phase).collect()
}

/// One operation as JSON.
pub fn step_json(step: &ProofStep) -> serde_json::Value {
    json!({
        "operation": step.operation,
        "allowed": step.allowed,
        "reason": step.reason,
        "request_id": step.request_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(allowed: &[(&str, bool)]) -> Vec<ProofStep> {
        let step = |(operation, allowed): &(&str, bool)| ProofStep {
            operation: (*operation).to_owned(),
            allowed: *allowed,
            reason: None,
            request_id: None,
        };
        allowed.iter().map(step).collect()
    }

    #[test]
    fn the_story_holds_only_if_exactly_what_was_granted_changed() {
        let granted = ["Decrypt".to_owned()];
        let before = steps(&[("Decrypt", false), ("Encrypt", false), ("DescribeKey", true)]);
        assert!(as_expected(&before, &granted, false, &before));
        let after = steps(&[("Decrypt", true), ("Encrypt", false), ("DescribeKey", true)]);
        assert!(as_expected(&after, &granted, true, &before));
        assert!(!as_expected(&before, &granted, true, &before));
        let more = steps(&[("Decrypt", true), ("Encrypt", true), ("DescribeKey", true)]);
        assert!(!as_expected(&more, &granted, true, &before));
    }
}
