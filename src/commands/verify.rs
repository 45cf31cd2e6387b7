//! `strongroom verify SOURCE...`.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::output::{clear_progress, json_line, line, open_options, progress};
use crate::actions::Place;
use crate::actions::verify::{VerifyRequest, verify};
use crate::aws::Aws;
use crate::cli::VerifyArgs;
use crate::domain::{Fault, FaultKind, Verdict};

/// Verifies and prints a verdict an object.
///
/// # Errors
/// Unless every object is an intact token that opens.
pub async fn run(aws: &Aws, args: &VerifyArgs, cancel: CancellationToken) -> Result<(), Fault> {
    let request = VerifyRequest {
        sources: args
            .sources
            .iter()
            .map(|text| Place::parse(text))
            .collect::<Result<_, _>>()?,
        open: open_options(&args.open, false)?,
    };
    let result = verify(aws, request, &progress(), &cancel).await;
    clear_progress();
    let verdicts = result?;
    for verdict in &verdicts {
        if args.json {
            json_line(&json!({
                "source": verdict.source,
                "format": verdict.format.as_str(),
                "intact": verdict.intact,
                "bound": verdict.bond.as_str(),
                "created": verdict.created.map(|created| created.to_string()),
                "kms_key_id": verdict.kms_key_arn,
                "error": verdict.error,
            }))?;
        } else {
            line(&sentence(verdict))?;
        }
    }
    let bad = verdicts.iter().filter(|verdict| !verdict.intact).count();
    if bad == 0 {
        return Ok(());
    }
    let cause = format!("{bad} of {} do not open", verdicts.len());
    Err(Fault::new(
        FaultKind::Integrity,
        "verify",
        "tokens",
        cause,
        "the lines above say why",
    ))
}

fn sentence(verdict: &Verdict) -> String {
    match (&verdict.error, verdict.intact) {
        (None, true) => format!(
            "{}: intact, {}, {}",
            verdict.source,
            verdict.bond,
            verdict.format.as_str()
        ),
        (Some(error), _) => format!("{}: NOT INTACT: {error}", verdict.source),
        (None, false) => format!("{}: NOT INTACT", verdict.source),
    }
}
