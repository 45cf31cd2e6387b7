//! `strongroom verify SOURCE...`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::output::{clear_progress, json_line, line, open_options, passed_over, progress, terms, warn};
use crate::actions::verify::{VerifyRequest, verify};
use crate::aws::Aws;
use crate::cli::VerifyArgs;
use crate::domain::words::counted;
use crate::domain::{Bond, Door, Fault, FaultKind, Location, ObjectFormat, Reading, Verdict, WayOut};

/// Verifies and prints a verdict an object.
///
/// # Errors
/// Unless every object is an intact token that opens.
pub async fn run(aws: &Aws, args: &VerifyArgs, cancel: CancellationToken) -> Result<(), Fault> {
    let request = VerifyRequest {
        sources: args
            .sources
            .iter()
            .map(|text| Location::parse(text))
            .collect::<Result<_, _>>()?,
        open: open_options(&args.open, false)?,
    };
    // What a declared move does not explain was refused before.
    let strict = (request.open.require_bound, request.open.moved_from.is_some());
    let mut bad: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut all, mut written) = (0_usize, Ok(()));
    let tell = |verdict: Verdict| {
        all += 1;
        let wrong = wrong(&verdict.reading, strict);
        if let Some(wrong) = wrong {
            *bad.entry(wrong).or_default() += 1;
        }
        let why = wrong
            .filter(|wrong| *wrong == NOT_BOUND)
            .map(|_| refused(&verdict.reading));
        if written.is_ok() {
            clear_progress();
            written = if args.json {
                json_line(&json(&verdict, why.as_deref()))
            } else {
                line(&sentence(&verdict, why.as_deref()))
            };
            for contested in &verdict.contested {
                warn(&format!("{}/{}: {contested}", verdict.source, contested.name));
            }
        }
    };
    let result = verify(&aws.carrying(&terms(&args.terms)), request, &progress(), &cancel, tell).await;
    clear_progress();
    let key_objects = result?;
    written?;
    passed_over(key_objects);
    if bad.is_empty() {
        return Ok(());
    }
    let kind = if bad.contains_key(NOT_INTACT) {
        FaultKind::Integrity
    } else {
        FaultKind::Other
    };
    let counts: Vec<String> = bad.iter().map(|(wrong, count)| format!("{count} {wrong}")).collect();
    let cause = format!("of {} {}", counted(all, "object"), counts.join(", "));
    Err(Fault::new(kind, "verify", "tokens", cause, "the lines above say why"))
}

const NOT_INTACT: &str = "not intact";
const NOT_BOUND: &str = "intact but not bound";

/// What keeps the command from ending well.
fn wrong(reading: &Reading, (require_bound, is_declared): (bool, bool)) -> Option<&'static str> {
    match reading {
        Reading::Intact { verified, .. } => {
            let is_proved = match verified.bond {
                Bond::Bound => true,
                Bond::Moved { .. } => is_declared,
                Bond::Inside | Bond::Unbound => false,
            };
            (require_bound && !is_proved).then_some(NOT_BOUND)
        }
        Reading::NotIntact { .. } => Some(NOT_INTACT),
        Reading::NoToken { .. } => Some("no token"),
        Reading::NotChecked { .. } => Some("not checked"),
    }
}

/// Why an intact token is not enough, and what can be done.
fn refused(reading: &Reading) -> String {
    let refused = "--require-bound refuses it";
    match reading.verified().and_then(|verified| verified.bond.put_at()) {
        Some(_) => format!("{refused}; {}", WayOut::DeclareMove.at(Door::CommandLine)),
        None => refused.to_owned(),
    }
}

fn json(verdict: &Verdict, refused: Option<&str>) -> Value {
    let reading = &verdict.reading;
    let verified = reading.verified();
    let created = verified.and_then(|verified| verified.created);
    let why = reading.why().map(ToString::to_string);
    let contested = verdict
        .contested
        .iter()
        .map(|contested| json!({"name": contested.name, "host": contested.kept, "lost_of": contested.lost}));
    json!({
        "source": verdict.source,
        "format": reading.format().map(ObjectFormat::as_str),
        "checked": reading.is_checked(),
        "intact": reading.is_intact(),
        "bound": verified.map(|verified| verified.bond.as_str()),
        "put_at": verified.and_then(|verified| verified.bond.put_at()),
        "created": created.map(|created| created.to_string()),
        "kms_key_id": verdict.kms_key_arn,
        "contested": contested.collect::<Vec<_>>(),
        "error": why.as_deref().or(refused),
    })
}

fn sentence(verdict: &Verdict, refused: Option<&str>) -> String {
    let source = &verdict.source;
    match &verdict.reading {
        Reading::Intact { format, verified } => {
            let refused = refused.map(|refused| format!("; {refused}")).unwrap_or_default();
            format!("{source}: intact, {}, {verified}{refused}", format.as_str())
        }
        Reading::NotIntact { why, .. } => format!("{source}: NOT INTACT: {}", why.why_at(Door::CommandLine)),
        Reading::NoToken { why, .. } => format!("{source}: no token: {}", why.why_at(Door::CommandLine)),
        Reading::NotChecked { why, .. } => format!("{source}: not checked: {why}"),
    }
}
