//! `strongroom prove`: what a role may do with a key, or the whole story of a grant.

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::output::{clear_progress, context, json_line, line, progress, unexpected, warn};
use crate::actions::{step_json, steps_json};
use crate::aws::Aws;
use crate::cli::ProveArgs;
use crate::domain::{CyclePhase, Fault, GrantCycle, Outcome, ProofMethod, ProofRequest, ProofStep};
use crate::perform::perform;

/// Proves and prints; what is proved (allowed or denied) is a result, not a failure.
///
/// # Errors
/// When the proof could not be completed.
pub async fn run(aws: &Aws, args: &ProveArgs, cancel: CancellationToken) -> Result<(), Fault> {
    let (key, role) = (args.key.clone(), args.role.clone());
    let context = context(&args.context)?;
    let request = if args.story {
        ProofRequest::GrantCycle { key, role, context }
    } else {
        ProofRequest::Access {
            key,
            role,
            context,
            trust: false,
        }
    };
    let outcome = perform(aws, &request.into(), &progress(), &cancel).await;
    clear_progress();
    match outcome? {
        Outcome::Proved {
            key_arn,
            role_arn,
            method,
            steps,
        } => {
            if args.json {
                return json_line(&object(&key_arn, &role_arn, method, &steps));
            }
            let how = match method {
                ProofMethod::Reasoned => "reasoned: the role may not be assumed",
                ProofMethod::Assumed => "asked as the role",
            };
            line(&format!("{role_arn} with {key_arn} ({how})"))?;
            print_steps(&steps)
        }
        Outcome::GrantCycle(story) => print_story(&story, args.json),
        _ => Err(unexpected("prove access to", &args.key, "proof")),
    }
}

fn object(key_arn: &str, role_arn: &str, method: ProofMethod, operations: &[ProofStep]) -> Value {
    json!({
        "kms_key_id": key_arn,
        "role_arn": role_arn,
        "method": method.as_str(),
        "operations": operations.iter().map(step_json).collect::<Vec<_>>(),
    })
}

fn print_steps(steps: &[ProofStep]) -> Result<(), Fault> {
    for step in steps {
        let word = if step.allowed { "allowed" } else { "denied " };
        let reason = step
            .reason
            .as_deref()
            .map(|reason| format!("  {reason}"))
            .unwrap_or_default();
        line(&format!("  {word}  {:<36}{reason}", step.operation))?;
    }
    Ok(())
}

fn print_story(story: &GrantCycle, as_json: bool) -> Result<(), Fault> {
    for note in &story.notes {
        warn(note);
    }
    for path in story.evidence.iter().chain(&story.page) {
        warn(&format!("the evidence is in {}", path.display()));
    }
    if as_json {
        // The operations as they are at the end: everything is as it was.
        let last = story.phases.iter().rev().find(|phase| !phase.operations.is_empty());
        let operations = last.map(|phase| phase.operations.as_slice()).unwrap_or_default();
        let mut object = object(&story.key_arn, &story.role_arn, ProofMethod::Assumed, operations);
        object["steps"] = steps_json(story);
        return json_line(&object);
    }
    line(&format!("{} with {}", story.role_arn, story.key_arn))?;
    for phase in &story.phases {
        line(&sentence(phase, &story.granted))?;
    }
    line(if story.holds {
        "the story holds: only the grant opens the key to this role"
    } else {
        "the story does not hold"
    })
}

fn sentence(phase: &CyclePhase, granted: &[String]) -> String {
    let allowed = phase.operations.iter().filter(|step| step.allowed);
    let allowed: Vec<&str> = allowed.map(|step| step.operation.as_str()).collect();
    let what = match phase.expected {
        None if phase.name == "grant" => format!("granted {}", granted.join(", ")),
        None => "revoked".to_owned(),
        Some(_) if allowed.is_empty() => "everything denied".to_owned(),
        Some(_) => format!("allowed: {}", allowed.join(", ")),
    };
    let waited = phase
        .waited_ms
        .map(|ms| format!(", everywhere after {ms} ms"))
        .unwrap_or_default();
    let surprise = if phase.held { "" } else { "  NOT AS EXPECTED" };
    format!("  {}  {:<8} {what}{waited}{surprise}", phase.at, phase.name)
}
